//! The process dies at each boundary that the code names, also more than once: nothing is lost, and nothing that was
//! done is done again. Every failpoint has to be reached, or its test fails.

use std::collections::{BTreeSet, HashMap};
use std::os::unix::process::ExitStatusExt;

use anyhow::{Context, Result, ensure};
use esferry::failpoint::Failpoint;
use esferry::store::records::SliceState;
use esferry_lab::data::{load_refused_documents, refused_documents};
use esferry_lab::{Endpoint, compare};
use serde_json::{Value, json};

use super::{none_is_opened_again, place_of, setting};
use crate::scene::{NAME, Scene, old_and_new};
use crate::sides::number;

/// Documents that arrive, beside those that are refused.
const GOOD: u32 = 400;
const SIGABRT: i32 = 6;

/// What is done when the process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Run,
    Retry,
    Reset,
}

/// When a boundary is crossed, and for each life the passes that it survives; `None` where other scenarios cross it.
fn lives(point: Failpoint) -> Option<(Act, &'static [usize])> {
    Some(match point {
        Failpoint::FlushCounted | Failpoint::FlushUntold => (Act::Run, &[0, 1, 4, 12]),
        // One life for each phase.
        Failpoint::PhaseStored => (Act::Run, &[0, 0, 0, 0, 0, 0]),
        Failpoint::IndexStored
        | Failpoint::TargetCreated
        | Failpoint::OriginalsStored
        | Failpoint::RestoreStored => (Act::Run, &[0]),
        Failpoint::ShardWritten
        | Failpoint::ShardStored
        | Failpoint::TargetTuned
        | Failpoint::TargetPrepared
        | Failpoint::SettingsRestored
        | Failpoint::CountStored => (Act::Run, &[0, 0]),
        Failpoint::SliceBegun
        | Failpoint::BulkAcknowledged
        | Failpoint::PageSettled
        | Failpoint::SettlementWritten
        | Failpoint::SettlementStored => (Act::Run, &[0, 2, 1]),
        Failpoint::RetryAnswered | Failpoint::RetryWritten | Failpoint::RetryStored => (Act::Retry, &[0, 0]),
        Failpoint::ResetMarked | Failpoint::ResetWritten => (Act::Reset, &[0]),
        Failpoint::ResetHalf => (Act::Reset, &[7]),
        Failpoint::SwitchBegun
        | Failpoint::SwitchStepStored
        | Failpoint::SwitchStepTaken
        | Failpoint::UnitStored
        | Failpoint::CandidatesWritten
        | Failpoint::DifferencesWritten
        | Failpoint::DifferencesStored
        | Failpoint::RepairAnswered
        | Failpoint::ComparisonWritten
        | Failpoint::ComparisonStored
        | Failpoint::MessagesAcknowledged
        | Failpoint::MessagesWritten
        | Failpoint::MessagesStored => {
            return None;
        }
    })
}

/// Runs a command that has to die when it comes to this point, `survived` passes later.
fn die_at(scene: &Scene, point: Failpoint, survived: usize, args: &[&str]) -> Result<()> {
    let action = if survived == 0 { "return".to_owned() } else { format!("{survived}*off->return") };
    let mut command = scene.daemon.command(args);
    let output = command.env("FAILPOINTS", format!("{}={action}", point.name())).output()?;
    ensure!(
        output.status.signal() == Some(SIGABRT),
        "{point:?} was not reached after {survived} passes: {:?}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}

/// A source with documents that the target refuses, and a target that is made with settings of its own.
async fn scene(old: &Endpoint, new: &Endpoint, index: &str) -> Result<Scene> {
    load_refused_documents(old, new, index, GOOD).await?;
    new.delete_index(index).await?;
    let settings = "schema = \"file:target.json\"\nslice = { docs = 40, parallel = 2, page_docs = 10 }\nwrite = { batch_docs = 5 }";
    let scene = Scene::new(old, new, index, index, settings)?;
    let properties = json!({"n": {"type": "integer"}, "when": {"type": "date"}, "word": {"type": "keyword"},
        "raw": {"type": "object", "enabled": false}});
    let body = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 1, "refresh_interval": "7s"},
        "mappings": {"_doc": {"dynamic": "strict", "properties": properties}}});
    let folder = scene.daemon.config().parent().context("no folder")?;
    std::fs::write(folder.join("target.json"), body.to_string())?;
    Ok(scene)
}

