//! Sources of other versions: what differs is found by ids and by contents.

use anyhow::Result;

use super::shapes::{Harm, Mutation, harm, names};
use super::verify;
use crate::sides::{Sides, numbered};
use crate::types::done;

async fn proves(old: &str, prefix: &'static str) -> Result<()> {
    let sides = Sides::between(old, "6.8.23", prefix).await?;
    sides.load(&sides.old, "from", numbered(500)).await?;
    let daemon = sides.ferry("from", "to", "slice = { docs = 100 }")?;
    done(&daemon)?;
    for level in ["ids", "content"] {
        anyhow::ensure!(verify(&daemon, &["--level", level])?.code == 0, "not clean at level {level}");
    }
    let to = sides.index("to");
    let mutations: [Mutation<'_>; 3] = [
        (&to, "17", None, Harm::Delete, ("missing", Some("17"))),
        (&to, "400", None, Harm::Change(r#"{"n":401}"#), ("version", Some("400"))),
        (&to, "stranger", None, Harm::Make(r#"{"n":1}"#), ("extra", None)),
    ];
    harm(&sides.new, &mutations).await?;
    names(&verify(&daemon, &["--level", "ids"])?, &mutations)?;
    let [missing, mut changed, extra] = mutations;
    changed.4 = ("different", Some("400"));
    names(&verify(&daemon, &["--level", "content"])?, &[missing, changed, extra])
}

#[tokio::test]
async fn of_a_2_4() {
    if esferry_lab::wanted("a verification of a copy from 2.4") {
        proves("2.4.6", "verify-two").await.unwrap();
    }
}

#[tokio::test]
async fn of_a_5_6() {
    if esferry_lab::wanted("a verification of a copy from 5.6") {
        proves("5.6.16", "verify-five").await.unwrap();
    }
}

/// A source with sequence numbers is not read again either, but for the shard that was written to.
async fn reads_only_what_changed() -> Result<()> {
    let sides = Sides::between("6.8.23", "6.8.23", "verify-again").await?;
    let settings = serde_json::json!({"settings": {"number_of_shards": 3, "number_of_replicas": 0}});
    sides.create(&sides.old, "from", &settings).await?;
    sides.load(&sides.old, "from", numbered(600)).await?;
    let daemon = sides.ferry("from", "to", "slice = { docs = 100 }")?;
    done(&daemon)?;
    let unchanged = |report: &serde_json::Value| report["counts"]["unchanged"].as_u64().unwrap_or(u64::MAX);
    let first = verify(&daemon, &["--level", "content"])?.report;
    anyhow::ensure!(unchanged(&first) == 0, "{first:#}");
    let second = verify(&daemon, &["--level", "content"])?.report;
    anyhow::ensure!(unchanged(&second) == 1200, "both sides are read again: {second:#}");
    // The same change on both sides: each has one shard that has to be read again, and nothing differs.
    for (side, index) in [(&sides.old, sides.index("from")), (&sides.new, sides.index("to"))] {
        side.put(
            &format!("/{index}/_doc/0?version=5&version_type=external&refresh=true"),
            &serde_json::json!({"n": -1}),
        )
        .await?;
    }
    let third = verify(&daemon, &["--level", "content"])?;
    let kept = unchanged(&third.report);
    anyhow::ensure!(
        third.code == 0 && kept > 600 && kept < 1200,
        "{kept} of 1200 were not read: {:#}",
        third.report
    );
    Ok(())
}

#[tokio::test]
async fn shards_that_did_not_change_are_not_read_again() {
    if esferry_lab::wanted("a second verification reads what changed") {
        reads_only_what_changed().await.unwrap();
    }
}
