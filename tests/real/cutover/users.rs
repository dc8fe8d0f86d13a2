//! Users search and a writer writes all the time: killed, verified, rehearsed, switched, rolled back, switched again and
//! completed, with no search that fails or finds what is not right.

use std::time::Duration;

use anyhow::{Result, bail, ensure};
use esferry_lab::Users;
use esferry_lab::live::OldIndexer;
use serde_json::{Value, json};

use super::{Switch, told};
use crate::replay::killed;
use crate::scene::{NAME, PATIENCE, phase};

/// Waits until users have searched the new side so often.
async fn on_the_new_side(switch: &Switch, users: &Users, searches: u64) -> Result<()> {
    for _ in 0..600 {
        if users.seen().asked.get(switch.stage.new.url()).copied().unwrap_or(0) >= searches {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("{:?}", users.seen())
}

async fn notice_nothing() -> Result<()> {
    let (switch, writer) =
        Switch::new("switch-users", "gates = { verified_within = \"1h\", lag_age = \"1m\" }").await?;
    let users = switch.users();
    let writing = writer.go_on(1000);
    let daemon = &switch.stage.daemon;
    let mut running = killed(daemon, 3)?;
    switch.until_open()?;

    let (code, found, said) = told(daemon, &["cutover", NAME, "--dry-run"])?;
    ensure!(code == 0, "exit code {code}: {found:#}\n{said}");
    let names: Vec<&str> = found["gates"]["gates"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|gate| gate["name"].as_str())
        .collect();
    ensure!(
        names == ["failures", "caught_up", "verified", "compared", "target", "disk", "clocks"],
        "{names:?}"
    );
    let (code, plan, said) = told(daemon, &["recovery", NAME])?;
    ensure!(
        code == 0 && plan["lost"].as_str().is_some_and(|lost| lost.starts_with("nothing")),
        "{plan:#}\n{said}"
    );

    let (code, rehearsed, said) = told(daemon, &["cutover", NAME, "--rehearse"])?;
    ensure!(code == 0 && rehearsed["rehearsal"] == json!(true), "exit code {code}: {rehearsed:#}\n{said}");
    ensure!(!switch.is_switched().await? && rehearsed["answers"] == json!([]), "{rehearsed:#}");
    ensure!(super::led_to(&switch.stage.new, &format!("esferry-rehearsal-{NAME}")).await?.is_empty());

    let (code, switched, said) = told(daemon, &["cutover", NAME])?;
    ensure!(code == 0, "exit code {code}: {switched:#}\n{said}\n{}", daemon.log());
    ensure!(switch.is_switched().await?);
    ensure!(switched["check"]["looked_at"].as_u64() > Some(0), "{switched:#}");
    let took: u64 =
        switched["taken"].as_array().into_iter().flatten().filter_map(|step| step["took_ms"].as_u64()).sum();
    println!("switched in {took} ms at 1 000 messages a second: {}", switched["taken"]);
    on_the_new_side(&switch, &users, 60).await?;

    let written = |plan: &Value| plan["written_since"]["operations"].as_u64() > Some(500);
    let mut tries = 0;
    let plan = loop {
        let (code, plan, _) = told(daemon, &["recovery", NAME])?;
        tries += 1;
        ensure!(code == 0 && (written(&plan) || tries < 60), "{plan:#}");
        if written(&plan) {
            break plan;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    ensure!(plan["lost"].as_str().is_some_and(|lost| lost.starts_with("nothing: all")), "{plan:#}");
    ensure!(plan["keeps_fed"][0].as_str().is_some_and(|fed| fed.contains("switch-users")), "{plan:#}");
    let (code, _, said) = told(daemon, &["rollback", NAME, "--because", "a test of the way back"])?;
    ensure!(code == 0, "exit code {code}\n{said}\n{}", daemon.log());
    ensure!(!switch.is_switched().await?);
    switch.until_open()?;
    tokio::time::sleep(Duration::from_secs(1)).await;

    let (code, again, said) = told(daemon, &["cutover", NAME])?;
    ensure!(code == 0, "exit code {code}: {again:#}\n{said}\n{}", daemon.log());
    ensure!(switch.is_switched().await?);
    on_the_new_side(&switch, &users, 120).await?;
    let writer = writing.stop().await?;
    OldIndexer::catches_up(&switch.stage.topics, "switch-users", "switch-users-old").await?;
    daemon.until(PATIENCE, |status| {
        phase(status) == "cut_over" && status["changes"]["topic"]["lag"] == json!(0)
    })?;
    let same = switch.stage.is_equal(true).await?;

    let (code, report, said) = told(daemon, &["complete", NAME, "--yes"])?;
    ensure!(code == 0, "exit code {code}\n{said}");
    ensure!(phase(&daemon.migration()?) == "complete");
    ensure!(report["cutovers"].as_array().map(Vec::len) == Some(3), "{report:#}");
    ensure!(
        report["indices"][0]["counted"]["source"].is_u64()
            && report["verification"]["counts"]["differences"] == json!(0),
        "{report:#}"
    );
    let rules: Vec<&str> = report["schema_changes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|change| change["rule"].as_str())
        .collect();
    ensure!(rules.contains(&"string_to_keyword"), "{rules:?}");
    let markdown = std::fs::read_to_string(daemon.state_dir().join("reports").join(format!("{NAME}.md")))?;
    for words in [
        "Elasticsearch 1.7.6",
        "Elasticsearch 6.8.23",
        "a test of the way back",
        "Writes were never stopped",
        "Rehearsal 1",
    ] {
        ensure!(markdown.contains(words), "no {words:?} in\n{markdown}");
    }
    let (code, _, said) = told(daemon, &["rollback", NAME])?;
    ensure!(code == 3 && said.contains("not_switched"), "exit code {code}\n{said}");

    let seen = users.stop().await;
    ensure!(seen.wrong.is_empty(), "{:#?}", seen.wrong);
    println!(
        "{} commands, {same} documents the same, searches: {:?}, none failed",
        writer.sent(),
        seen.asked
    );
    ensure!(seen.asked.len() == 2 && seen.asked.values().all(|asked| *asked >= 60), "{:?}", seen.asked);
    running.terminate()?;
    let code = running.exit_code(Duration::from_secs(15))?;
    ensure!(code == 0, "exit code {code}\n{}", daemon.log());
    switch.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn users_notice_nothing_of_a_switch_a_way_back_and_another_switch() {
    if esferry_lab::wanted("users during switches and ways back") {
        notice_nothing().await.unwrap();
    }
}
