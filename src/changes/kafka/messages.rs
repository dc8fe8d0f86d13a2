//! The messages of a topic, from given offsets on.

use std::collections::BTreeMap;

use rdkafka::Message as _;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::topic_partition_list::Offset;

use super::{Kafka, Logged, NO_GROUP};
use crate::changes::mapping::MessageParts;
use crate::error::Result;

/// The messages of some partitions, each partition in its order. Joins no group.
pub struct Messages {
    consumer: StreamConsumer<Logged>,
    kafka: Kafka,
}

/// What comes next.
pub enum Event<'a> {
    /// A message of a committed transaction, or of none.
    Message(BorrowedMessage<'a>),
    /// A partition has no more for now.
    End {
        /// Which.
        partition: i32,
    },
    /// The brokers do not answer; librdkafka goes on trying.
    Trouble(String),
    /// The brokers have not got the offsets any more that were asked for.
    OutOfRange,
}

impl std::fmt::Debug for Messages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Messages").field("kafka", &self.kafka).finish_non_exhaustive()
    }
}

/// The offset is below the first message that is left, or above the last one.
pub(super) fn is_out_of_range(code: RDKafkaErrorCode) -> bool {
    matches!(code, RDKafkaErrorCode::OffsetOutOfRange | RDKafkaErrorCode::AutoOffsetReset)
}

impl Kafka {
    /// Reads these partitions, each from an offset on.
    ///
    /// # Errors
    /// `Temporary` when librdkafka refuses the assignment.
    pub fn read(&self, from: &BTreeMap<i32, i64>) -> Result<Messages> {
        let consumer: StreamConsumer<Logged> = self.consumer(NO_GROUP)?;
        let mut assigned = TopicPartitionList::new();
        for (&partition, &offset) in from {
            assigned
                .add_partition_offset(&self.topic, partition, Offset::Offset(offset))
                .map_err(|cause| self.failed("reading it", cause))?;
        }
        consumer.assign(&assigned).map_err(|cause| self.failed("reading it", cause))?;
        Ok(Messages { consumer, kafka: self.clone() })
    }
}

impl Messages {
    /// What comes next; waits for it. Nothing is lost when this is given up.
    ///
    /// # Errors
    /// `Refused` for a topic that is gone, or that must not be read.
    pub async fn next(&self) -> Result<Event<'_>> {
        match self.consumer.recv().await {
            Ok(message) => Ok(Event::Message(message)),
            Err(KafkaError::PartitionEOF(partition)) => Ok(Event::End { partition }),
            Err(cause) => match cause.rdkafka_error_code() {
                Some(code) if is_out_of_range(code) => Ok(Event::OutOfRange),
                // Nobody's group: what the brokers say of it does not matter.
                Some(RDKafkaErrorCode::GroupAuthorizationFailed) => Ok(Event::Trouble(cause.to_string())),
                _ => match self.kafka.failed("reading it", cause) {
                    error if error.kind() == crate::error::Kind::Temporary => {
                        Ok(Event::Trouble(error.one_line()))
                    }
                    error => Err(error),
                },
            },
        }
    }
}

/// A message in parts.
#[must_use]
pub fn parts<'a>(message: &'a BorrowedMessage<'_>) -> MessageParts<'a> {
    MessageParts {
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis(),
        key: message.key(),
        payload: message.payload(),
    }
}
