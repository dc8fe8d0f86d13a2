//! The part of the status that tells what a verification found, or how far it is.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::VerifyLevel;
use crate::store::verification::{
    DifferenceGroup, IndexVerified, Repair, Stage, VerificationCounts, VerificationRecord,
};

/// A verification under way, or the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VerificationStatus {
    /// From 1.
    pub number: u32,
    /// What is compared.
    pub level: VerifyLevel,
    /// What is done about differences.
    pub repair: Repair,
    /// What it is doing.
    pub state: VerificationState,
    /// When it began.
    pub begun: Timestamp,
    /// When it ended; absent until then.
    pub finished: Option<Timestamp>,
    /// Seconds from its beginning to its end, time in which nobody worked on it included.
    pub seconds: Option<u64>,
    /// Parts of both sides that are read.
    #[serde(default)]
    pub parts: u64,
    /// Parts that are to be read.
    #[serde(default)]
    pub parts_of: u64,
    /// Documents of both sides that are to be read, about.
    #[serde(default)]
    pub docs_of: u64,
    /// Documents read a second, over the time in which this process reads.
    #[serde(default)]
    pub rate: Option<f64>,
    /// Seconds until both sides are read, at that rate.
    #[serde(default)]
    pub eta_seconds: Option<u64>,
    /// What it saw.
    pub counts: VerificationCounts,
    /// What it found, by kind and likely reason.
    pub groups: Vec<DifferenceGroup>,
    /// By index, once both sides are read.
    pub indices: Vec<IndexVerified>,
}

/// What a verification is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerificationState {
    /// Both sides are read.
    Reading,
    /// What was read is compared.
    Comparing,
    /// What differs is looked at again.
    Looking,
    /// The changes that were made meanwhile are waited for, before it looks again.
    WaitingForChanges,
    /// It is over.
    Finished,
    /// It was stopped, and goes on where it was when it is asked for again.
    Interrupted,
}

impl VerificationStatus {
    /// As the store has it, in a process that is not at work on it.
    #[must_use]
    pub fn of(record: &VerificationRecord) -> VerificationStatus {
        let seconds = record.finished.map(|finished| {
            u64::try_from(finished.duration_since(record.begun).as_secs()).unwrap_or_default()
        });
        VerificationStatus {
            number: record.number,
            level: record.level,
            repair: record.repair,
            state: match record.finished {
                Some(_) => VerificationState::Finished,
                None => VerificationState::Interrupted,
            },
            begun: record.begun,
            finished: record.finished,
            seconds,
            parts: 0,
            parts_of: 0,
            docs_of: 0,
            rate: None,
            eta_seconds: None,
            counts: record.counts,
            groups: record.groups.clone(),
            indices: record.indices.clone(),
        }
    }

    /// The same, at work.
    #[must_use]
    pub fn at_work(record: &VerificationRecord) -> VerificationStatus {
        let state = match record.stage {
            Stage::Reading => VerificationState::Reading,
            Stage::Meeting { .. } => VerificationState::Comparing,
            Stage::Looking { .. } => VerificationState::Looking,
        };
        VerificationStatus { state, ..VerificationStatus::of(record) }
    }

    /// Whether it is over, and found no difference that nobody accepted and nothing mended.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.finished.is_some() && self.counts.open() == 0
    }
}
