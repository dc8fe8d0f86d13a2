//! The process dies at every boundary of a replay, and a broker in the middle of it: what follows goes on behind it.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, ensure};
use esferry::failpoint::Failpoint;
use esferry_lab::live::{OldIndexer, Versions};
use esferry_lab::{Broker, Topics};
use serde_json::json;

use super::{MAP, Stage};
use crate::daemon::{Daemon, Running};
use crate::scene::{PATIENCE, old_and_new, phase};

const SIGABRT: i32 = 6;

/// Runs the daemon until it dies at this point, `survived` passes later; `meanwhile` is done ten times a second.
pub async fn dies_at(
    daemon: &Daemon,
    point: Failpoint,
    survived: usize,
    mut meanwhile: impl AsyncFnMut() -> Result<()>,
) -> Result<()> {
    let action = if survived == 0 { "return".to_owned() } else { format!("{survived}*off->return") };
    let mut command = daemon.command(&["run"]);
    command.env("FAILPOINTS", format!("{}={action}", point.name()));
    let mut running = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
    let mut died = None;
    for _ in 0..300 {
        meanwhile().await?;
        tokio::time::sleep(Duration::from_millis(100)).await;
        died = running.ended()?;
        if died.is_some() {
            break;
        }
    }
    ensure!(died.and_then(|died| died.signal()) == Some(SIGABRT), "{point:?} was not reached: {died:?}");
    Ok(())
}

async fn dies() -> Result<()> {
    let rules = format!("version = \"message\"\nmap = '{MAP}'");
    let (stage, mut writer) = Stage::new("replay-dies", Versions::OfCommands, &rules, "").await?;
    let (code, log) = stage.daemon.run_once()?;
    ensure!(code == 0, "exit code {code}\n{log}");
    let points = [Failpoint::MessagesAcknowledged, Failpoint::MessagesWritten, Failpoint::MessagesStored];
    for point in points {
        for survived in [0, 1] {
            writer.send(400).await?;
            // Messages go on coming, so that there is something to checkpoint more than once.
            dies_at(&stage.daemon, point, survived, async || writer.send(10).await).await?;
        }
    }
    OldIndexer::catches_up(&stage.topics, &stage.name, "replay-dies-old").await?;
    let mut running = stage.daemon.start(&[])?;
    let status = stage.until_caught_up()?;
    stage.is_equal(true).await?;
    // The first messages came before the offsets were recorded.
    let recorded: u64 = (0..3)
        .filter_map(|partition| {
            status["changes"]["topic"]["partitions"][partition.to_string()]["recorded"].as_u64()
        })
        .sum();
    ensure!(status["changes"]["topic"]["counts"]["read"] == json!(writer.sent() - recorded), "{status:#}");
    running.terminate()?;
    running.exit_code(PATIENCE)?;
    stage.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_dies_at_any_boundary_counts_no_message_twice() {
    if esferry_lab::wanted("deaths at every boundary of a replay") {
        dies().await.unwrap();
    }
}

async fn broker_restarts() -> Result<()> {
    let mut broker = Broker::start().await?;
    let topics = Topics::of(&broker.address());
    let (old, new) = old_and_new().await?;
    let rules = format!("version = \"message\"\nmap = '{MAP}'");
    let (stage, mut writer) =
        Stage::on(old, new, topics, "replay-broker", Versions::OfCommands, &rules, "").await?;
    let mut running = stage.daemon.start(&[])?;
    stage.daemon.until(PATIENCE, |status| phase(status) == "ready")?;
    writer.send(500).await?;
    broker.kill_nine()?;
    stage.daemon.until(PATIENCE, |status| {
        status["standing"] == json!("waiting")
            && status["reason"].as_str().is_some_and(|reason| reason.contains("topic"))
    })?;
    broker.restart_on_same_data().await?;
    writer.send(500).await?;
    OldIndexer::catches_up(&stage.topics, &stage.name, "replay-broker-old").await?;
    stage.until_caught_up()?;
    stage.is_equal(true).await?;
    running.terminate()?;
    running.exit_code(PATIENCE)?;
    stage.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_is_waited_for_and_nothing_is_lost() {
    if esferry_lab::wanted("a broker that dies under a replay") {
        broker_restarts().await.unwrap();
    }
}
