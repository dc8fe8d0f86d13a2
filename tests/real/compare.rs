//! `esferry compare` after a real migration: the same answers, and what is not the same is found and named.

mod accepted;
mod changes;
mod generator;
mod logs;
mod page;
mod refusals;
mod types;

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use esferry_lab::data::Document;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::sides::{NAME, Sides};

const WORDS: [&str; 8] = ["red", "green", "blue", "quick", "brown", "fox", "lazy", "dog"];
const COUNT: u64 = 240;

/// What a comparison said.
pub struct Compared {
    pub code: i32,
    pub report: Value,
    log: String,
}

impl Compared {
    /// Name to verdict.
    fn verdicts(&self) -> BTreeMap<String, String> {
        let searches = self.report["searches"].as_array().cloned().unwrap_or_default();
        let text = |search: &Value, key: &str| search[key].as_str().unwrap_or_default().to_owned();
        searches.iter().map(|search| (text(search, "name"), text(search, "verdict"))).collect()
    }

    /// Names of the searches with a verdict.
    pub fn with(&self, verdict: &str) -> Vec<String> {
        self.verdicts().into_iter().filter(|(_, found)| found == verdict).map(|(name, _)| name).collect()
    }

    pub fn search(&self, name: &str) -> Result<&Value> {
        let searches = self.report["searches"].as_array().context("no searches")?;
        searches.iter().find(|search| search["name"] == name).with_context(|| format!("no search {name}"))
    }

    /// All that differs, for messages.
    pub fn told(&self) -> String {
        let searches = self.report["searches"].as_array().cloned().unwrap_or_default();
        let open = searches.iter().filter(|search| search["verdict"] != "same");
        let lines: Vec<String> = open
            .map(|search| {
                format!(
                    "{} {}: {}{}\n  announced {}\n  source {} {}\n  target {} {}",
                    search["name"],
                    search["verdict"],
                    search["reasons"],
                    search["differences"],
                    search["announced"],
                    search["source"]["path"],
                    search["source"]["body"],
                    search["target"]["path"],
                    search["target"]["body"],
                )
            })
            .collect();
        format!("exit code {}\n{}\n{}", self.code, lines.join("\n"), self.log)
    }
}

/// Writes searches into the daemon's folder.
fn recorded(daemon: &Daemon, searches: &[Value]) -> Result<PathBuf> {
    let file = daemon.folder().join("searches.ndjson");
    let lines: String = searches.iter().map(|search| format!("{search}\n")).collect();
    std::fs::write(&file, lines)?;
    Ok(file)
}

/// Runs `esferry compare` on searches, with more arguments.
pub fn compare(daemon: &Daemon, searches: &[Value], more: &[&str]) -> Result<Compared> {
    let file = recorded(daemon, searches)?;
    let file = file.to_str().context("the folder has no name")?;
    let mut arguments = vec!["compare", NAME, file, "--json"];
    arguments.extend(more);
    let output = daemon.output(&arguments)?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code().context("ended by a signal")?;
    let report = serde_json::from_slice(&output.stdout).with_context(|| format!("no report: {log}"))?;
    Ok(Compared { code, report, log })
}

/// A search of the source's index.
fn search(sides: &Sides, name: &str, body: Value) -> Value {
    json!({"name": name, "path": format!("/{}/_search", sides.index("from")), "body": body})
}

/// Both sides after a migration of documents with text, keywords, numbers, dates and nested ones.
async fn migrated(prefix: &'static str) -> Result<(Sides, Daemon)> {
    let sides = Sides::new(prefix).await?;
    let exact = json!({"type": "string", "index": "not_analyzed"});
    let properties = json!({
        "title": {"type": "string"},
        "tag": exact,
        "flag": {"type": "boolean"},
        "n": {"type": "integer"},
        "price": {"type": "double"},
        "created": {"type": "date"},
        "items": {"type": "nested", "properties": {"sku": exact, "count": {"type": "integer"}}},
    });
    let settings = json!({"number_of_shards": 2, "number_of_replicas": 0});
    let body = json!({"settings": settings, "mappings": {"thing": {"properties": properties}}});
    sides.create(&sides.old, "from", &body).await?;
    sides.load(&sides.old, "from", documents()).await?;
    let daemon = sides.ferry("from", "to", "")?;
    let (code, log) = daemon.run_once()?;
    ensure!(code == 0, "exit code {code}\n{log}");
    sides.new.refresh(&sides.index("to")).await?;
    Ok((sides, daemon))
}

