//! Whatever is wrong with what esferry is given: one clear error, a hint, and the documented exit code.

mod state;

use std::process::Output;

use anyhow::{Result, ensure};
use bytes::Bytes;
use esferry_lab::data::Document;
use esferry_lab::{Proxy, Rule};
use reqwest::Method;
use serde_json::json;

use crate::daemon::Daemon;
use crate::sides::{NAME, Sides, numbered, route};

/// Demands the exit code, exactly one error on stderr with this code and these words, and a hint.
pub fn refused(output: &Output, exit: i32, code: &str, words: &[&str]) -> Result<()> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.code() == Some(exit), "exit code {:?}, not {exit}\n{stderr}", output.status.code());
    let errors = stderr.lines().filter(|line| line.starts_with("error[")).count();
    ensure!(errors == 1, "{errors} errors are told\n{stderr}");
    ensure!(stderr.contains(&format!("error[{code}]: ")), "it is not {code}\n{stderr}");
    ensure!(stderr.lines().any(|line| line.trim_start().starts_with("hint: ")), "no hint\n{stderr}");
    for word in words {
        ensure!(stderr.contains(word), "{word:?} is not told\n{stderr}");
    }
    ensure!(!stderr.contains("panicked"), "{stderr}");
    Ok(())
}

/// `run --once`, to be refused.
fn run_refused(daemon: &Daemon, exit: i32, code: &str, words: &[&str]) -> Result<()> {
    refused(&daemon.output(&["run", "--once"])?, exit, code, words)
}

/// An address where nobody listens.
pub fn nowhere() -> Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(format!("http://{}", listener.local_addr()?))
}

#[tokio::test]
async fn a_cluster_that_cannot_be_reached() {
    if !esferry_lab::wanted("URLs that lead nowhere") {
        return;
    }
    let sides = Sides::new("bad-nowhere").await.unwrap();
    let (url, index) = (nowhere().unwrap(), sides.index("x"));
    let migration = route(&index, &index, "");
    for (old, new, name) in [(url.as_str(), sides.new.url(), "old"), (sides.old.url(), url.as_str(), "new")] {
        let daemon = Daemon::new(old, new, NAME, &migration).unwrap();
        let words =
            [&format!("cluster `{name}`"), &url, "caused by: ", "check the URL"].map(|word| word.to_owned());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        run_refused(&daemon, 5, "unreachable", &words).unwrap();
        refused(&daemon.output(&["plan"]).unwrap(), 5, "unreachable", &words).unwrap();
    }
    let wrong = Daemon::new("http://no.such.host.invalid:9200", sides.new.url(), NAME, &migration).unwrap();
    run_refused(&wrong, 5, "unreachable", &["no.such.host.invalid"]).unwrap();
}

#[tokio::test]
async fn something_that_is_no_elasticsearch() {
    if !esferry_lab::wanted("URLs of other servers") {
        return;
    }
    let sides = Sides::new("bad-other").await.unwrap();
    let index = sides.index("x");
    for (status, body) in [
        (200, "<html><body>It works!</body></html>"),
        (200, r#"{"couchdb":"Welcome","version":"3.3.3"}"#),
        (200, "[]"),
        (404, "<html>no such page</html>"),
        (302, ""),
    ] {
        let other = Proxy::start(sides.old.url()).unwrap();
        other.rule(Rule::any().answer(status, body));
        let daemon = Daemon::new(&other.url(), sides.new.url(), NAME, &route(&index, &index, "")).unwrap();
        let url = other.url();
        let output = daemon.output(&["run", "--once"]).unwrap();
        let told = refused(&output, 2, "not_elasticsearch", &["cluster `old`", &url]);
        told.unwrap_or_else(|error| panic!("{status} {body}: {error}"));
    }
}

#[tokio::test]
async fn a_password_that_is_wrong_missing_or_written_down() {
    if !esferry_lab::wanted("credentials that the server refuses") {
        return;
    }
    let sides = Sides::new("bad-password").await.unwrap();
    let guarded = Proxy::start(sides.new.url()).unwrap();
    let body = r#"{"error":{"type":"security_exception","reason":"unable to authenticate user [esferry]"},"status":401}"#;
    guarded.rule(Rule::any().answer(401, body));
    let index = sides.index("x");
    sides.load(&sides.old, "x", numbered(2)).await.unwrap();
    let daemon = |auth: &str| {
        Daemon::with_config(&format!(
            "[clusters.old]\nurls = [\"{}\"]\n[clusters.new]\nurls = [\"{}\"]\n{auth}\n[migrations.{NAME}]\n{}\n",
            sides.old.url(),
            guarded.url(),
            route(&index, &index, "")
        ))
        .unwrap()
    };
    let basic = daemon("auth = { username = \"esferry\", password = { env = \"ESFERRY_TEST_PASSWORD\" } }");
    let output = basic.command(&["run", "--once"]).env("ESFERRY_TEST_PASSWORD", "hunter2").output().unwrap();
    refused(&output, 2, "credentials", &["cluster `new`", "unable to authenticate", "check `auth`"]).unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"), "the password is not told");
    let sent = guarded.requests();
    assert!(
        sent.iter()
            .any(|request| request.header("authorization").is_some_and(|value| value.starts_with("Basic ")))
    );
    let output = basic.command(&["run", "--once"]).env_remove("ESFERRY_TEST_PASSWORD").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && stderr.contains("ESFERRY_TEST_PASSWORD"), "{stderr}");
    run_refused(&daemon(""), 2, "credentials", &["cluster `new`"]).unwrap();
    let written = daemon("auth = { username = \"esferry\", password = \"hunter2\" }");
    let output = written.output(&["run", "--once"]).unwrap();
    refused(&output, 2, "plain_secret", &["migrations.toml:5"]).unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("hunter2"), "the password is not told");
}

