//! A damaged store is refused, or has everything that it had.

use std::ffi::OsStr;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

type Entries = Vec<(Vec<u8>, Vec<u8>)>;

/// Everything that is in the store, failures included, or the code of the refusal.
fn content(dir: &Path) -> std::result::Result<Entries, &'static str> {
    let store = Store::open(dir).map_err(|error| error.code())?;
    all_or_code(store.slices(NAME))?;
    all_or_code(store.failures(NAME))?;
    let entries = store.db.iter().map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())));
    entries.collect::<sled::Result<_>>().map_err(|_| "corrupt")
}

fn all_or_code<T>(mut records: impl Iterator<Item = Result<T>>) -> std::result::Result<(), &'static str> {
    records.try_for_each(|record| record.map(drop)).map_err(|error| error.code())
}

/// A store in which slices were settled one by one, with failures, and how its directory looks afterwards.
fn worked_on(dir: &Path) -> Entries {
    let store = Store::open(dir).unwrap();
    store.save_migration(&migration(NAME)).unwrap();
    let slices: Vec<SliceRecord> = (0..60).map(|number| slice(id(number))).collect();
    store.save_shard(NAME, 0, 0, &shard(60), &slices).unwrap();
    for number in 0..60 {
        let failures: Vec<Failure> =
            (0..30).map(|n| failure(number, &format!("d{n}"), "mapper", &"why ".repeat(40), 1)).collect();
        let counts = Counts { read: 50, written: 20, rejected: 30, ..Counts::default() };
        let dropped = std::collections::BTreeMap::new();
        let run = Settlement { slice: id(number), from: Cursor::Start, to: None, counts, failures, dropped };
        store.settle(NAME, &run).unwrap();
    }
    drop(store);
    content(dir).unwrap()
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.as_ref().unwrap().file_name()));
        if from.is_dir() {
            copied(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// Files of sled that are not empty.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir.join("store"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && path.metadata().unwrap().len() > 0)
        .collect();
    files.sort();
    files
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Flip(u8),
    Zero(usize),
    Cut,
}

fn damage(path: &Path, at: f64, damage: Damage) {
    let mut bytes = std::fs::read(path).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let place = ((used as f64 * at) as usize).min(used - 1);
    match damage {
        Damage::Flip(mask) => bytes[place] ^= mask,
        Damage::Zero(length) => bytes[place..(place + length).min(used)].fill(0),
        Damage::Cut => bytes.truncate(place),
    }
    std::fs::write(path, bytes).unwrap();
}

/// True when the store, damaged so, is refused as a corrupt one; false when it is complete all the same.
fn refused(
    whole: &Path,
    expected: &Entries,
    name: &OsStr,
    at: f64,
    kind: Damage,
) -> std::result::Result<bool, TestCaseError> {
    let torn = tempfile::tempdir_in(whole.parent().unwrap()).unwrap();
    copied(whole, torn.path());
    damage(&torn.path().join("store").join(name), at, kind);
    match content(torn.path()) {
        Ok(content) => {
            prop_assert!(content == *expected, "something is missing, and nobody said so");
            Ok(false)
        }
        Err(code) => {
            prop_assert_eq!(code, "corrupt");
            Ok(true)
        }
    }
}

#[test]
fn a_damaged_store_is_refused_or_complete() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    let expected = worked_on(&whole);
    let names: Vec<_> = files(&whole).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(250) };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let kinds = prop_oneof![
        3 => (1..=u8::MAX).prop_map(Damage::Flip),
        1 => (1..4000_usize).prop_map(Damage::Zero),
        1 => Just(Damage::Cut),
    ];
    let refusals = std::cell::Cell::new(0);
    runner
        .run(&(prop::sample::select(names), 0.0..1.0_f64, kinds), |(name, at, kind)| {
            refusals.set(refusals.get() + u32::from(refused(&whole, &expected, &name, at, kind)?));
            Ok(())
        })
        .unwrap();
    assert!(refusals.get() > 20, "the damage was felt");
}

#[test]
fn a_store_that_is_cut_anywhere_is_refused_or_complete() {
    let dir = tempfile::tempdir().unwrap();
    let whole = dir.path().join("whole");
    let expected = worked_on(&whole);
    let cuts = 200_u32;
    for path in files(&whole) {
        let name = path.file_name().unwrap();
        let cut =
            |n: u32| refused(&whole, &expected, name, f64::from(n) / f64::from(cuts), Damage::Cut).unwrap();
        let refusals = (0..cuts).filter(|n| cut(*n)).count();
        assert!(refusals > 20, "{}: {refusals}", path.display());
    }
}

#[test]
fn a_store_that_went_back_in_time_or_lost_its_count_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = new_store(dir.path());
    drop(store);
    let older = tempfile::tempdir().unwrap();
    copied(&dir.path().join("store"), older.path());
    let store = Store::open(dir.path()).unwrap();
    store.save_migration(&migration("b")).unwrap();
    drop(store);
    std::fs::remove_dir_all(dir.path().join("store")).unwrap();
    copied(older.path(), &dir.path().join("store"));
    let error = Store::open(dir.path()).unwrap_err();
    assert_eq!(error.code(), "corrupt");
    assert!(
        error.to_string().ends_with("has lost what was written last: it stands at flush 3 of 4"),
        "{error}"
    );
    std::fs::remove_file(dir.path().join("flushes")).unwrap();
    let error = Store::open(dir.path()).unwrap_err();
    assert!(error.to_string().contains("its file `flushes` is gone or damaged"), "{error}");
    assert!(error.remedy().unwrap().contains("restore"));
}
