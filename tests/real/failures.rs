//! Failures that are accepted, slices that are taken up one by one, and a store that is damaged or out of room.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use esferry::plan::slice::{Cursor, SliceId};
use esferry::store::Store;
use esferry::store::records::SliceState;
use esferry_lab::data::{AlertSet, BulkWriter, Document, load_refused_documents, refused_documents};
use esferry_lab::{Gate, Rule, compare};
use reqwest::Method;
use serde_json::{Value, json};

use crate::scene::{NAME, PATIENCE, Scene, alert_schema, alerts, old_and_new, phase, tally};

/// Exit code, the values that were printed, and what was said besides.
fn esferry(scene: &Scene, args: &[&str]) -> Result<(i32, Vec<Value>, String)> {
    let output = scene.daemon.output(args)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code().context("ended by a signal")?;
    let values: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect();
    Ok((code, values.with_context(|| format!("{args:?} printed no JSON; {said}"))?, said))
}

/// As [`esferry`], for what has to succeed.
fn printed(scene: &Scene, args: &[&str]) -> Result<Vec<Value>> {
    let (code, values, said) = esferry(scene, args)?;
    ensure!(code == 0, "{args:?} ended with {code}: {said}");
    Ok(values)
}

/// The error types of the failures that are listed.
fn types(scene: &Scene) -> Result<BTreeSet<String>> {
    let failures = printed(scene, &["failures", "list", NAME, "--json"])?;
    Ok(failures.iter().filter_map(|failure| Some(failure["error_type"].as_str()?.to_owned())).collect())
}

fn accept(scene: &Scene, kind: &str) -> Result<Value> {
    let args = ["failures", "accept", NAME, "--type", kind, "--note", "agreed with sales", "--json"];
    printed(scene, &args)?.pop().context("nothing was printed")
}

#[tokio::test]
async fn a_run_whose_only_differences_are_accepted_ends_with_0_and_says_so() {
    if !esferry_lab::wanted("failures that are accepted") {
        return;
    }
    let (old, new) = old_and_new().await.unwrap();
    let index = "failures-accepted";
    load_refused_documents(&old, &new, index, 300).await.unwrap();
    let refused = refused_documents().len();
    let scene =
        Scene::new(&old, &new, index, index, "schema = \"existing\"\nslice = { docs = 100 }").unwrap();
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");

    let (code, _, said) =
        esferry(&scene, &["failures", "accept", NAME, "--type", "mapper_parsing", "--note", "x"]).unwrap();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("has no failures of the type `mapper_parsing`"), "{said}");
    let types = types(&scene).unwrap();
    let (first, others) = (types.first().unwrap(), types.iter().skip(1));
    for kind in others {
        accept(&scene, kind).unwrap();
    }
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 4, "one type is open: {log}");
    let group = accept(&scene, first).unwrap();
    assert_eq!(group["accepted"]["note"], json!("agreed with sales"));
    assert_eq!(group["accepted"]["count"], group["count"]);
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains(&format!("{refused} documents did not arrive, and that is accepted")), "{log}");
    let shown = scene.daemon.output(&["status"]).unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains(&format!("accepted {refused}")) && shown.contains("what is missing is accepted"),
        "{shown}"
    );

    // Taken back, and accepted once more by a daemon, which leaves with 0 then.
    printed(&scene, &["failures", "accept", NAME, "--type", first, "--undo", "--json"]).unwrap();
    assert_eq!(scene.daemon.run_once().unwrap().0, 4);
    let mut running = scene.daemon.start(&[]).unwrap();
    scene.until_it_listens().unwrap();
    accept(&scene, first).unwrap();
    running.terminate().unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn a_daemon_that_tries_failures_again_says_how_far_it_is() {
    if !esferry_lab::wanted("a retry through the daemon") {
        return;
    }
    let (old, new) = old_and_new().await.unwrap();
    let index = "failures-retried";
    load_refused_documents(&old, &new, index, 50).await.unwrap();
    let scene = Scene::new(&old, &new, index, index, "schema = \"existing\"").unwrap();
    assert_eq!(scene.daemon.run_once().unwrap().0, 4);
    old.put(&format!("/{index}/odd/number"), &json!({"n": 1})).await.unwrap();
    old.delete(&format!("/{index}/odd/object")).await.unwrap();

    let mut running = scene.daemon.start(&[]).unwrap();
    scene.until_it_listens().unwrap();
    let client = esferry::control::Client::connect(&scene.daemon.state_dir()).unwrap().unwrap();
    let mut heard = Vec::new();
    let report = client.retry_failures(NAME, None, |progress| heard.push(progress)).await.unwrap();
    let all = refused_documents().len() as u64;
    assert_eq!((report.tried, report.resolved, report.gone, report.still_failing), (all, 1, 1, all - 2));
    let last = heard.last().unwrap();
    assert_eq!((last.of, last.report), (all, report));
    let none = client.retry_failures(NAME, Some("no_such"), |_| ()).await.unwrap();
    assert_eq!(none.tried, 0);
    let status = scene.daemon.migration().unwrap();
    assert_eq!(status["counts"]["rejected"], json!(all - 2), "{status:#}");
    running.terminate().unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 4, "{}", scene.daemon.log());
    let arrived = compare((&old, index), (&new, index)).await.unwrap();
    assert_eq!(arrived.missing.len() as u64, all - 2, "{arrived}");
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn an_answer_to_another_question_lets_no_failure_go() {
    if !esferry_lab::wanted("a retry that gets the answer of the batch before") {
        return;
    }
    let (old, new) = old_and_new().await.unwrap();
    let index = "failures-mixed";
    load_refused_documents(&old, &new, index, 0).await.unwrap();
    let documents = (0..600).map(|n| Document::new(format!("bad-{n:05}"), r#"{"n":"bad"}"#));
    BulkWriter::new(&old, index, Some("odd")).index(documents).await.unwrap();
    let all = 600 + refused_documents().len();
    let settings = "schema = \"existing\"\nmax_failure_ratio = 1.0";
    let scene = Scene::new(&old, &new, index, index, settings).unwrap();
    assert_eq!(scene.daemon.run_once().unwrap().0, 4);

    let again = Rule::on(Method::POST, "/_search").body_contains("\"ids\"");
    scene.source.rule(again.clone().skip(1).times(1).previous_answer());
    let (code, _, said) = esferry(&scene, &["failures", "retry", NAME, "--json"]).unwrap();
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("error[read_again]") && said.contains("that was not asked for"), "{said}");
    assert_eq!(scene.source.applied(), [1]);
    scene.source.clear_rules();
    let nothing = r#"{"took":1,"timed_out":false,"_shards":{"total":5,"successful":5,"failed":0},"hits":{"total":0,"hits":[]}}"#;
    scene.source.rule(again.times(1).answer(200, nothing));
    let (code, _, said) = esferry(&scene, &["failures", "retry", NAME, "--json"]).unwrap();
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("documents are there that the answer does not have"), "{said}");
    scene.source.clear_rules();
    assert_eq!(printed(&scene, &["failures", "list", NAME, "--json"]).unwrap().len(), all);
    let (_, report, said) = esferry(&scene, &["failures", "retry", NAME, "--json"]).unwrap();
    assert_eq!(report[0]["still_failing"], json!(all), "{report:?} {said}");
    scene.clear().await.unwrap();
}

