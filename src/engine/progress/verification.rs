//! How far a verification is, and what is read of both sides for it or for a pass.

use std::time::{Duration, Instant};

use super::{Progress, per_second, seconds};
use crate::control::verification::{VerificationState, VerificationStatus};
use crate::store::units::{Part, Purpose};

/// Shorter spans say nothing of a rate.
const LEAST: Duration = Duration::from_secs(1);

/// A verification that this process works on, or has seen.
#[derive(Debug, Default)]
pub(super) struct VerificationProgress {
    pub(super) status: Option<VerificationStatus>,
    /// Since when this process reads, and documents that it read.
    reading: Option<(Instant, u64)>,
}

impl VerificationProgress {
    /// With the rate of this moment.
    pub(super) fn status(&self) -> Option<VerificationStatus> {
        let mut status = self.status.clone()?;
        if let Some((since, read)) = self.reading
            && status.state == VerificationState::Reading
            && since.elapsed() >= LEAST
            && read > 0
        {
            let rate = per_second(read, since.elapsed());
            let counts = status.counts;
            let left = status.docs_of.saturating_sub(counts.on_source + counts.on_target);
            status.rate = Some(rate);
            status.eta_seconds = Some(seconds(left, rate));
        }
        Some(status)
    }
}

impl Progress {
    /// The verification is this now.
    pub fn verification_is(&self, status: VerificationStatus) {
        let mut inner = self.inner();
        inner.verification.reading = None;
        inner.verification.status = Some(status);
    }

    /// What the store says of the verification, where nobody here has been at work on one.
    pub fn verification_was(&self, status: VerificationStatus) {
        self.inner().verification.status.get_or_insert(status);
    }

    /// Changes what the status says of the verification, where there is one.
    pub fn verification(&self, change: impl FnOnce(&mut VerificationStatus)) {
        if let Some(status) = self.inner().verification.status.as_mut() {
            change(status);
        }
    }

    /// So many parts of both sides are read, of so many.
    pub fn parts(&self, purpose: Purpose, done: u64, of: u64) {
        match purpose {
            Purpose::Pass => self.passes(|passes| (passes.parts, passes.parts_of) = (done, of)),
            Purpose::Verification => {
                self.inner().verification.reading = Some((Instant::now(), 0));
                self.verification(|status| (status.parts, status.parts_of) = (done, of));
            }
        }
    }

    /// One more part is read, durably.
    pub fn part_is_read(&self, purpose: Purpose) {
        match purpose {
            Purpose::Pass => self.passes(|passes| passes.parts += 1),
            Purpose::Verification => self.verification(|status| status.parts += 1),
        }
    }

    /// So many more documents of a side are read.
    pub fn sees(&self, purpose: Purpose, part: Part, docs: u64) {
        match purpose {
            Purpose::Pass => self.passes(|passes| match part {
                Part::Target => passes.counts.on_target += docs,
                _ => passes.counts.on_source += docs,
            }),
            Purpose::Verification => {
                if let Some((_, read)) = self.inner().verification.reading.as_mut() {
                    *read += docs;
                }
                self.verification(|status| match part {
                    Part::Target => status.counts.on_target += docs,
                    _ => status.counts.on_source += docs,
                });
            }
        }
    }
}
