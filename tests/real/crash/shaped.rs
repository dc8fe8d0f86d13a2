//! The same for documents that change on their way: types that become one, tags that become values, some left out.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use esferry_lab::reader::read_all;
use reqwest::Method;
use serde_json::{Value, json};

use super::Dice;
use crate::scene::phase;
use crate::sides::{NAME, Sides, number};

const DOCUMENTS: u64 = 9_000;

/// Type, id and source of a document of the source.
fn document(n: u64) -> (&'static str, String, Value) {
    let kind = if n.is_multiple_of(3) { "dog" } else { "cat" };
    // Ids that both types have, here and there.
    let id = format!("z{}", if n.is_multiple_of(30) { n + 1 } else { n });
    (kind, id, json!({"n": n, "state": n % 10, "tags": {format!("k{}", n % 5): format!("v{n}")}}))
}

fn expected() -> BTreeMap<String, Value> {
    let kept = (0..DOCUMENTS).map(document).filter(|(_, _, source)| source["state"] != json!(7));
    kept.map(|(kind, id, mut source)| {
        let tags = source["tags"].as_object().cloned().unwrap_or_default();
        source["tags"] = tags
            .iter()
            .map(|(key, value)| {
                let value = value.as_str().unwrap_or_default();
                json!({"keyToValue": format!("{key}:{value}"), "value": value})
            })
            .collect();
        source["type"] = json!(kind);
        (format!("{kind}-{id}"), source)
    })
    .collect()
}

#[tokio::test]
async fn kills_lose_and_double_nothing_of_merged_and_transformed_documents() {
    if !esferry_lab::wanted("kills while types are merged and documents transformed") {
        return;
    }
    let mut dice = Dice::new().unwrap();
    let sides = Sides::new("crash-shaped").await.unwrap();
    let mappings = json!({"cat": {"properties": {"tags": {"type": "object", "enabled": false}}},
        "dog": {"properties": {"tags": {"type": "object", "enabled": false}}}});
    let body = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}, "mappings": mappings});
    let from = sides.create(&sides.old, "from", &body).await.unwrap();
    let mut lines = String::new();
    for (kind, id, source) in (0..DOCUMENTS).map(document) {
        lines.push_str(&format!("{}\n{source}\n", json!({"index": {"_type": kind, "_id": id}})));
    }
    let loaded =
        sides.old.send(Method::POST, &format!("/{from}/_bulk"), "", Bytes::from(lines)).await.unwrap();
    assert_eq!(loaded.json().unwrap()["errors"], json!(false));
    sides.old.refresh(&from).await.unwrap();
    let more = format!(
        "types = \"merge\"\nslice = {{ docs = 300, page_docs = 60 }}\nwrite = {{ batch_docs = 40, bulks = 2 }}\n\
         [[migrations.{NAME}.transform]]\nkey_value = {{ field = \"tags\" }}\n\
         [[migrations.{NAME}.transform]]\njq = 'if .state == 7 then empty else . end'"
    );
    let daemon = sides.ferry("from", "to", &more).unwrap();
    let mut kills = 0;
    while kills < 8 {
        let mut running = daemon.start(&["--once"]).unwrap();
        tokio::time::sleep(Duration::from_millis(dice.between(80, 900))).await;
        if !running.is_running().unwrap() {
            break;
        }
        running.kill_nine().unwrap();
        kills += 1;
    }
    println!("{kills} kills");
    assert!(kills >= 2, "it was over too soon to be killed: {}", daemon.log());
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    let to = sides.index("to");
    sides.new.refresh(&to).await.unwrap();
    let mut arrived = BTreeMap::new();
    let read = read_all(&sides.new, &to, |document| {
        assert_eq!(document.version, 1);
        arrived.insert(
            document.id.to_owned(),
            serde_json::from_slice::<Value>(document.source).unwrap_or_default(),
        );
    });
    let expected = expected();
    assert_eq!(read.await.unwrap(), expected.len() as u64);
    assert_eq!(arrived, expected);
    let status = daemon.migration().unwrap();
    assert_eq!(phase(&status), "ready");
    let counts =
        ["read", "dropped", "rejected", "superseded"].map(|name| number(&status, &format!("/counts/{name}")));
    assert_eq!(counts, [DOCUMENTS, DOCUMENTS / 10, 0, 0], "{status:#}");
    assert_eq!(status["dropped"].as_object().unwrap().values().next(), Some(&json!(DOCUMENTS / 10)));
}
