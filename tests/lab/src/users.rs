//! Users in front of a cluster: a front end that reads from a file which cluster it asks, and searches that never stop.

use crate::Endpoint;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Users who search without a pause, through whatever the file names.
#[derive(Debug)]
pub struct Users {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    seen: Arc<Mutex<Seen>>,
}

/// What users saw.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Searches, by the address that they were sent to.
    pub asked: BTreeMap<String, u64>,
    /// Searches that failed, or found what is not right: the first ones, in words.
    pub wrong: Vec<String>,
}

/// The address of an index or alias as the file of a front end has it: `URL/INDEX`.
pub fn write_upstream(file: &Path, address: &str) -> Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, address)
        .and_then(|()| std::fs::rename(&new, file))
        .context("cannot write the upstream")
}

impl Users {
    /// So many of them. `steady` are ids of documents that nobody changes, with the word that their `title` has.
    pub fn start(upstream: PathBuf, users: usize, steady: Vec<(String, String)>) -> Users {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Seen::default()));
        let steady = Arc::new(steady);
        let tasks = (0..users)
            .map(|user| {
                let (upstream, stop, seen, steady) =
                    (upstream.clone(), stop.clone(), seen.clone(), steady.clone());
                tokio::spawn(async move {
                    let mut turn = user;
                    while !stop.load(Ordering::Relaxed) {
                        let (id, title) = &steady[turn % steady.len()];
                        turn += users;
                        let asked = search(&upstream, id, title).await;
                        note(&seen, asked);
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                })
            })
            .collect();
        Users { stop, tasks, seen }
    }

    /// What they have seen so far.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// They leave; what they saw.
    pub async fn stop(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            // One that was given up has nothing more to tell.
            let _ = task.await;
        }
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn note(seen: &Mutex<Seen>, asked: Result<String>) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    match asked {
        Ok(address) => *seen.asked.entry(address).or_default() += 1,
        Err(wrong) if seen.wrong.len() < 20 => seen.wrong.push(format!("{wrong:#}")),
        Err(_) => {}
    }
}

/// One search, which has to find its document and nothing else.
async fn search(upstream: &Path, id: &str, title: &str) -> Result<String> {
    let address = std::fs::read_to_string(upstream).context("no upstream")?;
    let (url, index) = address.trim().rsplit_once('/').context("no address")?;
    let query = json!({"query": {"bool": {"must": [{"match": {"title": {"query": title, "operator": "and"}}}, {"ids": {"values": [id]}}]}}});
    let answer = Endpoint::new(url).post(&format!("/{index}/_search"), &query).await?;
    let hits = answer.pointer("/hits/hits").and_then(Value::as_array).context("no hits")?;
    ensure!(
        answer["timed_out"] == json!(false) && answer["_shards"]["failed"] == json!(0),
        "{address}: {answer}"
    );
    ensure!(
        hits.len() == 1 && hits[0]["_source"]["title"] == json!(title),
        "{address}: {id} was looked for: {answer}"
    );
    Ok(url.to_owned())
}
