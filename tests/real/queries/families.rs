//! Types, parents and children: on the target they share an index with a join field, and ids begin with the type.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use bytes::Bytes;
use esferry::schema::query::{Context, TypesBecame, rewrite_search};
use esferry_lab::Endpoint;
use esferry_lab::data::action_line;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{between, lines};
use crate::sides::Sides;

const COMPANIES: u64 = 12;

const SEARCHES: &str = r#"
    {"query": {"has_child": {"type": "branch", "query": {"term": {"n": 3}}, "score_type": "max"}}}
    {"query": {"filtered": {"filter": {"has_child": {"type": "branch", "filter": {"and": [{"range": {"n": {"gte": 5}}}]}, "_cache": true}}}}}
    {"query": {"has_child": {"type": "branch", "query": {"match_all": {}}, "min_children": 2, "score_mode": "sum"}}}
    {"query": {"has_parent": {"parent_type": "company", "query": {"range": {"n": {"lt": 4}}}, "score_mode": "score"}}}
    {"query": {"filtered": {"filter": {"has_parent": {"type": "company", "filter": {"term": {"n": 2}}}}}}}
    {"query": {"top_children": {"type": "branch", "query": {"term": {"n": 5}}, "score": "max", "factor": 50}}}
    {"query": {"filtered": {"filter": {"type": {"value": "branch"}}}}}
    {"query": {"filtered": {"filter": {"and": [{"term": {"_type": "company"}}, {"range": {"n": {"gt": 5}}}]}}}}
    {"query": {"ids": {"type": "company", "values": ["1", "2"]}}}
    {"query": {"ids": {"type": ["company", "branch"], "values": ["1", "2"]}}}
    {"query": {"terms": {"_uid": ["company#3", "branch#4"]}}}
    {"query": {"query_string": {"query": "_type:branch", "default_field": "n"}}}
    {"query": {"query_string": {"query": "n:[0 TO 6] AND NOT _type:\"company\"", "default_field": "n"}}}
    {"query": {"query_string": {"query": "_type:bra* AND n:5", "default_field": "n"}}}
    {"query": {"filtered": {"filter": {"bool": {"must_not": {"has_child": {"type": "branch", "query": {"match_all": {}}}}, "must": {"type": {"value": "company"}}}}}}}
"#;

/// Type, id, number and parent.
fn family() -> Vec<(&'static str, u64, u64, Option<u64>)> {
    let mut all = Vec::new();
    let mut branch = 0;
    for company in 0..COMPANIES {
        all.push(("company", company, company, None));
        for n in 0..company % 4 {
            all.push(("branch", branch, company + n, Some(company)));
            branch += 1;
        }
    }
    all
}

async fn write(side: &Endpoint, index: &str, lines: String) -> Result<()> {
    let answer = side
        .send(Method::POST, &format!("/{index}/_bulk"), "application/x-ndjson", Bytes::from(lines))
        .await?;
    ensure!(answer.json()?.get("errors") == Some(&json!(false)), "{:?}", answer.json());
    side.refresh(index).await
}

async fn load(sides: &Sides) -> Result<()> {
    let number = json!({"n": {"type": "integer"}});
    let old = json!({"settings": {"number_of_shards": 2}, "mappings": {
        "company": {"properties": number}, "branch": {"_parent": {"type": "company"}, "properties": number},
    }});
    let join = json!({"type": "join", "relations": {"company": "branch"}});
    let properties = json!({"n": {"type": "integer"}, "rel": join});
    let new = json!({"settings": {"number_of_shards": 2}, "mappings": {"_doc": {"properties": properties}}});
    let (from, to) =
        (sides.create(&sides.old, "from", &old).await?, sides.create(&sides.new, "to", &new).await?);
    let (mut old, mut new) = (String::new(), String::new());
    for (kind, id, n, parent) in family() {
        let mut meta =
            Map::from_iter([("_type".to_owned(), json!(kind)), ("_id".to_owned(), json!(id.to_string()))]);
        meta.extend(parent.map(|parent| ("parent".to_owned(), json!(parent.to_string()))));
        old.push_str(&action_line("index", &meta));
        old.push_str(&format!("{}\n", json!({"n": n})));
        let mut relation = Map::from_iter([("name".to_owned(), json!(kind))]);
        relation.extend(parent.map(|parent| ("parent".to_owned(), json!(format!("company-{parent}")))));
        let routing = parent.unwrap_or(id).to_string();
        let meta = json!({"_type": "_doc", "_id": format!("{kind}-{id}"), "routing": routing});
        new.push_str(&format!("{}\n{}\n", json!({"index": meta}), json!({"n": n, "rel": relation})));
    }
    write(&sides.old, &from, old).await?;
    write(&sides.new, &to, new).await
}

/// The documents that a search finds, by type and id.
async fn found(side: &Endpoint, index: &str, body: &Value, typed: bool) -> Result<BTreeSet<String>> {
    let answer = side.post(&format!("/{index}/_search?size=200"), body).await?;
    let hits = answer.pointer("/hits/hits").and_then(Value::as_array).cloned().unwrap_or_default();
    let name = |hit: &Value| {
        let id = hit["_id"].as_str().unwrap_or_default();
        if typed { format!("{}-{id}", hit["_type"].as_str().unwrap_or_default()) } else { id.to_owned() }
    };
    Ok(hits.iter().map(name).collect())
}

