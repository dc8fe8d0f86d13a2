//! How the changes that are made during the copy reach the target.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::validate::{Checked, Violation};
use super::{SecretRef, Span, WriteConfig, WriteMode};

/// Where changes come from. Default nowhere: the source stands still.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChangesConfig {
    /// The topic that the writers of the source are fed by.
    pub kafka: Option<KafkaConfig>,
    /// Without a topic: ids and versions of both sides are compared, again and again.
    pub reconcile: Option<ReconcileConfig>,
    /// Nobody but esferry writes to the target. Then a document that has a lower version on the source than on the target
    /// was deleted and created anew, and takes the place of the old one; otherwise it is a failure. Default `false`.
    pub sole_writer: bool,
}

/// Passes over both sides, each of which brings over what it finds to be different.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReconcileConfig {
    /// Caught up when a pass finds fewer documents than this to bring over. Default `1000`.
    pub until: u64,
    /// Rest between two passes once caught up. Default `1m`.
    pub every: Span,
}

impl Default for ReconcileConfig {
    fn default() -> Self {
        ReconcileConfig { until: 1000, every: Span(Duration::from_secs(60)) }
    }
}

/// A topic of commands.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KafkaConfig {
    /// Addresses to begin with. Example `["kafka-a:9092", "kafka-b:9092"]`.
    pub brokers: Vec<String>,
    /// The topic. Example `commands`.
    pub topic: String,
    /// Where the changes begin: `recorded` (default: the end of every partition before the plan is made) | `beginning`.
    #[serde(default)]
    pub from: ChangesFrom,
    /// `replay` (default: esferry applies them) | `handover` (another consumer group does: it gets the offsets).
    #[serde(default)]
    pub then: ChangesThen,
    /// For `handover`: the consumer group of the new side's indexer.
    pub group: Option<String>,
    /// For `replay`: a jq program that makes operations of a message; `docs/changes.md` has its input and output.
    /// Example `{op: .type, id: .id, source: .body, version: .version}`.
    pub map: Option<String>,
    /// For `replay`: what decides between an operation and a document that is there: `message` | `source` | `none`.
    #[serde(default)]
    pub version: Option<ChangeVersion>,
    /// For `replay`: the consumer group of the old side's indexer. With `version = "source"` a message waits until it is
    /// past it; with any version a verification waits for it before a difference is certain.
    pub source_group: Option<String>,
    /// Keep the bytes of messages that cannot be applied with their failure. Default `false`.
    #[serde(default)]
    pub keep_messages: bool,
    /// Caught up when no more messages than this are left. Default `1000`.
    #[serde(default = "default_max_lag")]
    pub max_lag: u64,
    /// Passed on to librdkafka: TLS, SASL. Passwords by reference.
    /// Example `{ "security.protocol" = "ssl", "ssl.key.password" = { env = "KEY_PASSWORD" } }`.
    #[serde(default)]
    pub properties: BTreeMap<String, Property>,
}

/// The first message that matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangesFrom {
    /// The end of every partition, recorded before the plan was made.
    #[default]
    Recorded,
    /// The earliest that the brokers have.
    Beginning,
}

/// Who applies the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangesThen {
    /// esferry.
    #[default]
    Replay,
    /// A consumer group, which gets the recorded offsets.
    Handover,
}

/// What decides between an operation and a document that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeVersion {
    /// The message has a version, that under which the old side stores the document too.
    Message,
    /// The message is a hint: the document is read from the source, and has its version there.
    Source,
    /// Nothing: the last message wins.
    None,
}

/// A property of librdkafka.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// As it stands in the file.
    Text(String),
    /// A secret.
    Secret(SecretRef),
}

fn default_max_lag() -> u64 {
    1000
}

/// Properties that esferry sets itself: what it promises hangs on them.
const OURS: [&str; 8] = [
    "bootstrap.servers",
    "metadata.broker.list",
    "group.id",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "isolation.level",
    "enable.partition.eof",
];

impl ChangesConfig {
    /// True when something follows the source after the copy.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.kafka.is_some() || self.reconcile.is_some()
    }

    /// True when esferry itself applies changes to the target.
    #[must_use]
    pub fn applies(&self) -> bool {
        self.kafka.as_ref().is_some_and(|kafka| kafka.then == ChangesThen::Replay) || self.reconcile.is_some()
    }

    pub(super) fn check(&self, write: &WriteConfig, has_query: bool) -> Checked {
        let hints = self.kafka.as_ref().is_some_and(|kafka| kafka.version == Some(ChangeVersion::Source));
        let by_id = if hints {
            Some("changes.kafka.version = \"source\"")
        } else {
            self.reconcile.as_ref().map(|_| "changes.reconcile")
        };
        if has_query && let Some(by_id) = by_id {
            let message = format!("cannot be followed with {by_id}");
            return Err(Violation::new(&["from", "query"], message)
                .hint("documents are read back by their id, whatever the query says of them"));
        }
        if let Some(reconcile) = &self.reconcile {
            reconcile
                .check(write, self.kafka.is_some())
                .map_err(|violation| violation.under(&["changes"]))?;
        }
        if let Some(kafka) = &self.kafka {
            kafka.check(write).map_err(|violation| violation.under(&["changes", "kafka"]))?;
        }
        Ok(())
    }
}

impl ReconcileConfig {
    fn check(&self, write: &WriteConfig, has_topic: bool) -> Checked {
        if has_topic {
            return Err(Violation::new(&["reconcile"], "cannot be used beside changes.kafka")
                .hint("a topic tells what changed: leave `reconcile` out"));
        }
        if write.mode != WriteMode::External {
            let message = format!("cannot be used with write.mode = {:?}", write.mode.as_str());
            return Err(Violation::new(&["reconcile"], message)
                .hint("both sides are compared by the source's versions: use write.mode = \"external\""));
        }
        if self.until == 0 {
            return Err(Violation::new(&["reconcile", "until"], "must be at least 1; given 0")
                .hint("a pass is the last one when it finds fewer documents than this"));
        }
        Ok(())
    }
}

