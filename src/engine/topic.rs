//! A migration and its topic: offsets recorded before the plan is made, and what becomes of them after the copy.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use crate::error::{Error, Result};

impl Context {
    /// Records where the topic ends, before the plan is made; what is recorded stays.
    ///
    /// # Errors
    /// `Temporary` when no broker answers; `Refused` for a topic that cannot be followed.
    pub(super) async fn record_offsets(&self) -> Result<()> {
        if self.config.changes.kafka.is_none() {
            return Ok(());
        }
        Err(Error::unexpected("kafka", "topics are not there yet"))
    }

    /// Follows the topic until `stop`.
    ///
    /// # Errors
    /// `Temporary` when no broker answers; what no waiting cures.
    pub(super) async fn follow_topic(
        &self,
        _stop: &CancellationToken,
        _caught_up: &watch::Sender<bool>,
    ) -> Result<()> {
        Err(Error::unexpected("kafka", "topics are not there yet"))
    }
}
