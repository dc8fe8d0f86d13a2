use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::cutover::gates::{Forced, GateName};
use crate::cutover::hooks::HookName;
use crate::engine::cutover::recovery::{RecoveryStep, WrittenSince};
use crate::engine::phase::Phase;
use crate::store::cutover::{AliasPlace, DeletedIndex, Step};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn alias() -> AliasMove {
    AliasMove {
        alias: "alerts".to_owned(),
        adds: vec!["alerts-v2".to_owned()],
        removes: vec!["alerts-2016".to_owned()],
        deletes: None,
        before: vec![AliasPlace { index: "alerts-2016".to_owned(), definition: json!({}) }],
    }
}

fn record() -> CutoverRecord {
    let taken = |step, took_ms| Taken { step, at: at("2026-11-26T03:00:01Z"), took_ms };
    CutoverRecord {
        number: 2,
        by: "anna".to_owned(),
        begun: at("2026-11-26T03:00:00Z"),
        within_ms: 120_000,
        rehearsal: false,
        hooks: true,
        way: Way::Forward,
        step: Step::Unblock,
        reached: Step::Unblock,
        taken: vec![taken(Step::Block, 12), taken(Step::CatchUp, 1200), taken(Step::Unblock, 3)],
        gates: gates().gates,
        alias: Some(alias()),
        blocked: Vec::new(),
        answers: Vec::new(),
        writes_stopped: Some(at("2026-11-26T03:00:00Z")),
        writes_back: Some(at("2026-11-26T03:00:01.4Z")),
        marks: Vec::new(),
        replayed: 0,
        check: None,
        because: None,
        keeps_fed: vec!["the old side's indexer".to_owned()],
        does_not: vec!["what writers send to the target itself".to_owned()],
        left: Vec::new(),
        ended: Some(Ended::Switched(at("2026-11-26T03:00:02Z"))),
    }
}

fn gates() -> Gates {
    let mut gates = Gates {
        at: at("2026-11-26T03:00:00Z"),
        gates: vec![
            Gate::new(GateName::Failures, true, "0 open, 2 accepted", "none but accepted ones"),
            Gate::new(GateName::CaughtUp, false, "lag of 12 000 messages", "at most 1000 messages of lag")
                .hint("`esferry status alerts` says how far the changes are"),
            Gate::new(GateName::Compared, false, "not compared", "no differences")
                .hint("`esferry compare alerts`"),
        ],
    };
    gates.force(&[GateName::Compared], &Forced { by: "anna".to_owned(), because: "agreed".to_owned() });
    gates
}

