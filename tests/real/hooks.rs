//! The hooks that come along (packaging/hooks), called as a switch calls them, against the real thing.

mod etcd;
mod nginx;

use anyhow::Result;
use esferry::config::Hook;
use esferry::cutover::hooks::{HookAnswer, HookCall, HookName, Redaction, Side, call};

/// Calls a hook of a switch from `source` to `target`.
async fn called(hook: &Hook, name: HookName, source: &str, target: &str) -> Result<HookAnswer> {
    let told = told(name, source, target);
    Ok(call(hook, &told, &Redaction::default()).await?)
}

fn told(hook: HookName, source: &str, target: &str) -> HookCall {
    let side = |cluster: &str, url: &str| Side { cluster: cluster.to_owned(), urls: vec![url.to_owned()] };
    HookCall {
        hook,
        migration: "alerts".to_owned(),
        alias: None,
        indices: vec!["alerts-2016".to_owned()],
        source: side("old", source),
        target: side("new", target),
        rehearsal: false,
    }
}
