//! What may happen next to a migration that stands as the world has it.

use proptest::sample::subsequence;
use proptest::strategy::Union;

use super::books::Fate;
use super::world::{SHARDS, World, end_of};
use super::*;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(in super::super) enum Event {
    /// A shard is planned.
    Plan(u32),
    /// The next slice of the queue gets a worker.
    HandOut,
    /// A worker sends a page of so many documents.
    Send { slice: SliceId, documents: u64 },
    /// The target answers one of the pages in flight, not always the oldest one.
    Answer { slice: SliceId, flight: usize, fates: Vec<Fate> },
    /// A worker takes the answers that came, and stores them.
    Collect { slice: SliceId, checkpoint: bool },
    /// A worker is at the end of its slice.
    Finish(SliceId),
    /// A worker stops, or loses its reader, for this time or once too often; what it collected is stored.
    Lose { slice: SliceId, once_too_often: bool },
    /// A worker panics.
    Panic(SliceId),
    /// A settlement that does not belong.
    Stray { slice: SliceId, from: Cursor, to: Option<Cursor> },
    /// `resume`, of all slices or of one.
    Resume(Option<SliceId>),
    /// Failures are tried again; `None`: gone from the source.
    Retry(Vec<(FailureKey, Option<Fate>)>),
    /// A type of failures is accepted, or that is taken back.
    Accept { kind: &'static str, undo: bool },
    /// The migration is forgotten and begun anew.
    Reset,
    /// An orderly end, and another start.
    Restart,
    /// A loss of power, in the middle of a settlement of this slice where there is one.
    Crash { settling: Option<SliceId> },
}

const KINDS: [&str; 3] = ["mapper", "strict", "odd"];

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Written),
        1 => Just(Fate::Present),
        1 => Just(Fate::Superseded),
        1 => Just(Fate::Dropped),
        3 => prop::sample::select(KINDS.to_vec()).prop_map(Fate::Refused),
    ]
}

fn any_slice() -> impl Strategy<Value = SliceId> {
    // One more than there are.
    (0..=SHARDS, 0..3_u32).prop_map(|(shard, number)| SliceId { index: 0, shard, number })
}

fn any_cursor() -> impl Strategy<Value = Cursor> {
    prop_oneof![Just(Cursor::Start), (0..10_u64).prop_map(Cursor::SeqNo)]
}

impl Event {
    /// Whether it can happen.
    pub(super) fn fits(&self, world: &World) -> bool {
        let at_work = |slice| world.attempts.contains_key(slice);
        match self {
            Event::Plan(shard) => !world.planned.contains(shard),
            Event::Send { slice, documents } => world.attempts.get(slice).is_some_and(|attempt| {
                attempt.flights.len() < 2 && attempt.read + documents <= end_of(*slice)
            }),
            Event::Answer { slice, flight, fates } => {
                let flight = world.attempts.get(slice).and_then(|attempt| attempt.flights.get(*flight));
                flight.is_some_and(|flight| flight.fates.is_none() && flight.documents() == fates.len())
            }
            Event::Finish(slice) => world
                .attempts
                .get(slice)
                .is_some_and(|attempt| attempt.flights.is_empty() && attempt.read == end_of(*slice)),
            Event::Collect { slice, .. } | Event::Lose { slice, .. } | Event::Panic(slice) => at_work(slice),
            Event::Stray { slice, from, to } => !world.now.joins(*slice, *from, *to),
            Event::Retry(tried) => tried.iter().all(|(key, _)| world.now.failures.contains_key(key)),
            Event::Reset => world.attempts.is_empty() && !world.planned.is_empty(),
            Event::Crash { settling } => settling.as_ref().is_none_or(at_work),
            Event::HandOut | Event::Resume(_) | Event::Accept { .. } | Event::Restart => true,
        }
    }

    pub(super) fn next(world: &World) -> BoxedStrategy<Event> {
        let mut events: Vec<(u32, BoxedStrategy<Event>)> = vec![
            (6, Just(Event::HandOut).boxed()),
            (1, prop::option::of(any_slice()).prop_map(Event::Resume).boxed()),
            (1, Just(Event::Restart).boxed()),
            (1, Just(Event::Crash { settling: None }).boxed()),
            (1, accept().boxed()),
            (1, stray(world)),
        ];
        events.extend(
            (0..SHARDS)
                .filter(|shard| !world.planned.contains(shard))
                .map(|shard| (20, Just(Event::Plan(shard)).boxed())),
        );
        events.extend(world.attempts.keys().flat_map(|slice| of_worker(world, *slice)));
        if !world.now.failures.is_empty() {
            events.push((3, retry(world)));
        }
        if world.attempts.is_empty() && !world.planned.is_empty() {
            events.push((1, Just(Event::Reset).boxed()));
        }
        Union::new_weighted(events).boxed()
    }
}

fn of_worker(world: &World, slice: SliceId) -> Vec<(u32, BoxedStrategy<Event>)> {
    let attempt = &world.attempts[&slice];
    let mut events = vec![
        (1, any::<bool>().prop_map(move |once_too_often| Event::Lose { slice, once_too_often }).boxed()),
        (1, Just(Event::Panic(slice)).boxed()),
        (1, Just(Event::Crash { settling: Some(slice) }).boxed()),
        (4, any::<bool>().prop_map(move |checkpoint| Event::Collect { slice, checkpoint }).boxed()),
    ];
    let left = end_of(slice) - attempt.read;
    if attempt.flights.len() < 2 && left > 0 {
        events.push((8, (1..=left).prop_map(move |documents| Event::Send { slice, documents }).boxed()));
    }
    for (flight, sent) in attempt.flights.iter().enumerate().filter(|(_, sent)| sent.fates.is_none()) {
        let fates = prop::collection::vec(fate(), sent.documents());
        events.push((8, fates.prop_map(move |fates| Event::Answer { slice, flight, fates }).boxed()));
    }
    if attempt.flights.is_empty() && left == 0 {
        events.push((20, Just(Event::Finish(slice)).boxed()));
    }
    events
}

fn accept() -> impl Strategy<Value = Event> {
    (prop::sample::select(KINDS.to_vec()), prop::bool::weighted(0.3))
        .prop_map(|(kind, undo)| Event::Accept { kind, undo })
}

fn stray(world: &World) -> BoxedStrategy<Event> {
    let books = world.now.clone();
    (any_slice(), any_cursor(), prop::option::of(any_cursor()))
        .prop_filter("it would belong", move |(slice, from, to)| !books.joins(*slice, *from, *to))
        .prop_map(|(slice, from, to)| Event::Stray { slice, from, to })
        .boxed()
}

fn retry(world: &World) -> BoxedStrategy<Event> {
    let keys: Vec<FailureKey> = world.now.failures.keys().cloned().collect();
    let most = keys.len().min(3);
    subsequence(keys, 1..=most)
        .prop_flat_map(|keys| {
            let fates = prop::collection::vec(prop::option::weighted(0.8, fate()), keys.len());
            (Just(keys), fates)
        })
        .prop_map(|(keys, fates)| Event::Retry(keys.into_iter().zip(fates).collect()))
        .boxed()
}
