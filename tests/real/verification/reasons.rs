//! Why a document differs, where that is known: the list of failures, accepted ones, fields that the target leaves out.

use anyhow::{Result, ensure};
use esferry_lab::data::Document;
use esferry_lab::{Proxy, Rule};
use reqwest::Method;
use serde_json::json;

use super::verify;
use crate::daemon::Daemon;
use crate::sides::{NAME, Sides, route};

async fn failures() -> Result<()> {
    let sides = Sides::new("verify-failed").await?;
    let documents = (0..100).map(|n| {
        // 1.7 takes any word for a boolean, 6.8 does not.
        let open = if n == 7 { json!("on") } else { json!(true) };
        Document::new(n.to_string(), json!({"n": n, "open": open}).to_string())
    });
    let mapping = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0},
        "mappings": {"thing": {"properties": {"open": {"type": "boolean"}}}}});
    sides.create(&sides.old, "from", &mapping).await?;
    sides.load(&sides.old, "from", documents).await?;
    let daemon = sides.ferry("from", "to", "max_failure_ratio = 1.0")?;
    let (code, log) = daemon.run_once()?;
    ensure!(code == 4, "exit code {code}\n{log}");
    let told = |level: &str| -> Result<(i32, String, bool)> {
        let found = verify(&daemon, &["--level", level])?;
        ensure!(found.differences.len() == 1, "{:#?}", found.differences);
        let line = &found.differences[0];
        ensure!(line["id"] == json!("7") && line["kind"] == json!("missing"), "{line:#}");
        Ok((
            found.code,
            line["reason"].as_str().unwrap_or_default().to_owned(),
            line["accepted"] == json!(true),
        ))
    };
    for level in ["ids", "content"] {
        ensure!(told(level)? == (4, "failure".to_owned(), false), "{:?}", told(level)?);
    }
    let accepted = daemon.output(&[
        "failures",
        "accept",
        NAME,
        "--type",
        "mapper_parsing_exception",
        "--note",
        "a test",
    ])?;
    ensure!(accepted.status.success(), "{accepted:?}");
    for level in ["ids", "content"] {
        ensure!(told(level)? == (0, "accepted_failure".to_owned(), true), "{:?}", told(level)?);
    }
    Ok(())
}

#[tokio::test]
async fn documents_of_the_failure_list_are_told_as_such() {
    if esferry_lab::wanted("a verification with failures, and with accepted ones") {
        failures().await.unwrap();
    }
}

/// No target that leaves fields out is written to, so this one only says that it does.
async fn excluded_fields() -> Result<()> {
    let sides = Sides::new("verify-excludes").await?;
    let documents =
        (0..50).map(|n| Document::new(n.to_string(), json!({"n": n, "secret": {"a": n}}).to_string()));
    sides.load(&sides.old, "from", documents).await?;
    let (from, to) = (sides.index("from"), sides.index("to"));
    let proxy = Proxy::start(sides.new.url())?;
    let daemon = Daemon::new(sides.old.url(), &proxy.url(), NAME, &route(&from, &to, ""))?;
    let (code, log) = daemon.run_once()?;
    ensure!(code == 0, "exit code {code}\n{log}");
    ensure!(verify(&daemon, &["--level", "content"])?.code == 0);
    sides.new.put(&format!("/{to}/_doc/3?refresh=true"), &json!({"n": 3})).await?;
    sides.new.put(&format!("/{to}/_doc/4?refresh=true"), &json!({"n": 5, "secret": {"a": 4}})).await?;
    proxy.rule(Rule::on(Method::GET, "/_cluster/state").rewrite(|body| {
        let state = String::from_utf8_lossy(&body).into_owned();
        state.replace(r#""_doc":{"#, r#""_doc":{"_source":{"excludes":["secret"]},"#).into()
    }));
    let found = verify(&daemon, &["--level", "content"])?;
    let reason = |id: &str| {
        found.differences.iter().find(|line| line["id"] == json!(id)).map(|line| line["reason"].clone())
    };
    ensure!(found.differences.len() == 2, "{:#?}", found.differences);
    ensure!(reason("3") == Some(json!("source_excludes")), "{:#?}", found.differences);
    ensure!(reason("4") == Some(json!("changed_on_target")), "{:#?}", found.differences);
    Ok(())
}

#[tokio::test]
async fn fields_that_the_target_leaves_out_are_told_as_such() {
    if esferry_lab::wanted("a verification of a target that leaves fields out") {
        excluded_fields().await.unwrap();
    }
}
