//! Hooks as real processes and real requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use serde_json::{Value, json};

use super::*;
use crate::config::{CommandHook, HttpHook, HttpMethod, Span};

fn told(hook: HookName) -> HookCall {
    let side =
        |cluster: &str| Side { cluster: cluster.to_owned(), urls: vec![format!("http://{cluster}:9200")] };
    HookCall {
        hook,
        migration: "alerts".to_owned(),
        alias: Some("front".to_owned()),
        indices: vec!["a".to_owned(), "b".to_owned()],
        source: side("old"),
        target: side("new"),
        rehearsal: false,
    }
}

fn shell(script: &str, timeout: Duration) -> Hook {
    let command = ["/bin/sh", "-c", script].map(ToOwned::to_owned).to_vec();
    Hook::Command(CommandHook { command, timeout: Span(timeout) })
}

async fn called(hook: &Hook) -> HookAnswer {
    call(hook, &told(HookName::After), &Redaction::default()).await.unwrap()
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_command_is_told_what_it_is_for() {
    // Whoever runs the tests may have variables of his own.
    let ours = "env | grep -E '^ESFERRY_(HOOK|MIGRATION|ALIAS|INDICES|SOURCE|TARGET|REHEARSAL)' | sort; echo done >&2";
    let answer = called(&shell(ours, LONG)).await;
    assert!(answer.succeeded, "{answer:?}");
    let said: Vec<&str> = answer.answer.lines().filter(|line| line.starts_with("ESFERRY_")).collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    ESFERRY_ALIAS=front
    ESFERRY_HOOK=after
    ESFERRY_INDICES=a,b
    ESFERRY_MIGRATION=alerts
    ESFERRY_REHEARSAL=0
    ESFERRY_SOURCE_CLUSTER=old
    ESFERRY_SOURCE_URLS=http://old:9200
    ESFERRY_TARGET_CLUSTER=new
    ESFERRY_TARGET_URLS=http://new:9200
    ");
    assert!(answer.answer.contains("done"), "{answer:?}");
}

#[tokio::test]
async fn a_command_that_fails_is_an_answer_with_its_words() {
    let answer = called(&shell("echo no such upstream >&2; exit 3", LONG)).await;
    assert!(!answer.succeeded);
    let error = answer.into_error();
    insta::assert_snapshot!(error.to_string(), @"hook `after` failed (exit code 3); it said: no such upstream");
    let missing = Hook::Command(CommandHook { command: vec!["/no/such".to_owned()], timeout: Span(LONG) });
    assert!(called(&missing).await.ended.starts_with("/no/such cannot be run"));
    assert_eq!(stands(&missing, HookName::Before).unwrap_err().code(), "hook_missing");
    assert!(stands(&shell("", LONG), HookName::Before).is_ok());
}

#[tokio::test]
async fn a_command_that_hangs_is_ended_with_all_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("survived");
    let script =
        format!("trap '' TERM; (trap '' TERM; sleep 4; touch {}) & echo waiting; sleep 60", mark.display());
    let answer = called(&shell(&script, Duration::from_millis(300))).await;
    assert_eq!((answer.succeeded, answer.ended.as_str()), (false, "killed after 300ms"));
    assert_eq!(answer.answer, "waiting");
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(!mark.exists());
}

#[tokio::test]
async fn what_a_command_leaves_running_does_not_hold_the_switch() {
    let answer = called(&shell("sleep 20 & echo started", LONG)).await;
    assert!(answer.succeeded && answer.took_ms < 15_000, "{answer:?}");
}

#[tokio::test]
async fn much_output_is_read_and_cut() {
    let answer = called(&shell("head -c 3000000 /dev/zero | tr '\\0' x", LONG)).await;
    assert!(answer.succeeded && answer.answer.len() < 5000, "{}", answer.answer.len());
}

