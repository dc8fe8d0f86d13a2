//! A verification that dies, wherever and however often, says what one says that does not.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;

use super::{Stage, mutations};
use crate::scene::NAME;

/// Counts, groups and sums of a report: times and numbers of verifications differ.
fn findings(report: &Value) -> [Value; 3] {
    ["counts", "groups", "indices"].map(|part| report[part].clone())
}

async fn dies_ten_times() -> Result<()> {
    let stage = Stage::new("verify-killed", 6000, "").await?;
    let mutated = mutations::mutate(&stage, 6000, 300, 3).await?;
    let undisturbed = stage.verify(&["--level", "content", "--anew"])?;
    ensure!(undisturbed.code == 4, "{}", undisturbed.report);
    let args = ["verify", NAME, "--level", "content", "--json"];
    #[cfg(feature = "failpoints")]
    for point in ["UnitStored", "UnitStored", "CandidatesWritten", "DifferencesWritten", "DifferencesStored"]
    {
        let mut command = stage.daemon.command(&args);
        if point == "UnitStored" {
            command.arg("--anew");
        }
        let output = command.env("FAILPOINTS", format!("{point}=return")).output()?;
        ensure!(output.status.code().is_none(), "{point} was not reached: {output:?}");
    }
    for time in 1..=10_u64 {
        let running = stage.daemon.start_command(&args)?;
        tokio::time::sleep(Duration::from_millis(time * 29)).await;
        running.kill_nine()?;
    }
    let disturbed = stage.verify(&["--level", "content"])?;
    ensure!(disturbed.differences == undisturbed.differences, "{:?}", disturbed.differences);
    let (one, other) = (findings(&undisturbed.report), findings(&disturbed.report));
    // Shards of the target that had not changed may have been left unread by the second one.
    let without_unchanged = |mut findings: [Value; 3]| {
        findings[0]["unchanged"] = Value::Null;
        findings
    };
    let (one, other) = (without_unchanged(one), without_unchanged(other));
    ensure!(one == other, "{one:?}\n{other:?}");
    let repair = ["verify", NAME, "--level", "content", "--repair", "--delete-extra"];
    #[cfg(feature = "failpoints")]
    for survived in ["", "1*off->"] {
        let mut command = stage.daemon.command(&repair);
        let output = command.env("FAILPOINTS", format!("RepairAnswered={survived}return")).output()?;
        ensure!(output.status.code().is_none(), "RepairAnswered was not reached: {output:?}");
    }
    let output = stage.daemon.output(&repair)?;
    ensure!(output.status.code() == Some(0), "{output:?}");
    stage.is_equal_but(&mutated.reordered).await?;
    stage.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_that_is_killed_ten_times_says_the_same() {
    if esferry_lab::wanted("a verification that is killed again and again") {
        dies_ten_times().await.unwrap();
    }
}
