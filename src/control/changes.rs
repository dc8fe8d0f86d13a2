//! The part of the status that tells how the changes made during the copy arrive.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::topics::MessageCounts;

/// How a migration follows its source.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ChangesStatus {
    /// Nothing is left to bring over but what came in the last moments.
    pub caught_up: bool,
    /// The topic, where there is one.
    #[serde(default)]
    pub topic: Option<TopicStatus>,
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