#[test]
fn a_dry_run_tells_every_gate_with_value_and_limit() {
    let found = DryRun { gates: gates(), alias: Some(alias()), refused: None };
    insta::assert_snapshot!(dry_run("alerts", &found, Paint::off()), @r"
    alerts  gates
      failures   open    0 open, 2 accepted  (has to be: none but accepted ones)
      caught_up  SHUT    lag of 12 000 messages  (has to be: at most 1000 messages of lag)
                 `esferry status alerts` says how far the changes are
      compared   forced  not compared  (has to be: no differences)
    alias: `alerts` will lead to alerts-v2, and no more to alerts-2016
    nothing would begin: 1 gates are shut
    ");
    let refused =
        DryRun { gates: gates(), alias: None, refused: Some("the target has an index `alerts`".to_owned()) };
    assert!(
        dry_run("alerts", &refused, Paint::off())
            .contains("refused: the target has an index `alerts`\nnothing would begin\n")
    );
    let deleted = DeletedIndex { name: "alerts".to_owned(), docs: 7 };
    let found = DryRun { alias: Some(AliasMove { deletes: Some(deleted), ..alias() }), ..found };
    assert!(
        dry_run("alerts", &found, Paint::off()).contains("index `alerts` (7 documents) is DELETED for it")
    );
    insta::assert_snapshot!(gates_line(&found.gates, Paint::off()), @"gates shut: caught_up (lag of 12 000 messages)");
}

#[test]
fn an_end_tells_where_users_are_and_what_is_left() {
    insta::assert_snapshot!(ended("alerts", &record(), Paint::off()), @r"
    `alerts` is switched over, in 1215 ms
    alias `alerts` leads to alerts-v2
    time without writes: 1.4 s
    keeps the old side fed: the old side's indexer
    does not reach the old side: what writers send to the target itself
    the old side stays usable until `esferry complete alerts`; `esferry recovery alerts` prints the way back
    ");
    insta::assert_snapshot!(line(&record(), Paint::off()), @"switched over 2026-11-26 03:00:02; time without writes: 1.4 s; keeps the old side fed: the old side's indexer");
    let mut back = record();
    back.turn_back("hook `after` failed (exit code 3); it said: no such upstream");
    insta::assert_snapshot!(line(&back, Paint::off()), @"switch 2 on the way back: hook back (undo_after)");
    back.ended = Some(Ended::RolledBack(at("2026-11-26T03:00:09Z")));
    back.left = vec!["hook `before` may have done something, and no hook `undo_before` undoes it".to_owned()];
    insta::assert_snapshot!(ended("alerts", &back, Paint::off()), @r"
    `alerts` is back where it was
    time without writes: 1.4 s
    NOT UNDONE: hook `before` may have done something, and no hook `undo_before` undoes it
    ");
    let rehearsal = CutoverRecord { rehearsal: true, hooks: false, left: Vec::new(), ..back };
    insta::assert_snapshot!(ended("alerts", &rehearsal, Paint::off()), @r"
    the rehearsal of `alerts` went there and back, in 1215 ms
    left out: hooks and the write block
    gates that would stop it: caught_up (lag of 12 000 messages)
    ");
}

#[test]
fn steps_and_hooks_are_told_as_they_come() {
    insta::assert_snapshot!(taken(&record().taken[1], Paint::off()), @"  done final catch-up           1200 ms");
    let told = HookAnswer {
        hook: HookName::After,
        at: at("2026-11-26T03:00:01Z"),
        took_ms: 40,
        attempts: 1,
        ended: "exit code 3".to_owned(),
        succeeded: false,
        answer: "no such upstream\nnothing changed".to_owned(),
    };
    insta::assert_snapshot!(answer(&told, Paint::off()), @r"
      hook `after`: exit code 3 after 40 ms: no such upstream
           nothing changed
    ");
}

#[test]
fn a_recovery_plan_is_commands_times_and_losses() {
    let step = |what: &str, command: Option<&str>, expected: Option<&str>| RecoveryStep {
        what: what.to_owned(),
        command: command.map(ToOwned::to_owned),
        expected: expected.map(ToOwned::to_owned),
    };
    let plan = RecoveryPlan {
        migration: "alerts".to_owned(),
        phase: Phase::CutOver,
        serves: "`new`".to_owned(),
        steps: vec![
            step(
                "turn round",
                Some("esferry rollback alerts --because TEXT"),
                Some("2130 ms in the last way back"),
            ),
            step("hook `undo_after`: the front end goes back", None, None),
        ],
        lost: "7 operations that only the target took since the switch (they stay in its indices)".to_owned(),
        written_since: Some(WrittenSince { operations: 7, replayed: 0 }),
        keeps_fed: Vec::new(),
        does_not: vec!["what writers send to the target itself".to_owned()],
    };
    insta::assert_snapshot!(recovery(&plan, Paint::off()), @r"
    alerts  cut over: users are served by `new`
      1. turn round
           esferry rollback alerts --because TEXT
           takes: 2130 ms in the last way back
      2. hook `undo_after`: the front end goes back
    lost by it: 7 operations that only the target took since the switch (they stay in its indices)
    does not reach the old side: what writers send to the target itself
    ");
}
