//! Statuses of every kind, as they are read.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::*;
use crate::control::status::{IndexStatus, PlanningStatus};
use crate::store::records::{Acceptance, Counted, Counts, Tuned};
use crate::transform::Shape;

fn copying() -> MigrationStatus {
    MigrationStatus {
        name: "alerts".to_owned(),
        phase: Phase::Copying,
        standing: Standing::Waiting("target write queue 54 % of 200".to_owned()),
        docs_total: Some(500_000_000),
        planning: None,
        docs_settled: 306_400_000,
        docs_open: 212_000,
        fraction: Some(0.6128),
        rate_now: Some(41_200.0),
        rate_average: Some(39_870.0),
        eta_seconds: Some(4698),
        slices: SliceTally { done: 6131, running: 8, waiting: 3861, set_aside: 0 },
        counts: Counts::default(),
        failures: vec![group("version", 3), group("mapper_parsing_exception", 209)],
        dropped: BTreeMap::from([("transform 2: drop_if status = \"test\"".to_owned(), 1204)]),
        others: None,
        changes: None,
        verification: None,
        tuned: None,
        comparison: None,
        gates: None,
        cutover: None,
        pace: Some(PaceNow { bulks: 5, batch_docs: 5000, batch_bytes: 15 << 20 }),
        indices: Vec::new(),
        planning_seconds: 3.0,
        copying_seconds: 7000.0,
    }
}

fn group(error_type: &str, count: u64) -> FailureGroup {
    FailureGroup {
        error_type: error_type.to_owned(),
        count,
        of_changes: 0,
        example_id: "1".to_owned(),
        example_reason: "because".to_owned(),
        accepted: None,
    }
}

fn ready() -> MigrationStatus {
    let index = |name: &str, source, target, explanation: Option<&str>| IndexStatus {
        source: name.to_owned(),
        types: Vec::new(),
        shape: Shape::Plain,
        target: format!("{name}-v2"),
        strategy: "uid: the best that 1.7.6 supports".to_owned(),
        slices: SliceTally { done: 31, ..SliceTally::default() },
        docs_total: 148_213,
        remarks: vec!["`city`: _ttl is not carried over".to_owned()],
        counted: Some(Counted {
            source,
            target,
            failures: source - target,
            dropped: 0,
            derived: 0,
            elsewhere: 0,
            unplanned_types: Vec::new(),
            explanation: explanation.map(str::to_owned),
            at: Timestamp::UNIX_EPOCH,
        }),
    };
    MigrationStatus {
        name: "cities-of-the-world".to_owned(),
        phase: Phase::Ready,
        standing: Standing::Running,
        docs_total: Some(148_213),
        docs_settled: 148_213,
        docs_open: 0,
        fraction: Some(1.0),
        rate_now: None,
        rate_average: Some(51_000.4),
        eta_seconds: None,
        slices: SliceTally { done: 31, ..SliceTally::default() },
        failures: Vec::new(),
        dropped: BTreeMap::new(),
        others: None,
        indices: vec![
            index("cities", 148_213, 148_213, None),
            index("towns", 100, 98, Some("2 documents are in the failure list")),
            index("hamlets", 10, 9, None),
        ],
        copying_seconds: 2.9,
        pace: None,
        ..copying()
    }
}

fn planning() -> MigrationStatus {
    MigrationStatus {
        name: "logs".to_owned(),
        phase: Phase::Planning,
        standing: Standing::Failed("cluster `old` does not answer: connection refused".to_owned()),
        docs_total: None,
        planning: Some(PlanningStatus { shards_done: 4, shards: 12 }),
        docs_settled: 0,
        docs_open: 0,
        fraction: None,
        rate_now: None,
        rate_average: None,
        eta_seconds: None,
        slices: SliceTally::default(),
        failures: Vec::new(),
        dropped: BTreeMap::new(),
        others: None,
        pace: None,
        ..copying()
    }
}