impl KafkaConfig {
    fn check(&self, write: &WriteConfig) -> Checked {
        if self.brokers.is_empty() {
            return Err(Violation::new(&["brokers"], "must name at least one broker; given none"));
        }
        for broker in &self.brokers {
            let good = broker.rsplit_once(':').is_some_and(|(host, port)| {
                !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok_and(|port| port > 0)
            });
            if !good {
                let message = format!("must be HOST:PORT, such as kafka-a:9092; given {broker:?}");
                return Err(Violation::new(&["brokers"], message));
            }
        }
        let topic_flaw = self.topic.is_empty()
            || self.topic.len() > 249
            || !self.topic.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if topic_flaw {
            return Err(Violation::new(&["topic"], format!("is no name of a topic; given {:?}", self.topic)));
        }
        for (name, value) in &self.properties {
            check_property(name, value)?;
        }
        match self.then {
            ChangesThen::Handover => self.check_handover(),
            ChangesThen::Replay => self.check_replay(write),
        }
    }

    fn check_handover(&self) -> Checked {
        if self.group.as_deref().is_none_or(str::is_empty) {
            return Err(Violation::new(&["group"], "is required with then = \"handover\"")
                .hint("the consumer group of the new side's indexer, which must not run yet"));
        }
        let strange = [
            ("map", self.map.is_some()),
            ("version", self.version.is_some()),
            ("source_group", self.source_group.is_some()),
        ];
        match strange.into_iter().find(|(_, given)| *given) {
            Some((key, _)) => Err(Violation::new(&[key], "is only for then = \"replay\"")),
            None => Ok(()),
        }
    }

    fn check_replay(&self, write: &WriteConfig) -> Checked {
        if self.group.is_some() {
            return Err(Violation::new(&["group"], "is only for then = \"handover\"")
                .hint("a replay keeps its own offsets, in the store"));
        }
        if self.map.as_deref().is_none_or(str::is_empty) {
            return Err(Violation::new(&["map"], "is required with then = \"replay\"")
                .hint("a jq program, such as '{op: .type, id: .id, source: .body, version: .version}'"));
        }
        let Some(version) = self.version else {
            return Err(Violation::new(&["version"], "is required with then = \"replay\"")
                .hint("\"message\", \"source\" or \"none\": docs/changes.md says which is right when"));
        };
        let modes = |wanted: WriteMode, why: &str| {
            if write.mode == wanted {
                return Ok(());
            }
            let message = format!("is {:?} with write.mode = {:?}", version.as_str(), write.mode.as_str());
            Err(Violation::new(&["version"], message)
                .hint(format!("use write.mode = {:?}: {why}", wanted.as_str())))
        };
        match version {
            ChangeVersion::Message | ChangeVersion::Source => {
                modes(WriteMode::External, "the copy and the replay are told apart by their versions")?;
            }
            ChangeVersion::None => {
                modes(WriteMode::Create, "the copy must never take the place of what the replay wrote")?;
            }
        }
        let required = "is required with version = \"source\"";
        match (version, self.source_group.as_deref()) {
            (ChangeVersion::Source, None) => Err(Violation::new(&["source_group"], required).hint(
                "the consumer group of the old side's indexer: before it is past a message, the source is too old",
            )),
            (_, Some("")) => Err(Violation::new(&["source_group"], "must not be empty")
                .hint("the consumer group of the old side's indexer")),
            (_, Some(_) | None) => Ok(()),
        }
    }
}

fn check_property(name: &str, value: &Property) -> Checked {
    if OURS.contains(&name) {
        let message = format!("must not hold {name:?}: esferry sets it itself");
        return Err(Violation::new(&["properties"], message)
            .hint("`brokers`, `group` and `source_group` have keys of their own"));
    }
    let is_secret = ["password", "secret", "key.pem", "jaas.config"].iter().any(|end| name.ends_with(end))
        || name == "sasl.oauthbearer.config";
    if is_secret && matches!(value, Property::Text(_)) {
        // Not repeated.
        return Err(Violation::new(
            &["properties", name],
            "must be given by reference, never in the file itself",
        )
        .hint("use { env = \"NAME\" }, { file = \"/path\" } or { credential = \"name\" }"));
    }
    Ok(())
}

impl ChangeVersion {
    /// As it is written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ChangeVersion::Message => "message",
            ChangeVersion::Source => "source",
            ChangeVersion::None => "none",
        }
    }
}

impl ChangesFrom {
    /// As it is written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ChangesFrom::Recorded => "recorded",
            ChangesFrom::Beginning => "beginning",
        }
    }
}

impl ChangesThen {
    /// As it is written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ChangesThen::Replay => "replay",
            ChangesThen::Handover => "handover",
        }
    }
}

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Given;
        impl<'de> Visitor<'de> for Given {
            type Value = Property;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, or a reference to a secret such as { env = \"NAME\" }")
            }
            fn visit_str<E>(self, text: &str) -> Result<Property, E> {
                Ok(Property::Text(text.to_owned()))
            }
            fn visit_bool<E>(self, truth: bool) -> Result<Property, E> {
                Ok(Property::Text(truth.to_string()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Property, E> {
                Ok(Property::Text(number.to_string()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Property, A::Error> {
                SecretRef::deserialize(MapAccessDeserializer::new(map)).map(Property::Secret)
            }
        }
        deserializer.deserialize_any(Given)
    }
}
