//! The process dies at every boundary of a pass: what follows goes on where it was, and nothing is counted twice.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, ensure};
use esferry::failpoint::Failpoint;
use esferry_lab::live::Versions;
use serde_json::json;

use super::Stage;
use crate::daemon::Running;
use crate::scene::PATIENCE;

const SIGABRT: i32 = 6;

async fn dies() -> Result<()> {
    let (stage, mut writer) = Stage::new("reconcile-dies", Versions::OfCommands, "").await?;
    let (code, log) = stage.daemon.run_once()?;
    ensure!(code == 0, "exit code {code}\n{log}");
    for point in [Failpoint::UnitStored, Failpoint::ComparisonWritten, Failpoint::ComparisonStored] {
        for survived in [0, 1] {
            writer.send(1500).await?;
            let action = if survived == 0 { "return".to_owned() } else { format!("{survived}*off->return") };
            let mut command = stage.daemon.command(&["run"]);
            command.env("FAILPOINTS", format!("{}={action}", point.name()));
            let mut running = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
            let mut died = None;
            for _ in 0..300 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                died = running.ended()?;
                if died.is_some() {
                    break;
                }
            }
            ensure!(
                died.and_then(|died| died.signal()) == Some(SIGABRT),
                "{point:?} was not reached: {died:?}"
            );
        }
    }
    let mut running = stage.daemon.start(&[])?;
    let status = stage.until_caught_up()?;
    stage.is_equal(true).await?;
    let total = &status["changes"]["reconcile"]["total"];
    let sum: u64 =
        ["written", "deleted", "unchanged", "failed"].iter().filter_map(|kind| total[kind].as_u64()).sum();
    ensure!(total["found"] == json!(sum), "{total}");
    running.terminate()?;
    running.exit_code(PATIENCE)?;
    stage.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_dies_at_any_boundary_goes_on_where_it_was() {
    if esferry_lab::wanted("deaths at every boundary of a pass") {
        dies().await.unwrap();
    }
}
