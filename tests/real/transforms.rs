//! Documents are transformed on their way: the seed's tags from end to end, and what becomes of dropped, derived and
//! moved documents.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use esferry_lab::Endpoint;
use esferry_lab::data::{BulkWriter, Document};
use esferry_lab::reader::read_all;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::scene::phase;
use crate::sides::{NAME, Sides, number, text};

/// Every document of an index by its id.
async fn held(side: &Endpoint, index: &str) -> Result<BTreeMap<String, Value>> {
    side.refresh(index).await?;
    let mut held = BTreeMap::new();
    read_all(side, index, |document| {
        held.insert(document.id.to_owned(), serde_json::from_slice(document.source).unwrap_or(Value::Null));
    })
    .await?;
    Ok(held)
}

async fn load(side: &Endpoint, index: &str, documents: &BTreeMap<String, Value>) -> Result<()> {
    let documents = documents.iter().map(|(id, source)| Document::new(id.clone(), source.to_string()));
    BulkWriter::new(side, index, Some("thing")).index(documents).await?;
    side.refresh(index).await
}

fn finished(daemon: &Daemon) -> Result<Value> {
    let (code, log) = daemon.run_once()?;
    ensure!(code == 0, "exit code {code}\n{log}");
    let status = daemon.migration()?;
    ensure!(phase(&status) == "ready", "{status:#}");
    Ok(status)
}

/// The ids that a search finds, in order of their names.
async fn found(side: &Endpoint, index: &str, body: &Value) -> Result<Vec<String>> {
    let answer = side.post(&format!("/{index}/_search?size=1000"), body).await?;
    let hits = answer.pointer("/hits/hits").and_then(Value::as_array).context("no hits")?;
    let mut ids: Vec<String> = hits.iter().map(|hit| text(hit, "/_id").to_owned()).collect();
    ids.sort();
    Ok(ids)
}

