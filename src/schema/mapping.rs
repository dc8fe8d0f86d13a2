//! Converts the mapping of one type: its root, its dynamic templates, every field wherever it stands.

use serde_json::{Map, Value};

use super::report::Report;
use super::rule::{Part, Place};
use super::rules::Rules;
use crate::cluster::dialect::Version;

/// The mapping of a type in the target's words, without the level of types.
///
/// `from` is the version that created the index. Everything that is not the same afterwards is in the report, with
/// paths such as `mappings.alert.properties.title`.
#[must_use]
pub fn convert_type(
    type_name: &str,
    mapping: &Value,
    from: Version,
    to: Version,
    report: &mut Report,
) -> Value {
    Rules::between(from, to).mapping(type_name, mapping, report)
}

impl Rules {
    /// [`convert_type`] with these rules.
    #[must_use]
    pub fn mapping(&self, type_name: &str, mapping: &Value, report: &mut Report) -> Value {
        let path = format!("mappings.{type_name}");
        let mut root = mapping.as_object().cloned().unwrap_or_default();
        self.apply(Part::Root, Place::Own, &path, &mut root, report);
        self.templates(&path, &mut root, report);
        self.fields(&path, "properties", Place::Own, &mut root, report);
        Value::Object(root)
    }

    fn templates(&self, path: &str, root: &mut Map<String, Value>, report: &mut Report) {
        let Some(Value::Array(list)) = root.shift_remove("dynamic_templates") else { return };
        let path = format!("{path}.dynamic_templates");
        let mut by_name = Map::new();
        for (name, template) in list.into_iter().filter_map(object).flatten() {
            let taken = |name: &str| by_name.contains_key(name);
            let free = (2..).map(|n| format!("{name}_{n}")).find(|name| !taken(name));
            let name = if taken(&name) { free.unwrap_or(name) } else { name };
            by_name.insert(name, template);
        }
        self.apply(Part::DynamicTemplates, Place::Template, &path, &mut by_name, report);
        for (name, template) in &mut by_name {
            if let Some(Value::Object(mapping)) = template.get_mut("mapping") {
                self.field(&format!("{path}.{name}.mapping"), Place::Template, mapping, report);
            }
        }
        // A mapping that was emptied, as that of a type which is gone, has nothing to say any more.
        by_name.retain(|_, template| {
            template.get("mapping").is_none_or(|mapping| *mapping != Value::Object(Map::new()))
        });
        let list: Vec<Value> = by_name
            .into_iter()
            .map(|(name, template)| Value::Object(Map::from_iter([(name, template)])))
            .collect();
        if !list.is_empty() {
            root.insert("dynamic_templates".to_owned(), Value::Array(list));
        }
    }

    fn fields(
        &self,
        path: &str,
        below: &str,
        place: Place,
        node: &mut Map<String, Value>,
        report: &mut Report,
    ) {
        let Some(Value::Object(fields)) = node.get_mut(below) else { return };
        let mut gone = Vec::new();
        for (name, field) in fields.iter_mut() {
            let Value::Object(field) = field else { continue };
            self.field(&format!("{path}.{below}.{name}"), place, field, report);
            if field.is_empty() {
                gone.push(name.clone());
            }
        }
        fields.retain(|name, _| !gone.contains(name));
        if fields.is_empty() && below == "fields" {
            node.shift_remove(below);
        }
    }

    fn field(&self, path: &str, place: Place, field: &mut Map<String, Value>, report: &mut Report) {
        self.apply(Part::Field, place, path, field, report);
        self.fields(
            path,
            "properties",
            if place == Place::Template { place } else { Place::Own },
            field,
            report,
        );
        self.fields(path, "fields", Place::SubField, field, report);
    }
}

fn object(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        _ => None,
    }
}
