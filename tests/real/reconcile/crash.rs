//! The process dies at every boundary of a pass: what follows goes on where it was, and nothing is counted twice.

use anyhow::{Result, ensure};
use esferry::failpoint::Failpoint;
use esferry_lab::live::Versions;
use serde_json::json;

use super::Stage;
use crate::replay::crash::dies_at;
use crate::scene::PATIENCE;

async fn dies() -> Result<()> {
    let (stage, mut writer) = Stage::new("reconcile-dies", Versions::OfCommands, "").await?;
    let (code, log) = stage.daemon.run_once()?;
    ensure!(code == 0, "exit code {code}\n{log}");
    for point in [Failpoint::UnitStored, Failpoint::ComparisonWritten, Failpoint::ComparisonStored] {
        for survived in [0, 1] {
            writer.send(1500).await?;
            dies_at(&stage.daemon, point, survived, async || Ok(())).await?;
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
