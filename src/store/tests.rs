//! What the store keeps, in which order, and what a torn log or another format leaves of it.

mod model;
mod passes;
mod topics;
mod torn;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::records::*;
use super::*;
use crate::plan::slice::{Cursor, HalfOpen, Slice, SliceRange};

const NAME: &str = "a";
const SLICES: u32 = 3;

fn id(number: u32) -> SliceId {
    SliceId { index: 0, shard: 0, number }
}

fn slice(id: SliceId) -> SliceRecord {
    let range = SliceRange::SeqNo(HalfOpen::all());
    let slice = Slice { id, range, expected_docs: 10 };
    SliceRecord {
        slice,
        state: SliceState::Waiting,
        counts: Counts::default(),
        attempts: 0,
        dropped: std::collections::BTreeMap::new(),
    }
}

fn shard(slices: u32) -> ShardRecord {
    ShardRecord { slices, docs: 0, sliced_docs: 0, writes_meanwhile: 0 }
}

fn migration(name: &str) -> MigrationRecord {
    serde_json::from_value(serde_json::json!({
        "name": name, "phase": "copying", "standing": {"standing": "running"}, "fingerprint": {}, "clusters": null,
        "created": "2026-01-01T00:00:00Z", "copy_started": null, "copy_finished": null
    }))
    .unwrap()
}

fn failure(number: u32, document: &str, error_type: &str, reason: &str, second: i64) -> Failure {
    let at = Timestamp::from_second(second).unwrap();
    Failure {
        slice: id(number),
        index: "i".to_owned(),
        doc_type: None,
        id: document.trim_end_matches('+').to_owned(),
        routing: document.ends_with('+').then(|| "r".to_owned()),
        version: Some(1),
        target_id: None,
        target_index: None,
        status: 400,
        error_type: error_type.to_owned(),
        reason: reason.to_owned(),
        attempts: 1,
        first: at,
        last: at,
        message: None,
    }
}

fn acceptance(second: i64) -> Acceptance {
    let at = Timestamp::from_second(second).unwrap();
    Acceptance { note: "agreed".to_owned(), by: "anna".to_owned(), at, count: 0 }
}

fn all<T>(records: impl Iterator<Item = Result<T>>) -> Vec<T> {
    records.collect::<Result<_>>().unwrap()
}

/// A store with one planned shard, and its slices.
fn new_store(dir: &Path) -> (Store, Vec<SliceRecord>) {
    let store = Store::open(dir).unwrap();
    let slices: Vec<SliceRecord> = (0..SLICES).map(|number| slice(id(number))).collect();
    store.save_migration(&migration(NAME)).unwrap();
    store.save_shard(NAME, 0, 0, &shard(SLICES), &slices).unwrap();
    (store, slices)
}

#[test]
fn a_document_refused_twice_in_one_run_is_one_failure() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = new_store(dir.path());
    let failures = vec![failure(0, "x", "mapper", "first", 1), failure(0, "x", "strict", "second", 2)];
    let counts = Counts { read: 2, rejected: 2, ..Counts::default() };
    let settlement = Settlement {
        slice: id(0),
        from: Cursor::Start,
        to: None,
        counts,
        failures,
        dropped: std::collections::BTreeMap::new(),
    };
    let record = store.settle(NAME, &settlement).unwrap();
    assert_eq!((record.counts.rejected, record.counts.superseded), (1, 1));
    let left = all(store.failures(NAME));
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].reason.as_str(), left[0].first), ("second", Timestamp::from_second(1).unwrap()));
    assert_eq!(store.failure_groups(NAME).unwrap().len(), 1);
}

