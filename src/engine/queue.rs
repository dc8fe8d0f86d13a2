//! Slices that wait for a worker.

use std::collections::{HashMap, VecDeque};

use crate::plan::slice::{HalfOpen, Slice, SliceId, SliceRange};

/// Slices that wait. A shard's open-ended slice comes after all others of its shard: it collects what moved.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// They may begin.
    pub(crate) ready: VecDeque<SliceId>,
    tails: Vec<SliceId>,
    left: HashMap<(u32, u32), usize>,
}

impl Queue {
    pub(super) fn add(&mut self, slice: &Slice) {
        if matches!(slice.range, SliceRange::SeqNo(HalfOpen { from: Some(_), to: None })) {
            self.tails.push(slice.id);
        } else {
            self.ready.push_back(slice.id);
            self.hold(slice.id);
        }
    }

    /// The open-ended slice of this slice's shard has to wait for it.
    pub(super) fn hold(&mut self, id: SliceId) {
        *self.left.entry((id.index, id.shard)).or_default() += 1;
    }

    /// Neighbours of one shard are not read side by side as long as other shards have slices too.
    pub(super) fn spread(&mut self) {
        self.ready.make_contiguous().sort_by_key(|id| (id.number, id.index, id.shard));
        self.release();
    }

    pub(super) fn settled(&mut self, id: SliceId) {
        if let Some(left) = self.left.get_mut(&(id.index, id.shard)) {
            *left = left.saturating_sub(1);
        }
        self.release();
    }

    fn release(&mut self) {
        let left = &self.left;
        let (free, bound) = std::mem::take(&mut self.tails)
            .into_iter()
            .partition(|id| left.get(&(id.index, id.shard)).is_none_or(|left| *left == 0));
        self.tails = bound;
        let free: Vec<SliceId> = free;
        self.ready.extend(free);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slice(shard: u32, number: u32, from: Option<u64>, to: Option<u64>) -> Slice {
        Slice {
            id: SliceId { index: 0, shard, number },
            range: SliceRange::SeqNo(HalfOpen { from, to }),
            expected_docs: 1,
        }
    }

    #[test]
    fn the_open_ended_slice_of_a_shard_comes_after_all_others_of_it() {
        let mut queue = Queue::default();
        for slice in [
            slice(0, 0, None, Some(5)),
            slice(0, 1, Some(5), Some(9)),
            slice(0, 2, Some(9), None),
            slice(1, 0, None, None),
        ] {
            queue.add(&slice);
        }
        queue.spread();
        let ready: Vec<String> = queue.ready.iter().map(ToString::to_string).collect();
        assert_eq!(ready, ["0.0.0", "0.1.0", "0.0.1"]);
        queue.settled(SliceId { index: 0, shard: 0, number: 0 });
        assert_eq!(queue.tails.len(), 1);
        queue.settled(SliceId { index: 0, shard: 0, number: 1 });
        assert_eq!(queue.ready.back().unwrap().to_string(), "0.0.2");
    }
}
