//! Documents that the target refuses: listed with what was sent away and why, and tried again when they are cured.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use esferry_lab::data::{
    AlertSet, BulkWriter, Document, load_alerts, load_refused_documents, refused_documents,
};
use esferry_lab::proxy::Recorded;
use esferry_lab::{Gate, Node, NodeSpec, Rule, compare};
use reqwest::Method;
use serde_json::{Value, json};

use crate::scene::{NAME, PATIENCE, Scene, alert_schema, alerts, old_and_new, reason, standing};

/// What a command printed, an object or an array a line; `code` is what it has to end with.
fn printed(scene: &Scene, args: &[&str], code: i32) -> Result<Vec<Value>> {
    let output = scene.daemon.output(args)?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(code), "{args:?}: {:?}: {said}", output.status);
    let stream = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    stream.map(|value| value.with_context(|| format!("{args:?} printed no JSON"))).collect()
}

fn failures(scene: &Scene) -> Result<BTreeMap<String, Value>> {
    let list = printed(scene, &["failures", "list", NAME, "--json"], 0)?;
    Ok(list.into_iter().map(|failure| (text(&failure, "id").to_owned(), failure)).collect())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Puts a document that the target takes in place of a refused one.
async fn cure(scene: &Scene, id: &str) -> Result<()> {
    let path = format!("/{}/odd/{id}", scene.from);
    scene.old.put(&path, &json!({"n": 1})).await.map(drop)
}

#[tokio::test]
async fn refused_documents_are_listed_with_their_reason_and_arrive_once_they_are_cured() {
    if !esferry_lab::wanted("documents that 6.8 refuses") {
        return;
    }
    let (old, new) = old_and_new().await.unwrap();
    let index = "refusals-mapping";
    let documents = load_refused_documents(&old, &new, index, 700).await.unwrap();
    let refused = refused_documents();
    let settings = "schema = \"existing\"\nslice = { docs = 200 }\nwrite = { batch_docs = 90 }";
    let scene = Scene::new(&old, &new, index, index, settings).unwrap();
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");

    let listed = failures(&scene).unwrap();
    assert_eq!(listed.len(), refused.len(), "{listed:#?}");
    for refused in &refused {
        let failure = &listed[&refused.document.id];
        let expected = match refused.error_type {
            "action_request_validation_exception" => "id_too_long",
            other => other,
        };
        assert_eq!(text(failure, "error_type"), expected, "{failure:#}");
        assert_eq!((text(failure, "index"), &failure["version"]), (index, &json!(1)), "{failure:#}");
        assert!(!text(failure, "reason").is_empty() && failure["status"] == 400, "{failure:#}");
    }
    let shown = printed(&scene, &["failures", "show", NAME, "number", "--json"], 0).unwrap();
    assert!(shown[0][0]["reason"].as_str().unwrap().contains("twelve"), "{shown:?}");
    let arrived = compare((&old, index), (&new, index)).await.unwrap();
    assert_eq!((arrived.same, arrived.missing.len()), (700, refused.len()), "{arrived}");
    assert!(arrived.extra.is_empty() && arrived.different.is_empty(), "{arrived}");
    let status = scene.daemon.migration().unwrap();
    assert_eq!(status["counts"]["read"], json!(documents), "{status:#}");
    assert_eq!(status["counts"]["rejected"], json!(refused.len()), "{status:#}");

    // One is cured, one deleted, the others are as they were.
    cure(&scene, "number").await.unwrap();
    old.delete(&format!("/{index}/odd/object")).await.unwrap();
    let report = printed(&scene, &["failures", "retry", NAME, "--json"], 4).unwrap();
    let left = refused.len() - 2;
    let expected =
        json!({"tried": refused.len(), "resolved": 1, "gone": 1, "still_failing": left, "messages": 0});
    assert_eq!(report, [expected]);
    let listed = failures(&scene).unwrap();
    assert_eq!(listed.len(), left);
    assert!(!listed.contains_key("number") && !listed.contains_key("object"));
    assert!(listed["date"]["attempts"].as_u64() > Some(1), "{:#}", listed["date"]);

    // All are cured: nothing is left to say.
    for failure in listed.keys() {
        match failure.len() {
            513 => drop(old.delete(&format!("/{index}/odd/{failure}")).await.unwrap()),
            _ => cure(&scene, failure).await.unwrap(),
        }
    }
    let report = printed(&scene, &["failures", "retry", NAME, "--json"], 0).unwrap();
    assert_eq!(
        report,
        [json!({"tried": left, "resolved": left - 1, "gone": 1, "still_failing": 0, "messages": 0})]
    );
    assert!(failures(&scene).unwrap().is_empty());
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    let arrived = compare((&old, index), (&new, index)).await.unwrap();
    assert!(arrived.is_equal(), "{arrived}");
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn requests_that_a_proxy_finds_too_large_are_halved_until_one_document_stands_alone() {
    if !esferry_lab::wanted("413 from a proxy") {
        return;
    }
    let (index, copy) = ("refusals-413", "refusals-413-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::plain(51, 1500)).await.unwrap();
    let large = json!({"description": "disk ".repeat(12_000)});
    old.put(&format!("/{index}/alert/large"), &large).await.unwrap();
    let scene = Scene::new(&old, &new, index, copy, &alert_schema().unwrap()).unwrap();
    let too_large = Rule::on(Method::POST, "/_bulk").when(|seen| seen.body.len() > 40_000);
    scene.target.rule(too_large.answer(413, Bytes::new()));
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");
    let listed = failures(&scene).unwrap();
    assert_eq!(listed.len(), 1, "{listed:#?}");
    assert_eq!(
        (text(&listed["large"], "error_type"), &listed["large"]["status"]),
        ("too_large", &json!(413))
    );
    let arrived = compare((&old, index), (&new, copy)).await.unwrap();
    assert_eq!((arrived.same, arrived.missing.len(), arrived.extra.len()), (documents, 1, 0), "{arrived}");

    scene.target.clear_rules();
    printed(&scene, &["failures", "retry", NAME, "--json"], 0).unwrap();
    assert_eq!(scene.arrived().await.unwrap(), documents + 1);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_migration_pauses_when_too_many_documents_are_refused_and_resume_accepts_them() {
    if !esferry_lab::wanted("max_failure_ratio") {
        return;
    }
    let (old, new) = old_and_new().await.unwrap();
    let index = "refusals-ratio";
    load_refused_documents(&old, &new, index, 0).await.unwrap();
    let documents = (0..16_000).map(|n| match n % 100 {
        0 => Document::new(format!("bad-{n:05}"), r#"{"n":"bad"}"#),
        _ => Document::new(format!("good-{n:05}"), format!("{{\"n\":{n}}}")),
    });
    BulkWriter::new(&old, index, Some("odd")).index(documents).await.unwrap();
    let settings = "schema = \"existing\"\nslice = { docs = 500, parallel = 2 }";
    let scene = Scene::new(&old, &new, index, index, settings).unwrap();
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 3, "{log}");
    let status = scene.daemon.migration().unwrap();
    assert_eq!(standing(&status), "paused", "{status:#}");
    assert!(reason(&status).contains("max_failure_ratio"), "{status:#}");
    let settled = status["docs_settled"].as_u64().unwrap();
    assert!((10_000..16_000).contains(&settled), "{settled} were settled before the pause");

    let resumed = scene.daemon.output(&["resume", NAME]).unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");
    let bad = 160 + refused_documents().len();
    assert_eq!(failures(&scene).unwrap().len(), bad);
    let arrived = compare((&old, index), (&new, index)).await.unwrap();
    assert_eq!((arrived.same, arrived.missing.len()), (15_840, bad), "{arrived}");
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_private_target_with_narrow_limits_takes_all_that_it_can_take() {
    if !esferry_lab::wanted("a 6.8 with a tiny queue, a small request size, without auto-creation; killed") {
        return;
    }
    let (old, _) = old_and_new().await.unwrap();
    let narrow = NodeSpec::new("6.8.23")
        .heap("512m")
        .setting("thread_pool.write.queue_size: 1")
        .setting("http.max_content_length: 1mb")
        .setting("action.auto_create_index: false");
    let mut node = Node::start(narrow).await.unwrap();
    let new = node.endpoint();

    // Far more bulks at once than the queue takes, and one document that no request can carry.
    let (index, copy) = ("refusals-narrow", "refusals-narrow-copy");
    let documents = load_alerts(&old, index, AlertSet::lived(52, 3000)).await.unwrap().documents;
    let huge = json!({"description": "disk ".repeat(300_000)});
    old.put(&format!("/{index}/alert/huge"), &huge).await.unwrap();
    let slice =
        "slice = { docs = 250, parallel = 8, page_docs = 100 }\nwrite = { bulks = 16, batch_docs = 50 }";
    let settings = format!("{}\n{slice}", alert_schema().unwrap());
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    let mut running = scene.daemon.start(&["--once"]).unwrap();
    let code = running.exit_code(PATIENCE).with_context(|| scene.daemon.log()).unwrap();
    assert_eq!(code, 4, "{}", scene.daemon.log());
    assert!(scene.daemon.log().contains("es_rejected_execution_exception"), "the queue was never full");
    let listed = failures(&scene).unwrap();
    assert_eq!(listed.keys().collect::<Vec<_>>(), ["huge"], "{listed:#?}");
    assert_eq!(text(&listed["huge"], "error_type"), "too_large");
    let arrived = compare((&old, index), (&new, copy)).await.unwrap();
    assert_eq!((arrived.same, arrived.missing.len(), arrived.extra.len()), (documents, 1, 0), "{arrived}");
    scene.clear_target().await.unwrap();
    old.delete(&format!("/{index}/alert/huge")).await.unwrap();

    // Killed in the middle of it, and back on its data.
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    let mut running = scene.daemon.start(&["--once"]).unwrap();
    let bulks = |requests: &[Recorded]| requests.iter().filter(|request| request.is_bulk()).count();
    assert!(scene.target.wait_until(PATIENCE, |requests| bulks(requests) >= 30), "{}", scene.daemon.log());
    node.kill_nine().unwrap();
    scene.waits_for(&["target", copy]).unwrap();
    node.restart_on_same_data().await.unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear_target().await.unwrap();

    // Deleted in the middle, where the server does not make it anew.
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    let gate = Gate::new();
    scene.source.rule(Rule::on_pages().skip(3).hold(&gate));
    let mut running = scene.daemon.start(&["--once"]).unwrap();
    assert!(gate.wait_held(8, PATIENCE), "{}", scene.daemon.log());
    scene.bulks_come_to_rest(3).unwrap();
    scene.clear_target().await.unwrap();
    gate.release();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 2, "{}", scene.daemon.log());
    let status = scene.daemon.migration().unwrap();
    assert_eq!(standing(&status), "failed", "{status:#}");
    assert!(reason(&status).contains("is gone"), "{status:#}");
    old.delete_index(index).await.unwrap();
}
