//! A source that lives: commands go into a topic, and an indexer applies them to the old cluster, as the team's own does.

use crate::Topics;
use crate::endpoint::Endpoint;
use crate::kafka::{Command, Sender};
use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rdkafka::Message;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{CommitMode, Consumer, StreamConsumer};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Whose versions the documents of the old cluster have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// Those of the commands, as external versions.
    OfCommands,
    /// The cluster's own; commands may also change a part of a document.
    OfTheCluster,
}

/// Where commands go.
#[derive(Debug)]
enum Outlet {
    /// Into a topic, which an indexer reads.
    Topic(Sender),
    /// To the old cluster at once.
    Cluster(Endpoint, String),
}

/// Who sends commands: creates, updates, deletes and re-creates, the same for the same seed.
#[derive(Debug)]
pub struct Writer {
    outlet: Outlet,
    versions: Versions,
    dice: ChaCha8Rng,
    ids: u64,
    there: BTreeSet<u64>,
    sent: u64,
    deletes: bool,
}

impl Writer {
    /// A writer of documents with so many ids.
    pub fn new(sender: Sender, versions: Versions, seed: u64, ids: u64) -> Writer {
        Writer::into(Outlet::Topic(sender), versions, seed, ids)
    }

    /// A writer that is the old side's indexer itself: no topic tells what it does.
    pub fn without_topic(cluster: &Endpoint, index: &str, versions: Versions, seed: u64, ids: u64) -> Writer {
        Writer::into(Outlet::Cluster(cluster.clone(), index.to_owned()), versions, seed, ids)
    }

    fn into(outlet: Outlet, versions: Versions, seed: u64, ids: u64) -> Writer {
        let dice = ChaCha8Rng::seed_from_u64(seed);
        Writer { outlet, versions, dice, ids, there: BTreeSet::new(), sent: 0, deletes: true }
    }

    /// The same, which deletes nothing.
    #[must_use]
    pub fn without_deletes(mut self) -> Writer {
        self.deletes = false;
        self
    }

    /// The same, which changes only the first few documents from here on.
    #[must_use]
    pub fn busy_with(mut self, ids: u64) -> Writer {
        self.ids = ids;
        self
    }

    /// Creates a document of each id.
    pub async fn create_all(&mut self) -> Result<()> {
        let commands: Vec<Command> = (0..self.ids).map(|id| self.whole(id)).collect();
        self.send_all(&commands).await
    }

    /// Creates documents that nobody changes afterwards; ids and titles of them.
    pub async fn create_steady(&mut self, count: u64) -> Result<Vec<(String, String)>> {
        let commands: Vec<Command> = (self.ids..self.ids + count).map(|id| self.whole(id)).collect();
        self.send_all(&commands).await?;
        Ok((self.ids..self.ids + count).map(|id| (format!("id-{id:06}"), format!("alert {id}"))).collect())
    }

    async fn send_all(&self, commands: &[Command]) -> Result<()> {
        match &self.outlet {
            Outlet::Topic(sender) => sender.send_all(commands).await,
            Outlet::Cluster(cluster, index) => {
                for some in commands.chunks(500) {
                    let payloads = some.iter().filter_map(|command| command.payload.as_deref());
                    let payloads =
                        payloads.map(serde_json::from_str::<Value>).collect::<Result<Vec<_>, _>>()?;
                    let body = payloads.iter().map(|command| lines(command, self.versions)).collect();
                    apply(cluster, &format!("/{index}/alert/_bulk"), body, some.len()).await?;
                }
                Ok(())
            }
        }
    }

    /// Sends some commands, each about a random document.
    pub async fn send(&mut self, count: u64) -> Result<()> {
        let commands: Vec<Command> = (0..count).map(|_| self.random()).collect();
        self.send_all(&commands).await
    }

    /// Goes on sending so many commands a second until told otherwise; returns itself.
    pub fn go_on(mut self, per_second: u64) -> Running<Writer> {
        Running::start(move |stop| async move {
            while !stop.load(Ordering::Relaxed) {
                self.send((per_second / 20).max(1)).await?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            Ok(self)
        })
    }

    /// Commands sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    fn random(&mut self) -> Command {
        let id = self.dice.random_range(0..self.ids);
        let roll = self.dice.random_range(0..100);
        match self.there.contains(&id) {
            true if roll < 25 && self.deletes => {
                self.there.remove(&id);
                self.command(id, "delete", None)
            }
            true if roll < 50 && self.versions == Versions::OfTheCluster => {
                let part = json!({"note": format!("changed in part {roll}"), "part": self.sent});
                self.command(id, "update", Some(part))
            }
            _ => self.whole(id),
        }
    }

    fn whole(&mut self, id: u64) -> Command {
        self.there.insert(id);
        let body = json!({"title": format!("alert {id}"), "count": self.sent, "share": 1.10, "tags": {"env": "prod"},
            "note": format!("{}", self.dice.random_range(0..1_000_000))});
        self.command(id, "index", Some(body))
    }

    fn command(&mut self, id: u64, op: &str, body: Option<Value>) -> Command {
        self.sent += 1;
        let name = format!("id-{id:06}");
        let routing = id.is_multiple_of(5).then(|| format!("r{}", id % 7));
        let payload = json!({"op": op, "id": name, "routing": routing, "version": self.sent, "body": body});
        Command::new(&name, payload)
    }
}

