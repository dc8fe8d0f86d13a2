//! Follows a source without a topic: passes that compare ids and versions of both sides and bring over what differs, until
//! one of them finds little.

mod extra;
mod pass;
mod settling;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use crate::config::ReconcileConfig;
use crate::control::changes::{PassState, PassesStatus};
use crate::error::Result;
use crate::store::Store;

/// Between two passes while there is much to bring over.
const BREATH: std::time::Duration = std::time::Duration::from_secs(1);

impl Context {
    /// Passes, one after the other, until `stop`.
    ///
    /// # Errors
    /// `Temporary` when a cluster does not answer: the pass goes on where it was. `State` when the disk refuses. What no
    /// waiting cures.
    pub(super) async fn follow_by_passes(
        &self,
        config: &ReconcileConfig,
        stop: &CancellationToken,
        caught_up: &watch::Sender<bool>,
    ) -> Result<()> {
        loop {
            let Some(pass) = self.pass(stop).await? else { return Ok(()) };
            let changed = pass.counts.changed();
            let little = changed < config.until;
            tracing::info!(pass = pass.number, changed, until = config.until, "a pass is over");
            self.progress.changes(|changes| changes.caught_up = little);
            caught_up.send_replace(little);
            tokio::select! {
                () = tokio::time::sleep(if little { config.every.0 } else { BREATH }) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }
}

/// The passes as the store has them, where there were any.
///
/// # Errors
/// `State` for an unreadable record.
pub(super) fn stored_passes(store: &Store, name: &str) -> Result<Option<PassesStatus>> {
    let Some(pass) = store.pass(name)? else { return Ok(None) };
    let state = if pass.finished.is_some() { PassState::Resting } else { PassState::Reading };
    Ok(Some(PassesStatus::of(&pass, state)))
}
