//! The team's new indexer writes to the target while esferry copies into it: whoever comes second takes nothing away.

use anyhow::{Result, ensure};
use esferry_lab::compare::{Criteria, compare_by};
use esferry_lab::live::{OldIndexer, Versions, Writer};
use serde_json::json;

use crate::daemon::Daemon;
use crate::kafka::topics;
use crate::scene::{NAME, PATIENCE, old_and_new, phase};

const IDS: u64 = 4000;

/// Both sides have an indexer that applies the same commands; the one of the new side begins with the first of them, in the
/// middle of the copy.
async fn two_indexers(name: &str, versions: Versions, deletes: bool, mode: &str) -> Result<()> {
    let (old, new) = old_and_new().await?;
    let topics = topics().await?;
    topics.create(name, 3).await?;
    old.recreate_index(name, &json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}})).await?;
    new.delete_index(name).await?;
    let groups = [format!("{name}-old"), format!("{name}-new")];
    let before = OldIndexer::start(&topics, name, &groups[0], &old, name, versions)?;
    let writer = Writer::new(topics.sender(name)?, versions, 23, IDS);
    let mut writer = if deletes { writer } else { writer.without_deletes() };
    writer.create_all().await?;
    OldIndexer::catches_up(&topics, name, &groups[0]).await?;
    old.refresh(name).await?;
    let daemon = Daemon::with_config(&format!(
        "[clusters.old]\nurls = [\"{}\"]\n[clusters.new]\nurls = [\"{}\"]\n[migrations.{NAME}]\n\
         from = {{ cluster = \"old\", indices = [\"{name}\"] }}\nto = {{ cluster = \"new\" }}\n\
         slice = {{ docs = 200, page_docs = 50 }}\nwrite = {{ mode = \"{mode}\" }}\n\
         throttle = {{ max_docs_per_second = 500 }}\n",
        old.url(),
        new.url(),
    ))?;
    let writing = writer.go_on(400);
    let mut running = daemon.start(&[])?;
    daemon.until(PATIENCE, |status| {
        phase(status) == "copying" && status["docs_settled"].as_u64().is_some_and(|done| done > 500)
    })?;
    let after = OldIndexer::of_type("_doc", &topics, name, &groups[1], &new, name, versions)?;
    daemon.until(PATIENCE, |status| phase(status) == "ready")?;
    let writer = writing.stop().await?;
    for group in &groups {
        OldIndexer::catches_up(&topics, name, group).await?;
    }
    old.refresh(name).await?;
    new.refresh(name).await?;
    let status = daemon.migration()?;
    ensure!(status["failures"] == json!([]), "{status:#}");
    let criteria = Criteria { versions: versions == Versions::OfCommands, ..Criteria::default() };
    let compared = compare_by((&old, name), (&new, name), criteria).await?;
    ensure!(compared.is_equal(), "{compared}\n{}", daemon.log());
    println!(
        "{name}: {} commands, {} documents the same, {}",
        writer.sent(),
        compared.same,
        status["counts"]
    );
    running.terminate()?;
    running.exit_code(PATIENCE)?;
    before.stop().await?;
    after.stop().await?;
    topics.delete(name).await?;
    new.delete_index(name).await?;
    old.delete_index(name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn external_versions_decide_between_the_copy_and_an_indexer_of_the_new_side() {
    if esferry_lab::wanted("write.mode = external beside a live writer") {
        two_indexers("dual-external", Versions::OfCommands, true, "external").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn create_takes_nothing_away_from_an_indexer_of_the_new_side() {
    if esferry_lab::wanted("write.mode = create beside a live writer") {
        two_indexers("dual-create", Versions::OfTheCluster, false, "create").await.unwrap();
    }
}