/// A copy that was stopped in the middle, with some slices that wait.
async fn stopped_in_the_middle(index: &str) -> Result<(Scene, u64)> {
    let copy = format!("{index}-copy");
    let (old, new, documents) = alerts(index, &copy, AlertSet::plain(71, 3000)).await?;
    let settings = format!("{}\nslice = {{ docs = 300, parallel = 1, page_docs = 100 }}", alert_schema()?);
    let scene = Scene::new(&old, &new, index, &copy, &settings)?;
    let gate = Gate::new();
    scene.source.rule(Rule::on_pages().skip(4).hold(&gate));
    let mut running = scene.daemon.start(&["--once"])?;
    ensure!(gate.wait_held(1, PATIENCE), "{}", scene.daemon.log());
    running.terminate()?;
    gate.release();
    scene.source.clear_rules();
    ensure!(running.exit_code(PATIENCE)? == 130, "{}", scene.daemon.log());
    Ok((scene, documents))
}

#[tokio::test]
async fn slices_that_were_set_aside_are_listed_and_taken_up_one_by_one() {
    if !esferry_lab::wanted("slices that are taken up one by one") {
        return;
    }
    let (scene, documents) = stopped_in_the_middle("failures-slices").await.unwrap();
    let waiting: Vec<SliceId> = scene
        .slices()
        .unwrap()
        .into_iter()
        .filter(|slice| slice.state == SliceState::Waiting)
        .map(|slice| slice.slice.id)
        .collect();
    let [one, other] = [waiting[0], waiting[1]];
    {
        let store = Store::open(&scene.daemon.state_dir()).unwrap();
        for id in [one, other] {
            let state = SliceState::SetAside { reason: "made by the test".to_owned(), cursor: Cursor::Start };
            store.update_slice(NAME, id, |record| record.state = state).unwrap();
        }
        store.flush().unwrap();
    }
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");
    assert_eq!(tally(&scene.daemon.migration().unwrap(), "set_aside"), 2);
    let aside = printed(&scene, &["slices", NAME, "--state", "set-aside", "--json"]).unwrap();
    assert_eq!(aside.len(), 2, "{aside:?}");
    let shown = scene.daemon.output(&["slices", NAME, "--state", "set-aside"]).unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.lines().count() == 2 && shown.contains("set aside") && shown.contains("made by the test"),
        "{shown}"
    );

    let (code, _, said) = esferry(&scene, &["resume", NAME, "--slice", "0.7.99"]).unwrap();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("has no slice 0.7.99") && said.contains("--state set-aside"), "{said}");
    printed(&scene, &["resume", NAME, "--slice", &one.to_string()]).unwrap();
    let opened = scene.source.opens().len();
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");
    assert_eq!(scene.source.opens().len(), opened + 1, "only the slice that was named");

    // The other one through a daemon.
    let mut running = scene.daemon.start(&[]).unwrap();
    scene.until_it_listens().unwrap();
    let done = printed(&scene, &["slices", NAME, "--state", "done", "--json"]).unwrap().len();
    let (code, _, said) = esferry(&scene, &["resume", NAME, "--slice", &one.to_string()]).unwrap();
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("is not set aside: it is done"), "{said}");
    printed(&scene, &["resume", NAME, "--slice", &other.to_string()]).unwrap();
    scene
        .daemon
        .until(PATIENCE, |status| phase(status) == "ready" && tally(status, "set_aside") == 0)
        .unwrap();
    assert_eq!(printed(&scene, &["slices", NAME, "--json"]).unwrap().len(), done + 1);
    running.terminate().unwrap();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

