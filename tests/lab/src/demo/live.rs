//! A migration while the source lives: a writer, the team's indexer, a broker that is restarted, esferry killed five times.

use super::switching::{Front, switch_over};
use super::{NEW, OLD, say, show};
use crate::compare::compare;
use crate::daemon::Daemon;
use crate::live::{OldIndexer, Versions, Writer};
use crate::servers::{Broker, Servers};
use crate::{Endpoint, Topics};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const NAME: &str = "live";
const GROUP: &str = "old-indexer";
const IDS: u64 = 40_000;
/// Documents that users look for, and nobody changes.
const STEADY: u64 = 100;
const PER_SECOND: u64 = 500;
const KILLS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How esferry learns what changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Way {
    /// A topic of Kafka tells it, which also feeds the old side's indexer
    Kafka,
    /// Nobody tells it: it compares both sides, again and again
    Reconcile,
}

/// Runs it, and cleans up behind it.
pub async fn live_demo(esferry: &Path, way: Way) -> Result<()> {
    let begun = Instant::now();
    let kafka = if way == Way::Kafka { " and a real Kafka" } else { "" };
    say(&format!("Starting a real Elasticsearch 1.7.6, a real 6.8.23{kafka} on loopback"));
    let (servers, started) = Servers::up(&[OLD.to_owned(), NEW.to_owned()]).await?;
    let broker = if way == Way::Kafka { Some(Broker::start().await?) } else { None };
    let (old, new) = (servers.endpoint(OLD)?, servers.endpoint(NEW)?);
    let outcome = tokio::select! {
        outcome = story(esferry, &old, &new, broker) => outcome,
        interrupted = tokio::signal::ctrl_c() => interrupted.context("no signals").and(Err(anyhow::anyhow!("interrupted"))),
    };
    if started.iter().any(|version| version == OLD || version == NEW) {
        Servers::down(&started).await?;
    }
    for (endpoint, version) in [(&old, OLD), (&new, NEW)] {
        if !started.iter().any(|started| started == version) {
            endpoint.delete_index(NAME).await?;
        }
    }
    outcome?;
    say(&format!("Done in {:.0} s", begun.elapsed().as_secs_f64()));
    Ok(())
}