#[test]
fn a_type_is_accepted_with_those_that_come_later_and_a_mistyped_one_is_answered_with_the_nearest() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = new_store(dir.path());
    let settle = |number, document| {
        let counts = Counts { read: 1, rejected: 1, ..Counts::default() };
        let failures = vec![failure(number, document, "mapper", "r", 1)];
        let dropped = std::collections::BTreeMap::new();
        let run = Settlement { slice: id(number), from: Cursor::Start, to: None, counts, failures, dropped };
        store.settle(NAME, &run).unwrap();
    };
    let nothing = store.accept_failures(NAME, "mapper", acceptance(1)).unwrap_err();
    assert_eq!(nothing.remedy(), Some("it has no failures at all"));
    settle(0, "x");
    let mistyped = store.accept_failures(NAME, "maper", acceptance(1)).unwrap_err();
    assert_eq!(mistyped.to_string(), "`a` has no failures of the type `maper`; did you mean `mapper`?");
    assert_eq!(store.take_back_acceptance(NAME, "mapper").unwrap_err().code(), "not_accepted");
    store.accept_failures(NAME, "mapper", acceptance(1)).unwrap();
    settle(1, "y");
    let group = &store.failure_groups(NAME).unwrap()[0];
    assert_eq!((group.count, group.since_accepted()), (2, 1));
    assert_eq!(group.accepted, Some(Acceptance { count: 1, ..acceptance(1) }));
    let group = store.take_back_acceptance(NAME, "mapper").unwrap();
    assert_eq!((group.count, group.accepted), (2, None));
}

#[test]
fn slices_come_in_the_order_of_their_numbers_and_not_of_their_digits() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let mut ids: Vec<SliceId> = Vec::new();
    for index in [0, 1, 300] {
        for shard in [0, 2, 256] {
            ids.extend([0, 1, 9, 10, 255, 256, 70_000].map(|number| SliceId { index, shard, number }));
        }
    }
    for &SliceId { index, shard: number, .. } in ids.iter().rev() {
        let of_shard = ids.iter().filter(|id| (id.index, id.shard) == (index, number));
        let slices: Vec<SliceRecord> = of_shard.rev().map(|id| slice(*id)).collect();
        store.save_shard(NAME, index, number, &shard(7), &slices).unwrap();
    }
    let stored: Vec<SliceId> = all(store.slices(NAME)).iter().map(|record| record.slice.id).collect();
    assert_eq!(stored, ids);
}

#[test]
fn failures_go_on_after_any_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = new_store(dir.path());
    let failures: Vec<Failure> =
        (0..20).map(|number| failure(1, &format!("d{number}"), "mapper", "r", 1)).collect();
    let counts = Counts { read: 20, rejected: 20, ..Counts::default() };
    let settlement = Settlement {
        slice: id(1),
        from: Cursor::Start,
        to: None,
        counts,
        failures,
        dropped: std::collections::BTreeMap::new(),
    };
    store.settle(NAME, &settlement).unwrap();
    let listed = all(store.failures(NAME));
    assert_eq!(listed.len(), 20);
    for (position, failure) in listed.iter().enumerate() {
        let rest = all(store.failures_after(NAME, Some(failure)));
        assert_eq!(rest, listed[position + 1..]);
    }
    assert_eq!(all(store.failures_after(NAME, None)), listed);
}

#[test]
fn reset_forgets_one_migration_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let names = ["a", "a-b", "aa", "b"];
    let fill = |name: &str| {
        store.save_migration(&migration(name)).unwrap();
        store.save_shard(name, 0, 0, &shard(1), &[slice(id(0))]).unwrap();
        let counts = Counts { read: 1, rejected: 1, ..Counts::default() };
        let failures = vec![failure(0, "x", "mapper", "r", 1)];
        let settlement = Settlement {
            slice: id(0),
            from: Cursor::Start,
            to: None,
            counts,
            failures,
            dropped: std::collections::BTreeMap::new(),
        };
        store.settle(name, &settlement).unwrap();
    };
    names.iter().for_each(|name| fill(name));
    store.reset("a").unwrap();
    let left = |name: &str| {
        let slices = store.slices(name).count() + store.failures(name).count();
        let groups = store.failure_groups(name).unwrap().len();
        let planned = store.shard(name, 0, 0).unwrap().is_some();
        (store.migration(name).unwrap().is_some(), planned, slices, groups)
    };
    assert_eq!(left("a"), (false, false, 0, 0));
    for name in &names[1..] {
        assert_eq!(left(name), (true, true, 2, 1), "{name}");
    }
    fill("a");
    assert_eq!(left("a"), (true, true, 2, 1));

    // A crash in the middle of it.
    store.put(&Key::reset("a"), &"a").unwrap();
    store.db.remove(Key::slice("a", id(0)).bytes()).unwrap();
    drop(store);
    let store = Store::open(dir.path()).unwrap();
    assert!(store.migration("a").unwrap().is_none());
    assert_eq!((store.failures("a").count(), store.failures("aa").count()), (0, 1));
}

