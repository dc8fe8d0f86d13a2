//! What a real broker says: ends of partitions, messages of transactions, offsets of groups.

mod secured;

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use esferry::changes::kafka::{Event, Kafka, Messages, parts};
use esferry::config::{Config, KafkaConfig};
use esferry_lab::kafka::Command;
use esferry_lab::{Broker, Servers, Topics};

pub async fn topics() -> Result<Topics> {
    let servers = Servers::shared(&["kafka"]).await?;
    Ok(Topics::of(servers.url("kafka")?))
}

/// The client that a migration with this topic gets.
fn client(topics: &Topics, topic: &str, more: &str) -> Result<Kafka> {
    Ok(Kafka::new(&config(topics, topic, more)?)?)
}

fn config(topics: &Topics, topic: &str, more: &str) -> Result<KafkaConfig> {
    config_of(topics.address(), topic, more)
}

fn config_of(address: &str, topic: &str, more: &str) -> Result<KafkaConfig> {
    let text = format!(
        "[clusters.old]\nurls = [\"http://127.0.0.1:1\"]\n[clusters.new]\nurls = [\"http://127.0.0.1:2\"]\n\
         [migrations.move]\nfrom = {{ cluster = \"old\", indices = [\"a\"] }}\nto = {{ cluster = \"new\" }}\n\
         [migrations.move.changes.kafka]\nbrokers = [\"{}\"]\ntopic = \"{topic}\"\nmap = \".\"\nversion = \"message\"\n{more}",
        address
    );
    let config: Config = esferry::config::parse(&text, "migrations.toml")?;
    config.migrations["move"].changes.kafka.clone().context("no topic")
}

/// Partition, offset and value of what comes until every partition has ended.
async fn everything(messages: &Messages, partitions: usize) -> Result<Vec<(i32, i64, Option<String>)>> {
    let mut seen = Vec::new();
    let mut ended = std::collections::BTreeSet::new();
    while ended.len() < partitions {
        let next = tokio::time::timeout(Duration::from_secs(60), messages.next()).await??;
        match next {
            Event::Message(message) => {
                let message = parts(&message);
                let payload = message.payload.map(|payload| String::from_utf8_lossy(payload).into_owned());
                seen.push((message.partition, message.offset, payload));
            }
            Event::End { partition } => drop(ended.insert(partition)),
            Event::Trouble(reason) => println!("trouble: {reason}"),
            Event::OutOfRange => anyhow::bail!("out of range after {seen:?}"),
        }
    }
    seen.sort();
    Ok(seen)
}

