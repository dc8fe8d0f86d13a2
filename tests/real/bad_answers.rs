//! Servers that answer something else than a server does: pages for people, nothing, other numbers, other documents. It
//! is waited out with its words in the status, or ends in an error that names cluster and question; nothing of it counts.

mod copying;
mod identity;
mod large;
mod questions;
mod source;
mod target;

use anyhow::{Result, ensure};
use esferry::config::ClusterConfig;
use esferry_lab::{Proxy, Rule};
use serde_json::{Value, json};

use crate::scene::Scene;
use crate::sides::number;

/// What is made of an answer.
type Fault = fn(Rule) -> Rule;

/// The configuration of the cluster behind a proxy.
fn behind(proxy: &Proxy) -> Result<ClusterConfig> {
    Ok(serde_json::from_value(json!({"urls": [proxy.url()]}))?)
}

/// Nothing that came with a bad answer counts, neither as read nor as written.
fn nothing_is_settled(status: &Value) -> Result<()> {
    for place in ["/counts/read", "/counts/written", "/counts/present", "/docs_settled"] {
        ensure!(number(status, place) == 0, "{place}: {status:#}");
    }
    Ok(())
}

/// Waits until the status tells these words, and nothing is settled.
fn stands_still(scene: &Scene, words: &[&str]) -> Result<()> {
    nothing_is_settled(&scene.waits_for(words)?)
}