#[test]
fn a_migration_that_waits_says_why() {
    insta::assert_snapshot!(render(&[copying()], Paint::off()), @r#"
    alerts    copying  61.2 %   306.4 M / 500.0 M docs   41 200/s (avg 39 870/s)   ETA 1 h 18 min
              slices 6 131 done · 8 running · 3 861 waiting · 0 set aside (+212 000 docs in open slices)
              writing 5 bulks at once, each of up to 5 000 docs and 15.0 MiB
              failures 212  (mapper_parsing 209, version 3)
              dropped 1 204  (transform 2: drop_if status = "test")
              waiting: target write queue 54 % of 200
    "#);
}

#[test]
fn several_migrations_stand_in_columns() {
    insta::assert_snapshot!(render(&[copying(), ready(), planning()], Paint::off()), @r#"
    alerts               copying    61.2 %   306.4 M / 500.0 M docs   41 200/s (avg 39 870/s)   ETA 1 h 18 min
                         slices 6 131 done · 8 running · 3 861 waiting · 0 set aside (+212 000 docs in open slices)
                         writing 5 bulks at once, each of up to 5 000 docs and 15.0 MiB
                         failures 212  (mapper_parsing 209, version 3)
                         dropped 1 204  (transform 2: drop_if status = "test")
                         waiting: target write queue 54 % of 200
    cities-of-the-world  ready     100.0 %   148 213 / 148 213 docs   n/a (avg 51 000/s)        took 2 s
                         slices 31 done · 0 running · 0 waiting · 0 set aside
                         counts cities -> cities-v2: source 148 213, target 148 213: equal
                         counts towns -> towns-v2: source 100, target 98: 2 documents are in the failure list
                         counts hamlets -> hamlets-v2: source 10, target 9: they differ, and nothing that is known explains it
    logs                 planning      n/a                 n/a docs   n/a (avg n/a)             ETA n/a
                         planned 4 of 12 shards
                         slices 0 done · 0 running · 0 waiting · 0 set aside
                         failed: cluster `old` does not answer: connection refused
    "#);
}

#[test]
fn one_migration_is_shown_with_its_indices() {
    insta::assert_snapshot!(render_with_indices(&[ready()], Paint::off()), @r"
    cities-of-the-world  ready  100.0 %   148 213 / 148 213 docs   n/a (avg 51 000/s)   took 2 s
                         slices 31 done · 0 running · 0 waiting · 0 set aside
                         index cities -> cities-v2: 148 213 docs
                           by uid: the best that 1.7.6 supports
                           slices 31 done · 0 running · 0 waiting · 0 set aside
                           note: `city`: _ttl is not carried over
                           counts cities -> cities-v2: source 148 213, target 148 213: equal
                         index towns -> towns-v2: 148 213 docs
                           by uid: the best that 1.7.6 supports
                           slices 31 done · 0 running · 0 waiting · 0 set aside
                           note: `city`: _ttl is not carried over
                           counts towns -> towns-v2: source 100, target 98: 2 documents are in the failure list
                         index hamlets -> hamlets-v2: 148 213 docs
                           by uid: the best that 1.7.6 supports
                           slices 31 done · 0 running · 0 waiting · 0 set aside
                           note: `city`: _ttl is not carried over
                           counts hamlets -> hamlets-v2: source 10, target 9: they differ, and nothing that is known explains it
    ");
}

#[test]
fn what_is_accepted_stands_beside_what_is_not() {
    let accepted = FailureGroup {
        accepted: Some(Acceptance {
            note: "test data".to_owned(),
            by: "anna".to_owned(),
            at: Timestamp::UNIX_EPOCH,
            count: 2,
        }),
        ..group("strict_dynamic_mapping_exception", 2)
    };
    let both = MigrationStatus { failures: vec![accepted.clone(), group("version", 1)], ..ready() };
    let all = MigrationStatus { failures: vec![FailureGroup { count: 5, ..accepted }], ..ready() };
    insta::assert_snapshot!(render(&[both, all], Paint::off()), @"
    cities-of-the-world  ready  100.0 %   148 213 / 148 213 docs   n/a (avg 51 000/s)   took 2 s
                         slices 31 done · 0 running · 0 waiting · 0 set aside
                         failures 1  (version 1)
                         accepted 2  (strict_dynamic_mapping 2)
                         counts cities -> cities-v2: source 148 213, target 148 213: equal
                         counts towns -> towns-v2: source 100, target 98: 2 documents are in the failure list
                         counts hamlets -> hamlets-v2: source 10, target 9: they differ, and nothing that is known explains it
    cities-of-the-world  ready  100.0 %   148 213 / 148 213 docs   n/a (avg 51 000/s)   took 2 s
                         slices 31 done · 0 running · 0 waiting · 0 set aside
                         accepted 5  (strict_dynamic_mapping 5, 3 of them later)
                         counts cities -> cities-v2: source 148 213, target 148 213: equal
                         counts towns -> towns-v2: source 100, target 98: what is missing is accepted
                         counts hamlets -> hamlets-v2: source 10, target 9: they differ, and nothing that is known explains it
    ");
}

#[test]
fn limits_of_an_operator_are_told() {
    let tuned = Tuned { bulks: Some(8), max_docs_per_second: Some(5000), ..Tuned::default() };
    let text = render(&[MigrationStatus { tuned: Some(tuned), ..copying() }], Paint::off());
    insta::assert_snapshot!(text, @r#"
    alerts    copying  61.2 %   306.4 M / 500.0 M docs   41 200/s (avg 39 870/s)   ETA 1 h 18 min
              slices 6 131 done · 8 running · 3 861 waiting · 0 set aside (+212 000 docs in open slices)
              writing 5 bulks at once, each of up to 5 000 docs and 15.0 MiB
              failures 212  (mapper_parsing 209, version 3)
              dropped 1 204  (transform 2: drop_if status = "test")
              tuned: bulks 8, at most 5 000 docs/s (until `esferry tune alerts --reset`)
              waiting: target write queue 54 % of 200
    "#);
}

#[test]
fn a_paused_one_has_no_time_to_go() {
    let paused = MigrationStatus { standing: Standing::Paused("lunch".to_owned()), ..copying() };
    let text = render(&[paused], Paint::off());
    assert!(text.contains("ETA n/a") && text.contains("paused: lunch"), "{text}");
}

#[test]
fn nothing_is_said_plainly() {
    assert_eq!(render(&[], Paint::off()), "no migrations\n");
}
