//! Several types of one index, converted, as one mapping.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::rules::spelled_dates;

/// A field, or a switch of the root, that two mappings define differently.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Clash {
    /// Its path, such as `author.name`; a switch such as `dynamic` by its own name.
    pub field: String,
    /// One type, and what it says; `null`: nothing.
    pub a: (String, Value),
    /// The other type, and what it says.
    pub b: (String, Value),
}

/// Parameters in which definitions may differ: the one that takes more goes.
const SETTLED: [&str; 2] = ["ignore_above", "ignore_malformed"];

/// One mapping out of several converted ones.
///
/// Properties are merged at every depth; of `ignore_above` and `ignore_malformed` the one that takes more documents goes. `dynamic_templates` follow each other, those that say the same only once; a
/// template whose name is taken gets the type's name in front.
///
/// # Errors
/// Every field and switch on which two types disagree.
pub fn merge_types(types: &[(String, Value)]) -> Result<Value, Vec<Clash>> {
    let mut clashes = Vec::new();
    let mut merged: Vec<(String, Map<String, Value>)> = Vec::new();
    for (name, mapping) in types {
        let Some(mapping) = mapping.as_object() else { continue };
        match merged.first_mut() {
            None => merged.push((name.clone(), mapping.clone())),
            Some((first, root)) => {
                Merging { a: first, b: name, clashes: &mut clashes }.roots(root, mapping);
            }
        }
    }
    if clashes.is_empty() {
        Ok(merged.pop().map_or_else(|| json!({}), |(_, root)| Value::Object(root)))
    } else {
        // Names the two types that disagree, and not the first that says anything.
        Err(types_mapping_clashes(types))
    }
}

/// Every field and switch on which two types disagree; empty: [`merge_types`] succeeds.
#[must_use]
pub fn types_mapping_clashes(types: &[(String, Value)]) -> Vec<Clash> {
    let mut clashes: Vec<Clash> = Vec::new();
    for (at, (a, one)) in types.iter().enumerate() {
        for (b, other) in &types[at + 1..] {
            let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else { continue };
            Merging { a, b, clashes: &mut clashes }.roots(&mut one.clone(), other);
        }
    }
    clashes
}

struct Merging<'a> {
    a: &'a str,
    b: &'a str,
    clashes: &'a mut Vec<Clash>,
}

impl Merging<'_> {
    fn clash(&mut self, field: &str, a: Option<&Value>, b: Option<&Value>) {
        let said = |value: Option<&Value>| value.cloned().unwrap_or(Value::Null);
        self.clashes.push(Clash {
            field: field.to_owned(),
            a: (self.a.to_owned(), said(a)),
            b: (self.b.to_owned(), said(b)),
        });
    }

    /// For the keys of roots, which are looked at for either root.
    fn clash_once(&mut self, key: &str, a: Option<&Value>, b: Option<&Value>) {
        let told = |clash: &Clash| clash.field == key && clash.b.0 == self.b && clash.a.0 == self.a;
        if !self.clashes.iter().any(told) {
            self.clash(key, a, b);
        }
    }

    fn roots(&mut self, root: &mut Map<String, Value>, other: &Map<String, Value>) {
        let keys: Vec<String> = root.keys().chain(other.keys()).cloned().collect();
        for key in keys {
            let (a, b) = (root.get(&key).cloned(), other.get(&key));
            match key.as_str() {
                "properties" => {}
                "dynamic_templates" => {}
                // What somebody noted about a type stands beside what is noted about another.
                "_meta" => {
                    if let Some(Value::Object(b)) = b {
                        let mut meta = a.and_then(|a| a.as_object().cloned()).unwrap_or_default();
                        for (name, value) in b {
                            meta.entry(name).or_insert_with(|| value.clone());
                        }
                        root.insert(key, Value::Object(meta));
                    }
                }
                // A type without any takes no dates out of strings, or no new fields at all.
                "dynamic_date_formats" if a.is_none() || b.is_none() || a.as_ref() == b => {
                    root.extend(a.or(b.cloned()).map(|formats| (key, formats)));
                }
                "dynamic_date_formats" => {
                    let said = |formats: Option<&'_ Value>| {
                        formats.filter(|formats| !spelled_dates(formats)).cloned()
                    };
                    let (a, b) = (said(a.as_ref()), said(b));
                    self.clash_once(&key, a.as_ref(), b.as_ref());
                }
                _ if plain(&key, a.as_ref()) != plain(&key, b) => {
                    self.clash_once(&key, a.as_ref(), b);
                }
                _ => {
                    if let (None, Some(b)) = (&a, b) {
                        root.insert(key, b.clone());
                    }
                }
            }
        }
        if let Some(Value::Object(fields)) = other.get("properties") {
            let own = root.entry("properties").or_insert_with(|| json!({}));
            if let Value::Object(own) = own {
                self.fields("", own, fields);
            }
        }
        if let Some(Value::Array(templates)) = other.get("dynamic_templates") {
            let own = root.entry("dynamic_templates").or_insert_with(|| json!([]));
            if let Value::Array(own) = own {
                for (a, b) in differing_catch_alls(own, templates) {
                    self.clash("analyzer", Some(&a), Some(&b));
                }
                append_templates(own, templates, self.b);
            }
        }
    }

    fn fields(&mut self, path: &str, own: &mut Map<String, Value>, fields: &Map<String, Value>) {
        for (name, field) in fields {
            let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match own.get_mut(name) {
                None => {
                    own.insert(name.clone(), field.clone());
                }
                Some(known) => self.field(&here, known, field),
            }
        }
    }

    fn field(&mut self, path: &str, own: &mut Value, other: &Value) {
        let (Some(mine), Some(theirs)) = (own.as_object().cloned(), other.as_object()) else { return };
        if definition(&mine) != definition(theirs) {
            self.clash(path, Some(own), Some(other));
            return;
        }
        if let Some(own) = own.as_object_mut() {
            settle(own, theirs);
        }
        for below in ["properties", "fields"] {
            if let (Some(Value::Object(fields)), Some(own)) = (theirs.get(below), own.as_object_mut()) {
                let known = own.entry(below).or_insert_with(|| json!({}));
                if let Value::Object(known) = known {
                    self.fields(path, known, fields);
                }
            }
        }
    }
}

