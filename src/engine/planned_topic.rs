//! What a plan and a check tell of a migration's topic, before anything is recorded.

use std::collections::BTreeMap;

use serde::Serialize;

/// A topic as it is found.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedTopic {
    /// Its name.
    pub topic: String,
    /// `replay` or `handover`.
    pub then: &'static str,
    /// `message`, `source` or `none`, for a replay.
    pub version: Option<&'static str>,
    /// By number: where it would be recorded now.
    pub offsets: BTreeMap<i32, i64>,
}

impl PlannedTopic {
    /// In one line.
    #[must_use]
    pub fn words(&self) -> String {
        let version = self.version.map_or(String::new(), |version| format!(" by version = \"{version}\""));
        let offsets: Vec<String> =
            self.offsets.iter().map(|(partition, offset)| format!("{partition}: {offset}")).collect();
        format!("topic {}: {}{version}, from the offsets {}", self.topic, self.then, offsets.join(", "))
    }
}
