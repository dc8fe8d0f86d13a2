//! What it means for mappings that several types become one: relations go out of each, and fields that name them come in.

use serde_json::{Map, Value, json};

use super::report::{Change, Report, Severity};
use crate::transform::Shape;

/// Takes out of a type's mapping what concerns its relation to other types, before it is converted.
///
/// `some_unrouted`: documents of another type of the same target have no routing, so that it cannot be required.
pub(super) fn take_out_relations(
    shape: &Shape,
    name: &str,
    mapping: &mut Value,
    some_unrouted: bool,
    report: &mut Report,
) {
    let Some(root) = mapping.as_object_mut() else { return };
    let change = |rule, key: &str, before, after, reason: String| Change {
        rule,
        path: format!("mappings.{name}.{key}"),
        before,
        after,
        reason,
        severity: Severity::SameMeaning,
        choices: Vec::new(),
    };
    if let Shape::Joined { field, .. } = shape
        && let Some(parent) = root.shift_remove("_parent")
    {
        let reason = format!("parents and children are kept together by the join field `{field}`");
        report.add(change("join", "_parent", Some(parent), Some(json!({"join": field})), reason));
    }
    if *shape != Shape::Plain && some_unrouted && requires_routing(&Value::Object(root.clone())) {
        let routing = root.shift_remove("_routing");
        let reason = "other types of the same target have documents without routing".to_owned();
        report.add(change("routing_required", "_routing", routing, None, reason));
    }
}

/// Whether a type's mapping demands routing; 1.x reports that of every child.
pub(super) fn requires_routing(mapping: &Value) -> bool {
    mapping.pointer("/_routing/required").is_some_and(|required| required == true || required == "true")
}

/// Adds the fields that name type and parent to the one mapping.
pub(super) fn name_types(shape: &Shape, mapping: &mut Value) {
    let Some(root) = mapping.as_object_mut() else { return };
    if *shape == Shape::Plain {
        return;
    }
    let properties = root.entry("properties").or_insert_with(|| json!({}));
    let Some(properties) = properties.as_object_mut() else { return };
    match shape {
        Shape::Plain => {}
        Shape::Merged { field, .. } => {
            properties.insert(field.clone(), json!({"type": "keyword"}));
        }
        Shape::Joined { field, parents, type_field, .. } => {
            let mut relations: Map<String, Value> = Map::new();
            for (child, parent) in parents {
                let children = relations.entry(parent.clone()).or_insert_with(|| json!([]));
                if let Some(children) = children.as_array_mut() {
                    children.push(json!(child));
                }
            }
            properties.insert(field.clone(), json!({"type": "join", "relations": relations}));
            if let Some(type_field) = type_field {
                properties.insert(type_field.clone(), json!({"type": "keyword"}));
            }
        }
    }
}
