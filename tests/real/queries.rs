//! Searches written for 1.7 find on 6.8, once they are rewritten, what they found on 1.7.

mod answers;
mod compared;
mod documents;
mod families;
mod keys;
mod known;
mod limits;
mod searches;

use anyhow::{Context as _, Result, ensure};
use esferry::cluster::dialect::Version;
use esferry::schema::query::{Context, Rewritten, rewrite_filter, rewrite_search};
use esferry_lab::Endpoint;
use serde_json::{Value, json};

use esferry::schema::report::{Report, Severity};

use crate::daemon::Daemon;
use crate::sides::{NAME, Sides, route};
use answers::Answer;

fn between() -> Context {
    Context::new(Version::new(1, 7, 6), Version::new(6, 8, 23))
}

async fn search(side: &Endpoint, index: &str, body: &Value) -> Result<Answer> {
    let answer = side.post(&format!("/{index}/_search"), body).await?;
    ensure!(answer.pointer("/_shards/failed") == Some(&json!(0)), "shards failed: {answer}");
    Answer::of(&answer)
}

/// What both sides answer, and the rewritten search.
async fn both(sides: &Sides, context: &Context, body: &Value) -> Result<(Answer, Answer, Rewritten)> {
    let mut body = body.clone();
    if let Some(parts) = body.as_object_mut() {
        parts.entry("size").or_insert(json!(100));
    }
    let rewritten = rewrite_search(&body, context);
    ensure!(rewritten.refused.is_empty(), "{body}\nis refused: {:?}", rewritten.refused);
    let told = || format!("{body}\nbecame {}", rewritten.body);
    let old = search(&sides.old, &sides.index("from"), &body).await.with_context(told)?;
    let new = search(&sides.new, &sides.index("to"), &rewritten.body).await.with_context(told)?;
    Ok((old, new, rewritten))
}

/// What both sides answer alike; a difference is an error.
async fn same(sides: &Sides, context: &Context, body: &Value) -> Result<Answer> {
    let (old, new, rewritten) = both(sides, context, body).await?;
    let sorted = body.get("sort").is_some();
    ensure!(old.equals(&new, sorted), "{body}\nbecame {}\n1.7: {old:?}\n6.8: {new:?}", rewritten.body);
    Ok(old)
}

fn lines(text: &str) -> impl Iterator<Item = Value> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
}

