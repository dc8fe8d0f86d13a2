//! Dates: which formats they take.

use serde_json::json;

use super::{FIELD, kind, text_of};
use crate::schema::rule::Otherwise::{DocumentRefused, Refused};
use crate::schema::rule::{Proof, Rule, Versions};

pub(in super::super) const RULES: &[Rule] = &[
    Rule {
        name: "numeric_resolution",
        what: "`numeric_resolution:seconds` of a date → `||epoch_second` in its `format`",
        why: "the unit of a number is part of the format since 2.0",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"at":{"type":"date","numeric_resolution":"seconds"}}}}}"#,
            document: r#"{"at":1420070400}"#,
            otherwise: Refused,
        },
        apply: |field, _| {
            if kind(field) != "date" {
                return;
            }
            let seconds =
                text_of(field, "numeric_resolution").map(str::to_lowercase).as_deref() == Some("seconds");
            field.shift_remove("numeric_resolution");
            if seconds {
                let format = text_of(field, "format").unwrap_or("date_optional_time").to_owned();
                field.insert("format".to_owned(), json!(format!("{format}||epoch_second")));
            }
        },
        ..FIELD
    },
    Rule {
        name: "date_format_default",
        from: Versions::before(2, 0),
        what: "a date without `format` → `date_optional_time||epoch_millis`",
        why: "the default became strict in 2.0 and would refuse 2015-1-1",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"dynamic_templates":[{"d":{"match":"d_*","mapping":{"type":"date"}}}]}}}"#,
            document: r#"{"d_x":"2015-1"}"#,
            otherwise: DocumentRefused,
        },
        apply: |field, _| {
            if kind(field) == "date" && !field.contains_key("format") {
                field.insert("format".to_owned(), json!("date_optional_time||epoch_millis"));
            }
        },
        ..FIELD
    },
    Rule {
        name: "date_format_numbers",
        from: Versions::before(2, 0),
        what: "`format` of a date → the same with `||epoch_millis`",
        why: "the source takes numbers for milliseconds whatever the format says",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"at":{"type":"date"},"slashed":{"type":"date","format":"yyyy/MM/dd"}}}}}"#,
            document: r#"{"at":1420070400000,"slashed":1420070400000}"#,
            otherwise: DocumentRefused,
        },
        apply: |field, _| {
            if kind(field) == "date"
                && let Some(format) = text_of(field, "format").filter(|format| !format.contains("epoch_"))
            {
                let format = format!("{format}||epoch_millis");
                field.insert("format".to_owned(), json!(format));
            }
        },
        ..FIELD
    },
];
