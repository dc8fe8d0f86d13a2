//! A consumer group of the new side gets the recorded offsets, and is watched from then on.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::changes::kafka::{Kafka, TopicNow};
use crate::changes::retention::RetentionWatch;
use crate::config::KafkaConfig;
use crate::engine::context::Context;
use crate::engine::worker::blocking;
use crate::error::Result;
use crate::store::topics::TopicRecord;

/// Between two looks at the group.
const LOOK_EVERY: Duration = Duration::from_secs(2);

impl Context {
    /// Hands the recorded offsets over, once, and watches the group's lag until `stop`.
    ///
    /// # Errors
    /// `Refused` for a group with members or offsets of its own; `Temporary` when the brokers do not answer.
    pub(super) async fn hand_over(
        &self,
        kafka: &Kafka,
        config: &KafkaConfig,
        stop: &CancellationToken,
        caught_up: &watch::Sender<bool>,
    ) -> Result<()> {
        let (record, now) = self.same_topic(kafka).await?;
        let group = config.group.clone().unwrap_or_default();
        if !record.handed_over {
            let offsets: BTreeMap<i32, i64> =
                record.partitions.iter().map(|(&partition, recorded)| (partition, recorded.offset)).collect();
            kafka.hand_over(&group, offsets).await?;
            let (store, name) = (self.store.clone(), self.name.clone());
            blocking(move || store.update_topic(&name, |record| record.handed_over = true)).await?;
            tracing::info!(topic = record.topic, group, "the recorded offsets are the group's");
        }
        let record = self.ends_of_the_copy(&now).await?;
        let partitions: Vec<i32> = now.partitions.keys().copied().collect();
        let mut retention = RetentionWatch::default();
        let mut last = Instant::now();
        loop {
            let now = kafka.topic().await?;
            let committed = kafka.committed(&group, partitions.clone()).await?;
            let passed = std::mem::replace(&mut last, Instant::now()).elapsed();
            self.judge_group(&record, &now, &committed, config.max_lag, caught_up);
            self.judge_retention(&mut retention, passed, &now, &committed)?;
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    fn judge_group(
        &self,
        record: &TopicRecord,
        now: &TopicNow,
        committed: &BTreeMap<i32, i64>,
        max_lag: u64,
        caught_up: &watch::Sender<bool>,
    ) {
        let mut lag = 0_u64;
        self.progress.topic(|topic| {
            for (partition, at) in &now.partitions {
                let recorded = record.partitions.get(partition).map_or(0, |recorded| recorded.offset);
                let settled = committed.get(partition).copied().unwrap_or(recorded);
                lag += u64::try_from(at.end - settled).unwrap_or(0);
                let status = topic.partitions.entry(*partition).or_default();
                (status.recorded, status.settled, status.end) = (recorded, settled, Some(at.end));
            }
            topic.lag = Some(lag);
        });
        let passed = |(partition, until): (&i32, &i64)| {
            committed.get(partition).is_some_and(|next| next >= until)
                // A group that has nothing to read commits nothing.
                || record.partitions.get(partition).is_some_and(|recorded| recorded.offset >= *until)
        };
        let all = record.until.as_ref().is_some_and(|until| until.iter().all(passed));
        let now = all && lag <= max_lag;
        self.progress.changes(|changes| changes.caught_up = now);
        caught_up.send_replace(now);
    }

    /// Remembers where the topic ended when the copy was over.
    pub(super) async fn ends_of_the_copy(&self, now: &TopicNow) -> Result<TopicRecord> {
        let ends: BTreeMap<i32, i64> =
            now.partitions.iter().map(|(&partition, at)| (partition, at.end)).collect();
        let (store, name) = (self.store.clone(), self.name.clone());
        let remember = |record: &mut TopicRecord| {
            record.until.get_or_insert(ends);
        };
        blocking(move || store.update_topic(&name, remember)).await
    }
}
