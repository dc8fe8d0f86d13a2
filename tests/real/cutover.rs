//! Switching over and back: users notice nothing, deaths leave one of two states, and what is not right is refused.

#[cfg(feature = "failpoints")]
mod deaths;
mod hooks;
mod plain;
mod refusals;
mod users;
mod without_topic;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use esferry_lab::live::{Versions, Writer};
use esferry_lab::users::write_upstream;
use esferry_lab::{Endpoint, Users};
use reqwest::Method;
use serde_json::{Value, json};

use crate::daemon::{Daemon, Running};
use crate::replay::Stage;
use crate::scene::{NAME, PATIENCE, phase};

const MAP: &str =
    "{op, id, routing, version, source: .body} | if .op == \"delete\" then del(.source) else . end";
/// Documents that users look for.
const STEADY: u64 = 50;

/// A migration that follows a topic, an alias to be moved, and a front end that follows the hooks.
pub struct Switch {
    pub stage: Stage,
    pub alias: String,
    /// Where the front end asks.
    pub upstream: PathBuf,
    pub steady: Vec<(String, String)>,
    _folder: tempfile::TempDir,
}

impl Switch {
    /// `more` are lines of the cut-over's table.
    pub async fn new(name: &str, more: &str) -> Result<(Switch, Writer)> {
        let folder = tempfile::tempdir()?;
        let upstream = folder.path().join("upstream");
        let alias = format!("{name}-front");
        let (old, new) = crate::scene::old_and_new().await?;
        write_upstream(&upstream, &format!("{}/{name}", old.url()))?;
        let moves = |cluster: &Endpoint, index: &str| {
            let script = format!(
                "echo '{}/{index}' > {1}.hook && mv {1}.hook {1} && echo moved",
                cluster.url(),
                upstream.display()
            );
            json!(["/bin/sh", "-c", script]).to_string()
        };
        let cutover = format!(
            "[migrations.{NAME}.cutover]\nalias = \"{alias}\"\n{more}\n[migrations.{NAME}.cutover.hooks]\n\
             after = {}\nundo_after = {}",
            moves(&new, &alias),
            moves(&old, name)
        );
        let rules = format!("version = \"message\"\nmap = '{MAP}'\n{cutover}");
        let settings = "verify = { level = \"content\" }";
        let (stage, mut writer) = Stage::new(name, Versions::OfCommands, &rules, settings).await?;
        let steady = writer.create_steady(STEADY).await?;
        esferry_lab::live::OldIndexer::catches_up(&stage.topics, name, &format!("{name}-old")).await?;
        stage.old.refresh(name).await?;
        Ok((Switch { stage, alias, upstream, steady, _folder: folder }, writer))
    }

    /// A daemon that is ready, with every gate open.
    pub fn ready(&self) -> Result<Running> {
        let running = self.stage.daemon.start(&[])?;
        self.until_open()?;
        Ok(running)
    }

    pub fn until_open(&self) -> Result<()> {
        self.stage.daemon.until(PATIENCE, |status| {
            phase(status) == "ready" && status["changes"]["caught_up"] == json!(true)
        })?;
        Ok(())
    }

    pub fn users(&self) -> Users {
        Users::start(self.upstream.clone(), 3, self.steady.clone())
    }

    pub fn serves(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.upstream)?.trim().to_owned())
    }

    /// Where the front end asks, and where the alias leads.
    pub async fn is_switched(&self) -> Result<bool> {
        let there = led_to(&self.stage.new, &self.alias).await?;
        let switched = there == [self.stage.name.clone()];
        ensure!(switched || there.is_empty(), "the alias leads to {there:?}");
        let front = self.serves()?.starts_with(self.stage.new.url());
        ensure!(front == switched, "the alias leads to {there:?}, users ask {}", self.serves()?);
        Ok(switched)
    }

    pub async fn clear(self) -> Result<()> {
        self.stage.clear().await
    }
}

/// The indices that an alias leads to.
pub async fn led_to(cluster: &Endpoint, alias: &str) -> Result<Vec<String>> {
    let answer = cluster.send(Method::GET, &format!("/_alias/{alias}"), "", Default::default()).await?;
    if answer.status == 404 {
        return Ok(Vec::new());
    }
    Ok(answer.json()?.as_object().context("no object")?.keys().cloned().collect())
}

/// What a command printed as JSON, its exit code, and what it said besides.
pub fn told(daemon: &Daemon, args: &[&str]) -> Result<(i32, Value, String)> {
    let output = daemon.output(&[args, &["--json"]].concat())?;
    let code = output.status.code().context("ended by a signal")?;
    let value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    Ok((code, value, String::from_utf8_lossy(&output.stderr).into_owned()))
}

pub fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| path.display().to_string())
}