/// The next of a sequence of numbers that looks like chance, from 0 to 1.
fn chance(state: &mut u64) -> f64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    f64::from(u32::try_from(*state >> 33).unwrap_or_default()) / f64::from(1_u32 << 31)
}

/// Changes a byte of the used part of a file, or cuts it off there.
fn damage(path: &Path, at: f64, cut: bool) -> Result<()> {
    let mut bytes = std::fs::read(path)?;
    let used = bytes.iter().rposition(|byte| *byte != 0).context("the log is empty")? + 1;
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let place = ((used as f64 * at) as usize).min(used - 1);
    if cut {
        bytes.truncate(place);
    } else {
        bytes[place] ^= 0x55;
    }
    Ok(std::fs::write(path, bytes)?)
}

#[tokio::test]
async fn a_store_that_is_damaged_after_a_crash_is_refused_or_complete() {
    if !esferry_lab::wanted("a damaged store") {
        return;
    }
    let (scene, documents) = stopped_in_the_middle("failures-torn").await.unwrap();
    let log = scene.daemon.state_dir().join("store/db");
    let whole = std::fs::read(&log).unwrap();
    let slices = printed(&scene, &["slices", NAME, "--json"]).unwrap();
    let (mut seed, mut refused) = (7, 0);
    for round in 0..40 {
        std::fs::write(&log, &whole).unwrap();
        damage(&log, chance(&mut seed), round % 4 == 0).unwrap();
        let (code, left, said) = esferry(&scene, &["slices", NAME, "--json"]).unwrap();
        match code {
            0 => assert_eq!(left, slices, "round {round}: {said}"),
            3 => {
                refused += 1;
                assert!(said.contains("error[corrupt]") && said.contains("restore"), "round {round}: {said}");
            }
            code => panic!("round {round}: exit code {code}: {said}"),
        }
    }
    assert!(refused > 0, "the damage was felt");
    // A run refuses too, and sends nothing anywhere.
    std::fs::write(&log, &whole[..whole.len() / 8]).unwrap();
    let sent = scene.target.requests_to("_bulk").len();
    let (code, said) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("error[corrupt]"), "{said}");
    assert_eq!(scene.target.requests_to("_bulk").len(), sent);
    // Restored, it goes on.
    std::fs::write(&log, &whole).unwrap();
    let (code, said) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{said}");
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

/// `run --once` that may not write a file beyond so many KiB, as on a disk that is full.
fn run_with_room(scene: &Scene, kib: u64) -> Result<(i32, String)> {
    let binary = scene.daemon.command(&["run", "--once"]);
    let mut limited = Command::new("bash");
    let script = format!("trap '' XFSZ; ulimit -f {kib}; exec \"$0\" \"$@\"");
    limited.arg("-c").arg(script).arg(binary.get_program()).args(binary.get_args());
    let output = limited.stdin(Stdio::null()).output()?;
    let code = output.status.code().with_context(|| format!("ended by a signal: {:?}", output.status))?;
    Ok((code, String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[tokio::test]
async fn a_full_disk_stops_a_migration_that_goes_on_once_there_is_room() {
    if !esferry_lab::wanted("a state directory without room") {
        return;
    }
    let (old, new) = old_and_new().await.unwrap();
    let index = "failures-full";
    load_refused_documents(&old, &new, index, 0).await.unwrap();
    let documents = (0..6000).map(|n| Document::new(format!("bad-{n:05}"), r#"{"n":"bad"}"#));
    BulkWriter::new(&old, index, Some("odd")).index(documents).await.unwrap();
    let settings = "schema = \"existing\"\nslice = { docs = 300 }\nmax_failure_ratio = 1.0";
    let scene = Scene::new(&old, &new, index, index, settings).unwrap();
    for kib in [1100, 1600] {
        let (code, log) = run_with_room(&scene, kib).unwrap();
        assert_eq!(code, 3, "{kib} KiB: {log}");
        assert!(log.contains("error[disk_full]") && log.contains("make room"), "{kib} KiB: {log}");
    }
    let done = tally(&scene.daemon.migration().unwrap(), "done");
    assert!(done > 0, "some checkpoints found room");
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");
    let failures = printed(&scene, &["failures", "list", NAME, "--json"]).unwrap();
    assert_eq!(failures.len(), 6000 + refused_documents().len());
    scene.clear().await.unwrap();
}
