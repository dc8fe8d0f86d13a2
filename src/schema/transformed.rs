//! What the configured steps mean for a conversion, beside the mapping that they reshape: which losses they make
//! good, and which fields they may not touch.

use serde_json::Value;

use super::query::FieldMap;
use super::report::{Change, Report, Severity};
use super::rules::is_metadata;
use crate::config::{MigrationConfig, TransformConfig};
use crate::error::{Error, Result};
use crate::transform::{Shape, put, touched};

/// Refuses steps that write, move or take away the fields that name the types.
///
/// # Errors
/// `Config`, naming the step and the field.
pub(super) fn refuse_touched_names(config: &MigrationConfig, shape: &Shape) -> Result<()> {
    let (names, word) = match shape {
        Shape::Plain => return Ok(()),
        Shape::Merged { field, .. } => (vec![field], "merge"),
        Shape::Joined { field, type_field, .. } => {
            (std::iter::once(field).chain(type_field).collect(), "join")
        }
    };
    for (at, step) in config.transform.iter().enumerate() {
        for path in touched(step) {
            let Some(name) = names.iter().find(|name| covers(path, name) || covers(name, path)) else {
                continue;
            };
            let message = format!(
                "transform {}: `{}` concerns `{path}`, but `{name}` names the type of each document",
                at + 1,
                step.name()
            );
            return Err(Error::config("type_field", message).hint(format!(
                "leave `{name}` to the types, or give them another field: types = {{ {word} = {{ field = \"doc_{name}\" }} }}"
            )));
        }
    }
    Ok(())
}

/// Renames what cannot be called on the target as it is on the source, before it is converted: fields with the names
/// of metadata, and names with dots. What the steps rename later on is renamed where it stands then.
pub(super) fn rename_early(
    config: &MigrationConfig,
    type_path: &str,
    mapping: &mut Value,
    report: &mut Report,
) {
    let Some(root) = mapping.as_object_mut() else { return };
    for step in &config.transform {
        let TransformConfig::Rename(step) = step else { continue };
        let properties = root.get_mut("properties").and_then(Value::as_object_mut);
        let Some(properties) = properties.filter(|_| is_metadata(&step.from) || step.from.contains('.'))
        else {
            continue;
        };
        let Some(definition) = properties.shift_remove(&step.from) else { continue };
        put(root, &step.to, definition.clone());
        report.add(Change {
            rule: "transform_rename",
            path: format!("{type_path}.properties.{}", step.from),
            before: Some(definition.clone()),
            after: Some(definition),
            reason: format!("`{}` is `{}` on the target", step.from, step.to),
            severity: Severity::SearchMayDiffer,
            choices: Vec::new(),
        });
    }
}

/// Losses of fields that a step takes out of the documents, or of names below a map that becomes values, are none:
/// they stay in the report as what they are.
///
/// `type_path` is what the paths of the type begin with, `templates` are the names of dynamic templates that the
/// steps took away.
pub(super) fn make_good(fields: &FieldMap, type_path: &str, templates: &[String], report: &mut Report) {
    let below = format!("{type_path}.");
    for change in report.changes.iter_mut().filter(|change| change.severity == Severity::Lost) {
        let Some(rest) = change.path.strip_prefix(&below) else { continue };
        let reason = if let Some(field) = rest.strip_prefix("properties.") {
            let field = field.replace(".properties.", ".");
            let removed = fields.removed.iter().find(|removed| covers(removed, &field));
            let map = fields.key_value.iter().map(|map| &map.field);
            let map = map.into_iter().find(|map| covers(map, &field) && **map != field);
            removed
                .map(|removed| format!("a transform takes `{removed}` out of the documents"))
                .or_else(|| map.map(|map| format!("a transform makes values of the names below `{map}`")))
        } else {
            let template = rest.strip_prefix("dynamic_templates.");
            let mine = |name: &&String| template.is_some_and(|template| covers(name, template));
            templates.iter().find(mine).map(|name| format!("no field is left for the template `{name}`"))
        };
        if let Some(reason) = reason {
            change.reason = format!("{}; {reason}", change.reason);
            change.severity = Severity::SearchMayDiffer;
            change.choices.clear();
        }
    }
}

/// The names of the dynamic templates of a root.
pub(super) fn template_names(mapping: &Value) -> Vec<String> {
    let templates = mapping.get("dynamic_templates").and_then(Value::as_array).into_iter().flatten();
    templates.filter_map(Value::as_object).flat_map(|template| template.keys().cloned()).collect()
}

/// Whether `inner` is `outer` or lies below it.
fn covers(outer: &str, inner: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}
