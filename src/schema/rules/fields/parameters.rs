//! Parameters that fields of many types share.

use serde_json::{Value, json};

use super::{FIELD, Field, drop_from, drop_keys, is_number, kind, text_of};
use crate::schema::rule::Otherwise::{DocumentRefused, Refused, Taken};
use crate::schema::rule::{Proof, Rule, Site, Versions, lenient_bool};

/// Parameters that are true or false, and strictly so since 6.0.
const BOOLEANS: [&str; 13] = [
    "index",
    "store",
    "doc_values",
    "coerce",
    "ignore_malformed",
    "enabled",
    "include_in_parent",
    "include_in_root",
    "norms",
    "fielddata",
    "eager_global_ordinals",
    "preserve_separators",
    "preserve_position_increments",
];

/// Values of `dynamic` that every version takes.
const DYNAMIC: [&str; 3] = ["true", "false", "strict"];

/// Parameters that only described how the old server stored a field.
const STORAGE: [&str; 7] = [
    "doc_values_format",
    "postings_format",
    "compress",
    "compress_threshold",
    "tokenized",
    "fuzzy_factor",
    "precision_step",
];

pub(in super::super) const RULES: &[Rule] = &[
    Rule {
        name: "booleans",
        from: Versions::before(6, 0),
        what: "`index:no/not_analyzed/analyzed`, `store:yes` and other words → `true/false`",
        why: "booleans are strict since 6.0, and `index` is one",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long","index":"no"},"d":{"type":"date","index":"not_analyzed"}},"dynamic_templates":[{"s":{"match":"s_*","mapping":{"type":"long","store":"yes","index":"analyzed"}}}]}}}"#,
            document: r#"{"n":1,"d":"2015-01-01","s_x":2}"#,
            otherwise: Refused,
        },
        apply: booleans,
        ..FIELD
    },
    Rule {
        name: "boolean_null_value",
        from: Versions::before(6, 0),
        what: "`null_value` of a boolean: words, numbers → `true/false`",
        why: "booleans are strict since 6.0",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"dynamic_templates":[{"b":{"match":"b_*","mapping":{"type":"boolean","null_value":"off"}}}]}}}"#,
            document: r#"{"b_x":true}"#,
            otherwise: DocumentRefused,
        },
        apply: |field, _| {
            if kind(field) == "boolean"
                && let Some(value) = field.get_mut("null_value").filter(|value| !value.is_boolean())
            {
                *value = Value::Bool(lenient_bool(value));
            }
        },
        ..FIELD
    },
    Rule {
        name: "storage_words",
        what: "`doc_values_format`, `postings_format`, `precision_step`, `compress`, `tokenized` … → removed",
        why: "they said how the old server stores a field, not what is in it",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long","precision_step":32},"m":{"type":"integer","precision_step":8}},"dynamic_templates":[{"s":{"match":"s_*","mapping":{"type":"string","postings_format":"default","doc_values_format":"default"}}}]}}}"#,
            document: r#"{"n":1,"m":2,"s_x":"a"}"#,
            otherwise: Refused,
        },
        apply: |field, _| drop_keys(field, &STORAGE),
        ..FIELD
    },
    Rule {
        name: "all_of_field",
        from: Versions::before(6, 0),
        what: "`include_in_all` of a field → removed",
        why: "6.x has no `_all`",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long","include_in_all":false},"o":{"type":"object","include_in_all":false,"properties":{"b":{"type":"date","include_in_all":false}}}}}}}"#,
            document: r#"{"n":1,"o":{"b":"2015-01-01"}}"#,
            otherwise: Refused,
        },
        apply: |field, _| drop_keys(field, &["include_in_all"]),
        ..FIELD
    },
    Rule {
        name: "sub_field_copies",
        from: Versions::before(6, 0),
        what: "`copy_to` of a sub-field → of the field itself",
        why: "only whole fields can be copied since 6.0, and the value is the same",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"a":{"type":"string","copy_to":["y"],"fields":{"raw":{"type":"string","index":"not_analyzed","copy_to":["x"]}}}}}}}"#,
            document: r#"{"a":"b"}"#,
            otherwise: Refused,
        },
        apply: sub_field_copies,
        ..FIELD
    },
    Rule {
        name: "leniency_of_others",
        what: "`coerce`, `ignore_malformed` of types that never heed them → removed",
        why: "the target refuses them there",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"d":{"type":"date","coerce":true},"i":{"type":"ip","coerce":false}},"dynamic_templates":[{"s":{"match":"s_*","mapping":{"type":"string","ignore_malformed":true,"coerce":true}}}]}}}"#,
            document: r#"{"d":"2015-01-01","i":"10.0.0.1","s_x":"a"}"#,
            otherwise: Refused,
        },
        apply: |field, _| {
            drop_from(
                field,
                &["date", "ip", "boolean", "text", "keyword", "binary", "token_count"],
                &["coerce"],
            );
            drop_from(field, &["boolean", "text", "keyword", "binary", "token_count"], &["ignore_malformed"]);
        },
        ..FIELD
    },
    Rule {
        name: "index_options_of_others",
        what: "`index_options` of numbers, dates, booleans and addresses → removed",
        why: "they have no frequencies or positions to choose from",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long","index_options":"docs"},"d":{"type":"date","index_options":"freqs"}}}}}"#,
            document: r#"{"n":1,"d":"2015-01-01"}"#,
            otherwise: Taken,
        },
        apply: |field, _| {
            if is_number(field) || matches!(kind(field), "date" | "boolean" | "ip") {
                field.shift_remove("index_options");
            }
        },
        ..FIELD
    },
    Rule {
        name: "analysis_of_others",
        what: "`analyzer`, `term_vector`, `position_increment_gap` of anything but strings → removed",
        why: "nothing is analysed there",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long","analyzer":"simple","term_vector":"yes"},"b":{"type":"boolean","index_analyzer":"simple"}}}}}"#,
            document: r#"{"n":1,"b":true}"#,
            otherwise: Refused,
        },
        apply: |field, _| {
            if is_number(field) || matches!(kind(field), "date" | "boolean" | "ip" | "geo_point") {
                let words = [
                    "analyzer",
                    "search_analyzer",
                    "search_quote_analyzer",
                    "term_vector",
                    "position_increment_gap",
                    "similarity",
                ];
                field.retain(|key, _| {
                    !(words.contains(&key.as_str()) || key.starts_with("store_term_vector"))
                });
            }
        },
        ..FIELD
    },
    Rule {
        name: "token_count_analyzer",
        what: "`token_count` without `analyzer` → `analyzer:default`",
        why: "it has to be named",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"dynamic_templates":[{"c":{"match":"c_*","mapping":{"type":"token_count"}}}]}}}"#,
            document: r#"{"c_x":"a b"}"#,
            otherwise: DocumentRefused,
        },
        apply: |field, _| {
            if kind(field) == "token_count" {
                field.shift_remove("search_analyzer");
                field.entry("analyzer").or_insert(json!("default"));
            }
        },
        ..FIELD
    },
];

