//! Outcomes on their way into a checkpoint: collected in the order of the pages, and stored only when they are whole.

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::plan::slice::{Cursor, SliceId};
use crate::sink::{Delivery, Rejection};
use crate::store::Settlement;
use crate::store::records::Failure;

/// Slices that can resume inside store their cursor about this often.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(2);

/// Outcomes that no checkpoint holds yet, contiguous from `from` to `upto`.
#[derive(Debug)]
pub(crate) struct Unsettled {
    from: Cursor,
    upto: Cursor,
    delivery: Delivery,
    /// Of pages behind which no attempt can begin: they are read again unless the slice is read to its end.
    rest: Delivery,
    since: Instant,
}

impl Unsettled {
    pub(crate) fn new(from: Cursor) -> Self {
        Unsettled {
            from,
            upto: from,
            delivery: Delivery::default(),
            rest: Delivery::default(),
            since: Instant::now(),
        }
    }

    /// The next page in order, whose documents have their final outcomes.
    pub(crate) fn add(&mut self, upto: Cursor, delivery: Delivery) {
        if upto > self.upto {
            self.upto = upto;
            self.delivery.absorb(delivery);
        } else {
            self.rest.absorb(delivery);
        }
    }

    pub(super) fn is_due(&self) -> bool {
        self.upto != self.from && self.since.elapsed() >= CHECKPOINT_EVERY
    }

    /// What may be stored now. `None` when nothing came, and for slices that can only start over: they store nothing
    /// until they are done.
    pub(crate) fn next_run(&mut self) -> Option<Run> {
        if self.upto == self.from {
            return None;
        }
        let delivery = std::mem::take(&mut self.delivery);
        let run = Run { from: self.from, to: Some(self.upto), delivery };
        (self.from, self.since) = (self.upto, Instant::now());
        Some(run)
    }

    /// The rest of a slice that was read to its end.
    pub(crate) fn last_run(mut self) -> Run {
        self.delivery.absorb(self.rest);
        Run { from: self.from, to: None, delivery: self.delivery }
    }
}

/// Documents of a slice that stand behind each other, with their outcomes.
#[derive(Debug)]
pub(crate) struct Run {
    from: Cursor,
    to: Option<Cursor>,
    delivery: Delivery,
}

impl Run {
    /// As the store takes it.
    ///
    /// # Errors
    /// `Unexpected` when a document has no outcome, or a refused one no failure.
    pub(crate) fn settlement(
        self,
        slice: SliceId,
        failure: impl FnMut(Rejection) -> Failure,
        step: impl Fn(usize) -> String,
    ) -> Result<Settlement> {
        let counts = self.delivery.counts;
        // A list that does not hold what is counted would be taken for a damaged one later.
        let listed = counts.rejected == self.delivery.rejections.len() as u64;
        if counts.read != counts.settled() || !listed {
            let message =
                format!("slice {slice}: {} documents read, {} settled", counts.read, counts.settled());
            return Err(Error::unexpected("unsettled", message)
                .hint("nothing is lost: the slice is still open; please report this"));
        }
        let failures = self.delivery.rejections.into_iter().map(failure).collect();
        let dropped = self.delivery.dropped.iter().map(|(at, count)| (step(*at), *count)).collect();
        Ok(Settlement { slice, from: self.from, to: self.to, counts, failures, dropped })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::records::Counts;

    const SLICE: SliceId = SliceId { index: 0, shard: 0, number: 0 };

    fn settled(counts: Counts) -> Result<Settlement> {
        let mut unsettled = Unsettled::new(Cursor::Start);
        unsettled.add(Cursor::Start, Delivery { counts, ..Delivery::default() });
        unsettled.last_run().settlement(SLICE, |_| panic!("nothing was refused"), |at| at.to_string())
    }

    #[test]
    fn what_no_attempt_can_begin_behind_is_counted_at_the_end_alone() {
        let of = |read| Delivery {
            counts: Counts { read, written: read, ..Counts::default() },
            ..Delivery::default()
        };
        let counts =
            |run: Run| run.settlement(SLICE, |_| panic!("nothing was refused"), |at| at.to_string()).unwrap();
        let mut unsettled = Unsettled::new(Cursor::Start);
        unsettled.add(Cursor::SeqNo(10), of(10));
        unsettled.add(Cursor::SeqNo(10), of(3));
        let first = counts(unsettled.next_run().unwrap());
        assert_eq!((first.to, first.counts.read), (Some(Cursor::SeqNo(10)), 10));
        assert!(unsettled.next_run().is_none());
        unsettled.add(Cursor::SeqNo(10), of(4));
        let last = counts(unsettled.last_run());
        assert_eq!((last.from, last.to, last.counts.read), (Cursor::SeqNo(10), None, 7));
    }

    #[test]
    fn a_document_without_an_outcome_stops_the_checkpoint() {
        let whole = Counts { read: 3, written: 2, dropped: 1, ..Counts::default() };
        assert_eq!(settled(whole).unwrap().counts, whole);
        for lost in [Counts { read: 4, ..whole }, Counts { written: 1, ..whole }] {
            assert_eq!(settled(lost).unwrap_err().code(), "unsettled");
        }
        let unlisted = Counts { read: 1, rejected: 1, ..Counts::default() };
        assert_eq!(settled(unlisted).unwrap_err().code(), "unsettled", "refused, and not on the list");
    }

    #[test]
    fn a_slice_that_can_only_start_over_has_no_run_before_its_end() {
        let mut unsettled = Unsettled::new(Cursor::Start);
        unsettled.add(Cursor::Start, Delivery::default());
        assert!(unsettled.next_run().is_none());
        let mut unsettled = Unsettled::new(Cursor::SeqNo(5));
        assert!(unsettled.next_run().is_none());
        unsettled.add(Cursor::SeqNo(9), Delivery::default());
        let run = unsettled.next_run().unwrap();
        assert_eq!((run.from, run.to), (Cursor::SeqNo(5), Some(Cursor::SeqNo(9))));
        assert!(unsettled.next_run().is_none());
    }
}
