//! The cluster client and the daemon's surroundings: URLs, TLS, secrets, timeouts, the control socket, telemetry.

mod control;
mod secrets;
mod telemetry;
mod tls;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use esferry_lab::proxy::Recorded;
use esferry_lab::{Gate, Proxy, Rule};
use serde_json::Value;

use crate::daemon::{Daemon, Running};
use crate::scene::{PATIENCE, phase, reason, standing};
use crate::sides::{NAME, Sides, numbered, route, text};

/// Nobody listens here.
const NOBODY: &str = "http://127.0.0.1:9";

/// Many slices, many pages.
const SMALL: &str = "slice = { docs = 400, parallel = 2, page_docs = 100 }\nwrite = { batch_docs = 150 }";

/// Both sides with `documents` in the index `from` of the old one.
async fn loaded(prefix: &'static str, documents: u64) -> Result<Sides> {
    let sides = Sides::new(prefix).await?;
    sides.load(&sides.old, "from", numbered(documents)).await?;
    Ok(sides)
}

/// A daemon that copies `from` to `to`; `old` and `new` are the lines of the clusters' tables.
fn ferry(sides: &Sides, old: &str, new: &str) -> Result<Daemon> {
    let migration = route(&sides.index("from"), &sides.index("to"), SMALL);
    Daemon::with_config(&format!(
        "[clusters.old]\n{old}\n[clusters.new]\n{new}\n[migrations.{NAME}]\n{migration}\n"
    ))
}

/// The line that names a cluster's URLs.
fn urls(urls: &[&str]) -> String {
    format!("urls = {urls:?}")
}

/// Waits for the end of `run --once`, which has to be a good one, and compares both sides.
async fn arrives(sides: &Sides, daemon: &Daemon, running: &mut Running, documents: u64) -> Result<()> {
    let code = running.exit_code(PATIENCE).with_context(|| daemon.log())?;
    ensure!(code == 0, "exit code {code}\n{}", daemon.log());
    same(sides, documents).await
}

/// Compares both sides.
async fn same(sides: &Sides, documents: u64) -> Result<()> {
    sides.new.refresh(&sides.index("to")).await?;
    let same = sides.equal("from", "to").await?;
    ensure!(same == documents, "{same} of {documents}");
    Ok(())
}

/// A run that is killed while it copies: both clusters are known to the store then.
fn killed_in_the_middle(daemon: &Daemon, source: &Proxy) -> Result<()> {
    let gate = Gate::new();
    source.rule(Rule::on_pages().skip(3).hold(&gate));
    let running = daemon.start(&["--once"])?;
    ensure!(gate.wait_held(1, PATIENCE), "{}", daemon.log());
    running.kill_nine()?;
    gate.release();
    source.clear_rules();
    Ok(())
}

/// Runs a command that has to fail; returns what it said on stderr.
fn fails(daemon: &Daemon, args: &[&str], code: i32, words: &[&str]) -> Result<String> {
    let output = daemon.output(args)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.code() == Some(code), "{:?} instead of {code}\n{said}", output.status.code());
    for word in words {
        ensure!(said.contains(word), "{word:?} is missing in\n{said}");
    }
    Ok(said)
}

#[tokio::test]
async fn a_url_that_refuses_connections_is_passed_over() {
    if !esferry_lab::wanted("several URLs, the first one dead") {
        return;
    }
    let sides = loaded("clientdead", 1200).await.unwrap();
    let (source, target) = (Proxy::start(sides.old.url()).unwrap(), Proxy::start(sides.new.url()).unwrap());
    let daemon =
        ferry(&sides, &urls(&[NOBODY, &source.url()]), &urls(&[NOBODY, NOBODY, &target.url()])).unwrap();
    sides.carry(&daemon, "from", "to").await.unwrap();
    assert!(!source.opens().is_empty() && !target.requests_to("/_bulk").is_empty());
    // The server is shared: while another test makes an index, its health is red.
    let checked = || String::from_utf8(daemon.output(&["check"]).unwrap().stdout).unwrap();
    let calm = std::iter::repeat_with(checked).take(50).find(|said| !said.contains("health is red")).unwrap();
    assert!(!calm.contains("fail "), "{calm}");

    let daemon = ferry(&sides, &urls(&[NOBODY, NOBODY]), &urls(&[&target.url()])).unwrap();
    fails(&daemon, &["run", "--once"], 5, &["error[unreachable]", "cluster `old`", NOBODY, "hint:"]).unwrap();
}

