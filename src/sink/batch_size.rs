//! How large a bulk request may be: what is configured, less where the target does not take that much, or not soon.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::batch::BatchLimits;

/// A bulk that takes longer is too large: when the daemon is told to stop, bulks in flight have about twice this time.
const SLOW: Duration = Duration::from_secs(4);
/// A full bulk that is this quick could be larger.
const QUICK: Duration = Duration::from_secs(1);
/// Bulks are not made smaller than this, but for a document that is larger itself.
const LEAST_BYTES: usize = 64 * 1024;
/// Nor of fewer documents.
const LEAST_DOCS: usize = 20;

/// The size of the next bulks.
#[derive(Debug)]
pub(super) struct BatchSize {
    size: Mutex<Size>,
}

#[derive(Debug)]
struct Size {
    /// What may be reached again: the configuration, or what the target did not refuse as too large.
    most: BatchLimits,
    now: BatchLimits,
}

impl BatchSize {
    pub(super) fn new(most: BatchLimits) -> Self {
        BatchSize { size: Mutex::new(Size { most, now: most }) }
    }

    /// What the next bulk may have.
    pub(super) fn limits(&self) -> BatchLimits {
        self.with(|size| size.now)
    }

    /// The target, or a proxy before it, refused a body of this size: nothing of that size is sent again.
    pub(super) fn too_large(&self, bytes: usize) {
        self.with(|size| {
            let half = (bytes / 2).max(LEAST_BYTES);
            if half < size.most.bytes {
                tracing::info!(bytes = half, "bulks are kept smaller: the target takes no larger ones");
                size.most.bytes = half;
                size.now.bytes = size.now.bytes.min(half);
            }
        });
    }

    /// A bulk was not answered in time.
    pub(super) fn timed_out(&self, docs: usize, bytes: usize) {
        self.with(|size| size.shrink(docs, bytes));
    }

    /// A bulk was taken, in this time.
    pub(super) fn took(&self, took: Duration, docs: usize, bytes: usize) {
        self.with(|size| {
            if took > SLOW {
                size.shrink(docs, bytes);
            } else if took < QUICK && (docs >= size.now.docs / 2 || bytes >= size.now.bytes / 2) {
                size.grow();
            }
        });
    }

    fn with<T>(&self, change: impl FnOnce(&mut Size) -> T) -> T {
        change(&mut self.size.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Size {
    /// Half of what was too much; bulks of that size that are in flight still shrink it no further.
    fn shrink(&mut self, docs: usize, bytes: usize) {
        self.now.docs = self.now.docs.min((docs / 2).max(LEAST_DOCS));
        self.now.bytes = self.now.bytes.min((bytes / 2).max(LEAST_BYTES));
    }

    fn grow(&mut self) {
        self.now.docs = (self.now.docs + self.now.docs / 8 + 1).min(self.most.docs);
        self.now.bytes = (self.now.bytes + self.now.bytes / 8).min(self.most.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn size() -> BatchSize {
        BatchSize::new(BatchLimits { docs: 5000, bytes: 15 * MIB, max_id_bytes: None })
    }

    fn now(size: &BatchSize) -> (usize, usize) {
        let BatchLimits { docs, bytes, .. } = size.limits();
        (docs, bytes)
    }

    #[test]
    fn what_is_refused_as_too_large_is_never_tried_again() {
        let size = size();
        size.too_large(8 * MIB);
        assert_eq!(now(&size), (5000, 4 * MIB));
        size.too_large(12 * MIB);
        (0..100).for_each(|_| size.took(Duration::from_millis(10), 5000, 4 * MIB));
        assert_eq!(now(&size), (5000, 4 * MIB));
        size.too_large(3000);
        assert_eq!(now(&size), (5000, LEAST_BYTES));
    }

    #[test]
    fn slow_bulks_get_smaller_and_quick_ones_larger_again() {
        let size = size();
        size.timed_out(2000, 4 * MIB);
        size.timed_out(2000, 4 * MIB);
        assert_eq!(now(&size), (1000, 2 * MIB));
        size.took(Duration::from_secs(5), 1000, 2 * MIB);
        assert_eq!(now(&size), (500, MIB));
        size.took(Duration::from_millis(10), 20, 2000);
        size.took(Duration::from_secs(2), 500, MIB);
        assert_eq!(now(&size), (500, MIB), "short ones and usual ones change nothing");
        size.took(Duration::from_millis(900), 500, MIB / 3);
        assert_eq!(now(&size), (563, MIB + MIB / 8));
        (0..100).for_each(|_| size.took(Duration::from_millis(10), 5000, MIB));
        assert_eq!(now(&size), (5000, 15 * MIB));
        (0..20).for_each(|_| size.timed_out(1, 100));
        assert_eq!(now(&size), (LEAST_DOCS, LEAST_BYTES));
    }
}
