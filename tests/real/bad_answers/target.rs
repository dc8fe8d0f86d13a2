//! Bulk answers that no target gives, and changes that are not acknowledged.

use esferry_lab::data::AlertSet;
use esferry_lab::proxy::{
    first_item_again, ids_in_capitals, invalid_utf8_in_an_id, items_reversed, last_item_left_out,
    negative_numbers, numbers_as_strings,
};
use esferry_lab::{Rule, compare};
use reqwest::Method;
use serde_json::Value;

use super::{Fault, stands_still};
use crate::scene::{NAME, Scene, alert_schema, alerts};
use crate::sides::{Sides, number, numbered};

fn on_bulks() -> Rule {
    Rule::on(Method::POST, "/_bulk")
}

/// Each with what the status tells of it.
const BULKS: [(Fault, &str); 13] = [
    (|rule| rule.html(200), "unintelligible answer: no JSON object, but `<!DOCTYPE html>"),
    (|rule| rule.html(404), "unintelligible answer: HTTP 404 with no JSON object, but `<!DOCTYPE html>"),
    (|rule| rule.html(400), "unintelligible answer: HTTP 400 with no JSON object, but `<!DOCTYPE html>"),
    (|rule| rule.html(502), "HTTP 502: <!DOCTYPE html>"),
    (|rule| rule.answer(200, ""), "unintelligible answer: nothing at all"),
    (|rule| rule.answer(200, "{}"), "documents sent, 0 answered"),
    (|rule| rule.rewrite(last_item_left_out), "40 documents sent, 39 answered"),
    (|rule| rule.rewrite(first_item_again), "40 documents sent, 41 answered"),
    (|rule| rule.rewrite(items_reversed), "the answer belongs to other documents"),
    (|rule| rule.rewrite(ids_in_capitals), "the answer belongs to other documents"),
    (|rule| rule.rewrite(invalid_utf8_in_an_id), "unintelligible answer: "),
    (|rule| rule.rewrite(numbers_as_strings("status")), "unintelligible answer: invalid type: string \""),
    (|rule| rule.rewrite(negative_numbers("status")), "unintelligible answer: invalid value: integer `-"),
];

