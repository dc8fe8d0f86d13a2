//! Types and names of fields that are gone.

use serde_json::json;

use super::{FIELD, Field, drop_keys, kind, text_of};
use crate::schema::report::Severity;
use crate::schema::rule::Otherwise::{Refused, Taken};
use crate::schema::rule::{Place, Proof, Rule, Site};

pub(in super::super) const RULES: &[Rule] = &[
    Rule {
        name: "murmur3",
        what: "`murmur3` → not indexed",
        why: "it comes from a plugin since 2.0",
        severity: Severity::Lost,
        choices: &[
            "use a `cardinality` aggregation on the field itself",
            "install mapper-murmur3 on the target and give its mapping with `schema = \"file:PATH\"`",
        ],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"h":{"type":"murmur3"},"s":{"type":"string","fields":{"h":{"type":"murmur3"}}}}}}}"#,
            document: r#"{"h":"a","s":"b"}"#,
            otherwise: Refused,
        },
        apply: |field, site| {
            if kind(field) == "murmur3" {
                unindexed(field, site);
            }
        },
        ..FIELD
    },
    Rule {
        name: "attachment",
        what: "`attachment` → not indexed",
        why: "6.x has no such type; the text of the files is not searchable",
        severity: Severity::Lost,
        choices: &[
            "index through a pipeline of ingest-attachment on the target, with a mapping of your own (`schema = \"file:PATH\"`)",
        ],
        proof: Proof::Explained("the old servers need a plugin for it"),
        apply: |field, site| {
            if kind(field) == "attachment" {
                unindexed(field, site);
            }
        },
        ..FIELD
    },
    Rule {
        name: "object_short_names",
        what: "`path:just_name` of an object → removed",
        why: "fields are called by their whole path: searches by the short name find nothing",
        severity: Severity::Lost,
        choices: &[
            "search by the whole path",
            "add a field of type `alias` for each short name, in a mapping of your own (`schema = \"file:PATH\"`)",
        ],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"o":{"type":"object","path":"just_name","properties":{"a":{"type":"long"}}}}}}}"#,
            document: r#"{"o":{"a":1}}"#,
            otherwise: Refused,
        },
        apply: |field, _| {
            if text_of(field, "path") == Some("just_name") {
                field.shift_remove("path");
            }
        },
        ..FIELD
    },
    Rule {
        name: "object_full_names",
        what: "`path:full` → removed",
        why: "fields are always called by their whole path",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"dynamic_templates":[{"o":{"match":"o_*","match_mapping_type":"object","mapping":{"type":"object","path":"full"}}}]}}}"#,
            document: r#"{"o_x":{"a":1}}"#,
            otherwise: Taken,
        },
        apply: |field, _| {
            if text_of(field, "path") == Some("full") {
                field.shift_remove("path");
            }
        },
        ..FIELD
    },
    Rule {
        name: "index_name",
        what: "`index_name` → removed",
        why: "a field is called by its path: searches by the other name find nothing",
        severity: Severity::Lost,
        choices: &[
            "search by the path",
            "add a field of type `alias` with that name, in a mapping of your own (`schema = \"file:PATH\"`)",
        ],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"a":{"type":"long","index_name":"other"}}}}}"#,
            document: r#"{"a":1}"#,
            otherwise: Refused,
        },
        apply: |field, _| drop_keys(field, &["index_name"]),
        ..FIELD
    },
];

/// Leaves the value in the documents and takes it out of the index: whatever it is, it is taken (measured on 6.8.23).
fn unindexed(field: &mut Field, site: &Site<'_>) {
    field.clear();
    if site.place != Place::SubField {
        field.insert("type".to_owned(), json!("object"));
        field.insert("enabled".to_owned(), json!(false));
    }
}
