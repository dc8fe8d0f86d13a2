//! A field in a root mapping: where it is, how it is taken out and put in, and the dynamic templates for it.

use serde_json::{Map, Value, json};

/// Where a field stands in a mapping, for the report.
pub(super) fn field_path(field: &str) -> String {
    format!("mappings.properties.{}", field.replace('.', ".properties."))
}

/// The `properties` that a field stands in or would stand in, and its name there; `None` without them.
pub(super) fn place<'m, 'p>(
    mapping: &'m mut Map<String, Value>,
    path: &'p str,
) -> Option<(&'m mut Map<String, Value>, &'p str)> {
    let mut properties = mapping.get_mut("properties")?.as_object_mut()?;
    let mut rest = path;
    while let Some((name, below)) = rest.split_once('.') {
        properties = properties.get_mut(name)?.get_mut("properties")?.as_object_mut()?;
        rest = below;
    }
    Some((properties, rest))
}

/// Takes a field out.
pub(super) fn take(mapping: &mut Map<String, Value>, path: &str) -> Option<Value> {
    let (properties, name) = place(mapping, path)?;
    properties.shift_remove(name)
}

/// Puts a field in, with the objects around it.
pub(crate) fn put(mapping: &mut Map<String, Value>, path: &str, definition: Value) {
    let mut names = path.split('.').peekable();
    let mut around = mapping;
    while let Some(name) = names.next() {
        let properties = around.entry("properties").or_insert_with(|| json!({}));
        let Some(properties) = properties.as_object_mut() else { return };
        if names.peek().is_none() {
            properties.insert(name.to_owned(), definition);
            return;
        }
        let inner = properties.entry(name).or_insert_with(|| json!({}));
        let Some(inner) = inner.as_object_mut() else { return };
        around = inner;
    }
}

/// Takes out the dynamic templates for nothing but fields below `field`; returns them by name.
pub(super) fn drop_templates(mapping: &mut Map<String, Value>, field: &str) -> Vec<(String, Value)> {
    let mut gone = Vec::new();
    let Some(Value::Array(templates)) = mapping.get_mut("dynamic_templates") else { return gone };
    templates.retain(|template| {
        let (name, inner) = match template.as_object().and_then(|template| template.iter().next()) {
            Some(named) => named,
            None => return true,
        };
        let below = inner
            .get("path_match")
            .and_then(Value::as_str)
            .is_some_and(|path| path.strip_prefix(field).is_some_and(|rest| rest.starts_with('.')));
        if below {
            gone.push((name.clone(), inner.clone()));
        }
        !below
    });
    if templates.is_empty() {
        mapping.shift_remove("dynamic_templates");
    }
    gone
}

/// Lets the dynamic templates for fields below `from` hold below `to`; returns them by name.
pub(super) fn move_templates(mapping: &mut Map<String, Value>, from: &str, to: &str) -> Vec<(String, Value)> {
    let mut moved = Vec::new();
    let Some(Value::Array(templates)) = mapping.get_mut("dynamic_templates") else { return moved };
    for (name, inner) in templates.iter_mut().filter_map(Value::as_object_mut).flat_map(Map::iter_mut) {
        let Some(Value::String(path)) = inner.get_mut("path_match") else { continue };
        let Some(rest) = path.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('.'))
        else {
            continue;
        };
        *path = format!("{to}{rest}");
        moved.push((name.clone(), inner.clone()));
    }
    moved
}
