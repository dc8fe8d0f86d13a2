//! What the built-in steps do to the mapping of the target, each with its change in the report.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::config::{ConvertConfig, ConvertTo, FlattenConfig, KeyValueConfig, TransformConfig};
use crate::schema::accept;
use crate::schema::report::{Change, Report, Severity};

use super::Steps;
use super::mapped::{drop_templates, field_path, move_templates, place, put, take};

/// Characters of at most four bytes each, so that no term is longer than the 32 766 bytes that Lucene takes.
const IGNORE_ABOVE: u32 = 8191;

impl Steps {
    /// Follows the steps in a root mapping of the target (`properties`, `dynamic_templates`). A jq program cannot be
    /// followed, which the report says.
    pub fn reshape(&self, mapping: &mut Map<String, Value>, report: &mut Report) {
        for (at, config) in self.configs().iter().enumerate() {
            let mut reshaping = Reshaping { mapping: &mut *mapping, report: &mut *report };
            match config {
                TransformConfig::KeyValue(step) => reshaping.key_value(step),
                TransformConfig::Rename(step) => reshaping.rename("transform_rename", &step.from, &step.to),
                TransformConfig::Remove(fields) => fields.iter().for_each(|field| reshaping.remove(field)),
                TransformConfig::Set(step) => reshaping.set(&step.field, &step.value),
                TransformConfig::Convert(step) => reshaping.convert(step),
                TransformConfig::Flatten(step) => reshaping.flatten(step),
                TransformConfig::DropIf(_) => {}
                TransformConfig::Jq(_) => report.add(Change {
                    rule: "transform_jq",
                    path: "mappings".to_owned(),
                    before: None,
                    after: None,
                    reason: format!(
                        "{}: the mapping does not follow jq; fields that it makes are mapped dynamically, unless the schema names them: use schema = \"file:PATH\" or \"existing\" for a mapping of your own",
                        self.describe(at)
                    ),
                    severity: Severity::SearchMayDiffer,
                    choices: Vec::new(),
                }),
            }
        }
    }
}

struct Reshaping<'a> {
    mapping: &'a mut Map<String, Value>,
    report: &'a mut Report,
}

impl Reshaping<'_> {
    fn change(
        &mut self,
        rule: &'static str,
        field: &str,
        sides: (Option<Value>, Option<Value>),
        reason: String,
    ) {
        self.report.add(Change {
            rule,
            path: field_path(field),
            before: sides.0,
            after: sides.1,
            reason,
            severity: Severity::SearchMayDiffer,
            choices: Vec::new(),
        });
    }

    fn templates_gone(&mut self, rule: &'static str, field: &str) {
        for (name, template) in drop_templates(self.mapping, field) {
            self.report.add(Change {
                rule,
                path: format!("mappings.dynamic_templates.{name}"),
                before: Some(template),
                after: None,
                reason: format!("nothing is mapped below `{field}` any more"),
                severity: Severity::SameMeaning,
                choices: Vec::new(),
            });
        }
    }

    fn key_value(&mut self, step: &KeyValueConfig) {
        let before = take(self.mapping, &step.field);
        let keyword = json!({ "type": "keyword", "ignore_above": IGNORE_ABOVE });
        let names = [Some(&step.into.key_value), Some(&step.into.value), step.into.key.as_ref()];
        let mut properties: Map<String, Value> =
            names.into_iter().flatten().map(|name| (name.clone(), keyword.clone())).collect();
        let copies = copies_below(self.mapping, before.as_ref(), &step.field);
        match (copies.as_slice(), properties.get_mut(&step.into.value).and_then(Value::as_object_mut)) {
            ([all], Some(value)) if !all.iter().any(|to| is_below(to, &step.field)) => {
                value.extend((!all.is_empty()).then(|| ("copy_to".to_owned(), json!(all))));
            }
            ([], _) => {}
            _ => self.copies_lost(step, &copies),
        }
        let after = json!({ "properties": properties });
        put(self.mapping, &step.field, after.clone());
        let reason = format!(
            "the keys below `{0}` are values now: ask for `{0}.{1}` = \"KEY{2}VALUE\" or `{0}.{3}` = \"VALUE\", as exact terms",
            step.field, step.into.key_value, step.separator, step.into.value
        );
        self.change("transform_key_value", &step.field, (before, Some(after)), reason);
        self.templates_gone("transform_key_value", &step.field);
    }

    fn copies_lost(&mut self, step: &KeyValueConfig, copies: &[BTreeSet<String>]) {
        let path = format!("{}.copy_to", field_path(&step.field));
        let copied: BTreeSet<&String> = copies.iter().flatten().collect();
        self.report.add(Change {
            rule: "key_value_copies",
            before: Some(json!(copied)),
            after: None,
            reason: format!(
                "the keys below `{}` are one field now, and not all of them are copied to the same fields outside of it",
                step.field
            ),
            severity: Severity::Lost,
            choices: vec![
                accept(&path),
                "write what is copied into the other field by a jq transform before this one".to_owned(),
            ],
            path,
        });
    }

    fn rename(&mut self, rule: &'static str, from: &str, to: &str) {
        let before = take(self.mapping, from);
        if let Some(definition) = &before {
            put(self.mapping, to, definition.clone());
        }
        let moved = move_templates(self.mapping, from, to);
        if before.is_some() || !moved.is_empty() {
            let reason = format!("`{from}` is `{to}` on the target");
            self.change(rule, from, (before.clone(), before), reason);
        }
        for (name, template) in moved {
            self.report.add(Change {
                rule,
                path: format!("mappings.dynamic_templates.{name}"),
                before: Some(json!(from)),
                after: Some(template),
                reason: format!("`{from}` is `{to}` on the target"),
                severity: Severity::SameMeaning,
                choices: Vec::new(),
            });
        }
    }

    fn remove(&mut self, field: &str) {
        if let Some(before) = take(self.mapping, field) {
            let reason = format!("`{field}` is left out of the documents");
            self.change("transform_remove", field, (Some(before), None), reason);
        }
        self.templates_gone("transform_remove", field);
    }

    fn set(&mut self, field: &str, value: &Value) {
        let kind = match value {
            Value::String(_) => "keyword",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "double",
            Value::Number(_) => "long",
            _ => return,
        };
        if place(self.mapping, field).is_some_and(|(properties, name)| properties.contains_key(name)) {
            return;
        }
        let after = if kind == "keyword" {
            json!({ "type": kind, "ignore_above": IGNORE_ABOVE })
        } else {
            json!({ "type": kind })
        };
        put(self.mapping, field, after.clone());
        self.change("transform_set", field, (None, Some(after)), format!("`{field}` is set to {value}"));
    }

    fn convert(&mut self, step: &ConvertConfig) {
        let before = take(self.mapping, &step.field);
        let old = before.as_ref().and_then(Value::as_object);
        let old_type = old.and_then(|old| old.get("type")).and_then(Value::as_str);
        let mut after = Map::new();
        let same = old_type == Some(step.to.as_str())
            || (step.to == ConvertTo::String && matches!(old_type, Some("text" | "keyword")));
        match (same, old) {
            (true, Some(old)) => after = old.clone(),
            _ if step.to == ConvertTo::String => {
                after.insert("type".to_owned(), json!("keyword"));
                after.insert("ignore_above".to_owned(), json!(IGNORE_ABOVE));
            }
            _ => {
                after.insert("type".to_owned(), json!(step.to.as_str()));
            }
        }
        if step.to == ConvertTo::Date && after.contains_key("format") {
            add_iso(&mut after);
        }
        if let Some(copy_to) = old.and_then(|old| old.get("copy_to")) {
            after.insert("copy_to".to_owned(), copy_to.clone());
        }
        let after = Value::Object(after);
        put(self.mapping, &step.field, after.clone());
        if before.as_ref() != Some(&after) {
            let reason = format!("the values of `{}` are converted to {}", step.field, step.to.as_str());
            self.change("transform_convert", &step.field, (before, Some(after)), reason);
        }
    }

    fn flatten(&mut self, step: &FlattenConfig) {
        // The target takes dots in names as the way through objects: the mapping is the same.
        if step.separator != "."
            && let Some(before) = take(self.mapping, &step.field)
        {
            let mut after = before.clone();
            if let Some(properties) = after.get_mut("properties").and_then(Value::as_object_mut) {
                let mut flat = Map::new();
                leaves(properties, "", &step.separator, &mut flat);
                *properties = flat;
            }
            put(self.mapping, &step.field, after.clone());
            if before != after {
                let reason = format!("the names below `{}` are joined by {:?}", step.field, step.separator);
                self.change("transform_flatten", &step.field, (Some(before), Some(after)), reason);
            }
        }
        if let Some(into) = &step.into {
            self.rename("transform_flatten", &step.field, into);
        }
    }
}

