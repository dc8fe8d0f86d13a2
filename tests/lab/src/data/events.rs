//! Events whose tags have free keys: each new key is a new field of a 1.7 mapping, as in the seed's cluster.

use super::bulk::BulkWriter;
use super::document::Document;
use crate::endpoint::Endpoint;
use anyhow::Result;
use serde_json::{Map, Value, json};

/// Keys that occur in more than one event.
const COMMON: [&str; 3] = ["name", "region", "team"];

/// The create-index body of the source: the seed's dynamic template, in 1.7's words.
fn body() -> Value {
    json!({
        "settings": {"number_of_shards": 2, "number_of_replicas": 0},
        "mappings": {"event": {
            "dynamic_templates": [
                {"tags": {"path_match": "actions.tags.*", "mapping": {"type": "string", "index": "not_analyzed"}}}
            ],
            "properties": {
                "title": {"type": "string", "fields": {"raw": {"type": "string", "index": "not_analyzed"}}},
                "open": {"type": "boolean"},
                "created": {"type": "date"}
            }
        }},
        "aliases": {"open-events": {"filter": {"and": [{"term": {"open": true}}]}}}
    })
}

/// So many events, every one with a key of its own among its tags.
pub fn events(count: u64) -> impl Iterator<Item = Document> {
    (0..count).map(|number| {
        let mut tags = Map::new();
        for (place, key) in (0..).zip(COMMON) {
            tags.insert(key.to_owned(), json!(format!("{key}{}", (number + place) % 7)));
        }
        tags.insert(format!("ticket{number}"), json!(format!("T-{number}")));
        let source = json!({
            "title": format!("event {number}"), "open": number % 3 == 0, "created": 1_500_000_000_000_u64 + number,
            "actions": {"tags": tags}
        });
        Document::new(format!("e{number}"), source.to_string())
    })
}

/// Makes the index anew and loads it.
pub async fn load_events(endpoint: &Endpoint, index: &str, count: u64) -> Result<u64> {
    endpoint.recreate_index(index, &body()).await?;
    let written = BulkWriter::new(endpoint, index, Some("event")).sized(500, 1).index(events(count)).await?;
    endpoint.refresh(index).await?;
    Ok(written)
}

/// What the transform of the shipped configuration has to make of an event: told by hand, not by esferry.
pub fn event_with_keys_and_values(source: &[u8]) -> Result<Value> {
    let mut event: Value = serde_json::from_slice(source)?;
    if let Some(tags) = event.pointer_mut("/actions/tags") {
        let entries = tags.as_object().cloned().unwrap_or_default().into_iter().map(|(key, value)| {
            let value = value.as_str().unwrap_or_default().to_owned();
            json!({"keyToValue": format!("{key}:{value}"), "value": value})
        });
        *tags = entries.collect();
    }
    Ok(event)
}
