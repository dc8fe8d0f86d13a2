//! Searches written for 1.7 find on 6.8, once they are rewritten, what they found on 1.7.

mod answers;
mod documents;
mod keys;
mod known;
mod searches;

use anyhow::{Context as _, Result, ensure};
use esferry::cluster::dialect::Version;
use esferry::schema::query::{Context, rewrite_search};
use esferry_lab::Endpoint;
use serde_json::{Value, json};

use crate::sides::Sides;
use answers::Answer;

fn between() -> Context {
    Context::new(Version::new(1, 7, 6), Version::new(6, 8, 23))
}

async fn search(side: &Endpoint, index: &str, body: &Value) -> Result<Answer> {
    let answer = side.post(&format!("/{index}/_search"), body).await?;
    ensure!(answer.pointer("/_shards/failed") == Some(&json!(0)), "shards failed: {answer}");
    Answer::of(&answer)
}

/// Runs a search on both sides, and returns what both answer; a difference is an error.
async fn same(sides: &Sides, context: &Context, body: &Value) -> Result<Answer> {
    let mut body = body.clone();
    if let Some(parts) = body.as_object_mut() {
        parts.entry("size").or_insert(json!(100));
    }
    let rewritten = rewrite_search(&body, context);
    ensure!(rewritten.refused.is_empty(), "{body}\nis refused: {:?}", rewritten.refused);
    let told = || format!("{body}\nbecame {}", rewritten.body);
    let old = search(&sides.old, &sides.index("from"), &body).await.with_context(told)?;
    let new = search(&sides.new, &sides.index("to"), &rewritten.body).await.with_context(told)?;
    let sorted = body.get("sort").is_some();
    ensure!(old.equals(&new, sorted), "{}\n1.7: {old:?}\n6.8: {new:?}", told());
    Ok(old)
}

#[tokio::test]
async fn rewritten_searches_find_the_same_documents_and_buckets() {
    if !esferry_lab::wanted("searches of 1.7, rewritten for 6.8") {
        return;
    }
    let sides = Sides::new("queries").await.unwrap();
    documents::load(&sides).await.unwrap();
    let (mut wrong, mut count, mut selective) = (Vec::new(), 0, 0);
    for line in searches::SEARCHES.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let body: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        count += 1;
        match same(&sides, &between(), &body).await {
            Ok(answer) => selective += u32::from(answer.is_selective(48)),
            Err(error) => wrong.push(format!("{error:#}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {count} differ:\n\n{}", wrong.len(), wrong.join("\n\n"));
    assert!(count >= 40, "{count} searches");
    assert!(selective * 4 >= count * 3, "only {selective} of {count} find some and not all documents");
}