/// The order of types and their buckets, of which 6.8 speaks by the join field.
#[tokio::test]
async fn buckets_and_order_by_type_are_the_same_by_the_join_field() {
    if !esferry_lab::wanted("buckets and sorting by _type, rewritten for a join field") {
        return;
    }
    let sides = Sides::new("query-by-type").await.unwrap();
    load(&sides).await.unwrap();
    let types = TypesBecame::Join { field: "rel".to_owned(), type_field: None, prefix_ids: true };
    let body = json!({
        "size": 100, "sort": [{"_type": "desc"}, {"n": "asc"}],
        "aggs": {"t": {"terms": {"field": "_type"}, "aggs": {"n": {"max": {"field": "n"}}}}},
    });
    let rewritten = rewrite_search(&body, &Context { types, ..between() });
    assert_eq!(rewritten.refused, []);
    let old = sides.old.post(&format!("/{}/_search", sides.index("from")), &body).await.unwrap();
    let new = sides.new.post(&format!("/{}/_search", sides.index("to")), &rewritten.body).await.unwrap();
    assert_eq!(old["aggregations"]["t"]["buckets"], new["aggregations"]["t"]["buckets"]);
    assert_eq!(old["aggregations"]["t"]["buckets"].as_array().map(Vec::len), Some(2));
    let order = |answer: &Value| -> Vec<Value> {
        answer["hits"]["hits"].as_array().unwrap().iter().map(|hit| hit["sort"].clone()).collect()
    };
    assert_eq!(order(&old), order(&new));
    assert_eq!(order(&old).len(), family().len());
}

/// Two types that share ids, in indices of their own: a `_uid` finds the document of its type alone.
#[tokio::test]
async fn a_uid_finds_no_document_of_another_type_that_is_split_off() {
    if !esferry_lab::wanted("searches for _uid, rewritten for types in indices of their own") {
        return;
    }
    let sides = Sides::new("query-split").await.unwrap();
    let (mut old, mut new) = (String::new(), [String::new(), String::new()]);
    for (side, kind) in ["a", "b"].into_iter().enumerate() {
        for id in ["1", "2"] {
            let meta = Map::from_iter([("_type".to_owned(), json!(kind)), ("_id".to_owned(), json!(id))]);
            old.push_str(&format!("{}{}\n", action_line("index", &meta), json!({"n": 1})));
            let meta = json!({"index": {"_type": "_doc", "_id": id}});
            new[side].push_str(&format!("{meta}\n{}\n", json!({"n": 1})));
        }
    }
    let from = sides.create(&sides.old, "from", &json!({})).await.unwrap();
    write(&sides.old, &from, old).await.unwrap();
    for (part, lines) in ["to-a", "to-b"].into_iter().zip(new) {
        let to = sides.create(&sides.new, part, &json!({})).await.unwrap();
        write(&sides.new, &to, lines).await.unwrap();
    }
    let types = TypesBecame::Index { template: sides.index("to-{type}") };
    let context = Context { types, ..between() };
    for uids in [vec!["a#1"], vec!["a#1", "b#2"], vec!["a#1", "a#2", "b#1"]] {
        let body = json!({"query": {"terms": {"_uid": uids}}});
        let rewritten = rewrite_search(&body, &context);
        assert_eq!(rewritten.refused, [], "{body}");
        let count = |answer: &Value| answer.pointer("/hits/total").and_then(Value::as_u64);
        let old = sides.old.post(&format!("/{from}/_search"), &body).await.unwrap();
        let path = format!("/{}/_search", sides.index("to-*"));
        let new = sides.new.post(&path, &rewritten.body).await.unwrap();
        assert_eq!(count(&old), u64::try_from(uids.len()).ok(), "{body}");
        assert_eq!(count(&new), count(&old), "{body}\nbecame {}", rewritten.body);
    }
}

#[tokio::test]
async fn families_are_found_across_the_join_field() {
    if !esferry_lab::wanted("searches for parents, children and types, rewritten for a join field") {
        return;
    }
    let sides = Sides::new("query-families").await.unwrap();
    load(&sides).await.unwrap();
    let types = TypesBecame::Join { field: "rel".to_owned(), type_field: None, prefix_ids: true };
    let context = Context { types, ..between() };
    let everything = family().len();
    for body in lines(SEARCHES) {
        let rewritten = rewrite_search(&body, &context);
        assert_eq!(rewritten.refused, [], "{body}");
        let old = found(&sides.old, &sides.index("from"), &body, true).await.unwrap();
        let new = found(&sides.new, &sides.index("to"), &rewritten.body, false).await.unwrap();
        assert_eq!(old, new, "{body}\nbecame {}", rewritten.body);
        assert!(!old.is_empty() && old.len() < everything, "{body} finds {}", old.len());
    }
}
