//! Offsets: recorded before the plan, recognised again afterwards, and watched so that none is deleted before its time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::looking::compile;
use crate::changes::kafka::{Kafka, TopicNow};
use crate::changes::retention::{Retention, RetentionWatch, needed};
use crate::config::{ChangesFrom, ChangesThen, KafkaConfig};
use crate::control::changes::{PartitionStatus, TopicStatus};
use crate::engine::context::Context;
use crate::error::{Error, Result};
use crate::store::records::MigrationRecord;
use crate::store::topics::{MessageCounts, RecordedOffset, TopicRecord};

/// Between two looks at the topic during the copy.
const LOOK_EVERY: Duration = Duration::from_secs(5);

impl Context {
    /// Records where the topic ends, before the plan is made; what is recorded stays.
    ///
    /// # Errors
    /// `Temporary` when no broker answers; `Refused` for a topic that cannot be followed.
    pub(in crate::engine) async fn record_offsets(&self) -> Result<()> {
        let Some(config) = &self.config.changes.kafka else { return Ok(()) };
        // What cannot be applied is told before days of copying, not after them.
        compile(config)?;
        if let Some(known) = self.store.topic(&self.name)? {
            self.show_topic(&known);
            return Ok(());
        }
        let kafka = Kafka::new(config)?;
        let now = kafka.topic().await?;
        let mut partitions = BTreeMap::new();
        for (&partition, at) in &now.partitions {
            let offset = match config.from {
                ChangesFrom::Recorded => at.end,
                ChangesFrom::Beginning => at.earliest,
            };
            let before =
                if offset > at.earliest { kafka.digest_of(partition, offset - 1).await? } else { None };
            partitions.insert(partition, RecordedOffset { offset, before });
        }
        let record = self.store.record_topic(
            &self.name,
            TopicRecord {
                topic: config.topic.clone(),
                recorded: Timestamp::now(),
                partitions,
                until: None,
                counts: MessageCounts::default(),
                handed_over: false,
            },
        )?;
        tracing::info!(topic = record.topic, partitions = record.partitions.len(), "offsets are recorded");
        self.show_topic(&record);
        Ok(())
    }

    /// The recorded topic, once it is certain that the brokers have the same one.
    ///
    /// # Errors
    /// `State` for a topic that was made anew, or has fewer partitions; what reading it says.
    pub(super) async fn same_topic(&self, kafka: &Kafka) -> Result<(TopicRecord, TopicNow)> {
        let record = self.recorded_topic()?;
        let now = kafka.topic().await?;
        let settled = self.store.positions(&self.name)?;
        let anew = |why: String| {
            Error::state(
                "topic_anew",
                format!(
                    "topic `{}` is another one than that whose offsets were recorded: {why}",
                    record.topic
                ),
            )
            .hint("`esferry reset` the migration: what the old topic held after that is lost to it")
        };
        for (&partition, recorded) in &record.partitions {
            let Some(at) = now.partitions.get(&partition) else {
                return Err(anew(format!("it has no partition {partition}")));
            };
            let next = settled.get(&partition).map_or(recorded.offset, |position| position.next);
            if at.end < next {
                return Err(anew(format!(
                    "partition {partition} ends at {}, and was read up to {next}",
                    at.end
                )));
            }
            let Some(before) = &recorded.before else { continue };
            let digest = kafka.digest_of(partition, recorded.offset - 1).await?;
            if digest.is_some_and(|digest| digest != *before) {
                return Err(anew(format!(
                    "partition {partition} has another message at {}",
                    recorded.offset - 1
                )));
            }
        }
        Ok((record, now))
    }

    pub(super) fn recorded_topic(&self) -> Result<TopicRecord> {
        self.store.topic(&self.name)?.ok_or_else(|| {
            Error::state(
                "no_topic",
                format!("the offsets of migration `{}` were not recorded before its plan", self.name),
            )
            .hint("`esferry reset` the migration: it was planned without changes.kafka")
        })
    }

