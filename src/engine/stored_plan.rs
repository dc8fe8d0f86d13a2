//! The stored plan as work: what is not done, and proof once more that the slices cover every shard.

use super::queue::Queue;
use crate::error::{Error, Result};
use crate::plan::slice::Slice;
use crate::plan::verify;
use crate::store::Store;
use crate::store::records::{IndexRecord, SliceRecord, SliceState};

/// Queues the slices of a migration that are not done. `records` are in the order of their ordinals.
///
/// # Errors
/// `State` for a plan with a gap, and for an unreadable record.
pub(crate) fn waiting_slices(store: &Store, name: &str, records: &[IndexRecord]) -> Result<Queue> {
    let mut queue = Queue::default();
    let mut coverage = Coverage::of(records);
    for record in store.slices(name) {
        let record: SliceRecord = record?;
        match record.state {
            SliceState::Waiting | SliceState::Open { .. } => queue.add(&record.slice),
            // What moves out of it goes to the open-ended slice of its shard, which therefore waits for it.
            SliceState::SetAside { .. } => queue.hold(record.slice.id),
            SliceState::Done => {}
        }
        coverage.take(record.slice)?;
    }
    coverage.end()?;
    queue.spread();
    Ok(queue)
}

/// Proof that stored slices cover every shard, while they come in their order: one shard's are held at a time.
struct Coverage<'a> {
    shards: std::iter::Peekable<Box<dyn Iterator<Item = (&'a IndexRecord, u32)> + 'a>>,
    slices: Vec<Slice>,
}

impl<'a> Coverage<'a> {
    /// `records` are in the order of their ordinals.
    fn of(records: &'a [IndexRecord]) -> Self {
        let shards = records.iter().flat_map(|record| (0..record.shards).map(move |shard| (record, shard)));
        let shards: Box<dyn Iterator<Item = _>> = Box::new(shards);
        Coverage { shards: shards.peekable(), slices: Vec::new() }
    }

    fn take(&mut self, slice: Slice) -> Result<()> {
        while self
            .shards
            .peek()
            .is_some_and(|(record, shard)| (record.ordinal, *shard) < (slice.id.index, slice.id.shard))
        {
            self.shard_is_whole()?;
        }
        self.slices.push(slice);
        Ok(())
    }

    fn end(mut self) -> Result<()> {
        while self.shards.peek().is_some() {
            self.shard_is_whole()?;
        }
        Ok(())
    }

    fn shard_is_whole(&mut self) -> Result<()> {
        let slices = std::mem::take(&mut self.slices);
        let Some((record, shard)) = self.shards.next() else { return Ok(()) };
        verify(&record.source, shard, record.shards, &slices).map_err(|gap| {
            Error::state("corrupt", "the stored plan does not cover its index")
                .hint("restore the state directory from a backup, or `esferry reset` the migration")
                .because(gap)
        })
    }
}