/// The different lists of fields that the fields below `field` are copied to, by its mapping and by the dynamic
/// templates for it.
fn copies_below(
    mapping: &Map<String, Value>,
    field_mapping: Option<&Value>,
    field: &str,
) -> Vec<BTreeSet<String>> {
    fn collect(definition: &Value, all: &mut BTreeSet<BTreeSet<String>>) {
        match definition.get("properties").and_then(Value::as_object) {
            Some(inner) => inner.values().for_each(|inner| collect(inner, all)),
            // An object without fields copies nothing.
            None if definition.get("type").is_none_or(|kind| kind == "object" || kind == "nested") => {}
            None => {
                let copies = match definition.get("copy_to") {
                    Some(Value::Array(several)) => several.as_slice(),
                    one => one.map_or(&[][..], std::slice::from_ref),
                };
                all.insert(copies.iter().filter_map(Value::as_str).map(str::to_owned).collect());
            }
        }
    }
    let mut all = BTreeSet::new();
    if let Some(inner) = field_mapping.filter(|field| field.get("properties").is_some()) {
        collect(inner, &mut all);
    }
    let templates = mapping.get("dynamic_templates").and_then(Value::as_array).into_iter().flatten();
    for template in templates.filter_map(Value::as_object).flat_map(Map::values) {
        let path = template.get("path_match").and_then(Value::as_str);
        if path.is_some_and(|path| path != field && is_below(path, field)) {
            template.get("mapping").into_iter().for_each(|mapping| collect(mapping, &mut all));
        }
    }
    all.into_iter().collect()
}

fn is_below(path: &str, field: &str) -> bool {
    path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// `convert` writes ISO 8601, which a format of the source's own may not name.
fn add_iso(definition: &mut Map<String, Value>) {
    const ISO: &str = "strict_date_optional_time";
    let Some(Value::String(format)) = definition.get_mut("format") else { return };
    let known = ["strict_date_optional_time", "date_optional_time", "dateOptionalTime"];
    if !format.split("||").any(|part| known.contains(&part)) {
        *format = format!("{format}||{ISO}");
    }
}

fn leaves(properties: &Map<String, Value>, way: &str, separator: &str, flat: &mut Map<String, Value>) {
    for (name, definition) in properties {
        let name = if way.is_empty() { name.clone() } else { format!("{way}{separator}{name}") };
        match definition.get("properties").and_then(Value::as_object) {
            Some(inner) => leaves(inner, &name, separator, flat),
            None => {
                flat.insert(name, definition.clone());
            }
        }
    }
}