async fn server(
    fails: u32,
    status: StatusCode,
) -> (String, Arc<AtomicU32>, Arc<std::sync::Mutex<Vec<Value>>>) {
    let asked = Arc::new(AtomicU32::new(0));
    let bodies = Arc::new(std::sync::Mutex::new(Vec::new()));
    let (count, kept) = (asked.clone(), bodies.clone());
    let answer = move |body: String| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        kept.lock().unwrap().push(serde_json::from_str(&body).unwrap());
        async move { if number < fails { (status, "not yet") } else { (StatusCode::OK, "moved") } }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/key", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/key", any(answer))).await });
    (url, asked, bodies)
}

fn request(url: &str, body: Option<Value>) -> Hook {
    Hook::Http(HttpHook {
        url: url.to_owned(),
        method: HttpMethod::Put,
        body,
        auth: None,
        timeout: Span(Duration::from_secs(10)),
    })
}

#[tokio::test]
async fn a_request_is_sent_again_while_the_server_cannot() {
    let (url, asked, bodies) = server(2, StatusCode::SERVICE_UNAVAILABLE).await;
    let body = json!({"key": "es", "value": ["{target} of {migration}", {"b": "{target_base64}"}]});
    let answer = called(&request(&url, Some(body))).await;
    assert!(answer.succeeded, "{answer:?}");
    assert_eq!((answer.ended.as_str(), answer.attempts, answer.answer.as_str()), ("HTTP 200", 3, "moved"));
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    let sent = bodies.lock().unwrap()[0].clone();
    assert_eq!(
        sent,
        json!({"key": "es", "value": ["http://new:9200 of alerts", {"b": "aHR0cDovL25ldzo5MjAw"}]})
    );
}

#[tokio::test]
async fn a_refusal_is_not_asked_again() {
    let (url, asked, bodies) = server(9, StatusCode::FORBIDDEN).await;
    let answer = called(&request(&url, None)).await;
    assert_eq!(
        (answer.succeeded, answer.ended.as_str(), asked.load(Ordering::SeqCst)),
        (false, "HTTP 403", 1)
    );
    assert_eq!(bodies.lock().unwrap()[0]["target"]["urls"], json!(["http://new:9200"]));
}

#[tokio::test]
async fn nobody_there_is_told_after_the_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let Hook::Http(hook) = request(&url, None) else { unreachable!() };
    let answer = called(&Hook::Http(HttpHook { timeout: Span(Duration::from_millis(900)), ..hook })).await;
    assert!(!answer.succeeded && answer.attempts > 1, "{answer:?}");
}

/// The blocks of one language in docs/hooks.md.
fn blocks(language: &str) -> Vec<String> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/hooks.md")).unwrap();
    let mut blocks = Vec::new();
    for block in page.split("\n```").skip(1).step_by(2) {
        blocks.extend(block.strip_prefix(language).map(|text| text.trim().to_owned()));
    }
    blocks
}

#[test]
fn the_page_tells_what_hooks_are_told() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/hooks.md")).unwrap();
    let call = told(HookName::After);
    for (variable, value) in command::environment(&call) {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{variable}` |")));
        assert!(
            row.is_some_and(|row| row.ends_with(&format!("| `{value}` |"))),
            "{variable}={value}: {row:?}"
        );
    }
    let shown: Vec<Value> = blocks("json").iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    assert_eq!(shown, [json!(call)]);
}

#[test]
fn the_examples_of_the_page_are_configurations() {
    let shipped = include_str!("../../../packaging/hooks/etcd-key.toml");
    let examples = blocks("toml");
    assert_eq!(examples.len(), 4);
    assert!(
        examples.iter().any(|example| shipped.trim_end().ends_with(example)),
        "the page shows another etcd-key.toml"
    );
    for example in examples.iter().map(String::as_str).chain([shipped]) {
        let around = "[clusters.old]\nurls = [\"http://old:9200\"]\n[clusters.new]\nurls = [\"http://new:9200\"]\n\
                      [migrations.alerts]\nfrom = { cluster = \"old\", indices = [\"a\"] }\nto = { cluster = \"new\" }\n";
        let config = crate::config::parse(&format!("{around}{example}"), "docs/hooks.md").unwrap();
        let hooks = &config.migration("alerts").unwrap().cutover.hooks;
        assert!(hooks.after.is_some(), "{example}");
    }
}
