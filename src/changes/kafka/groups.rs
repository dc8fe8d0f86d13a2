//! Offsets of consumer groups: those of the old side's indexer are read, those of the new side's are written once.

use std::collections::BTreeMap;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::topic_partition_list::Offset;

use super::{ANSWER_WITHIN, Kafka, Logged, NO_GROUP, blocking};
use crate::error::{Error, Result};

/// A consumer group as the brokers have it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupNow {
    /// `Empty`, `Stable`, `PreparingRebalance`, …; `Dead` for a group that nobody knows.
    pub state: String,
    /// Its members, as `client.id` at their host.
    pub members: Vec<String>,
}

impl Kafka {
    /// The committed offsets of a group; partitions without one are absent.
    ///
    /// # Errors
    /// `Temporary` when the group's coordinator does not answer.
    pub async fn committed(&self, group: &str, partitions: Vec<i32>) -> Result<BTreeMap<i32, i64>> {
        let (kafka, group) = (self.clone(), group.to_owned());
        blocking(move || {
            let consumer: BaseConsumer<Logged> = kafka.consumer(&group)?;
            kafka.committed_by(&consumer, &group, &partitions)
        })
        .await
    }

    fn committed_by(
        &self,
        consumer: &BaseConsumer<Logged>,
        group: &str,
        partitions: &[i32],
    ) -> Result<BTreeMap<i32, i64>> {
        let mut asked = TopicPartitionList::new();
        for &partition in partitions {
            asked.add_partition(&self.topic, partition);
        }
        let doing = format!("reading the offsets of group `{group}`");
        let committed =
            consumer.committed_offsets(asked, ANSWER_WITHIN).map_err(|cause| self.failed(&doing, cause))?;
        let mut offsets = BTreeMap::new();
        for element in committed.elements() {
            element.error().map_err(|cause| self.failed(&doing, cause))?;
            if let Offset::Offset(offset) = element.offset() {
                offsets.insert(element.partition(), offset);
            }
        }
        Ok(offsets)
    }

    /// State and members of a group.
    ///
    /// # Errors
    /// `Temporary` when the brokers do not answer.
    pub async fn group(&self, group: &str) -> Result<GroupNow> {
        let (kafka, group) = (self.clone(), group.to_owned());
        blocking(move || kafka.group_now(&group)).await
    }

    fn group_now(&self, group: &str) -> Result<GroupNow> {
        let consumer: BaseConsumer<Logged> = self.consumer(NO_GROUP)?;
        let list = consumer
            .fetch_group_list(Some(group), ANSWER_WITHIN)
            .map_err(|cause| self.failed(&format!("looking at group `{group}`"), cause))?;
        let Some(found) = list.groups().iter().find(|known| known.name() == group) else {
            return Ok(GroupNow { state: "Dead".to_owned(), members: Vec::new() });
        };
        let members = found.members().iter();
        let members = members.map(|member| format!("{} at {}", member.client_id(), member.client_host()));
        Ok(GroupNow { state: found.state().to_owned(), members: members.collect() })
    }

    /// Gives a group these offsets, and reads them back. Done again with a group that stands there already, it changes
    /// nothing.
    ///
    /// # Errors
    /// `Refused` for a group that has members, or offsets of its own elsewhere; `Temporary` when the brokers do not answer,
    /// or do not keep what was written.
    pub async fn hand_over(&self, group: &str, offsets: BTreeMap<i32, i64>) -> Result<()> {
        let (kafka, group) = (self.clone(), group.to_owned());
        blocking(move || {
            let now = kafka.group_now(&group)?;
            let consumer: BaseConsumer<Logged> = kafka.consumer(&group)?;
            let partitions: Vec<i32> = offsets.keys().copied().collect();
            let before = kafka.committed_by(&consumer, &group, &partitions)?;
            if before == offsets {
                return Ok(());
            }
            if !now.members.is_empty() {
                let message = format!(
                    "group `{group}` has members ({}): its offsets cannot be set while they read",
                    now.members.join(", ")
                );
                return Err(Error::refused("group_alive", message)
                    .hint("stop the new side's indexer until its offsets are set; esferry sets them once"));
            }
            if let Some((partition, offset)) =
                before.iter().find(|(partition, offset)| offsets.get(partition) != Some(offset))
            {
                let message = format!(
                    "group `{group}` has read partition {partition} up to {offset}, and not from the recorded {}",
                    offsets.get(partition).copied().unwrap_or_default()
                );
                return Err(Error::refused("group_elsewhere", message)
                    .hint("name a group that has never read the topic, or delete this one's offsets"));
            }
            let mut written = TopicPartitionList::new();
            let doing = format!("setting the offsets of group `{group}`");
            for (&partition, &offset) in &offsets {
                written
                    .add_partition_offset(&kafka.topic, partition, Offset::Offset(offset))
                    .map_err(|cause| kafka.failed(&doing, cause))?;
            }
            consumer.commit(&written, CommitMode::Sync).map_err(|cause| kafka.failed(&doing, cause))?;
            let after = kafka.committed_by(&consumer, &group, &partitions)?;
            if after != offsets {
                let message =
                    format!("topic `{}`: group `{group}` has {after:?} after {offsets:?} was set", kafka.topic);
                return Err(Error::temporary("group_offsets", message)
                    .hint("see whether somebody else sets the offsets of the group"));
            }
            Ok(())
        })
        .await
    }
}
