//! A converted index means the same: the same documents are taken, new fields become the same, searches find the same.

use anyhow::{Context, Result, ensure};
use esferry::schema::report::Report;
use esferry::schema::{Rules, SourceSchema};
use esferry_lab::Servers;
use serde_json::{Value, json};

use super::{NEW, Server, create};

/// Before 2.0 dates are lenient, and take numbers whatever their format says.
fn documents(lenient: bool) -> Vec<Value> {
    let date = |lenient_one: Value, strict: &str| if lenient { lenient_one } else { json!(strict) };
    vec![
        json!({"title": ["red fox", "blue bird"], "tag": "A b", "at": date(json!("2015-1-1"), "2015-01-01"), "n": 1,
            "new_word": "one two", "new_float": 0.123456789012, "new_day": "2015-01-01", "new_number": 7,
            "new_year": "2015", "new_month": "2015-05", "new_week": "2015-W02-1", "new_digits": "15", "new_flag": true, "o": {"deep_word": "x y"}}),
        json!({"title": "blue fox", "tag": "c", "at": 1_420_156_800_000_i64, "n": "2", "new_word": "three",
            "new_float": 2, "new_day": date(json!(1_420_156_800_000_i64), "2015-01-02"), "new_number": 8.5}),
        json!({"title": "fox blue", "tag": "A b", "at": "2015-01-03T10:00:00.000Z", "n": 3,
            "new_day": date(json!("2015-1-3"), "2015-01-03")}),
    ]
}

/// Searches that both sides understand.
fn searches() -> Vec<Value> {
    vec![
        json!({"query": {"match_phrase": {"title": "fox blue"}}}),
        json!({"query": {"match": {"title": "BIRD"}}}),
        json!({"query": {"term": {"tag": "A b"}}}),
        json!({"query": {"range": {"at": {"gte": "2015-01-02"}}}}),
        json!({"query": {"range": {"new_day": {"gte": "2015-01-02"}}}}),
        json!({"query": {"term": {"new_float": 0.123456789012}}}),
        json!({"query": {"match": {"o.deep_word": "y"}}}),
    ]
}

/// Strings that are analysed are sorted by before 5.0.
fn sorted() -> Value {
    json!({"query": {"match_all": {}}, "sort": ["new_word"]})
}

async fn ids(server: &Server, index: &str, search: &Value) -> Result<Vec<String>> {
    let answer = server.endpoint.post(&format!("/{index}/_search"), search).await?;
    let hits = answer.pointer("/hits/hits").and_then(Value::as_array).context("no hits")?;
    let mut ids: Vec<String> =
        hits.iter().filter_map(|hit| hit.get("_id")?.as_str().map(str::to_owned)).collect();
    if search.get("sort").is_none() {
        ids.sort();
    }
    Ok(ids)
}

async fn means_the_same(from: &str, index: &str) -> Result<()> {
    let servers = Servers::shared(&[from, NEW]).await?;
    let (old, new) = (Server::of(&servers, from).await?, Server::of(&servers, NEW).await?);
    old.endpoint.delete_index(index).await?;
    let text = if from.starts_with('5') { json!({"type": "text"}) } else { json!({"type": "string"}) };
    let tag = if from.starts_with('5') {
        json!({"type": "keyword"})
    } else {
        json!({"type": "string", "index": "not_analyzed"})
    };
    let body = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}, "mappings": {"t": {"properties": {
        "title": text, "tag": tag,
        "at": {"type": "date"}, "n": {"type": "long"}}}}});
    old.put(&format!("/{index}"), &body).await?;
    // Read before anything is dynamic, so that both sides make the new fields by themselves.
    let info =
        old.cluster.indices().await?.into_iter().find(|info| info.name == index).context("no index")?;
    let schema = SourceSchema::read(&old.cluster, &info).await?;
    let rules = Rules::between(schema.created.context("no version")?, new.version);
    let mut report = Report::default();
    let mapping = rules.mapping("t", &schema.types[0].1, &mut report);
    let settings = rules.settings(&schema.settings, &mut report);
    create(&new, index, &json!({"settings": settings, "mappings": {"_doc": mapping}})).await?;
    for (id, document) in documents(from.starts_with('1')).into_iter().enumerate() {
        old.put(&format!("/{index}/t/{id}"), &document).await.with_context(|| document.to_string())?;
        new.put(&format!("/{index}/_doc/{id}"), &document).await.with_context(|| document.to_string())?;
    }
    old.endpoint.refresh(index).await?;
    new.endpoint.refresh(index).await?;
    for search in searches().into_iter().chain((!from.starts_with('5')).then(sorted)) {
        let (there, here) = (ids(&old, index, &search).await?, ids(&new, index, &search).await?);
        ensure!(there == here, "{search}: {there:?} on {from}, {here:?} on {NEW}");
    }
    let read = |server: &Server| {
        let endpoint = server.endpoint.clone();
        async move { endpoint.get(&format!("/{index}/_mapping")).await }
    };
    let grown = rules.mapping("t", &read(&old).await?[index]["mappings"]["t"], &mut report);
    let there = read(&new).await?[index]["mappings"]["_doc"].clone();
    for name in [
        "new_word",
        "new_float",
        "new_day",
        "new_number",
        "new_year",
        "new_month",
        "new_week",
        "new_digits",
        "new_flag",
    ] {
        let (expected, found) = (&grown["properties"][name]["type"], &there["properties"][name]["type"]);
        ensure!(expected == found, "{name} is {found} on {NEW} and would be converted to {expected}");
    }
    old.endpoint.delete_index(index).await?;
    new.endpoint.delete_index(index).await
}

#[tokio::test]
async fn a_converted_index_takes_finds_and_grows_like_its_source() {
    if !esferry_lab::wanted("the same documents and searches on a 1.7 index and its conversion") {
        return;
    }
    means_the_same("1.7.6", "conversion-meaning-1").await.unwrap();
}

#[tokio::test]
async fn so_does_one_of_5_6() {
    if !esferry_lab::wanted("the same documents and searches on a 5.6 index and its conversion") {
        return;
    }
    means_the_same("5.6.16", "conversion-meaning-5").await.unwrap();
}

#[tokio::test]
async fn so_does_one_of_2_4() {
    if !esferry_lab::wanted("the same documents and searches on a 2.4 index and its conversion") {
        return;
    }
    means_the_same("2.4.6", "conversion-meaning-2").await.unwrap();
}
