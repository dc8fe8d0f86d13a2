//! A front end of nginx that is moved under load, and one that cannot be moved.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use esferry::config::{CommandHook, Hook, Span};
use esferry::cutover::hooks::{HookAnswer, HookName, Redaction, call};
use esferry_lab::servers::Nginx;
use esferry_lab::{Endpoint, Gate, Proxy, Rule};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::{called, told};
use crate::scene::{PATIENCE, old_and_new};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/hooks/nginx-upstream");

fn shipped(nginx: &Nginx, timeout: Duration) -> Hook {
    let paths = [
        SCRIPT.to_owned(),
        "--nginx".to_owned(),
        nginx.program().display().to_string(),
        nginx.servers().display().to_string(),
        "--".to_owned(),
        "-c".to_owned(),
        nginx.configuration().display().to_string(),
    ];
    Hook::Command(CommandHook { command: paths.to_vec(), timeout: Span(timeout) })
}

fn place(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// An index of either side whose only document says which side it is.
async fn told_apart(index: &str) -> Result<(Endpoint, Endpoint)> {
    let (old, new) = old_and_new().await?;
    for (cluster, side) in [(&old, "old"), (&new, "new")] {
        cluster.delete_index(index).await?;
        cluster.put(&format!("/{index}/doc/1"), &json!({ "side": side })).await?;
    }
    Ok((old, new))
}

/// Readers without a pause: each answer, and when it was asked for.
struct Readers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// When a request was sent, and which side answered it.
struct Seen<Answer = Result<String>> {
    asked: Instant,
    side: Answer,
}

async fn side(client: &reqwest::Client, url: &str) -> Result<String> {
    let answer = client.get(url).timeout(Duration::from_secs(30)).send().await?.error_for_status()?;
    let body: Value = serde_json::from_slice(&answer.bytes().await?)?;
    Ok(body["_source"]["side"].as_str().with_context(|| format!("{body}"))?.to_owned())
}

impl Readers {
    /// Every request is a connection of its own: none is ever sent again behind the test's back.
    fn start(url: &str) -> Result<Readers> {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build()?;
        let tasks = (0..4)
            .map(|_| {
                let (client, stop, seen, url) = (client.clone(), stop.clone(), seen.clone(), url.to_owned());
                tokio::spawn(async move {
                    while !stop.load(Ordering::Relaxed) {
                        let asked = Instant::now();
                        let side = side(&client, &url).await;
                        seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen { asked, side });
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                })
            })
            .collect();
        Ok(Readers { stop, tasks, seen })
    }

    async fn stop(self) -> Result<Vec<Seen<String>>> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await?;
        }
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        seen.into_iter().map(|seen| Ok(Seen { asked: seen.asked, side: seen.side? })).collect()
    }
}

fn succeeded(answer: &HookAnswer, words: &str, nginx: &Nginx) -> Result<()> {
    ensure!(answer.succeeded && answer.answer.contains(words), "{answer:?}\n{}", nginx.log());
    Ok(())
}

