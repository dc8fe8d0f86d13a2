//! Which messages are settled: positions move only over runs in which every operation has its outcome.

use std::collections::{BTreeMap, VecDeque};

use crate::store::records::Failure;
use crate::store::topics::{MessageCounts, MessageRun, PositionRecord, Tombstone};

/// Names a message that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
}

/// What became of one operation of a message.
#[derive(Debug, Default)]
pub struct OperationOutcome {
    /// Documents written, deleted, left as they are.
    pub counts: MessageCounts,
    /// It failed.
    pub failure: Option<Failure>,
    /// It was applied, and takes an earlier failure of this document off the list: one that has the same key.
    pub mends: Option<Failure>,
    /// It was a delete that has to be remembered.
    pub tombstone: Option<Tombstone>,
}

/// The messages under way, by partition, in their order.
#[derive(Debug, Default)]
pub struct Ledger {
    partitions: BTreeMap<i32, Partition>,
    open: usize,
}

#[derive(Debug)]
struct Partition {
    /// Everything below it is settled and handed out.
    settled: i64,
    timestamp: Option<i64>,
    entries: VecDeque<Entry>,
}

#[derive(Debug)]
struct Entry {
    offset: i64,
    timestamp: Option<i64>,
    /// Operations without an outcome.
    open: usize,
    asks_for_nothing: bool,
    run: MessageRun,
}

impl Ledger {
    /// A ledger of partitions that stand at these offsets.
    #[must_use]
    pub fn new(positions: &BTreeMap<i32, PositionRecord>) -> Self {
        let stand = |(&partition, position): (&i32, &PositionRecord)| {
            let stands =
                Partition { settled: position.next, timestamp: position.timestamp, entries: VecDeque::new() };
            (partition, stands)
        };
        Ledger { partitions: positions.iter().map(stand).collect(), open: 0 }
    }

    /// Messages without an outcome, and those behind them.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open
    }

    /// A message came, and asks for so many operations. Messages of a partition come in their order.
    pub fn begin(&mut self, ticket: Ticket, timestamp: Option<i64>, operations: usize) {
        let Some(partition) = self.partitions.get_mut(&ticket.partition) else { return };
        self.open += 1;
        partition.entries.push_back(Entry {
            offset: ticket.offset,
            timestamp,
            open: operations,
            asks_for_nothing: operations == 0,
            run: MessageRun::default(),
        });
    }

    /// An operation of a message has its outcome.
    pub fn settle(&mut self, ticket: Ticket, outcome: OperationOutcome) {
        let Some(partition) = self.partitions.get_mut(&ticket.partition) else { return };
        let found = partition.entries.binary_search_by_key(&ticket.offset, |entry| entry.offset);
        let Some(entry) = found.ok().and_then(|at| partition.entries.get_mut(at)) else { return };
        entry.open = entry.open.saturating_sub(1);
        entry.run.counts.add(&outcome.counts);
        entry.run.failures.extend(outcome.failure);
        entry.run.mended.extend(outcome.mends);
        entry.run.tombstones.extend(outcome.tombstone);
    }

    /// Nothing is left of a partition below `next`: whatever offsets are not used there.
    ///
    /// Returns false while messages of it are under way.
    pub fn skip_to(&mut self, partition: i32, next: i64) -> bool {
        match self.partitions.get_mut(&partition) {
            Some(partition) if partition.entries.is_empty() => {
                partition.settled = partition.settled.max(next);
                true
            }
            _ => false,
        }
    }

    /// Everything that is settled and was not handed out yet; `None` where nothing is.
    pub fn run(&mut self, stored: &BTreeMap<i32, PositionRecord>) -> Option<MessageRun> {
        let mut run = MessageRun::default();
        for (&number, partition) in &mut self.partitions {
            while partition.entries.front().is_some_and(|entry| entry.open == 0) {
                let Some(entry) = partition.entries.pop_front() else { break };
                self.open -= 1;
                partition.settled = entry.offset + 1;
                partition.timestamp = entry.timestamp.or(partition.timestamp);
                let MessageRun { mut counts, failures, mended, tombstones, .. } = entry.run;
                counts.read = 1;
                match (entry.asks_for_nothing, failures.is_empty()) {
                    (_, false) => counts.failed = 1,
                    (true, true) => counts.ignored = 1,
                    (false, true) => counts.applied = 1,
                }
                run.counts.add(&counts);
                run.failures.extend(failures);
                run.mended.extend(mended);
                run.tombstones.extend(tombstones);
            }
            let from = stored.get(&number).map_or(0, |position| position.next);
            if partition.settled > from {
                let to = PositionRecord { next: partition.settled, timestamp: partition.timestamp };
                run.advances.insert(number, (from, to));
            }
        }
        (!run.advances.is_empty()).then_some(run)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(next: i64) -> BTreeMap<i32, PositionRecord> {
        [(0, PositionRecord { next, timestamp: None })].into()
    }

    fn ticket(offset: i64) -> Ticket {
        Ticket { partition: 0, offset }
    }

    #[test]
    fn a_message_that_is_under_way_holds_those_behind_it() {
        let mut ledger = Ledger::new(&at(10));
        ledger.begin(ticket(10), Some(1), 2);
        ledger.begin(ticket(12), Some(2), 0);
        ledger.settle(ticket(10), OperationOutcome::default());
        assert!(ledger.run(&at(10)).is_none() && !ledger.skip_to(0, 50));
        ledger.settle(ticket(10), OperationOutcome::default());
        let run = ledger.run(&at(10)).unwrap();
        assert_eq!(run.advances[&0], (10, PositionRecord { next: 13, timestamp: Some(2) }));
        assert_eq!((run.counts.read, run.counts.applied, run.counts.ignored), (2, 1, 1));
        assert!(ledger.open() == 0 && ledger.skip_to(0, 50));
        assert_eq!(ledger.run(&at(13)).unwrap().advances[&0].1.next, 50);
    }

    proptest! {
        #[test]
        fn positions_never_pass_what_is_open_and_end_behind_everything(
            operations in prop::collection::vec(0_usize..3, 1..30), order in prop::collection::vec(any::<prop::sample::Index>(), 0..90),
        ) {
            let mut ledger = Ledger::new(&at(0));
            let mut left: Vec<(i64, usize)> = Vec::new();
            for (offset, &count) in (0_i64..).zip(&operations) {
                ledger.begin(ticket(offset), None, count);
                left.push((offset, count));
            }
            let (mut stored, mut read) = (at(0), 0);
            let mut store = |ledger: &mut Ledger, left: &[(i64, usize)]| {
                if let Some(run) = ledger.run(&stored) {
                    let (from, to) = run.advances[&0];
                    assert_eq!(from, stored[&0].next);
                    assert!(left.iter().all(|&(offset, open)| open == 0 || to.next <= offset));
                    read += run.counts.read;
                    stored = at(to.next);
                }
                (stored[&0].next, read)
            };
            for pick in order {
                let open: Vec<usize> = (0..left.len()).filter(|&at| left[at].1 > 0).collect();
                if open.is_empty() { break; }
                let at = open[pick.index(open.len())];
                left[at].1 -= 1;
                ledger.settle(ticket(left[at].0), OperationOutcome::default());
                store(&mut ledger, &left);
            }
            for entry in &mut left {
                for _ in 0..std::mem::take(&mut entry.1) {
                    ledger.settle(ticket(entry.0), OperationOutcome::default());
                }
            }
            let all = operations.len();
            prop_assert_eq!(store(&mut ledger, &left), (i64::try_from(all).unwrap(), all as u64));
        }
    }
}
