//! The part of the status that tells how the changes made during the copy arrive.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::passes::{PassCounts, PassRecord};
use crate::store::topics::MessageCounts;

/// How a migration follows its source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChangesStatus {
    /// Nothing is left to bring over but what came in the last moments.
    pub caught_up: bool,
    /// The topic, where there is one.
    #[serde(default)]
    pub topic: Option<TopicStatus>,
    /// The passes over both sides, where there are any.
    #[serde(default)]
    pub reconcile: Option<PassesStatus>,
}

/// Passes that compare both sides and bring over what differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassesStatus {
    /// The pass under way, or the last one; from 1.
    pub pass: u32,
    /// What it is doing.
    pub state: PassState,
    /// When it began.
    pub begun: Timestamp,
    /// Parts of both sides that are read.
    #[serde(default)]
    pub parts: u64,
    /// Parts that are to be read.
    #[serde(default)]
    pub parts_of: u64,
    /// What it has seen and found so far.
    pub counts: PassCounts,
    /// What all passes have seen and found.
    pub total: PassCounts,
    /// The last pass that is over.
    pub last: Option<PassReport>,
}

/// What a pass is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassState {
    /// Reading ids and versions of both sides.
    Reading,
    /// Looking at what differs, and bringing it over.
    Comparing,
    /// It is over; the next one begins after a rest.
    Resting,
}

/// A pass that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassReport {
    /// Its number.
    pub pass: u32,
    /// When it began.
    pub begun: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// Seconds from its beginning to its end, time in which no daemon ran included.
    pub seconds: u64,
    /// What it has seen and found.
    pub counts: PassCounts,
}

impl PassesStatus {
    /// As the store has it.
    #[must_use]
    pub fn of(record: &PassRecord, state: PassState) -> PassesStatus {
        let mut total = record.before;
        total.add(&record.counts);
        let last = record.finished.map(|finished| PassReport {
            pass: record.number,
            begun: record.begun,
            finished,
            seconds: u64::try_from(finished.duration_since(record.begun).as_secs()).unwrap_or(0),
            counts: record.counts,
        });
        PassesStatus {
            pass: record.number,
            state,
            begun: record.begun,
            parts: 0,
            parts_of: 0,
            counts: record.counts,
            total,
            last,
        }
    }
}

/// A topic and how far it is applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopicStatus {
    /// Its name.
    pub topic: String,
    /// `replay` or `handover`.
    pub then: String,
    /// The consumer group whose lag this is: that of a handover. Absent for a replay, which keeps its own offsets.
    pub group: Option<String>,
    /// When the offsets were recorded.
    pub recorded: Timestamp,
    /// Messages that are not applied yet; absent where that is not known.
    pub lag: Option<u64>,
    /// Age in seconds of the oldest message that is not applied yet; absent where that is not known.
    pub lag_seconds: Option<u64>,
    /// Messages applied a second over the last ten seconds.
    pub rate_now: Option<f64>,
    /// Seconds until the lag is gone at the recent rate, against what comes meanwhile.
    pub eta_seconds: Option<u64>,
    /// What became of the messages.
    pub counts: MessageCounts,
    /// What is wrong with the retention of recorded offsets, while something can be done about it.
    pub retention: Option<String>,
    /// By number.
    pub partitions: BTreeMap<i32, PartitionStatus>,
}

/// One partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionStatus {
    /// The offset that was recorded before the plan was made.
    pub recorded: i64,
    /// Everything before it is settled.
    pub settled: i64,
    /// The end of the partition when it was last looked at; absent without a daemon.
    pub end: Option<i64>,
    /// Seconds between the last settled message and now, while messages are left.
    pub lag_seconds: Option<u64>,
}
