//! Pausing, resuming, and slices that are set aside.

use anyhow::{Result, ensure};
use esferry::store::records::SliceState;
use esferry_lab::data::AlertSet;
use esferry_lab::{Gate, Rule};
use serde_json::Value;

use crate::scene::{NAME, PATIENCE, Scene, alert_schema, alerts, phase, reason, standing, tally};

/// A command that has to succeed; returns what it printed.
fn succeed(scene: &Scene, args: &[&str]) -> Result<String> {
    let output = scene.daemon.output(args)?;
    ensure!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn a_pause_in_the_middle_holds_over_a_restart_until_resume() {
    if !esferry_lab::wanted("pause and resume in the middle") {
        return;
    }
    let (index, copy) = ("holding-pause", "holding-pause-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(31, 4000)).await.unwrap();
    let settings =
        format!("{}\nslice = {{ docs = 500, parallel = 2, page_docs = 100 }}", alert_schema().unwrap());
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    let gate = Gate::new();
    scene.source.rule(Rule::on_pages().skip(12).hold(&gate));
    let mut running = scene.daemon.start(&[]).unwrap();
    assert!(gate.wait_held(2, PATIENCE), "{}", scene.daemon.log());
    succeed(&scene, &["pause", NAME, "--reason", "until the night"]).unwrap();
    let paused = |status: &Value| standing(status) == "paused" && reason(status).contains("until the night");
    scene.daemon.until(PATIENCE, |status| paused(status) && tally(status, "running") == 0).unwrap();
    gate.release();
    scene.source.clear_rules();

    running.terminate().unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert!(paused(&scene.daemon.migration().unwrap()));
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 3, "{log}");
    assert!(log.contains("until the night"), "{log}");

    let reads = (scene.source.opens().len(), scene.target.requests_to("_bulk").len());
    let mut running = scene.daemon.start(&[]).unwrap();
    scene.until_it_listens().unwrap();
    assert!(paused(&scene.daemon.migration().unwrap()));
    assert_eq!((scene.source.opens().len(), scene.target.requests_to("_bulk").len()), reads);
    succeed(&scene, &["resume", NAME]).unwrap();
    scene.daemon.until(PATIENCE, |status| phase(status) == "ready").unwrap();
    running.terminate().unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

/// Every opening of a scan of shard 1 fails.
fn shard_one_fails() -> Rule {
    let failure = r#"{"error":"SomeException[made by the proxy]","status":500}"#;
    Rule::on_opens().when(|seen| seen.path.contains("_shards:1")).answer(500, failure)
}

#[tokio::test]
async fn a_slice_that_always_fails_is_set_aside_alone_and_resume_tries_it_again() {
    if !esferry_lab::wanted("a slice that always fails") {
        return;
    }
    let index = "holding-aside";
    let (old, new, documents) = alerts(index, "holding-aside-once", AlertSet::lived(32, 3000)).await.unwrap();
    new.delete_index("holding-aside-live").await.unwrap();
    let settings = format!("{}\nslice = {{ page_docs = 200 }}", alert_schema().unwrap());
    let once = Scene::new(&old, &new, index, "holding-aside-once", &settings).unwrap();
    let live = Scene::new(&old, &new, index, "holding-aside-live", &settings).unwrap();
    let gate = Gate::new();
    once.source.rule(shard_one_fails());
    live.source.rule(shard_one_fails()).rule(Rule::on_pages().skip(3).times(1).hold(&gate));

    // Both give up on the slice at the same time, since that takes a while.
    let mut finishing = once.daemon.start(&["--once"]).unwrap();
    let mut working = live.daemon.start(&[]).unwrap();
    once.waits_for(&["source", "made by the proxy"]).unwrap();
    let much = PATIENCE * 3;
    assert_eq!(finishing.exit_code(much).unwrap(), 4, "{}", once.daemon.log());
    let status = once.daemon.migration().unwrap();
    assert_eq!((tally(&status, "set_aside"), tally(&status, "done")), (1, 2), "{status:#}");
    let explained = status.pointer("/indices/0/counted/explanation").and_then(Value::as_str).unwrap();
    assert!(explained.contains("set aside"), "{explained}");
    let aside = once.slices().unwrap().into_iter().find_map(|slice| match slice.state {
        SliceState::SetAside { reason, .. } => Some(reason),
        _ => None,
    });
    assert!(aside.as_ref().is_some_and(|reason| reason.contains("made by the proxy")), "{aside:?}");
    once.source.clear_rules();
    let opened = once.source.opens().len();
    assert_eq!(once.daemon.run_once().unwrap().0, 4, "without resume it stays set aside");
    assert_eq!(once.source.opens().len(), opened);
    succeed(&once, &["resume", NAME]).unwrap();
    let (code, log) = once.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(once.source.opens().len(), opened + 1, "only the slice that was set aside");
    assert_eq!(once.arrived().await.unwrap(), documents);

    // Taken up again while another slice is still being copied.
    live.daemon.until(much, |status| tally(status, "set_aside") == 1).unwrap();
    let status = live.daemon.migration().unwrap();
    assert_eq!((phase(&status), tally(&status, "running")), ("copying", 1), "{status:#}");
    live.source.clear_rules();
    succeed(&live, &["resume", NAME]).unwrap();
    let status = live.daemon.migration().unwrap();
    assert_eq!((tally(&status, "set_aside"), tally(&status, "running")), (0, 1), "{status:#}");
    gate.release();
    live.daemon.until(PATIENCE, |status| phase(status) == "ready").unwrap();
    let status = live.daemon.migration().unwrap();
    assert_eq!((tally(&status, "done"), tally(&status, "waiting")), (3, 0), "{status:#}");
    working.terminate().unwrap();
    assert_eq!(working.exit_code(PATIENCE).unwrap(), 0, "{}", live.daemon.log());
    assert_eq!(live.arrived().await.unwrap(), documents);
    live.clear_target().await.unwrap();
    once.clear().await.unwrap();
}
