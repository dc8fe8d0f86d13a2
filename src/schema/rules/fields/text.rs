//! How strings are analysed, scored and held in memory.

use serde_json::{Map, Value, json};

use super::{FIELD, Field, drop_from, drop_keys, kind, text_of};
use crate::schema::report::Severity;
use crate::schema::rule::Otherwise::{Refused, Taken};
use crate::schema::rule::{Proof, Rule, Site, lenient_bool};

/// What only words with an analyzer have.
const ANALYSED: &[&str] = &["analyzer", "search_analyzer", "search_quote_analyzer", "position_increment_gap"];

pub(in super::super) const RULES: &[Rule] = &[
    Rule {
        name: "index_analyzer",
        what: "`index_analyzer` → `analyzer`; alone: with `search_analyzer:default`",
        why: "it was renamed in 2.0, and `analyzer` alone would be that of searches too",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"a":{"type":"string","index_analyzer":"whitespace","search_analyzer":"simple"},"b":{"type":"string","index_analyzer":"whitespace"}}}}}"#,
            document: r#"{"a":"A b","b":"c"}"#,
            otherwise: Refused,
        },
        apply: |field, _| {
            if let Some(analyzer) = field.shift_remove("index_analyzer") {
                let searches = field.insert("analyzer".to_owned(), analyzer).unwrap_or(json!("default"));
                if kind(field) == "text" {
                    field.entry("search_analyzer").or_insert(searches);
                }
            }
        },
        ..FIELD
    },
    Rule {
        name: "default_index_of_field",
        what: "`analyzer:default_index` → `default`",
        why: "the analyzer is renamed with the settings",
        proof: Proof::Example {
            body: r#"{"settings":{"analysis":{"analyzer":{"default_index":{"type":"whitespace"}}}},"mappings":{"t":{"properties":{"a":{"type":"string","analyzer":"default_index"}}}}}"#,
            document: r#"{"a":"A b"}"#,
            otherwise: Refused,
        },
        apply: |field, _| {
            for key in ["analyzer", "search_analyzer", "search_quote_analyzer"] {
                if let Some(name) = field.get_mut(key).filter(|name| *name == "default_index") {
                    *name = json!("default");
                }
            }
        },
        ..FIELD
    },
    Rule {
        name: "keyword_analyzer",
        what: "`analyzer`, `search_analyzer`, `position_increment_gap` of a keyword → removed",
        why: "a keyword is one term and has no analyzer",
        severity: Severity::SearchMayDiffer,
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"a":{"type":"string","index":"not_analyzed","analyzer":"simple","position_offset_gap":3}}}}}"#,
            document: r#"{"a":"A b"}"#,
            otherwise: Refused,
        },
        apply: |field, _| drop_from(field, &["keyword"], ANALYSED),
        ..FIELD
    },
    Rule {
        name: "keyword_positions",
        what: "`term_vector`, `index_options` with positions of a keyword → removed",
        why: "a keyword is one term and has no positions",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"a":{"type":"string","index":"not_analyzed","term_vector":"yes","index_options":"offsets"}}}}}"#,
            document: r#"{"a":"A b"}"#,
            otherwise: Refused,
        },
        apply: |field, _| {
            drop_from(field, &["keyword"], &TERM_VECTORS);
            if kind(field) == "keyword"
                && matches!(text_of(field, "index_options"), Some("positions" | "offsets"))
            {
                field.shift_remove("index_options");
            }
        },
        ..FIELD
    },
    Rule {
        name: "lone_search_analyzer",
        what: "`search_analyzer`, `search_quote_analyzer` alone → with the `analyzer` they come with",
        why: "the others have to be named as well",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"a":{"type":"string","search_analyzer":"simple"}}}}}"#,
            document: r#"{"a":"A b"}"#,
            otherwise: Refused,
        },
        apply: lone_search_analyzer,
        ..FIELD
    },
    Rule {
        name: "norms",
        what: "`norms:{enabled}`, `omit_norms` → `norms:true/false`",
        why: "the object is deprecated and `omit_norms` is refused for keywords",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"a":{"type":"string","norms":{"enabled":false}},"k":{"type":"string","index":"not_analyzed","norms":{"enabled":true}}},"dynamic_templates":[{"o":{"match":"o_*","mapping":{"type":"string","omit_norms":true}}}]}}}"#,
            document: r#"{"a":"A b","k":"c","o_x":"d"}"#,
            otherwise: Taken,
        },
        apply: norms,
        ..FIELD
    },
    Rule {
        name: "norms_of_others",
        what: "`norms` of numbers, dates, booleans, addresses and points → removed",
        why: "they have none",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long","omit_norms":false},"d":{"type":"date","norms":{"enabled":true}},"b":{"type":"boolean","omit_norms":false}}}}}"#,
            document: r#"{"n":1,"d":"2015-01-01","b":true}"#,
            otherwise: Refused,
        },
        apply: |field, _| {
            if !matches!(kind(field), "text" | "keyword" | "{dynamic_type}") {
                drop_keys(field, &["norms"]);
            }
        },
        ..FIELD
    },
    Rule {
        name: "fielddata_pattern",
        what: "`fielddata.filter.regex` → removed",
        why: "only frequencies can filter fielddata: aggregations see every term",
        severity: Severity::SearchMayDiffer,
        proof: Proof::Example {
            body: r##"{"mappings":{"t":{"properties":{"a":{"type":"string","fielddata":{"filter":{"regex":{"pattern":"#.*"}}}}}}}}"##,
            document: r#"{"a":"A b"}"#,
            otherwise: Taken,
        },
        apply: |field, _| {
            if let Some(Value::Object(fielddata)) = field.get_mut("fielddata") {
                fielddata.retain(|key, _| !key.starts_with("filter.regex"));
                if let Some(Value::Object(filter)) = fielddata.get_mut("filter") {
                    filter.shift_remove("regex");
                }
            }
        },
        ..FIELD
    },
    Rule {
        name: "fielddata",
        what: "`fielddata:{…}` → `fielddata`, `fielddata_frequency_filter`, `eager_global_ordinals`, `doc_values`",
        why: "each of its parts has a word of its own",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"a":{"type":"string","fielddata":{"format":"disabled"}},"b":{"type":"string","fielddata":{"loading":"eager_global_ordinals","filter":{"frequency":{"min":0.1,"max":0.9,"min_segment_size":10}}}},"k":{"type":"string","index":"not_analyzed","fielddata":{"format":"doc_values"}},"n":{"type":"long","fielddata":{"format":"doc_values"}}}}}}"#,
            document: r#"{"a":"A b","b":"c","k":"d","n":1}"#,
            otherwise: Refused,
        },
        apply: fielddata,
        ..FIELD
    },
    Rule {
        name: "default_similarity_of_field",
        what: "`similarity:default` of a field → removed",
        why: "the default is BM25 since 5.0",
        severity: Severity::SearchMayDiffer,
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"a":{"type":"string","similarity":"default"}},"dynamic_templates":[{"s":{"match":"s_*","mapping":{"type":"string","similarity":"default"}}}]}}}"#,
            document: r#"{"a":"b","s_x":"A b"}"#,
            otherwise: Taken,
        },
        apply: |field, _| {
            if text_of(field, "similarity") == Some("default") {
                field.shift_remove("similarity");
            }
        },
        ..FIELD
    },
];

