//! What two answers of different servers have in common: total, ids, buckets and values.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

/// One answer.
#[derive(Debug)]
pub struct Answer {
    /// `hits.total`.
    pub total: u64,
    /// The ids, in their order.
    pub ids: Vec<String>,
    aggregations: BTreeMap<String, String>,
}

impl Answer {
    /// From the body of an answer.
    pub fn of(answer: &Value) -> Result<Answer> {
        let total = answer.pointer("/hits/total").and_then(Value::as_u64).context("no total")?;
        let hits = answer.pointer("/hits/hits").and_then(Value::as_array).context("no hits")?;
        let ids = hits.iter().map(|hit| Ok(hit["_id"].as_str().context("no id")?.to_owned()));
        let ids = ids.collect::<Result<Vec<_>>>()?;
        let mut aggregations = BTreeMap::new();
        if let Some(all) = answer.get("aggregations") {
            flatten(all, "", &mut aggregations);
        }
        Ok(Answer { total, ids, aggregations })
    }

    /// Whether two answers say the same; the order of hits counts where a search asks for one.
    pub fn equals(&self, other: &Answer, sorted: bool) -> bool {
        let ids = |answer: &Answer| {
            let mut ids = answer.ids.clone();
            if !sorted {
                ids.sort();
            }
            ids
        };
        self.total == other.total && ids(self) == ids(other) && self.aggregations == other.aggregations
    }

    /// Whether it tells a right answer from a wrong one: neither nothing nor everything, or it has buckets.
    pub fn is_selective(&self, all: u64) -> bool {
        !self.aggregations.is_empty() || (self.total > 0 && self.total < all)
    }
}

/// What only one of the servers writes, or writes in its own way.
const OTHER_WORDS: [&str; 10] = [
    "bg_count",
    "from",
    "to",
    "key_as_string",
    "from_as_string",
    "to_as_string",
    "doc_count_error_upper_bound",
    "sum_other_doc_count",
    "_score",
    "max_score",
];

fn flatten(value: &Value, at: &str, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(entries) => {
            let place = |key: &str| format!("{at}/{key}");
            for (key, inner) in entries {
                let known = !OTHER_WORDS.contains(&key.as_str());
                let known = known && !key.ends_with("_as_string") && key != "std_deviation_bounds";
                if known && !["_index", "_type", "_source"].contains(&key.as_str()) {
                    flatten(inner, &place(key), into);
                }
            }
        }
        Value::Array(list) => {
            for (position, inner) in list.iter().enumerate() {
                flatten(inner, &format!("{at}/{position}"), into);
            }
        }
        Value::Number(number) => {
            // 1 and 1.0 are one key; the last digits of sums depend on their order.
            let number = number.as_f64().unwrap_or(f64::NAN);
            into.insert(at.to_owned(), format!("{number:.6}"));
        }
        other => drop(into.insert(at.to_owned(), other.to_string())),
    }
}
