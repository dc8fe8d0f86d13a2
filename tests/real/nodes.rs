//! Nodes that die, freeze or are missing from the start: never taken for the end, and nothing is lost.

use anyhow::{Result, ensure};
use esferry_lab::data::{AlertSet, load_alerts};
use esferry_lab::servers::{start_pair, wait_for_nodes};
use esferry_lab::{Endpoint, Gate, Node, NodeSpec, Rule};
use reqwest::Method;
use serde_json::Value;

use crate::scene::{PATIENCE, Scene, alert_schema, old_and_new, phase, standing, tally};

/// Kills a node and waits until the other one knows.
async fn lose(node: &mut Node, survivor: &Endpoint) -> Result<()> {
    node.kill_nine()?;
    wait_for_nodes(survivor, 1).await
}

/// Starts a node again and waits until every shard is back.
async fn bring_back(node: &mut Node, survivor: &Endpoint) -> Result<()> {
    node.restart_on_same_data().await?;
    wait_for_nodes(survivor, 2).await?;
    let health = survivor.get("/_cluster/health?wait_for_status=green&timeout=60s").await?;
    ensure!(health.get("status").and_then(Value::as_str) == Some("green"), "{health}");
    Ok(())
}

/// Not finished, and not given up.
fn still_copying(scene: &Scene) -> Result<()> {
    let status = scene.daemon.migration()?;
    ensure!(phase(&status) == "copying" && standing(&status) == "waiting", "{status:#}");
    ensure!(tally(&status, "set_aside") == 0, "{status:#}");
    Ok(())
}

/// Takes the node away while `held` pages are asked for, and brings it back once the status tells the reason.
async fn lose_in_the_middle(scene: &Scene, node: &mut Node, gate: &Gate) -> Result<()> {
    ensure!(gate.wait_held(1, PATIENCE), "{}", scene.daemon.log());
    lose(node, &scene.old).await?;
    gate.release();
    scene.waits_for(&["source", &scene.from, "shard"])?;
    still_copying(scene)?;
    bring_back(node, &scene.old).await
}

/// The same daemon comes to its end, and everything has arrived.
async fn all_arrives(scene: &Scene, documents: u64) -> Result<()> {
    scene.daemon.until(PATIENCE, |status| phase(status) == "ready")?;
    let arrived = scene.arrived().await?;
    ensure!(arrived == documents, "{arrived} of {documents} are there");
    scene.clear_target().await
}

#[tokio::test]
async fn a_1_7_node_that_is_missing_or_dies_or_freezes_is_waited_for() {
    if !esferry_lab::wanted("a 1.7 node that is missing, dies in a scan, freezes") {
        return;
    }
    let (_, new) = old_and_new().await.unwrap();
    let (survivor, mut node) = start_pair(NodeSpec::new("1.7.6")).await.unwrap();
    let (index, old) = ("nodes-scan", survivor.endpoint());
    let documents = load_alerts(&old, index, AlertSet::lived(41, 6000)).await.unwrap().documents;
    // A killed 1.x loses what it has not flushed.
    old.flush(index).await.unwrap();
    let slice = "slice = { docs = 700, parallel = 3, page_docs = 100 }";
    let settings = format!("{}\n{slice}", alert_schema().unwrap());

    // Red when the run begins: the plan waits. Then again in the middle of the scans.
    new.delete_index("nodes-scan-copy").await.unwrap();
    let scene = Scene::new(&old, &new, index, "nodes-scan-copy", &settings).unwrap();
    lose(&mut node, &old).await.unwrap();
    let gate = Gate::new();
    scene.source.rule(Rule::on_pages().skip(9).times(3).hold(&gate));
    let running = scene.daemon.start(&[]).unwrap();
    let status = scene.waits_for(&["source", index, "shard"]).unwrap();
    assert_eq!(phase(&status), "planning", "{status:#}");
    bring_back(&mut node, &old).await.unwrap();
    lose_in_the_middle(&scene, &mut node, &gate).await.unwrap();
    all_arrives(&scene, documents).await.unwrap();
    drop(running);

    // Frozen, it holds the pages of its shards for as long as the client waits.
    new.delete_index("nodes-frozen-copy").await.unwrap();
    let timeout = "timeout = \"5s\"";
    let scene = Scene::with_clusters(&old, &new, index, "nodes-frozen-copy", timeout, &settings).unwrap();
    let gate = Gate::new();
    scene.source.rule(Rule::on_pages().skip(9).times(3).hold(&gate));
    let _running = scene.daemon.start(&[]).unwrap();
    assert!(gate.wait_held(1, PATIENCE), "{}", scene.daemon.log());
    node.freeze().unwrap();
    gate.release();
    scene.waits_for(&["source", index, "no answer in time"]).unwrap();
    still_copying(&scene).unwrap();
    bring_back(&mut node, &old).await.unwrap();
    all_arrives(&scene, documents).await.unwrap();
}

