//! How a migration follows its source, as the status shows it.

use super::Progress;
#[cfg(feature = "kafka")]
use crate::control::changes::TopicStatus;
use crate::control::changes::{ChangesStatus, PassesStatus};
#[cfg(feature = "kafka")]
use crate::engine::phase::Phase;

impl Progress {
    /// Operations of the replay that the target has taken, as it has acknowledged them: a checkpoint may not hold all of
    /// them yet. A delete of a document that is not there is one, too.
    #[must_use]
    pub fn replayed(&self) -> u64 {
        self.inner().replayed
    }

    /// Operations of the replay that were sent, and that the target may have taken.
    #[must_use]
    pub fn under_way(&self) -> u64 {
        self.inner().under_way
    }

    /// So many operations of the replay are sent.
    #[cfg(feature = "kafka")]
    pub fn sends(&self, operations: u64) {
        self.inner().under_way += operations;
    }

    /// A replay goes on from here, or would.
    pub fn replay_begins(&self, replayed: u64) {
        let mut inner = self.inner();
        inner.under_way = 0;
        inner.replayed = inner.replayed.max(replayed);
    }

    /// So many of those that were `sent` are taken.
    #[cfg(feature = "kafka")]
    pub fn replays(&self, sent: u64, taken: u64) {
        let mut inner = self.inner();
        inner.replayed += taken;
        inner.under_way = inner.under_way.saturating_sub(sent);
    }

    /// Changes what the status says of the changes.
    pub fn changes(&self, change: impl FnOnce(&mut ChangesStatus)) {
        change(self.inner().changes.get_or_insert_default());
    }

    /// Changes what the status says of the passes, where there are any.
    pub fn passes(&self, change: impl FnOnce(&mut PassesStatus)) {
        if let Some(passes) = self.inner().changes.as_mut().and_then(|changes| changes.reconcile.as_mut()) {
            change(passes);
        }
    }

    /// Whether a slice, or a failed document that is tried again, may still write what was read from the source before.
    #[cfg(feature = "kafka")]
    #[must_use]
    pub fn may_bring_back(&self) -> bool {
        let inner = self.inner();
        inner.phase <= Phase::Copying
            || inner
                .indices
                .iter()
                .any(|index| index.tally.waiting + index.tally.running + index.tally.set_aside > 0)
            || inner.groups.iter().any(|group| group.count > 0)
    }

    /// Changes what the status says of the topic, where there is one.
    #[cfg(feature = "kafka")]
    pub fn topic(&self, change: impl FnOnce(&mut TopicStatus)) {
        if let Some(topic) = self.inner().changes.as_mut().and_then(|changes| changes.topic.as_mut()) {
            change(topic);
        }
    }
}
