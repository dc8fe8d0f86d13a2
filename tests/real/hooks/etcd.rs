//! A key of etcd that applications watch.

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use esferry::config::parse;
use esferry::cutover::hooks::HookName;
use esferry_lab::servers::Etcd;

use super::called;

const SHIPPED: &str = include_str!("../../../packaging/hooks/etcd-key.toml");
const KEY: &str = "/search/elasticsearch";
const MIGRATION: &str = r#"
[clusters.old]
urls = ["http://es17:9200"]
[clusters.new]
urls = ["http://es68:9200"]
[migrations.alerts]
from = { cluster = "old", indices = ["alerts-*"] }
to = { cluster = "new" }
"#;

async fn watched() -> Result<()> {
    let etcd = Etcd::start().await?;
    let shipped = SHIPPED.replace("http://etcd:2379", etcd.url());
    let config = parse(&format!("{MIGRATION}{shipped}"), "etcd-key.toml")?;
    let hooks = &config.migration("alerts")?.cutover.hooks;
    let mut watch = etcd.watch(&BASE64_STANDARD.encode(KEY)).await?;
    let (after, undo) =
        (hooks.after.as_ref().context("no after")?, hooks.undo_after.as_ref().context("no undo_after")?);
    let (old, new) = ("http://es17:9200", "http://es68:9200");
    // A second call, as after a crash, says the same again.
    for (hook, name, url) in [
        (after, HookName::After, new),
        (after, HookName::After, new),
        (undo, HookName::UndoAfter, old),
        (undo, HookName::UndoAfter, old),
        (after, HookName::After, new),
    ] {
        let answer = called(hook, name, old, new).await?;
        ensure!(answer.succeeded && answer.ended == "HTTP 200", "{answer:?}");
        let value = watch.next().await?;
        ensure!(value == BASE64_STANDARD.encode(url), "{name}: {value}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_watches_a_key_of_etcd_sees_the_new_address_and_the_old_one_again() {
    if esferry_lab::wanted("a key of etcd that is watched") {
        watched().await.unwrap();
    }
}
