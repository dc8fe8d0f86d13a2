//! What it costs to follow a source: a topic that is replayed, and passes over both sides.

use super::measured::used;
use crate::daemon::Daemon;
use crate::data::{AlertSet, Body, alert, load_alerts};
use crate::kafka::{Command, Topics};
use crate::servers::{Broker, Node, NodeSpec};
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};

const INDEX: &str = "alerts";
const TOPIC: &str = "commands";
const PARTITIONS: i32 = 4;
/// Messages sent at once.
const AT_ONCE: u64 = 10_000;
const PATIENCE: Duration = Duration::from_secs(1800);
/// Rarely: it is measured meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// Measures both, printing what it does to stderr, and prints the figures to stdout.
pub async fn changes_bench(esferry: &Path, documents: u64, messages: u64) -> Result<()> {
    eprintln!("bench: starting 1.7.6, 6.8.23 and a broker");
    let source = Node::start(NodeSpec::new("1.7.6").heap("512m").full_speed()).await?;
    let target = Node::start(NodeSpec::new("6.8.23").heap("1g").full_speed()).await?;
    eprintln!("bench: loading {documents} documents into the source");
    load_alerts(&source.endpoint(), INDEX, AlertSet::plain(68, documents)).await?;
    println!("{}", passes(esferry, &source, &target, documents).await?);
    let broker = Broker::start().await?;
    println!("{}", replay(esferry, &source, &target, &broker, messages).await?);
    Ok(())
}

async fn passes(esferry: &Path, source: &Node, target: &Node, documents: u64) -> Result<String> {
    let changes = "[migrations.bench.changes.reconcile]\nevery = \"2s\"\n";
    let daemon = prepared(esferry, source, target, "passes", changes).await?;
    eprintln!("bench: copying");
    let running = daemon.start(&[])?;
    let copied = daemon.comes_to(PATIENCE, LOOK_EVERY, |status| status["phase"] == json!("ready")).await?;
    let (copy_cpu, copy_memory) = used(running.pid())?;
    running.kill_nine()?;
    // In a process of its own, whose memory is that of passes alone.
    let running = daemon.start(&[])?;
    let first = copied["changes"]["reconcile"]["pass"].as_u64().unwrap_or(0) + 2;
    eprintln!("bench: comparing both sides");
    let over = daemon
        .comes_to(PATIENCE, LOOK_EVERY, |status| {
            status["changes"]["reconcile"]["last"]["pass"].as_u64() >= Some(first)
        })
        .await?;
    let passes = &over["changes"]["reconcile"];
    let last = &passes["last"];
    ensure!(last["counts"]["on_source"] == json!(documents), "{passes}");
    let (cpu, memory) = used(running.pid())?;
    let begun: Timestamp = last["begun"].as_str().context("no begun")?.parse()?;
    let finished: Timestamp = last["finished"].as_str().context("no finished")?.parse()?;
    let pass = finished.duration_since(begun).as_secs_f64();
    let copying = copied["copying_seconds"].as_f64().context("no copying_seconds")?;
    running.kill_nine()?;
    // Counts are far below 2^52.
    #[allow(clippy::cast_precision_loss)]
    let rate = |seconds: f64| documents as f64 / seconds;
    Ok(format!(
        "passes: {documents} documents copied in {copying:.1} s ({:.0}/s, own CPU {:.2} s, {} MB), compared by id and version in \
         {pass:.1} s ({:.0}/s, own CPU of {} passes {:.2} s, {} MB): {:.1} times the speed of the copy",
        rate(copying),
        copy_cpu.as_secs_f64(),
        copy_memory / 1_000_000,
        rate(pass),
        first - copied["changes"]["reconcile"]["pass"].as_u64().unwrap_or(0),
        cpu.as_secs_f64(),
        memory / 1_000_000,
        copying / pass,
    ))
}

async fn replay(
    esferry: &Path,
    source: &Node,
    target: &Node,
    broker: &Broker,
    messages: u64,
) -> Result<String> {
    let topics = Topics::of(&broker.address());
    topics.create(TOPIC, PARTITIONS).await?;
    let few = "few";
    load_alerts(&source.endpoint(), few, AlertSet::plain(5, 1000)).await?;
    let changes = format!(
        "[migrations.bench.changes.kafka]\nbrokers = [\"{}\"]\ntopic = \"{TOPIC}\"\nversion = \"message\"\n\
         map = \"{{op, id, version, source}}\"\n",
        broker.address()
    );
    let daemon = prepared(esferry, source, target, few, &changes).await?;
    let (code, log) = daemon.run_once()?;
    ensure!(code == 0, "exit code {code}\n{log}");
    eprintln!("bench: sending {messages} messages");
    let sender = topics.sender(TOPIC)?;
    let mut sent = 0;
    let mut bytes = 0;
    while sent < messages {
        let upto = (sent + AT_ONCE).min(messages);
        let commands: Vec<Command> = (sent..upto)
            .map(|number| {
                // Each document about five times, under a version that goes up.
                let document = alert(68, number % (messages / 5).max(1), number);
                let version = 1_000_000 + number;
                let payload = format!(
                    r#"{{"op":"index","id":"{}","version":{version},"source":{}}}"#,
                    document.id, document.source
                );
                bytes += payload.len();
                Command::new(&document.id, payload)
            })
            .collect();
        sender.send_all(&commands).await?;
        sent = upto;
    }
    eprintln!("bench: replaying them");
    let begun = Instant::now();
    let running = daemon.start(&[])?;
    let done = daemon
        .comes_to(PATIENCE, LOOK_EVERY, |status| {
            status["changes"]["topic"]["counts"]["read"] == json!(messages)
        })
        .await?;
    let wall = begun.elapsed().as_secs_f64();
    let (cpu, memory) = used(running.pid())?;
    running.kill_nine()?;
    ensure!(done["failures"] == json!([]), "{}", done["failures"]);
    #[allow(clippy::cast_precision_loss)]
    let count = messages as f64;
    let cpu = cpu.as_secs_f64();
    Ok(format!(
        "replay: {messages} messages of {} bytes in {wall:.1} s ({:.0}/s, as fast as the target takes them), own CPU {cpu:.2} s = {:.0} \
         messages a second of one core, {} MB",
        bytes as u64 / messages,
        count / wall,
        count / cpu,
        memory / 1_000_000,
    ))
}

/// A daemon whose target index stands, made for the load.
async fn prepared(
    esferry: &Path,
    source: &Node,
    target: &Node,
    index: &str,
    changes: &str,
) -> Result<Daemon> {
    let from = if index == "passes" { INDEX } else { index };
    let mut body = Body::Alerts.target()?;
    body["settings"]["refresh_interval"] = "-1".into();
    target.endpoint().recreate_index(index, &body).await?;
    Daemon::with_config(
        esferry,
        &format!(
            "[clusters.old]\nurls = [\"{}\"]\n\n[clusters.new]\nurls = [\"{}\"]\n\n[migrations.bench]\n\
             from = {{ cluster = \"old\", indices = [\"{from}\"] }}\n\
             to = {{ cluster = \"new\", index = \"{index}\" }}\nschema = \"existing\"\n{changes}",
            source.url(),
            target.url()
        ),
    )
}
