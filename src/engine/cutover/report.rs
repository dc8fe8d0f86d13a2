//! The final report of a migration: what was moved, what was done without, what proves it, and who decided what.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::control::status::{MigrationStatus, OthersStatus};
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::cutover::{CutoverRecord, Ended};
use crate::store::records::{Counted, Counts, FailureGroup, MigrationRecord};
use crate::store::topics::{PositionRecord, TopicRecord};
use crate::store::verification::VerificationRecord;

/// Everything that is worth keeping of a migration, as JSON and as Markdown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FinalReport {
    /// Format of this document.
    pub format: u32,
    /// The migration.
    pub migration: String,
    /// When it was said to be complete.
    pub at: Timestamp,
    /// Who said so.
    pub by: String,
    /// Versions of everything that took part.
    pub versions: Versions,
    /// When it began, and how long its parts took.
    pub record: MigrationRecord,
    /// Documents by outcome, over all slices.
    pub counts: Counts,
    /// By index.
    pub indices: Vec<IndexMoved>,
    /// Targets beside the planned ones.
    pub others: Option<OthersStatus>,
    /// Failures, with whoever accepted them.
    pub failures: Vec<FailureGroup>,
    /// The last verification.
    pub verification: Option<VerificationRecord>,
    /// The last comparison of searches.
    pub comparison: Option<Value>,
    /// The topic, and where it was applied up to.
    pub topic: Option<TopicMoved>,
    /// Switches, ways back and rehearsals.
    pub cutovers: Vec<CutoverRecord>,
    /// What the schema of the target has otherwise than the source's.
    pub schema_changes: Vec<SchemaChange>,
}

/// Versions of everything that took part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// Of esferry.
    pub esferry: String,
    /// Of the source, with its name.
    pub source: String,
    /// Of the target, with its name.
    pub target: String,
}

/// One index.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IndexMoved {
    /// On the source.
    pub source: String,
    /// On the target.
    pub target: String,
    /// How it was sliced.
    pub strategy: String,
    /// Both sides, counted.
    pub counted: Option<Counted>,
}

/// A topic and how far it was applied.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TopicMoved {
    /// Recorded before the plan was made.
    pub record: TopicRecord,
    /// Where each partition was applied up to.
    pub positions: std::collections::BTreeMap<i32, PositionRecord>,
}

/// One change of a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SchemaChange {
    /// The target's index.
    pub index: String,
    /// The rule that made it.
    pub rule: String,
    /// Where.
    pub path: String,
    /// Why.
    pub reason: String,
    /// What it means for those who search.
    pub severity: String,
}

