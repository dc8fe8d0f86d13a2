//! The status document: what the daemon answers, what `status` reads from the store, what `--json` prints.
//!
//! Version 1. Fields may be added within a version; none changes its meaning or goes away.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::changes::ChangesStatus;
use super::verification::VerificationStatus;
use crate::cutover::gates::Gates;
use crate::engine::phase::{Phase, Standing};
use crate::sink::PaceNow;
use crate::store::comparison::ComparisonRecord;
use crate::store::cutover::CutoverRecord;
use crate::store::records::{Counted, Counts, FailureGroup, Tuned};
use crate::transform::Shape;

/// Version of this document.
pub const STATUS_VERSION: u32 = 1;

/// Everything about everything.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatusDocument {
    /// [`STATUS_VERSION`].
    pub version: u32,
    /// When it was taken.
    pub at: Timestamp,
    /// The daemon that answered; absent when it was read from the store and nothing is running.
    pub daemon: Option<DaemonStatus>,
    /// One a migration, in the order of their names.
    pub migrations: Vec<MigrationStatus>,
}

/// The process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DaemonStatus {
    /// Process id.
    pub pid: u32,
    /// Version of esferry.
    pub esferry: String,
    /// When it started.
    pub started: Timestamp,
}

/// One migration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MigrationStatus {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub phase: Phase,
    /// How it is doing there: `running`, `waiting`, `paused` or `failed`, the last three with a reason.
    #[serde(flatten)]
    pub standing: Standing,
    /// Documents counted when it was planned; absent while that is not known.
    pub docs_total: Option<u64>,
    /// Shards planned, while it is planning.
    #[serde(default)]
    pub planning: Option<PlanningStatus>,
    /// Documents settled, and recorded durably.
    pub docs_settled: u64,
    /// Documents settled since the last checkpoint of their slice: a crash would write them again, to no effect.
    pub docs_open: u64,
    /// `docs_settled / docs_total`, 0 to 1; absent where it would mean nothing.
    pub fraction: Option<f64>,
    /// Documents a second over the last ten seconds; absent where it would mean nothing.
    pub rate_now: Option<f64>,
    /// Documents a second over the whole copy, the time without a daemon left out.
    pub rate_average: Option<f64>,
    /// Seconds to the end of the copy at the recent rate.
    pub eta_seconds: Option<u64>,
    /// Slices by state.
    pub slices: SliceTally,
    /// Outcomes of the settled documents of slices with a checkpoint.
    pub counts: Counts,
    /// Failures, grouped.
    pub failures: Vec<FailureGroup>,
    /// Source documents that transforms left out, by the words of the step.
    #[serde(default)]
    pub dropped: BTreeMap<String, u64>,
    /// Target indices beside the planned ones, where there are any.
    #[serde(default)]
    pub others: Option<OthersStatus>,
    /// Limits that an operator gave in place of the configuration's, where there are any.
    #[serde(default)]
    pub tuned: Option<Tuned>,
    /// How the changes made during the copy arrive; absent where the source is not followed.
    #[serde(default)]
    pub changes: Option<ChangesStatus>,
    /// What the last verification found, or how far the one under way is; absent before the first.
    #[serde(default)]
    pub verification: Option<VerificationStatus>,
    /// The last comparison of searches; absent before the first.
    #[serde(default)]
    pub comparison: Option<ComparisonRecord>,
    /// What has to be true before the switch, as a daemon looked at it last; absent before it is ready.
    #[serde(default)]
    pub gates: Option<Gates>,
    /// The switch under way, or the last one; absent before the first.
    #[serde(default)]
    pub cutover: Option<CutoverRecord>,
    /// How much is sent to the target at once; absent while nothing is written.
    #[serde(default)]
    pub pace: Option<PaceNow>,
    /// Its indices.
    pub indices: Vec<IndexStatus>,
    /// Seconds spent planning, and copying.
    pub planning_seconds: f64,
    /// Seconds spent copying.
    pub copying_seconds: f64,
}

impl MigrationStatus {
    /// Failures of the types that nobody accepted.
    #[must_use]
    pub fn open_failures(&self) -> u64 {
        self.failures.iter().filter(|group| group.accepted.is_none()).map(|group| group.count).sum()
    }

    /// Failures of the types that an operator accepted.
    #[must_use]
    pub fn accepted_failures(&self) -> u64 {
        self.failures.iter().filter(|group| group.accepted.is_some()).map(|group| group.count).sum()
    }

    /// True when everything is counted, all that is missing on the target are accepted failures, and a verification, where
    /// there was one, found nothing else.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let whole = |counted: &Counted| counted.agrees() || counted.lacks_only_failures();
        let counted = self.indices.iter().all(|index| index.counted.as_ref().is_some_and(whole));
        let others = self.others.as_ref().is_none_or(OthersStatus::agrees);
        // One of the two numbers alone would believe a list that lost a part of itself.
        let known = self.open_failures() == 0 && self.counts.rejected == self.accepted_failures();
        let clean = |last: &VerificationStatus| last.finished.is_none() || last.is_clean();
        let verified = self.verification.as_ref().is_none_or(clean);
        counted && others && known && verified && self.slices.set_aside == 0
    }
}

/// The target indices that transforms send documents to besides the planned ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OthersStatus {
    /// On the target.
    pub targets: Vec<String>,
    /// Documents that were in them before the copy, and those that it sent there.
    pub expected: u64,
    /// Documents in them at the end.
    pub counted: Option<u64>,
}

impl OthersStatus {
    /// Whether everything that was sent there is there.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.counted == Some(self.expected)
    }
}

/// How far planning is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanningStatus {
    /// Shards planned; a crash keeps them.
    pub shards_done: u32,
    /// Shards of all indices.
    pub shards: u32,
}

/// Slices by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceTally {
    /// Never read again.
    pub done: u64,
    /// Being copied now.
    pub running: u64,
    /// To be copied.
    pub waiting: u64,
    /// Given up for now.
    pub set_aside: u64,
}

/// One index of a migration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IndexStatus {
    /// On the source.
    pub source: String,
    /// Only documents of these types; empty for all.
    #[serde(default)]
    pub types: Vec<String>,
    /// On the target.
    pub target: String,
    /// What the types became.
    #[serde(default)]
    pub shape: Shape,
    /// How it is sliced, and why so.
    pub strategy: String,
    /// Slices by state.
    pub slices: SliceTally,
    /// Documents counted when it was planned.
    pub docs_total: u64,
    /// What the plan found worth telling.
    pub remarks: Vec<String>,
    /// Both sides counted, at the end.
    pub counted: Option<Counted>,
}
