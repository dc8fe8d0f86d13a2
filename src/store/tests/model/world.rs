//! The migration as it should stand, its workers and its target included.

use std::collections::VecDeque;

use super::books::{Fate, position};
use super::events::Event;
use super::*;

/// Shard 0 is one slice that can only start over; shard 1 has two by sequence numbers, and the second one is open-ended.
pub(super) const SHARDS: u32 = 2;

/// The slices of a shard.
pub(super) fn slices_of(shard: u32) -> Vec<SliceRecord> {
    let window = |from, to| SliceRange::SeqNo(HalfOpen { from, to });
    let ranges = match shard {
        0 => vec![SliceRange::Uid(HalfOpen::all())],
        _ => vec![window(None, Some(4)), window(Some(4), None)],
    };
    let record = |(number, range)| {
        let mut record = slice(SliceId { index: 0, shard, number });
        record.slice.range = range;
        record
    };
    (0..).zip(ranges).map(record).collect()
}

/// Its documents have the numbers from here.
pub(super) fn begin_of(slice: SliceId) -> u64 {
    u64::from(slice.number) * 4
}

/// To here.
pub(super) fn end_of(slice: SliceId) -> u64 {
    begin_of(slice) + 4
}

/// A page on its way.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) fates: Option<Vec<Fate>>,
}

impl Flight {
    pub(super) fn documents(&self) -> usize {
        usize::try_from(self.to - self.from).unwrap()
    }
}

/// A worker at its slice.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    /// Documents below are read.
    pub(super) read: u64,
    /// Documents below are collected.
    pub(super) collected: u64,
    pub(super) flights: VecDeque<Flight>,
    /// Collected, and in no checkpoint.
    pub(super) pending: Vec<(u64, Fate)>,
}

#[derive(Debug, Clone, Default)]
pub(in super::super) struct World {
    /// What the store says.
    pub(super) now: Books,
    /// What it says when everything that is not flushed is lost.
    pub(super) flushed: Books,
    /// What it said before the last crash.
    pub(super) lost: Books,
    pub(super) attempts: BTreeMap<SliceId, Attempt>,
    pub(super) planned: BTreeSet<u32>,
    /// Documents whose outcome the target told, ever.
    pub(super) answered: BTreeSet<(SliceId, u64)>,
    /// The last event was refused, and changed nothing.
    pub(super) refused: bool,
    /// The queue as the last hand-out found it.
    pub(super) ready: Vec<SliceId>,
    pub(super) second: i64,
}

impl World {
    /// Every document of a done slice, and every one below a cursor, has its outcome.
    pub(super) fn assert_nothing_unsettled_is_done(&self) {
        for record in self.now.slices.values() {
            let id = record.slice.id;
            let settled = match record.state {
                SliceState::Done => end_of(id),
                SliceState::Open { cursor } | SliceState::SetAside { cursor, .. } => number(id, cursor),
                SliceState::Waiting => begin_of(id),
            };
            for document in begin_of(id)..settled {
                assert!(self.answered.contains(&(id, document)), "document {document} of {record:?}");
            }
            assert_eq!(record.counts.read, settled - begin_of(id), "{record:?}");
        }
    }

    pub(super) fn all_planned(&self) -> bool {
        (0..SHARDS).all(|shard| self.planned.contains(&shard))
    }

    /// Slices that may begin, as they come; the open-ended one of a shard after all others of it.
    fn waiting(&self) -> Vec<SliceId> {
        let open = |record: &SliceRecord| !matches!(record.state, SliceState::Done);
        let head = SliceId { index: 0, shard: 1, number: 0 };
        let waits = |record: &&SliceRecord| {
            let bound = record.slice.id.number == 1 && self.now.slices.get(&head).is_some_and(open);
            matches!(record.state, SliceState::Waiting | SliceState::Open { .. }) && !bound
        };
        let mut waiting: Vec<SliceId> =
            self.now.slices.values().filter(waits).map(|record| record.slice.id).collect();
        waiting.sort_by_key(|id| (id.number, id.shard));
        waiting
    }

    fn hand_out(&mut self) {
        self.refused = !self.all_planned();
        if self.refused {
            return;
        }
        self.ready = self.waiting();
        let Some(id) = self.ready.iter().find(|id| !self.attempts.contains_key(id)).copied() else { return };
        let record = self.now.slices.get_mut(&id).unwrap();
        record.attempts += 1;
        let begin = match record.state {
            SliceState::Open { cursor } => number(id, cursor),
            _ => begin_of(id),
        };
        let attempt =
            Attempt { read: begin, collected: begin, flights: VecDeque::new(), pending: Vec::new() };
        self.attempts.insert(id, attempt);
    }