async fn moved_under_load() -> Result<()> {
    let index = "hooks-nginx";
    let (old, new) = told_apart(index).await?;
    let source = Proxy::start(old.url())?;
    let nginx = Nginx::start(place(&source.url())).await?;
    let url = format!("{}/{index}/doc/1", nginx.url());
    let hook = shipped(&nginx, Duration::from_secs(30));
    let call_it = async |name| called(&hook, name, &source.url(), new.url()).await;

    // One request is under way all the time that nginx moves, and ends where it began.
    let gate = Gate::new();
    source.rule(Rule::on(Method::GET, "doc/1?under_way").times(1).hold(&gate));
    let under_way = format!("{url}?under_way");
    let under_way = tokio::spawn(async move { side(&reqwest::Client::new(), &under_way).await });
    ensure!(gate.wait_held(1, PATIENCE), "the request does not come: {}", nginx.log());
    let begun = Instant::now();
    let readers = Readers::start(&url)?;
    tokio::time::sleep(Duration::from_millis(300)).await;

    let before = std::fs::read_to_string(nginx.servers())?;
    let mut rehearsal = told(HookName::After, &source.url(), new.url());
    rehearsal.rehearsal = true;
    let rehearsed = call(&hook, &rehearsal, &Redaction::default()).await?;
    succeeded(&rehearsed, "nothing was changed", &nginx)?;
    ensure!(std::fs::read_to_string(nginx.servers())? == before);

    let asked = Instant::now();
    succeeded(&call_it(HookName::After).await?, "has the servers of cluster new", &nginx)?;
    let switched = Instant::now();
    gate.release();
    ensure!(under_way.await?? == "old");
    // Called again, as after a crash, it changes nothing.
    succeeded(&call_it(HookName::After).await?, "has the servers of cluster new", &nginx)?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let asked_back = Instant::now();
    succeeded(&call_it(HookName::UndoAfter).await?, "has the servers of cluster old", &nginx)?;
    let back = Instant::now();
    tokio::time::sleep(Duration::from_millis(300)).await;

    let seen = readers.stop().await?;
    let count = |from: Instant, to: Instant, side: &str| {
        seen.iter().filter(|seen| (from..to).contains(&seen.asked) && seen.side == side).count()
    };
    println!(
        "{} requests, none failed; moved in {:?}, back in {:?}",
        seen.len(),
        switched - asked,
        back - asked_back
    );
    let end = Instant::now();
    ensure!(count(begun, asked, "new") == 0 && count(begun, asked, "old") > 5);
    ensure!(count(switched, asked_back, "old") == 0 && count(switched, asked_back, "new") > 5);
    ensure!(count(back, end, "new") == 0 && count(back, end, "old") > 5);
    let left: Vec<_> = std::fs::read_dir(nginx.servers().with_file_name(""))?
        .filter_map(|entry| {
            Some(entry.ok()?.file_name()).filter(|name| name.to_string_lossy().starts_with('.'))
        })
        .collect();
    ensure!(left.is_empty(), "{left:?}");
    old.delete_index(index).await?;
    new.delete_index(index).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_moves_and_comes_back_under_load_and_no_request_fails() {
    if esferry_lab::wanted("an nginx that is moved under load") {
        moved_under_load().await.unwrap();
    }
}

async fn taken_back() -> Result<()> {
    let index = "hooks-refused";
    let (old, new) = told_apart(index).await?;
    let mut nginx = Nginx::start(place(old.url())).await?;
    let hook = shipped(&nginx, Duration::from_secs(30));
    let before = std::fs::read_to_string(nginx.servers())?;
    let readers = Readers::start(&format!("{}/{index}/doc/1", nginx.url()))?;
    let refused = async |hook: &Hook, target: &str, words: &str| {
        let answer = called(hook, HookName::After, old.url(), target).await?;
        let said = answer.answer.contains(words) && answer.ended == "exit code 1";
        ensure!(!answer.succeeded && said, "{words:?} is not in {answer:?}");
        ensure!(std::fs::read_to_string(nginx.servers())? == before, "the file was changed: {answer:?}");
        anyhow::Ok(answer.answer)
    };

    let said = refused(&hook, "http://127.0.0.1:99999", "invalid port in upstream").await?;
    ensure!(said.contains("nginx refuses the new") && said.contains("is back"), "{said}");
    refused(&hook, "https://127.0.0.1:9200", "one cluster speaks http and the other https").await?;
    refused(&hook, "http://127.0.0.1:9200/es", "has a path, which no upstream can have").await?;
    refused(&hook, "http://a;}http{", "no address that can be written into an upstream").await?;

    // The rest of its configuration is broken by somebody else.
    let whole = std::fs::read_to_string(nginx.configuration())?;
    std::fs::write(nginx.configuration(), whole.replace("worker_processes", "worker_proceses"))?;
    refused(&hook, new.url(), "unknown directive \"worker_proceses\"").await?;
    // The file is one that nginx does not read.
    let elsewhere = nginx.servers().with_file_name("elsewhere");
    std::fs::write(&elsewhere, &before)?;
    let include = |file: &std::path::Path| format!("include {};", file.display());
    std::fs::write(nginx.configuration(), whole.replace(&include(&nginx.servers()), &include(&elsewhere)))?;
    refused(&hook, new.url(), "nginx does not include").await?;
    std::fs::write(nginx.configuration(), whole)?;

    // nginx hears nothing, and the hook is killed in the middle: nothing is left half done.
    nginx.freeze()?;
    let killed =
        called(&shipped(&nginx, Duration::from_secs(1)), HookName::After, old.url(), new.url()).await?;
    nginx.thaw()?;
    ensure!(!killed.succeeded && killed.ended == "killed after 1s", "{killed:?}");
    ensure!(killed.answer.contains("is back"), "{killed:?}");
    ensure!(std::fs::read_to_string(nginx.servers())? == before, "the file was changed: {killed:?}");

    let seen = readers.stop().await?;
    let elsewhere = seen.iter().filter(|seen| seen.side != "old").count();
    ensure!(seen.len() > 100 && elsewhere == 0, "{elsewhere} of {} were served by the new side", seen.len());
    nginx.end()?;
    let answer = called(&hook, HookName::After, old.url(), new.url()).await?;
    ensure!(answer.answer.contains("nginx does not run"), "{answer:?}");
    old.delete_index(index).await?;
    new.delete_index(index).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nginx_refuses_is_taken_back_while_the_old_side_serves() {
    if esferry_lab::wanted("an nginx that refuses") {
        taken_back().await.unwrap();
    }
}
