//! Indices of several types get a target: split, merged or joined, compared document by document.

mod follow;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use esferry_lab::Endpoint;
use esferry_lab::data::action_line;
use esferry_lab::reader::read_all;
use reqwest::Method;
use serde_json::{Map, Value, json};

use crate::daemon::Daemon;
use crate::scene::phase;
use crate::sides::{NAME, Sides, number, text};

/// Id to routing, version and source, as a target should hold them.
type Held = BTreeMap<String, (Option<String>, u64, Value)>;

/// One document of the zoo.
pub struct Animal {
    kind: &'static str,
    id: String,
    parent: Option<String>,
    routing: Option<String>,
    source: Value,
}

fn animal(kind: &'static str, id: &str, source: Value) -> Animal {
    Animal { kind, id: id.to_owned(), parent: None, routing: None, source }
}

/// Cats and dogs, some routed; with `shared`, some ids stand in both types.
pub fn zoo(shared: bool) -> Vec<Animal> {
    let mut all = Vec::new();
    for n in 0..400 {
        let mut cat = animal("cat", &format!("c{n}"), json!({"n": n, "lives": 9}));
        cat.routing = (n % 5 == 0).then(|| format!("r{}", n % 7));
        all.push(cat);
    }
    for n in 0..150 {
        let id = if shared && n < 20 { format!("c{n}") } else { format!("d{n}") };
        all.push(animal("dog", &id, json!({"n": n, "barks": n % 2 == 0})));
    }
    all
}

/// Companies, their branches, their employees, and notes that belong to nobody; ids stand in several types.
pub fn firms() -> Vec<Animal> {
    let mut all = Vec::new();
    for c in 0..40 {
        let company = c.to_string();
        all.push(animal("company", &company, json!({"n": c})));
        all.push(animal("note", &company, json!({"n": c})));
        for b in 0..c % 4 {
            let branch = format!("{c}.{b}");
            all.push(Animal { parent: Some(company.clone()), ..animal("branch", &branch, json!({"n": b})) });
            for e in 0..3 {
                all.push(Animal {
                    parent: Some(branch.clone()),
                    routing: Some(company.clone()),
                    ..animal("employee", &format!("{branch}.{e}"), json!({"n": e, "paid": e > 0}))
                });
            }
        }
    }
    all
}

pub async fn load(sides: &Sides, part: &str, mappings: Value, animals: &[Animal]) -> Result<String> {
    let body = json!({"settings": {"number_of_shards": 3, "number_of_replicas": 0}, "mappings": mappings});
    let index = sides.create(&sides.old, part, &body).await?;
    write(sides, &index, animals).await?;
    Ok(index)
}

async fn write(sides: &Sides, index: &str, animals: &[Animal]) -> Result<()> {
    let mut lines = String::new();
    for animal in animals {
        let mut meta = Map::new();
        let (parent, routing) = (animal.parent.as_deref(), animal.routing.as_deref());
        let given = [
            ("_type", Some(animal.kind)),
            ("_id", Some(&animal.id)),
            ("parent", parent),
            ("routing", routing),
        ];
        for (name, value) in given {
            meta.extend(value.map(|value| (name.to_owned(), json!(value))));
        }
        lines.push_str(&action_line("index", &meta));
        lines.push_str(&format!("{}\n", animal.source));
    }
    let answer = sides.old.send(Method::POST, &format!("/{index}/_bulk"), "", Bytes::from(lines)).await?;
    ensure!(answer.json()?.get("errors") == Some(&json!(false)), "not loaded: {}", answer.json()?);
    sides.old.refresh(index).await
}

async fn held(side: &Endpoint, index: &str) -> Result<Held> {
    side.refresh(index).await?;
    let mut held = Held::new();
    let mut broken = None;
    read_all(side, index, |document| match serde_json::from_slice(document.source) {
        Ok(source) => {
            held.insert(
                document.id.to_owned(),
                (document.routing.map(str::to_owned), document.version, source),
            );
        }
        Err(error) => broken = Some(error),
    })
    .await?;
    broken.map_or(Ok(held), |error| Err(error.into()))
}

/// A daemon for `from` (a name of this test's), with `to.index` and more lines.
pub fn ferry(sides: &Sides, from: &str, to: &str, more: &str) -> Result<Daemon> {
    sides.daemon(&format!(
        "from = {{ cluster = \"old\", indices = [\"{from}\"] }}\nto = {{ cluster = \"new\", index = \"{to}\" }}\nslice = {{ docs = 100, page_docs = 30 }}\n{more}"
    ))
}

pub fn done(daemon: &Daemon) -> Result<Value> {
    let (code, log) = daemon.run_once()?;
    ensure!(code == 0, "exit code {code}\n{log}");
    let status = daemon.migration()?;
    ensure!(phase(&status) == "ready", "{status:#}");
    Ok(status)
}