const TERM_VECTORS: [&str; 5] = [
    "term_vector",
    "store_term_vectors",
    "store_term_vector_offsets",
    "store_term_vector_positions",
    "store_term_vector_payloads",
];

fn lone_search_analyzer(field: &mut Field, _: &Site<'_>) {
    if !matches!(kind(field), "text" | "completion") {
        return;
    }
    if field.contains_key("search_quote_analyzer") && !field.contains_key("search_analyzer") {
        let analyzer = field.get("analyzer").cloned().unwrap_or(json!("default"));
        field.insert("search_analyzer".to_owned(), analyzer);
    }
    if field.contains_key("search_analyzer") && !field.contains_key("analyzer") {
        let own = if kind(field) == "completion" { "simple" } else { "default" };
        field.insert("analyzer".to_owned(), json!(own));
    }
}

fn norms(field: &mut Field, _: &Site<'_>) {
    if let Some(omit) = field.shift_remove("omit_norms") {
        field.insert("norms".to_owned(), Value::Bool(!lenient_bool(&omit)));
    }
    if let Some(norms) = field.get_mut("norms").filter(|norms| !norms.is_boolean()) {
        let enabled = match &*norms {
            Value::Object(parts) => parts.get("enabled").is_none_or(lenient_bool),
            word => lenient_bool(word),
        };
        *norms = Value::Bool(enabled);
    }
}

/// 1.7 reports filters flat, as `filter.frequency.min`, and takes them nested (measured).
fn fielddata(field: &mut Field, _: &Site<'_>) {
    let Some(Value::Object(given)) = field.get("fielddata").cloned() else {
        if !matches!(kind(field), "text" | "{dynamic_type}") {
            field.shift_remove("fielddata");
        }
        return;
    };
    field.shift_remove("fielddata");
    let format = given.get("format").and_then(Value::as_str);
    if format == Some("doc_values") && kind(field) != "text" {
        field.entry("doc_values").or_insert(json!(true));
    }
    let text = kind(field) == "text";
    if given.get("loading").is_some_and(|loading| loading == "eager_global_ordinals")
        && matches!(kind(field), "text" | "keyword")
        && format != Some("disabled")
    {
        field.insert("eager_global_ordinals".to_owned(), json!(true));
    }
    if !text {
        return;
    }
    field.insert("fielddata".to_owned(), json!(format != Some("disabled")));
    let mut filter = Map::new();
    for key in ["min", "max", "min_segment_size"] {
        let value = given.get(&format!("filter.frequency.{key}")).or_else(|| {
            given.get("filter").and_then(|filter| filter.get("frequency")).and_then(|part| part.get(key))
        });
        if let Some(value) = value {
            let number = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            filter.insert(key.to_owned(), number.unwrap_or_else(|| value.clone()));
        }
    }
    if !filter.is_empty() && format != Some("disabled") {
        field.insert("fielddata_frequency_filter".to_owned(), Value::Object(filter));
    }
}
