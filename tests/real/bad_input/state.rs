//! State directories that cannot be used, or that say something else than the configuration.

use std::path::Path;

use anyhow::Result;
use esferry::store::FORMAT;

use super::{nowhere, refused};
use crate::daemon::Daemon;
use crate::scene::{PATIENCE, phase, standing};
use crate::sides::{NAME, Sides, numbered, route, text};

/// A migration whose state exists, and whose clusters cannot be reached.
fn begun(more: &str) -> Result<Daemon> {
    let nowhere = nowhere()?;
    let daemon = Daemon::new(&nowhere, &nowhere, NAME, &route("a", "b", more))?;
    refused(&daemon.output(&["run", "--once"])?, 5, "unreachable", &[])?;
    Ok(daemon)
}

fn change(daemon: &Daemon, from: &str, to: &str) -> Result<()> {
    let text = std::fs::read_to_string(daemon.config())?;
    anyhow::ensure!(text.contains(from), "{from} is not in {text}");
    Ok(std::fs::write(daemon.config(), text.replace(from, to))?)
}

/// Writes a record past esferry.
fn write_record(state_dir: &Path, key: &str, value: &[u8]) -> Result<()> {
    let store = sled::open(state_dir.join("store"))?;
    store.insert(key, value)?;
    store.flush()?;
    Ok(())
}

#[test]
fn the_state_of_another_migration() {
    if !esferry_lab::wanted("a state directory of another migration") {
        return;
    }
    let daemon = begun("").unwrap();
    change(&daemon, "[migrations.move]", "[migrations.other]").unwrap();
    let output = daemon.output(&["run", "--once"]).unwrap();
    refused(&output, 3, "foreign_state", &["holds the progress of move", "--state-dir"]).unwrap();
    change(&daemon, "[migrations.other]", "[migrations.move]").unwrap();
    refused(&daemon.output(&["run", "--once"]).unwrap(), 5, "unreachable", &[]).unwrap();
}

#[test]
fn the_state_of_a_newer_esferry() {
    if !esferry_lab::wanted("a store of a newer format") {
        return;
    }
    let daemon = begun("").unwrap();
    write_record(&daemon.state_dir(), "format", (FORMAT + 1).to_string().as_bytes()).unwrap();
    let told = format!("is of format {}, this esferry reads {FORMAT}", FORMAT + 1);
    for args in [&["run", "--once"][..], &["status"], &["pause", NAME], &["reset", NAME, "--yes"]] {
        refused(&daemon.output(args).unwrap(), 3, "format", &[&told]).unwrap();
    }
}

#[test]
fn a_store_that_is_corrupt() {
    if !esferry_lab::wanted("stores with damaged records and damaged files") {
        return;
    }
    let daemon = begun("").unwrap();
    write_record(&daemon.state_dir(), "m/move", b"{\"name\":\"mo").unwrap();
    for args in [&["run", "--once"][..], &["status"]] {
        refused(&daemon.output(args).unwrap(), 3, "corrupt", &["the record m/move cannot be read"]).unwrap();
    }
    let flipped = |bytes: Vec<u8>| bytes.iter().map(|byte| byte ^ 0x5a).collect::<Vec<u8>>();
    for (file, emptied) in [("conf", false), ("db", false), ("db", true)] {
        let daemon = begun("").unwrap();
        let path = daemon.state_dir().join("store").join(file);
        let bytes = flipped(std::fs::read(&path).unwrap());
        std::fs::write(&path, if emptied { Vec::new() } else { bytes }).unwrap();
        let output = daemon.output(&["run", "--once"]).unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{file}: {stderr}");
        assert!(stderr.contains("hint: "), "{file}: {stderr}");
    }
}

#[test]
fn a_state_directory_that_another_process_holds() {
    if !esferry_lab::wanted("a second daemon on one state directory") {
        return;
    }
    let nowhere = nowhere().unwrap();
    let daemon = Daemon::new(&nowhere, &nowhere, NAME, &route("a", "b", "")).unwrap();
    let mut running = daemon.start(&[]).unwrap();
    let waiting = daemon.until(PATIENCE, |status| standing(status) == "waiting").unwrap();
    assert!(text(&waiting, "/reason").contains("cannot be reached"), "{waiting:#}");
    let pid = format!("is in use by process {}", running.pid());
    let output = daemon.output(&["run", "--once"]).unwrap();
    refused(&output, 3, "locked", &[&pid, "esferry status"]).unwrap();
    refused(&daemon.output(&["reset", NAME, "--yes"]).unwrap(), 3, "daemon_running", &[]).unwrap();
    assert!(running.is_running().unwrap());
    assert_eq!(phase(&daemon.migration().unwrap()), "planning", "it still answers");
    running.kill_nine().unwrap();
    // The lock went with the process, and the socket that it left is no obstacle.
    refused(&daemon.output(&["run", "--once"]).unwrap(), 5, "unreachable", &[]).unwrap();
}

