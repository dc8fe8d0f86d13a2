//! Pages that break, lie or do not come: the slice is read again, and no page is asked for twice.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use esferry_lab::data::{AlertSet, load_alerts};
use esferry_lab::proxy::{Recorded, doubled_hits, last_hit_left_out};
use esferry_lab::{Endpoint, Gate, Rule};
use reqwest::Method;
use serde_json::Value;

use crate::scene::{PATIENCE, Scene, alert_schema, alerts, old_and_new};

/// Looks like the scroll id of a refused page, which leads to a clean-looking end when it is used.
const STOLEN: &str = "c2NhbjswOzE7dG90YWxfaGl0czoxMDAwOw==";

/// When a faulty page is found out.
#[derive(Clone, Copy, PartialEq)]
enum Found {
    /// By itself: nothing of its scroll is asked for any more.
    AtOnce,
    /// By the number of documents, later on.
    ByCounting,
}
use Found::{AtOnce, ByCounting};

/// What happens to a page, by name.
type Fault = (&'static str, Found, fn(Rule) -> Rule);

/// A page as a server with a lost shard sends it: with an id that must not be used.
fn refused_page(rule: Rule, status: u16) -> Rule {
    let shards = r#""_shards":{"total":1,"successful":0,"failed":0}"#;
    let hits = r#""hits":{"total":1000,"max_score":0.0,"hits":[]}"#;
    rule.answer(status, format!(r#"{{"_scroll_id":"{STOLEN}","took":1,"timed_out":false,{shards},{hits}}}"#))
}

/// A page that the server says it had no time to finish.
fn out_of_time(page: Bytes) -> Bytes {
    let text = String::from_utf8_lossy(&page).replacen("\"timed_out\":false", "\"timed_out\":true", 1);
    Bytes::from(text)
}

/// A page without its hits, as at the end.
fn emptied(page: Bytes) -> Bytes {
    let Ok(mut answer) = serde_json::from_slice::<Value>(&page) else { return page };
    answer["hits"]["hits"] = Value::Array(Vec::new());
    Bytes::from(answer.to_string())
}

const PAGE_FAULTS: [Fault; 14] = [
    ("cut in the middle", AtOnce, |rule| rule.cut()),
    ("applied, and never answered", AtOnce, |rule| rule.drop_after()),
    ("never asked for", AtOnce, |rule| rule.drop_before()),
    ("fewer shards answered", AtOnce, |rule| rule.shards(1, 0, 0)),
    ("a shard failed", AtOnce, |rule| rule.shards(1, 1, 1)),
    ("fewer than no shards, as 1.x counts when nodes leave", AtOnce, |rule| rule.shards(1, -1, 0)),
    ("truncated, in the right frame", AtOnce, |rule| rule.truncate_at(60)),
    ("every hit twice", ByCounting, |rule| rule.rewrite(doubled_hits)),
    ("the page before once more", AtOnce, |rule| rule.previous_answer()),
    ("empty before the end", AtOnce, |rule| rule.rewrite(emptied)),
    ("one hit left out", ByCounting, |rule| rule.rewrite(last_hit_left_out)),
    ("out of time", AtOnce, |rule| rule.rewrite(out_of_time)),
    ("404 with a scroll id", AtOnce, |rule| refused_page(rule, 404)),
    ("503 with a scroll id", AtOnce, |rule| refused_page(rule, 503)),
];

/// After the faulty page the same slice is opened again, before any other page is asked for unless it takes counting.
fn the_slice_is_opened_again(scene: &Scene, found: Found) -> Result<()> {
    let requests = scene.source.requests();
    let fault = requests.iter().position(|request| request.fault.is_some()).context("no fault was made")?;
    let reads = |request: &&Recorded| request.is_open() || (request.is_page() && found == AtOnce);
    let before = requests[..fault].iter().rev().find(|request| request.is_open()).context("no open")?;
    let after = requests[fault + 1..].iter().find(reads).context("nothing was read again")?;
    ensure!(after.is_open(), "after the fault came {} {}", after.path, after.text());
    ensure!((&before.path, before.text()) == (&after.path, after.text()), "another slice was opened");
    let stolen = requests.iter().any(|request| request.is_page() && request.text().contains(STOLEN));
    ensure!(!stolen, "the scroll id of a refused page was used");
    Ok(())
}

/// One migration for each fault, on the third page of a slice.
async fn survive(
    old: &Endpoint,
    new: &Endpoint,
    index: &str,
    settings: &str,
    faults: &[Fault],
) -> Result<()> {
    for (name, found, fault) in faults {
        let scene = Scene::new(old, new, index, &format!("{index}-copy"), settings)?;
        scene.source.rule(fault(Rule::on_pages().skip(2).times(1)));
        let (code, log) = scene.daemon.run_once()?;
        ensure!(code == 0, "{name}: exit code {code}\n{log}");
        the_slice_is_opened_again(&scene, *found).with_context(|| (*name).to_owned())?;
        scene.arrived().await.with_context(|| (*name).to_owned())?;
        scene.clear_target().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_faulty_page_of_a_scan_is_never_asked_for_again_and_its_slice_is_read_anew() {
    if !esferry_lab::wanted("faulty pages of a 1.7 scan") {
        return;
    }
    let index = "faults-scan";
    let (old, new, _) = alerts(index, "faults-scan-copy", AlertSet::lived(11, 2400)).await.unwrap();
    let settings = format!("{}\nslice = {{ parallel = 1, page_docs = 150 }}", alert_schema().unwrap());
    survive(&old, &new, index, &settings, &PAGE_FAULTS).await.unwrap();
    old.delete_index(index).await.unwrap();
}

#[tokio::test]
async fn a_faulty_page_of_a_scroll_is_never_asked_for_again_and_its_slice_is_read_anew() {
    if !esferry_lab::wanted("faulty pages of a 6.8 scroll") {
        return;
    }
    let index = "faults-scroll";
    let (_, new) = old_and_new().await.unwrap();
    load_alerts(&new, index, AlertSet::lived(12, 2400)).await.unwrap();
    new.delete_index("faults-scroll-copy").await.unwrap();
    let settings = "slice = { strategy = \"shard\", parallel = 1, page_docs = 150 }";
    let some: Vec<Fault> = PAGE_FAULTS.into_iter().step_by(2).collect();
    survive(&new, &new, index, settings, &some).await.unwrap();
    new.delete_index(index).await.unwrap();
}

#[tokio::test]
async fn a_slice_whose_opening_fails_is_opened_until_it_succeeds() {
    if !esferry_lab::wanted("faulty opens of a 1.7 scan") {
        return;
    }
    let (index, copy) = ("faults-open", "faults-open-copy");
    let (old, new, _) = alerts(index, copy, AlertSet::lived(13, 1500)).await.unwrap();
    let settings = format!("{}\nslice = {{ parallel = 1, page_docs = 150 }}", alert_schema().unwrap());
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    let faults: [fn(Rule) -> Rule; 9] = [
        |rule| rule.status(503),
        |rule| rule.status(429),
        |rule| rule.drop_before(),
        |rule| rule.drop_after(),
        |rule| rule.cut(),
        |rule| rule.shards(1, 0, 0),
        |rule| rule.shards(0, 0, 0),
        |rule| rule.shards(2, 2, 0),
        |rule| rule.truncate_at(40),
    ];
    for fault in faults {
        scene.source.rule(fault(Rule::on_opens().times(1)));
    }
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(scene.source.applied(), [1; 9]);
    scene.arrived().await.unwrap();
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_scroll_that_has_expired_is_opened_anew() {
    if !esferry_lab::wanted("scrolls that expire between two pages") {
        return;
    }
    let (index, copy) = ("faults-expired", "faults-expired-copy");
    let (old, new, _) = alerts(index, copy, AlertSet::lived(14, 1500)).await.unwrap();
    let settings = format!("{}\nslice = {{ parallel = 1, page_docs = 150 }}", alert_schema().unwrap());
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    expire_in_the_middle(&scene).await.unwrap();
    scene.clear_target().await.unwrap();

    load_alerts(&new, index, AlertSet::lived(14, 1500)).await.unwrap();
    let settings = "slice = { strategy = \"shard\", parallel = 1, page_docs = 150 }";
    let scene = Scene::new(&new, &new, index, copy, settings).unwrap();
    expire_in_the_middle(&scene).await.unwrap();
    scene.clear().await.unwrap();
    old.delete_index(index).await.unwrap();
}

/// Frees the server's context while the next page is asked for, as its keep-alive would have.
async fn expire_in_the_middle(scene: &Scene) -> Result<()> {
    let gate = Gate::new();
    scene.source.rule(Rule::on_pages().skip(2).times(1).hold(&gate));
    let mut running = scene.daemon.start(&["--once"])?;
    ensure!(gate.wait_held(1, PATIENCE), "{}", scene.daemon.log());
    let requests = scene.source.requests();
    let held = requests.iter().rfind(|request| request.is_page()).context("no page is asked for")?;
    let (kind, id) = match held.json().and_then(|body| body.get("scroll_id")?.as_str().map(str::to_owned)) {
        Some(id) => ("application/json", serde_json::json!({"scroll_id": id}).to_string()),
        None => ("text/plain", held.text()),
    };
    let freed = scene.old.send(Method::DELETE, "/_search/scroll", kind, Bytes::from(id)).await?;
    freed.ok().context("freeing the scroll")?;
    gate.release();
    let code = running.exit_code(PATIENCE).with_context(|| scene.daemon.log())?;
    ensure!(code == 0, "exit code {code}\n{}", scene.daemon.log());
    ensure!(scene.source.requests().iter().any(|request| request.is_page() && request.status == Some(404)));
    the_slice_is_opened_again(scene, AtOnce)?;
    scene.arrived().await.map(drop)
}

#[tokio::test]
async fn a_faulty_window_of_sequence_numbers_is_read_again_from_where_it_began() {
    if !esferry_lab::wanted("faulty windows of sequence numbers") {
        return;
    }
    let (index, copy) = ("faults-window", "faults-window-copy");
    let (_, new) = old_and_new().await.unwrap();
    load_alerts(&new, index, AlertSet::lived(15, 3000)).await.unwrap();
    new.delete_index(copy).await.unwrap();
    let settings = "slice = { strategy = \"seq_no\", parallel = 1, page_docs = 100 }";
    let scene = Scene::new(&new, &new, index, copy, settings).unwrap();
    let faults: [fn(Rule) -> Rule; 11] = [
        |rule| rule.skip(6).previous_answer(),
        |rule| rule.cut(),
        |rule| rule.drop_before(),
        |rule| rule.drop_after(),
        |rule| rule.status(503),
        |rule| rule.shards(1, 0, 0),
        |rule| rule.shards(1, 1, 1),
        |rule| rule.truncate_at(50),
        |rule| rule.rewrite(doubled_hits),
        |rule| rule.rewrite(last_hit_left_out),
        |rule| rule.rewrite(out_of_time),
    ];
    for fault in faults {
        scene.source.rule(fault(Rule::on(Method::POST, "/_search?version=true").times(1)));
    }
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(scene.source.applied(), [1; 11], "{log}");
    scene.arrived().await.unwrap();
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_source_that_goes_away_for_a_while_is_waited_for() {
    if !esferry_lab::wanted("a source that refuses connections, and one that freezes") {
        return;
    }
    let (index, copy) = ("faults-away", "faults-away-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(16, 3000)).await.unwrap();
    let settings =
        format!("{}\nslice = {{ docs = 400, parallel = 2, page_docs = 100 }}", alert_schema().unwrap());
    let clusters = "timeout = \"3s\"";
    let scene = Scene::with_clusters(&old, &new, index, copy, clusters, &settings).unwrap();
    let gate = Gate::new();
    scene.source.rule(Rule::on_pages().skip(8).hold(&gate));
    let mut running = scene.daemon.start(&["--once"]).unwrap();
    assert!(gate.wait_held(2, PATIENCE), "{}", scene.daemon.log());
    scene.source.clear_rules();
    scene.source.rule(Rule::on_pages().delay(Duration::from_millis(60)));
    scene.source.refuse();
    scene.waits_for(&["source", index, "cannot be reached"]).unwrap();
    gate.release();
    scene.source.serve();
    let known = scene.source.requests().len();
    assert!(scene.source.wait_until(PATIENCE, |requests| requests.len() > known + 3));
    scene.source.freeze();
    scene.waits_for(&["source", index, "no answer in time"]).unwrap();
    scene.source.serve();
    assert_eq!(running.exit_code(PATIENCE + Duration::from_secs(30)).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}
