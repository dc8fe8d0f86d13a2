//! Documents and bytes a second, as a debt that time pays off.
//!
//! What a page weighs is known only once it is there, so a reader is charged what is expected of its page when its turn
//! comes, and the difference afterwards. Rate limiters that hand out permits refuse such a debt, and cannot change
//! their rate while somebody waits.

use std::time::Duration;

use tokio::time::Instant;

/// What an idle time is good for: so long may be caught up with, no longer.
const CREDIT: Duration = Duration::from_secs(1);

/// So many units a second.
#[derive(Debug)]
pub(super) struct Bucket {
    per_second: Option<u64>,
    /// When everything that was taken is paid off.
    paid: Instant,
}

impl Bucket {
    pub(super) fn new(per_second: Option<u64>) -> Self {
        Bucket { per_second, paid: Instant::now() }
    }

    /// Another rate; what is owed is owed at the new one.
    pub(super) fn set(&mut self, per_second: Option<u64>) {
        let now = Instant::now();
        let owed = self.paid.saturating_duration_since(now);
        self.paid = match (self.per_second, per_second) {
            (Some(old), Some(new)) => now + scaled(owed, old, new),
            _ => now,
        };
        self.per_second = per_second;
    }

    /// Until when nothing more may be taken; `None` when something may be now.
    pub(super) fn free_at(&self) -> Option<Instant> {
        (self.per_second.is_some() && self.paid > Instant::now()).then_some(self.paid)
    }

    /// Takes so many, whether they are there or not.
    pub(super) fn take(&mut self, units: u64) {
        let Some(per_second) = self.per_second else { return };
        let now = Instant::now();
        let earliest = now.checked_sub(CREDIT).unwrap_or(now);
        self.paid = self.paid.max(earliest) + scaled(Duration::from_secs(1), units, per_second);
    }

    /// So many were taken, and so many it should have been.
    pub(super) fn correct(&mut self, taken: u64, due: u64) {
        let Some(per_second) = self.per_second else { return };
        if due > taken {
            self.take(due - taken);
        } else {
            let worth = scaled(Duration::from_secs(1), taken - due, per_second);
            self.paid = self.paid.checked_sub(worth).unwrap_or(self.paid);
        }
    }
}

/// `span × by ÷ parts`; a century where that is longer.
fn scaled(span: Duration, by: u64, parts: u64) -> Duration {
    const CENTURY: u64 = 100 * 365 * 24 * 3600;
    let nanos = span.as_nanos().saturating_mul(u128::from(by)) / u128::from(parts.max(1));
    u64::try_from(nanos).map_or(Duration::from_secs(CENTURY), Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn until_free(bucket: &Bucket) {
        if let Some(at) = bucket.free_at() {
            tokio::time::sleep_until(at).await;
        }
    }

    proptest! {
        #[test]
        fn over_any_time_no_more_passes_than_the_rate_and_a_second_of_it(
            rate in 1_u32..100_000,
            pages in proptest::collection::vec((0_u32..10_000, 0_u64..3000), 1..60),
        ) {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            runtime.block_on(async {
                let mut bucket = Bucket::new(Some(u64::from(rate)));
                let (begun, mut passed) = (Instant::now(), 0.0);
                for (docs, busy) in pages {
                    until_free(&bucket).await;
                    // The page that passes now may be owed whole; everything before it is paid.
                    let seconds = begun.elapsed().as_secs_f64() + CREDIT.as_secs_f64();
                    prop_assert!(passed <= seconds * f64::from(rate) + 1.0, "{passed} in {seconds} s");
                    bucket.take(u64::from(docs));
                    passed += f64::from(docs);
                    tokio::time::sleep(Duration::from_millis(busy)).await;
                }
                Ok(())
            })?;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_idle_time_is_worth_one_second() {
        let mut bucket = Bucket::new(Some(100));
        tokio::time::sleep(Duration::from_secs(3600)).await;
        bucket.take(100);
        assert_eq!(bucket.free_at(), None);
        bucket.take(1);
        assert!(bucket.free_at().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_debt_is_paid_at_the_present_rate() {
        let mut bucket = Bucket::new(Some(10));
        tokio::time::sleep(Duration::from_secs(1)).await;
        bucket.take(1010);
        assert_eq!(bucket.free_at().unwrap() - Instant::now(), Duration::from_secs(100));
        bucket.set(Some(1000));
        assert_eq!(bucket.free_at().unwrap() - Instant::now(), Duration::from_secs(1));
        bucket.set(None);
        bucket.take(1 << 40);
        assert_eq!(bucket.free_at(), None);
        bucket.set(Some(1));
        assert_eq!(bucket.free_at(), None, "what was taken without a limit is not owed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_that_was_smaller_than_expected_is_owed_as_it_was() {
        let mut bucket = Bucket::new(Some(10));
        bucket.take(50);
        bucket.correct(50, 10);
        assert_eq!(bucket.free_at().unwrap() - Instant::now(), Duration::from_secs(1));
        bucket.correct(10, 30);
        assert_eq!(bucket.free_at().unwrap() - Instant::now(), Duration::from_secs(3));
    }

    #[tokio::test(start_paused = true)]
    async fn enormous_numbers_are_no_panic() {
        let mut bucket = Bucket::new(Some(1));
        bucket.take(u64::MAX);
        bucket.set(Some(u64::MAX));
        bucket.take(u64::MAX);
        bucket.correct(u64::MAX, 0);
    }
}
