//! Hooks that fail, hang, or print secrets; a cluster that is lost in the middle.

use anyhow::{Result, ensure};
use esferry_lab::{Gate, Rule};
use reqwest::Method;
use serde_json::json;

use super::plain::Plain;
use super::{Switch, told, write};
use crate::scene::{NAME, PATIENCE, phase, standing};

async fn failing_and_hanging() -> Result<()> {
    let hooks = "block_source = true\nhooks = { before = [\"/bin/sh\", \"-c\", \"cat $MODE_FILE; . $MODE_FILE\"], \
                 undo_before = [\"/bin/sh\", \"-c\", \"echo undone >> $MODE_FILE.undone\"] }";
    let plain = Plain::new("switch-hooks", hooks).await?;
    let mode = plain.daemon.folder().join("mode");
    let text = std::fs::read_to_string(plain.daemon.config())?;
    write(plain.daemon.config(), &text.replace("$MODE_FILE", &mode.display().to_string()))?;

    write(&mode, "echo cannot freeze; exit 3\n")?;
    let (code, record, said) = told(&plain.daemon, &["cutover", NAME])?;
    ensure!(
        code == 4 && said.contains("exit code 3") && said.contains("cannot freeze"),
        "exit code {code}\n{said}"
    );
    ensure!(record["ended"]["rolled_back"].is_string(), "{record:#}");
    plain.is_as_it_was().await?;
    let undone = std::fs::read_to_string(mode.with_extension("undone"))?;
    ensure!(undone.lines().count() == 1, "{undone}");

    let hangs = format!("{}\n", "sleep 600");
    write(&mode, &hangs)?;
    let text = std::fs::read_to_string(plain.daemon.config())?;
    write(
        plain.daemon.config(),
        &text.replace("block_source = true", "block_source = true\nwithin = \"3s\""),
    )?;
    let (code, _, said) = told(&plain.daemon, &["cutover", NAME])?;
    ensure!(code == 4 && said.contains("longer than 3s"), "exit code {code}\n{said}");
    plain.is_as_it_was().await?;

    // What a hook prints is kept and shown, and no secret of it.
    write(
        &mode,
        "echo connecting with hunter2-of-the-cluster to http://anna:geheim@front; echo token=abcdef\n",
    )?;
    let (code, record, said) = told(&plain.daemon, &["cutover", NAME])?;
    ensure!(code == 0, "exit code {code}\n{said}");
    let answers = record["answers"].to_string();
    ensure!(answers.contains("connecting with [redacted] to http://[redacted]@front"), "{answers}");
    let store = std::process::Command::new("grep")
        .args(["-rlaE", "hunter2-of-the-cluster|geheim|abcdef"])
        .arg(plain.daemon.state_dir())
        .output()?;
    ensure!(store.stdout.is_empty(), "{}", String::from_utf8_lossy(&store.stdout));
    ensure!(!said.contains("hunter2") && !plain.daemon.log().contains("hunter2"), "{said}");
    ensure!(plain.blocked().await?, "without a topic the old side stays blocked");
    ensure!(record["writes_stopped"].is_string() && record["writes_back"].is_string(), "{record:#}");
    let (code, _, said) = told(&plain.daemon, &["rollback", NAME])?;
    ensure!(code == 0, "exit code {code}\n{said}");
    plain.is_as_it_was().await?;
    plain.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_that_fail_hang_or_tell_secrets() {
    if esferry_lab::wanted("hooks that fail, hang or tell secrets") {
        failing_and_hanging().await.unwrap();
    }
}

/// A cluster goes away when this request has been applied, and stays away until long after the time limit.
async fn lost(name: &str, side: Side, request: Rule) -> Result<()> {
    let plain = Plain::new(name, "block_source = true\nwithin = \"8s\"").await?;
    let running = plain.daemon.start(&[])?;
    plain.until_it_listens()?;
    let ready = plain.daemon.until(PATIENCE, |status| status["gates"]["gates"].is_array())?;
    let gates = ready["gates"]["gates"].as_array();
    let open = gates.is_some_and(|gates| gates.iter().all(|gate| gate["open"] == json!(true)));
    ensure!(open, "{:#}", ready["gates"]);
    let proxy = match side {
        Side::Source => &plain.source,
        Side::Target => &plain.target,
    };
    let gate = Gate::new();
    proxy.rule(request.times(1).hold(&gate).drop_after());
    let asked = plain.daemon.start_command(&["cutover", NAME])?;
    ensure!(gate.wait_held(1, PATIENCE), "it does not come so far\n{}", plain.daemon.log());
    proxy.refuse();
    gate.release();
    let away = plain.daemon.until(PATIENCE, |status| {
        status["cutover"]["way"] == json!("back") && standing(status) == "waiting"
    })?;
    if side == Side::Target {
        ensure!(!plain.blocked().await?, "the block is lifted without the target: {:#}", away["cutover"]);
    }
    proxy.serve();
    plain.daemon.until(PATIENCE, |status| {
        phase(status) == "ready" && status["cutover"]["ended"]["rolled_back"].is_string()
    })?;
    plain.is_as_it_was().await?;
    drop(asked);
    running.kill_nine()?;
    plain.clear().await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Source,
    Target,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_lost_in_the_middle_leaves_users_where_they_were() {
    if esferry_lab::wanted("a target that is lost in the middle of a switch") {
        // The alias moves, and its answer never comes.
        let moves = Rule::on(Method::POST, "/_aliases").body_contains("\"add\"");
        lost("switch-lost", Side::Target, moves).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_lost_in_the_middle_is_not_left_blocked() {
    if esferry_lab::wanted("a source that is lost in the middle of a switch") {
        let blocks = Rule::on(Method::PUT, "/_settings");
        lost("switch-lost-source", Side::Source, blocks).await.unwrap();
    }
}

/// Without a daemon the command is the switch: Ctrl-C takes it back.
async fn interrupted() -> Result<()> {
    let hooks =
        "block_source = true\nhooks = { after = [\"/bin/sleep\", \"60\"], undo_after = [\"/bin/true\"] }";
    let plain = Plain::new("switch-interrupted", hooks).await?;
    let mut switching = plain.daemon.start_command(&["cutover", NAME])?;
    for _ in 0..600 {
        if !super::led_to(&plain.new, "switch-interrupted-front").await?.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    ensure!(plain.blocked().await?, "{}", plain.daemon.log());
    ensure!(switching.signal(rustix::process::Signal::INT)?, "it is over already");
    let code = switching.exit_code(PATIENCE)?;
    ensure!(
        code == 4 && plain.daemon.log().contains("going back"),
        "exit code {code}\n{}",
        plain.daemon.log()
    );
    plain.is_as_it_was().await?;
    plain.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_command_takes_its_switch_back() {
    if esferry_lab::wanted("a switch without a daemon that is interrupted") {
        interrupted().await.unwrap();
    }
}

/// A switch that is asked to go back while it is under way does so.
async fn turned_round() -> Result<()> {
    let (switch, writer) = Switch::new("switch-turned", "").await?;
    let running = switch.ready()?;
    let text = std::fs::read_to_string(switch.stage.daemon.config())?;
    drop(running);
    write(
        switch.stage.daemon.config(),
        &text.replace(
            "[migrations.move.cutover.hooks]",
            "[migrations.move.cutover.hooks]\nbefore = [\"/bin/sleep\", \"20\"]",
        ),
    )?;
    let running = switch.ready()?;
    let asking = switch.stage.daemon.start_command(&["cutover", NAME])?;
    switch.stage.daemon.until(PATIENCE, |status| status["cutover"]["step"] == json!("before_hook"))?;
    let (code, record, said) = told(&switch.stage.daemon, &["rollback", NAME])?;
    // `before` has no hook that undoes it, and that is told.
    ensure!(code == 4 && said.contains("no hook `undo_before` undoes it"), "exit code {code}\n{said}");
    ensure!(record["ended"]["rolled_back"].is_string() && !switch.is_switched().await?, "{record:#}");
    drop((asking, running, writer));
    switch.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_under_way_is_turned_round() {
    if esferry_lab::wanted("a switch that is turned round") {
        turned_round().await.unwrap();
    }
}
