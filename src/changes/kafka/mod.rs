//! The brokers of a topic, by librdkafka: where it begins and ends, its messages, and the offsets of consumer groups.
//!
//! Nothing is ever committed but by [`Kafka::hand_over`]; a replay keeps its positions in the store.

mod groups;
mod messages;
mod topic;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use secrecy::ExposeSecret as _;

pub use groups::GroupNow;
pub use messages::{Event, Messages, parts};
pub use topic::{PartitionNow, TopicNow};

use crate::config::{KafkaConfig, Property};
use crate::error::{Error, Result};

/// How long a broker may take for one answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Messages that librdkafka reads ahead, in KiB.
const READ_AHEAD_KIB: &str = "16384";
/// What esferry calls itself where a group is asked for and none is meant: it joins no group and commits nothing.
const NO_GROUP: &str = "esferry";

/// A topic and how to reach it. Cheap to clone; connects with each use.
#[derive(Debug, Clone)]
pub struct Kafka {
    client: ClientConfig,
    topic: String,
    brokers: String,
    logged: Logged,
}

/// Passes librdkafka's log on, and remembers what it complained of last: a call that waits in vain says nothing of why.
#[derive(Debug, Clone, Default)]
struct Logged(Arc<Mutex<Option<String>>>);

impl ClientContext for Logged {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Debug | RDKafkaLogLevel::Info | RDKafkaLogLevel::Notice => {
                tracing::debug!(facility, message, "librdkafka");
            }
            // What matters of it comes as an error too, with what it means here.
            _ => {
                tracing::info!(facility, message, "librdkafka");
                let told = message.split_once("]: ").map_or(message, |(_, told)| told);
                *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(told.to_owned());
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        if matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::PartitionEOF)) {
            return;
        }
        tracing::info!(%error, reason, "librdkafka");
    }
}

impl ConsumerContext for Logged {}

impl Kafka {
    /// Prepares a client. Sends nothing yet.
    ///
    /// # Errors
    /// `Config` for a secret that cannot be read, and for a property that librdkafka does not know.
    pub fn new(config: &KafkaConfig) -> Result<Self> {
        let mut client = ClientConfig::new();
        let brokers = config.brokers.join(",");
        client
            .set("bootstrap.servers", &brokers)
            .set("client.id", "esferry")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("enable.partition.eof", "true")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("queued.max.messages.kbytes", READ_AHEAD_KIB)
            .set("allow.auto.create.topics", "false")
            .set("group.id", NO_GROUP);
        client.set_log_level(RDKafkaLogLevel::Info);
        for (name, value) in &config.properties {
            match value {
                Property::Text(text) => client.set(name, text),
                Property::Secret(secret) => client.set(name, secret.read()?.expose_secret()),
            };
        }
        let kafka = Kafka { client, topic: config.topic.clone(), brokers, logged: Logged::default() };
        kafka.consumer::<BaseConsumer<Logged>>(NO_GROUP).map(drop)?;
        Ok(kafka)
    }

    /// The topic's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.topic
    }

    fn consumer<C: rdkafka::config::FromClientConfigAndContext<Logged>>(&self, group: &str) -> Result<C> {
        let mut client = self.client.clone();
        client.set("group.id", group);
        client.create_with_context(self.logged.clone()).map_err(|cause| {
            // Its words may hold the value, which may be a secret.
            let message = match &cause {
                KafkaError::ClientConfig(_, _, name, _) => {
                    format!("changes.kafka.properties: librdkafka does not take `{name}` as it is given")
                }
                _ => "no client of Kafka can be made of `changes.kafka`".to_owned(),
            };
            Error::config("kafka_property", message)
                .hint("librdkafka's CONFIGURATION.md has the properties and their values")
        })
    }

    /// What an error of the brokers means while something was done.
    fn failed(&self, doing: &str, cause: KafkaError) -> Error {
        let message = format!("topic `{}`: {doing}", self.topic);
        let code = cause.rdkafka_error_code();
        let rights = Error::refused("kafka_rights", format!("{message}: the brokers do not allow it"))
            .hint("esferry needs Describe and Read on the topic, Describe on groups, and Read on the group of a handover");
        match code {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                self.unknown_topic().because(cause)
            }
            Some(
                RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::GroupAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed,
            ) => rights.because(cause),
            Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
                Error::refused(
                    "kafka_authentication",
                    format!("{message}: the brokers do not let esferry in"),
                )
                .hint("check `sasl.*` and `security.protocol` in changes.kafka.properties")
                .because(cause)
            }
            _ => {
                let told = self.logged.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let told = told.map_or(String::new(), |told| format!(" ({told})"));
                Error::temporary(
                    "kafka_unreachable",
                    format!("{message}: no answer of {}{told}", self.brokers),
                )
                .hint(
                    "check `brokers`, `security.protocol`, `ssl.*` and `sasl.*` in changes.kafka.properties",
                )
                .because(cause)
            }
        }
    }

    fn unknown_topic(&self) -> Error {
        Error::refused("unknown_topic", format!("{} have no topic `{}`", self.brokers, self.topic))
            .hint("check `topic` and `brokers` in changes.kafka")
    }
}

/// Runs what waits for brokers where it holds up nobody else.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(cause) => Err(Error::unexpected("panic", "the client of Kafka panicked").because(cause)),
    }
}