async fn story(esferry: &Path, old: &Endpoint, new: &Endpoint, mut broker: Option<Broker>) -> Result<()> {
    let topics = broker.as_ref().map(|broker| Topics::of(&broker.address()));
    let shards = json!({"settings": {"number_of_shards": 3, "number_of_replicas": 0}});
    old.recreate_index(NAME, &shards).await?;
    new.delete_index(NAME).await?;
    let (indexer, mut writer) = match &topics {
        Some(topics) => {
            say("A writer sends commands to Kafka, and the team's indexer applies them to the 1.7");
            topics.create(NAME, 3).await?;
            let indexer = OldIndexer::start(topics, NAME, GROUP, old, NAME, Versions::OfCommands)?;
            (Some(indexer), Writer::new(topics.sender(NAME)?, Versions::OfCommands, 17, IDS))
        }
        None => {
            say("A writer writes to the 1.7, and nobody takes note of what");
            (None, Writer::without_topic(old, NAME, Versions::OfCommands, 17, IDS))
        }
    };
    writer.create_all().await?;
    let steady = writer.create_steady(STEADY).await?;
    caught_up(topics.as_ref()).await?;
    old.refresh(NAME).await?;
    println!(
        "    {IDS} documents; from now on {PER_SECOND} creates, updates, deletes and re-creates a second"
    );
    let writing = writer.go_on(PER_SECOND);

    // Users of the whole story, where the front end can be moved while writers go on.
    let front = match topics {
        Some(_) => Some(Front::open(old, new, NAME, steady)?),
        None => None,
    };
    let daemon = Daemon::with_config(esferry, &configuration(old, new, topics.as_ref(), front.as_ref()))?;
    let restart = if broker.is_some() { ", and the broker once" } else { "" };
    say(&format!("Running the daemon; it is killed five times{restart}"));
    for kill in 1..=KILLS {
        let running = daemon.start(&[])?;
        tokio::time::sleep(Duration::from_millis(700 + u64::from(kill) * 500)).await;
        running.kill_nine()?;
        println!("    kill -9, number {kill}");
        if let (3, Some(broker)) = (kill, &mut broker) {
            broker.restart_on_same_data().await?;
            println!("    kill -9 of the broker, which is there again");
        }
    }
    let mut running = daemon.start(&[])?;
    daemon.comes_to(PATIENCE, LOOK_EVERY, |status| status["phase"] == json!("ready")).await?;
    say("The copy is over and what changed since has caught up, while the writer goes on:");
    show(&String::from_utf8_lossy(&daemon.output(&["status"])?.stdout));
    tokio::time::sleep(Duration::from_secs(5)).await;
    if let Some(front) = &front {
        switch_over(&daemon, NAME, front).await?;
    }

    say("The writer stops");
    let writer = writing.stop().await?;
    caught_up(topics.as_ref()).await?;
    let next = daemon.migration()?["changes"]["reconcile"]["pass"].as_u64().unwrap_or(0) + 1;
    let done = daemon
        .comes_to(PATIENCE, LOOK_EVERY, |status| {
            let passed = match topics {
                Some(_) => status["changes"]["topic"]["lag"] == json!(0),
                None => status["changes"]["reconcile"]["last"]["pass"].as_u64() >= Some(next),
            };
            let counted = &status["indices"][0]["counted"];
            // After the switch nobody counts any more: the documents themselves are compared below.
            passed && (front.is_some() || counted["source"] == counted["target"])
        })
        .await?;
    show(&String::from_utf8_lossy(&daemon.output(&["status"])?.stdout));
    old.refresh(NAME).await?;
    new.refresh(NAME).await?;
    say("Comparing both sides, document by document: id, routing, version and every byte of the source");
    let outcome = compare((old, NAME), (new, NAME)).await?;
    println!("    {outcome}");
    ensure!(outcome.is_equal(), "both sides are not the same");
    ensure!(done["failures"] == json!([]), "there are failures: {}", done["failures"]);
    if let Some(front) = front {
        front.close(&daemon, NAME).await?;
    }
    running.terminate()?;
    let code = running.exit_code(Duration::from_secs(15))?;
    ensure!(code == 0, "the daemon left with {code}:\n{}", daemon.log());
    if let Some(indexer) = indexer {
        indexer.stop().await?;
    }
    say(&format!("{} documents the same after {} commands", outcome.same, writer.sent()));
    Ok(())
}

/// Waits until the old side's indexer has applied everything; a writer without a topic is one itself.
async fn caught_up(topics: Option<&Topics>) -> Result<()> {
    match topics {
        Some(topics) => OldIndexer::catches_up(topics, NAME, GROUP).await,
        None => Ok(()),
    }
}

fn configuration(old: &Endpoint, new: &Endpoint, topics: Option<&Topics>, front: Option<&Front>) -> String {
    let cutover = front.map_or(String::new(), |front| front.configuration(NAME));
    let changes = match topics {
        Some(topics) => format!(
            "[migrations.{NAME}.changes.kafka]\nbrokers = [\"{}\"]\ntopic = \"{NAME}\"\nversion = \"message\"\n\
             map = '{{op, id, routing, version, source: .body}} | if .op == \"delete\" then del(.source) else . end'\n",
            topics.address()
        ),
        None => format!("[migrations.{NAME}.changes.reconcile]\nuntil = 2_000\nevery = \"1s\"\n"),
    };
    format!(
        "[clusters.old]\nurls = [\"{}\"]\n[clusters.new]\nurls = [\"{}\"]\n\n[migrations.{NAME}]\n\
         from = {{ cluster = \"old\", indices = [\"{NAME}\"] }}\nto = {{ cluster = \"new\" }}\n\
         slice = {{ docs = 2_000, page_docs = 500 }}\nthrottle = {{ max_docs_per_second = 5_000 }}\n\n{changes}\n{cutover}",
        old.url(),
        new.url()
    )
}
