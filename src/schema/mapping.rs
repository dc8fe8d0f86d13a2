//! Converts the mapping of one type: its root, its dynamic templates, every field wherever it stands.

use serde_json::{Map, Value};

use super::report::Report;
use super::rule::{Part, Place};
use super::rules::{At, Rules};
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
        // By name, the rules and the report find one template among others.
        let templates = by_name(root.get("dynamic_templates"));
        root.insert("dynamic_templates".to_owned(), Value::Object(templates));
        let at = At { part: Part::Root, place: Place::Own, name: type_name, path: &path };
        self.apply(at, &mut root, report);
        self.templates(&path, &mut root, report);
        self.fields(&path, "properties", Place::Own, &mut root, report);
        Value::Object(root)
    }

    fn templates(&self, path: &str, root: &mut Map<String, Value>, report: &mut Report) {
        let Some(Value::Object(mut templates)) = root.shift_remove("dynamic_templates") else { return };
        let path = format!("{path}.dynamic_templates");
        let at = At { part: Part::DynamicTemplates, place: Place::Template, name: "", path: &path };
        self.apply(at, &mut templates, report);
        for (name, template) in &mut templates {
            if let Some(Value::Object(mapping)) = template.get_mut("mapping") {
                let path = format!("{path}.{name}.mapping");
                let at = At { part: Part::Field, place: Place::Template, name: "{name}", path: &path };
                self.field(at, mapping, report);
            }
        }
        let list: Vec<Value> = templates
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
            let path = format!("{path}.{below}.{name}");
            let was_empty = field.is_empty();
            self.field(At { part: Part::Field, place, name, path: &path }, field, report);
            if field.is_empty() && !was_empty {
                gone.push(name.clone());
            }
        }
        fields.retain(|name, _| !gone.contains(name));
        if fields.is_empty() && below == "fields" {
            node.shift_remove(below);
        }
    }

    fn field(&self, at: At<'_>, field: &mut Map<String, Value>, report: &mut Report) {
        self.apply(at, field, report);
        let place = if at.place == Place::Template { Place::Template } else { Place::Own };
        self.fields(at.path, "properties", place, field, report);
        self.fields(at.path, "fields", Place::SubField, field, report);
    }
}

/// Dynamic templates by name, in their order. A name that comes again gets a number.
fn by_name(list: Option<&Value>) -> Map<String, Value> {
    let mut templates = Map::new();
    let list = list.and_then(Value::as_array).into_iter().flatten();
    for (name, template) in list.filter_map(Value::as_object).flatten() {
        let numbered = (1..).map(|n| if n == 1 { name.clone() } else { format!("{name}_{n}") });
        let free = numbered.into_iter().find(|name| !templates.contains_key(name));
        templates.insert(free.unwrap_or_default(), template.clone());
    }
    templates
}
