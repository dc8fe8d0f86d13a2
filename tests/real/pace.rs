//! The pace follows what both sides can take: bulks in flight, the size of bulks, the size of pages.

use std::time::Duration;

use anyhow::{Result, ensure};
use esferry_lab::data::AlertSet;
use esferry_lab::proxy::{Recorded, Seen};
use esferry_lab::{Gate, Rule};
use reqwest::Method;
use serde_json::Value;

use crate::scene::{PATIENCE, Scene, alert_schema, alerts};

/// For an answer that nobody waits for.
const NEVER: Duration = Duration::from_secs(3600);
/// As an operator gives them, in tables of the migration.
const SMALL: &str = "slice = { docs = 2000, parallel = 4, page_docs = 100 }";

fn on_bulks() -> Rule {
    Rule::on(Method::POST, "/_bulk")
}

async fn scene(index: &str, seed: u64, count: u64, clusters: &str, settings: &str) -> Result<(Scene, u64)> {
    let copy = format!("{index}-copy");
    let (old, new, documents) = alerts(index, &copy, AlertSet::lived(seed, count)).await?;
    let settings = format!("{}\n{settings}", alert_schema()?);
    Ok((Scene::with_clusters(&old, &new, index, &copy, clusters, &settings)?, documents))
}

/// Ends a copy that has to be a good one.
async fn ends_well(scene: &Scene, documents: u64) -> Result<()> {
    let (code, log) = scene.daemon.run_once()?;
    ensure!(code == 0, "{log}");
    let arrived = scene.arrived().await?;
    ensure!(arrived == documents, "{arrived} of {documents}");
    Ok(())
}

fn bulks(status: &Value) -> Option<u64> {
    status.pointer("/pace/bulks")?.as_u64()
}

#[tokio::test]
async fn a_target_that_refuses_gets_fewer_bulks_at_once_and_more_again_once_it_is_well() {
    if !esferry_lab::wanted("bulks in flight that follow the target") {
        return;
    }
    let (scene, documents) = scene("pace-bulks", 31, 8000, "", SMALL).await.unwrap();
    scene.target.rule(on_bulks().status(429));
    let gate = Gate::new();
    scene.source.rule(Rule::on_pages().skip(60).hold(&gate));
    let mut running = scene.daemon.start(&["--once"]).unwrap();
    scene.daemon.until(PATIENCE, |status| bulks(status) == Some(1)).unwrap();
    scene.target.clear_rules();
    scene.daemon.until(PATIENCE, |status| bulks(status) > Some(2)).unwrap();
    gate.release();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    assert_eq!(scene.daemon.migration().unwrap()["pace"], Value::Null, "nothing is written any more");
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_fixed_number_of_bulks_stays_whatever_the_target_says() {
    if !esferry_lab::wanted("a fixed number of bulks in flight") {
        return;
    }
    let settings = format!("{SMALL}\nwrite = {{ bulks = 3 }}");
    let (scene, documents) = scene("pace-fixed", 32, 3000, "", &settings).await.unwrap();
    scene.target.rule(on_bulks().status(429));
    let mut running = scene.daemon.start(&["--once"]).unwrap();
    assert!(scene.target.wait_until(PATIENCE, |seen| seen.iter().filter(|one| one.is_bulk()).count() > 9));
    assert_eq!(bulks(&scene.daemon.migration().unwrap()), Some(3));
    scene.target.clear_rules();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn bulks_that_are_refused_as_too_large_are_soon_made_no_more() {
    if !esferry_lab::wanted("bulks that a proxy refuses as too large") {
        return;
    }
    let settings = "slice = { parallel = 1, page_docs = 250 }\nwrite = { bulks = 2 }";
    let (scene, documents) = scene("pace-large", 33, 12_000, "", settings).await.unwrap();
    scene.target.rule(on_bulks().when(|seen| seen.body.len() > 100_000).status(413));
    ends_well(&scene, documents).await.unwrap();
    let sent = scene.target.requests_to("/_bulk");
    let refused = |bulks: &[Recorded]| bulks.iter().filter(|bulk| bulk.status == Some(413)).count();
    let (first, second) = sent.split_at(sent.len() / 2);
    assert!(refused(first) > 0 && refused(second) == 0, "{} and {}", refused(first), refused(second));
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn bulks_that_are_too_much_for_the_time_are_sent_in_smaller_ones() {
    if !esferry_lab::wanted("bulks that never get an answer in time") {
        return;
    }
    let settings = "slice = { parallel = 1, page_docs = 250 }";
    let (scene, documents) = scene("pace-slow", 34, 4000, "timeout = \"2s\"", settings).await.unwrap();
    scene.target.rule(on_bulks().when(|seen| seen.body.len() > 100_000).delay(NEVER).drop_before());
    ends_well(&scene, documents).await.unwrap();
    let timed_out = scene.target.requests_to("/_bulk").iter().filter(|bulk| bulk.status.is_none()).count();
    assert!(timed_out > 0);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_source_that_breaks_off_is_asked_for_smaller_pages() {
    if !esferry_lab::wanted("smaller pages for a source that suffers") {
        return;
    }
    let settings = "slice = { docs = 2000, parallel = 1, page_docs = 400 }";
    let (scene, documents) = scene("pace-pages", 35, 6000, "", settings).await.unwrap();
    let breaker = r#"{"error":"CircuitBreakingException[[request] Data too large, data for [x] would be larger than limit of [1/1b]]","status":503}"#;
    let too_many = |seen: &Seen<'_>| {
        let body: Option<Value> = serde_json::from_slice(seen.body).ok();
        body.is_some_and(|body| body["size"].as_u64() > Some(100))
    };
    scene.source.rule(Rule::on_opens().when(too_many).answer(503, breaker));
    ends_well(&scene, documents).await.unwrap();
    let sizes: Vec<u64> =
        scene.source.opens().iter().map(|open| open.json().unwrap()["size"].as_u64().unwrap()).collect();
    assert_eq!(sizes[..3], [400, 200, 100], "{sizes:?}");
    scene.clear().await.unwrap();
}
