//! A pass goes on where it was, its failures stand in the list once, and what it leaves on the disk goes with it.

use std::collections::BTreeMap;

use super::*;
use crate::store::passes::{Comparison, PassCounts, PassRecord};
use crate::store::units::{Part, Purpose, UnitName, UnitRecord};

fn pass(number: u32) -> PassRecord {
    PassRecord {
        number,
        begun: Timestamp::UNIX_EPOCH,
        finished: None,
        compared: None,
        counts: PassCounts::default(),
        before: PassCounts::default(),
    }
}

fn unit(part: Part, shard: u32) -> UnitRecord {
    let name = UnitName { part, index: 0, shard, number: 0 };
    UnitRecord { name, runs: 2, docs: 10, sums: BTreeMap::new(), mark: None, kept: false }
}

fn of_changes(document: &str, reason: &str, second: i64) -> Failure {
    Failure { slice: SliceId::of_changes(0), ..failure(0, document, "mapper", reason, second) }
}

#[test]
fn a_pass_goes_on_where_it_was_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = new_store(dir.path());
    store.begin_pass(NAME, &pass(1)).unwrap();
    let sightings = store.units_dir(Purpose::Pass, NAME);
    std::fs::create_dir_all(&sightings).unwrap();
    std::fs::write(sightings.join("s-0-0-0.0"), "x").unwrap();
    store.save_unit(Purpose::Pass, NAME, &unit(Part::Source, 0)).unwrap();
    store.save_unit(Purpose::Pass, NAME, &unit(Part::Target, 1)).unwrap();
    let counts = PassCounts { found: 3, written: 2, failed: 1, ..PassCounts::default() };
    let comparison = Comparison {
        upto: vec![0, 255, 7],
        counts,
        failures: vec![of_changes("x", "no", 5)],
        ..Comparison::default()
    };
    store.settle_comparison(NAME, &comparison).unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    let known = store.pass(NAME).unwrap().unwrap();
    assert_eq!((known.compared, known.counts, known.finished), (Some(vec![0, 255, 7]), counts, None));
    assert_eq!(store.units(Purpose::Pass, NAME).unwrap(), [unit(Part::Source, 0), unit(Part::Target, 1)]);
    let seen = PassCounts { on_source: 10, on_target: 9, ..PassCounts::default() };
    let over = store.finish_pass(NAME, &seen).unwrap();
    assert!(over.finished.is_some() && over.counts.on_target == 9 && over.counts.changed() == 3);
    assert!(store.units(Purpose::Pass, NAME).unwrap().is_empty() && !sightings.exists());
}

#[test]
fn what_fails_again_stays_one_failure_and_what_is_mended_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = new_store(dir.path());
    store.begin_pass(NAME, &pass(1)).unwrap();
    let first = Comparison { failures: vec![of_changes("x", "no", 5)], ..Comparison::default() };
    store.settle_comparison(NAME, &first).unwrap();
    let (key, known) = store.failures_by_key(NAME).next().unwrap().unwrap();
    assert_eq!(store.failure_at(&key).unwrap(), Some(known.clone()));
    let again = Comparison { again: vec![of_changes("x", "still no", 9)], ..Comparison::default() };
    store.settle_comparison(NAME, &again).unwrap();
    let group = store.failure_groups(NAME).unwrap().remove(0);
    assert_eq!((group.count, group.of_changes), (1, 1));
    let listed = store.failure_at(&key).unwrap().unwrap();
    assert_eq!((listed.reason.as_str(), listed.first, listed.attempts), ("still no", known.first, 2));
    let resolved = vec![Resolution { failure: listed, counts: Counts::default(), dropped_by: None }];
    store.settle_comparison(NAME, &Comparison { resolved, ..Comparison::default() }).unwrap();
    assert!(store.failure_groups(NAME).unwrap().is_empty());
    drop(store);
    assert_eq!(Store::open(dir.path()).unwrap().failure_at(&key).unwrap(), None);
}

#[test]
fn a_reset_takes_the_pass_and_its_files_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = new_store(dir.path());
    store.begin_pass(NAME, &pass(1)).unwrap();
    store.save_unit(Purpose::Pass, NAME, &unit(Part::Source, 0)).unwrap();
    let sightings = store.units_dir(Purpose::Pass, NAME);
    std::fs::create_dir_all(&sightings).unwrap();
    store.reset(NAME).unwrap();
    assert!(store.pass(NAME).unwrap().is_none() && store.units(Purpose::Pass, NAME).unwrap().is_empty());
    assert!(!sightings.exists());
}
