//! A real etcd on loopback, and a watch of one of its keys.

use super::cache::Cache;
use super::debian::Packaged;
use super::folder::PrivateFolder;
use super::node::{free_port, spawn};
use super::process::ProcessId;
use crate::Endpoint;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ETCD: Packaged = Packaged { package: "etcd-server", program: "usr/bin/etcd", version: "--version" };
const PATIENCE: Duration = Duration::from_secs(30);

/// A private etcd of one test. It is ended, and its folder removed, when dropped.
#[derive(Debug)]
pub struct Etcd {
    endpoint: Endpoint,
    child: Child,
    id: ProcessId,
    folder: PrivateFolder,
}

/// What becomes of a key, as etcd tells it to those who watch.
#[derive(Debug)]
pub struct Watch {
    answer: reqwest::Response,
    unread: Vec<u8>,
}

impl Etcd {
    /// Starts it and waits until it answers.
    pub async fn start() -> Result<Etcd> {
        let launched = tokio::task::spawn_blocking(Etcd::launch).await;
        let mut etcd = launched.context("the launch was given up")??;
        etcd.wait_healthy().await?;
        Ok(etcd)
    }

    fn launch() -> Result<Etcd> {
        let cache = Cache::open()?;
        let program = ETCD.find(&cache)?;
        let port = free_port()?;
        let folder = PrivateFolder::create(&cache, &format!("etcd-{port}"))?;
        let url = format!("http://127.0.0.1:{port}");
        let peers = format!("http://127.0.0.1:{}", port + 1000);
        let mut command = Command::new("setsid");
        command.args(["setpriv", "--pdeathsig", "KILL"]).arg(program);
        command.arg("--data-dir").arg(folder.path().join("data"));
        command.args(["--name", "lab", "--initial-cluster", &format!("lab={peers}")]);
        command.args(["--listen-client-urls", &url, "--advertise-client-urls", &url]);
        command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
        let printed = File::create(folder.path().join("printed.log")).context("no log for etcd")?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(printed);
        let (child, id) = spawn(command)?;
        Ok(Etcd { endpoint: Endpoint::new(&url), child, id, folder })
    }

    async fn wait_healthy(&mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while !self.endpoint.get("/health").await.is_ok_and(|health| health["health"] == json!("true")) {
            let said = || fs::read_to_string(self.folder.path().join("printed.log")).unwrap_or_default();
            if let Some(status) = self.child.try_wait().context("cannot ask for etcd's state")? {
                bail!("etcd ended ({status}):\n{}", said());
            }
            ensure!(Instant::now() < until, "etcd does not answer:\n{}", said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        self.endpoint.url()
    }

    /// Watches a key, given in base64, from now on.
    pub async fn watch(&self, key: &str) -> Result<Watch> {
        let asked = json!({"create_request": {"key": key}}).to_string();
        let request = reqwest::Client::new().post(format!("{}/v3/watch", self.url())).body(asked);
        let mut watch = Watch { answer: request.send().await.context("no watch")?, unread: Vec::new() };
        let created = watch.told().await?;
        ensure!(created["result"]["created"] == json!(true), "{created}");
        Ok(watch)
    }
}

impl Watch {
    /// The value that the key gets next, in base64.
    pub async fn next(&mut self) -> Result<String> {
        let told = self.told().await?;
        let value = told.pointer("/result/events/0/kv/value").and_then(Value::as_str);
        Ok(value.with_context(|| format!("no value in {told}"))?.to_owned())
    }

    async fn told(&mut self) -> Result<Value> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return serde_json::from_slice(&line).context("etcd tells something else than JSON");
            }
            let piece = tokio::time::timeout(PATIENCE, self.answer.chunk()).await;
            let piece = piece.context("the watch tells nothing")?.context("the watch broke")?;
            self.unread.extend_from_slice(&piece.context("the watch ended")?);
        }
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        // nothing sensible can be done about a failure here
        let _ = self.id.end(Duration::from_secs(5));
        let _ = self.child.wait();
    }
}