#[test]
fn a_torn_log_leaves_a_planned_shard_whole_or_absent() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("whole")).unwrap();
    let slices = |shard| (0..40).map(|number| slice(SliceId { index: 0, shard, number })).collect::<Vec<_>>();
    (0..8).for_each(|number| store.save_shard(NAME, 0, number, &shard(40), &slices(number)).unwrap());
    let log = std::fs::read(dir.path().join("whole/store/db")).unwrap();
    let (mut seen, mut refused) = (BTreeSet::new(), 0);
    // The log is preallocated: the records stand in its first part.
    let used = log.iter().rposition(|byte| *byte != 0).unwrap();
    for part in 0..24 {
        let torn = dir.path().join(format!("torn-{part}"));
        std::fs::create_dir_all(torn.join("store")).unwrap();
        std::fs::copy(dir.path().join("whole/store/conf"), torn.join("store/conf")).unwrap();
        let mut bytes = log.clone();
        bytes[used * part / 23..].fill(0);
        std::fs::write(torn.join("store/db"), bytes).unwrap();
        // As after a loss of power that took the end of both.
        std::fs::write(torn.join("flushes"), format!("{:020}\n", 0)).unwrap();
        let Ok(store) = Store::open(&torn) else {
            refused += 1;
            continue;
        };
        let mut whole = 0;
        for number in 0..8 {
            let held = all(store.slices(NAME)).iter().filter(|slice| slice.slice.id.shard == number).count();
            let planned = store.shard(NAME, 0, number).unwrap().is_some();
            assert_eq!(held, if planned { 40 } else { 0 }, "shard {number}, cut at {part} of 23");
            whole += u32::from(planned);
        }
        seen.insert(whole);
    }
    assert!(seen.len() > 4, "the cuts fell on different shards: {seen:?}, {refused} refused");
}

#[test]
fn a_store_of_another_format_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    drop(new_store(dir.path()));
    let raw = || open_sled(&dir.path().join("store")).unwrap();
    raw().insert(Key::format().bytes(), encode(&(FORMAT + 1)).unwrap()).unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    assert_eq!(error.code(), "format");
    assert!(error.to_string().contains(&format!("is of format {}", FORMAT + 1)), "{error}");
    assert_eq!(raw().len(), usize::try_from(SLICES).unwrap() + 3);
    raw().remove(Key::format().bytes()).unwrap();
    assert_eq!(Store::open(dir.path()).unwrap_err().code(), "corrupt");
    raw().clear().unwrap();
    assert_eq!(Store::open(dir.path()).unwrap_err().code(), "corrupt", "it was not always empty");
}

#[test]
fn one_process_at_a_time_and_the_other_one_is_told_whose_turn_it_is() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(running_pid(dir.path()), None);
    let store = Store::open(dir.path()).unwrap();
    assert_eq!(running_pid(dir.path()), Some(std::process::id()));
    // As a daemon does: who holds it for a moment only is waited for.
    let listening = std::os::unix::net::UnixListener::bind(socket_path(dir.path())).unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    assert_eq!(error.code(), "locked");
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    drop(listening);
    let soon = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(300));
        drop(store);
    });
    Store::open(dir.path()).unwrap();
    soon.join().unwrap();
    assert_eq!(running_pid(dir.path()), None);
}
