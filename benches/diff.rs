//! What it takes to tell two sides apart by ids and versions, and in how much memory.
//!
//! `cargo bench --bench diff [-- IDS]`; the figures in docs/changes.md come from it.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Instant;

use esferry::diff::{Origin, RunWriter, Runs, Side, Sighting, meet, place};

/// As the passes have it.
const RUN_BYTES: u32 = 8 * 1024 * 1024;

fn main() {
    let ids = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    measure(ids.unwrap_or(10_000_000));
}

fn measure(ids: u64) {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    println!("{ids} ids on both sides; one of 1000 differs, one of 1000 is missing on either side");
    let mut runs = Runs::default();
    for (side, name, missing) in [(Side::Source, "source", 1), (Side::Target, "target", 2)] {
        let path = dir.path().join(name);
        let written = timed(name, || write(&path, side, ids, missing));
        runs.add(side, &path, written);
    }
    let bytes: u64 =
        std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    println!("{:10} {:.0} MB, {:.1} bytes an id and side", "on disk", mega(bytes), per(bytes, 2 * ids));
    let (mut same, mut differ, mut alone) = (0_u64, 0_u64, 0_u64);
    timed("met", || {
        for meeting in meet(runs, dir.path()).unwrap() {
            let meeting = meeting.unwrap();
            match (meeting.source, meeting.target) {
                (Some(source), Some(target)) if source.version == target.version => same += 1,
                (Some(_), Some(_)) => differ += 1,
                _ => alone += 1,
            }
        }
    });
    println!("{:10} {same} the same, {differ} differ, {alone} on one side alone", "");
    assert_eq!((differ, alone), (ids / 1000, 2 * (ids / 1000)));
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    println!("{:10} {}", "memory", peak.split_whitespace().collect::<Vec<_>>().join(" "));
}

fn write(path: &Path, side: Side, ids: u64, missing: u64) -> u32 {
    let mut writer = RunWriter::new(path.to_owned(), RUN_BYTES);
    for number in 0..ids {
        // In no order, as both sides come.
        let number = number.wrapping_mul(7_919) % ids;
        if number % 1000 == missing {
            continue;
        }
        let id = format!("{:024x}", u128::from(number) * 0x9e37_79b9_7f4a_7c15);
        let version = 1 + u64::from(side == Side::Target && number % 1000 == 3);
        let origin = (side == Side::Source).then(Origin::default);
        let sighting = Sighting { version: Some(version), origin, failure: None, content: None };
        writer.push(&place(0, &id, None).unwrap(), &sighting.encode().unwrap()).unwrap();
    }
    writer.finish().unwrap()
}

#[allow(clippy::cast_precision_loss)]
fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[allow(clippy::cast_precision_loss)]
fn per(all: u64, of: u64) -> f64 {
    all as f64 / of as f64
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = work();
    println!("{what:10} {:.1} s", started.elapsed().as_secs_f64());
    result
}
