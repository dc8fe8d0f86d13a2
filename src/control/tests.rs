use std::path::Path;

use futures::TryStreamExt;
use jiff::Timestamp;

use super::*;
use crate::config;
use crate::engine::phase::{Phase, Standing};
use crate::engine::{Engine, RunOptions};
use crate::error::Kind;
use crate::plan::slice::{Cursor, HalfOpen, Slice, SliceId, SliceRange};
use crate::store::records::{Counts, Failure, MigrationRecord, ShardRecord, SliceRecord, SliceState, Tuned};
use crate::store::{Settlement, Store, socket_path};

const CONFIG: &str = "\
[clusters.old]\nurls = [\"http://127.0.0.1:9\"]\n[clusters.new]\nurls = [\"http://127.0.0.1:9\"]\n\
[migrations.alerts]\nfrom = { cluster = \"old\", indices = [\"alerts\"] }\nto = { cluster = \"new\" }\n";

fn failure(id: &str, error_type: &str) -> Failure {
    Failure {
        slice: SliceId { index: 0, shard: 0, number: 0 },
        index: "alerts".to_owned(),
        doc_type: Some("alert".to_owned()),
        id: id.to_owned(),
        routing: None,
        version: Some(1),
        target_id: None,
        target_index: None,
        status: 400,
        error_type: error_type.to_owned(),
        reason: "failed to parse".to_owned(),
        attempts: 1,
        first: Timestamp::UNIX_EPOCH,
        last: Timestamp::UNIX_EPOCH,
        message: None,
    }
}

/// A store with one migration and some failures, as an earlier run left it.
fn left_behind(state: &Path, failures: &[Failure]) {
    let store = Store::open(state).unwrap();
    let config = config::parse(CONFIG, "x").unwrap();
    let record = MigrationRecord {
        name: "alerts".to_owned(),
        phase: Phase::Planned,
        standing: Standing::Running,
        fingerprint: config.migrations["alerts"].fingerprint().0,
        clusters: None,
        created: Timestamp::UNIX_EPOCH,
        copy_started: None,
        copy_finished: None,
        others: Vec::new(),
        planning_ms: 0,
        copying_ms: 0,
        drifted: std::collections::BTreeSet::new(),
        tuned: Tuned::default(),
    };
    store.save_migration(&record).unwrap();
    let id = SliceId { index: 0, shard: 0, number: 0 };
    let docs = failures.len() as u64;
    let slice = Slice { id, range: SliceRange::Uid(HalfOpen::all()), expected_docs: docs };
    let waiting = SliceRecord {
        slice,
        state: SliceState::Waiting,
        counts: Counts::default(),
        attempts: 0,
        dropped: std::collections::BTreeMap::new(),
    };
    let shard = ShardRecord { slices: 1, docs, sliced_docs: docs, writes_meanwhile: 0 };
    store.save_shard("alerts", 0, 0, &shard, &[waiting]).unwrap();
    let counts = Counts { read: docs, rejected: docs, ..Counts::default() };
    let settlement = Settlement {
        slice: id,
        from: Cursor::Start,
        to: None,
        counts,
        failures: failures.to_vec(),
        dropped: std::collections::BTreeMap::new(),
    };
    store.settle("alerts", &settlement).unwrap();
}

async fn daemon(state: &Path) -> (Engine, ControlServer) {
    let mut config = config::parse(CONFIG, "x").unwrap();
    config.state_dir = state.to_owned();
    let engine = Engine::open(config, RunOptions { once: false, accept_drift: false }).await.unwrap();
    let server = ControlServer::start(engine.clone(), state).unwrap();
    (engine, server)
}

#[tokio::test]
async fn without_a_daemon_there_is_no_client() {
    let state = tempfile::tempdir().unwrap();
    assert!(Client::connect(state.path()).unwrap().is_none());
    assert!(Client::connect(&state.path().join("missing")).unwrap().is_none());
}

#[tokio::test]
async fn the_status_is_that_of_the_daemon_and_the_socket_goes_with_it() {
    let state = tempfile::tempdir().unwrap();
    left_behind(state.path(), &[]);
    let (_engine, server) = daemon(state.path()).await;
    let client = Client::connect(state.path()).unwrap().unwrap();
    let document = client.status().await.unwrap();
    assert_eq!(document.version, status::STATUS_VERSION);
    assert_eq!(document.daemon.unwrap().pid, std::process::id());
    assert_eq!(document.migrations[0].name, "alerts");
    assert_eq!(client.migration("alerts").await.unwrap().phase, Phase::Planned);
    server.stop().await;
    assert!(!socket_path(state.path()).exists());
    assert_eq!(client.status().await.unwrap_err().kind(), Kind::Temporary);
}