#[tokio::test]
async fn the_url_in_use_dies_in_the_middle_and_the_other_one_takes_over() {
    if !esferry_lab::wanted("several URLs, the one in use dies") {
        return;
    }
    let sides = loaded("clientdies", 4000).await.unwrap();
    let proxies =
        [&sides.old, &sides.old, &sides.new, &sides.new].map(|side| Proxy::start(side.url()).unwrap());
    let [first, second, third, fourth] = &proxies;
    let daemon =
        ferry(&sides, &urls(&[&first.url(), &second.url()]), &urls(&[&third.url(), &fourth.url()])).unwrap();
    let gate = Gate::new();
    first.rule(Rule::on_pages().skip(7).hold(&gate));
    let mut running = daemon.start(&["--once"]).unwrap();
    assert!(gate.wait_held(2, PATIENCE), "{}", daemon.log());
    assert!(third.wait_until(PATIENCE, |requests| requests.iter().any(Recorded::is_bulk)));
    assert!(second.requests().is_empty() && fourth.requests().is_empty());
    first.refuse();
    third.refuse();
    arrives(&sides, &daemon, &mut running, 4000).await.unwrap();
    assert!(!second.opens().is_empty() && !fourth.requests_to("/_bulk").is_empty());
}

#[tokio::test]
async fn a_frozen_source_is_named_as_the_reason_and_nothing_hangs() {
    if !esferry_lab::wanted("a frozen source and `timeout`") {
        return;
    }
    let sides = loaded("clientfrozen", 2000).await.unwrap();
    let source = Proxy::start(sides.old.url()).unwrap();
    let old = format!("{}\ntimeout = \"2s\"", urls(&[&source.url()]));
    let daemon = ferry(&sides, &old, &urls(&[sides.new.url()])).unwrap();
    source.freeze();
    fails(&daemon, &["run", "--once"], 5, &["error[timeout]", "cluster `old`", "no answer in time", "hint:"])
        .unwrap();

    let waits = |status: &Value| {
        standing(status) == "waiting"
            && reason(status).contains("no answer in time")
            && (reason(status).contains("`old`") || reason(status).contains("source"))
    };
    let running = daemon.start(&[]).unwrap();
    daemon.until(PATIENCE, waits).unwrap();
    let gate = Gate::new();
    source.rule(Rule::on_pages().skip(5).hold(&gate));
    source.serve();
    assert!(gate.wait_held(1, PATIENCE), "{}", daemon.log());
    daemon.until(PATIENCE, |status| phase(status) == "copying").unwrap();
    source.freeze();
    gate.release();
    daemon.until(PATIENCE, waits).unwrap();
    source.clear_rules();
    source.serve();
    let status = daemon.until(PATIENCE, |status| phase(status) == "ready").unwrap();
    assert_eq!(standing(&status), "running", "{status:#}");
    same(&sides, 2000).await.unwrap();
    drop(running);
}

#[tokio::test]
async fn a_cluster_that_has_not_recovered_its_state_has_lost_no_index() {
    if !esferry_lab::wanted("a cluster right after a full restart") {
        return;
    }
    let sides = loaded("clientrestart", 1000).await.unwrap();
    let (source, target) = (Proxy::start(sides.old.url()).unwrap(), Proxy::start(sides.new.url()).unwrap());
    let daemon = ferry(&sides, &urls(&[&source.url()]), &urls(&[&target.url()])).unwrap();
    killed_in_the_middle(&daemon, &source).unwrap();
    let recovering = |body: Bytes| {
        let mut state: Value = serde_json::from_slice(&body).unwrap();
        state["metadata"]["indices"] = serde_json::json!({});
        state["blocks"] = serde_json::json!({"global": {"1": {
            "description": "state not recovered / initialized", "retryable": true,
            "disable_state_persistence": true, "levels": ["read", "write", "metadata"]
        }}});
        Bytes::from(state.to_string())
    };
    for (name, side) in [("old", &source), ("new", &target)] {
        side.rule(Rule::any().when(|seen| seen.path.starts_with("/_cluster/state")).rewrite(recovering));
        let named = format!("cluster `{name}`");
        fails(&daemon, &["run", "--once"], 5, &[&named, "has not recovered its state yet", "hint:"]).unwrap();
        side.clear_rules();
    }
    let mut running = daemon.start(&["--once"]).unwrap();
    arrives(&sides, &daemon, &mut running, 1000).await.unwrap();
}