#[tokio::test]
async fn split_gives_each_type_an_index_of_its_own() {
    if !esferry_lab::wanted("an index of two types becomes two indices") {
        return;
    }
    let sides = Sides::new("types-split").await.unwrap();
    let animals = zoo(true);
    let index = load(&sides, "zoo", json!({"cat": {}, "dog": {}}), &animals).await.unwrap();
    let daemon = ferry(&sides, &index, "{index}-{type}", "types = \"split\"").unwrap();
    let status = done(&daemon).unwrap();
    assert_eq!(number(&status, "/counts/written"), 550);
    for kind in ["cat", "dog"] {
        let arrived = held(&sides.new, &format!("{index}-{kind}")).await.unwrap();
        let expected: Held = animals
            .iter()
            .filter(|animal| animal.kind == kind)
            .map(|animal| (animal.id.clone(), (animal.routing.clone(), 1, animal.source.clone())))
            .collect();
        assert_eq!(arrived, expected);
    }
    // The name of the target has to tell the types apart.
    let daemon = ferry(&sides, &index, "{index}-all", "types = \"split\"").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert!(code == 2 && log.contains("(cat)") && log.contains("would both be written"), "{code} {log}");
}

#[tokio::test]
async fn merged_types_keep_their_ids_unless_two_share_one() {
    if !esferry_lab::wanted("an index of two types becomes one, with and without shared ids") {
        return;
    }
    let sides = Sides::new("types-merge").await.unwrap();
    for shared in [false, true] {
        let animals = zoo(shared);
        let index = load(&sides, "zoo", json!({"cat": {}, "dog": {}}), &animals).await.unwrap();
        let to = format!("{index}-{shared}");
        let daemon = ferry(&sides, &index, &to, "types = { merge = { field = \"kind\" } }").unwrap();
        let plan = daemon.output(&["plan"]).unwrap();
        let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
        assert_eq!(plan.contains("_id becomes TYPE-ID"), shared, "{plan}");
        done(&daemon).unwrap();
        let arrived = held(&sides.new, &to).await.unwrap();
        let expected: Held = animals
            .iter()
            .map(|animal| {
                let id = if shared { format!("{}-{}", animal.kind, animal.id) } else { animal.id.clone() };
                let mut source = animal.source.clone();
                source["kind"] = json!(animal.kind);
                (id, (animal.routing.clone(), 1, source))
            })
            .collect();
        assert_eq!((arrived.len(), arrived), (550, expected));
        // The command shows what the run did.
        let shown = daemon.output(&["transform", NAME, "--id", "d40", "--json"]).unwrap();
        let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
        let id = if shared { "dog-d40" } else { "d40" };
        assert_eq!((text(&shown, "/after/0/id"), text(&shown, "/after/0/index")), (id, to.as_str()));
        assert_eq!(shown["after"][0]["source"], json!({"n": 40, "barks": true, "kind": "dog"}));
        // Nothing is left to do, and nobody else's documents are suspected in the target.
        let again = ferry(&sides, &index, &to, "types = { merge = { field = \"kind\" } }").unwrap();
        let status = done(&again).unwrap();
        assert_eq!((number(&status, "/counts/present"), number(&status, "/counts/written")), (550, 0));
    }
}

