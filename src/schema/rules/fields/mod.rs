//! Fields: what becomes of their types and parameters, wherever they are defined.

pub(super) mod completion;
pub(super) mod dates;
pub(super) mod geo;
pub(super) mod known;
pub(super) mod parameters;
pub(super) mod strings;
pub(super) mod text;
pub(super) mod types;

use serde_json::{Map, Value};

use crate::schema::rule::{Part, Rule};

/// What most of the rules have in common.
const FIELD: Rule = Rule { part: Part::Field, ..Rule::COMMON };

/// Types of numbers.
const NUMBERS: [&str; 8] =
    ["long", "integer", "short", "byte", "double", "float", "half_float", "scaled_float"];

type Field = Map<String, Value>;

/// The type of a field; one without is an object. Within a template the type may be a placeholder.
pub(crate) fn kind(field: &Field) -> &str {
    field.get("type").and_then(Value::as_str).unwrap_or("object")
}

fn is_number(field: &Field) -> bool {
    NUMBERS.contains(&kind(field))
}

fn drop_keys(field: &mut Field, keys: &[&str]) {
    field.retain(|key, _| !keys.contains(&key.as_str()));
}

/// Drops parameters from fields of these types.
fn drop_from(field: &mut Field, kinds: &[&str], keys: &[&str]) {
    if kinds.contains(&kind(field)) {
        drop_keys(field, keys);
    }
}

fn text_of<'field>(field: &'field Field, key: &str) -> Option<&'field str> {
    field.get(key).and_then(Value::as_str)
}