    fn collect(&mut self, id: SliceId) {
        let attempt = self.attempts.get_mut(&id).unwrap();
        while attempt.flights.front().is_some_and(|flight| flight.fates.is_some()) {
            let flight = attempt.flights.pop_front().unwrap();
            attempt.pending.extend((flight.from..).zip(flight.fates.unwrap()));
            attempt.collected = flight.to;
        }
    }

    /// What was collected, where the slice can go on behind it.
    fn checkpoint(&mut self, id: SliceId) {
        let attempt = self.attempts.get_mut(&id).unwrap();
        let to = position(&self.now.slices[&id].slice, attempt.collected);
        if to != Cursor::Start && !attempt.pending.is_empty() {
            let pending = std::mem::take(&mut attempt.pending);
            self.now.settle(id, Some(to), &pending, self.second);
            self.flushed = self.now.clone();
        }
    }

    fn finish(&mut self, id: SliceId) {
        let attempt = self.attempts.remove(&id).unwrap();
        self.now.settle(id, None, &attempt.pending, self.second);
        self.flushed = self.now.clone();
    }

    fn retry(&mut self, tried: &[(FailureKey, Option<Fate>)]) {
        for (key, fate) in tried {
            self.now.retried(key, *fate, self.second);
        }
        self.flushed = self.now.clone();
    }

    /// Everything that is not flushed is gone.
    fn crash(&mut self, settling: Option<SliceId>) {
        let flushed = self.flushed.clone();
        if let Some(id) = settling {
            self.collect(id);
            if Event::Finish(id).fits(self) {
                self.finish(id);
            } else {
                self.checkpoint(id);
            }
        }
        self.lost = std::mem::replace(&mut self.now, flushed.clone());
        self.flushed = flushed;
        self.attempts.clear();
    }
}

fn number(id: SliceId, cursor: Cursor) -> u64 {
    match cursor {
        Cursor::Start => begin_of(id),
        Cursor::SeqNo(number) => number,
    }
}

impl ReferenceStateMachine for World {
    type State = World;
    type Transition = Event;

    fn init_state() -> BoxedStrategy<World> {
        Just(World::default()).boxed()
    }

    fn transitions(world: &World) -> BoxedStrategy<Event> {
        Event::next(world)
    }

    fn preconditions(world: &World, event: &Event) -> bool {
        event.fits(world)
    }

    fn apply(mut world: World, event: &Event) -> World {
        world.second += 1;
        world.refused = false;
        match event {
            Event::Plan(shard) => {
                world.planned.insert(*shard);
                let slices = slices_of(*shard).into_iter().map(|record| (record.slice.id, record));
                world.now.slices.extend(slices);
                world.flushed = world.now.clone();
            }
            Event::HandOut => world.hand_out(),
            Event::Send { slice, documents } => {
                let attempt = world.attempts.get_mut(slice).unwrap();
                let (from, to) = (attempt.read, attempt.read + documents);
                attempt.flights.push_back(Flight { from, to, fates: None });
                attempt.read = to;
            }
            Event::Answer { slice, flight, fates } => {
                let flight = &mut world.attempts.get_mut(slice).unwrap().flights[*flight];
                flight.fates = Some(fates.clone());
                world.answered.extend((flight.from..flight.to).map(|number| (*slice, number)));
            }
            Event::Collect { slice, checkpoint } => {
                world.collect(*slice);
                if *checkpoint {
                    world.checkpoint(*slice);
                }
            }
            Event::Finish(slice) => world.finish(*slice),
            Event::Lose { slice, once_too_often } => {
                world.checkpoint(*slice);
                world.attempts.remove(slice);
                if *once_too_often {
                    world.now.set_aside(*slice);
                    world.flushed = world.now.clone();
                }
            }
            Event::Panic(slice) => {
                world.attempts.remove(slice);
                world.now.set_aside(*slice);
                world.flushed = world.now.clone();
            }
            Event::Stray { .. } => world.refused = true,
            Event::Resume(only) => {
                world.refused = !world.now.resume(*only);
                if !world.refused {
                    world.flushed = world.now.clone();
                }
            }
            Event::Retry(tried) => world.retry(tried),
            Event::Accept { kind, undo } => {
                world.refused = !world.now.accept(kind, *undo);
                if !world.refused {
                    world.flushed = world.now.clone();
                }
            }
            Event::Reset => {
                world = World { second: world.second, ..World::default() };
            }
            Event::Restart => {
                for slice in world.attempts.keys().copied().collect::<Vec<_>>() {
                    world.checkpoint(slice);
                }
                world.attempts.clear();
                world.flushed = world.now.clone();
            }
            Event::Crash { settling } => world.crash(*settling),
        }
        world
    }
}
