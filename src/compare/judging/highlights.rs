//! Highlighted fragments of a hit.

use serde_json::Value;

use super::{Findings, shown};

/// Compares the `highlight` of two hits, field by field.
pub(super) fn judge(at: &str, source: Option<&Value>, target: Option<&Value>, findings: &mut Findings) {
    let fields = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let (source, target) = (fields(source), fields(target));
    for field in source.keys().chain(target.keys().filter(|field| !source.contains_key(*field))) {
        let (one, other) = (source.get(field), target.get(field));
        if one != other {
            findings.differ(format!("{at}.highlight.{field}"), shown(one), shown(other));
        }
    }
}