fn sub_field_copies(field: &mut Field, _: &Site<'_>) {
    let mut copies: Vec<Value> = match field.get("copy_to") {
        Some(Value::Array(several)) => several.clone(),
        one => one.into_iter().cloned().collect(),
    };
    let own = copies.len();
    for (_, sub_field) in field.get_mut("fields").and_then(Value::as_object_mut).into_iter().flatten() {
        let found = match sub_field.as_object_mut().and_then(|sub_field| sub_field.shift_remove("copy_to")) {
            Some(Value::Array(several)) => several,
            one => one.into_iter().collect(),
        };
        for copy in found {
            if !copies.contains(&copy) {
                copies.push(copy);
            }
        }
    }
    if copies.len() > own {
        field.insert("copy_to".to_owned(), Value::Array(copies));
    }
}

fn booleans(field: &mut Field, _: &Site<'_>) {
    for key in BOOLEANS {
        let Some(value) = field.get_mut(key).filter(|value| value.is_string() || value.is_number()) else {
            continue;
        };
        if !value.as_str().is_some_and(|text| text.contains('{')) {
            *value = Value::Bool(lenient_bool(value));
        }
    }
    if text_of(field, "dynamic").is_some_and(|dynamic| !DYNAMIC.contains(&dynamic)) {
        let dynamic = field.get("dynamic").is_some_and(lenient_bool);
        field.insert("dynamic".to_owned(), json!(dynamic));
    }
}
