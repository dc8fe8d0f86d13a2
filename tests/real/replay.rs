//! A source that lives while it is copied: what a topic says of it arrives, in every way of telling old from new.

mod bad_input;
mod compacted;
#[cfg(feature = "failpoints")]
pub mod crash;

use std::time::Duration;

use anyhow::{Result, ensure};
use esferry_lab::compare::{Criteria, compare_by};
use esferry_lab::live::{OldIndexer, Versions, Writer};
use esferry_lab::{Endpoint, Topics};
use serde_json::{Value, json};

use crate::daemon::{Daemon, Running};
use crate::kafka::topics;
use crate::scene::{NAME, PATIENCE, old_and_new, phase};

const MAP: &str = "{op, id, routing, version, source: .body, doc: .body} | if .op == \"index\" then del(.doc) elif .op == \"update\" then del(.source) else del(.doc, .source) end";
const IDS: u64 = 3000;

/// A topic that feeds an index of the old cluster, and a migration that follows it.
pub struct Stage {
    pub old: Endpoint,
    pub new: Endpoint,
    pub topics: Topics,
    pub name: String,
    pub daemon: Daemon,
    pub indexer: OldIndexer,
}

impl Stage {
    /// `rules` are lines of the topic's table, `settings` of the migration's.
    pub async fn new(name: &str, versions: Versions, rules: &str, settings: &str) -> Result<(Stage, Writer)> {
        let (old, new) = old_and_new().await?;
        let topics = topics().await?;
        Self::on(old, new, topics, name, versions, rules, settings).await
    }

    pub async fn on(
        old: Endpoint,
        new: Endpoint,
        topics: Topics,
        name: &str,
        versions: Versions,
        rules: &str,
        settings: &str,
    ) -> Result<(Stage, Writer)> {
        topics.create(name, 3).await?;
        let mapping = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0, "index.gc_deletes": "1s"},
            "mappings": {"alert": {"properties": {"title": {"type": "string", "index": "not_analyzed"}}}}});
        old.recreate_index(name, &mapping).await?;
        new.delete_index(name).await?;
        let group = format!("{name}-old");
        let indexer = OldIndexer::start(&topics, name, &group, &old, name, versions)?;
        let mut writer = Writer::new(topics.sender(name)?, versions, 7, IDS);
        writer.create_all().await?;
        writer.send(2000).await?;
        OldIndexer::catches_up(&topics, name, &group).await?;
        old.refresh(name).await?;
        let daemon = Daemon::with_config(&format!(
            "[clusters.old]\nurls = [\"{}\"]\n[clusters.new]\nurls = [\"{}\"]\n[migrations.{NAME}]\n\
             from = {{ cluster = \"old\", indices = [\"{name}\"] }}\nto = {{ cluster = \"new\" }}\n\
             slice = {{ docs = 200, page_docs = 50 }}\n{settings}\n\
             [migrations.{NAME}.changes.kafka]\nbrokers = [\"{}\"]\ntopic = \"{name}\"\n{rules}\n",
            old.url(),
            new.url(),
            topics.address()
        ))?;
        Ok((Stage { old, new, topics, name: name.to_owned(), daemon, indexer }, writer))
    }

    /// Waits until the migration is ready, nothing is left of the topic, and both sides were counted and agree.
    pub fn until_caught_up(&self) -> Result<Value> {
        self.daemon.until(PATIENCE, |status| {
            phase(status) == "ready"
                && status["changes"]["caught_up"] == json!(true)
                && status["changes"]["topic"]["lag"] == json!(0)
                && status["indices"][0]["counted"]["source"] == status["indices"][0]["counted"]["target"]
        })
    }

    /// Both sides are the same, document by document.
    pub async fn is_equal(&self, with_versions: bool) -> Result<u64> {
        self.old.refresh(&self.name).await?;
        self.new.refresh(&self.name).await?;
        let criteria = Criteria { versions: with_versions, ..Criteria::default() };
        let compared = compare_by((&self.old, &self.name), (&self.new, &self.name), criteria).await?;
        ensure!(compared.is_equal(), "{compared}\n{}", self.daemon.log());
        Ok(compared.same)
    }

    pub async fn clear(self) -> Result<()> {
        self.indexer.stop().await?;
        self.topics.delete(&self.name).await?;
        self.new.delete_index(&self.name).await?;
        self.old.delete_index(&self.name).await
    }
}

