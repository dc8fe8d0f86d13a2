//! The store against a plain model in memory.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

type FailureKey = (SliceId, String, Option<String>);

fn key_of(failure: &Failure) -> FailureKey {
    (failure.slice, failure.id.clone(), failure.routing.clone())
}

/// The same, without a disk.
#[derive(Debug, Clone, Default)]
struct Model {
    slices: BTreeMap<SliceId, SliceRecord>,
    failures: BTreeMap<FailureKey, Failure>,
    /// How many there were of each type when it was accepted.
    accepted: BTreeMap<String, u64>,
}

impl Model {
    fn count_of(&self, kind: &str) -> u64 {
        self.failures.values().filter(|failure| failure.error_type == kind).count() as u64
    }

    /// False: refused, since there is no failure of this type, or it is not accepted.
    fn accept(&mut self, kind: &str, undo: bool) -> bool {
        let count = self.count_of(kind);
        if undo {
            return self.accepted.remove(kind).is_some();
        }
        let known = count > 0 || self.accepted.contains_key(kind);
        if known {
            self.accepted.insert(kind.to_owned(), count);
        }
        known
    }

    /// False: refused, and nothing changed.
    fn settle(&mut self, settlement: &Settlement) -> bool {
        let Some(record) = self.slices.get_mut(&settlement.slice) else { return false };
        let joins = match &record.state {
            SliceState::Waiting => settlement.from == Cursor::Start,
            SliceState::Open { cursor } => settlement.from == *cursor,
            SliceState::Done | SliceState::SetAside { .. } => false,
        };
        if !joins || settlement.to.is_some_and(|to| to <= settlement.from) {
            return false;
        }
        record.state = settlement.to.map_or(SliceState::Done, |cursor| SliceState::Open { cursor });
        record.counts.add(&settlement.counts);
        for failure in &settlement.failures {
            let mut failure = failure.clone();
            if let Some(known) = self.failures.get(&key_of(&failure)) {
                failure.first = known.first;
                record.counts.rejected -= 1;
                record.counts.superseded += 1;
            }
            self.failures.insert(key_of(&failure), failure);
        }
        true
    }

    fn resolve(&mut self, resolved: &[(Failure, Counts)], again: &[Failure]) {
        for (failure, counts) in resolved {
            self.failures.remove(&key_of(failure)).unwrap();
            let record = self.slices.get_mut(&failure.slice).unwrap();
            record.counts.rejected -= 1;
            record.counts.written += counts.written;
            record.counts.present += counts.present;
            record.counts.superseded += counts.superseded;
        }
        for failure in again {
            let known = self.failures.get_mut(&key_of(failure)).unwrap();
            let (first, attempts) = (known.first, known.attempts + failure.attempts);
            *known = Failure { first, attempts, ..failure.clone() };
        }
    }
}

/// Everything that the store holds is what the model holds, and the groups are what a full scan gives.
fn assert_same(store: &Store, model: &Model) {
    let slices = all(store.slices(NAME));
    assert_eq!(slices, model.slices.values().cloned().collect::<Vec<_>>(), "in the order of their names");
    let failures = all(store.failures(NAME));
    let by_key: BTreeMap<FailureKey, Failure> =
        failures.iter().map(|failure| (key_of(failure), failure.clone())).collect();
    assert_eq!(by_key, model.failures);
    assert_eq!(failures.len(), by_key.len());
    let rejected: u64 = slices.iter().map(|slice| slice.counts.rejected).sum();
    assert_eq!(rejected, failures.len() as u64, "the counts of the slices and the list tell the same");
    let mut scanned: BTreeMap<&str, u64> = BTreeMap::new();
    failures.iter().for_each(|failure| *scanned.entry(&failure.error_type).or_default() += 1);
    let groups = store.failure_groups(NAME).unwrap();
    let told: BTreeMap<&str, u64> =
        groups.iter().map(|group| (group.error_type.as_str(), group.count)).collect();
    for kind in model.accepted.keys() {
        scanned.entry(kind).or_default();
    }
    assert_eq!(told, scanned, "an accepted type stays, however few it has");
    let accepted: BTreeMap<String, u64> = groups
        .iter()
        .filter_map(|group| Some((group.error_type.clone(), group.accepted.as_ref()?.count)))
        .collect();
    assert_eq!(accepted, model.accepted);
    for group in groups.iter().filter(|group| group.count > 0) {
        let is_it =
            |failure: &&Failure| failure.id == group.example_id && failure.error_type == group.error_type;
        assert!(failures.iter().any(|failure| is_it(&failure)), "the example of {group:?} is on the list");
    }
}

/// One thing that is done to a store.
#[derive(Debug, Clone)]
enum Step {
    /// `exactly`: from where the slice stands; else from `from`, wherever that is.
    Settle {
        slice: u32,
        exactly: bool,
        from: u64,
        ahead: Option<u64>,
        written: u64,
        refused: Vec<Refused>,
    },
    Change {
        slice: u32,
        state: u8,
        cursor: u64,
    },
    Resolve {
        picks: Vec<(Index, u8)>,
    },
    Accept {
        kind: &'static str,
        undo: bool,
    },
    Reopen,
}

type Refused = (&'static str, &'static str);

