//! How far a migration may burden its clusters.

use serde::Deserialize;

use super::validate::{Checked, Violation, in_range};
use super::{Bytes, Hours};

/// What holds a migration back. Nothing by default, and then nothing is asked of any server for it.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThrottleConfig {
    /// Documents read a second, at most. Default no limit. Example `20_000`.
    pub max_docs_per_second: Option<u64>,
    /// Bytes of the source's answers a second, at most. Default no limit. Example `"20MiB"`.
    pub max_bytes_per_second: Option<Bytes>,
    /// Hold while any source node's machine uses more of its processors, in percent. Default not looked at.
    /// Example `80`.
    pub source_cpu: Option<u64>,
    /// Hold while any source node uses more of its heap, in percent. Default not looked at. Example `85`.
    pub source_heap: Option<u64>,
    /// Hold while any source node's queue of searches is fuller, as a share of its size. Default not looked at.
    /// Example `0.2`.
    pub source_search_queue: Option<f64>,
    /// Hold when a source node rejects searches, until none has been rejected for ten seconds. Default `false`.
    pub source_rejections: bool,
    /// Hold while any target node's queue of writes is fuller, as a share of its size. Default not looked at.
    /// Example `0.5`.
    pub target_queue: Option<f64>,
    /// Read only in this part of the day, by the clock of this machine. Default always. Example `"22:00-06:00"`.
    pub hours: Option<Hours>,
}

impl ThrottleConfig {
    /// Whether the source's load is looked at.
    #[must_use]
    pub fn watches_source(&self) -> bool {
        self.source_cpu.is_some()
            || self.source_heap.is_some()
            || self.source_search_queue.is_some()
            || self.source_rejections
    }

    pub(super) fn check(&self) -> Checked {
        let rate = |key: &str, value: Option<u64>| match value {
            Some(0) => Err(Violation::new(&["throttle", key], "must be greater than 0; given 0")
                .hint("to stop a migration: `esferry pause NAME`; for no limit leave the key out")),
            _ => Ok(()),
        };
        rate("max_docs_per_second", self.max_docs_per_second)?;
        rate("max_bytes_per_second", self.max_bytes_per_second.map(|bytes| bytes.0))?;
        for (key, percent) in [("source_cpu", self.source_cpu), ("source_heap", self.source_heap)] {
            let holds = percent.is_none_or(|percent| (1..=100).contains(&percent));
            in_range(&["throttle", key], "a percentage, 1 to 100", holds, percent.unwrap_or_default())?;
        }
        let queues = [("source_search_queue", self.source_search_queue), ("target_queue", self.target_queue)];
        for (key, share) in queues {
            let holds = share.is_none_or(|share| (0.0..=1.0).contains(&share));
            in_range(
                &["throttle", key],
                "a share of the queue, between 0 and 1",
                holds,
                share.unwrap_or_default(),
            )?;
        }
        Ok(())
    }
}