#[tokio::test]
async fn requests_to_the_target_are_compressed_where_it_is_asked_for() {
    if !esferry_lab::wanted("gzip to 6.8") {
        return;
    }
    let sides = loaded("clientgzip", 3000).await.unwrap();
    let target = Proxy::start(sides.new.url()).unwrap();
    let new = format!("{}\ngzip = true", urls(&[&target.url()]));
    let daemon = ferry(&sides, &urls(&[sides.old.url()]), &new).unwrap();
    sides.carry(&daemon, "from", "to").await.unwrap();
    let requests = target.requests();
    for request in &requests {
        let accepted = request.header("accept-encoding").unwrap_or_default();
        assert!(accepted.contains("gzip"), "{} {} accepts {accepted:?}", request.method, request.path);
        let compressed = request.header("content-encoding") == Some("gzip");
        assert_eq!(compressed, request.body_size > 0, "{} {}", request.method, request.path);
    }
    let bulks: Vec<_> = requests.iter().filter(|request| request.is_bulk()).collect();
    let (sent, plain) =
        bulks.iter().fold((0, 0), |(sent, plain), bulk| (sent + bulk.body_size, plain + bulk.body.len()));
    assert!(sent > 0 && sent * 3 < plain, "{sent} of {plain} bytes");
}

#[tokio::test]
async fn compression_is_refused_where_the_server_would_close_the_connection() {
    if !esferry_lab::wanted("gzip to 1.7") {
        return;
    }
    let sides = loaded("clientnozip", 10).await.unwrap();
    let old = format!("{}\ngzip = true", urls(&[sides.old.url()]));
    let daemon = ferry(&sides, &old, &urls(&[sides.new.url()])).unwrap();
    let words = ["error[gzip]", "clusters.old.gzip", "1.7.6", "hint:", "gzip = true"];
    fails(&daemon, &["run", "--once"], 2, &words).unwrap();
    let output = daemon.output(&["check", "--json"]).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let lines: Value = serde_json::from_slice(&output.stdout).unwrap();
    let failed = lines.as_array().unwrap().iter().any(|line| {
        text(line, "/level") == "fail"
            && text(line, "/message").contains("gzip")
            && !text(line, "/hint").is_empty()
    });
    assert!(failed, "{lines:#}");
}

#[tokio::test]
async fn a_cluster_that_is_not_well_at_a_start_is_not_taken_for_another_one() {
    if !esferry_lab::wanted("a cluster that does not say who it is") {
        return;
    }
    let sides = loaded("clientunwell", 1500).await.unwrap();
    let (source, target) = (Proxy::start(sides.old.url()).unwrap(), Proxy::start(sides.new.url()).unwrap());
    let daemon = ferry(&sides, &urls(&[&source.url()]), &urls(&[&target.url()])).unwrap();
    killed_in_the_middle(&daemon, &source).unwrap();
    for (name, side) in [("old", &source), ("new", &target)] {
        let named = format!("cluster `{name}`");
        for path in ["/", "/_nodes/http"] {
            side.rule(Rule::any().when(move |seen| seen.path == path).status(503));
            fails(&daemon, &["run", "--once"], 5, &["error[overloaded]", &named, "hint:"]).unwrap();
            side.clear_rules();
            side.rule(Rule::any().when(move |seen| seen.path == path).drop_before());
            fails(&daemon, &["run", "--once"], 5, &["error[connection]", &named, "hint:"]).unwrap();
            side.clear_rules();
            side.rule(Rule::any().when(move |seen| seen.path == path).truncate_at(50));
            fails(&daemon, &["run", "--once"], 5, &["error[unintelligible]", &named, "hint:"]).unwrap();
            side.clear_rules();
        }
    }
    let without_uuid = |body: Bytes| {
        let mut root: Value = serde_json::from_slice(&body).unwrap();
        assert!(root["cluster_uuid"].is_string(), "{root}");
        root["cluster_uuid"] = "_na_".into();
        Bytes::from(root.to_string())
    };
    target.rule(Rule::any().when(|seen| seen.path == "/").rewrite(without_uuid));
    fails(&daemon, &["run", "--once"], 5, &["error[no_master]", "cluster `new`", "hint:"]).unwrap();
    target.clear_rules();
    let mut running = daemon.start(&["--once"]).unwrap();
    arrives(&sides, &daemon, &mut running, 1500).await.unwrap();
}
