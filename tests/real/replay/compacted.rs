//! A topic of which the brokers keep the last message of each key alone: offsets have gaps, and tombstones tell of deletes.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use esferry_lab::Topics;
use esferry_lab::kafka::Command;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use serde_json::json;

use super::bad_input::Quiet;
use crate::kafka::topics;
use crate::scene::{PATIENCE, phase};

const NAME: &str = "replay-compacted";
const MAP: &str = "if . == null then {op: \"delete\", id: $key, version: ($offset + 1000)} \
    else {op: \"index\", id, version: ($offset + 1000), source: .body} end";

/// Messages that the only partition has left.
fn left(topics: &Topics) -> Result<usize> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", topics.address()).set("group.id", "replay-compacted-count");
    config.set("enable.partition.eof", "true").set("enable.auto.commit", "false");
    let consumer: BaseConsumer = config.create()?;
    let mut from = TopicPartitionList::new();
    from.add_partition_offset(NAME, 0, Offset::Beginning)?;
    consumer.assign(&from)?;
    let mut count = 0;
    loop {
        match consumer.poll(Duration::from_secs(10)).context("the broker says nothing")? {
            Ok(_) => count += 1,
            Err(KafkaError::PartitionEOF(_)) => return Ok(count),
            Err(error) => bail!(error),
        }
    }
}

async fn compacted() -> Result<()> {
    let topics = topics().await?;
    let settings = [
        ("cleanup.policy", "compact"),
        ("segment.ms", "100"),
        ("min.cleanable.dirty.ratio", "0.001"),
        ("delete.retention.ms", "600000"),
    ];
    topics.create_with(NAME, 1, &settings).await?;
    let quiet = Quiet::beside(topics, NAME, &format!("version = \"message\"\nmap = '{MAP}'")).await?;
    ensure!(quiet.daemon.run_once()?.0 == 0, "{}", quiet.daemon.log());
    let sender = quiet.topics.sender(NAME)?;
    let mut sent = 0;
    for round in 0..40 {
        let mut commands: Vec<Command> = (0..20)
            .map(|n| Command::new(&format!("c{n}"), json!({"id": format!("c{n}"), "body": {"round": round}})))
            .collect();
        commands.push(Command::tombstone("a7"));
        sender.send_all(&commands).await?;
        sent += commands.len();
    }
    // Segments are closed when something comes after them, and compacted when the broker gets round to it.
    let mut few = sent;
    for _ in 0..60 {
        sender.send_all(&[Command::new("last", json!({"id": "last", "body": {}}))]).await?;
        sent += 1;
        few = left(&quiet.topics)?;
        if few < sent / 4 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    ensure!(few < sent / 4, "the broker has not compacted: {few} of {sent} messages are left");
    let mut running = quiet.daemon.start(&[])?;
    let status = quiet.daemon.until(PATIENCE, |status| {
        phase(status) == "ready" && status["changes"]["topic"]["lag"] == json!(0)
    })?;
    let topic = &status["changes"]["topic"];
    ensure!(
        topic["counts"]["read"].as_u64() < Some(sent as u64) && topic["counts"]["failed"] == json!(0),
        "{topic}"
    );
    ensure!(topic["partitions"]["0"]["settled"] == json!(sent), "{topic}");
    for n in 0..20 {
        let document = quiet.document(&format!("c{n}")).await?;
        ensure!(document["_source"] == json!({"round": 39}), "{document}");
    }
    ensure!(quiet.document("a7").await.is_err(), "the tombstone has deleted it");
    ensure!(quiet.document("a8").await.is_ok());
    println!("{few} of {sent} messages were left, {} read", topic["counts"]["read"]);
    running.terminate()?;
    ensure!(running.exit_code(PATIENCE)? == 0, "{}", quiet.daemon.log());
    quiet.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_compacted_topic_with_tombstones_is_followed_over_its_gaps() {
    if esferry_lab::wanted("a compacted topic") {
        compacted().await.unwrap();
    }
}
