//! Looks at a topic without recording anything: for plans and checks.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::changes::kafka::Kafka;
use crate::changes::mapping::Mapping;
use crate::config::{ChangesFrom, ChangesThen, KafkaConfig};
use crate::engine::context::Context;
use crate::engine::planned_topic::PlannedTopic;
use crate::error::{Error, Kind, Result};

/// Between two looks at a group.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The topic as a migration would find it.
///
/// # Errors
/// What recording and following it would meet: a map that does not compile, brokers that do not answer, a topic that is not
/// there, groups that are not what they have to be.
pub(in crate::engine) async fn look_at_topic(config: &KafkaConfig) -> Result<PlannedTopic> {
    compile(config)?;
    let kafka = Kafka::new(config)?;
    let now = kafka.topic().await?;
    if let Some(group) = &config.source_group {
        let committed = kafka.committed(group, now.partitions.keys().copied().collect()).await?;
        if committed.is_empty() {
            let message = format!("group `{group}` has committed nothing of topic `{}`", config.topic);
            return Err(Error::config("source_group", message).hint(
                "`source_group` is the consumer group of the old side's indexer, which is waited for",
            ));
        }
    }
    if let (ChangesThen::Handover, Some(group)) = (config.then, &config.group) {
        let members = kafka.group(group).await?.members;
        if !members.is_empty() {
            let message = format!("group `{group}` has members ({})", members.join(", "));
            return Err(Error::refused("group_alive", message)
                .hint("it gets the recorded offsets when the copy is over, and must not read before"));
        }
    }
    let offset = |at: &crate::changes::kafka::PartitionNow| match config.from {
        ChangesFrom::Recorded => at.end,
        ChangesFrom::Beginning => at.earliest,
    };
    Ok(PlannedTopic {
        topic: config.topic.clone(),
        then: config.then.as_str(),
        version: config.version.map(crate::config::ChangeVersion::as_str),
        offsets: now.partitions.iter().map(|(&partition, at)| (partition, offset(at))).collect(),
    })
}

impl Context {
    /// Where every partition of the topic ends this moment.
    ///
    /// # Errors
    /// `Temporary` when the brokers do not answer.
    pub(in crate::engine) async fn ends_now(&self) -> Result<BTreeMap<i32, i64>> {
        let Some(config) = &self.config.changes.kafka else { return Ok(BTreeMap::new()) };
        let now = Kafka::new(config)?.topic().await?;
        Ok(now.partitions.iter().map(|(&partition, at)| (partition, at.end)).collect())
    }

    /// Waits until the old side's indexer is past these ends, where its group is configured: the source has then whatever
    /// the target may have got from the topic.
    ///
    /// # Errors
    /// What no waiting cures.
    pub(in crate::engine) async fn old_side_passes(&self, ends: &BTreeMap<i32, i64>) -> Result<()> {
        let Some(config) = &self.config.changes.kafka else { return Ok(()) };
        let Some(group) = &config.source_group else { return Ok(()) };
        let kafka = Kafka::new(config)?;
        loop {
            let why = match kafka.committed(group, ends.keys().copied().collect()).await {
                Ok(committed) => {
                    // Of a partition that it has committed nothing of, retention may have left it nothing.
                    let left = ends.iter().filter_map(|(partition, end)| {
                        let next = committed.get(partition)?;
                        Some(end - next.min(end))
                    });
                    match left.sum::<i64>() {
                        0 => return Ok(()),
                        left => format!("group `{group}` of the old side has {left} messages to go"),
                    }
                }
                Err(error) if error.kind() == Kind::Temporary => error.one_line(),
                Err(error) => return Err(error),
            };
            let _waiting = self.progress.waits.begin(why);
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Compiles the map of a replay.
///
/// # Errors
/// `Config`, with the place in the program.
pub(super) fn compile(config: &KafkaConfig) -> Result<Option<Mapping>> {
    let (Some(map), Some(version)) = (&config.map, config.version) else { return Ok(None) };
    Mapping::compile(map, version).map(Some)
}
