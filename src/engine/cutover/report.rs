//! The final report of a migration: what was moved, what was done without, what proves it, and who decided what.

mod markdown;

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::control::status::{MigrationStatus, OthersStatus};
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::cutover::CutoverRecord;
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
