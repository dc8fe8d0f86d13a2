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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::dialect::Version;
    use crate::config::{KeyValueConfig, RenameConfig};
    use crate::schema::convert_type;
    use crate::schema::query::field_map;
    use crate::transform::Steps;

    fn with(transform: Vec<TransformConfig>) -> MigrationConfig {
        MigrationConfig { transform, ..MigrationConfig::default() }
    }

    fn rename(from: &str, to: &str) -> TransformConfig {
        TransformConfig::Rename(RenameConfig { from: from.to_owned(), to: to.to_owned() })
    }

    fn key_value(field: &str) -> TransformConfig {
        let into = serde_json::from_value(json!({})).unwrap();
        TransformConfig::KeyValue(KeyValueConfig { field: field.to_owned(), into, separator: ":".to_owned() })
    }

    /// The mapping of the target, and the paths of what is lost.
    fn converted(config: &MigrationConfig, mapping: Value) -> String {
        let (mut mapping, mut report) = (mapping, Report::default());
        rename_early(config, "mappings.t", &mut mapping, &mut report);
        let (from, to) = (Version::new(1, 7, 6), Version::new(6, 8, 23));
        let mut mapping = convert_type("t", &mapping, from, to, &mut report);
        let mut gone = template_names(&mapping);
        let steps = Steps::compile(&config.transform).unwrap();
        steps.reshape(mapping.as_object_mut().unwrap(), &mut Report::default());
        gone.retain(|name| !template_names(&mapping).contains(name));
        make_good(&field_map(config), "mappings.t", &gone, &mut report);
        let lost: Vec<&str> = report.unaccepted(&[]).iter().map(|lost| lost.path.as_str()).collect();
        format!("{} lost: {}", mapping["properties"], lost.join(", "))
    }

    #[test]
    fn fields_called_as_metadata_are_lost_until_a_step_renames_or_removes_them() {
        let mapping = json!({"properties": {"_type": {"type": "long"}, "n": {"type": "long"}}});
        insta::assert_snapshot!(converted(&with(vec![]), mapping.clone()), @r#"{"n":{"type":"long"}} lost: mappings.t.properties._type"#);
        let renamed = with(vec![rename("_type", "meta.kind")]);
        insta::assert_snapshot!(converted(&renamed, mapping.clone()), @r#"{"n":{"type":"long"},"meta":{"properties":{"kind":{"type":"long"}}}} lost: "#);
        let removed = with(vec![TransformConfig::Remove(vec!["_type".to_owned()])]);
        insta::assert_snapshot!(converted(&removed, mapping.clone()), @r#"{"n":{"type":"long"}} lost: "#);
        let same_name = converted(&with(vec![key_value("_type")]), mapping);
        assert!(same_name.ends_with("lost: mappings.t.properties._type"), "{same_name}");
    }

    #[test]
    fn what_is_lost_of_fields_that_go_is_no_loss() {
        let mapping = json!({
            "properties": {"a": {"properties": {"x": {"type": "string", "null_value": "-"}, "y": {"type": "string", "null_value": "-"}}}},
            "dynamic_templates": [{"m": {"path_match": "a.x.*", "mapping": {"type": "string", "null_value": "-"}}}]
        });
        let lost = |steps| {
            let told = converted(&with(steps), mapping.clone());
            told.split("lost: ").last().unwrap_or_default().to_owned()
        };
        insta::assert_snapshot!(lost(vec![]), @"mappings.t.dynamic_templates.m.mapping.null_value, mappings.t.properties.a.properties.x.null_value, mappings.t.properties.a.properties.y.null_value");
        let removed = TransformConfig::Remove(vec!["a.x".to_owned()]);
        insta::assert_snapshot!(lost(vec![removed]), @"mappings.t.properties.a.properties.y.null_value");
        assert_eq!(lost(vec![key_value("a")]), "");
    }

    #[test]
    fn steps_may_not_touch_the_field_that_names_the_types() {
        let merged = Shape::Merged { field: "type".to_owned(), prefixed: false };
        let refused = |step: TransformConfig| match refuse_touched_names(&with(vec![step]), &merged) {
            Ok(()) => "fine".to_owned(),
            Err(error) => error.to_string(),
        };
        insta::assert_snapshot!(refused(rename("kind", "type")), @"transform 1: `rename` concerns `type`, but `type` names the type of each document");
        assert!(refused(rename("type", "kind")).contains("names the type"));
        assert!(
            refused(TransformConfig::Remove(vec!["a".to_owned(), "type".to_owned()])).contains("`remove`")
        );
        assert!(refused(key_value("type.x")).contains("`type.x`"));
        assert_eq!(refused(rename("kind", "types")), "fine");
        assert!(refuse_touched_names(&with(vec![rename("kind", "type")]), &Shape::Plain).is_ok());
    }
}