async fn transactions_and_markers() -> Result<()> {
    let topics = topics().await?;
    let topic = "client-transactions";
    topics.create(topic, 1).await?;
    let kafka = client(&topics, topic, "")?;
    topics.sender(topic)?.send(&Command::new("k", "plain")).await?;
    topics.transaction(topic, "t1", &[Command::new("k", "given-up")], false).await?;
    topics.transaction(topic, "t1", &[Command::new("k", "kept"), Command::tombstone("k")], true).await?;
    let end = kafka.topic().await?.partitions[&0].end;
    // plain, given up, its marker, kept, tombstone, the marker.
    ensure!(end == 6, "it ends at {end}");
    let seen = everything(&kafka.read(&[(0, 0)].into())?, 1).await?;
    let text = |text: &str| Some(text.to_owned());
    ensure!(seen == [(0, 0, text("plain")), (0, 3, text("kept")), (0, 4, None)], "{seen:?}");
    ensure!(kafka.nothing_from(0, 5).await?, "only a marker is left");
    ensure!(!kafka.nothing_from(0, 4).await?);
    // What is not decided yet is behind the end.
    let open = topics.open_transaction(topic, "t2", &[Command::new("k", "open")]).await?;
    topics.sender(topic)?.send(&Command::new("k", "behind it")).await?;
    let while_open = kafka.topic().await?.partitions[&0].end;
    ensure!(while_open == 6, "with an open transaction it ends at {while_open}");
    ensure!(kafka.nothing_from(0, 6).await?);
    open.commit().await?;
    let seen = everything(&kafka.read(&[(0, 6)].into())?, 1).await?;
    ensure!(seen == [(0, 6, text("open")), (0, 7, text("behind it"))], "{seen:?}");
    topics.delete(topic).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_committed_comes_and_markers_are_no_messages() {
    if esferry_lab::wanted("transactions of Kafka") {
        transactions_and_markers().await.unwrap();
    }
}

async fn a_topic_made_anew() -> Result<()> {
    let topics = topics().await?;
    let topic = "client-anew";
    topics.create(topic, 1).await?;
    let kafka = client(&topics, topic, "")?;
    topics.sender(topic)?.send(&Command::new("k", "one")).await?;
    let before = kafka.digest_of(0, 0).await?;
    ensure!(before.is_some() && before == kafka.digest_of(0, 0).await?);
    ensure!(kafka.digest_of(0, 1).await?.is_none());
    topics.create(topic, 1).await?;
    topics.sender(topic)?.send(&Command::new("k", "one")).await?;
    let after = kafka.digest_of(0, 0).await?;
    ensure!(after.is_some() && after != before, "the same words at another time are another message");
    topics.delete(topic).await?;
    let gone = kafka.topic().await.expect_err("it is refused");
    ensure!(gone.code() == "unknown_topic", "{gone}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_made_anew_has_other_messages() {
    if esferry_lab::wanted("a topic made anew") {
        a_topic_made_anew().await.unwrap();
    }
}

async fn cut_offsets() -> Result<()> {
    let topics = topics().await?;
    let topic = "client-cut";
    topics.create(topic, 2).await?;
    let kafka = client(&topics, topic, "")?;
    let commands: Vec<Command> = (0..40).map(|n| Command::new(&format!("k{n}"), n)).collect();
    topics.sender(topic)?.send_all(&commands).await?;
    let ends = topics.ends(topic).await?;
    topics.cut(topic, 0, 5).await?;
    let now = kafka.topic().await?;
    ensure!((now.partitions[&0].earliest, now.partitions[&0].end) == (5, ends[&0]), "{now:?}");
    let messages = kafka.read(&[(0, 2)].into())?;
    let next = tokio::time::timeout(Duration::from_secs(30), messages.next()).await??;
    ensure!(matches!(next, Event::OutOfRange), "what was cut is not skipped");
    let beyond = kafka.read(&[(0, ends[&0] + 7)].into())?;
    let next = tokio::time::timeout(Duration::from_secs(30), beyond.next()).await??;
    ensure!(matches!(next, Event::OutOfRange), "nor is what is not there yet");
    topics.delete(topic).await
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_that_retention_has_cut_are_an_error_and_never_skipped() {
    if esferry_lab::wanted("cut offsets of Kafka") {
        cut_offsets().await.unwrap();
    }
}

async fn groups() -> Result<()> {
    let topics = topics().await?;
    let (topic, group) = ("client-groups", "client-group-new");
    topics.create(topic, 2).await?;
    let kafka = client(&topics, topic, "")?;
    let commands: Vec<Command> = (0..40).map(|n| Command::new(&format!("k{n}"), n)).collect();
    topics.sender(topic)?.send_all(&commands).await?;
    let offsets: BTreeMap<i32, i64> = [(0, 3), (1, 4)].into();
    ensure!(kafka.committed(group, vec![0, 1]).await?.is_empty());
    let member = topics.member(group, topic)?;
    let joined = tokio::task::spawn_blocking(move || {
        for _ in 0..300 {
            if member.poll(Duration::from_millis(100)).is_some() {
                return Some(member);
            }
        }
        None
    });
    let member = joined.await?.context("no member joins")?;
    let refused = kafka.hand_over(group, offsets.clone()).await.expect_err("it is refused");
    ensure!(refused.code() == "group_alive" && refused.to_string().contains(group), "{refused}");
    ensure!(kafka.committed(group, vec![0, 1]).await?.is_empty());
    tokio::task::spawn_blocking(move || drop(member)).await?;
    let mut state = kafka.group(group).await?;
    while !state.members.is_empty() {
        tokio::time::sleep(Duration::from_millis(200)).await;
        state = kafka.group(group).await?;
    }
    kafka.hand_over(group, offsets.clone()).await?;
    ensure!(topics.committed(group, topic).await? == offsets);
    kafka.hand_over(group, offsets.clone()).await?;
    let elsewhere = kafka.hand_over(group, [(0, 3), (1, 9)].into()).await.expect_err("it is refused");
    ensure!(elsewhere.code() == "group_elsewhere", "{elsewhere}");
    ensure!(topics.committed(group, topic).await? == offsets);
    topics.delete(topic).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_gets_its_offsets_once_and_only_while_nobody_reads() {
    if esferry_lab::wanted("offsets of a consumer group") {
        groups().await.unwrap();
    }
}

async fn a_broker_that_dies() -> Result<()> {
    let mut broker = Broker::start().await?;
    let topics = Topics::of(&broker.address());
    topics.create("commands", 1).await?;
    let kafka = client(&topics, "commands", "")?;
    let sender = topics.sender("commands")?;
    sender.send(&Command::new("k", "before")).await?;
    let messages = kafka.read(&[(0, 0)].into())?;
    ensure!(everything(&messages, 1).await?.len() == 1);
    broker.kill_nine()?;
    let refused = kafka.topic().await.expect_err("it is refused");
    ensure!(refused.code() == "kafka_unreachable" && refused.kind().exit_code() == 5, "{refused:?}");
    broker.restart_on_same_data().await?;
    topics.sender("commands")?.send(&Command::new("k", "after")).await?;
    loop {
        let next = tokio::time::timeout(Duration::from_secs(60), messages.next()).await??;
        match next {
            Event::Message(message) => {
                ensure!(parts(&message).payload == Some(b"after".as_slice()));
                return Ok(());
            }
            Event::Trouble(reason) => println!("trouble: {reason}"),
            Event::End { .. } => {}
            Event::OutOfRange => anyhow::bail!("out of range"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_dies_is_waited_for_and_the_reading_goes_on() {
    if esferry_lab::wanted("a broker that dies") {
        a_broker_that_dies().await.unwrap();
    }
}
