//! A source that is written while both sides are read: what is on its way is no difference.

use std::time::Duration;

use anyhow::{Result, ensure};
use esferry_lab::live::Versions;
use serde_json::json;

use crate::reconcile::Stage;
use crate::scene::{NAME, PATIENCE, phase};

async fn is_right_while_it_is_written() -> Result<()> {
    let (stage, writer) = Stage::new("verify-live", Versions::OfCommands, "").await?;
    let mut running = stage.daemon.start(&[])?;
    stage.daemon.until(PATIENCE, |status| phase(status) == "ready")?;
    let writing = writer.go_on(200);
    tokio::time::sleep(Duration::from_secs(2)).await;
    // A document that no writer knows, and that nobody follows.
    stage.new.put(&format!("/{}/_doc/stranger?refresh=true", stage.target), &json!({"a": 1})).await?;
    // Passes delete what only the target has, so it may be gone when it is looked at: both answers are right.
    let output = stage.daemon.output(&["verify", NAME, "--level", "content", "--json"])?;
    let stdout = String::from_utf8(output.stdout)?;
    let others = stdout.lines().filter(|line| !line.contains("\"report\"") && !line.contains("stranger"));
    ensure!(others.count() == 0, "{stdout}");
    ensure!(stdout.contains("\"report\""), "{}", String::from_utf8_lossy(&output.stderr));
    writing.stop().await?;
    stage.until_caught_up()?;
    let output = stage.daemon.output(&["verify", NAME, "--level", "content"])?;
    ensure!(output.status.code() == Some(0), "{output:?}");
    stage.is_equal(true).await?;
    running.terminate()?;
    running.exit_code(PATIENCE)?;
    stage.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_its_way_is_no_difference() {
    if esferry_lab::wanted("a verification of a source that is written") {
        is_right_while_it_is_written().await.unwrap();
    }
}