/// Starts the daemon, kills it so often at moments of its own choice, and lets it run.
pub fn killed(daemon: &Daemon, times: u32) -> Result<Running> {
    for time in 0..times {
        let running = daemon.start(&[])?;
        std::thread::sleep(Duration::from_millis(900 + u64::from(time) * 700));
        running.kill_nine()?;
    }
    daemon.start(&[])
}

async fn follows(
    name: &str,
    versions: Versions,
    rules: &str,
    settings: &str,
    with_versions: bool,
) -> Result<()> {
    let settings = format!("throttle = {{ max_docs_per_second = 600 }}\n{settings}");
    let (stage, writer) = Stage::new(name, versions, rules, &settings).await?;
    let writing = writer.go_on(300);
    let mut running = killed(&stage.daemon, 5)?;
    let copied = stage.daemon.until(PATIENCE, |status| phase(status) == "ready")?;
    ensure!(copied["changes"]["topic"]["counts"]["read"].as_u64() > Some(0), "{copied:#}");
    // It goes on as long as it runs.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let writer = writing.stop().await?;
    OldIndexer::catches_up(&stage.topics, name, &format!("{name}-old")).await?;
    let status = stage.until_caught_up()?;
    let same = stage.is_equal(with_versions).await?;
    println!(
        "{name}: {} commands, {same} documents the same, {}",
        writer.sent(),
        status["changes"]["topic"]["counts"]
    );
    let listed = stage.daemon.output(&["failures", "list", NAME, "--json"])?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    ensure!(status["failures"] == json!([]), "{listed}");
    running.terminate()?;
    let code = running.exit_code(Duration::from_secs(15))?;
    ensure!(code == 0, "exit code {code}\n{}", stage.daemon.log());
    stage.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_with_versions_are_applied_beside_the_copy() {
    if esferry_lab::wanted("a replay by the messages' versions") {
        let rules = format!("version = \"message\"\nmap = '{MAP}'");
        follows("replay-message", Versions::OfCommands, &rules, "", true).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_hints_where_the_source_has_the_versions() {
    if esferry_lab::wanted("a replay by the source's versions") {
        let rules = format!("version = \"source\"\nsource_group = \"replay-source-old\"\nmap = '{MAP}'");
        let settings = "changes.sole_writer = true";
        follows("replay-source", Versions::OfTheCluster, &rules, settings, false).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_message_wins_where_nobody_has_versions() {
    if esferry_lab::wanted("a replay without versions") {
        let rules = format!("version = \"none\"\nmap = '{MAP}'");
        let settings = "write = { mode = \"create\" }";
        follows("replay-none", Versions::OfTheCluster, &rules, settings, false).await.unwrap();
    }
}

/// Ids are deleted and created anew all through a copy that lasts many times longer than the target remembers deletes.
async fn outlives_deletes() -> Result<()> {
    let rules = format!("version = \"message\"\nmap = '{MAP}'");
    let settings = "throttle = { max_docs_per_second = 250 }";
    let (stage, writer) = Stage::new("replay-forgets", Versions::OfCommands, &rules, settings).await?;
    let writing = writer.go_on(400);
    let mut running = stage.daemon.start(&[])?;
    stage.daemon.until(PATIENCE, |status| phase(status) == "copying")?;
    stage.new.put("/replay-forgets/_settings", &json!({"index": {"gc_deletes": "500ms"}})).await?;
    stage.daemon.until(PATIENCE, |status| phase(status) == "ready")?;
    writing.stop().await?;
    OldIndexer::catches_up(&stage.topics, &stage.name, "replay-forgets-old").await?;
    stage.until_caught_up()?;
    stage.is_equal(true).await?;
    let log = stage.daemon.log();
    let told = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let buried: u64 = told.filter_map(|line| line["buried"].as_u64()).sum();
    println!("replay-forgets: {buried} deletes had to be done once more");
    ensure!(buried > 0, "the copy brought nothing back, so this proves nothing\n{log}");
    running.terminate()?;
    running.exit_code(PATIENCE)?;
    stage.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_outlives_the_targets_memory_of_deletes_brings_nothing_back() {
    if esferry_lab::wanted("deletes that the target has forgotten") {
        outlives_deletes().await.unwrap();
    }
}
