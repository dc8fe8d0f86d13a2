//! What follows the source from the end of the copy on, until the migration is stopped: a replay of messages, the watch
//! over another consumer group, or passes over both sides.

use tokio::sync::watch;
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::context::Context;
use crate::config::ChangeVersion;
use crate::error::{Error, Result};

/// A task that follows the source. Ends with its owner.
#[derive(Debug)]
pub(super) struct Follower {
    caught_up: watch::Receiver<bool>,
    task: JoinHandle<Result<()>>,
    stop: DropGuard,
}

impl Context {
    /// Begins to follow the source, where the migration is configured to.
    pub(super) fn follow(&self, stop: &CancellationToken) -> Option<Follower> {
        if !self.config.changes.follows() {
            return None;
        }
        let stop = stop.child_token();
        let (told, caught_up) = watch::channel(false);
        let (context, stopped) = (self.clone(), stop.clone());
        let task = tokio::spawn(async move {
            match context.config.changes.reconcile.clone() {
                Some(reconcile) => context.follow_by_passes(&reconcile, &stopped, &told).await,
                None => context.follow_topic(&stopped, &told).await,
            }
        });
        Some(Follower { caught_up, task, stop: stop.drop_guard() })
    }

    /// Whether messages are applied while documents are copied: where both have versions of one kind.
    pub(super) fn replays_beside_the_copy(&self) -> bool {
        let kafka = self.config.changes.kafka.as_ref();
        kafka.is_some_and(|kafka| kafka.version == Some(ChangeVersion::Message))
    }
}

impl Follower {
    /// Waits until it has caught up; false when it was stopped first.
    ///
    /// # Errors
    /// What it ended with.
    pub(super) async fn catches_up(&mut self, stop: &CancellationToken) -> Result<bool> {
        tokio::select! {
            caught_up = self.caught_up.wait_for(|caught_up| *caught_up) => {
                if caught_up.is_ok() {
                    return Ok(true);
                }
            }
            () = stop.cancelled() => return Ok(false),
        }
        // Nobody tells any more: it has ended.
        self.ends().await?;
        Ok(false)
    }

    /// Waits until it ends: when it is stopped, or by an error.
    ///
    /// # Errors
    /// What it ended with.
    pub(super) async fn ends(&mut self) -> Result<()> {
        outcome((&mut self.task).await)
    }

    /// Stops it, and waits until what is under way is settled.
    ///
    /// # Errors
    /// What it ended with.
    pub(super) async fn finish(self) -> Result<()> {
        if self.task.is_finished() {
            return Ok(());
        }
        let Follower { task, stop, .. } = self;
        stop.disarm().cancel();
        outcome(task.await)
    }
}

fn outcome(ended: std::result::Result<Result<()>, JoinError>) -> Result<()> {
    ended.unwrap_or_else(|cause| {
        Err(Error::unexpected("panic", "what follows the source panicked").because(cause))
    })
}