/// Everything is there but the documents of the failure list, which are `refused`, each of them once.
async fn assert_settled(scene: &Scene, refused: &BTreeSet<String>, same: u64) -> Result<()> {
    scene.new.refresh(&scene.to).await?;
    let compared = compare((&scene.old, &scene.from), (&scene.new, &scene.to)).await?;
    let missing: BTreeSet<String> = compared.missing.iter().map(|key| key.id.clone()).collect();
    ensure!(
        missing == *refused
            && compared.missing.len() == refused.len()
            && (compared.same, compared.extra.len(), compared.different.len()) == (same, 0, 0),
        "{compared}"
    );
    let listed = scene.daemon.output(&["failures", "list", NAME, "--json"])?;
    let listed: Vec<Value> =
        serde_json::Deserializer::from_slice(&listed.stdout).into_iter().collect::<Result<_, _>>()?;
    let ids: BTreeSet<String> =
        listed.iter().filter_map(|failure| Some(failure["id"].as_str()?.to_owned())).collect();
    ensure!(ids == *refused && listed.len() == refused.len(), "listed are {ids:?}");
    let status = scene.daemon.migration()?;
    let counts = ["read", "written", "present", "superseded", "dropped", "rejected"]
        .map(|name| number(&status, &format!("/counts/{name}")));
    let [read, written, present, superseded, dropped, rejected] = counts;
    ensure!(
        written + present == same && (superseded, dropped) == (0, 0) && rejected == refused.len() as u64,
        "{status:#}"
    );
    ensure!(read == u64::from(GOOD) + refused_documents().len() as u64, "{status:#}");
    ensure!(setting(&scene.new, &scene.to, "refresh_interval").await?.as_deref() == Some("7s"));
    ensure!(setting(&scene.new, &scene.to, "number_of_replicas").await?.as_deref() == Some("1"));
    Ok(())
}

fn refused_ids() -> BTreeSet<String> {
    refused_documents().into_iter().map(|refused| refused.document.id).collect()
}

/// Runs to the end, where nothing but the refused documents is missing, and then once more, which does nothing.
async fn run_to_the_end(scene: &Scene) -> Result<()> {
    let (code, log) = scene.daemon.run_once()?;
    ensure!(code == 4, "exit code {code}\n{log}");
    assert_settled(scene, &refused_ids(), u64::from(GOOD)).await?;
    let asked = || (scene.source.opens().len(), scene.target.requests_to("_bulk").len());
    let before = asked();
    ensure!(scene.daemon.run_once()?.0 == 4 && asked() == before, "a second run copied something");
    Ok(())
}

async fn dies_while_it_runs(scene: &Scene, point: Failpoint, lives: &[usize]) -> Result<()> {
    let mut done: HashMap<String, usize> = HashMap::new();
    for survived in lives {
        die_at(scene, point, *survived, &["run", "--once"])?;
        let slices = scene.slices()?;
        let seen = scene.source.requests().len();
        for slice in slices.iter().filter(|slice| slice.state == SliceState::Done) {
            done.entry(place_of(slice)?).or_insert(seen);
        }
    }
    run_to_the_end(scene).await?;
    none_is_opened_again(scene, &done)
}

async fn dies_while_it_tries_again(scene: &Scene, point: Failpoint, lives: &[usize]) -> Result<()> {
    run_to_the_end(scene).await?;
    let index = &scene.from;
    scene.old.put(&format!("/{index}/odd/number"), &json!({"n": 1})).await?;
    scene.old.delete(&format!("/{index}/odd/object")).await?;
    for survived in lives {
        die_at(scene, point, *survived, &["failures", "retry", NAME])?;
    }
    let tried = scene.daemon.output(&["failures", "retry", NAME])?;
    ensure!(tried.status.code() == Some(4), "{}", String::from_utf8_lossy(&tried.stderr));
    let mut refused = refused_ids();
    ensure!(refused.remove("number") && refused.remove("object"));
    assert_settled(scene, &refused, u64::from(GOOD) + 1).await
}

async fn dies_while_it_forgets(scene: &Scene, point: Failpoint, lives: &[usize]) -> Result<()> {
    run_to_the_end(scene).await?;
    for survived in lives {
        die_at(scene, point, *survived, &["reset", NAME, "--yes"])?;
    }
    // All of it is there, or nothing.
    match scene.slices()?.len() {
        0 => {}
        _ => {
            assert_settled(scene, &refused_ids(), u64::from(GOOD)).await?;
            let reset = scene.daemon.output(&["reset", NAME, "--yes"])?;
            ensure!(reset.status.success(), "{}", String::from_utf8_lossy(&reset.stderr));
        }
    }
    run_to_the_end(scene).await
}

async fn die_everywhere(act: Act) -> Result<()> {
    let (old, new) = old_and_new().await?;
    let name = format!("crash-failpoints-{act:?}").to_lowercase();
    for point in Failpoint::ALL {
        let Some((_, lives)) = lives(*point).filter(|(of, _)| *of == act) else { continue };
        let scene = scene(&old, &new, &name).await?;
        let outcome = match act {
            Act::Run => dies_while_it_runs(&scene, *point, lives).await,
            Act::Retry => dies_while_it_tries_again(&scene, *point, lives).await,
            Act::Reset => dies_while_it_forgets(&scene, *point, lives).await,
        };
        outcome.with_context(|| format!("after deaths at {point:?}"))?;
        println!("{point:?}: {} deaths", lives.len());
        scene.clear().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_run_that_dies_at_any_boundary_goes_on_behind_it() {
    if esferry_lab::wanted("deaths at every boundary of a run") {
        die_everywhere(Act::Run).await.unwrap();
    }
}

#[tokio::test]
async fn a_retry_that_dies_at_any_boundary_counts_no_document_twice() {
    if esferry_lab::wanted("deaths at every boundary of a retry") {
        die_everywhere(Act::Retry).await.unwrap();
    }
}

#[tokio::test]
async fn a_reset_that_dies_at_any_boundary_leaves_all_or_nothing() {
    if esferry_lab::wanted("deaths at every boundary of a reset") {
        die_everywhere(Act::Reset).await.unwrap();
    }
}
