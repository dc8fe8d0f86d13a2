//! What a store of many slices and failures weighs, and how long it takes to be opened and read.
//!
//! `cargo bench --bench store [-- SLICES FAILURES]`; the figures in docs/store.md come from it.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Instant;

use esferry::engine::phase::{Phase, Standing};
use esferry::engine::status::from_store;
use esferry::plan::slice::{Cursor, HalfOpen, Slice, SliceId, SliceRange};
use esferry::store::records::{
    Counts, Failure, IndexRecord, MigrationRecord, ShardRecord, SliceRecord, SliceState,
};
use esferry::store::{Settlement, Store};
use jiff::Timestamp;

const NAME: &str = "alerts";
const SHARDS: u32 = 5;

fn main() {
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let [slices, failures] = numbers[..] else { return measure(200_000, 1_000_000) };
    measure(slices, failures);
}

fn measure(slices: u32, failures: u32) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    println!("{slices} slices, {failures} failures");
    let store = timed("open, new", || Store::open(dir.path()).unwrap());
    timed("plan", || plan(&store, slices / SHARDS));
    tell_size("planned", dir.path());
    timed("settle", || settle(&store, slices / SHARDS, failures / slices));
    tell_size("settled", dir.path());
    drop(store);
    tell_size("closed", dir.path());
    let store = timed("open", || Store::open(dir.path()).unwrap());
    let status = timed("status", || from_store(&store, None).unwrap());
    println!("{:24} {} slices done", "", status.migrations[0].slices.done);
    let groups = timed("failures list", || store.failure_groups(NAME).unwrap());
    println!("{:24} {} of {}", "", groups[0].count, groups[0].error_type);
    let listed = timed("failures export", || store.failures(NAME).map(Result::unwrap).count());
    println!("{:24} {listed}", "");
    println!("{:24} {}", "", memory("VmHWM"));
}

/// What the kernel says of this process's memory.
fn memory(key: &str) -> String {
    let all = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = all.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    println!("{what:24} {:?}, {}", started.elapsed(), memory("VmRSS"));
    result
}

fn tell_size(what: &str, dir: &Path) {
    println!("{:24} {} MiB", format!("size, {what}"), size(dir) >> 20);
}

fn size(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { size(&path) } else { path.metadata().unwrap().len() }).sum()
}

fn plan(store: &Store, slices: u32) {
    let record = MigrationRecord {
        name: NAME.to_owned(),
        phase: Phase::Copying,
        standing: Standing::Running,
        fingerprint: [].into(),
        clusters: None,
        created: Timestamp::UNIX_EPOCH,
        copy_started: None,
        copy_finished: None,
        others: Vec::new(),
        planning_ms: 0,
        tuned: Default::default(),
        copying_ms: 0,
        drifted: Default::default(),
    };
    store.save_migration(&record).unwrap();
    let index = IndexRecord {
        ordinal: 0,
        source: NAME.to_owned(),
        source_uuid: "rXk0vWn8T3KkS1Yf5m0q7A".to_owned(),
        target: NAME.to_owned(),
        target_uuid: None,
        shards: SHARDS,
        types: vec!["alert".to_owned()],
        target_type: None,
        only_types: Vec::new(),
        shape: esferry::transform::Shape::Plain,
        strategy: "uid".to_owned(),
        remarks: Vec::new(),
        originals: None,
        prepared: true,
        restored: false,
        counted: None,
    };
    store.save_index(NAME, &index).unwrap();
    for shard in 0..SHARDS {
        let bound = |number: u32| Some(format!("alert#{shard:02}-5d1a7c3e-{number:08}"));
        let record = |number| SliceRecord {
            slice: Slice {
                id: SliceId { index: 0, shard, number },
                range: SliceRange::Uid(HalfOpen { from: bound(number), to: bound(number + 1) }),
                expected_docs: 50_000,
            },
            state: SliceState::Waiting,
            counts: Counts::default(),
            attempts: 0,
            dropped: [].into(),
        };
        let all: Vec<SliceRecord> = (0..slices).map(record).collect();
        let shard_record = ShardRecord { slices, docs: 0, sliced_docs: 0, writes_meanwhile: 0 };
        store.save_shard(NAME, 0, shard, &shard_record, &all).unwrap();
    }
}

fn settle(store: &Store, slices: u32, failures: u32) {
    for number in 0..slices {
        for shard in 0..SHARDS {
            let slice = SliceId { index: 0, shard, number };
            let refused = (0..failures).map(|document| failure(slice, document)).collect();
            let rejected = u64::from(failures);
            let counts = Counts {
                read: 50_000,
                bytes: 35_000_000,
                written: 50_000 - rejected,
                rejected,
                ..Counts::default()
            };
            store.update_slice(NAME, slice, |record| record.attempts += 1).unwrap();
            let run = Settlement {
                slice,
                from: Cursor::Start,
                to: None,
                counts,
                failures: refused,
                dropped: [].into(),
            };
            store.settle(NAME, &run).unwrap();
        }
    }
}

fn failure(slice: SliceId, document: u32) -> Failure {
    Failure {
        slice,
        index: NAME.to_owned(),
        doc_type: Some("alert".to_owned()),
        id: format!("5d1a7c3e-{slice}-{document}"),
        routing: None,
        version: Some(3),
        target_id: None,
        target_index: None,
        status: 400,
        error_type: "mapper_parsing_exception".to_owned(),
        reason: "failed to parse field [n] of type [integer]: For input string: \"twelve\"".to_owned(),
        attempts: 1,
        first: Timestamp::UNIX_EPOCH,
        last: Timestamp::UNIX_EPOCH,
        message: None,
    }
}
