//! Where a slice lies, in words that its record in the store and the request that opens it have in common.

use crate::proxy::Recorded;
use serde_json::{Map, Value, json};

/// Shard and range of a slice, from its record (a line of `esferry slices --json`).
pub fn of_slice(record: &Value) -> Option<String> {
    let slice = record.get("slice")?;
    let shard = slice.pointer("/id/shard")?.as_u64()?;
    let range = slice.get("range")?;
    let filter = match range.get("by")?.as_str()? {
        "uid" => bounded("_uid", range),
        "field" => {
            let name = range.get("name")?.as_str()?;
            match (range.pointer("/part/range"), range.pointer("/part/rest")) {
                (Some(range), _) => bounded(name, range).or_else(|| Some(json!({"exists": {"field": name}}))),
                (None, Some(rest)) => {
                    let outside: Vec<Value> =
                        rest.as_array()?.iter().filter_map(|range| bounded(name, range)).collect();
                    Some(json!({"bool": {"must_not": outside}}))
                }
                (None, None) => return None,
            }
        }
        _ => None,
    };
    Some(format!("{shard} {}", filter.unwrap_or(Value::Null)))
}

/// Shard and range of the slice that a request opens.
pub fn opened(request: &Recorded) -> Option<String> {
    let preference = request.parameter("preference")?;
    let shard: String =
        preference.strip_prefix("_shards:")?.chars().take_while(char::is_ascii_digit).collect();
    let mut filter = request.json()?.pointer("/query/constant_score/filter").cloned().unwrap_or(Value::Null);
    // How the server is to evaluate it is no part of the place.
    forget_evaluation(&mut filter);
    Some(format!("{shard} {filter}"))
}

/// A range as it stands in a request; `None` when both ends are open.
fn bounded(name: &str, range: &Value) -> Option<Value> {
    let mut bounds = Map::new();
    for (end, word) in [("from", "gte"), ("to", "lt")] {
        if let Some(value) = range.get(end) {
            let value = value.get("millis").unwrap_or(value);
            bounds.insert(word.to_owned(), value.clone());
        }
    }
    (!bounds.is_empty()).then(|| json!({"range": {name: bounds}}))
}

fn forget_evaluation(filter: &mut Value) {
    match filter {
        Value::Object(fields) => {
            fields.remove("_cache");
            fields.remove("format");
            fields.values_mut().for_each(forget_evaluation);
        }
        Value::Array(values) => values.iter_mut().for_each(forget_evaluation),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(preference: &str, body: &Value) -> Recorded {
        let path = format!("/a/_search?scroll=5m&preference={preference}");
        Recorded::example("POST", &path, body.to_string())
    }

    #[test]
    fn a_slice_of_ids_is_found_again_in_its_request() {
        let record = json!({"slice": {"id": {"index": 0, "shard": 2, "number": 4},
            "range": {"by": "uid", "from": "a#1", "to": "a#5"}, "expected_docs": 3}, "state": "done"});
        let body = json!({"size": 5, "query": {"constant_score": {"filter":
            {"range": {"_uid": {"gte": "a#1", "lt": "a#5"}, "_cache": false}}}}});
        assert!(of_slice(&record).is_some());
        assert_eq!(of_slice(&record), opened(&request("_shards:2%3B_primary", &body)));
        assert_ne!(of_slice(&record), opened(&request("_shards:1%3B_primary", &body)));
    }

    #[test]
    fn slices_of_a_field_and_the_rest_of_it_are_found_too() {
        let range = json!({"from": {"millis": 5}});
        let slice = |part: &Value| {
            json!({"slice": {"id": {"index": 0, "shard": 0, "number": 1},
                "range": {"by": "field", "name": "at", "part": part}}})
        };
        let bounds = json!({"range": {"at": {"gte": 5, "format": "epoch_millis"}, "_cache": false}});
        let whole = |filter: &Value| json!({"query": {"constant_score": {"filter": filter}}});
        let opens = |filter: &Value| opened(&request("_shards:0", &whole(filter)));
        assert_eq!(of_slice(&slice(&json!({"range": range}))), opens(&bounds));
        let rest = of_slice(&slice(&json!({"rest": [range]})));
        assert_eq!(rest, opens(&json!({"bool": {"must_not": [bounds]}})));
        assert_ne!(rest, of_slice(&slice(&json!({"range": range}))));
        let valued = of_slice(&slice(&json!({"range": {}})));
        assert_eq!(valued, opens(&json!({"exists": {"field": "at"}})));
    }
}