#[tokio::test]
async fn bulk_answers_that_no_target_gives_are_asked_for_again() {
    if !esferry_lab::wanted("bulk answers of no target") {
        return;
    }
    let (index, copy) = ("bad-bulks", "bad-bulks-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(85, 1200)).await.unwrap();
    let settings = format!("{}\nwrite = {{ bulks = 1, batch_docs = 40 }}", alert_schema().unwrap());
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    for (fault, _) in BULKS {
        scene.target.rule(fault(on_bulks().times(1)));
    }
    scene.target.rule(on_bulks().times(1).media_type("text/html"));
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(scene.target.applied(), vec![1; BULKS.len() + 1], "{log}");
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_target_that_never_answers_anything_else_is_named_with_what_it_answers() {
    if !esferry_lab::wanted("the reason in the status for bulk answers of no target") {
        return;
    }
    let (index, copy) = ("bad-bulks-ever", "bad-bulks-ever-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::plain(86, 400)).await.unwrap();
    let settings = format!("{}\nwrite = {{ bulks = 1, batch_docs = 40 }}", alert_schema().unwrap());
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    for (fault, words) in BULKS {
        scene.target.clear_rules();
        scene.target.rule(fault(on_bulks()));
        let running = scene.daemon.start(&[]).unwrap();
        stands_still(&scene, &["target bad-bulks-ever-copy: ", words]).unwrap();
        running.kill_nine().unwrap();
    }
    scene.target.clear_rules();
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

/// An answer to `_mget` in which the first document could not be looked at.
fn first_one_failed(answer: bytes::Bytes) -> bytes::Bytes {
    let Ok(mut answered) = serde_json::from_slice::<Value>(&answer) else { return answer };
    if let Some(first) = answered.pointer_mut("/docs/0") {
        *first = serde_json::json!({"_id": first["_id"], "error": {"type": "no_shard_available_action_exception"}});
    }
    bytes::Bytes::from(answered.to_string())
}

#[tokio::test]
async fn a_look_at_what_is_there_already_believes_no_answer_about_others() {
    if !esferry_lab::wanted("bad answers to the look at documents that are there already") {
        return;
    }
    let (index, copy) = ("bad-mget", "bad-mget-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(87, 300)).await.unwrap();
    let settings =
        format!("{}\nwrite = {{ bulks = 1 }}\nslice = {{ parallel = 1 }}", alert_schema().unwrap());
    let first = Scene::new(&old, &new, index, copy, &settings).unwrap();
    assert_eq!(first.daemon.run_once().unwrap().0, 0);

    // Another state directory: the target is somebody else's now.
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    let faults: [Fault; 6] = [
        |rule| rule.html(200),
        |rule| rule.html(404),
        |rule| rule.answer(200, "{\"docs\":[]}"),
        |rule| rule.rewrite(ids_in_capitals),
        |rule| rule.rewrite(invalid_utf8_in_an_id),
        |rule| rule.rewrite(first_one_failed),
    ];
    for fault in faults {
        scene.target.rule(fault(Rule::on(Method::POST, "/_mget").times(1)));
    }
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(scene.target.applied(), [1; 6], "{log}");
    assert_eq!(scene.arrived().await.unwrap(), documents);
    let status = scene.daemon.migration().unwrap();
    assert_eq!(number(&status, "/counts/present"), documents, "{status:#}");
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn failures_stay_on_the_list_when_the_source_answers_about_others() {
    if !esferry_lab::wanted("bad answers while failures are tried again") {
        return;
    }
    let sides = Sides::new("bad-retry").await.unwrap();
    let strict = serde_json::json!({"mappings": {"_doc": {"dynamic": "strict", "properties": {}}}});
    let documents = numbered(3).map(|mut document| {
        document.id = format!("doc-{}", document.id);
        document
    });
    sides.load(&sides.old, "from", documents).await.unwrap();
    let to = sides.create(&sides.new, "to", &strict).await.unwrap();
    let (from, settings) = (sides.index("from"), "schema = \"existing\"\naccept_lost = [\"existing.n\"]");
    let scene = Scene::new(&sides.old, &sides.new, &from, &to, settings).unwrap();
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");
    let faults: [(Fault, &str, &str); 7] = [
        (|rule| rule.html(200), "read_again", "no JSON object, but `<!DOCTYPE html>"),
        (|rule| rule.html(404), "unintelligible", "HTTP 404 with no JSON object"),
        (|rule| rule.rewrite(ids_in_capitals), "read_again", "not asked for, `DOC-"),
        (|rule| rule.rewrite(numbers_as_strings("total")), "read_again", "expected a whole number"),
        (
            |rule| rule.rewrite(negative_numbers("_version")),
            "read_again",
            "expected a number that is not negative",
        ),
        (|rule| rule.rewrite(invalid_utf8_in_an_id), "read_again", "expected text in UTF-8"),
        (|rule| rule.shards(5, 4, 0), "read_again", "not every shard answered"),
    ];
    for (fault, code, words) in faults {
        scene.source.clear_rules();
        scene.source.rule(fault(Rule::on(Method::POST, "/_search")));
        let output = scene.daemon.output(&["failures", "retry", NAME]).unwrap();
        let words = ["cluster `old`", "reading failed documents of `bad-retry_from` again", words];
        crate::bad_input::refused(&output, 5, code, &words).unwrap();
        assert_eq!(number(&scene.daemon.migration().unwrap(), "/counts/rejected"), 3);
    }
    scene.source.clear_rules();
    let open = serde_json::json!({"_doc": {"dynamic": true}});
    sides.new.put(&format!("/{to}/_mapping/_doc"), &open).await.unwrap();
    let output = scene.daemon.output(&["failures", "retry", NAME]).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    sides.new.refresh(&to).await.unwrap();
    let compared = compare((&sides.old, &from), (&sides.new, &to)).await.unwrap();
    assert!(compared.is_equal() && compared.same == 3, "{compared}");
}