#[tokio::test]
async fn a_6_8_node_that_dies_in_a_scroll_or_between_windows_is_waited_for() {
    if !esferry_lab::wanted("a 6.8 node that dies in a scroll, and between windows") {
        return;
    }
    let (_, new) = old_and_new().await.unwrap();
    let (survivor, mut node) = start_pair(NodeSpec::new("6.8.23").heap("384m")).await.unwrap();
    let (index, old) = ("nodes-scroll", survivor.endpoint());
    let documents = load_alerts(&old, index, AlertSet::lived(42, 5000)).await.unwrap().documents;
    for (strategy, rule) in [
        ("shard", Rule::on_pages().skip(5)),
        ("seq_no", Rule::any().when(|seen| seen.path.contains("/_search?version=true")).skip(8)),
    ] {
        let copy = format!("{index}-{}", strategy.replace('_', "-"));
        new.delete_index(&copy).await.unwrap();
        let settings = format!("slice = {{ strategy = \"{strategy}\", parallel = 3, page_docs = 100 }}");
        let scene = Scene::new(&old, &new, index, &copy, &settings).unwrap();
        let gate = Gate::new();
        scene.source.rule(rule.times(3).hold(&gate));
        let _running = scene.daemon.start(&[]).unwrap();
        lose_in_the_middle(&scene, &mut node, &gate).await.unwrap();
        all_arrives(&scene, documents).await.unwrap();
    }
}

#[tokio::test]
async fn a_source_shard_that_is_missing_when_both_sides_are_counted_is_waited_for() {
    if !esferry_lab::wanted("a shard that is missing at the final count") {
        return;
    }
    let (old, new) = old_and_new().await.unwrap();
    let (index, copy) = ("nodes-count", "nodes-count-copy");
    let documents = load_alerts(&old, index, AlertSet::plain(43, 500)).await.unwrap().documents;
    new.delete_index(copy).await.unwrap();
    let scene = Scene::new(&old, &new, index, copy, &alert_schema().unwrap()).unwrap();
    // What 1.7 says of a count that a shard is missing from: HTTP 200, and fewer shards.
    scene.source.rule(Rule::any().when(|seen| seen.path.ends_with("/_count")).shards(3, 2, 0));
    let _running = scene.daemon.start(&[]).unwrap();
    let status = scene.waits_for(&[index, "2 of 3 shards answered"]).unwrap();
    assert_eq!(phase(&status), "verifying", "{status:#}");
    scene.source.clear_rules();
    all_arrives(&scene, documents).await.unwrap();
    old.delete_index(index).await.unwrap();
}

#[tokio::test]
async fn a_target_that_is_killed_has_what_it_acknowledged_when_it_is_back() {
    if !esferry_lab::wanted("a target that is killed in the middle, twice") {
        return;
    }
    let (old, _) = old_and_new().await.unwrap();
    let mut node = Node::start(NodeSpec::new("6.8.23").heap("384m")).await.unwrap();
    let (index, copy) = ("nodes-target", "nodes-target-copy");
    let documents = load_alerts(&old, index, AlertSet::lived(44, 6000)).await.unwrap().documents;
    let sizes = "slice = { docs = 700, parallel = 3, page_docs = 100 }\nwrite = { batch_docs = 50 }";
    let settings = format!("{}\n{sizes}", alert_schema().unwrap());
    let scene = Scene::new(&old, &node.endpoint(), index, copy, &settings).unwrap();
    let running = scene.daemon.start(&[]).unwrap();
    for bulks in [20, 30] {
        let gate = Gate::new();
        scene.target.rule(Rule::on(Method::POST, "/_bulk").skip(bulks).times(2).hold(&gate));
        assert!(gate.wait_held(1, PATIENCE), "{}", scene.daemon.log());
        node.kill_nine().unwrap();
        gate.release();
        scene.waits_for(&["target", copy]).unwrap();
        still_copying(&scene).unwrap();
        node.restart_on_same_data().await.unwrap();
        scene.target.clear_rules();
    }
    scene.daemon.until(PATIENCE, |status| phase(status) == "ready").unwrap();
    assert_eq!(scene.arrived().await.unwrap(), documents);
    let opened = scene.source.opens().len();
    assert_eq!(opened as u64, tally(&scene.daemon.migration().unwrap(), "done"), "no slice was read twice");
    drop(running);
    old.delete_index(index).await.unwrap();
}
