//! What two versions of one node differ in, as few and as narrow places as tell it.

use serde_json::{Map, Value};

/// One place where they differ.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// The node's path with the way down to the place.
    pub path: String,
    /// What stood there.
    pub before: Option<Value>,
    /// What stands there now.
    pub after: Option<Value>,
}

/// Where `after` differs from `before`. Several keys are one difference of the node that holds them, unless `apart`,
/// which gives each key its own; a changed `type` is always a difference of the whole node.
pub(super) fn differences(
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    apart: bool,
) -> Vec<Difference> {
    let mut keys: Vec<&String> = before.keys().filter(|key| before.get(*key) != after.get(*key)).collect();
    keys.extend(after.keys().filter(|key| !before.contains_key(*key)));
    let mut found = Vec::new();
    let mut together = Vec::new();
    let whole = keys.iter().any(|key| key.as_str() == "type");
    for key in keys {
        match (before.get(key), after.get(key)) {
            (Some(Value::Object(before)), Some(Value::Object(after))) if !whole => {
                found.extend(differences(&format!("{path}.{key}"), before, after, apart));
            }
            (before, after) if apart && !whole => {
                let path = format!("{path}.{key}");
                found.push(Difference { path, before: before.cloned(), after: after.cloned() });
            }
            _ => together.push(key),
        }
    }
    match together.as_slice() {
        [] => {}
        [key] if !whole => found.push(Difference {
            path: format!("{path}.{key}"),
            before: before.get(*key).cloned(),
            after: after.get(*key).cloned(),
        }),
        keys => {
            let part = |node: &Map<String, Value>| {
                let found: Map<String, Value> =
                    keys.iter().filter_map(|key| Some(((*key).clone(), node.get(*key)?.clone()))).collect();
                (!found.is_empty()).then_some(Value::Object(found))
            };
            found.push(Difference { path: path.to_owned(), before: part(before), after: part(after) });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(before: &Value, after: &Value, apart: bool) -> Vec<String> {
        let (before, after) = (before.as_object().unwrap(), after.as_object().unwrap());
        differences("m", before, after, apart).into_iter().map(|difference| difference.path).collect()
    }

    #[test]
    fn a_difference_is_told_where_it_is() {
        let before = json!({"properties": {"a": {"type": "x"}, "b": {"type": "y"}}});
        assert_eq!(told(&before, &json!({"properties": {"a": {"type": "x"}}}), false), ["m.properties.b"]);
        assert_eq!(told(&json!({"a": 1, "b": 2}), &json!({}), false), ["m"]);
        assert_eq!(told(&json!({"a": 1, "b": 2}), &json!({}), true), ["m.a", "m.b"]);
        assert_eq!(told(&json!({"type": "string"}), &json!({"type": "text"}), true), ["m"]);
        assert_eq!(told(&json!({"a": 1}), &json!({"a": 1}), false), Vec::<String>::new());
    }
}
