//! The root of a type's mapping: names and analyzers of its fields, and whatever else stands there.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::schema::report::Severity;
use crate::schema::rule::Otherwise::{Refused, Taken};
use crate::schema::rule::{Part, Proof, Rule, Site, Versions};

const KNOWN: &[&str] = &[
    "properties",
    "dynamic",
    "dynamic_templates",
    "dynamic_date_formats",
    "date_detection",
    "numeric_detection",
    "_source",
    "_routing",
    "_meta",
    "_field_names",
];

/// What most rules for roots have in common.
pub(super) const ROOT: Rule = Rule { part: Part::Root, from: Versions::before(6, 0), ..Rule::COMMON };

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "impossible_names",
        from: Versions::before(5, 0),
        what: "a field whose name is empty, has an empty part, or goes below a field that is no object → removed",
        why: "a dot in a name means an object since 5.0; documents with such a field are refused",
        severity: Severity::Lost,
        choices: &["rename the field in the documents with a transform"],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"a":{"type":"long"},"a.b":{"type":"long"},".c":{"type":"long"}}}}}"#,
            document: r#"{"a":1}"#,
            otherwise: Refused,
        },
        apply: |root, _| impossible_names(root),
        ..ROOT
    },
    Rule {
        name: "all_members",
        what: "`include_in_all` of a type → removed",
        why: "6.x has no `_all`",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"include_in_all":false}}}"#,
            document: "",
            otherwise: Taken,
        },
        apply: |root, _| {
            root.shift_remove("include_in_all");
        },
        ..ROOT
    },
    Rule {
        name: "type_analyzers",
        from: Versions::before(2, 0),
        what: "`analyzer`, `index_analyzer`, `search_analyzer` of a type → of each of its strings",
        why: "a type has no analyzers of its own since 2.0",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"analyzer":"whitespace","properties":{"a":{"type":"string"}}}}}"#,
            document: r#"{"a":"x","b":"y"}"#,
            otherwise: Refused,
        },
        apply: type_analyzers,
        ..ROOT
    },
    Rule {
        name: "unknown_root",
        from: Versions::since(1, 0),
        what: "anything else at the root of a type → removed",
        why: "the target does not know it",
        severity: Severity::Lost,
        choices: &["give the target's mapping with `schema = \"file:PATH\"`"],
        proof: Proof::Explained("no server reports what it does not know; plugins may"),
        apply: |root, _| root.retain(|key, _| KNOWN.contains(&key.as_str())),
        ..ROOT
    },
];

fn impossible_names(node: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = node.get_mut("properties") else { return };
    let is_scalar =
        |field: &Value| field.get("type").is_some_and(|kind| kind != "object" && kind != "nested");
    let scalars: BTreeSet<String> =
        properties.iter().filter(|(_, field)| is_scalar(field)).map(|(name, _)| name.clone()).collect();
    properties.retain(|name, _| {
        let empty = name.split('.').any(str::is_empty);
        let below = name.match_indices('.').any(|(at, _)| scalars.contains(&name[..at]));
        !empty && !below
    });
    for field in properties.values_mut().filter_map(Value::as_object_mut) {
        impossible_names(field);
    }
}

/// `default_index` is what 1.7 reports by itself where the index has an analyzer of that name (measured).
fn type_analyzers(root: &mut Map<String, Value>, _: &Site<'_>) {
    let mut pushed = Map::new();
    for key in ["analyzer", "index_analyzer", "search_analyzer", "search_quote_analyzer"] {
        if let Some(value) = root.shift_remove(key).filter(|value| value != "default_index") {
            pushed.insert(key.to_owned(), value);
        }
    }
    if pushed.is_empty() {
        return;
    }
    push_down(root, &pushed);
    for (_, template) in
        root.get_mut("dynamic_templates").and_then(Value::as_object_mut).into_iter().flatten()
    {
        if let Some(Value::Object(mapping)) = template.get_mut("mapping") {
            push_into(mapping, &pushed);
        }
    }
}

fn push_down(node: &mut Map<String, Value>, pushed: &Map<String, Value>) {
    for key in ["properties", "fields"] {
        for (_, field) in node.get_mut(key).and_then(Value::as_object_mut).into_iter().flatten() {
            if let Value::Object(field) = field {
                push_into(field, pushed);
            }
        }
    }
}

fn push_into(field: &mut Map<String, Value>, pushed: &Map<String, Value>) {
    let analysed = field.get("index").is_none_or(|index| index == "analyzed");
    if field.get("type").is_some_and(|kind| kind == "string" || kind == "text") && analysed {
        // A field's own `analyzer` is that of searches too.
        let own = field.contains_key("analyzer");
        for (key, value) in pushed.iter().filter(|_| !own) {
            field.entry(key).or_insert_with(|| value.clone());
        }
    }
    push_down(field, pushed);
}
