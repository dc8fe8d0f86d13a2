//! Facets: the simple ones become aggregations.

use serde_json::{Value, json};

use super::options::Options;
use super::rules::{FACET, FACETS, MALFORMED};
use super::{Rewriter, below};

impl Rewriter<'_> {
    /// `facets` of a body, which go to its aggregations.
    pub(super) fn facets(&mut self, parts: &mut Options, at: &str) {
        let at = below(at, "facets");
        let facets = match parts.get("facets").cloned() {
            Some(Value::Object(facets)) => facets,
            Some(_) => return self.refuse(&MALFORMED, &at),
            None => return,
        };
        if facets.is_empty() {
            parts.shift_remove("facets");
            self.change(&FACET, &at, Some(json!({"facets": {}})), None);
            return;
        }
        let (mut aggs, mut left) = (Options::new(), Options::new());
        for (name, facet) in &facets {
            let at = below(&at, name);
            match aggregation(facet) {
                Some(aggregation) => {
                    self.change(&FACET, &at, Some(facet.clone()), Some(aggregation.clone()));
                    aggs.insert(name.clone(), aggregation);
                }
                None => {
                    self.refuse(&FACETS, &at);
                    left.insert(name.clone(), facet.clone());
                }
            }
        }
        parts.shift_remove("facets");
        if !left.is_empty() {
            parts.insert("facets".to_owned(), Value::Object(left));
        }
        if aggs.is_empty() {
            return;
        }
        let key = if parts.contains_key("aggregations") { "aggregations" } else { "aggs" };
        if let Value::Object(all) = parts.entry(key).or_insert_with(|| json!({})) {
            all.extend(aggs);
        }
    }
}

/// The aggregation in words of 1.x; the rules for aggregations see it afterwards.
fn aggregation(facet: &Value) -> Option<Value> {
    let mut entries = facet.as_object()?.iter();
    let (Some((kind, body)), None) = (entries.next(), entries.next()) else { return None };
    if kind == "filter" || kind == "query" {
        let filter = if kind == "query" { json!({"query": body}) } else { body.clone() };
        return Some(json!({"filter": filter}));
    }
    let body = body.as_object()?;
    let only =
        |known: &[&str]| body.keys().all(|key| known.contains(&key.as_str())) && body.contains_key("field");
    match kind.as_str() {
        "statistical" if only(&["field"]) => Some(json!({"extended_stats": body})),
        "histogram" if only(&["field", "interval"]) => Some(json!({"histogram": body})),
        "date_histogram" if only(&["field", "interval"]) => Some(json!({"date_histogram": body})),
        "range" if only(&["field", "ranges"]) => Some(json!({"range": body})),
        "terms" if only(&["field", "size", "order"]) => {
            let mut terms = body.clone();
            if let Some(order) = terms.shift_remove("order") {
                let order = match order.as_str()? {
                    "count" => json!({"_count": "desc"}),
                    "reverse_count" => json!({"_count": "asc"}),
                    "term" => json!({"_term": "asc"}),
                    "reverse_term" => json!({"_term": "desc"}),
                    _ => return None,
                };
                terms.insert("order".to_owned(), order);
            }
            Some(json!({"terms": terms}))
        }
        _ => None,
    }
}