fn refused() -> impl Strategy<Value = Refused> {
    (prop::sample::select(vec!["x", "y", "x+", "z"]), prop::sample::select(vec!["mapper", "strict", "odd"]))
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..=SLICES, prop::bool::weighted(0.7), 0..6_u64, prop::option::weighted(0.8, 0..4_u64), 0..9_u64, prop::collection::vec(refused(), 0..4))
            .prop_map(|(slice, exactly, from, ahead, written, refused)| Step::Settle { slice, exactly, from, ahead, written, refused }),
        2 => (0..=SLICES, 0..4_u8, 0..6_u64).prop_map(|(slice, state, cursor)| Step::Change { slice, state, cursor }),
        3 => prop::collection::vec((any::<Index>(), 0..4_u8), 1..4).prop_map(|picks| Step::Resolve { picks }),
        2 => (prop::sample::select(vec!["mapper", "strict", "odd"]), any::<bool>())
            .prop_map(|(kind, undo)| Step::Accept { kind, undo }),
        1 => Just(Step::Reopen),
    ]
}

fn cursor(number: u64) -> Cursor {
    number.checked_sub(1).map_or(Cursor::Start, Cursor::SeqNo)
}

fn settlement(model: &Model, step: &Step, second: i64) -> Option<Settlement> {
    let Step::Settle { slice, exactly, from, ahead, written, refused } = step else { return None };
    let stands = match model.slices.get(&id(*slice)).map(|record| &record.state) {
        Some(SliceState::Open { cursor } | SliceState::SetAside { cursor, .. }) => *cursor,
        _ => Cursor::Start,
    };
    let from = if *exactly { stands } else { cursor(*from) };
    let to = ahead.map(|ahead| match from {
        // One cursor in four does not advance.
        Cursor::Start => cursor(ahead),
        Cursor::SeqNo(at) => Cursor::SeqNo(at + ahead),
    });
    let rejected = refused.len() as u64;
    let counts = Counts { read: written + rejected, written: *written, rejected, ..Counts::default() };
    let failures = refused
        .iter()
        .map(|(document, kind)| failure(*slice, document, kind, &format!("{kind} at {second}"), second))
        .collect();
    Some(Settlement {
        slice: id(*slice),
        from,
        to,
        counts,
        failures,
        dropped: std::collections::BTreeMap::new(),
    })
}

fn resolution(model: &Model, picks: &[(Index, u8)], second: i64) -> (Vec<(Failure, Counts)>, Vec<Failure>) {
    let (mut resolved, mut again, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
    let known: Vec<&Failure> = model.failures.values().collect();
    for (pick, what) in picks {
        let Some(failure) = (!known.is_empty()).then(|| *pick.get(&known)) else { continue };
        if !taken.insert(key_of(failure)) {
            continue;
        }
        let one = |written, present, superseded| Counts { written, present, superseded, ..Counts::default() };
        match what {
            0 => resolved.push((failure.clone(), one(1, 0, 0))),
            1 => resolved.push((failure.clone(), one(0, 1, 0))),
            2 => resolved.push((failure.clone(), Counts::default())),
            _ => again.push(Failure {
                error_type: "strict".to_owned(),
                reason: "once more".to_owned(),
                last: Timestamp::from_second(second).unwrap(),
                ..failure.clone()
            }),
        }
    }
    (resolved, again)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn the_store_does_what_the_model_does(steps in prop::collection::vec(step(), 1..24)) {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, slices) = new_store(dir.path());
        let slices = slices.into_iter().map(|record| (record.slice.id, record)).collect();
        let mut model = Model { slices, ..Model::default() };
        for (second, step) in (1_i64..).zip(&steps) {
            match step {
                Step::Settle { slice, .. } => {
                    let settlement = settlement(&model, step, second).unwrap();
                    let taken = model.settle(&settlement);
                    match store.settle(NAME, &settlement) {
                        Ok(record) => prop_assert!(taken && Some(&record) == model.slices.get(&id(*slice))),
                        Err(SettleError::OutOfOrder(refusal)) => prop_assert!(!taken && refusal.from == settlement.from),
                        Err(SettleError::Store(error)) => prop_assert!(false, "{}", error.one_line()),
                    }
                }
                Step::Change { slice, state, cursor: at } => {
                    let change = |record: &mut SliceRecord| {
                        record.attempts += 1;
                        record.state = match state {
                            0 => SliceState::Waiting,
                            1 => SliceState::Open { cursor: cursor(*at) },
                            2 => SliceState::SetAside { reason: "r".to_owned(), cursor: cursor(*at) },
                            _ => return,
                        };
                    };
                    let stored = store.update_slice(NAME, id(*slice), change).ok();
                    if let Some(record) = model.slices.get_mut(&id(*slice)) {
                        change(record);
                    }
                    prop_assert_eq!(stored.as_ref(), model.slices.get(&id(*slice)));
                }
                Step::Resolve { picks } => {
                    let (resolved, again) = resolution(&model, picks, second);
                    store.resolve_failures(NAME, &resolved, &again).unwrap();
                    model.resolve(&resolved, &again);
                }
                Step::Accept { kind, undo } => {
                    let stored = if *undo {
                        store.take_back_acceptance(NAME, kind)
                    } else {
                        store.accept_failures(NAME, kind, acceptance(second))
                    };
                    prop_assert_eq!(stored.is_ok(), model.accept(kind, *undo));
                }
                Step::Reopen => {
                    drop(store);
                    store = Store::open(dir.path()).unwrap();
                }
            }
            assert_same(&store, &model);
        }
    }
}
