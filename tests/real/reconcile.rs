//! A source that lives while it is copied, and no topic that tells what changed: passes over both sides find it.

#[cfg(feature = "failpoints")]
mod crash;
mod found;

use std::time::Duration;

use anyhow::{Result, ensure};
use esferry_lab::Endpoint;
use esferry_lab::compare::{Criteria, compare_by};
use esferry_lab::live::{Versions, Writer};
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::replay::killed;
use crate::scene::{NAME, PATIENCE, old_and_new, phase};

const IDS: u64 = 3000;

/// An index of the old cluster that is written directly, and a migration that follows it by passes.
pub struct Stage {
    pub old: Endpoint,
    pub new: Endpoint,
    /// Index of the source.
    pub name: String,
    /// Index of the target.
    pub target: String,
    pub daemon: Daemon,
}

impl Stage {
    /// `settings` are lines of the migration's table.
    pub async fn new(name: &str, versions: Versions, settings: &str) -> Result<(Stage, Writer)> {
        let (old, new) = old_and_new().await?;
        Self::between(old, new, name, name, versions, settings).await
    }

    pub async fn between(
        old: Endpoint,
        new: Endpoint,
        name: &str,
        target: &str,
        versions: Versions,
        settings: &str,
    ) -> Result<(Stage, Writer)> {
        new.delete_index(target).await?;
        old.recreate_index(name, &json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}}))
            .await?;
        let mut writer = Writer::without_topic(&old, name, versions, 11, IDS);
        writer.create_all().await?;
        writer.send(2000).await?;
        old.refresh(name).await?;
        let daemon = Daemon::with_config(&format!(
            "[clusters.old]\nurls = [\"{}\"]\n[clusters.new]\nurls = [\"{}\"]\n[migrations.{NAME}]\n\
             from = {{ cluster = \"old\", indices = [\"{name}\"] }}\n\
             to = {{ cluster = \"new\", index = \"{target}\" }}\nslice = {{ docs = 200, page_docs = 50 }}\n\
             {settings}\n[migrations.{NAME}.changes.reconcile]\nuntil = 500\nevery = \"1s\"\n",
            old.url(),
            new.url()
        ))?;
        let stage = Stage { old, new, name: name.to_owned(), target: target.to_owned(), daemon };
        Ok((stage, writer))
    }

    /// Waits until a pass that began after now has found nothing, and both sides were counted and agree.
    pub fn until_caught_up(&self) -> Result<Value> {
        // One that has just been started may not listen yet.
        let now = self.daemon.until(PATIENCE, |_| true)?;
        let first = now["changes"]["reconcile"]["pass"].as_u64().unwrap_or(0) + 1;
        self.daemon.until(PATIENCE, |status| {
            let passes = &status["changes"]["reconcile"];
            let counts = &passes["last"]["counts"];
            passes["last"]["pass"].as_u64() >= Some(first)
                && ["written", "deleted", "failed"].iter().all(|kind| counts[kind] == json!(0))
                && phase(status) == "ready"
                && status["changes"]["caught_up"] == json!(true)
                && status["indices"][0]["counted"]["source"] == status["indices"][0]["counted"]["target"]
        })
    }

    /// Both sides are the same, document by document.
    pub async fn is_equal(&self, with_versions: bool) -> Result<u64> {
        self.old.refresh(&self.name).await?;
        self.new.refresh(&self.target).await?;
        let criteria = Criteria { versions: with_versions, ..Criteria::default() };
        let compared = compare_by((&self.old, &self.name), (&self.new, &self.target), criteria).await?;
        ensure!(compared.is_equal(), "{compared}\n{}", self.daemon.log());
        Ok(compared.same)
    }

    pub async fn clear(self) -> Result<()> {
        self.new.delete_index(&self.target).await?;
        self.old.delete_index(&self.name).await
    }
}

async fn follows((stage, writer): (Stage, Writer), with_versions: bool) -> Result<()> {
    let writing = writer.go_on(300);
    let mut running = killed(&stage.daemon, 5)?;
    stage.daemon.until(PATIENCE, |status| phase(status) == "ready")?;
    // It goes on as long as it runs.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let writer = writing.stop().await?;
    let status = stage.until_caught_up()?;
    let same = stage.is_equal(with_versions).await?;
    let passes = &status["changes"]["reconcile"];
    println!("{}: {} commands, {same} documents the same, {passes}", stage.name, writer.sent());
    ensure!(passes["total"]["written"].as_u64() > Some(0), "{passes}");
    ensure!(passes["total"]["deleted"].as_u64() > Some(0), "{passes}");
    let listed = stage.daemon.output(&["failures", "list", NAME, "--json"])?;
    ensure!(status["failures"] == json!([]), "{}", String::from_utf8_lossy(&listed.stdout));
    running.terminate()?;
    let code = running.exit_code(Duration::from_secs(15))?;
    ensure!(code == 0, "exit code {code}\n{}", stage.daemon.log());
    let left: Vec<_> =
        std::fs::read_dir(stage.daemon.state_dir().join("sightings"))?.collect::<Result<_, _>>()?;
    ensure!(left.len() <= 1, "{left:?}");
    stage.clear().await
}

const SLOWLY: &str = "throttle = { max_docs_per_second = 2000 }";

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_1_7_with_versions_of_its_own_arrive() {
    if esferry_lab::wanted("passes over a 1.7 that gives versions itself") {
        let settings = format!("{SLOWLY}\nchanges.sole_writer = true");
        let stage = Stage::new("reconcile-own", Versions::OfTheCluster, &settings).await;
        follows(stage.unwrap(), false).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_1_7_with_external_versions_arrive() {
    if esferry_lab::wanted("passes over a 1.7 with external versions") {
        let stage = Stage::new("reconcile-external", Versions::OfCommands, SLOWLY).await;
        follows(stage.unwrap(), true).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_6_8_arrive() {
    if esferry_lab::wanted("passes over a 6.8") {
        let (_, new) = old_and_new().await.unwrap();
        let stage = Stage::between(
            new.clone(),
            new,
            "reconcile-six",
            "reconcile-six-new",
            Versions::OfCommands,
            SLOWLY,
        );
        follows(stage.await.unwrap(), true).await.unwrap();
    }
}