#[tokio::test]
async fn pause_and_resume_are_stored_before_they_are_answered() {
    let state = tempfile::tempdir().unwrap();
    left_behind(state.path(), &[]);
    let (engine, server) = daemon(state.path()).await;
    let client = Client::connect(state.path()).unwrap().unwrap();
    client.pause("alerts", Some("lunch")).await.unwrap();
    let stored = |engine: &Engine| engine.store().migration("alerts").unwrap().unwrap().standing;
    assert_eq!(stored(&engine), Standing::Paused("lunch".to_owned()));
    let error = client.resume("alerts", Some(SliceId { index: 0, shard: 0, number: 0 })).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string()),
        ("not_set_aside", "slice 0.0.0 is not set aside: it is done".to_owned())
    );
    client.resume("alerts", None).await.unwrap();
    assert_eq!(stored(&engine), Standing::Running);
    client.pause("alerts", None).await.unwrap();
    assert_eq!(stored(&engine), Standing::Paused(BY_OPERATOR.to_owned()));
    server.stop().await;
}

#[tokio::test]
async fn limits_add_up_are_stored_and_are_taken_back_at_once() {
    let state = tempfile::tempdir().unwrap();
    left_behind(state.path(), &[]);
    let (engine, server) = daemon(state.path()).await;
    let client = Client::connect(state.path()).unwrap().unwrap();
    let stored = || engine.store().migration("alerts").unwrap().unwrap().tuned;
    client.tune("alerts", Some(Tuned { bulks: Some(8), ..Tuned::default() })).await.unwrap();
    let more = Tuned { bulks: Some(9), max_docs_per_second: Some(100), ..Tuned::default() };
    let both = Tuned { parallel: Some(3), ..more };
    client.tune("alerts", Some(Tuned { parallel: Some(3), ..Tuned::default() })).await.unwrap();
    assert_eq!(client.tune("alerts", Some(more)).await.unwrap(), both);
    assert_eq!(stored(), both);
    assert_eq!(client.migration("alerts").await.unwrap().tuned, Some(both));
    let error = client.tune("alerts", Some(Tuned { bulks: Some(65), ..Tuned::default() })).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Config, "invalid_value"));
    assert_eq!(stored(), both);
    assert_eq!(client.tune("alerts", None).await.unwrap(), Tuned::default());
    assert_eq!(stored(), Tuned::default());
    assert_eq!(client.migration("alerts").await.unwrap().tuned, None);
    server.stop().await;
}

#[tokio::test]
async fn unknown_migrations_and_addresses_are_errors_with_a_hint() {
    let state = tempfile::tempdir().unwrap();
    left_behind(state.path(), &[]);
    let (_engine, server) = daemon(state.path()).await;
    let client = Client::connect(state.path()).unwrap().unwrap();
    let error = client.pause("alert", None).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Config, "unknown_migration"));
    assert_eq!(error.to_string(), "no migration is named `alert`; did you mean `alerts`?");
    assert_eq!(client.migration("..").await.unwrap_err().code(), "bad_name");
    server.stop().await;
}

#[tokio::test]
async fn failure_records_stream_whole_or_filtered() {
    let state = tempfile::tempdir().unwrap();
    let parsing = (0..3000).map(|n| failure(&format!("p/{n}&é"), "mapper_parsing_exception"));
    let failures: Vec<Failure> = parsing.chain([failure("x", "strict_dynamic_mapping_exception")]).collect();
    left_behind(state.path(), &failures);
    let (_engine, server) = daemon(state.path()).await;
    let client = Client::connect(state.path()).unwrap().unwrap();
    let records = async |wanted: Wanted| -> Vec<Failure> {
        let pieces: Vec<_> =
            client.failure_records("alerts", &wanted).await.unwrap().try_collect().await.unwrap();
        let text = String::from_utf8(pieces.concat()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    assert_eq!(records(Wanted::default()).await.len(), 3001);
    let of_type = Wanted { error_type: Some("strict_dynamic_mapping_exception".to_owned()), id: None };
    assert_eq!(records(of_type).await, [failure("x", "strict_dynamic_mapping_exception")]);
    let one = Wanted { error_type: None, id: Some("p/7&é".to_owned()) };
    assert_eq!(records(one).await, [failure("p/7&é", "mapper_parsing_exception")]);
    let slices: Vec<_> =
        client.slices("alerts", &WantedSlices::default()).await.unwrap().try_collect().await.unwrap();
    assert_eq!(serde_json::from_slice::<SliceRecord>(&slices.concat()).unwrap().state, SliceState::Done);
    let aside = WantedSlices { state: Some(StateName::SetAside) };
    let slices: Vec<_> = client.slices("alerts", &aside).await.unwrap().try_collect().await.unwrap();
    assert!(slices.concat().is_empty());
    let groups = client.failure_groups("alerts").await.unwrap();
    assert_eq!(groups.iter().map(|group| group.count).sum::<u64>(), 3001);
    server.stop().await;
}

#[test]
fn the_documented_json_is_the_document() {
    let page = include_str!("../../docs/status.md");
    let example = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let written: serde_json::Value = serde_json::from_str(example).unwrap();
    let document: status::StatusDocument = serde_json::from_str(example).unwrap();
    assert_eq!(document.version, status::STATUS_VERSION);
    assert_eq!(serde_json::to_value(&document).unwrap(), written);
}
