//! A target index that is blocked, closed or deleted in the middle: waited out where that helps, never a success
//! where it does not.

use anyhow::{Result, ensure};
use esferry_lab::data::{AlertSet, Body};
use esferry_lab::{Gate, Rule};
use serde_json::{Value, json};

use crate::daemon::Running;
use crate::scene::{PATIENCE, Scene, alert_schema, alerts, phase, reason, standing};

/// A copy whose scans are held in the middle.
async fn held(name: &str, seed: u64, args: &[&str]) -> Result<(Scene, Gate, Running, u64)> {
    let copy = format!("{name}-copy");
    let (old, new, documents) = alerts(name, &copy, AlertSet::lived(seed, 3000)).await?;
    let settings = format!("{}\nslice = {{ parallel = 2, page_docs = 100 }}", alert_schema()?);
    let scene = Scene::new(&old, &new, name, &copy, &settings)?;
    let gate = Gate::new();
    scene.source.rule(Rule::on_pages().skip(8).times(2).hold(&gate));
    let running = scene.daemon.start(args)?;
    ensure!(gate.wait_held(2, PATIENCE), "{}", scene.daemon.log());
    scene.bulks_come_to_rest(8)?;
    Ok((scene, gate, running, documents))
}

async fn block(scene: &Scene, value: Value) -> Result<()> {
    let settings = json!({"index.blocks.read_only_allow_delete": value});
    scene.new.put(&format!("/{}/_settings", scene.to), &settings).await.map(drop)
}

#[tokio::test]
async fn a_read_only_block_is_waited_out_before_the_copy_and_in_the_middle_of_it() {
    if !esferry_lab::wanted("a read-only block that is lifted after a while") {
        return;
    }
    let (index, copy) = ("states-block", "states-block-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(61, 3000)).await.unwrap();
    new.recreate_index(copy, &Body::Alerts.target().unwrap()).await.unwrap();
    let settings = "schema = \"existing\"\nslice = { parallel = 2, page_docs = 100 }";
    let scene = Scene::new(&old, &new, index, copy, settings).unwrap();
    let gate = Gate::new();
    scene.source.rule(Rule::on_pages().skip(8).times(2).hold(&gate));
    block(&scene, json!(true)).await.unwrap();
    let mut running = scene.daemon.start(&[]).unwrap();
    let status = scene.waits_for(&[copy, "FORBIDDEN/12"]).unwrap();
    assert_eq!(phase(&status), "preparing", "{status:#}");
    block(&scene, Value::Null).await.unwrap();

    assert!(gate.wait_held(2, PATIENCE), "{}", scene.daemon.log());
    block(&scene, json!(true)).await.unwrap();
    gate.release();
    let status = scene.waits_for(&["target", copy, "FORBIDDEN/12"]).unwrap();
    assert_eq!(phase(&status), "copying", "{status:#}");
    block(&scene, Value::Null).await.unwrap();
    scene.daemon.until(PATIENCE, |status| phase(status) == "ready").unwrap();
    running.terminate().unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_target_that_is_closed_in_the_middle_is_waited_for_until_it_is_opened() {
    if !esferry_lab::wanted("a target index that is closed and opened again") {
        return;
    }
    let (scene, gate, mut running, documents) = held("states-closed", 62, &["--once"]).await.unwrap();
    scene.new.post(&format!("/{}/_close", scene.to), &json!({})).await.unwrap();
    gate.release();
    scene.waits_for(&["target", &scene.to, "closed"]).unwrap();
    scene.new.post(&format!("/{}/_open", scene.to), &json!({})).await.unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_target_that_is_deleted_in_the_middle_is_a_failure_although_the_server_makes_it_anew() {
    if !esferry_lab::wanted("a target index that is deleted in the middle") {
        return;
    }
    let (scene, gate, mut running, _) = held("states-deleted", 63, &["--once"]).await.unwrap();
    scene.clear_target().await.unwrap();
    gate.release();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 2, "{}", scene.daemon.log());
    let gone = |status: &Value| {
        standing(status) == "failed"
            && reason(status).contains(&scene.to)
            && ["deleted", "gone"].iter().any(|word| reason(status).contains(word))
    };
    let status = scene.daemon.migration().unwrap();
    assert!(gone(&status), "{status:#}");
    // A second run does not find everything in order, either.
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 2, "{log}");
    assert!(gone(&scene.daemon.migration().unwrap()), "{log}");
    scene.clear().await.unwrap();
}
