//! Types in the path of a search: they are indices, or a field, on the target.

use anyhow::{Result, ensure};
use bytes::Bytes;
use esferry_lab::data::action_line;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::compare;
use crate::sides::Sides;

async fn write(sides: &Sides, index: &str, lines: String) -> Result<()> {
    let answer = sides.old.send(Method::POST, &format!("/{index}/_bulk"), "", Bytes::from(lines)).await?;
    ensure!(answer.json()?["errors"] == json!(false), "not loaded");
    sides.old.refresh(index).await
}

fn line(kind: &str, id: &str, parent: Option<&str>, source: &Value) -> String {
    let mut meta = Map::from_iter([("_type".to_owned(), json!(kind)), ("_id".to_owned(), json!(id))]);
    meta.extend(parent.map(|parent| ("parent".to_owned(), json!(parent))));
    format!("{}{source}\n", action_line("index", &meta))
}

/// Cats and dogs that share ids.
async fn zoo(sides: &Sides) -> Result<()> {
    let number = json!({"properties": {"n": {"type": "integer"}}});
    let body = json!({"settings": {"number_of_shards": 2}, "mappings": {"cat": number, "dog": number}});
    let index = sides.create(&sides.old, "from", &body).await?;
    let mut lines = String::new();
    for n in 0..30 {
        lines.push_str(&line("cat", &n.to_string(), None, &json!({"n": n})));
        if n % 2 == 0 {
            lines.push_str(&line("dog", &n.to_string(), None, &json!({"n": n + 100})));
        }
    }
    write(sides, &index, lines).await
}

fn searches(index: &str) -> Vec<Value> {
    let paths = ["cat/_search", "dog/_search", "cat,dog/_search", "_search", "cat/_count", "_count?q=n:4"];
    let search = |path: &&str| {
        let mut search = json!({"name": path, "path": format!("/{index}/{path}")});
        if path.ends_with("_search") {
            search["body"] = json!({"query": {"range": {"n": {"gte": 3}}}, "sort": ["n"], "size": 50});
        }
        search
    };
    paths.iter().map(search).collect()
}

async fn all_the_same(sides: &Sides, more: &str, to: &str) -> Result<()> {
    let daemon = sides.ferry("from", to, more)?;
    let (code, log) = daemon.run_once()?;
    ensure!(code == 0, "{log}");
    let compared = compare(&daemon, &searches(&sides.index("from")), &[])?;
    ensure!((compared.code, compared.with("same").len()) == (0, 6), "{}", compared.told());
    Ok(())
}

#[tokio::test]
async fn searches_of_types_follow_them_into_indices_of_their_own() {
    if !esferry_lab::wanted("searches of types that are split") {
        return;
    }
    let sides = Sides::new("compare-split").await.unwrap();
    zoo(&sides).await.unwrap();
    all_the_same(&sides, "types = \"split\"", "{type}").await.unwrap();
}

#[tokio::test]
async fn searches_of_types_ask_for_the_field_that_they_became() {
    if !esferry_lab::wanted("searches of types that are merged, with ids that begin with the type") {
        return;
    }
    let sides = Sides::new("compare-merge").await.unwrap();
    zoo(&sides).await.unwrap();
    all_the_same(&sides, "types = \"merge\"", "to").await.unwrap();
}

#[tokio::test]
async fn families_are_found_across_the_join_field() {
    if !esferry_lab::wanted("parents and children compared") {
        return;
    }
    let sides = Sides::new("compare-join").await.unwrap();
    let number = json!({"n": {"type": "integer"}});
    let mappings = json!({"company": {"properties": number}, "branch": {"_parent": {"type": "company"}, "properties": number}});
    let body = json!({"settings": {"number_of_shards": 2}, "mappings": mappings});
    let index = sides.create(&sides.old, "from", &body).await.unwrap();
    let mut lines = String::new();
    for company in 0..20_u64 {
        let id = company.to_string();
        lines.push_str(&line("company", &id, None, &json!({"n": company})));
        for branch in 0..company % 4 {
            lines.push_str(&line(
                "branch",
                &(company * 10 + branch).to_string(),
                Some(&id),
                &json!({"n": company + branch}),
            ));
        }
    }
    write(&sides, &index, lines).await.unwrap();
    let daemon = sides.ferry("from", "to", "types = \"join\"").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    let mut searches = Vec::new();
    for n in 0..8_u64 {
        let queries = [
            json!({"has_child": {"type": "branch", "query": {"term": {"n": n}}}}),
            json!({"filtered": {"filter": {"has_parent": {"type": "company", "filter": {"range": {"n": {"lt": n * 2}}}}}}}),
            json!({"filtered": {"filter": {"and": [{"type": {"value": "branch"}}, {"range": {"n": {"gte": n}}}]}}}),
            json!({"has_child": {"type": "branch", "query": {"match_all": {}}, "min_children": n % 4}}),
        ];
        for (kind, query) in queries.into_iter().enumerate() {
            let path = if kind % 2 == 0 {
                format!("/{index}/_search")
            } else {
                format!("/{index}/company,branch/_search")
            };
            searches.push(json!({"name": format!("{n} {kind}"), "path": path, "body": {"query": query, "sort": [{"n": "asc"}], "size": 100}}));
        }
    }
    let compared = compare(&daemon, &searches, &["--repeat", "1"]).unwrap();
    assert_eq!((compared.code, compared.with("same").len()), (0, searches.len()), "{}", compared.told());
}
