//! The final report as people read it.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::Value;

use super::{FinalReport, SchemaChange, TopicMoved, Versions, seconds, without_writes};
use crate::store::cutover::Ended;

impl FinalReport {
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
                    "- final verification: {changed} writes since the last one, {} documents of them looked at on both sides, none differs{}",
                    check.looked_at,
                    match check.moving {
                        0 => String::new(),
                        moving => format!(", {moving} changed at every look"),
                    }
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

fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace(['\n', '\r'], " ")
}
