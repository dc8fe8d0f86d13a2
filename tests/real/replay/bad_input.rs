//! Messages that cannot be applied, topics that are not what they were, brokers that do not answer: each is named, and
//! no offset passes what was not settled.

use anyhow::{Context, Result, ensure};
use esferry_lab::kafka::Command;
use esferry_lab::{Endpoint, Topics};
use serde_json::{Value, json};

use super::MAP;
use crate::daemon::Daemon;
use crate::kafka::topics;
use crate::scene::{NAME, PATIENCE, old_and_new, phase};

/// An index of fifty documents, and a topic beside it that nobody has written to but the test.
pub struct Quiet {
    pub old: Endpoint,
    pub new: Endpoint,
    pub topics: Topics,
    pub name: String,
    pub daemon: Daemon,
}

impl Quiet {
    async fn new(name: &str, rules: &str) -> Result<Quiet> {
        let topics = topics().await?;
        topics.create(name, 1).await?;
        Self::beside(topics, name, rules).await
    }

    pub async fn beside(topics: Topics, name: &str, rules: &str) -> Result<Quiet> {
        let (old, new) = old_and_new().await?;
        old.recreate_index(name, &json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}}))
            .await?;
        new.delete_index(name).await?;
        for n in 0..50 {
            let path = format!("/{name}/alert/a{n}?version={}&version_type=external", n + 1);
            old.put(&path, &json!({"n": n})).await?;
        }
        old.refresh(name).await?;
        let daemon = Daemon::with_config(&format!(
            "[clusters.old]\nurls = [\"{}\"]\n[clusters.new]\nurls = [\"{}\"]\n[migrations.{NAME}]\n\
             from = {{ cluster = \"old\", indices = [\"{name}\"] }}\nto = {{ cluster = \"new\" }}\n\
             [migrations.{NAME}.changes.kafka]\nbrokers = [\"{}\"]\ntopic = \"{name}\"\n{rules}\n",
            old.url(),
            new.url(),
            topics.address()
        ))?;
        Ok(Quiet { old, new, topics, name: name.to_owned(), daemon })
    }

    async fn send(&self, payloads: &[String]) -> Result<()> {
        let commands: Vec<Command> = payloads.iter().map(|payload| Command::new("k", payload)).collect();
        self.topics.sender(&self.name)?.send_all(&commands).await
    }

    fn refused(&self, code: i32, words: &[&str]) -> Result<()> {
        let (exit, log) = self.daemon.run_once()?;
        ensure!(exit == code && words.iter().all(|word| log.contains(word)), "exit code {exit}:\n{log}");
        Ok(())
    }

    pub async fn document(&self, id: &str) -> Result<Value> {
        self.new.get(&format!("/{}/_all/{id}", self.name)).await
    }

    pub async fn clear(self) -> Result<()> {
        self.topics.delete(&self.name).await?;
        self.new.delete_index(&self.name).await?;
        self.old.delete_index(&self.name).await
    }
}

fn by_message() -> String {
    format!("version = \"message\"\nmap = '{MAP}'")
}

fn command(op: &str, id: &str, version: u64, body: Value) -> String {
    json!({"op": op, "id": id, "version": version, "body": body}).to_string()
}