/// What `esferry query` makes of a search.
fn rewritten(daemon: &Daemon, body: &Value) -> Result<Value> {
    let mut command = daemon.command(&["query", NAME, "--json"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().context("no stdin")?.write_all(body.to_string().as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout)?;
    document.get("body").cloned().context("no body")
}

/// The seed's documents, and enough others for the mapping to explode.
fn tagged() -> BTreeMap<String, Value> {
    let mut documents = BTreeMap::from([
        ("1".to_owned(), json!({"actions": {"tags": {"name": "John", "lname": "Smith"}}})),
        ("2".to_owned(), json!({"actions": {"tags": {"name": "Dor", "lname": "Sever"}}})),
        ("3".to_owned(), json!({"actions": {"tags": {"name": "AnotherName", "lname": "AnotherLastName"}}})),
    ]);
    for n in 0..400 {
        let mut tags = serde_json::Map::new();
        for key in 0..4 {
            tags.insert(format!("key{}", n * 4 + key), json!(format!("value{}", (n + key) % 10)));
        }
        documents.insert(format!("many{n}"), json!({"n": n, "actions": {"tags": tags, "by": "x"}}));
    }
    documents
}

#[tokio::test]
async fn the_seeds_exploding_tags_arrive_as_keys_and_values_with_the_same_answers() {
    if !esferry_lab::wanted("the seed's tags through key_value, its four queries on both sides") {
        return;
    }
    let sides = Sides::new("tags").await.unwrap();
    let body = json!({
        "settings": {"number_of_shards": 2, "number_of_replicas": 0},
        "mappings": {"thing": {"dynamic_templates": [
            {"tags": {"path_match": "actions.tags.*", "mapping": {"type": "string", "index": "not_analyzed"}}}
        ]}}
    });
    let from = sides.create(&sides.old, "from", &body).await.unwrap();
    let documents = tagged();
    load(&sides.old, &from, &documents).await.unwrap();
    // Without the transform the plan says what grows, and what to do about it.
    let plain = sides.ferry("from", "to", "").unwrap();
    let plan = String::from_utf8(plain.output(&["plan"]).unwrap().stdout).unwrap();
    assert!(plan.contains("`actions.tags.*` has 1602 fields"), "{plan}");
    let proposal = format!(
        "[[migrations.{NAME}.transform]]\n      key_value = {{ field = \"actions.tags\", into = {{ key_value = \"keyToValue\", value = \"value\" }}, separator = \":\" }}"
    );
    assert!(plan.contains(&proposal), "{plan}");
    // The proposal is what the file needs, word for word.
    let proposal: String = proposal.lines().map(|line| format!("{}\n", line.trim())).collect();
    let daemon = sides.ferry("from", "to", &proposal).unwrap();
    let status = finished(&daemon).unwrap();
    assert_eq!(number(&status, "/counts/written"), documents.len() as u64);
    let to = sides.index("to");
    let arrived = held(&sides.new, &to).await.unwrap();
    let expected: BTreeMap<String, Value> = documents
        .iter()
        .map(|(id, source)| {
            let mut source = source.clone();
            let tags = source["actions"]["tags"].as_object().unwrap().clone();
            let entries = tags.iter().map(|(key, value)| {
                let value = value.as_str().unwrap();
                json!({"keyToValue": format!("{key}:{value}"), "value": value})
            });
            source["actions"]["tags"] = entries.collect();
            (id.clone(), source)
        })
        .collect();
    assert_eq!(arrived, expected);
    let mapping = sides.new.get(&format!("/{to}/_mapping")).await.unwrap();
    let tags = &mapping[&to]["mappings"]["_doc"]["properties"]["actions"]["properties"]["tags"]["properties"];
    let names: Vec<&String> = tags.as_object().unwrap().keys().collect();
    assert_eq!(names, ["keyToValue", "value"], "{mapping:#}");
    for query in [
        json!({"query": {"match": {"actions.tags.name": {"query": "John"}}}}),
        json!({"query": {"match": {"actions.tags.lname": {"query": "John"}}}}),
        json!({"query": {"query_string": {"fields": ["actions.tags.*"], "query": "Dor"}}}),
        json!({"query": {"bool": {"must": [
            {"match": {"actions.tags.name": "Dor"}}, {"match": {"actions.tags.lname": "Sever"}}
        ]}}}),
        json!({"query": {"filtered": {"filter": {"term": {"actions.tags.key40": "value0"}}}}}),
    ] {
        let before = found(&sides.old, &from, &query).await.unwrap();
        let after = found(&sides.new, &to, &rewritten(&daemon, &query).unwrap()).await.unwrap();
        assert_eq!(before, after, "{query}");
    }
    let john = json!({"query": {"match": {"actions.tags.name": {"query": "John"}}}});
    assert_eq!(found(&sides.new, &to, &rewritten(&daemon, &john).unwrap()).await.unwrap(), ["1"]);
}

#[tokio::test]
async fn dropped_derived_and_moved_documents_are_counted_and_explained() {
    if !esferry_lab::wanted("documents that a transform drops, multiplies and moves") {
        return;
    }
    let sides = Sides::new("jq").await.unwrap();
    let from = sides.index("from");
    let documents: BTreeMap<String, Value> = (0..300)
        .map(|n| (n.to_string(), json!({"n": n, "state": if n % 10 == 0 { "test" } else { "live" }})))
        .collect();
    let body = json!({
        "settings": {"number_of_shards": 2, "number_of_replicas": 0},
        "mappings": {"thing": {"properties": {"state": {"type": "string", "index": "not_analyzed"}}}}
    });
    sides.create(&sides.old, "from", &body).await.unwrap();
    load(&sides.old, &from, &documents).await.unwrap();
    let (to, old) = (sides.index("to"), sides.index("archive"));
    let daemon = sides
        .daemon(&format!(
            "from = {{ cluster = \"old\", indices = [\"{from}\"] }}\n\
             to = {{ cluster = \"new\", index = \"{to}\", others = [\"{old}\"] }}\n\
             slice = {{ docs = 60, page_docs = 20 }}\n\
             [[migrations.{NAME}.transform]]\ndrop_if = {{ field = \"state\", equals = \"test\" }}\n\
             [[migrations.{NAME}.transform]]\njq = '''\n\
             if .n % 7 == 0 then {{_index: \"{old}\", _source: .}}\n\
             elif .n % 5 == 0 then {{_id: $id, _source: .}}, {{_id: \"\\($id)-copy\", _source: (. + {{copy: true}})}}\n\
             else . end'''\n"
        ))
        .unwrap();
    let status = finished(&daemon).unwrap();
    let live: Vec<i64> = (0..300).filter(|n| n % 10 != 0).collect();
    let moved: Vec<i64> = live.iter().copied().filter(|n| n % 7 == 0).collect();
    let doubled: Vec<i64> = live.iter().copied().filter(|n| n % 7 != 0 && n % 5 == 0).collect();
    let counts = ["read", "dropped", "derived", "elsewhere", "rejected"]
        .map(|name| number(&status, &format!("/counts/{name}")));
    assert_eq!(counts, [300, 30, doubled.len() as u64, moved.len() as u64, 0], "{status:#}");
    assert_eq!(number(&status, "/docs_settled"), 300);
    let reason = "transform 1: drop_if state = \"test\"";
    assert_eq!(status["dropped"], json!({ reason: 30 }));
    assert_eq!(status["others"], json!({"targets": [old], "expected": moved.len(), "counted": moved.len()}));
    let mut expected = BTreeMap::new();
    for n in live.iter().filter(|n| *n % 7 != 0) {
        expected.insert(n.to_string(), json!({"n": n, "state": "live"}));
        if n % 5 == 0 {
            expected.insert(format!("{n}-copy"), json!({"n": n, "state": "live", "copy": true}));
        }
    }
    assert_eq!(held(&sides.new, &to).await.unwrap(), expected);
    let archived = held(&sides.new, &old).await.unwrap();
    let expected: BTreeMap<String, Value> =
        moved.iter().map(|n| (n.to_string(), json!({"n": n, "state": "live"}))).collect();
    assert_eq!(archived, expected);
    let shown = String::from_utf8(daemon.output(&["status"]).unwrap().stdout).unwrap();
    assert!(shown.contains("as expected") && shown.contains(reason), "{shown}");
}

#[tokio::test]
async fn what_a_transform_cannot_do_is_that_documents_failure_and_is_retried_with_a_better_one() {
    if !esferry_lab::wanted(
        "an error in a transform is one failure, and `failures retry` goes through the present transform",
    ) {
        return;
    }
    let sides = Sides::new("jq-failed").await.unwrap();
    let from = sides.index("from");
    let documents = BTreeMap::from([
        ("good".to_owned(), json!({"created": "12"})),
        ("bad".to_owned(), json!({"created": "no number"})),
        ("astray".to_owned(), json!({"created": "13", "astray": true})),
    ]);
    let body = json!({"mappings": {"thing": {"properties": {"created": {"type": "string"}, "astray": {"type": "boolean"}}}}});
    sides.create(&sides.old, "from", &body).await.unwrap();
    load(&sides.old, &from, &documents).await.unwrap();
    let strict = "[[migrations.move.transform]]\njq = 'if .astray then {_index: \"elsewhere\", _source: .} else . end | if has(\"_source\") then . else .created |= tonumber end'";
    let schema = "schema = \"existing\"\n";
    sides.create(&sides.new, "to", &json!({})).await.unwrap();
    let daemon = sides.ferry("from", "to", &format!("{schema}{strict}")).unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");
    let to = sides.index("to");
    assert_eq!(
        held(&sides.new, &to).await.unwrap(),
        BTreeMap::from([("good".to_owned(), json!({"created": 12}))])
    );
    let listed = String::from_utf8(daemon.output(&["failures", "list", NAME]).unwrap().stdout).unwrap();
    assert!(listed.contains("undeclared_index") && listed.contains("to.others"), "{listed}");
    assert!(listed.contains("transform 1: "), "{listed}");
    // A transform is part of the plan: another one is drift, until that is accepted.
    let config = std::fs::read_to_string(daemon.config()).unwrap();
    let lenient = "[[migrations.move.transform]]\njq = '.created |= (tonumber? // -1)'";
    std::fs::write(daemon.config(), config.replace(strict, lenient)).unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert!(code == 3 && log.contains("transform was"), "{code} {log}");
    let accepted = daemon.output(&["run", "--once", "--accept-drift"]).unwrap();
    assert_eq!(accepted.status.code(), Some(4));
    let retried = daemon.output(&["failures", "retry", NAME, "--json"]).unwrap();
    let report: Value = serde_json::from_slice(&retried.stdout).unwrap();
    assert_eq!((number(&report, "/tried"), number(&report, "/resolved")), (2, 2), "{report:#}");
    let arrived = held(&sides.new, &to).await.unwrap();
    assert_eq!(arrived["bad"], json!({"created": -1}));
    assert_eq!(arrived["astray"], json!({"created": 13, "astray": true}));
    assert_eq!(daemon.run_once().unwrap().0, 0);
}

#[tokio::test]
async fn a_sample_shows_what_will_be_refused_and_leaves_nothing_behind() {
    if !esferry_lab::wanted(
        "plan --sample: classes of refusals, and the throw-away index is gone also after a kill",
    ) {
        return;
    }
    let sides = Sides::new("sampled").await.unwrap();
    let from = sides.index("from");
    let mut documents: BTreeMap<String, Value> =
        (0..200).map(|n| (n.to_string(), json!({"open": "false", "n": n, "at": "2017-01-01"}))).collect();
    documents.insert("on".to_owned(), json!({"open": "on"}));
    documents.insert("inner".to_owned(), json!({"_routing": "x"}));
    documents.insert("é".repeat(300), json!({"n": 1}));
    let body = json!({
        "settings": {"number_of_shards": 2, "number_of_replicas": 0},
        "mappings": {"thing": {"properties": {
            "open": {"type": "boolean"}, "n": {"type": "integer"}, "at": {"type": "date"}
        }}},
        "aliases": {"sampled_alias": {}}
    });
    sides.create(&sides.old, "from", &body).await.unwrap();
    load(&sides.old, &from, &documents).await.unwrap();
    let daemon = sides.ferry("from", "to", "").unwrap();
    let output = daemon.output(&["plan", "--sample", "1000", "--json"]).unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(4), "{log}");
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sample = &plan[0]["indices"][0]["sample"];
    assert_eq!((number(sample, "/read"), number(sample, "/taken")), (203, 200), "{sample:#}");
    let classes = sample["refused"].as_array().unwrap();
    let examples: Vec<&str> = classes.iter().map(|class| text(class, "/example_id")).collect();
    for id in ["on", "inner", &"é".repeat(300)] {
        assert!(examples.contains(&id), "{id} is not in {sample:#}");
    }
    let left = async || {
        let indices = sides.new.get("/_cat/indices/esferry-sample-*?format=json").await.unwrap();
        indices.as_array().unwrap().len()
    };
    assert_eq!(left().await, 0);
    assert!(sides.new.count(&sides.index("to")).await.is_err(), "nothing is made on the target");
    // What a killed sample left is removed by the next command.
    sides.new.recreate_index("esferry-sample-move-4194305-7", &json!({})).await.unwrap();
    let output = daemon.output(&["plan"]).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(left().await, 0);
}
