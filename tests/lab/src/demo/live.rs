//! A migration while the source lives: a writer, the team's indexer, a broker that is restarted, esferry killed five times.

use super::{NEW, OLD, say, show};
use crate::compare::compare;
use crate::daemon::Daemon;
use crate::live::{OldIndexer, Versions, Writer};
use crate::servers::{Broker, Servers};
use crate::{Endpoint, Topics};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};

const NAME: &str = "live";
const GROUP: &str = "old-indexer";
const IDS: u64 = 40_000;
const PER_SECOND: u64 = 500;
const KILLS: u32 = 5;
const PATIENCE: Duration = Duration::from_secs(180);

/// Runs it, and cleans up behind it.
pub async fn live_demo(esferry: &Path) -> Result<()> {
    let begun = Instant::now();
    say("Starting a real Elasticsearch 1.7.6, a real 6.8.23 and a real Kafka on loopback");
    let (servers, started) = Servers::up(&[OLD.to_owned(), NEW.to_owned()]).await?;
    let broker = Broker::start().await?;
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

async fn story(esferry: &Path, old: &Endpoint, new: &Endpoint, mut broker: Broker) -> Result<()> {
    let topics = Topics::of(&broker.address());
    topics.create(NAME, 3).await?;
    let shards = json!({"settings": {"number_of_shards": 3, "number_of_replicas": 0}});
    old.recreate_index(NAME, &shards).await?;
    new.delete_index(NAME).await?;
    say("A writer sends commands to Kafka, and the team's indexer applies them to the 1.7");
    let indexer = OldIndexer::start(&topics, NAME, GROUP, old, NAME, Versions::OfCommands)?;
    let mut writer = Writer::new(topics.sender(NAME)?, Versions::OfCommands, 17, IDS);
    writer.create_all().await?;
    OldIndexer::catches_up(&topics, NAME, GROUP).await?;
    old.refresh(NAME).await?;
    println!(
        "    {IDS} documents; from now on {PER_SECOND} creates, updates, deletes and re-creates a second"
    );
    let writing = writer.go_on(PER_SECOND);

    let daemon = Daemon::with_config(esferry, &configuration(old, new, &topics))?;
    say("Running the daemon; it is killed five times, and the broker once");
    for kill in 1..=KILLS {
        let running = daemon.start(&[])?;
        tokio::time::sleep(Duration::from_millis(700 + u64::from(kill) * 500)).await;
        running.kill_nine()?;
        println!("    kill -9, number {kill}");
        if kill == 3 {
            broker.restart_on_same_data().await?;
            println!("    kill -9 of the broker, which is there again");
        }
    }
    let mut running = daemon.start(&[])?;
    let ready = until(&daemon, |status| status["phase"] == json!("ready")).await?;
    say("The copy is over and the replay has caught up, while the writer goes on:");
    show(&String::from_utf8_lossy(&daemon.output(&["status"])?.stdout));
    tokio::time::sleep(Duration::from_secs(5)).await;

    say("The writer stops");
    let writer = writing.stop().await?;
    OldIndexer::catches_up(&topics, NAME, GROUP).await?;
    let done = until(&daemon, |status| {
        status["changes"]["topic"]["lag"] == json!(0)
            && status["indices"][0]["counted"]["source"] == status["indices"][0]["counted"]["target"]
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
    running.terminate()?;
    let code = running.exit_code(Duration::from_secs(15))?;
    ensure!(code == 0, "the daemon left with {code}:\n{}", daemon.log());
    indexer.stop().await?;
    say(&format!(
        "{} documents the same after {} commands, {} of them replayed, {} until it was ready",
        outcome.same,
        writer.sent(),
        done["changes"]["topic"]["counts"]["read"],
        ready["changes"]["topic"]["counts"]["read"]
    ));
    Ok(())
}

fn configuration(old: &Endpoint, new: &Endpoint, topics: &Topics) -> String {
    format!(
        "[clusters.old]\nurls = [\"{}\"]\n[clusters.new]\nurls = [\"{}\"]\n\n[migrations.{NAME}]\n\
         from = {{ cluster = \"old\", indices = [\"{NAME}\"] }}\nto = {{ cluster = \"new\" }}\n\
         slice = {{ docs = 2_000, page_docs = 500 }}\nthrottle = {{ max_docs_per_second = 5_000 }}\n\n\
         [migrations.{NAME}.changes.kafka]\nbrokers = [\"{}\"]\ntopic = \"{NAME}\"\nversion = \"message\"\n\
         map = '{{op, id, routing, version, source: .body}} | if .op == \"delete\" then del(.source) else . end'\n",
        old.url(),
        new.url(),
        topics.address()
    )
}

async fn until(daemon: &Daemon, reached: impl Fn(&Value) -> bool) -> Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Ok(status) = daemon.migration()
            && reached(&status)
        {
            return Ok(status);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    bail!("it does not come that far:\n{}", daemon.log())
}
