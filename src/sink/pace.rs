//! The pace of everything that is written to one target: how many bulks at once, and how large.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::batch::BatchLimits;
use super::batch_size::BatchSize;
use super::congestion::{Congestion, Landing};
use crate::config::Bulks;

/// Shared by everybody who writes to a target.
#[derive(Debug)]
pub struct Pace {
    permits: Semaphore,
    width: Mutex<Width>,
    size: BatchSize,
}

/// What the pace is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaceNow {
    /// Bulk requests in flight, at most.
    pub bulks: usize,
    /// Documents a bulk, at most.
    pub batch_docs: usize,
    /// Bytes a bulk, at most.
    pub batch_bytes: usize,
}

#[derive(Debug)]
struct Width {
    congestion: Congestion,
    /// Permits that there are, those in flight included.
    permits: usize,
}

/// A bulk request in flight.
#[derive(Debug)]
#[must_use = "how it lands tells how many may fly"]
pub(super) struct Flight<'pace> {
    pace: &'pace Pace,
    permit: Option<SemaphorePermit<'pace>>,
    number: u64,
    full: bool,
    began: Instant,
}

impl Pace {
    /// As many bulks as `bulks` allows, none larger than `limits`.
    #[must_use]
    pub fn new(bulks: Bulks, limits: BatchLimits) -> Self {
        let congestion = Congestion::new(bulks);
        let permits = congestion.width();
        Pace {
            permits: Semaphore::new(permits),
            width: Mutex::new(Width { congestion, permits }),
            size: BatchSize::new(limits),
        }
    }

    /// Other bounds, from now on. More bulks may fly at once; fewer as those in flight land.
    pub fn bound(&self, bulks: Bulks) {
        let mut width = self.width();
        width.congestion.bound(bulks);
        self.fit(&mut width);
    }

    /// What the next bulk may hold.
    #[must_use]
    pub fn limits(&self) -> BatchLimits {
        self.size.limits()
    }

    /// How it stands.
    #[must_use]
    pub fn now(&self) -> PaceNow {
        let BatchLimits { docs, bytes, .. } = self.limits();
        PaceNow { bulks: self.width().congestion.width(), batch_docs: docs, batch_bytes: bytes }
    }

    /// Waits until one more bulk may be in flight.
    pub(super) async fn take_off(&self) -> Flight<'_> {
        // The semaphore is never closed.
        let permit = self.permits.acquire().await.ok();
        let full = self.permits.available_permits() == 0;
        let number = self.width().congestion.sent();
        Flight { pace: self, permit, number, full, began: Instant::now() }
    }

    /// The target, or a proxy before it, refused a body of this size.
    pub(super) fn too_large(&self, bytes: usize) {
        self.size.too_large(bytes);
    }

    fn width(&self) -> MutexGuard<'_, Width> {
        self.width.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As many permits as the width, as far as they are not in flight.
    fn fit(&self, width: &mut Width) {
        let wanted = width.congestion.width();
        if wanted > width.permits {
            self.permits.add_permits(wanted - width.permits);
            width.permits = wanted;
        } else {
            width.permits -= self.permits.forget_permits(width.permits - wanted);
        }
    }
}

impl Flight<'_> {
    /// How long it has been in flight.
    pub(super) fn took(&self) -> Duration {
        self.began.elapsed()
    }

    /// It was taken.
    pub(super) fn lands_well(self, took: Duration, docs: usize, bytes: usize) {
        self.pace.size.took(took, docs, bytes);
        let full = self.full;
        self.lands(Landing::Well { took, bytes, full });
    }

    /// No answer came in time.
    pub(super) fn times_out(self, docs: usize, bytes: usize) {
        self.pace.size.timed_out(docs, bytes);
        self.lands(Landing::Overloaded);
    }

    /// It was refused for now, in part or whole.
    pub(super) fn meets_refusal(self) {
        self.lands(Landing::Overloaded);
    }

    fn lands(self, landing: Landing) {
        self.pace.width().congestion.landed(self.number, landing);
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut width = self.pace.width();
        // Given back, it would go to whoever waits in line, and there would never be fewer.
        if let Some(permit) = self.permit.take_if(|_| width.permits > width.congestion.width()) {
            permit.forget();
            width.permits -= 1;
        }
        self.permit = None;
        self.pace.fit(&mut width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BatchLimits = BatchLimits { docs: 100, bytes: 1 << 20, max_id_bytes: None };

    #[tokio::test]
    async fn permits_follow_the_width_up_at_once_and_down_as_flights_land() {
        let pace = Pace::new(Bulks::fixed(2), LIMITS);
        let (first, second) = (pace.take_off().await, pace.take_off().await);
        pace.bound(Bulks::fixed(4));
        let (third, fourth) = (pace.take_off().await, pace.take_off().await);
        pace.bound(Bulks::fixed(1));
        let mut waiting = std::pin::pin!(pace.take_off());
        assert!(futures::poll!(&mut waiting).is_pending());
        drop((first, second, third));
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(fourth);
        drop(waiting.await);
        assert_eq!(pace.permits.available_permits(), 1);
        pace.bound(Bulks::fixed(3));
        assert_eq!(pace.permits.available_permits(), 3);
        assert_eq!(pace.now(), PaceNow { bulks: 3, batch_docs: 100, batch_bytes: 1 << 20 });
    }

    #[tokio::test]
    async fn a_refusal_leaves_fewer_and_a_flight_that_is_given_up_tells_nothing() {
        let pace = Pace::new(Bulks::AUTO, LIMITS);
        let before = pace.now().bulks;
        drop(pace.take_off().await);
        assert_eq!(pace.now().bulks, before);
        let flights = [pace.take_off().await, pace.take_off().await];
        flights.into_iter().for_each(Flight::meets_refusal);
        assert_eq!((pace.now().bulks, pace.permits.available_permits()), (before / 2, before / 2));
        pace.take_off().await.times_out(100, 1 << 20);
        assert_eq!(pace.now(), PaceNow { bulks: before / 4, batch_docs: 50, batch_bytes: 1 << 19 });
    }
}
