//! Analyzers of 1.7 make the same words on 6.8 once they are converted.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use esferry::schema::convert_settings;
use esferry::schema::report::Report;
use esferry_lab::Servers;
use reqwest::Method;
use serde_json::{Value, json};

use super::{NEW, Server, create};

const INDEX: &str = "conversion-analysis";
const TEXT: &str = "Running <b>foxes</b> of /usr/local/bin, mail to one@example.org; les chevaux";

/// Every name that 1.7 takes and 6.8 calls otherwise or takes as well. `dutchStem` of 1.7 lower-cases by itself, that of
/// 6.8 does not, so it stands behind `lowercase`, as everybody has it.
fn analysis() -> Value {
    let custom =
        |tokenizer: &str, filter: Value| json!({"type": "custom", "tokenizer": tokenizer, "filter": filter});
    json!({
        "tokenizer": {
            "paths": {"type": "pathHierarchy"}, "grams": {"type": "nGram", "min_gram": 2, "max_gram": 4},
            "edges": {"type": "edgeNGram", "min_gram": 1, "max_gram": 3}
        },
        "filter": {
            "short": {"type": "nGram", "min_gram": 1, "max_gram": 3}, "stops": {"type": "stop", "stopwords": ["of", "to"]},
            "same": {"type": "synonym", "synonyms": ["foxes,animals"]},
            "pairs": {"type": "shingle", "min_shingle_size": 2, "max_shingle_size": 6},
            "front": {"type": "edgeNGram", "min_gram": 1, "max_gram": 4},
            "parts": {"type": "word_delimiter"}, "payload": {"type": "delimited_payload_filter"}
        },
        "analyzer": {
            "a": custom("uaxUrlEmail", json!(["standard", "lowercase", "porterStem"])),
            "b": custom("paths", json!([])),
            "c": custom("grams", json!(["lowercase"])),
            "d": custom("standard", json!(["lowercase", "stops", "same"])),
            "e": custom("whitespace", json!(["pairs"])),
            "f": custom("standard", json!("lowercase,frenchStem")),
            "g": custom("whitespace", json!(["parts", "front"])),
            "h": {"type": "custom", "tokenizer": "pathHierarchy", "char_filter": ["htmlStrip"]},
            "i": custom("edges", json!(["lowercase", "dutchStem"])),
            "j": custom("standard", json!(["short", "russianStem", "payload"])),
            "k": {"type": "snowball", "language": "English"},
            "l": {"type": "pattern", "pattern": "\\W+"}
        }
    })
}

fn words(answer: &Value) -> Result<Vec<String>> {
    let tokens = answer.get("tokens").and_then(Value::as_array).context("no tokens")?;
    let mut words: Vec<String> = tokens
        .iter()
        .map(|token| format!("{} {} {}", token["token"], token["start_offset"], token["end_offset"]))
        .collect();
    // Words at one place come in no certain order.
    words.sort();
    Ok(words)
}

async fn same_words() -> Result<()> {
    let servers = Servers::shared(&["1.7.6", NEW]).await?;
    let (old, new) = (Server::of(&servers, "1.7.6").await?, Server::of(&servers, NEW).await?);
    old.endpoint.delete_index(INDEX).await?;
    let settings = json!({"number_of_shards": 1, "number_of_replicas": 0, "analysis": analysis()});
    old.put(&format!("/{INDEX}"), &json!({"settings": settings})).await?;
    let info =
        old.cluster.indices().await?.into_iter().find(|info| info.name == INDEX).context("no index")?;
    let mut report = Report::default();
    let from = info.created.context("no version")?;
    let settings = convert_settings(&info.settings, from, new.version, &mut report);
    create(&new, INDEX, &json!({"settings": settings})).await.with_context(|| settings.to_string())?;
    let analyzers = analysis();
    let names = analyzers["analyzer"].as_object().context("no analyzers")?.keys();
    let mut differ = Vec::new();
    for name in names {
        let path = format!("/{INDEX}/_analyze?analyzer={name}");
        let there = old.endpoint.send(Method::POST, &path, "text/plain", Bytes::from(TEXT)).await?.json()?;
        let here = new
            .endpoint
            .post(&format!("/{INDEX}/_analyze"), &json!({"analyzer": name, "text": TEXT}))
            .await?;
        let (there, here) = (words(&there)?, words(&here)?);
        if there != here {
            differ.push(format!("{name}: {there:?}, {here:?}"));
        }
    }
    ensure!(differ.is_empty(), "{}", differ.join("\n"));
    old.endpoint.delete_index(INDEX).await?;
    new.endpoint.delete_index(INDEX).await
}

#[tokio::test]
async fn analyzers_make_the_same_words_after_their_conversion() {
    if !esferry_lab::wanted("a dozen 1.7 analyzers and their conversions") {
        return;
    }
    same_words().await.unwrap();
}
