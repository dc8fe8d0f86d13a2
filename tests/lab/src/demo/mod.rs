//! A migration for newcomers: real servers, real documents, a `kill -9` in the middle, every document compared.

mod daemon;
mod live;
mod switching;

use crate::compare::{Comparison, compare};
use crate::daemon::Running;
use crate::data::{AlertSet, event_with_keys_and_values, load_alerts, load_cities, load_events};
use crate::endpoint::Endpoint;
use crate::reader::read_all;
use crate::servers::Servers;
use anyhow::{Context, Result, bail};
use daemon::Installation;
pub use live::{Way, live_demo};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The indices that the shipped configuration migrates.
const INDICES: [&str; 3] = ["cities", "alerts", "events"];
/// Those of them whose documents arrive byte for byte.
const UNTOUCHED: [&str; 2] = ["cities", "alerts"];
/// Events with exploding tags: enough fields to be refused by 6.8 as they are.
const EVENTS: u64 = 1500;
const OLD: &str = "1.7.6";
const NEW: &str = "6.8.23";

/// How the demo is run.
#[derive(Debug, Clone)]
pub struct DemoOptions {
    /// The program.
    pub esferry: PathBuf,
    /// The configuration, which names the lab's servers.
    pub config: PathBuf,
    /// Leave servers, documents and state as they are at the end.
    pub keep: bool,
    /// How many alerts are generated.
    pub alerts: u64,
}

/// Runs the demo, and cleans up behind it unless told not to, also when it is interrupted.
pub async fn demo(options: DemoOptions) -> Result<()> {
    let begun = Instant::now();
    for needed in [&options.esferry, &options.config] {
        if !needed.exists() {
            bail!("{} is not there", needed.display());
        }
    }
    say("Starting a real Elasticsearch 1.7.6 and a real 6.8.23 on loopback");
    let (servers, started) = Servers::up(&[OLD.to_owned(), NEW.to_owned()]).await?;
    let folder =
        tempfile::Builder::new().prefix("esferry-demo-").tempdir().context("no folder for the state")?;
    let installation = Installation {
        program: options.esferry.clone(),
        config: options.config.clone(),
        state: folder.path().join("state"),
        log: folder.path().join("esferry.log"),
    };
    let (old, new) = (servers.endpoint(OLD)?, servers.endpoint(NEW)?);
    let outcome = tokio::select! {
        outcome = story(&options, &installation, &old, &new) => outcome,
        interrupted = tokio::signal::ctrl_c() => interrupted.context("no signals").and(Err(anyhow::anyhow!("interrupted"))),
    };
    if outcome.is_err() {
        eprintln!("demo: the daemon's last words:\n{}", installation.last_words());
    }
    if options.keep {
        let folder = folder.keep();
        outcome?;
        say(&format!("Everything is left as it is; the daemon's log is {}/esferry.log", folder.display()));
        print_what_next(&installation, &old, &new);
    } else {
        clean_up(&old, &new, &started).await?;
        outcome?;
        say("Cleaned up");
    }
    say(&format!("Done in {:.0} s", begun.elapsed().as_secs_f64()));
    Ok(())
}

async fn story(options: &DemoOptions, esferry: &Installation, old: &Endpoint, new: &Endpoint) -> Result<()> {
    for index in INDICES {
        new.delete_index(index).await?;
    }
    say("Loading the world's cities (GeoNames, CC-BY 4.0) into the 1.7");
    let cities = load_cities(old, "cities").await?;
    println!("    {cities} cities");
    say("Loading alerts into the 1.7: tag maps, custom routing, documents updated and deleted");
    let alerts = load_alerts(old, "alerts", AlertSet::lived(17, options.alerts)).await?;
    println!(
        "    {} alerts, {} updates of some of them, {} deleted",
        alerts.documents, alerts.updates, alerts.deletes
    );
    say("Loading events into the 1.7, whose tags have made a field of the mapping of every key");
    let events = load_events(old, "events", EVENTS).await?;
    println!("    {events} events");
    let total = cities + alerts.documents + events;

    say(&format!(
        "What becomes of their schema: {}",
        esferry.words(&["schema", "report", "events"]).join(" ")
    ));
    show(&esferry.ask(&["schema", "report", "events"])?);

    say(&format!("Running the daemon: {}", esferry.words(&["run", "--once"]).join(" ")));
    let first = Instant::now();
    let daemon = esferry.run_once()?;
    let written = copy_until_middle(esferry, daemon, new, total).await?;
    say(&format!(
        "kill -9 after {:.1} s, with {written} of {total} documents written. What the store says without a daemon:",
        first.elapsed().as_secs_f64()
    ));
    show_status(esferry)?;

    say("Starting it again");
    let second = Instant::now();
    let mut daemon = esferry.run_once()?;
    let status = loop {
        tokio::time::sleep(Duration::from_millis(700)).await;
        if let Some(status) = daemon.ended()? {
            break status;
        }
        show_status(esferry)?;
    };
    if !status.success() {
        bail!("the daemon ended with {status}");
    }
    say(&format!("It finished after {:.1} s more:", second.elapsed().as_secs_f64()));
    show_status(esferry)?;

    say("Comparing both sides, document by document: id, routing, version and every byte of the source");
    let mut same = 0;
    for index in UNTOUCHED {
        let outcome: Comparison = compare((old, index), (new, index)).await?;
        println!("    {index}: {outcome}");
        if !outcome.is_equal() {
            bail!("{index} is not the same on both sides");
        }
        same += outcome.same;
    }
    let transformed = compare_events(old, new).await?;
    println!("    events: {transformed} the same, their tags as keys and values");
    same += transformed;
    if same != total {
        bail!("{same} documents were compared, and {total} loaded");
    }
    say(&format!("{same} documents moved from 1.7 to 6.8 through a kill -9, every one of them whole"));
    Ok(())
}

