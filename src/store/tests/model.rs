//! The store and the engine's way to a checkpoint against a model in memory, over any course of events: pages that are
//! answered in any order, lost attempts, crashes, resumes, retries, and settlements that do not belong.

mod books;
mod crew;
mod events;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::*;
use books::{Books, FailureKey, key_of};
use crew::Crew;
use world::World;

struct Checkpoints;

impl StateMachineTest for Checkpoints {
    type SystemUnderTest = Crew;
    type Reference = World;

    fn init_test(_: &World) -> Crew {
        Crew::new()
    }

    fn apply(mut crew: Crew, world: &World, event: <World as ReferenceStateMachine>::Transition) -> Crew {
        crew.live(world, event);
        crew
    }

    fn check_invariants(crew: &Crew, world: &World) {
        world.assert_nothing_unsettled_is_done();
        assert_holds(crew.store(), &world.now);
    }
}

/// The store holds what these books say, and each of its accounts of the same thing agrees with the others.
fn assert_holds(store: &Store, books: &Books) {
    let slices = all(store.slices(NAME));
    assert_eq!(slices, books.slices.values().cloned().collect::<Vec<_>>(), "in the order of their names");
    let failures = all(store.failures(NAME));
    let by_key: BTreeMap<FailureKey, Failure> =
        failures.iter().map(|failure| (key_of(failure), failure.clone())).collect();
    assert_eq!(by_key, books.failures);
    assert_eq!(failures.len(), by_key.len());
    for slice in &slices {
        let Counts { read, written, present, superseded, rejected, dropped, gone, .. } = slice.counts;
        assert_eq!(read, written + present + superseded + rejected + dropped + gone, "{slice:?}");
        assert_eq!(dropped, slice.dropped.values().sum::<u64>(), "each by its step: {slice:?}");
        let listed = failures.iter().filter(|failure| failure.slice == slice.slice.id).count();
        assert_eq!(rejected, listed as u64, "the counts of {slice:?} and the list tell the same");
    }
    let mut scanned: BTreeMap<String, u64> = BTreeMap::new();
    failures.iter().for_each(|failure| *scanned.entry(failure.error_type.clone()).or_default() += 1);
    for kind in books.accepted.keys() {
        scanned.entry(kind.clone()).or_default();
    }
    let groups = store.failure_groups(NAME).unwrap();
    let told: BTreeMap<String, u64> =
        groups.iter().map(|group| (group.error_type.clone(), group.count)).collect();
    assert_eq!(told, scanned, "an accepted type stays, however few it has");
    let accepted: BTreeMap<String, u64> = groups
        .iter()
        .filter_map(|group| Some((group.error_type.clone(), group.accepted.as_ref()?.count)))
        .collect();
    assert_eq!(accepted, books.accepted);
    for group in groups.iter().filter(|group| group.count > 0) {
        let is_it =
            |failure: &&Failure| failure.id == group.example_id && failure.error_type == group.error_type;
        assert!(failures.iter().any(|failure| is_it(&failure)), "the example of {group:?} is on the list");
    }
}

/// `PROPTEST_CASES` is that of the other properties: each of these cases is a life of many steps on a disk.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases / 4, ..usual }
}

prop_state_machine! {
    #![proptest_config(config())]
    #[test]
    fn whatever_happens_nothing_is_done_that_is_not_settled_and_nothing_done_is_redone(
        sequential 1..70 => Checkpoints
    );
}