/// A task that goes on until it is stopped.
#[derive(Debug)]
pub struct Running<T> {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Result<T>>,
}

impl<T: Send + 'static> Running<T> {
    fn start<F>(work: impl FnOnce(Arc<AtomicBool>) -> F) -> Running<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let stop = Arc::new(AtomicBool::new(false));
        Running { task: tokio::spawn(work(stop.clone())), stop }
    }

    /// Stops it, and returns what it gives.
    pub async fn stop(self) -> Result<T> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.context("it was given up")?
    }
}

/// The old side's indexer: applies commands to an index of one type, then commits their offsets.
#[derive(Debug)]
pub struct OldIndexer {
    running: Running<()>,
    applied: Arc<AtomicU64>,
}

impl OldIndexer {
    /// Begins to read a topic as a member of `group`, and to write to the type `alert` of an index.
    pub fn start(
        topics: &Topics,
        topic: &str,
        group: &str,
        cluster: &Endpoint,
        index: &str,
        versions: Versions,
    ) -> Result<OldIndexer> {
        OldIndexer::of_type("alert", topics, topic, group, cluster, index, versions)
    }

    /// The same, writing to another type: an indexer of the new side.
    pub fn of_type(
        doc_type: &str,
        topics: &Topics,
        topic: &str,
        group: &str,
        cluster: &Endpoint,
        index: &str,
        versions: Versions,
    ) -> Result<OldIndexer> {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", topics.address())
            .set("group.id", group)
            .set("enable.auto.commit", "false");
        config.set("auto.offset.reset", "earliest").set("session.timeout.ms", "6000");
        let consumer: StreamConsumer = config.create().context("no consumer")?;
        consumer.subscribe(&[topic]).context("cannot subscribe")?;
        let (cluster, path) = (cluster.clone(), format!("/{index}/{doc_type}/_bulk"));
        let applied = Arc::new(AtomicU64::new(0));
        let counted = applied.clone();
        let running = Running::start(move |stop| async move {
            while !stop.load(Ordering::Relaxed) {
                let mut body = String::new();
                let mut count = 0_usize;
                while count < 200 {
                    let wait = if count == 0 { 200 } else { 5 };
                    match tokio::time::timeout(Duration::from_millis(wait), consumer.recv()).await {
                        Ok(Ok(message)) => {
                            let command: Value =
                                serde_json::from_slice(message.payload().context("no value")?)?;
                            body.push_str(&lines(&command, versions));
                            count += 1;
                        }
                        // the broker is away: the client goes on trying
                        Ok(Err(_)) => tokio::time::sleep(Duration::from_millis(100)).await,
                        Err(_) => break,
                    }
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                }
                if count > 0 {
                    apply(&cluster, &path, body, count).await?;
                    // after applying: a command may come twice, and none is lost
                    let _ = consumer.commit_consumer_state(CommitMode::Sync);
                    counted.fetch_add(count as u64, Ordering::Relaxed);
                }
            }
            Ok(())
        });
        Ok(OldIndexer { running, applied })
    }

    /// Waits until the group has committed the ends of a topic.
    pub async fn catches_up(topics: &Topics, topic: &str, group: &str) -> Result<()> {
        for _ in 0..600 {
            let ends = topics.ends(topic).await?;
            let committed = topics.committed(group, topic).await?;
            let passed = |(partition, end): (&i32, &i64)| {
                *end == 0 || committed.get(partition).is_some_and(|next| next >= end)
            };
            if ends.iter().all(passed) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("the old indexer does not catch up")
    }

    /// Commands applied.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Relaxed)
    }

    /// Stops it.
    pub async fn stop(self) -> Result<()> {
        self.running.stop().await
    }
}

fn lines(command: &Value, versions: Versions) -> String {
    let op = command["op"].as_str().unwrap_or_default();
    let mut meta = json!({"_id": command["id"]});
    if command["routing"].is_string() {
        meta["routing"] = command["routing"].clone();
    }
    if versions == Versions::OfCommands {
        meta["version"] = command["version"].clone();
        meta["version_type"] = json!("external");
    }
    let action = json!({ op: meta });
    match op {
        "delete" => format!("{action}\n"),
        "update" => format!("{action}\n{}\n", json!({"doc": command["body"]})),
        _ => format!("{action}\n{}\n", command["body"]),
    }
}

async fn apply(cluster: &Endpoint, path: &str, body: String, count: usize) -> Result<()> {
    let answer = cluster.send(Method::POST, path, "application/x-ndjson", Bytes::from(body)).await?.json()?;
    let items = answer["items"].as_array().context("no items")?;
    ensure!(items.len() == count, "{} of {count} items", items.len());
    for item in items {
        let outcome = item.as_object().and_then(|item| item.values().next()).context("no outcome")?;
        let status = outcome["status"].as_u64().unwrap_or(0);
        // a command that comes twice: it is newer already, or gone
        ensure!(matches!(status, 200 | 201 | 404 | 409), "{outcome}");
    }
    Ok(())
}
