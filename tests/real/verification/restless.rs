//! Documents that change faster than changes get from one side to the other: no difference, whichever side is behind.

use std::time::Duration;

use anyhow::{Result, ensure};
use esferry_lab::live::Versions;
use esferry_lab::{Endpoint, Proxy, Rule};
use serde_json::json;

use crate::kafka::topics;
use crate::replay::Stage;
use crate::scene::{NAME, PATIENCE, old_and_new, phase};

const MAP: &str =
    "{op, id, routing, version, source: .body} | if .op == \"delete\" then del(.source) else . end";
/// One side is `behind` for longer than each of `ids` documents stays as it is, `rate` of them being written a second.
async fn one_is_behind(name: &str, side: &str, behind: Duration, ids: u64, rate: u64) -> Result<()> {
    let (old, new) = old_and_new().await?;
    let (source, target) = (Proxy::start(old.url())?, Proxy::start(new.url())?);
    let ends = (Endpoint::new(&source.url()), Endpoint::new(&target.url()));
    let rules =
        format!("version = \"message\"\nsource_group = \"{name}-old\"\nmax_lag = 100_000\nmap = '{MAP}'");
    let (stage, mut writer) =
        Stage::on(ends.0, ends.1, topics().await?, name, Versions::OfCommands, &rules, "").await?;
    let steady = writer.create_steady(20).await?;
    esferry_lab::live::OldIndexer::catches_up(&stage.topics, name, &format!("{name}-old")).await?;
    stage.old.refresh(name).await?;
    let running = stage.daemon.start(&[])?;
    stage.daemon.until(PATIENCE, |status| {
        phase(status) == "ready" && status["changes"]["topic"]["lag"] == json!(0)
    })?;
    // The old side's indexer and the replay are the only ones that send bulks.
    let slow = if side == "source" { &source } else { &target };
    slow.rule(Rule::on_bulks().delay(behind));
    let writing = writer.busy_with(ids).go_on(rate);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let (lost, _) = &steady[3];
    new.delete(&format!("/{name}/_doc/{lost}?refresh=true")).await?;
    let found = super::verify(&stage.daemon, &["--level", "content"])?;
    let only: [(String, String); 1] = [("missing".to_owned(), lost.clone())];
    ensure!(
        found.code == 4 && found.named()? == only.into_iter().collect(),
        "{:#?}\n{:#}",
        found.differences,
        found.report
    );
    ensure!(found.report["counts"]["candidates"].as_u64() > Some(1), "nothing moved: {:#}", found.report);
    println!("{side} behind: {}", found.report["counts"]);
    slow.clear_rules();
    writing.stop().await?;
    let repaired = super::verify(&stage.daemon, &["--level", "content", "--repair"])?;
    ensure!(repaired.code == 0, "{:#?}", repaired.differences);
    stage.daemon.until(PATIENCE, |status| status["changes"]["topic"]["lag"] == json!(0))?;
    esferry_lab::live::OldIndexer::catches_up(&stage.topics, name, &format!("{name}-old")).await?;
    ensure!(stage.is_equal(true).await? > 2000, "too few");
    let output = stage.daemon.output(&["verify", NAME, "--level", "count"])?;
    ensure!(output.status.code() == Some(0), "{output:?}");
    running.kill_nine()?;
    stage.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_behind_is_no_difference() {
    if esferry_lab::wanted("a verification of documents that never rest, the target behind") {
        // The replay writes a document again when its last bulk has been answered.
        let behind = Duration::from_millis(300);
        one_is_behind("verify-behind-target", "target", behind, 10, 20).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_behind_is_no_difference() {
    if esferry_lab::wanted("a verification of documents that never rest, the source behind") {
        let behind = Duration::from_millis(3500);
        one_is_behind("verify-behind-source", "source", behind, 60, 40).await.unwrap();
    }
}
