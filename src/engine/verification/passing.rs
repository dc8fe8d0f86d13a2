//! Changes that were made until a moment are waited for, so that what differs afterwards is not on its way any more.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Verification;
use crate::control::changes::ChangesStatus;
use crate::control::verification::VerificationState;
use crate::engine::phase::Standing;
use crate::error::Result;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// The ends of the topic are looked at more often than this.
const ENDS_ARE_NEW: Duration = Duration::from_secs(5);

/// What has to be reached.
enum Mark {
    /// The offset of every partition.
    Offsets(BTreeMap<i32, i64>),
    /// A pass that began later.
    Pass(u32),
    /// Nothing tells.
    None,
}

impl Verification<'_> {
    /// Waits until changes that were made up to now are on the target; false when the work was to stop. Where nothing
    /// follows any more, it waits no longer.
    pub(super) async fn changes_pass(&self) -> Result<bool> {
        let progress = &self.context.progress;
        progress.verification(|status| status.state = VerificationState::WaitingForChanges);
        if !self.pause(ENDS_ARE_NEW).await {
            return Ok(false);
        }
        let mark = match progress.status().changes {
            Some(ChangesStatus { topic: Some(topic), .. }) => {
                let ends = topic.partitions.into_iter();
                Mark::Offsets(ends.filter_map(|(number, at)| Some((number, at.end?))).collect())
            }
            Some(ChangesStatus { reconcile: Some(passes), .. }) => Mark::Pass(passes.pass + 1),
            _ => Mark::None,
        };
        loop {
            let status = progress.status();
            let follows = matches!(status.standing, Standing::Running | Standing::Waiting(_));
            let changes = status.changes.unwrap_or_default();
            let passed = match &mark {
                Mark::Offsets(ends) => changes.topic.is_none_or(|topic| {
                    ends.iter().all(|(number, end)| {
                        topic.partitions.get(number).is_some_and(|partition| partition.settled >= *end)
                    })
                }),
                Mark::Pass(number) => changes
                    .reconcile
                    .is_none_or(|passes| passes.last.is_some_and(|last| last.pass >= *number)),
                Mark::None => true,
            };
            if !follows {
                return Ok(true);
            }
            if passed {
                let Mark::Offsets(ends) = &mark else { return Ok(true) };
                return tokio::select! {
                    passed = self.context.old_side_passes(ends) => passed.map(|()| true),
                    () = self.sides.stop.cancelled() => Ok(false),
                };
            }
            if !self.pause(PAUSE).await {
                return Ok(false);
            }
        }
    }

    async fn pause(&self, span: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(span) => true,
            () = self.sides.stop.cancelled() => false,
        }
    }
}
