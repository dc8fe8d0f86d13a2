//! What buckets are ordered by, and which of them are equal in that.

use serde_json::Value;

use super::numbers::{alike, number};

/// What a bucket is ordered by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    /// By numbers or keys, of which equal ones may be in any order.
    Values(Vec<Value>),
    /// By its place alone: histograms, ranges, filters.
    Fixed(usize),
}

impl Place {
    pub(super) fn ties(&self, other: &Place) -> bool {
        match (self, other) {
            (Place::Values(one), Place::Values(other)) => {
                one.iter().zip(other).all(|(one, other)| alike(one, other, 1e-9))
            }
            (one, other) => one == other,
        }
    }
}

/// Aggregations whose buckets come in the order of their counts, unless something else is asked for.
const BY_COUNT: [&str; 3] = ["terms", "geohash_grid", "rare_terms"];

/// The places of buckets, in their order.
pub(super) fn places(asked: Option<&Value>, buckets: &[Value]) -> Vec<Place> {
    let paths = paths(asked);
    let place = |(position, bucket): (usize, &Value)| {
        let values: Option<Vec<Value>> = paths.iter().map(|path| value(bucket, path)).collect();
        match values {
            Some(values) if !values.is_empty() => Place::Values(values),
            _ => Place::Fixed(position),
        }
    };
    buckets.iter().enumerate().map(place).collect()
}

/// By what buckets are ordered; empty for a fixed order.
fn paths(asked: Option<&Value>) -> Vec<String> {
    let Some(options) = asked.and_then(Value::as_object) else { return Vec::new() };
    let by_count = BY_COUNT.iter().any(|name| options.contains_key(*name));
    let order = options.values().find_map(|own| own.get("order"));
    let names = |order: &Value| {
        order.as_object().map(|order| order.keys().cloned().collect::<Vec<_>>()).unwrap_or_default()
    };
    match order {
        Some(Value::Array(list)) => list.iter().flat_map(names).collect(),
        Some(order) => names(order),
        None if options.contains_key("significant_terms") => vec!["score".to_owned()],
        None if by_count => vec!["_count".to_owned()],
        None => Vec::new(),
    }
}

/// What a bucket has at a path such as `_count`, `inner>stats.avg` or `load.99`.
fn value(bucket: &Value, path: &str) -> Option<Value> {
    match path {
        "_count" => return bucket.get("doc_count").cloned(),
        "_key" | "_term" | "_time" => return bucket.get("key").cloned(),
        "score" if bucket.get("score").is_some_and(Value::is_number) => return bucket.get("score").cloned(),
        _ => {}
    }
    let mut at = bucket;
    let mut parts = path.split('>').map(str::trim).peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_some() || at.get(part).is_some() {
            at = at.get(part)?;
            continue;
        }
        let (name, property) = part.rsplit_once('.')?;
        let inner = at.get(name)?;
        return inner.get(property).or_else(|| percentile(inner, property)).cloned();
    }
    at.get("value").or_else(|| at.get("doc_count")).cloned()
}

fn percentile<'a>(aggregation: &'a Value, percent: &str) -> Option<&'a Value> {
    let wanted: f64 = percent.parse().ok()?;
    let values = aggregation.get("values")?.as_object()?;
    values.iter().find(|(name, _)| name.parse() == Ok(wanted)).map(|(_, value)| value)
}

/// The name of a bucket: its key, which is the same for `5` and `5.0`.
pub(super) fn key(bucket: &Value, position: usize) -> String {
    match bucket.get("key") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(whole)) if whole.is_i64() || whole.is_u64() => whole.to_string(),
        Some(key) => number(key).map_or_else(|| key.to_string(), |number| number.to_string()),
        None => format!("#{position}"),
    }
}
