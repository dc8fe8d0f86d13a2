//! A build without Kafka: a migration with a topic is refused before anything is done.

use std::convert::Infallible;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::planned_topic::PlannedTopic;
use crate::config::KafkaConfig;
use crate::control::changes::TopicStatus;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::records::MigrationRecord;

impl Context {
    pub(super) async fn record_offsets(&self) -> Result<()> {
        match self.config.changes.kafka {
            None => Ok(()),
            Some(_) => Err(absent()),
        }
    }

    pub(super) async fn watch_retention(&self) -> Result<Infallible> {
        std::future::pending().await
    }

    pub(super) async fn bury(&self) -> Result<()> {
        Ok(())
    }

    pub(super) async fn ends_now(&self) -> Result<std::collections::BTreeMap<i32, i64>> {
        Err(absent())
    }

    pub(super) async fn old_side_passes(&self, _: &std::collections::BTreeMap<i32, i64>) -> Result<()> {
        Ok(())
    }

    pub(super) async fn follow_topic(&self, _: &CancellationToken, _: &watch::Sender<bool>) -> Result<()> {
        Err(absent())
    }
}

pub(super) async fn look_at_topic(_: &KafkaConfig) -> Result<PlannedTopic> {
    Err(absent())
}

pub(super) fn stored_topic(_: &Store, _: &MigrationRecord) -> Result<Option<TopicStatus>> {
    Ok(None)
}

fn absent() -> Error {
    Error::config("no_kafka", "this esferry was built without Kafka, and changes.kafka needs it")
        .hint("use a build with the feature `kafka`, which is on by default")
}