/// A switch with its default spelled out, so that saying it and not saying it are the same.
fn plain(key: &str, value: Option<&Value>) -> Value {
    let default = match key {
        "dynamic" | "date_detection" => json!(true),
        "numeric_detection" => json!(false),
        "_routing" => json!({"required": false}),
        "_source" | "_field_names" => json!({"enabled": true}),
        _ => Value::Null,
    };
    match value {
        None => default,
        Some(Value::String(text)) if text == "true" || text == "false" => json!(text == "true"),
        Some(Value::Object(map)) if map.is_empty() => default,
        Some(value) => value.clone(),
    }
}

/// The longer values, or all; malformed ones, if one of the two lets them in.
fn settle(own: &mut Map<String, Value>, other: &Map<String, Value>) {
    let above = |field: &Map<String, Value>| field.get("ignore_above").and_then(Value::as_u64);
    match (above(own), above(other)) {
        (Some(one), Some(two)) => {
            own.insert("ignore_above".to_owned(), json!(one.max(two)));
        }
        _ => {
            own.shift_remove("ignore_above");
        }
    }
    if let Some(lenient) = other.get("ignore_malformed").filter(|value| **value == json!(true)) {
        own.insert("ignore_malformed".to_owned(), lenient.clone());
    }
}

/// What has to agree in two definitions of one field.
fn definition(field: &Map<String, Value>) -> Vec<(String, Value)> {
    let mut definition: Vec<(String, Value)> = field
        .iter()
        .filter(|(key, _)| {
            !SETTLED.contains(&key.as_str()) && !["properties", "fields", "type"].contains(&key.as_str())
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    definition.push(("type".to_owned(), field.get("type").cloned().unwrap_or(json!("object"))));
    definition.sort_by(|one, other| one.0.cmp(&other.0));
    definition
}

/// What two types say of new strings, where the conversion's catch-alls differ: they hold the analyzers of the type.
fn differing_catch_alls(own: &[Value], others: &[Value]) -> Vec<(Value, Value)> {
    let analyzers = |template: &Value| {
        let mapping = template.pointer("/esferry_strings/mapping")?.as_object()?;
        let analyzers = mapping.iter().filter(|(key, _)| key.ends_with("analyzer"));
        Some(Value::Object(analyzers.map(|(key, value)| (key.clone(), value.clone())).collect()))
    };
    let (a, b) = (own.iter().find_map(analyzers), others.iter().find_map(analyzers));
    a.zip(b).into_iter().filter(|(a, b)| a != b).collect()
}

/// Catch-alls of the conversion have to stay behind everybody's own templates.
fn append_templates(own: &mut Vec<Value>, templates: &[Value], type_name: &str) {
    let name_of = |template: &Value| template.as_object().and_then(|map| map.keys().next().cloned());
    let is_last = |template: &Value| name_of(template).is_some_and(|name| name.starts_with("esferry_"));
    for template in templates.iter().filter(|template| !own.contains(template)).cloned().collect::<Vec<_>>() {
        let taken = own.iter().any(|known| name_of(known) == name_of(&template));
        let template = match (taken, &template) {
            (true, Value::Object(map)) => Value::Object(
                map.iter().map(|(name, value)| (format!("{type_name}_{name}"), value.clone())).collect(),
            ),
            _ => template,
        };
        own.push(template);
    }
    own.sort_by_key(is_last);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::dialect::Version;
    use crate::schema::convert_type;
    use crate::schema::report::Report;

    fn types(a: Value, b: Value) -> Vec<(String, Value)> {
        vec![("a".to_owned(), a), ("b".to_owned(), b)]
    }

    #[test]
    fn fields_of_both_types_are_merged_at_every_depth() {
        let merged = merge_types(&types(
            json!({"properties": {"o": {"properties": {"x": {"type": "long"}}}, "k": {"type": "keyword", "ignore_above": 5}},
                "dynamic_templates": [{"t": {"mapping": {"type": "long"}}}, {"esferry_strings": {}}]}),
            json!({"dynamic": "true", "properties": {"o": {"properties": {"y": {"type": "long"}}}, "k": {"type": "keyword"}},
                "dynamic_templates": [{"t": {"mapping": {"type": "date"}}}, {"esferry_strings": {}}]}),
        ));
        insta::assert_snapshot!(merged.unwrap(), @r##"{"properties":{"o":{"properties":{"x":{"type":"long"},"y":{"type":"long"}}},"k":{"type":"keyword"}},"dynamic_templates":[{"t":{"mapping":{"type":"long"}}},{"b_t":{"mapping":{"type":"date"}}},{"esferry_strings":{}}],"dynamic":"true"}"##);
    }

    #[test]
    fn what_two_types_disagree_on_is_named() {
        let clashes = merge_types(&types(
            json!({"_routing": {"required": true}, "properties": {"o": {"properties": {"x": {"type": "long"}}}}}),
            json!({"properties": {"o": {"properties": {"x": {"type": "date"}}}}}),
        ))
        .unwrap_err();
        let fields: Vec<&str> = clashes.iter().map(|clash| clash.field.as_str()).collect();
        assert_eq!(fields, ["_routing", "o.x"]);
    }

    #[test]
    fn saying_the_default_is_no_clash() {
        let merged = merge_types(&types(json!({"date_detection": true}), json!({})));
        assert!(merged.is_ok(), "{merged:?}");
    }

    #[test]
    fn what_the_conversion_adds_to_one_type_is_no_clash() {
        let grows = json!({"properties": {"o": {"dynamic": "true", "properties": {"x": {"type": "string"}}}}, "dynamic": "strict"});
        let strict = json!({"dynamic": "strict", "properties": {"n": {"type": "string"}}});
        let converted = |name: &str, mapping: &Value| {
            let (from, to) = (Version::new(1, 7, 6), Version::new(6, 8, 23));
            (name.to_owned(), convert_type(name, mapping, from, to, &mut Report::default()))
        };
        for types in [
            [converted("a", &grows), converted("b", &strict)],
            [converted("a", &strict), converted("b", &grows)],
        ] {
            let merged = merge_types(&types).unwrap();
            assert!(merged["dynamic_date_formats"].is_array(), "{merged}");
            assert_eq!(merged["dynamic_templates"].as_array().unwrap().len(), 3, "{merged}");
        }
        let open = converted("a", &json!({"properties": {"n": {"type": "string"}}}));
        let clashes = merge_types(&[open, converted("b", &strict)]).unwrap_err();
        let fields: Vec<&str> = clashes.iter().map(|clash| clash.field.as_str()).collect();
        assert_eq!(fields, ["dynamic"]);
        let own = converted("b", &json!({"dynamic_date_formats": ["yyyy"]}));
        let clashes = merge_types(&[converted("a", &json!({})), own]).unwrap_err();
        assert_eq!((&clashes[0].a.1, &clashes[0].b.1), (&Value::Null, &json!(["yyyy"])));
        let analysed = converted("b", &json!({"analyzer": "whitespace"}));
        let clashes = merge_types(&[converted("a", &json!({})), analysed]).unwrap_err();
        assert_eq!(clashes[0].field, "analyzer");
    }
}
