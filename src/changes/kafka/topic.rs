//! Where the partitions of a topic begin and end.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::Message as _;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::Offset;
use sha2::{Digest as _, Sha256};

use super::{ANSWER_WITHIN, Kafka, Logged, NO_GROUP, blocking};
use crate::error::{Error, Result};

/// A topic as the brokers have it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicNow {
    /// By number; there are no gaps.
    pub partitions: BTreeMap<i32, PartitionNow>,
}

/// Where a partition begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionNow {
    /// The lowest offset that may still be read.
    pub earliest: i64,
    /// The offset of the next message; of transactions, that of the first message that is not decided yet.
    pub end: i64,
}

/// What librdkafka has logged is there at once.
const HEARD_WITHIN: Duration = Duration::from_millis(100);

impl Kafka {
    /// Where its partitions begin and end now.
    ///
    /// # Errors
    /// `Refused` for a topic that is not there, `Temporary` when not every partition's leader answers.
    pub async fn topic(&self) -> Result<TopicNow> {
        let kafka = self.clone();
        blocking(move || kafka.topic_now()).await
    }

    fn topic_now(&self) -> Result<TopicNow> {
        let doing = "looking where it ends";
        let consumer: BaseConsumer<Logged> = self.consumer(NO_GROUP)?;
        let failed = |cause| {
            // Why nobody answered stands in a log, which is handed out to whoever asks for messages.
            let _heard = (0..8).take_while(|_| consumer.poll(HEARD_WITHIN).is_some()).count();
            self.failed(doing, cause)
        };
        let metadata = consumer.fetch_metadata(Some(&self.topic), ANSWER_WITHIN).map_err(failed)?;
        let topic = metadata.topics().iter().find(|topic| topic.name() == self.topic);
        let topic = topic.ok_or_else(|| self.unknown_topic())?;
        if let Some(error) = topic.error() {
            return Err(self.failed(doing, KafkaError::MetadataFetch(error.into())));
        }
        if topic.partitions().is_empty() {
            return Err(self.unknown_topic());
        }
        let mut partitions = BTreeMap::new();
        for partition in topic.partitions() {
            let (earliest, end) =
                consumer.fetch_watermarks(&self.topic, partition.id(), ANSWER_WITHIN).map_err(failed)?;
            partitions.insert(partition.id(), PartitionNow { earliest, end });
        }
        Ok(TopicNow { partitions })
    }

    /// A digest of the message at an offset, by which a topic made anew is told from the one that was; `None` where there
    /// is no message any more, or none that a consumer sees.
    ///
    /// # Errors
    /// `Temporary` when the partition's leader does not answer.
    pub async fn digest_of(&self, partition: i32, offset: i64) -> Result<Option<String>> {
        let kafka = self.clone();
        blocking(move || {
            let found = kafka.first_from(partition, offset)?;
            Ok(found.filter(|(at, _)| *at == offset).map(|(_, digest)| digest))
        })
        .await
    }

    /// Whether no message is left from an offset on. Whatever the end of the partition was when this was called, there
    /// are only markers of transactions and compacted offsets before it.
    ///
    /// # Errors
    /// `Temporary` when the partition's leader does not answer.
    pub async fn nothing_from(&self, partition: i32, offset: i64) -> Result<bool> {
        let kafka = self.clone();
        blocking(move || Ok(kafka.first_from(partition, offset)?.is_none())).await
    }

    /// Offset and digest of the first message from an offset on; `None` where the partition ends before one comes.
    fn first_from(&self, partition: i32, offset: i64) -> Result<Option<(i64, String)>> {
        let doing = "looking at a message";
        let failed = |cause| self.failed(doing, cause);
        let consumer: BaseConsumer<Logged> = self.consumer(NO_GROUP)?;
        let mut assigned = TopicPartitionList::new();
        assigned.add_partition_offset(&self.topic, partition, Offset::Offset(offset)).map_err(failed)?;
        consumer.assign(&assigned).map_err(failed)?;
        match consumer.poll(ANSWER_WITHIN) {
            Some(Ok(message)) => {
                let mut hash = Sha256::new();
                hash.update(message.timestamp().to_millis().unwrap_or(-1).to_be_bytes());
                for part in [message.key(), message.payload()] {
                    hash.update((part.map_or(u64::MAX, |part| part.len() as u64)).to_be_bytes());
                    hash.update(part.unwrap_or_default());
                }
                let digest = hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
                Ok(Some((message.offset(), digest)))
            }
            Some(Err(KafkaError::PartitionEOF(_))) => Ok(None),
            Some(Err(cause)) => match cause.rdkafka_error_code() {
                Some(code) if super::messages::is_out_of_range(code) => Ok(None),
                _ => Err(failed(cause)),
            },
            None => {
                let message = format!("topic `{}`: partition {partition} gives no answer", self.topic);
                Err(Error::temporary("kafka_unreachable", message)
                    .hint("see whether the partition has a leader"))
            }
        }
    }
}
