//! Holding back: rates, load, hours, and limits that are changed while a copy is at work.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use esferry::cluster::Cluster;
use esferry::config::ClusterConfig;
use esferry_lab::data::AlertSet;
use esferry_lab::{Gate, Rule, Servers};
use jiff::{ToSpan, Zoned};
use reqwest::Method;
use serde_json::{Value, json};

use crate::scene::{NAME, PATIENCE, Scene, alert_schema, alerts, phase, reason, standing, tally};
use crate::sides::{Sides, number, numbered};

/// Alerts in small slices and pages, with more lines in the migration's table.
async fn scene(index: &str, seed: u64, count: u64, slice: &str, more: &str) -> Result<(Scene, u64)> {
    let copy = format!("{index}-copy");
    let (old, new, documents) = alerts(index, &copy, AlertSet::lived(seed, count)).await?;
    let settings = format!("{}\nslice = {{ docs = 400, page_docs = 100, {slice} }}\n{more}", alert_schema()?);
    Ok((Scene::new(&old, &new, index, &copy, &settings)?, documents))
}

/// `esferry tune NAME …`, which has to succeed.
fn tune(scene: &Scene, limits: &[&str]) -> Result<()> {
    let output = scene.daemon.output(&[&["tune", NAME], limits].concat())?;
    ensure!(output.status.success(), "tune {limits:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Documents that have reached the target, durably or not.
fn arrived(status: &Value) -> Result<u64> {
    let number = |name: &str| status.get(name).and_then(Value::as_u64).context("no number");
    Ok(number("docs_settled")? + number("docs_open")?)
}

/// Nothing was read of any slice, and nothing written.
fn nothing_moved(scene: &Scene) -> Result<()> {
    let (opens, bulks) = (scene.source.opens().len(), scene.target.requests_to("_bulk").len());
    ensure!((opens, bulks) == (0, 0), "{opens} slices were opened, {bulks} bulks sent");
    Ok(())
}

fn statistics() -> Rule {
    Rule::on(Method::GET, "/_nodes/stats")
}

/// The statistics, with so many requests in every queue of writes, however many there are.
fn queues_of_108(body: Bytes) -> Bytes {
    let mut told: Value = serde_json::from_slice(&body).unwrap_or_default();
    let nodes = told.get_mut("nodes").and_then(Value::as_object_mut);
    for node in nodes.into_iter().flat_map(|nodes| nodes.values_mut()) {
        if let Some(queue) = node.pointer_mut("/thread_pool/write/queue") {
            *queue = json!(108);
        }
    }
    Bytes::from(told.to_string())
}

#[tokio::test]
async fn every_version_tells_the_load_that_is_asked_for() {
    if !esferry_lab::wanted("the load of every version") {
        return;
    }
    let versions = ["1.7.6", "2.4.6", "5.6.16", "6.8.23"];
    let servers = Servers::shared(&versions).await.unwrap();
    for version in versions {
        let urls = vec![servers.endpoint(version).unwrap().url().to_owned()];
        let config = ClusterConfig { urls, ..ClusterConfig::default() };
        let cluster = Cluster::connect("it", &config).await.unwrap();
        let (loads, sizes) = (cluster.loads().await.unwrap(), cluster.queue_sizes().await.unwrap());
        assert_eq!(loads.len(), 1, "{version}");
        let node = &loads[0];
        assert!(node.cpu.is_some_and(|cpu| cpu <= 100), "{version}: {node:?}");
        assert!(node.heap.is_some_and(|heap| (1..=100).contains(&heap)), "{version}: {node:?}");
        assert!(node.searches.is_some() && node.writes.is_some(), "{version}: {node:?}");
        let writes = if version < "5" { 50 } else { 200 };
        assert_eq!((sizes.searches(node), sizes.writes(node)), (Some(1000), Some(writes)), "{version}");
    }
}

#[tokio::test]
async fn a_rate_is_held_at_every_moment_of_a_copy() {
    if !esferry_lab::wanted("a rate is held") {
        return;
    }
    let more = "throttle = { max_docs_per_second = 400 }";
    let (scene, documents) = scene("throttle-rate", 51, 4000, "parallel = 3", more).await.unwrap();
    let begun = Instant::now();
    let mut running = scene.daemon.start(&[]).unwrap();
    scene.waits_for(&["limited to 400 documents/s"]).unwrap();
    loop {
        let status = scene.daemon.migration().unwrap();
        // A second is credit, and the page of each reader may be owed.
        let most = (begun.elapsed().as_secs() + 2) * 400 + 300;
        let there = arrived(&status).unwrap();
        assert!(there <= most, "{there} documents after {:?}", begun.elapsed());
        if phase(&status) == "ready" {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{status:#}");
        std::thread::sleep(Duration::from_millis(100));
    }
    let least = Duration::from_secs((documents - 700) / 400);
    assert!(begun.elapsed() >= least, "{documents} documents took {:?}", begun.elapsed());
    running.terminate().unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    assert!(scene.source.requests_to("_nodes/stats").is_empty(), "no key asks for the load");
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn bytes_are_limited_as_documents_are() {
    if !esferry_lab::wanted("a rate of bytes is held") {
        return;
    }
    let more = "throttle = { max_bytes_per_second = \"200KiB\" }";
    let (scene, documents) = scene("throttle-bytes", 52, 2000, "parallel = 2", more).await.unwrap();
    let begun = Instant::now();
    let mut running = scene.daemon.start(&["--once"]).unwrap();
    scene.waits_for(&["limited to 200.0 KiB/s"]).unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    let bytes = scene.daemon.migration().unwrap().pointer("/counts/bytes").and_then(Value::as_u64).unwrap();
    // A second is credit, and two pages may be owed.
    let least = Duration::from_secs((bytes / (200 * 1024)).saturating_sub(4));
    assert!(begun.elapsed() >= least, "{bytes} bytes took {:?}", begun.elapsed());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_load_that_cannot_be_read_holds_and_says_so() {
    if !esferry_lab::wanted("a load that cannot be read") {
        return;
    }
    let more = "throttle = { source_cpu = 100, source_heap = 100, source_search_queue = 1, source_rejections = true }";
    let (scene, documents) = scene("throttle-blind", 53, 2000, "parallel = 2", more).await.unwrap();
    scene.source.rule(statistics().status(503));
    let mut running = scene.daemon.start(&["--once"]).unwrap();
    let status = scene.waits_for(&["source load cannot be read", "HTTP 503"]).unwrap();
    assert_eq!((phase(&status), tally(&status, "running")), ("copying", 0), "{status:#}");
    nothing_moved(&scene).unwrap();
    scene.source.clear_rules();
    // An answer that lacks what is asked for is no better.
    scene.source.rule(
        statistics()
            .rewrite(|body| Bytes::from(String::from_utf8_lossy(&body).replace("\"usage\":", "\"used\":"))),
    );
    scene.waits_for(&["source cpu cannot be read", "does not tell it"]).unwrap();
    nothing_moved(&scene).unwrap();
    scene.source.clear_rules();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    assert!(scene.target.requests_to("_nodes/stats").is_empty(), "no key asks for the target's load");
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_full_write_queue_of_the_target_holds_and_a_pause_ends_the_wait() {
    if !esferry_lab::wanted("a full write queue of the target") {
        return;
    }
    let more = "throttle = { target_queue = 0.5 }";
    let (scene, documents) = scene("throttle-queue", 54, 2000, "parallel = 2", more).await.unwrap();
    scene.target.rule(statistics().rewrite(queues_of_108));
    let mut running = scene.daemon.start(&[]).unwrap();
    scene.waits_for(&["target write queue 54 % of 200", "(limit 50 %)"]).unwrap();
    nothing_moved(&scene).unwrap();
    let pause = scene.daemon.output(&["pause", NAME]).unwrap();
    assert!(pause.status.success());
    let looks = scene.target.requests_to("_nodes/stats").len();
    scene.daemon.until(PATIENCE, |status| standing(status) == "paused").unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let more_looks = scene.target.requests_to("_nodes/stats").len() - looks;
    assert!(more_looks <= 2, "a paused migration has nothing to look at, and looked {more_looks} times");
    scene.target.clear_rules();
    assert!(scene.daemon.output(&["resume", NAME]).unwrap().status.success());
    scene.daemon.until(PATIENCE, |status| phase(status) == "ready").unwrap();
    running.terminate().unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

/// A snapshot that nobody asks for a page of is gone after five minutes; a reader gives it up after two.
#[tokio::test]
async fn a_hold_of_minutes_in_the_middle_of_slices_loses_nothing_and_is_no_failed_attempt() {
    if !esferry_lab::wanted("a hold of minutes") {
        return;
    }
    let more = "throttle = { source_cpu = 100 }";
    let (scene, documents) = scene("throttle-long", 55, 3000, "parallel = 2", more).await.unwrap();
    scene.source.rule(Rule::on_pages().delay(Duration::from_millis(400)));
    let mut running = scene.daemon.start(&["--once"]).unwrap();
    let read = scene
        .source
        .wait_until(PATIENCE, |requests| requests.iter().filter(|request| request.is_page()).count() >= 6);
    assert!(read, "{}", scene.daemon.log());
    scene.source.clear_rules();
    scene.source.rule(statistics().status(503));
    scene.waits_for(&["source load cannot be read"]).unwrap();
    let before = scene.daemon.migration().unwrap();
    assert_eq!(tally(&before, "running"), 2, "{before:#}");
    let freed = scene.source.wait_until(Duration::from_secs(200), |requests| {
        requests.iter().filter(|request| request.method == "DELETE").count() >= 2
    });
    assert!(freed, "the snapshots of both slices are given up:\n{}", scene.daemon.log());
    let opened = scene.source.opens().len();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(scene.source.opens().len(), opened, "nothing is opened while it is held");
    assert_eq!(standing(&scene.daemon.migration().unwrap()), "waiting");
    scene.source.clear_rules();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert!(!scene.daemon.log().contains("attempt is lost"), "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn outside_of_its_hours_a_migration_waits_and_copies_nothing() {
    if !esferry_lab::wanted("outside of the hours") {
        return;
    }
    let hours = |from: i64, to: i64| {
        let at =
            |hours: i64| Zoned::now().checked_add(hours.hours()).map(|at| at.strftime("%H:%M").to_string());
        format!("hours = \"{}-{}\"", at(from).unwrap(), at(to).unwrap())
    };
    let (later, now) = (hours(3, 6), hours(-6, 6));
    let more = format!("throttle = {{ {later} }}");
    let (scene, documents) = scene("throttle-hours", 56, 1000, "parallel = 2", &more).await.unwrap();
    let mut running = scene.daemon.start(&["--once"]).unwrap();
    let status = scene.waits_for(&["outside of the hours"]).unwrap();
    assert_eq!((phase(&status), tally(&status, "running")), ("copying", 0), "{status:#}");
    nothing_moved(&scene).unwrap();
    running.terminate().unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 130, "a hold does not keep the daemon from leaving");
    let text = std::fs::read_to_string(scene.daemon.config()).unwrap();
    std::fs::write(scene.daemon.config(), text.replace(&later, &now)).unwrap();
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(scene.arrived().await.unwrap(), documents);
    assert!(scene.source.requests_to("_nodes/stats").is_empty(), "the clock is asked, no cluster");
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_tuned_rate_acts_on_a_copy_at_work_and_survives_kill_nine() {
    if !esferry_lab::wanted("a tuned rate") {
        return;
    }
    // At this rate it takes ten minutes.
    let more = "throttle = { max_docs_per_second = 5 }";
    let (scene, documents) = scene("throttle-tune", 57, 3000, "parallel = 2", more).await.unwrap();
    let running = scene.daemon.start(&[]).unwrap();
    scene.waits_for(&["limited to 5 documents/s"]).unwrap();
    tune(&scene, &["--rate", "6/s"]).unwrap();
    scene.waits_for(&["limited to 6 documents/s"]).unwrap();
    running.kill_nine().unwrap();
    let tuned = |status: &Value, key: &str| status.pointer(&format!("/tuned/{key}")).cloned();
    let status = scene.daemon.migration().unwrap();
    assert_eq!(tuned(&status, "max_docs_per_second"), Some(json!(6)), "{status:#}");
    tune(&scene, &["--bulks", "3"]).unwrap();

    let mut running = scene.daemon.start(&[]).unwrap();
    let status = scene.waits_for(&["limited to 6 documents/s"]).unwrap();
    assert_eq!(tuned(&status, "bulks"), Some(json!(3)), "noted without a daemon: {status:#}");
    tune(&scene, &["--reset"]).unwrap();
    let status = scene.waits_for(&["limited to 5 documents/s"]).unwrap();
    assert_eq!(status.get("tuned"), Some(&Value::Null), "{status:#}");
    let pause = scene.daemon.output(&["pause", NAME, "--reason", "lunch"]).unwrap();
    assert!(pause.status.success());
    scene
        .daemon
        .until(PATIENCE, |status| reason(status) == "lunch" && tally(status, "running") == 0)
        .unwrap();
    tune(&scene, &["--rate", "1_000_000/s"]).unwrap();
    assert!(scene.daemon.output(&["resume", NAME]).unwrap().status.success());
    scene.daemon.until(PATIENCE, |status| phase(status) == "ready").unwrap();
    running.terminate().unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn widths_are_tuned_up_and_down_on_a_copy_at_work() {
    if !esferry_lab::wanted("tuned widths") {
        return;
    }
    let more = "write = { bulks = 1, batch_docs = 20 }";
    let (scene, documents) = scene("throttle-widths", 58, 4000, "parallel = 1", more).await.unwrap();
    let (pages, bulks) = (Gate::new(), Gate::new());
    scene.source.rule(Rule::on_pages().skip(2).hold(&pages));
    let mut running = scene.daemon.start(&[]).unwrap();
    assert!(pages.wait_held(1, PATIENCE), "{}", scene.daemon.log());
    assert_eq!(tally(&scene.daemon.migration().unwrap(), "running"), 1);
    tune(&scene, &["--parallel", "4"]).unwrap();
    assert!(pages.wait_held(4, PATIENCE), "{}", scene.daemon.log());
    tune(&scene, &["--parallel", "2"]).unwrap();
    scene.daemon.until(PATIENCE, |status| tally(status, "running") == 2).unwrap();

    scene.target.rule(Rule::on(Method::POST, "_bulk").hold(&bulks));
    pages.release();
    assert!(bulks.wait_held(1, PATIENCE), "{}", scene.daemon.log());
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(bulks.held(), 1);
    tune(&scene, &["--bulks", "5"]).unwrap();
    assert!(bulks.wait_held(5, PATIENCE), "{}", scene.daemon.log());
    tune(&scene, &["--bulks", "2"]).unwrap();
    bulks.release();
    scene.target.clear_rules();
    scene.daemon.until(PATIENCE, |status| phase(status) == "ready").unwrap();
    running.terminate().unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    let asked = [&scene.source, &scene.target].map(|side| side.requests_to("_nodes/stats").len());
    assert_eq!(asked, [0, 0], "without a throttle no load is asked for");
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn slices_of_sequence_numbers_go_on_where_they_were_given_back() {
    if !esferry_lab::wanted("slices given back in the middle") {
        return;
    }
    let sides = Sides::between("6.8.23", "6.8.23", "throttle-seq").await.unwrap();
    let body = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}});
    sides.create(&sides.old, "from", &body).await.unwrap();
    let documents = sides.load(&sides.old, "from", numbered(6000)).await.unwrap();
    let more =
        "slice = { docs = 3000, page_docs = 200, parallel = 2 }\nthrottle = { max_docs_per_second = 500 }";
    let daemon = sides.ferry("from", "to", more).unwrap();
    let mut running = daemon.start(&["--once"]).unwrap();
    let both =
        |status: &Value| tally(status, "running") == 2 && arrived(status).is_ok_and(|docs| docs > 1000);
    daemon.until(PATIENCE, both).unwrap();
    let alone = daemon.output(&["tune", NAME, "--parallel", "1"]).unwrap();
    assert!(alone.status.success());
    // What was settled of the slice that is given back is recorded, and is not read again.
    daemon.until(PATIENCE, |status| tally(status, "running") == 1).unwrap();
    let faster = daemon.output(&["tune", NAME, "--rate", "100_000/s"]).unwrap();
    assert!(faster.status.success());
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", daemon.log());
    let status = daemon.migration().unwrap();
    let counts = |name: &str| number(&status, &format!("/counts/{name}"));
    assert_eq!(
        (counts("read"), counts("written"), counts("present")),
        (documents, documents, 0),
        "{status:#}"
    );
    assert_eq!(sides.equal("from", "to").await.unwrap(), documents);
}