fn documents() -> impl Iterator<Item = Document> {
    (0..COUNT).map(|n| {
        let word = |step: u64| WORDS[usize::try_from((n * step + n / 8) % 8).unwrap_or(0)];
        let mut source = json!({
            "title": format!("{} {} {}", word(1), word(3), word(5)),
            "tag": word(1),
            "flag": n % 3 == 0,
            "n": n,
            "price": f64::from(u32::try_from(n % 50).unwrap_or(0)) * 1.25,
            "created": format!("2017-0{}-1{}T{:02}:30:00", 1 + n % 6, n % 9, n % 24),
            "items": [{"sku": word(1), "count": n % 5}, {"sku": word(3), "count": n % 7}],
        });
        if n % 6 == 0
            && let Some(fields) = source.as_object_mut()
        {
            fields.remove("tag");
        }
        Document::new(n.to_string(), source.to_string())
    })
}

#[tokio::test]
async fn two_hundred_searches_differ_only_where_the_rewriting_said_so() {
    if !esferry_lab::wanted("200 generated searches compared after a migration") {
        return;
    }
    let (sides, daemon) = migrated("compare-many").await.unwrap();
    let searches = generator::searches(&sides.index("from"), 200, 20_261_126);
    let compared =
        compare(&daemon, &searches, &["--warmup", "0", "--repeat", "2", "--concurrency", "4"]).unwrap();
    assert_eq!(compared.verdicts().len(), 200);
    for name in compared.verdicts().keys().filter(|name| compared.verdicts()[*name] != "same") {
        let outcome = compared.search(name).unwrap();
        assert_eq!(outcome["verdict"], "different", "{}", compared.told());
        // What differs is what was announced, and nothing else.
        let announced = outcome["announced"].to_string();
        for difference in outcome["differences"].as_array().unwrap() {
            let at = difference["at"].as_str().unwrap();
            let rule = match at {
                "hits.ids" | "hits.order" => "default_similarity",
                _ if at.contains(".highlight.") => "highlight_filter",
                _ => panic!("nothing announces {at}: {outcome:#}"),
            };
            assert!(announced.contains(rule), "{at}: {outcome:#}");
        }
    }
    let same = compared.with("same").len();
    assert!(same >= 150, "{same} are the same: {}", compared.told());
    assert_eq!(compared.code, if same == 200 { 0 } else { 4 });
    // Every answer was measured, on both sides alike.
    for side in ["source", "target"] {
        assert_eq!(compared.report["latency"][side]["wall"]["count"], 400);
    }
}

#[tokio::test]
async fn the_seeds_queries_find_the_same_people() {
    if !esferry_lab::wanted("the seed's four queries, compared") {
        return;
    }
    let sides = Sides::new("compare-seed").await.unwrap();
    let people = [
        json!({"name": "John", "lname": "Smith"}),
        json!({"name": "Dor", "lname": "Sever"}),
        json!({"name": "AnotherName", "lname": "AnotherLastName"}),
        json!({"Alice": "White"}),
    ];
    let documents = people.iter().enumerate().map(|(at, tags)| {
        Document::new((at + 1).to_string(), json!({"actions": {"tags": tags}}).to_string())
    });
    sides.create(&sides.old, "from", &json!({})).await.unwrap();
    sides.load(&sides.old, "from", documents).await.unwrap();
    let transform = format!(
        "[[migrations.{NAME}.transform]]\nkey_value = {{ field = \"actions.tags\", into = {{ key_value = \"keyToValue\", value = \"value\" }}, separator = \":\" }}"
    );
    let daemon = sides.ferry("from", "to", &transform).unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    let searches = [
        ("by name", json!({"query": {"match": {"actions.tags.name": {"query": "John"}}}})),
        ("by another name", json!({"query": {"match": {"actions.tags.lname": {"query": "John"}}}})),
        ("by value", json!({"query": {"query_string": {"fields": ["actions.tags.*"], "query": "Dor"}}})),
        ("by pair", json!({"query": {"bool": {"must": [{"match": {"actions.tags.Alice": "White"}}]}}})),
    ]
    .map(|(name, body)| search(&sides, name, body));
    let compared = compare(&daemon, &searches, &[]).unwrap();
    assert_eq!((compared.code, compared.with("same").len()), (0, 4), "{}", compared.told());
    assert_eq!(compared.report["passed"], true);
}