/// Every event of the target has to be the source's, with its tags as keys and values.
async fn compare_events(old: &Endpoint, new: &Endpoint) -> Result<u64> {
    let mut expected = BTreeMap::new();
    let mut damaged = None;
    read_all(old, "events", |document| match event_with_keys_and_values(document.source) {
        Ok(event) => drop(expected.insert(document.id.to_owned(), (document.version, event))),
        Err(error) => damaged = Some(error),
    })
    .await?;
    let mut same = 0;
    read_all(new, "events", |document| {
        let there = serde_json::from_slice(document.source).ok().map(|source| (document.version, source));
        same += u64::from(there.is_some() && expected.remove(document.id) == there);
    })
    .await?;
    match (damaged, expected.keys().next()) {
        (Some(error), _) => Err(error),
        (None, Some(id)) => bail!("event {id} is not the same on both sides"),
        (None, None) => Ok(same),
    }
}

/// Lets the daemon work until two fifths are written, showing its status on the way, and kills it.
async fn copy_until_middle(
    esferry: &Installation,
    mut daemon: Running,
    new: &Endpoint,
    total: u64,
) -> Result<u64> {
    println!("    pid {}", daemon.pid());
    let mut shown = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let written = written(new).await;
        if written * 5 >= total * 2 {
            daemon.kill_nine()?;
            return Ok(written);
        }
        if let Some(status) = daemon.ended()? {
            bail!("the daemon ended ({status}) before it could be killed");
        }
        if shown.elapsed() >= Duration::from_millis(700) {
            show_status(esferry)?;
            shown = Instant::now();
        }
    }
}

/// How many writes the target has seen, by its own numbers; searches would not see them before a refresh.
async fn written(new: &Endpoint) -> u64 {
    let mut written = 0;
    for index in INDICES {
        // absent until the daemon has made it
        if let Ok(stats) = new.get(&format!("/{index}/_stats/indexing")).await {
            let total = stats.pointer("/_all/primaries/indexing/index_total");
            written += total.and_then(Value::as_u64).unwrap_or(0);
        }
    }
    written
}

fn show_status(esferry: &Installation) -> Result<()> {
    // a daemon that is just starting or ending may have nothing to say: that is no reason to stop
    match esferry.ask(&["status"]) {
        Ok(text) => show(&text),
        Err(error) => println!("    (no status: {error:#})"),
    }
    Ok(())
}

fn show(text: &str) {
    text.lines().for_each(|line| println!("    {line}"));
}

async fn clean_up(old: &Endpoint, new: &Endpoint, started: &[String]) -> Result<()> {
    for (endpoint, version) in [(old, OLD), (new, NEW)] {
        if started.iter().any(|started| started == version) {
            continue;
        }
        for index in INDICES {
            endpoint.delete_index(index).await?;
        }
    }
    if !started.is_empty() {
        Servers::down(started).await?;
    }
    Ok(())
}

fn print_what_next(esferry: &Installation, old: &Endpoint, new: &Endpoint) {
    println!();
    println!("Try next:");
    for words in
        [&["status", "--json"][..], &["schema", "diff", "events"], &["plan", "--sample", "1000"], &["run"]]
    {
        println!("  {}", esferry.words(words).join(" "));
    }
    println!("  curl '{}/cities/_search?q=country:IS&pretty'", old.url());
    println!("  curl '{}/cities/_search?q=country:IS&pretty'", new.url());
    println!("  scripts/clusters status");
    println!("  scripts/clusters down      # when you are done");
    println!();
}

fn say(text: &str) {
    println!("==> {text}");
}