#[tokio::test]
async fn rewritten_searches_find_the_same_documents_and_buckets() {
    if !esferry_lab::wanted("searches of 1.7, rewritten for 6.8") {
        return;
    }
    let sides = Sides::new("queries").await.unwrap();
    documents::load(&sides).await.unwrap();
    let (mut wrong, mut count, mut selective) = (Vec::new(), 0, 0);
    for body in lines(searches::SEARCHES) {
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

/// Runs those searches that another source takes, and returns how many these are.
async fn taken_by(version: &str, prefix: &'static str) -> Result<usize> {
    let sides = Sides::between(version, "6.8.23", prefix).await?;
    documents::load(&sides).await?;
    let from = version.parse().map_err(anyhow::Error::msg)?;
    let context = Context::new(from, Version::new(6, 8, 23));
    let (mut wrong, mut taken) = (Vec::new(), 0);
    for body in lines(searches::SEARCHES) {
        if search(&sides.old, &sides.index("from"), &body).await.is_err() {
            continue;
        }
        taken += 1;
        if let Err(error) = same(&sides, &context, &body).await {
            wrong.push(format!("{error:#}"));
        }
    }
    ensure!(wrong.is_empty(), "{} of {taken} differ:\n\n{}", wrong.len(), wrong.join("\n\n"));
    Ok(taken)
}

#[tokio::test]
async fn searches_that_2_4_takes_answer_the_same_too() {
    if !esferry_lab::wanted("the same searches of 2.4, rewritten for 6.8") {
        return;
    }
    let taken = taken_by("2.4.6", "queries-from-2").await.unwrap();
    assert!(taken >= 100, "{taken} searches");
}

#[tokio::test]
async fn searches_that_5_6_takes_answer_the_same_too() {
    if !esferry_lab::wanted("the same searches of 5.6, rewritten for 6.8") {
        return;
    }
    let taken = taken_by("5.6.16", "queries-from-5").await.unwrap();
    assert!(taken >= 50, "{taken} searches");
}

#[tokio::test]
async fn a_search_that_answers_something_else_is_reported_as_such() {
    if !esferry_lab::wanted("searches of 1.7 that mean something else on 6.8") {
        return;
    }
    let sides = Sides::new("queries-differ").await.unwrap();
    documents::load(&sides).await.unwrap();
    for body in lines(searches::DIFFERENT) {
        let (old, new, rewritten) = both(&sides, &between(), &body).await.unwrap();
        assert!(!old.equals(&new, false), "{body}\nbecame {}\nand answers the same", rewritten.body);
        assert!(rewritten.report.count(Severity::SearchMayDiffer) > 0, "{body}\n{:?}", rewritten.report);
    }
}

#[tokio::test]
async fn filters_of_aliases_are_taken_and_find_the_same() {
    if !esferry_lab::wanted("filters of aliases of 1.7, rewritten for 6.8") {
        return;
    }
    let sides = Sides::new("query-aliases").await.unwrap();
    documents::load(&sides).await.unwrap();
    let filters = r#"
        {"and": [{"term": {"flag": true, "_cache": true}}, {"missing": {"field": "tag"}}]}
        {"or": {"filters": [{"in": {"tag": ["red"]}}, {"numeric_range": {"n": {"gte": 40}}}]}}
        {"query": {"match": {"title": "red"}}}
        {"fquery": {"query": {"query_string": {"query": "title:dog", "default_field": "title"}}, "_cache": true}}
        {"not": {"nested": {"path": "items", "filter": {"term": {"items.sku": "red"}}}}}
        {"bool": {"must": {"type": {"value": "thing"}}, "must_not": {"ids": {"type": "thing", "values": ["1", "2"]}}}}
    "#;
    for (number, filter) in lines(filters).enumerate() {
        let alias = sides.index(&format!("alias{number}"));
        let add = |index: String, filter: &Value| json!({"actions": [{"add": {"index": index, "alias": alias, "filter": filter}}]});
        let mut report = Report::default();
        let context = between();
        let new = rewrite_filter(&filter, context.from, context.to, "aliases.x.filter", &mut report);
        assert_eq!(report.count(Severity::Lost), 0, "{filter}");
        sides.old.post("/_aliases", &add(sides.index("from"), &filter)).await.unwrap();
        sides.new.post("/_aliases", &add(sides.index("to"), &new)).await.unwrap();
        let (old, new) = (sides.old.count(&alias).await.unwrap(), sides.new.count(&alias).await.unwrap());
        assert_eq!(old, new, "{filter}");
        assert!((1..48).contains(&old), "{filter} finds {old}");
    }
}

#[tokio::test]
async fn the_command_asks_the_clusters_for_their_versions() {
    if !esferry_lab::wanted("esferry query between 1.7 and 6.8, and between 6.8 and itself") {
        return;
    }
    let sides = Sides::new("query-command").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("query.json");
    let search = json!({"aggs": {"n": {"histogram": {"field": "n", "interval": 5}}}});
    std::fs::write(&file, search.to_string()).unwrap();
    let line = ["query", NAME, file.to_str().unwrap()];
    let body = |output: std::process::Output| serde_json::from_slice::<Value>(&output.stdout).unwrap();
    let old = sides.ferry("from", "to", "").unwrap();
    assert_eq!(body(old.output(&line).unwrap())["aggs"]["n"]["histogram"]["min_doc_count"], 1);
    let route = route("a", "b", "");
    let new = Daemon::new(sides.new.url(), sides.new.url(), NAME, &route).unwrap();
    assert_eq!(body(new.output(&line).unwrap()), search);
}