    /// Looks at the topic during the copy, so that it is told when the recorded offsets are about to be deleted.
    ///
    /// # Errors
    /// `State` once they are: the copy cannot be completed any more.
    pub(in crate::engine) async fn watch_retention(&self) -> Result<std::convert::Infallible> {
        let Some(config) = &self.config.changes.kafka else { return std::future::pending().await };
        let kafka = Kafka::new(config)?;
        let mut retention = RetentionWatch::default();
        let mut last = Instant::now();
        loop {
            match kafka.topic().await {
                Ok(now) => {
                    let passed = std::mem::replace(&mut last, Instant::now()).elapsed();
                    let settled = self.settled()?;
                    self.judge_retention(&mut retention, passed, &now, &settled)?;
                }
                // Brokers may come back; the copy does not need them.
                Err(error) => tracing::warn!(error = error.one_line(), "the topic is not watched"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Compares what is needed with what the brokers have, and shows it.
    ///
    /// # Errors
    /// `State` for offsets that are deleted.
    pub(super) fn judge_retention(
        &self,
        retention: &mut RetentionWatch,
        passed: Duration,
        now: &TopicNow,
        settled: &BTreeMap<i32, i64>,
    ) -> Result<()> {
        let record = self.recorded_topic()?;
        let earliest = now.partitions.iter().map(|(&partition, at)| (partition, at.earliest)).collect();
        let told = match retention.look(passed, &earliest, &needed(&record, settled)) {
            Retention::Cut { partition, needed, earliest } => {
                return Err(offsets_cut(&record.topic, partition, needed, Some(earliest)));
            }
            Retention::Soon(told) => {
                tracing::warn!(told, "the recorded offsets are about to be deleted");
                Some(told)
            }
            Retention::Fine => None,
        };
        self.progress.topic(|topic| topic.retention = told);
        Ok(())
    }

    /// Where each partition is applied up to, of those that are begun.
    pub(super) fn settled(&self) -> Result<BTreeMap<i32, i64>> {
        let positions = self.store.positions(&self.name)?;
        Ok(positions.into_iter().map(|(partition, position)| (partition, position.next)).collect())
    }

    /// Shows a topic as the store has it.
    pub(super) fn show_topic(&self, record: &TopicRecord) {
        let positions = self.store.positions(&self.name).unwrap_or_default();
        let kafka = self.config.changes.kafka.as_ref();
        let status = status_of(record, &positions, kafka);
        self.progress.changes(|changes| changes.topic = Some(status));
    }

    /// Follows the topic until `stop`.
    ///
    /// # Errors
    /// `Temporary` when no broker answers; what no waiting cures.
    pub(in crate::engine) async fn follow_topic(
        &self,
        stop: &CancellationToken,
        caught_up: &watch::Sender<bool>,
    ) -> Result<()> {
        let Some(config) = self.config.changes.kafka.clone() else { return Ok(()) };
        let kafka = Kafka::new(&config)?;
        match config.then {
            ChangesThen::Replay => self.replay(&kafka, &config, stop, caught_up).await,
            ChangesThen::Handover => self.hand_over(&kafka, &config, stop, caught_up).await,
        }
    }
}

fn status_of(
    record: &TopicRecord,
    positions: &BTreeMap<i32, crate::store::topics::PositionRecord>,
    config: Option<&KafkaConfig>,
) -> TopicStatus {
    let partition = |(&partition, recorded): (&i32, &RecordedOffset)| {
        let settled = positions.get(&partition).map_or(recorded.offset, |position| position.next);
        let status = PartitionStatus { recorded: recorded.offset, settled, end: None, lag_seconds: None };
        (partition, status)
    };
    TopicStatus {
        topic: record.topic.clone(),
        then: config.map_or("replay", |config| config.then.as_str()).to_owned(),
        group: config.and_then(|config| config.group.clone()),
        recorded: record.recorded,
        lag: None,
        lag_seconds: None,
        rate_now: None,
        eta_seconds: None,
        counts: record.counts,
        retention: None,
        partitions: record.partitions.iter().map(partition).collect(),
    }
}

/// What the store knows of a migration's topic, for a status without a daemon.
///
/// # Errors
/// `State` for unreadable records.
pub(in crate::engine) fn stored_topic(
    store: &crate::store::Store,
    record: &MigrationRecord,
) -> Result<Option<TopicStatus>> {
    let positions = store.positions(&record.name)?;
    Ok(store.topic(&record.name)?.map(|topic| status_of(&topic, &positions, None)))
}

pub(super) fn offsets_cut(topic: &str, partition: i32, needed: i64, earliest: Option<i64>) -> Error {
    let left = earliest.map_or(String::new(), |earliest| format!(", and its first is {earliest} now"));
    let message = format!(
        "topic `{topic}`: partition {partition} is needed from offset {needed} on{left}: the brokers have deleted messages that were not applied"
    );
    Error::state("offsets_cut", message).hint(
        "raise retention.ms of the topic, `esferry reset` the migration and copy anew: nothing tells what those messages changed",
    )
}
