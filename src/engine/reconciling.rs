//! Passes that compare both sides and bring over what differs.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use crate::config::ReconcileConfig;
use crate::error::{Error, Result};

impl Context {
    /// Compares both sides again and again, until `stop`.
    ///
    /// # Errors
    /// `Temporary` when a cluster does not answer; what no waiting cures.
    pub(super) async fn reconcile(
        &self,
        _config: &ReconcileConfig,
        _stop: &CancellationToken,
        _caught_up: &watch::Sender<bool>,
    ) -> Result<()> {
        Err(Error::unexpected("reconcile", "passes are not there yet"))
    }
}
