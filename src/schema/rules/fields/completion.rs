//! Completion: suggestions, which were made anew in 5.0.

use serde_json::{Value, json};

use super::{FIELD, Field, drop_from, kind};
use crate::schema::report::Severity;
use crate::schema::rule::Otherwise::{OtherRule, Refused, Taken};
use crate::schema::rule::{Proof, Rule, Site, lenient_bool};

pub(in super::super) const RULES: &[Rule] = &[
    Rule {
        name: "completion_no_payloads",
        what: "`payloads:false` of a completion → removed",
        why: "there are no payloads that would have to be switched off",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"c":{"type":"completion","payloads":false}}}}}"#,
            document: r#"{"c":"word"}"#,
            otherwise: OtherRule("completion_payloads"),
        },
        apply: |field, _| {
            if field.get("payloads").is_some_and(|payloads| !lenient_bool(payloads)) {
                drop_from(field, &["completion"], &["payloads"]);
            }
        },
        ..FIELD
    },
    Rule {
        name: "completion_payloads",
        what: "`payloads` of a completion → removed",
        why: "a suggestion carries the document instead; documents with `payload` or `output` in this field are refused",
        severity: Severity::Lost,
        choices: &[
            "take `payload` and `output` out of the documents with a transform, and read the suggested document instead",
        ],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"c":{"type":"completion","payloads":true}}}}}"#,
            document: r#"{"c":{"input":["word"],"weight":3}}"#,
            otherwise: Refused,
        },
        apply: |field, _| drop_from(field, &["completion"], &["payloads"]),
        ..FIELD
    },
    Rule {
        name: "completion_length",
        what: "`max_len` → `max_input_length`",
        why: "it was renamed",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"dynamic_templates":[{"c":{"match":"c_*","mapping":{"type":"completion","max_len":20}}}]}}}"#,
            document: r#"{"c_x":"word"}"#,
            otherwise: Taken,
        },
        apply: |field, _| {
            if kind(field) == "completion"
                && let Some(length) = field.shift_remove("max_len")
            {
                field.entry("max_input_length").or_insert(length);
            }
        },
        ..FIELD
    },
    Rule {
        name: "completion_context",
        what: "`context:{name:{…}}` → `contexts:[{name,…}]`, `default` dropped",
        why: "the form is another and has no default; documents with `context` in this field are refused, they have to say `contexts`",
        severity: Severity::Lost,
        choices: &["write `contexts` in the place of `context` with a jq transform"],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"kind":{"type":"string","index":"not_analyzed"},"c":{"type":"completion","context":{"kind":{"type":"category","path":"kind","default":["x"]},"place":{"type":"geo","precision":["5km"],"neighbors":true}}}}}}}"#,
            document: r#"{"kind":"a","c":{"input":["word"],"contexts":{"place":{"lat":1.0,"lon":2.0}}}}"#,
            otherwise: Refused,
        },
        apply: contexts,
        ..FIELD
    },
];

fn contexts(field: &mut Field, _: &Site<'_>) {
    if kind(field) != "completion" {
        return;
    }
    let Some(Value::Object(given)) = field.shift_remove("context") else { return };
    let mut contexts = Vec::new();
    for (name, context) in given {
        let mut one =
            json!({"name": name, "type": context.get("type").cloned().unwrap_or(json!("category"))});
        if let Some(path) = context.get("path").filter(|path| !path.is_null()) {
            one["path"] = path.clone();
        }
        // Several precisions were allowed: the finest serves them all.
        let precision = match context.get("precision") {
            Some(Value::Array(all)) => all.iter().max_by_key(|one| one.as_u64().unwrap_or(0)),
            other => other,
        };
        if let Some(precision) = precision {
            one["precision"] = precision.clone();
        }
        contexts.push(one);
    }
    field.insert("contexts".to_owned(), Value::Array(contexts));
}
