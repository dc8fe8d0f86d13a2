//! What the workers are waiting for, kept so that `status` can say why nothing moves.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Reasons of everybody who waits, oldest first. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Waits(Arc<Mutex<Reasons>>);

#[derive(Debug, Default)]
struct Reasons {
    next: u64,
    waiting: BTreeMap<u64, String>,
}

/// Takes its reason back when dropped.
#[derive(Debug)]
#[must_use = "the reason is gone as soon as this is dropped"]
pub struct Waiting {
    waits: Waits,
    ticket: u64,
}

impl Waits {
    /// Announces a reason until the returned value is dropped.
    pub fn begin(&self, reason: impl Into<String>) -> Waiting {
        let mut reasons = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = reasons.next;
        reasons.next += 1;
        reasons.waiting.insert(ticket, reason.into());
        Waiting { waits: self.clone(), ticket }
    }

    /// The reason that stands longest.
    #[must_use]
    pub fn first(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).waiting.values().next().cloned()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.waits.0.lock().unwrap_or_else(PoisonError::into_inner).waiting.remove(&self.ticket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_reason_is_shown_and_goes_with_its_holder() {
        let waits = Waits::default();
        let first = waits.begin("shard 2 is not there");
        let _second = waits.begin("429 from the target");
        assert_eq!(waits.first().as_deref(), Some("shard 2 is not there"));
        drop(first);
        assert_eq!(waits.first().as_deref(), Some("429 from the target"));
    }
}
