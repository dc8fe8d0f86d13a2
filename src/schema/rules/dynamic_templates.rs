//! Dynamic templates: which documents' fields they are for. What they make of a field is converted like any field.

use serde_json::{Map, Value, json};
use wildmatch::WildMatch;

use crate::schema::rule::Otherwise::{Refused, Taken};
use crate::schema::rule::{Part, Proof, Rule, Site};

/// Values of `match_mapping_type` that 6.8 knows; another one is refused at creation (measured).
const KINDS: [&str; 7] = ["object", "string", "long", "double", "boolean", "date", "binary"];

const TEMPLATES: Rule = Rule { part: Part::DynamicTemplates, ..Rule::COMMON };

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "template_kinds",
        what: "`match_mapping_type` with wildcards → a template for each kind; of a kind that no JSON value has → removed",
        why: "only the kinds of JSON values can be named",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"dynamic_templates":[{"whole":{"match":"*","match_mapping_type":"l*","mapping":{"type":"integer"}}},{"never":{"match":"*","match_mapping_type":"integer","mapping":{"type":"integer"}}}]}}}"#,
            document: r#"{"a":1,"b":1.5}"#,
            otherwise: Refused,
        },
        apply: kinds,
        ..TEMPLATES
    },
    Rule {
        name: "template_dynamic_type",
        what: "type `{dynamic_type}`, or none, for any kind → a template for strings, one for floating point numbers, one for the rest",
        why: "what can be said of strings is refused, or means something else, for the other kinds",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"dynamic_templates":[{"raw":{"match":"r*","mapping":{"type":"{dynamic_type}","index":"not_analyzed"}}}]}}}"#,
            document: r#"{"r1":"a b","r2":1,"r3":1.5,"r4":true}"#,
            otherwise: Taken,
        },
        apply: by_kind,
        ..TEMPLATES
    },
];

fn kinds(templates: &mut Map<String, Value>, _: &Site<'_>) {
    let given = std::mem::take(templates);
    for (name, template) in given {
        let kind = template.get("match_mapping_type").and_then(Value::as_str);
        let Some(kind) = kind.filter(|kind| *kind != "*" && !KINDS.contains(kind)) else {
            templates.insert(name, template);
            continue;
        };
        let pattern = WildMatch::new(kind);
        for kind in KINDS.iter().filter(|kind| pattern.matches(kind)) {
            let mut one = template.clone();
            one["match_mapping_type"] = json!(kind);
            templates.insert(format!("{name}_{kind}"), one);
        }
    }
}

fn by_kind(templates: &mut Map<String, Value>, _: &Site<'_>) {
    let given = std::mem::take(templates);
    for (name, mut template) in given {
        let open = match template.pointer("/mapping/type").and_then(Value::as_str) {
            Some(kind) => kind == "{dynamic_type}",
            None => template.pointer("/mapping/properties").is_none(),
        };
        if !open || !template.get("mapping").is_some_and(Value::is_object) {
            templates.insert(name, template);
            continue;
        }
        let kind = template.get("match_mapping_type").and_then(Value::as_str).filter(|kind| *kind != "*");
        match kind.map(ToOwned::to_owned) {
            Some(kind) => {
                if matches!(kind.as_str(), "string" | "double") {
                    template["mapping"]["type"] = json!(kind);
                }
                templates.insert(name, template);
            }
            None => {
                for kind in ["string", "double"] {
                    let mut one = template.clone();
                    one["match_mapping_type"] = json!(kind);
                    one["mapping"]["type"] = json!(kind);
                    templates.insert(format!("{name}_{kind}"), one);
                }
                template["mapping"]["type"] = json!("{dynamic_type}");
                if let Some(Value::Object(mapping)) = template.get_mut("mapping") {
                    mapping.retain(|key, _| !OF_STRINGS.contains(&key.as_str()));
                }
                templates.insert(name, template);
            }
        }
    }
}

/// What can be said of strings only.
const OF_STRINGS: &[&str] = &[
    "analyzer",
    "index_analyzer",
    "search_analyzer",
    "search_quote_analyzer",
    "norms",
    "omit_norms",
    "term_vector",
    "index_options",
    "position_offset_gap",
    "position_increment_gap",
    "ignore_above",
    "fielddata",
    "similarity",
    "omit_term_freq_and_positions",
];