async fn poison() -> Result<()> {
    let map = "if . == null then empty elif .index then {op, index, id, version, source: .body} else {op, id, version, source: .body} end";
    let rules = format!("version = \"message\"\nkeep_messages = true\nmap = '{map}'");
    let quiet = Quiet::new("replay-poison", &rules).await?;
    ensure!(quiet.daemon.run_once()?.0 == 0, "{}", quiet.daemon.log());
    let recorded = quiet.daemon.migration()?["changes"]["topic"]["partitions"]["0"].clone();
    ensure!(recorded["recorded"] == json!(0) && recorded["settled"] == json!(0), "{recorded}");
    let long = "x".repeat(600);
    quiet
        .send(&[
            command("index", "a1", 100, json!({"n": 1000})),
            "no JSON".to_owned(),
            command("upsert", "a2", 100, json!({})),
            json!({"op": "index", "index": "elsewhere", "id": "a3", "version": 100, "body": {}}).to_string(),
            command("index", &long, 100, json!({})),
            command("index", "a4", 100, json!({"n": {"an": "object"}})),
            "null".to_owned(),
            command("noop", "a5", 100, json!({})),
            command("delete", "a6", 100, Value::Null),
            command("index", "a7", 2, json!({"n": -1})),
            command("index", "a8", 100, json!({"n": {"an": "object"}})),
        ])
        .await?;
    let mut running = quiet.daemon.start(&[])?;
    let status = quiet.daemon.until(PATIENCE, |status| {
        phase(status) == "ready" && status["changes"]["topic"]["partitions"]["0"]["settled"] == json!(11)
    })?;
    let counts = &status["changes"]["topic"]["counts"];
    let wanted = json!({"read": 11, "applied": 3, "ignored": 2, "failed": 6, "written": 1, "deleted": 1, "unchanged": 1, "deletes_of_nothing": 0});
    ensure!(*counts == wanted, "{counts}");
    let listed = quiet.daemon.output(&["failures", "list", NAME, "--json"])?;
    let mut listed: Vec<Value> =
        serde_json::Deserializer::from_slice(&listed.stdout).into_iter().collect::<Result<_, _>>()?;
    listed.sort_by_key(|failure| failure["message"]["offset"].as_i64());
    let told: Vec<(i64, &str)> = listed
        .iter()
        .map(|failure| {
            let offset = failure["message"]["offset"].as_i64().unwrap_or(-1);
            (offset, failure["error_type"].as_str().unwrap_or_default())
        })
        .collect();
    let wanted = [
        (1, "message_json"),
        (2, "message_operation"),
        (3, "message_index"),
        (4, "message_operation"),
        (5, "mapper_parsing_exception"),
        (10, "mapper_parsing_exception"),
    ];
    ensure!(told == wanted, "{told:?}");
    ensure!(listed[0]["message"]["payload"] == json!("bm8gSlNPTg=="), "{}", listed[0]);
    ensure!(quiet.document("a1").await?["_source"] == json!({"n": 1000}));
    ensure!(quiet.document("a6").await.is_err(), "it is deleted");
    ensure!(quiet.document("a7").await?["_version"] == json!(8), "an older one changes nothing");
    // A later message of the same document mends what an earlier one broke.
    quiet.send(&[command("index", "a4", 101, json!({"n": 4}))]).await?;
    let listed = |status: &Value| {
        let groups = status["failures"].as_array().into_iter().flatten();
        let mut counts = groups.filter(|group| group["error_type"] == json!("mapper_parsing_exception"));
        counts.next().map_or(0, |group| group["count"].as_u64().unwrap_or(0))
    };
    quiet.daemon.until(PATIENCE, |status| listed(status) == 1)?;
    // The other one is read again from the source, which has what the copy brought; messages stay on the list.
    let retried = quiet.daemon.output(&["failures", "retry", NAME])?;
    ensure!(retried.status.code() == Some(4), "{}", String::from_utf8_lossy(&retried.stderr));
    let said = String::from_utf8_lossy(&retried.stderr);
    ensure!(said.contains("4 messages of the topic could not be read"), "{said}");
    let status = quiet.daemon.migration()?;
    let left = status["failures"].as_array().into_iter().flatten();
    let left: u64 = left.filter_map(|group| group["count"].as_u64()).sum();
    ensure!(listed(&status) == 0 && left == 4, "{status:#}");
    running.terminate()?;
    ensure!(running.exit_code(PATIENCE)? == 4, "{}", quiet.daemon.log());
    let after = quiet.daemon.migration()?["changes"]["topic"]["partitions"]["0"]["settled"].clone();
    ensure!(after == json!(12), "it is at {after} without a daemon");
    quiet.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_cannot_be_applied_are_failures_with_their_place() {
    if esferry_lab::wanted("messages that cannot be applied") {
        poison().await.unwrap();
    }
}

async fn cut() -> Result<()> {
    let quiet = Quiet::new("replay-cut", &by_message()).await?;
    quiet.send(&[command("index", "b1", 1, json!({}))]).await?;
    ensure!(quiet.daemon.run_once()?.0 == 0, "{}", quiet.daemon.log());
    let more: Vec<String> = (0..20).map(|n| command("index", &format!("c{n}"), 1, json!({}))).collect();
    quiet.send(&more).await?;
    quiet.topics.cut(&quiet.name, 0, 5).await?;
    let mut running = quiet.daemon.start(&[])?;
    let words = |status: &Value| {
        status["standing"] == json!("failed")
            && status["reason"].as_str().is_some_and(|reason| reason.contains("needed from offset 1 on"))
    };
    let status = quiet.daemon.until(PATIENCE, words)?;
    ensure!(status["changes"]["caught_up"] != json!(true), "{status:#}");
    ensure!(running.exit_code(PATIENCE)? == 3, "{}", quiet.daemon.log());
    ensure!(quiet.daemon.log().contains("offsets_cut"), "{}", quiet.daemon.log());
    quiet.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_that_are_deleted_before_they_were_applied_end_the_replay() {
    if esferry_lab::wanted("retention that cuts needed offsets") {
        cut().await.unwrap();
    }
}

async fn anew() -> Result<()> {
    let topics = topics().await?;
    topics.create("replay-anew", 1).await?;
    topics.sender("replay-anew")?.send(&Command::new("k", command("index", "b1", 1, json!({})))).await?;
    let quiet = Quiet::beside(topics, "replay-anew", &by_message()).await?;
    ensure!(quiet.daemon.run_once()?.0 == 0, "{}", quiet.daemon.log());
    quiet.topics.create(&quiet.name, 1).await?;
    let commands: Vec<String> = (0..5).map(|n| command("index", &format!("c{n}"), 1, json!({}))).collect();
    quiet.send(&commands).await?;
    let mut running = quiet.daemon.start(&[])?;
    ensure!(running.exit_code(PATIENCE)? == 3, "{}", quiet.daemon.log());
    ensure!(quiet.daemon.log().contains("topic_anew"), "{}", quiet.daemon.log());
    ensure!(quiet.document("c1").await.is_err());
    quiet.topics.delete(&quiet.name).await?;
    let mut running = quiet.daemon.start(&[])?;
    ensure!(running.exit_code(PATIENCE)? == 2, "{}", quiet.daemon.log());
    quiet.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_was_made_anew_or_is_gone_is_not_followed() {
    if esferry_lab::wanted("a topic made anew under a replay") {
        anew().await.unwrap();
    }
}

async fn nobody_there() -> Result<()> {
    let quiet = Quiet::new("replay-nobody", &by_message()).await?;
    let config = std::fs::read_to_string(quiet.daemon.config())?;
    std::fs::write(quiet.daemon.config(), config.replace("{op,", "{op,,"))?;
    quiet.refused(2, &["changes.kafka.map: jq, line 1", "{op,,"])?;
    std::fs::write(
        quiet.daemon.config(),
        config.replace("topic = \"replay-nobody\"", "topic = \"replay-nobodys\""),
    )?;
    quiet.refused(2, &["unknown_topic", "no topic `replay-nobodys`"])?;
    std::fs::write(quiet.daemon.config(), config.replace(quiet.topics.address(), "127.0.0.1:1"))?;
    quiet.refused(5, &["kafka_unreachable", "127.0.0.1:1"])?;
    ensure!(
        quiet.new.count(&quiet.name).await.is_err(),
        "nothing was copied before the offsets were recorded"
    );
    std::fs::write(quiet.daemon.config(), config)?;
    let plan = String::from_utf8(quiet.daemon.output(&["plan"])?.stdout)?;
    let line = "changes: topic replay-nobody: replay by version = \"message\", from the offsets 0: 0";
    ensure!(plan.contains(line), "{plan}");
    let check = String::from_utf8(quiet.daemon.output(&["check"])?.stdout)?;
    ensure!(
        check.contains("migrations.move.changes.kafka") && check.contains("from the offsets 0: 0"),
        "{check}"
    );
    ensure!(quiet.daemon.run_once()?.0 == 0, "{}", quiet.daemon.log());
    quiet.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_recorded_offsets_nothing_is_planned() {
    if esferry_lab::wanted("a topic that is not there") {
        nobody_there().await.unwrap();
    }
}

async fn more_partitions() -> Result<()> {
    let quiet = Quiet::new("replay-grown", &by_message()).await?;
    let mut running = quiet.daemon.start(&[])?;
    quiet.daemon.until(PATIENCE, |status| phase(status) == "ready")?;
    quiet.topics.grow(&quiet.name, 3).await?;
    let sender = quiet.topics.sender(&quiet.name)?;
    let mut seen = std::collections::BTreeSet::new();
    for n in 0..60 {
        let id = format!("g{n}");
        let sent = Command::new(&id, command("index", &id, 1, json!({"g": n})));
        seen.insert(sender.send(&sent).await?.0);
    }
    ensure!(seen.len() == 3, "messages went to {seen:?}");
    let all = |status: &Value| {
        status["changes"]["topic"]["counts"]["applied"] == json!(60)
            && status["changes"]["topic"]["partitions"].as_object().is_some_and(|all| all.len() == 3)
    };
    quiet.daemon.until(PATIENCE, all)?;
    for n in 0..60 {
        ensure!(quiet.document(&format!("g{n}")).await?["_source"] == json!({"g": n}));
    }
    running.terminate()?;
    running.exit_code(PATIENCE)?;
    quiet.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_that_come_later_are_read_from_their_first_message() {
    if esferry_lab::wanted("a topic that gets more partitions") {
        more_partitions().await.unwrap();
    }
}

async fn hand_over() -> Result<()> {
    let quiet =
        Quiet::new("replay-handover", "then = \"handover\"\ngroup = \"replay-handover-new\"\nmax_lag = 0")
            .await?;
    quiet.send(&[command("index", "b1", 1, json!({})), command("index", "b2", 1, json!({}))]).await?;
    let (topics, name) = (quiet.topics.clone(), quiet.name.clone());
    ensure!(topics.committed("replay-handover-new", &name).await?.is_empty());
    let mut running = quiet.daemon.start(&[])?;
    quiet.daemon.until(PATIENCE, |status| status["phase"] == json!("ready"))?;
    ensure!(topics.committed("replay-handover-new", &name).await? == [(0, 2)].into());
    quiet.send(&[command("index", "b3", 1, json!({}))]).await?;
    quiet.daemon.until(PATIENCE, |status| {
        status["changes"]["topic"]["lag"] == json!(1) && status["changes"]["caught_up"] == json!(false)
    })?;
    // The new side's indexer begins where the offsets were recorded, and catches up.
    let member = topics.member("replay-handover-new", &name)?;
    let first = tokio::task::spawn_blocking(move || {
        use rdkafka::Message as _;
        use rdkafka::consumer::{CommitMode, Consumer as _};
        for _ in 0..300 {
            if let Some(Ok(message)) = member.poll(std::time::Duration::from_millis(100)) {
                let offset = message.offset();
                member.commit_message(&message, CommitMode::Sync).ok()?;
                return Some(offset);
            }
        }
        None
    });
    let first = first.await?.context("the new indexer reads nothing")?;
    ensure!(first == 2, "it begins at {first}");
    quiet.daemon.until(PATIENCE, |status| {
        status["changes"]["topic"]["lag"] == json!(0) && status["changes"]["caught_up"] == json!(true)
    })?;
    running.terminate()?;
    running.exit_code(PATIENCE)?;
    quiet.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_sides_group_gets_the_recorded_offsets_and_its_lag_is_watched() {
    if esferry_lab::wanted("a hand-over to a consumer group") {
        hand_over().await.unwrap();
    }
}
