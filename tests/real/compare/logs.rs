//! The slow log of a real 1.7 becomes searches that can be compared.

use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use esferry_lab::Servers;
use serde_json::{Value, json};

use super::{compare, migrated};
use crate::daemon::Daemon;
use crate::scene::PATIENCE;

/// Lines of the shared 1.7's slow log about an index.
async fn slow_log(index: &str) -> Result<String> {
    let servers = Servers::shared(&["1.7.6"]).await?;
    let server = servers.servers.iter().find(|server| server.version == "1.7.6").context("no 1.7.6")?;
    let mut text = String::new();
    for entry in std::fs::read_dir(server.home.join("logs"))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with("_index_search_slowlog.log") {
            text.push_str(&std::fs::read_to_string(path)?);
        }
    }
    let of_index = format!("[{index}][");
    Ok(text.lines().filter(|line| line.contains(&of_index)).map(|line| format!("{line}\n")).collect())
}

fn import(daemon: &Daemon, log: &str) -> Result<(Vec<Value>, String)> {
    let mut command = daemon.command(&["compare", "import", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().context("no stdin")?.write_all(log.as_bytes())?;
    let output = child.wait_with_output()?;
    let lines = String::from_utf8(output.stdout)?;
    let searches = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok((searches, String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[tokio::test]
async fn a_slow_log_of_1_7_is_imported_and_compared() {
    if !esferry_lab::wanted("the slow log of a real 1.7") {
        return;
    }
    let (sides, daemon) = migrated("compare-slow").await.unwrap();
    let index = sides.index("from");
    let threshold = json!({"index.search.slowlog.threshold.query.warn": "0s"});
    sides.old.put(&format!("/{index}/_settings"), &threshold).await.unwrap();
    // Three that differ, one of them twice, one by the URL alone. Both shards log each.
    let body = json!({"query": {"match": {"title": "red ] } source[x] \"fox\""}}, "sort": ["n"], "size": 7});
    let counted = json!({"aggs": {"t": {"terms": {"field": "tag"}}}});
    sides.old.post(&format!("/{index}/_search"), &body).await.unwrap();
    sides.old.post(&format!("/{index}/_search"), &body).await.unwrap();
    sides.old.post(&format!("/{index}/thing/_search?search_type=count"), &counted).await.unwrap();
    sides.old.get(&format!("/{index}/_search?q=tag:fox&size=4&sort=n:desc")).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let log = loop {
        let log = slow_log(&index).await.unwrap();
        if log.lines().count() >= 8 {
            break log;
        }
        assert!(Instant::now() < deadline, "the slow log says no more than\n{log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let cut = log.lines().next().unwrap();
    let cut = format!("{}\n", &cut[..cut.len() / 2]);
    let (searches, told) = import(&daemon, &format!("{log}{cut}")).unwrap();
    assert_eq!(searches.len(), 3, "{searches:#?}\n{told}");
    let last = log.lines().count() + 1;
    assert!(told.contains(&format!("not taken, 1 line: cut by the log (number {last})")), "{told}");
    assert!(searches.iter().any(|search| search["body"] == body), "{searches:#?}");
    let compared = compare(&daemon, &searches, &[]).unwrap();
    assert_eq!((compared.code, compared.with("same").len()), (0, 3), "{}", compared.told());
}
