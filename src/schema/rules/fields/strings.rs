//! `string`, which 6.x does not know: text, keyword, or only stored.

use serde_json::{Value, json};

use super::{FIELD, Field, kind, text_of};
use crate::schema::report::Severity;
use crate::schema::rule::Otherwise::{DocumentRefused, OtherRule, Refused, Taken};
use crate::schema::rule::{Proof, Rule, Versions};

pub(in super::super) const RULES: &[Rule] = &[
    Rule {
        name: "multi_field",
        what: "`multi_field` → its main field with `fields`",
        why: "the type is gone; 1.x rewrites it by itself everywhere but in templates",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"dynamic_templates":[{"m":{"match":"m*","match_mapping_type":"string","mapping":{"type":"multi_field","fields":{"{name}":{"type":"string"},"raw":{"type":"string","index":"not_analyzed"}}}}}]}}}"#,
            document: r#"{"m1":"a"}"#,
            otherwise: DocumentRefused,
        },
        apply: |field, site| unfold(field, site.name),
        ..FIELD
    },
    Rule {
        name: "string_to_keyword",
        what: "`string`, `index:not_analyzed` → `keyword`",
        why: "`string` is gone; a value that is one term is a keyword",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"tag":{"type":"string","index":"not_analyzed"}}}}}"#,
            document: r#"{"tag":"a b"}"#,
            otherwise: OtherRule("string_to_text"),
        },
        apply: |field, _| {
            if kind(field) == "string" && text_of(field, "index") == Some("not_analyzed") {
                field.insert("type".to_owned(), json!("keyword"));
                field.shift_remove("index");
            }
        },
        ..FIELD
    },
    Rule {
        name: "string_not_indexed",
        what: "`string`, `index:no` → `keyword`, `index:false`, `doc_values:false`",
        why: "`string` is gone; nothing is indexed of such a field, whatever its length",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"raw":{"type":"string","index":"no"}}}}}"#,
            document: r#"{"raw":"a b"}"#,
            otherwise: OtherRule("string_to_text"),
        },
        apply: |field, _| {
            let off = matches!(field.get("index"), Some(Value::Bool(false)))
                || matches!(text_of(field, "index"), Some("no" | "false"));
            if kind(field) == "string" && off {
                field.insert("type".to_owned(), json!("keyword"));
                field.insert("index".to_owned(), json!(false));
                field.entry("doc_values").or_insert(json!(false));
            }
        },
        ..FIELD
    },
    Rule {
        name: "string_to_text",
        what: "`string`, analysed → `text`, `fielddata:true`",
        why: "`string` is gone; 6.x sorts and aggregates on text only where it is told to, the source always",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"title":{"type":"string","fields":{"sub":{"type":"string"}}},"o":{"properties":{"inner":{"type":"string"}}},"n":{"type":"nested","properties":{"deep":{"type":"string"}}}},"dynamic_templates":[{"s":{"match":"s_*","mapping":{"type":"string"}}}]}}}"#,
            document: r#"{"title":"a b","o":{"inner":"c"},"n":[{"deep":"d"}],"s_x":"e"}"#,
            otherwise: Refused,
        },
        apply: |field, _| {
            if kind(field) == "string" {
                field.insert("type".to_owned(), json!("text"));
                field.shift_remove("index");
                field.entry("fielddata").or_insert(json!(true));
            }
        },
        ..FIELD
    },
    Rule {
        name: "text_gap",
        from: Versions::before(2, 0),
        what: "text without `position_increment_gap` → 0",
        why: "the default became 100 in 2.0: phrases would no longer match across the values of a list",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"title":{"type":"string"},"plain":{"type":"string","index_options":"docs"}}}}}"#,
            document: r#"{"title":["a b","c d"],"plain":"x"}"#,
            otherwise: Taken,
        },
        apply: |field, _| {
            let positions = !matches!(text_of(field, "index_options"), Some("docs" | "freqs"))
                && !field.contains_key("omit_term_freq_and_positions");
            let given =
                field.contains_key("position_offset_gap") || field.contains_key("position_increment_gap");
            if kind(field) == "text" && positions && !given {
                field.insert("position_increment_gap".to_owned(), json!(0));
            }
        },
        ..FIELD
    },
    Rule {
        name: "gap_name",
        from: Versions::before(2, 0),
        what: "`position_offset_gap` → `position_increment_gap`",
        why: "it was renamed in 2.0",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"title":{"type":"string","position_offset_gap":5}}}}}"#,
            document: r#"{"title":["a b","c d"]}"#,
            otherwise: Refused,
        },
        apply: |field, _| {
            if let Some(gap) = field.shift_remove("position_offset_gap") {
                field.insert("position_increment_gap".to_owned(), gap);
            }
        },
        ..FIELD
    },
    Rule {
        name: "no_frequencies",
        what: "`omit_term_freq_and_positions` → `index_options:docs`",
        why: "it was renamed in 0.90",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"dynamic_templates":[{"s":{"match":"s_*","mapping":{"type":"string","omit_term_freq_and_positions":true}}}]}}}"#,
            document: r#"{"s_x":"a"}"#,
            otherwise: Taken,
        },
        apply: |field, _| {
            if let Some(omit) = field.shift_remove("omit_term_freq_and_positions")
                && crate::schema::rule::lenient_bool(&omit)
            {
                field.insert("index_options".to_owned(), json!("docs"));
            }
        },
        ..FIELD
    },
    Rule {
        name: "text_null_value",
        what: "`null_value` of text → removed",
        why: "only keywords can have one: documents without a value are no longer found by it",
        severity: Severity::Lost,
        choices: &["write the value into the documents with a transform"],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"title":{"type":"string","null_value":"none"}}}}}"#,
            document: r#"{"title":null}"#,
            otherwise: Refused,
        },
        apply: |field, _| super::drop_from(field, &["text"], &["null_value"]),
        ..FIELD
    },
    Rule {
        name: "text_ignore_above",
        what: "`ignore_above` of text → removed",
        why: "only keywords can have one: long values are indexed as well",
        severity: Severity::SearchMayDiffer,
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"title":{"type":"string","ignore_above":10}}}}}"#,
            document: r#"{"title":"longer than ten"}"#,
            otherwise: Refused,
        },
        apply: |field, _| super::drop_from(field, &["text"], &["ignore_above"]),
        ..FIELD
    },
    Rule {
        name: "text_doc_values",
        what: "`doc_values` of text → removed",
        why: "text has none",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"title":{"type":"string","doc_values":false}},"dynamic_templates":[{"s":{"match":"s_*","mapping":{"type":"string","doc_values":false}}}]}}}"#,
            document: r#"{"title":"a","s_x":"b"}"#,
            otherwise: Taken,
        },
        apply: |field, _| super::drop_from(field, &["text"], &["doc_values"]),
        ..FIELD
    },
];

/// Makes the main one of the fields of a `multi_field` the field itself.
fn unfold(mapping: &mut Field, name: &str) {
    if mapping.get("type").is_none_or(|kind| kind != "multi_field") {
        return;
    }
    mapping.shift_remove("type");
    let Some(Value::Object(mut fields)) = mapping.shift_remove("fields") else {
        mapping.insert("type".to_owned(), json!("string"));
        return;
    };
    match fields.shift_remove(name) {
        Some(Value::Object(main)) => mapping.extend(main),
        // Without a main field the value itself was not searchable.
        _ => mapping.extend([("type".to_owned(), json!("string")), ("index".to_owned(), json!("no"))]),
    }
    if !fields.is_empty() {
        mapping.insert("fields".to_owned(), Value::Object(fields));
    }
}
