//! Answers that prove nothing, indices that disappear, and a target that others write to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Result, ensure};
use esferry_lab::{Gate, Rule};
use serde_json::json;

use super::{Stage, id_of, verify};
use crate::scene::{NAME, PATIENCE, Scene, alert_schema, alerts};

/// Alerts that were copied to an index of the same name, with proxies on both sides.
async fn copied(index: &str) -> Result<Scene> {
    let (old, new, _) = alerts(index, index, esferry_lab::data::AlertSet::plain(3, 600)).await?;
    let scene = Scene::new(&old, &new, index, index, &alert_schema()?)?;
    let (code, log) = scene.daemon.run_once()?;
    ensure!(code == 0, "exit code {code}\n{log}");
    Ok(scene)
}

/// A shard that does not answer is never an empty one.
async fn partial_answers() -> Result<()> {
    let scene = copied("verify-partial").await?;
    for (side, level) in [("source", "content"), ("target", "content"), ("target", "ids"), ("source", "ids")]
    {
        let proxy = if side == "source" { &scene.source } else { &scene.target };
        let searches = || Rule::any().when(|seen| seen.path.contains("_search"));
        proxy.rule(searches().times(2).shards(1, 0, 1));
        let verified = verify(&scene.daemon, &["--level", level, "--anew"])?;
        ensure!(proxy.applied() == [2], "no answer was partial: {:?}", proxy.applied());
        ensure!(
            verified.code == 0 && verified.differences.is_empty(),
            "{side} {level}: {:#?}",
            verified.differences
        );
        proxy.clear_rules();
        // Counts are asked for once, and are an error where one is partial.
        proxy.rule(Rule::any().when(|seen| seen.path.contains("_count")).times(1).shards(5, 4, 1));
        let output = scene.daemon.output(&["verify", NAME, "--level", "count"])?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.code() == Some(5) && said.contains("4 of 5 shards answered"), "{side}: {said}");
        proxy.clear_rules();
    }
    scene.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_every_shard_prove_nothing() {
    if esferry_lab::wanted("verifications with partial answers") {
        partial_answers().await.unwrap();
    }
}

/// An index that disappears while requests to `held` are under way: told with its name, and no report that looks like one.
async fn vanishing(name: &str, held: &'static str) -> Result<()> {
    for side in ["target", "source"] {
        let index = format!("{name}-{side}");
        let scene = copied(&index).await?;
        let new = &scene.new;
        // So that there is something to look at again.
        let found = new.post(&format!("/{index}/_search"), &json!({"size": 1})).await?;
        let hit = &found["hits"]["hits"][0];
        let id = hit["_id"].as_str().unwrap_or_default();
        let routing = hit["_routing"].as_str().unwrap_or(id);
        new.delete(&format!("/{index}/_doc/{id}?routing={routing}&refresh=true")).await?;
        let (proxy, cluster) = match side {
            "target" => (&scene.target, new),
            _ => (&scene.source, &scene.old),
        };
        let gate = Gate::new();
        proxy.rule(Rule::any().when(move |seen| seen.path.contains(held)).times(1).hold(&gate));
        let mut verifying = scene.daemon.start_command(&["verify", NAME, "--level", "content"])?;
        ensure!(gate.wait_held(1, PATIENCE), "{held} is not asked for");
        cluster.delete_index(&index).await?;
        gate.release();
        let code = verifying.exit_code(PATIENCE)?;
        let said = scene.daemon.log();
        ensure!(code == 2 || code == 3, "{side}: exit code {code}\n{said}");
        let told = said.contains("gone") || said.contains("it was deleted");
        ensure!(told && said.contains(&index) && said.contains("hint:"), "{side}: {said}");
        scene.clear().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_disappears_is_told() {
    if esferry_lab::wanted("indices that disappear while they are verified") {
        vanishing("verify-gone", "_search").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_disappears_while_it_is_looked_at_is_told() {
    if esferry_lab::wanted("indices that disappear while documents are looked at") {
        vanishing("verify-late", "_mget").await.unwrap();
    }
}

/// What is looked at again by id is asked for until every shard answers, too.
async fn partial_looks() -> Result<()> {
    let scene = copied("verify-looks").await?;
    scene.new.put("/verify-looks/_doc/stranger?refresh=true", &json!({"a": 1})).await?;
    // The source is searched for it, and some shards do not answer.
    let searched = || Rule::any().body_contains("\"ids\"").body_contains("stranger");
    scene.source.rule(searched().when(|seen| seen.path.contains("_search")).times(2).shards(5, 3, 2));
    // Its shard on the target is away for a moment.
    let away = json!({"docs": [{"_index": "verify-looks", "_type": "_doc", "_id": "stranger", "error": {
        "type": "no_shard_available_action_exception", "reason": "No shard available for [get [verify-looks][_all][stranger]]"}}]});
    scene
        .target
        .rule(Rule::any().when(|seen| seen.path.contains("_mget")).times(2).answer(200, away.to_string()));
    let found = verify(&scene.daemon, &["--level", "content"])?;
    ensure!((scene.source.applied(), scene.target.applied()) == (vec![2], vec![2]), "not every rule was met");
    let only: std::collections::BTreeSet<_> = [("extra".to_owned(), "stranger".to_owned())].into();
    ensure!(found.code == 4 && found.named()? == only, "{:#?}", found.differences);
    scene.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn looks_without_every_shard_are_made_again() {
    if esferry_lab::wanted("looks at documents with partial answers") {
        partial_looks().await.unwrap();
    }
}

/// Somebody writes to the target while it is verified: what he did is named as his, and nothing else is named.
async fn others_write() -> Result<()> {
    let stage = Stage::new("verify-others", 2000, "").await?;
    let (new, name) = (stage.new.clone(), stage.name.clone());
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let writing = tokio::spawn(async move {
        let mut turn = 0_u32;
        while !stopped.load(Ordering::Relaxed) {
            turn += 1;
            let path = format!("/{name}/_doc/live-{}", turn % 20);
            new.put(&path, &json!({"turn": turn})).await?;
            let path = format!("/{name}/_doc/{}", id_of(2001 + usize::try_from(turn % 3)?));
            new.put(&path, &json!({"turn": turn})).await?;
        }
        anyhow::Ok(turn)
    });
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let found = stage.verify(&["--level", "content"])?;
    stop.store(true, Ordering::Relaxed);
    let turns = writing.await??;
    let ids: Vec<&str> = found.differences.iter().filter_map(|line| line["id"].as_str()).collect();
    ensure!(found.code == 4 && !ids.is_empty(), "{turns} writes, nothing found");
    let theirs = |id: &&&str| id.starts_with("live-") || ("02001".."02004").contains(*id);
    ensure!(ids.iter().filter(theirs).count() == ids.len(), "{ids:?}");
    let kinds = found.differences.iter().all(|line| line["kind"] == json!("extra"));
    ensure!(kinds, "{:#?}", found.differences);
    // Those that changed between two looks are told as a live writer's.
    let reasons: Vec<&str> = found.differences.iter().filter_map(|line| line["reason"].as_str()).collect();
    ensure!(reasons.contains(&"live_writer"), "{reasons:?}");
    stage.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_write_meanwhile_is_named_as_theirs() {
    if esferry_lab::wanted("a target that others write to while it is verified") {
        others_write().await.unwrap();
    }
}
