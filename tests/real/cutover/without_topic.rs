//! A source that nobody tells about: writers are stopped by the block, a last pass brings over what they wrote, and what
//! only the new side has taken is counted before the way back.

use anyhow::{Result, ensure};
use esferry_lab::live::Versions;
use serde_json::json;

use super::{led_to, told, write};
use crate::reconcile::Stage;
use crate::scene::{NAME, PATIENCE, phase, reason, standing};

async fn passes() -> Result<()> {
    let (stage, writer) =
        Stage::new("switch-passes", Versions::OfCommands, "verify = { level = \"ids\" }").await?;
    let text = std::fs::read_to_string(stage.daemon.config())?;
    let cutover =
        format!("[migrations.{NAME}.cutover]\nalias = \"switch-passes-front\"\nblock_source = true\n");
    write(stage.daemon.config(), &format!("{text}{cutover}"))?;
    let mut running = stage.daemon.start(&[])?;
    stage.daemon.until(PATIENCE, |status| phase(status) == "ready")?;
    // Writers go on until the block stops them.
    let writing = writer.go_on(300);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let (code, record, said) = told(&stage.daemon, &["cutover", NAME])?;
    ensure!(code == 0, "exit code {code}\n{said}\n{}", stage.daemon.log());
    let stopped = writing.stop().await;
    ensure!(stopped.is_err_and(|error| format!("{error:#}").contains("403")), "the writer was not stopped");
    ensure!(
        record["check"]["counted"] == json!(true) && record["blocked"] == json!(["switch-passes"]),
        "{record:#}"
    );
    println!("time without writes: {} to {}", record["writes_stopped"], record["writes_back"]);
    ensure!(led_to(&stage.new, "switch-passes-front").await? == ["switch-passes"]);
    let same = stage.is_equal(true).await?;

    let (_, plan, _) = told(&stage.daemon, &["recovery", NAME])?;
    ensure!(plan["lost"].as_str().is_some_and(|lost| lost.contains("no write since the switch")), "{plan:#}");
    // Users write to the new side now.
    for number in 0..7 {
        stage
            .new
            .put(&format!("/switch-passes-front/_doc/new-{number}?refresh=true"), &json!({"a": number}))
            .await?;
    }
    let (_, plan, _) = told(&stage.daemon, &["recovery", NAME])?;
    ensure!(
        plan["lost"].as_str().is_some_and(|lost| lost.starts_with("7 operations that only the target took")),
        "{plan:#}"
    );
    // No pass takes them away while the target serves, also not after a restart.
    running.kill_nine()?;
    running = stage.daemon.start(&[])?;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    ensure!(stage.new.count("switch-passes").await? == same + 7);
    let (code, _, said) = told(&stage.daemon, &["rollback", NAME, "--because", "a test"])?;
    ensure!(code == 0, "exit code {code}\n{said}");
    // And none after the way back, until somebody has looked.
    let paused = stage.daemon.until(PATIENCE, |status| standing(status) == "paused")?;
    ensure!(reason(&paused).starts_with("7 writes went to the target alone"), "{}", reason(&paused));
    ensure!(stage.new.count("switch-passes").await? == same + 7);
    let settings = stage.old.get("/switch-passes/_settings").await?;
    ensure!(
        settings.pointer("/switch-passes/settings/index/blocks/write") != Some(&json!("true")),
        "{settings:#}"
    );
    ensure!(stage.daemon.output(&["resume", NAME])?.status.success());
    stage.until_caught_up()?;
    stage.is_equal(true).await?;
    running.terminate()?;
    running.exit_code(PATIENCE)?;
    stage.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_are_stopped_and_what_the_new_side_took_is_counted() {
    if esferry_lab::wanted("a switch of a source without topic") {
        passes().await.unwrap();
    }
}
