//! The process dies at every step of both ways: the next start ends in one of the two states, never between.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use anyhow::{Result, ensure};
use esferry::failpoint::Failpoint;
use serde_json::json;

use super::Switch;
use crate::daemon::Running;
use crate::scene::{NAME, PATIENCE, phase};

const SIGABRT: i32 = 6;
const STEPS: usize = 7;
const STEPS_BACK: usize = 4;
/// Of the way forward, those before the alias is touched.
const BEFORE_THE_ALIAS: usize = 4;

/// A daemon that dies when it comes to this boundary for so many times and once more.
fn doomed(switch: &Switch, point: Failpoint, survived: usize) -> Result<Running> {
    let action = if survived == 0 { "return".to_owned() } else { format!("{survived}*off->return") };
    let mut command = switch.stage.daemon.command(&["run"]);
    let log =
        std::fs::File::options().create(true).append(true).open(switch.stage.daemon.folder().join("log"))?;
    command.env("FAILPOINTS", format!("{}={action}", point.name())).stdout(Stdio::null()).stderr(log);
    let running = Running::start(&mut command)?;
    switch.until_open()?;
    Ok(running)
}

/// It has died by itself.
fn is_dead(mut running: Running, what: &str) -> Result<()> {
    for _ in 0..300 {
        if let Some(status) = running.ended()? {
            ensure!(status.signal() == Some(SIGABRT), "{what}: {status:?}");
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    anyhow::bail!("{what} was not reached")
}

/// What the next start makes of it: the phase once nothing of a switch is under way any more.
async fn comes_to_rest(switch: &Switch) -> Result<(Running, String)> {
    let daemon = &switch.stage.daemon;
    let running = daemon.start(&[])?;
    let rest = daemon.until(PATIENCE, |status| {
        let ended = &status["cutover"]["ended"];
        (phase(status) == "ready" && ended["rolled_back"].is_string())
            || (phase(status) == "cut_over" && ended["switched"].is_string())
    })?;
    let switched = switch.is_switched().await?;
    let phase = phase(&rest).to_owned();
    ensure!(switched == (phase == "cut_over"), "{phase}, and switched: {switched}\n{:#}", rest["cutover"]);
    Ok((running, phase))
}

async fn die_everywhere() -> Result<()> {
    let (switch, writer) =
        Switch::new("switch-deaths", "within = \"60s\"\ngates = { lag_age = \"5m\" }").await?;
    let writing = writer.go_on(100);
    let daemon = &switch.stage.daemon;
    let users = switch.users();
    let mut ends = Vec::new();
    let boundaries = std::iter::once((Failpoint::SwitchBegun, 0)).chain(
        (0..STEPS).flat_map(|step| [(Failpoint::SwitchStepStored, step), (Failpoint::SwitchStepTaken, step)]),
    );
    for (point, survived) in boundaries {
        let running = doomed(&switch, point, survived)?;
        let asked = daemon.output(&["cutover", NAME])?;
        ensure!(!asked.status.success(), "{point:?} {survived}: {asked:?}");
        is_dead(running, &format!("{point:?} {survived}: {}", String::from_utf8_lossy(&asked.stderr)))?;
        let (running, phase) = comes_to_rest(&switch).await?;
        let expected =
            if point == Failpoint::SwitchBegun || survived < BEFORE_THE_ALIAS { "ready" } else { "cut_over" };
        ensure!(phase == expected, "{point:?} {survived} ended {phase}\n{}", daemon.log());
        if phase == "cut_over" {
            let back = daemon.output(&["rollback", NAME])?;
            ensure!(back.status.success(), "{back:?}");
        }
        ends.push(format!("{point:?} {survived}: {phase}"));
        running.kill_nine()?;
    }
    // The way back, from a switch that is done.
    for (point, survived) in (0..STEPS_BACK)
        .flat_map(|step| [(Failpoint::SwitchStepStored, step), (Failpoint::SwitchStepTaken, step)])
    {
        // The steps of the way there come first.
        let running = doomed(&switch, point, STEPS + survived)?;
        let asked = daemon.output(&["cutover", NAME])?;
        ensure!(asked.status.success(), "{asked:?}\n{}", daemon.log());
        ensure!(switch.is_switched().await?);
        let back = daemon.output(&["rollback", NAME])?;
        ensure!(!back.status.success(), "{point:?} {survived}: {back:?}");
        is_dead(running, &format!("back, {point:?} {survived}"))?;
        let (running, phase) = comes_to_rest(&switch).await?;
        ensure!(phase == "ready", "back, {point:?} {survived} ended {phase}");
        running.kill_nine()?;
    }
    let seen = users.stop().await;
    ensure!(seen.wrong.is_empty(), "{:#?}", seen.wrong);
    writing.stop().await?;
    println!("{ends:#?}\nsearches {:?}, none failed", seen.asked);
    switch.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_at_any_step_ends_in_one_of_two_states() {
    if esferry_lab::wanted("deaths at every step of a switch") {
        die_everywhere().await.unwrap();
    }
}

/// `kill -9` at moments that nobody chose.
async fn die_anywhere() -> Result<()> {
    let (switch, writer) =
        Switch::new("switch-killed", "within = \"60s\"\ngates = { lag_age = \"5m\" }").await?;
    let writing = writer.go_on(100);
    let daemon = &switch.stage.daemon;
    let mut phases = std::collections::BTreeMap::<String, u32>::new();
    for turn in 0..10_u64 {
        let running = switch.ready()?;
        let asking = daemon.start_command(&["cutover", NAME])?;
        std::thread::sleep(std::time::Duration::from_millis(50 + turn * 110));
        running.kill_nine()?;
        drop(asking);
        if daemon.migration()?["cutover"] == json!(null) {
            continue;
        }
        let (running, phase) = comes_to_rest(&switch).await?;
        if phase == "cut_over" {
            ensure!(daemon.output(&["rollback", NAME])?.status.success());
        }
        *phases.entry(phase).or_default() += 1;
        running.kill_nine()?;
    }
    println!("{phases:?}");
    writing.stop().await?;
    let running = switch.ready()?;
    esferry_lab::live::OldIndexer::catches_up(&switch.stage.topics, "switch-killed", "switch-killed-old")
        .await?;
    switch.stage.until_caught_up()?;
    switch.stage.is_equal(true).await?;
    running.kill_nine()?;
    switch.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_ends_in_one_of_two_states() {
    if esferry_lab::wanted("kills at any moment of a switch") {
        die_anywhere().await.unwrap();
    }
}
