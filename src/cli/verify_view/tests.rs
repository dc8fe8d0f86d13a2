use serde_json::json;

use super::*;

fn status(more: serde_json::Value) -> VerificationStatus {
    let mut status = json!({
        "number": 3, "level": "content", "repair": {"write": false, "delete_extra": false}, "state": "finished",
        "begun": "2026-11-26T03:00:00Z", "finished": "2026-11-26T03:10:00Z", "seconds": 600,
        "counts": {"on_source": 20_000, "on_target": 20_000, "unchanged": 0, "candidates": 9, "passed": 2,
            "differences": 7, "accepted": 1, "repaired": 2},
        "groups": [],
        "indices": [{"index": "alerts", "expected": {"docs": 20_000, "digest": "0000000000000000000000000000000a"},
            "found": {"docs": 19_999, "digest": "0000000000000000000000000000000b"}, "differences": 7}]
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        status[key] = value.clone();
    }
    serde_json::from_value(status).unwrap()
}

fn group(kind: &str, reason: &str, why: &str, samples: serde_json::Value) -> serde_json::Value {
    json!({"kind": kind, "reason": reason, "why": why, "count": 3, "accepted": 0, "repaired": 1, "samples": samples})
}

#[test]
fn a_report_has_every_kind_with_its_reason() {
    let different = json!([{"kind": "different", "index": "alerts", "id": "d3", "routing": "r1",
        "source": {"index": "alerts", "id": "d3", "version": 1}, "target_version": 2,
        "at": [{"path": "price", "expected": "1.50", "found": "1.51"}, {"path": "tags[2]", "expected": "\"a\"", "found": null}],
        "reason": "changed_on_target", "why": ""}]);
    let moved = json!([{"kind": "routing", "index": "alerts", "id": "d5", "found_routing": "r9",
        "source": {"index": "alerts", "id": "d5", "version": 1}, "reason": "changed_on_target", "why": "",
        "repair": {"failed": "the target's document changed meanwhile"}}]);
    let missing = json!([{"kind": "missing", "index": "alerts", "id": "d1",
        "source": {"index": "alerts", "id": "d1", "version": 4}, "reason": "late", "why": ""}]);
    let status = status(json!({"groups": [
        group("missing", "late", "written on the source after it was copied", missing),
        group("different", "changed_on_target", "somebody else wrote it on the target", different),
        group("routing", "changed_on_target", "the target has it under another routing", moved),
    ]}));
    insta::assert_snapshot!(compared("alerts", &status, Paint::off()), @r#"
    alerts  verified content 2026-11-26 03:10:00 (took 10 min 0 s): 20 000 documents, 4 differ, 2 repaired, 1 accepted failures, 2 passed meanwhile
      alerts: 20 000 documents expected, 19 999 there: 7 differed
    missing 3 (1 repaired): written on the source after it was copied
      alerts/d1: version 4 on the source, none on the target
      and 2 more
    different 3 (1 repaired): somebody else wrote it on the target
      alerts/d3 routing r1: version 1 on the source, 2 on the target
        price: 1.50 expected, 1.51 there
        tags[2]: "a" expected, nothing there
      and 2 more
    routing 3 (1 repaired): the target has it under another routing
      alerts/d5, there under routing r9: version 1 on the source, none on the target
        not repaired: the target's document changed meanwhile
      and 2 more
    "#);
}

#[test]
fn a_line_for_each_state() {
    let running = |state: &str| {
        status(
            json!({"state": state, "finished": null, "seconds": null, "parts": 4, "parts_of": 12, "docs_of": 80_000,
            "rate": 41_200.0, "eta_seconds": 61}),
        )
    };
    let states = ["reading", "comparing", "looking", "waiting_for_changes", "interrupted"];
    let lines: Vec<String> = states.iter().map(|state| line(&running(state), Paint::off())).collect();
    let clean = status(
        json!({"counts": {"on_source": 20_000, "on_target": 20_000, "unchanged": 40_000, "candidates": 0,
        "passed": 0, "differences": 0, "accepted": 0, "repaired": 0}}),
    );
    insta::assert_snapshot!([lines, vec![line(&clean, Paint::off())]].concat().join("\n"), @r"
    verifying content: 40 000 read, 4 of 12 parts  50.0 %  41 200/s  ETA 1 min 1 s
    verifying content: comparing, 9 candidates
    verifying content: 9 candidates, 2 the same by now, 7 different
    verifying content: waiting for the changes to pass, 9 candidates, 2 the same by now, 7 different
    verification 3 was interrupted, begun 2026-11-26 03:00: the same `esferry verify --level content` goes on there
    verified content 2026-11-26 03:10:00 (took 10 min 0 s): 20 000 documents, nothing differs, 40 000 not read again, nothing was written there
    ");
}

#[test]
fn counts_that_differ_are_told_by_type_and_slice() {
    let counts: SideCounts = serde_json::from_value(json!({"indices": [{
        "source": "zoo", "target": "zoo-one",
        "counted": {"source": 1200, "target": 1199, "failures": 1, "dropped": 0, "derived": 0, "elsewhere": 0,
            "explanation": "1 documents were refused: see `esferry failures list`", "at": "2026-11-26T03:00:00Z"},
        "types": [{"doc_type": "cat", "source": 700, "target": 700}, {"doc_type": "dog", "source": 500, "target": 499}],
        "slices": 12, "slices_changed": 1, "changed": [{"slice": {"index": 0, "shard": 1, "number": 7}, "copied": 100, "now": 101}]
    }], "others": {"targets": ["strays"], "expected": 12, "counted": 11}}))
    .unwrap();
    insta::assert_snapshot!(counted("zoo", &counts, Paint::off()), @r"
    zoo  counted
      zoo -> zoo-one: 1 200 on the source, 1 199 on the target, 1 failures
        1 documents were refused: see `esferry failures list`
        type cat: 700 on the source, 700 on the target
        type dog: 500 on the source, 499 on the target
        1 of 12 slices hold another number than was copied from them: the source was written since
          0.1.7: 100 copied, 101 now
      besides strays: 12 docs expected, 11 there
    ");
}
