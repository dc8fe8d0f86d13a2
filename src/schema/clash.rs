//! A target index that exists already: which of its fields cannot take the source's documents.

use serde_json::{Map, Value};

use super::merge::Clash;
use super::rules::fields::kind;

/// Types that take each other's values, besides themselves: what each line's first can hold, the others may bring.
const TAKES: &[(&str, &[&str])] = &[
    ("text", &["keyword", "long", "integer", "short", "byte", "double", "float", "date", "boolean", "ip"]),
    ("keyword", &["text", "long", "integer", "short", "byte", "double", "float", "date", "boolean", "ip"]),
    // Whether a number is too large for a narrower type is the document's affair: a sample tells.
    ("long", &["integer", "short", "byte"]),
    ("integer", &["long", "short", "byte"]),
    ("short", &["long", "integer", "byte"]),
    ("byte", &["long", "integer", "short"]),
    ("double", &["float", "half_float", "long", "integer", "short", "byte", "scaled_float"]),
    ("float", &["double", "half_float", "long", "integer", "short", "byte", "scaled_float"]),
    ("scaled_float", &["double", "float", "half_float", "long", "integer", "short", "byte"]),
    ("nested", &["object"]),
    ("object", &["nested"]),
];

/// Fields whose type on the target cannot take the source's documents, and those that a strict target does not know.
///
/// Both are roots of mappings: the source's as it would be converted, and the target index's own. `a` is the source,
/// `b` the target. What a field *means* for searches is the choice of whoever made the target.
#[must_use]
pub fn existing_clashes(converted: &Value, existing: &Value) -> Vec<Clash> {
    let mut clashes = Vec::new();
    if let (Some(source), Some(target)) = (converted.as_object(), existing.as_object()) {
        compare("", source, target, false, &mut clashes);
    }
    clashes
}

fn compare(
    path: &str,
    source: &Map<String, Value>,
    target: &Map<String, Value>,
    strict: bool,
    clashes: &mut Vec<Clash>,
) {
    let strict = target.get("dynamic").map_or(strict, |dynamic| dynamic == "strict");
    let known = target.get("properties").and_then(Value::as_object);
    for (name, field) in source.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let mut clash = |there: Value| {
            clashes.push(Clash {
                field: here.clone(),
                a: ("source".to_owned(), field.clone()),
                b: ("target".to_owned(), there),
            });
        };
        match known.and_then(|known| known.get(name)) {
            None if strict => clash(Value::Null),
            None => {}
            Some(there) => {
                let (Some(field), Some(other)) = (field.as_object(), there.as_object()) else { continue };
                if takes(other, field) {
                    compare(&here, field, other, strict, clashes);
                } else {
                    clash(there.clone());
                }
            }
        }
    }
}

fn takes(target: &Map<String, Value>, source: &Map<String, Value>) -> bool {
    let (there, here) = (kind(target), kind(source));
    // A date without a format reads numbers as milliseconds.
    let reads_numbers = target
        .get("format")
        .is_none_or(|format| format.as_str().is_some_and(|format| format.contains("epoch")));
    if there == "date" && reads_numbers && ["long", "integer", "short", "byte"].contains(&here) {
        return true;
    }
    let is_off = target.get("enabled").is_some_and(|enabled| enabled == false || enabled == "false");
    is_off || there == here || TAKES.iter().any(|(takes, others)| *takes == there && others.contains(&here))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_cannot_take_the_source_are_named() {
        let source = json!({"properties": {"a": {"type": "text"}, "b": {"type": "text"}, "o": {"properties": {"n": {"type": "double"}}}}});
        let target = json!({"properties": {"a": {"type": "long"}, "b": {"type": "keyword"}, "o": {"dynamic": "strict", "properties": {}}}});
        let fields: Vec<String> =
            existing_clashes(&source, &target).into_iter().map(|clash| clash.field).collect();
        assert_eq!(fields, ["a", "o.n"]);
    }
}