#[tokio::test]
async fn the_same_index_on_both_sides() {
    if !esferry_lab::wanted("an index that would be copied onto itself") {
        return;
    }
    let sides = Sides::new("bad-same").await.unwrap();
    sides.load(&sides.new, "from", numbered(3)).await.unwrap();
    let index = sides.index("from");
    let same = Daemon::new(sides.new.url(), sides.new.url(), NAME, &route(&index, &index, "")).unwrap();
    run_refused(&same, 2, "same_index", &["copied onto itself", &index]).unwrap();
    assert_eq!(sides.new.count(&index).await.unwrap(), 3);
}

#[tokio::test]
async fn two_sources_for_one_target() {
    if !esferry_lab::wanted("two indices that would go into one") {
        return;
    }
    let sides = Sides::new("bad-merge").await.unwrap();
    for part in ["a", "b"] {
        sides.load(&sides.old, part, numbered(3)).await.unwrap();
    }
    let daemon = sides.daemon(&route("bad-merge_*", "bad-merge_all", "")).unwrap();
    run_refused(&daemon, 2, "same_target", &["bad-merge_a", "bad-merge_b", "bad-merge_all"]).unwrap();
    assert!(sides.new.count("bad-merge_all").await.is_err(), "nothing is made on the target");
}

#[tokio::test]
async fn a_target_that_holds_documents_of_somebody_else() {
    if !esferry_lab::wanted("a target index with foreign documents") {
        return;
    }
    let sides = Sides::new("bad-foreign").await.unwrap();
    sides.load(&sides.old, "from", numbered(50)).await.unwrap();
    let foreign = Document::new("somebody-elses", json!({"n": 7}).to_string());
    sides.load(&sides.new, "to", numbered(5).chain([foreign])).await.unwrap();
    let settings = || sides.new.get("/bad-foreign_to/_settings");
    let before = settings().await.unwrap();
    let daemon = sides.ferry("from", "to", "schema = \"existing\"").unwrap();
    run_refused(&daemon, 2, "foreign_documents", &["bad-foreign_to", "somebody-elses"]).unwrap();
    assert_eq!(sides.new.count("bad-foreign_to").await.unwrap(), 6);
    assert_eq!(settings().await.unwrap(), before, "its settings are as they were");
    // Without them the same command goes on.
    let path = "/bad-foreign_to/_doc/somebody-elses?refresh=true";
    sides.new.send(Method::DELETE, path, "", Bytes::new()).await.unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(sides.equal("from", "to").await.unwrap(), 50);
}

#[tokio::test]
async fn a_closed_target() {
    if !esferry_lab::wanted("a target index that is closed") {
        return;
    }
    let sides = Sides::new("bad-closed").await.unwrap();
    sides.load(&sides.old, "from", numbered(3)).await.unwrap();
    let to = sides.create(&sides.new, "to", &json!({})).await.unwrap();
    sides.new.post(&format!("/{to}/_close"), &json!({})).await.unwrap();
    let daemon = sides.ferry("from", "to", "schema = \"existing\"").unwrap();
    run_refused(&daemon, 2, "index_closed", &[&to, "is closed", &format!("POST /{to}/_open")]).unwrap();
}

#[test]
fn words_that_the_configuration_does_not_know() {
    if !esferry_lab::wanted("unknown keys and values, by the binary") {
        return;
    }
    let run = |migration: &str, exit, code: &str, words: &[&str]| {
        let daemon = Daemon::new("http://old:9200", "http://new:9200", NAME, migration).unwrap();
        run_refused(&daemon, exit, code, words).unwrap();
    };
    let good = route("a", "b", "");
    run(
        &format!("{good}slicee = {{ docs = 5 }}"),
        2,
        "unknown_key",
        &["migrations.toml:8:1", "`slicee`", "did you mean `slice`?"],
    );
    run(&format!("{good}slice = {{ doks = 5 }}"), 2, "unknown_key", &["`doks`", "did you mean `docs`?"]);
    run(&format!("{good}slice = {{ strategy = \"uidd\" }}"), 2, "unknown_value", &["did you mean `uid`?"]);
    run(
        &format!("{good}write = {{ mode = \"external_gte\" }}"),
        2,
        "unknown_value",
        &["external_gte", "`external`"],
    );
    run(&good.replace("\"old\"", "\"odl\""), 2, "invalid_value", &["`odl`", "did you mean `old`?"]);
    let missing = Daemon::with_config("").unwrap();
    let output = missing.command(&["run"]).arg("--config").arg("/no/such/file.toml").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
}
