//! The same documents on both sides, each mapped as its server does it.

use anyhow::Result;
use esferry_lab::data::Document;
use serde_json::{Value, json};

use crate::sides::Sides;

const WORDS: [&str; 8] = ["red", "green", "blue", "quick", "brown", "fox", "lazy", "dog"];
const COUNT: u64 = 48;

/// Loads both sides under the names `from` and `to`.
pub async fn load(sides: &Sides) -> Result<()> {
    // Numbers are dates in 1.x whatever the format says.
    let (date, or_number) = ("yyyy-MM-dd HH:mm", "yyyy-MM-dd HH:mm||epoch_millis");
    let string = |exact: bool| match exact {
        true => json!({"type": "string", "index": "not_analyzed"}),
        false => json!({"type": "string"}),
    };
    let text = |exact: bool| json!({"type": if exact { "keyword" } else { "text" }});
    let old = json!({"settings": settings(), "mappings": {"thing": properties(string, date)}});
    let new = json!({"settings": settings(), "mappings": {"_doc": properties(text, or_number)}});
    sides.create(&sides.old, "from", &old).await?;
    sides.create(&sides.new, "to", &new).await?;
    sides.load(&sides.old, "from", documents()).await?;
    sides.load(&sides.new, "to", documents()).await?;
    Ok(())
}

fn settings() -> Value {
    json!({"number_of_shards": 2, "number_of_replicas": 0})
}

fn properties(string: impl Fn(bool) -> Value, date: &str) -> Value {
    json!({"properties": {
        "title": string(false),
        "body": string(false),
        "tag": string(true),
        "flag": {"type": "boolean"},
        "n": {"type": "integer"},
        "price": {"type": "double"},
        "created": {"type": "date", "format": date},
        "place": {"type": "geo_point"},
        "address": {"type": "ip"},
        "items": {"type": "nested", "properties": {"sku": string(true), "count": {"type": "integer"}}},
    }})
}

fn documents() -> impl Iterator<Item = Document> {
    (0..COUNT).map(|n| {
        let word = |step: u64| WORDS[usize::try_from(n * step % 8).unwrap_or(0)];
        let mut source = json!({
            "title": format!("{} {}", word(1), word(3)),
            "body": format!("the {} {} jumps over the {} number {n}", word(1), word(5), word(7)),
            "tag": word(1),
            "flag": n % 3 == 0,
            "n": n,
            "price": f64::from(u32::try_from(n).unwrap_or(0)) * 1.5,
            "created": format!("2017-0{}-1{} {:02}:30", 1 + n % 4, n % 9, n % 24),
            "place": {"lat": 40.0 + f64::from(u32::try_from(n).unwrap_or(0)) / 10.0, "lon": -70.0},
            "address": format!("10.0.{}.{n}", n % 4),
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