impl FinalReport {
    /// Gathers it.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn gather(
        store: &Store,
        status: &MigrationStatus,
        versions: Versions,
        schema_changes: Vec<SchemaChange>,
        by: String,
    ) -> Result<FinalReport> {
        let name = &status.name;
        let record = store.migration(name)?.ok_or_else(|| {
            Error::state("unknown_migration", format!("the store holds no migration `{name}`"))
        })?;
        let topic = match store.topic(name)? {
            Some(record) => Some(TopicMoved { record, positions: store.positions(name)? }),
            None => None,
        };
        let indices = status.indices.iter().map(|index| IndexMoved {
            source: index.source.clone(),
            target: index.target.clone(),
            strategy: index.strategy.clone(),
            counted: index.counted.clone(),
        });
        let comparison = store.comparison(name)?.map(|record| serde_json::json!(record));
        Ok(FinalReport {
            format: 1,
            migration: name.clone(),
            at: Timestamp::now(),
            by,
            versions,
            record,
            counts: status.counts,
            indices: indices.collect(),
            others: status.others.clone(),
            failures: store.failure_groups(name)?,
            verification: store.verification(name)?,
            comparison,
            topic,
            cutovers: store.cutovers(name)?,
            schema_changes,
        })
    }

    /// Writes it into `reports/` of the state directory, as JSON and as Markdown, each whole or not at all.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn keep(&self, state_dir: &Path) -> Result<()> {
        let folder = state_dir.join("reports");
        let json = serde_json::to_string_pretty(self).map_err(|cause| {
            Error::unexpected("encode", "a report cannot be written as JSON").because(cause)
        })?;
        for (ending, text) in [("json", json), ("md", self.markdown())] {
            let (path, new) = (folder.join(format!("{}.{ending}", self.migration)), folder.join("new"));
            let written = std::fs::create_dir_all(&folder)
                .and_then(|()| std::fs::write(&new, text))
                .and_then(|()| std::fs::rename(&new, &path));
            written.map_err(|cause| {
                Error::state("report_io", format!("{} cannot be written", path.display()))
                    .hint("check the disk, then say `esferry complete` again: it writes the same report")
                    .because(cause)
            })?;
        }
        Ok(())
    }

    /// The same for people.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text);
        text
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let Versions { esferry, source, target } = &self.versions;
        writeln!(out, "# Migration `{}`\n", self.migration)?;
        writeln!(out, "Said to be complete by {} at {}.\n", self.by, self.at)?;
        writeln!(
            out,
            "| | |\n| --- | --- |\n| esferry | {esferry} |\n| source | {source} |\n| target | {target} |"
        )?;
        let when = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| at.to_string());
        let record = &self.record;
        writeln!(out, "| first started | {} |", record.created)?;
        writeln!(
            out,
            "| copy began | {} |\n| copy over | {} |",
            when(record.copy_started),
            when(record.copy_finished)
        )?;
        writeln!(
            out,
            "| planning | {:.1} s |\n| copying | {:.1} s |\n",
            seconds(record.planning_ms),
            seconds(record.copying_ms)
        )?;
        self.write_documents(out)?;
        self.write_proof(out)?;
        if let Some(TopicMoved { record, positions }) = &self.topic {
            writeln!(out, "## Topic `{}`\n", record.topic)?;
            writeln!(
                out,
                "{} messages read: {} applied, {} asked for nothing, {} failed. Offsets recorded at {}.\n",
                record.counts.read,
                record.counts.applied,
                record.counts.ignored,
                record.counts.failed,
                record.recorded
            )?;
            writeln!(out, "| partition | recorded | applied up to |\n| --- | ---: | ---: |")?;
            for (partition, recorded) in &record.partitions {
                let upto = positions.get(partition).map_or("-".to_owned(), |at| at.next.to_string());
                writeln!(out, "| {partition} | {} | {upto} |", recorded.offset)?;
            }
            writeln!(out)?;
        }
        self.write_cutovers(out)?;
        writeln!(out, "## Schema\n")?;
        if self.schema_changes.is_empty() {
            writeln!(out, "No change is known.")?;
            return Ok(());
        }
        writeln!(out, "| index | where | rule | for searches | why |\n| --- | --- | --- | --- | --- |")?;
        for SchemaChange { index, rule, path, reason, severity } in &self.schema_changes {
            writeln!(out, "| {index} | `{path}` | {rule} | {severity} | {} |", cell(reason))?;
        }
        Ok(())
    }

    fn write_documents(&self, out: &mut String) -> std::fmt::Result {
        writeln!(
            out,
            "## Documents\n\n| source | target | on the source | on the target | |\n| --- | --- | ---: | ---: | --- |"
        )?;
        for index in &self.indices {
            let (from, to, words) = match &index.counted {
                Some(counted) => {
                    let words = counted.explanation.clone().unwrap_or_else(|| "agree".to_owned());
                    (
                        counted.source.to_string(),
                        counted.target.to_string(),
                        format!("{} ({})", words, counted.at),
                    )
                }
                None => ("-".to_owned(), "-".to_owned(), "not counted".to_owned()),
            };
            writeln!(out, "| {} | {} | {from} | {to} | {} |", index.source, index.target, cell(&words))?;
        }
        let counts = &self.counts;
        writeln!(
            out,
            "\nOf the copy: {} read, {} written, {} there already, {} newer on the target, {} refused, {} left out by transforms.\n",
            counts.read, counts.written, counts.present, counts.superseded, counts.rejected, counts.dropped
        )?;
        writeln!(out, "## Failures\n")?;
        if self.failures.iter().all(|group| group.count == 0) {
            writeln!(out, "None.\n")?;
            return Ok(());
        }
        writeln!(
            out,
            "| type | documents | accepted by | why | for example |\n| --- | ---: | --- | --- | --- |"
        )?;
        for group in self.failures.iter().filter(|group| group.count > 0) {
            let (by, why) = match &group.accepted {
                Some(accepted) => (format!("{} at {}", accepted.by, accepted.at), accepted.note.clone()),
                None => ("nobody".to_owned(), String::new()),
            };
            writeln!(
                out,
                "| {} | {} | {by} | {} | {} |",
                group.error_type,
                group.count,
                cell(&why),
                cell(&group.example_id)
            )?;
        }
        writeln!(out)
    }

    fn write_proof(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "## Proof\n")?;
        match &self.verification {
            Some(last) => {
                let finished = last.finished.map_or("not finished".to_owned(), |at| at.to_string());
                writeln!(
                    out,
                    "Verified at level {} ({finished}): {} documents expected, {} there, {} differed, {} of these repaired, {} accepted.\n",
                    last.level,
                    last.counts.on_source,
                    last.counts.on_target,
                    last.counts.differences,
                    last.counts.repaired,
                    last.counts.accepted
                )?;
                writeln!(
                    out,
                    "| index | expected | digest | there | digest |\n| --- | ---: | --- | ---: | --- |"
                )?;
                for index in &last.indices {
                    let (expected, found) = (index.expected, index.found);
                    writeln!(
                        out,
                        "| {} | {} | `{:032x}` | {} | `{:032x}` |",
                        index.index, expected.docs, expected.digest, found.docs, found.digest
                    )?;
                }
                writeln!(out)?;
            }
            None => writeln!(out, "Counted, as above; not verified document by document.\n")?,
        }
        match &self.comparison {
            Some(comparison) => {
                let totals = comparison.pointer("/summary/totals").cloned().unwrap_or_default();
                let digest = comparison.get("digest").and_then(Value::as_str).unwrap_or("-");
                writeln!(out, "Searches compared: {totals}, digest `{digest}`.\n")
            }
            None => writeln!(out, "No searches were compared.\n"),
        }
    }

    fn write_cutovers(&self, out: &mut String) -> std::fmt::Result {
        writeln!(out, "## Switches\n")?;
        for record in &self.cutovers {
            let kind = if record.rehearsal { "Rehearsal" } else { "Switch" };
            writeln!(out, "### {kind} {} by {}, begun {}\n", record.number, record.by, record.begun)?;
            let ended = match record.ended {
                Some(Ended::Switched(at)) => format!("Switched at {at}"),
                Some(Ended::RolledBack(at)) => format!("Back where it was at {at}"),
                None => "Not over".to_owned(),
            };
            let because = record.because.as_ref().map_or(String::new(), |because| format!(": {because}"));
            writeln!(out, "{ended}{because}. {}.\n", without_writes(record))?;
            for gate in record.gates.iter().filter(|gate| !gate.open) {
                let forced = gate.forced.as_ref().map_or("shut".to_owned(), |forced| {
                    format!("forced by {}: {}", forced.by, forced.because)
                });
                writeln!(out, "- gate `{}` was shut ({}), {forced}", gate.name, gate.value)?;
            }
            for left in &record.left {
                writeln!(out, "- NOT UNDONE: {left}")?;
            }
            if let Some(check) = &record.check {
                let changed =
                    check.changed.map_or("an unknown number of".to_owned(), |changed| changed.to_string());
                writeln!(
                    out,
                    "- final verification: {changed} writes since the last one, {} documents of them looked at on both sides, {} differ",
                    check.looked_at, check.different
                )?;
            }
            writeln!(out, "\n| step | at | ms |\n| --- | --- | ---: |")?;
            for taken in &record.taken {
                writeln!(out, "| {} | {} | {} |", taken.step, taken.at, taken.took_ms)?;
            }
            for answer in &record.answers {
                writeln!(
                    out,
                    "\nHook `{}` ({}, {} ms): {}",
                    answer.hook,
                    answer.ended,
                    answer.took_ms,
                    cell(&answer.answer)
                )?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// How long nobody could write, in words.
#[must_use]
pub fn without_writes(record: &CutoverRecord) -> String {
    match (record.writes_stopped, record.without_writes_ms()) {
        (None, _) => "Writes were never stopped".to_owned(),
        (Some(_), Some(took)) => format!("Time without writes: {:.1} s", seconds(took)),
        (Some(since), None) => format!("Writes are stopped since {since}"),
    }
}

/// Milliseconds of a migration are far below 2^52.
#[allow(clippy::cast_precision_loss)]
fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1000.0
}

fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace(['\n', '\r'], " ")
}
