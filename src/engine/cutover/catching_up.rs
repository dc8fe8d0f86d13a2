//! The final catch-up: what was written until this moment comes over.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::engine::context::Context;
use crate::error::{Error, Result};

/// Between two looks at how far the changes are.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Context {
    /// Waits until everything that the topic holds this moment is on the target, or brings over what differs by passes
    /// until one of them finds nothing.
    ///
    /// # Errors
    /// `Temporary` when brokers or clusters do not answer, or the work was to stop.
    pub(super) async fn catch_up_now(&self, stop: &CancellationToken) -> Result<()> {
        if self.config.changes.kafka.is_some() {
            return self.topic_passes(&self.ends_now().await?).await;
        }
        loop {
            let pass = self.pass(stop).await?;
            let pass = pass.ok_or_else(|| Error::temporary("stopped", "the pass was stopped"))?;
            let changed = pass.counts.changed();
            tracing::info!(pass = pass.number, changed, "a pass of the final catch-up is over");
            if changed == 0 {
                return Ok(());
            }
        }
    }

    /// Waits until both sides have everything that was written up to now.
    ///
    /// # Errors
    /// As [`catch_up_now`](Self::catch_up_now).
    pub(super) async fn both_catch_up(&self, stop: &CancellationToken) -> Result<()> {
        if self.config.changes.kafka.is_none() {
            return self.catch_up_now(stop).await;
        }
        let ends = self.ends_now().await?;
        self.topic_passes(&ends).await?;
        self.old_side_passes(&ends).await
    }

    async fn topic_passes(&self, ends: &BTreeMap<i32, i64>) -> Result<()> {
        loop {
            let topic = self.progress.status().changes.and_then(|changes| changes.topic);
            let topic = topic.ok_or_else(|| Error::temporary("not_followed", "nobody follows the topic"))?;
            let passed = ends.iter().all(|(partition, end)| {
                let settled = topic.partitions.get(partition).map(|partition| partition.settled);
                // A partition without messages has nothing to settle.
                *end == 0 || settled.is_some_and(|settled| settled >= *end)
            });
            if passed {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