#[tokio::test]
async fn families_become_a_join_with_grandchildren_on_their_shard() {
    if !esferry_lab::wanted("parents, children and grandchildren become a join field") {
        return;
    }
    let sides = Sides::new("types-join").await.unwrap();
    let firms = firms();
    let mappings = json!({
        "company": {}, "note": {},
        "branch": {"_parent": {"type": "company"}}, "employee": {"_parent": {"type": "branch"}}
    });
    let index = load(&sides, "firms", mappings, &firms).await.unwrap();
    let to = format!("{index}-joined");
    let daemon = ferry(&sides, &index, &to, "types = \"join\"").unwrap();
    done(&daemon).unwrap();
    let arrived = held(&sides.new, &to).await.unwrap();
    let above = |kind: &str| match kind {
        "branch" => Some("company"),
        "employee" => Some("branch"),
        _ => None,
    };
    let expected: Held = firms
        .iter()
        .map(|animal| {
            let mut source = animal.source.clone();
            source["type"] = json!(animal.kind);
            match (&animal.parent, above(animal.kind)) {
                (Some(parent), Some(above)) => {
                    source["join"] = json!({"name": animal.kind, "parent": format!("{above}-{parent}")});
                }
                _ if animal.kind == "company" => source["join"] = json!({"name": "company"}),
                _ => {}
            }
            let root = (animal.kind == "company").then(|| animal.id.clone());
            let routing = animal.routing.clone().or_else(|| animal.parent.clone()).or(root);
            (format!("{}-{}", animal.kind, animal.id), (routing, 1, source))
        })
        .collect();
    assert_eq!((arrived.len(), arrived), (firms.len(), expected));
    // The relations hold: the same questions find the same families on both sides.
    let count = async |side: &Endpoint, path: String, query: Value| {
        let answer =
            side.post(&format!("{path}/_search"), &json!({"size": 0, "query": query})).await.unwrap();
        number(&answer, "/hits/total")
    };
    let old = format!("/{index}");
    let new = format!("/{to}");
    let everything = json!({"match_all": {}});
    for (old_query, new_query) in [
        (
            json!({"has_child": {"type": "branch", "query": everything}}),
            json!({"has_child": {"type": "branch", "query": everything}}),
        ),
        (
            json!({"has_parent": {"parent_type": "branch", "query": {"has_parent": {"parent_type": "company", "query": {"term": {"n": 7}}}}}}),
            json!({"has_parent": {"parent_type": "branch", "query": {"has_parent": {"parent_type": "company", "query": {"term": {"n": 7}}}}}}),
        ),
        (
            json!({"has_child": {"type": "branch", "query": {"has_child": {"type": "employee", "query": {"term": {"paid": true}}}}}}),
            json!({"has_child": {"type": "branch", "query": {"has_child": {"type": "employee", "query": {"term": {"paid": true}}}}}}),
        ),
    ] {
        let (before, after) = (
            count(&sides.old, old.clone(), old_query).await,
            count(&sides.new, new.clone(), new_query).await,
        );
        assert!(before > 0 && before == after, "{before} and {after}");
    }
}

#[tokio::test]
async fn a_type_that_appears_during_the_copy_is_told() {
    if !esferry_lab::wanted("a type that appears after the plan is a difference, not an accident") {
        return;
    }
    let sides = Sides::new("types-late").await.unwrap();
    let index = load(&sides, "zoo", json!({"cat": {}, "dog": {}}), &zoo(false)).await.unwrap();
    let daemon = ferry(&sides, &index, "{index}-{type}", "types = \"split\"\nwrite = { bulks = 1 }").unwrap();
    done(&daemon).unwrap();
    write(&sides, &index, &[animal("bird", "b1", json!({"n": 1}))]).await.unwrap();
    // A migration under way meets the new type when it counts both sides.
    let late = ferry(&sides, &index, "{index}-late-{type}", "types = \"split\"").unwrap();
    let plan = late.output(&["plan", "--json"]).unwrap();
    let plan: Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!(plan.pointer("/0/indices").and_then(Value::as_array).unwrap().len(), 3);
    let output = daemon.output(&["failures", "retry", NAME]).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let status = daemon.migration().unwrap();
    let explanation = text(&status, "/indices/0/counted/explanation");
    assert!(explanation.contains("types that the plan does not know (bird)"), "{status:#}");
}

#[tokio::test]
async fn a_refused_document_of_a_merged_index_is_known_by_both_its_ids_and_can_be_retried() {
    if !esferry_lab::wanted("failures of a merged index are retried by their source ids") {
        return;
    }
    let sides = Sides::new("types-failed").await.unwrap();
    let mut animals = zoo(true);
    // 1.7 takes any string for a boolean, 6.8 does not.
    animals.push(animal("dog", "c300", json!({"n": 1, "barks": "on"})));
    let mappings = json!({"cat": {}, "dog": {"properties": {"barks": {"type": "boolean"}}}});
    let index = load(&sides, "zoo", mappings, &animals).await.unwrap();
    let to = format!("{index}-one");
    let daemon = ferry(&sides, &index, &to, "types = \"merge\"").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");
    let shown = daemon.output(&["failures", "show", NAME, "c300", "--json"]).unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let named = ["/0/doc_type", "/0/id", "/0/target_id", "/0/error_type"].map(|place| text(&shown, place));
    assert_eq!(named, ["dog", "c300", "dog-c300", "mapper_parsing_exception"], "{shown:#}");
    // The cat of the same id arrived; the dog does once its source is mended.
    write(&sides, &index, &[animal("dog", "c300", json!({"n": 1, "barks": true}))]).await.unwrap();
    let retried = daemon.output(&["failures", "retry", NAME, "--json"]).unwrap();
    let report: Value = serde_json::from_slice(&retried.stdout).context("no report").unwrap();
    assert_eq!((number(&report, "/tried"), number(&report, "/resolved")), (1, 1), "{report:#}");
    let arrived = held(&sides.new, &to).await.unwrap();
    assert_eq!(arrived["dog-c300"], (None, 2, json!({"n": 1, "barks": true, "type": "dog"})));
    assert_eq!(arrived["cat-c300"].2, json!({"n": 300, "lives": 9, "type": "cat"}));
    assert_eq!(arrived.len(), animals.len());
}
