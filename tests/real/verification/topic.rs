//! A topic follows the source: what is on its way is no difference, and what somebody else did is one.

use anyhow::{Result, ensure};
use esferry_lab::live::Versions;
use serde_json::json;

use crate::replay::Stage;
use crate::scene::{NAME, PATIENCE, phase};

const MAP: &str =
    "{op, id, routing, version, source: .body} | if .op == \"delete\" then del(.source) else . end";

async fn is_right_behind_a_topic() -> Result<()> {
    let rules = format!("version = \"message\"\nmap = '{MAP}'");
    let (stage, mut writer) = Stage::new("verify-topic", Versions::OfCommands, &rules, "").await?;
    let steady = writer.create_steady(20).await?;
    esferry_lab::live::OldIndexer::catches_up(&stage.topics, "verify-topic", "verify-topic-old").await?;
    stage.old.refresh("verify-topic").await?;
    let running = stage.daemon.start(&[])?;
    stage.daemon.until(PATIENCE, |status| {
        phase(status) == "ready" && status["changes"]["caught_up"] == json!(true)
    })?;
    let writing = writer.go_on(200);
    let clean = super::verify(&stage.daemon, &["--level", "content"])?;
    ensure!(clean.code == 0 && clean.differences.is_empty(), "{:#?}", clean.differences);
    // A document that nobody writes any more is changed behind everybody's back, and one is made that no topic knows.
    let (changed, _) = &steady[1];
    let path = format!("/verify-topic/_doc/{changed}?refresh=true");
    let body = json!({"title": "somebody else"});
    stage.new.put(&path, &body).await?;
    stage.new.put("/verify-topic/_doc/stranger?refresh=true", &body).await?;
    let found = super::verify(&stage.daemon, &["--level", "content"])?;
    let named = found.named()?;
    let expected = [("different", changed.as_str()), ("extra", "stranger")];
    let expected = expected.map(|(kind, id)| (kind.to_owned(), id.to_owned()));
    ensure!(
        found.code == 4 && named == expected.into_iter().collect(),
        "{named:?}\n{:#?}",
        found.differences
    );
    let output = stage.daemon.output(&["verify", NAME, "--last"])?;
    ensure!(String::from_utf8_lossy(&output.stdout).contains("2 differ"), "{output:?}");
    writing.stop().await?;
    running.kill_nine()?;
    stage.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_topic_has_on_its_way_is_no_difference() {
    if esferry_lab::wanted("a verification behind a topic") {
        is_right_behind_a_topic().await.unwrap();
    }
}