#[test]
fn a_state_directory_that_cannot_be_written() {
    if !esferry_lab::wanted("a state directory below a file") {
        return;
    }
    let daemon = Daemon::new("http://old:9200", "http://new:9200", NAME, &route("a", "b", "")).unwrap();
    std::fs::write(daemon.state_dir(), "a file").unwrap();
    let dir = daemon.state_dir().display().to_string();
    refused(&daemon.output(&["run", "--once"]).unwrap(), 3, "state_dir", &[&dir, "--state-dir"]).unwrap();
}

#[tokio::test]
async fn a_configuration_that_drifted_is_refused_with_both_values() {
    if !esferry_lab::wanted("a configuration that changed since it was planned") {
        return;
    }
    let sides = Sides::new("bad-drift").await.unwrap();
    sides.load(&sides.old, "from", numbered(60)).await.unwrap();
    let daemon = sides.ferry("from", "to", "slice = { docs = 10 }").unwrap();
    sides.carry(&daemon, "from", "to").await.unwrap();
    change(&daemon, "docs = 10", "docs = 25, parallel = 2").unwrap();
    change(&daemon, "slice =", "write = { mode = \"index\" }\nslice =").unwrap();
    let output = daemon.output(&["run", "--once"]).unwrap();
    let words = ["slice.docs was 10, is 25", "write.mode was external, is index", "--accept-drift", "reset"];
    refused(&output, 3, "drift", &words).unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!told.contains("parallel"), "what the plan does not depend on may change: {told}");
    let accepted = daemon.output(&["run", "--once", "--accept-drift"]).unwrap();
    assert_eq!(accepted.status.code(), Some(0), "{}", String::from_utf8_lossy(&accepted.stderr));
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 0, "it is the new configuration that is kept: {log}");
}

#[tokio::test]
async fn clusters_that_are_not_those_of_the_plan_any_more() {
    if !esferry_lab::wanted("URLs that lead to other clusters than before") {
        return;
    }
    let sides = Sides::new("bad-swapped").await.unwrap();
    sides.load(&sides.old, "from", numbered(3)).await.unwrap();
    let daemon = sides.ferry("from", "to", "schema = \"existing\"").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert!(code == 2 && log.contains("error[no_target]"), "{code}: {log}");
    change(&daemon, sides.old.url(), sides.new.url()).unwrap();
    let output = daemon.output(&["run", "--once"]).unwrap();
    refused(&output, 3, "other_cluster", &["was planned from", "esferry-lab-9268", "esferry-lab-9217"])
        .unwrap();
}

#[tokio::test]
async fn an_index_that_was_made_anew_since_it_was_planned() {
    if !esferry_lab::wanted("a source index deleted and made anew") {
        return;
    }
    let sides = Sides::new("bad-anew").await.unwrap();
    sides.load(&sides.old, "from", numbered(3)).await.unwrap();
    let daemon = sides.ferry("from", "to", "schema = \"existing\"").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert!(code == 2 && log.contains("error[no_target]"), "{code}: {log}");
    sides.create(&sides.old, "from", &serde_json::json!({})).await.unwrap();
    let output = daemon.output(&["run", "--once"]).unwrap();
    refused(&output, 3, "other_index", &["bad-anew_from", "made anew", "reset"]).unwrap();
}

#[tokio::test]
async fn a_migration_that_is_paused() {
    if !esferry_lab::wanted("`run --once` of a paused migration") {
        return;
    }
    let sides = Sides::new("bad-paused").await.unwrap();
    sides.load(&sides.old, "from", numbered(20)).await.unwrap();
    let daemon = sides.ferry("from", "to", "schema = \"existing\"").unwrap();
    let (code, _) = daemon.run_once().unwrap();
    assert_eq!(code, 2);
    sides.create(&sides.new, "to", &serde_json::json!({})).await.unwrap();
    let paused = daemon.output(&["pause", NAME]).unwrap();
    assert!(paused.status.success(), "{}", String::from_utf8_lossy(&paused.stderr));
    for _ in 0..2 {
        let output = daemon.output(&["run", "--once"]).unwrap();
        refused(&output, 3, "paused", &["`move` is paused", "esferry resume move"]).unwrap();
        let status = daemon.migration().unwrap();
        assert_eq!(standing(&status), "paused", "still so: {status:#}");
    }
    assert_eq!(sides.new.count(&sides.index("to")).await.unwrap(), 0);
    let resumed = daemon.output(&["resume", NAME]).unwrap();
    assert!(resumed.status.success(), "{}", String::from_utf8_lossy(&resumed.stderr));
    sides.carry(&daemon, "from", "to").await.unwrap();
    let unknown = daemon.output(&["pause", "mvoe"]).unwrap();
    refused(&unknown, 2, "unknown_migration", &["did you mean `move`?"]).unwrap();
}
