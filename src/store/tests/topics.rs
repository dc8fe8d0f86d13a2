//! Positions of a topic only join, and what was recorded stays.

use super::*;
use crate::store::topics::{
    MessageCounts, MessageRun, PositionRecord, RecordedOffset, Tombstone, TopicRecord,
};

fn topic(offset: i64) -> TopicRecord {
    let recorded = RecordedOffset { offset, before: Some("d1".to_owned()) };
    TopicRecord {
        topic: "commands".to_owned(),
        recorded: Timestamp::UNIX_EPOCH,
        partitions: [(0, recorded.clone()), (1, recorded)].into(),
        until: None,
        counts: MessageCounts::default(),
        handed_over: false,
    }
}

fn run(partition: i32, from: i64, to: i64) -> MessageRun {
    let read = u64::try_from(to - from).unwrap();
    let to = PositionRecord { next: to, timestamp: Some(7) };
    let counts = MessageCounts { read, applied: read, ..MessageCounts::default() };
    MessageRun { advances: [(partition, (from, to))].into(), counts, ..MessageRun::default() }
}

fn tombstone(id: &str, version: u64) -> Tombstone {
    Tombstone { index: 0, doc_type: None, id: id.to_owned(), routing: None, version }
}

#[test]
fn what_was_recorded_is_never_moved_forward() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = new_store(dir.path());
    assert_eq!(store.record_topic(NAME, topic(10)).unwrap(), topic(10));
    assert_eq!(store.record_topic(NAME, topic(99)).unwrap(), topic(10));
    drop(store);
    assert_eq!(Store::open(dir.path()).unwrap().topic(NAME).unwrap(), Some(topic(10)));
}

#[test]
fn a_run_joins_the_position_or_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = new_store(dir.path());
    store.record_topic(NAME, topic(10)).unwrap();
    store.settle_messages(NAME, &run(0, 10, 15)).unwrap();
    for (partition, from, to) in [(0, 10, 20), (0, 16, 20), (1, 0, 3), (2, 10, 12)] {
        let mut wrong = run(partition, from, to);
        wrong.failures.push(failure(0, "x", "mapper", "no", 1));
        wrong.tombstones.push(tombstone("x", 1));
        // One partition joins, the other does not: neither moves.
        wrong.advances.entry(0).or_insert((15, PositionRecord { next: 18, timestamp: None }));
        let error = store.settle_messages(NAME, &wrong).unwrap_err();
        assert_eq!(error.code(), "out_of_order", "{error}");
    }
    // A partition that came later begins with its first message.
    store.settle_messages(NAME, &run(2, 0, 3)).unwrap();
    let next: Vec<(i32, i64)> = store
        .positions(NAME)
        .unwrap()
        .into_iter()
        .map(|(partition, position)| (partition, position.next))
        .collect();
    assert_eq!(next, [(0, 15), (2, 3)]);
    assert_eq!(store.topic(NAME).unwrap().unwrap().counts.read, 8);
    assert_eq!((store.failures(NAME).count(), store.tombstones(NAME).count()), (0, 0));
}

#[test]
fn of_several_deletes_the_last_is_remembered_until_it_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = new_store(dir.path());
    store.record_topic(NAME, topic(0)).unwrap();
    let mut first = run(0, 0, 1);
    first.tombstones = vec![tombstone("a", 5), tombstone("b", 6), tombstone("a", 3)];
    store.settle_messages(NAME, &first).unwrap();
    let all = |store: &Store| store.tombstones(NAME).collect::<Result<Vec<_>>>().unwrap();
    let mut known = all(&store);
    known.sort();
    assert_eq!(known, [tombstone("a", 5), tombstone("b", 6)]);
    let mut second = run(0, 1, 2);
    second.tombstones = vec![tombstone("a", 9)];
    store.settle_messages(NAME, &second).unwrap();
    store.forget_tombstones(NAME, &known).unwrap();
    assert_eq!(all(&store), [tombstone("a", 9)], "a later one has come meanwhile");
    store.reset(NAME).unwrap();
    assert_eq!((all(&store).len(), store.topic(NAME).unwrap()), (0, None));
    assert!(store.positions(NAME).unwrap().is_empty());
}
