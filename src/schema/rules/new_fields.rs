//! What becomes of fields that no mapping names: they have to come out as in the source.

use serde_json::{Map, Value, json};

use super::root::ROOT;
use crate::schema::rule::Otherwise::{DocumentRefused, Refused, Taken};
use crate::schema::rule::{Proof, Rule, Versions, lenient_bool};

/// Dates with all of their day. Before 6.0 a string counts as a date only with two separators; 6.8 would make dates of
/// `2015-05` and, by lenient formats, of `15-3` (measured on all four).
const LENIENT_DATES: [&str; 2] = [
    "date||date_time||date_time_no_millis||date_hour_minute_second_fraction||date_hour_minute_second||date_hour_minute||date_hour||week_date",
    "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd",
];

/// The same for 2.x and 5.x, which want every digit.
const STRICT_DATES: [&str; 2] = [
    "strict_date||strict_date_time||strict_date_time_no_millis||strict_date_hour_minute_second_fraction||strict_date_hour_minute_second||strict_date_hour_minute||strict_date_hour||strict_week_date",
    "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd",
];

/// Whether these formats are the ones that the conversion spells out, and nobody's own.
pub(in crate::schema) fn spelled_dates(formats: &Value) -> bool {
    *formats == json!(LENIENT_DATES) || *formats == json!(STRICT_DATES)
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "root_words",
        what: "`date_detection`, `numeric_detection`: `no`, `yes` … → `false`, `true`",
        why: "booleans are strict since 6.0",
        proof: Proof::Example {
            body: r#"{"template":"esferry-rule-x*","mappings":{"t":{"date_detection":"no","numeric_detection":"yes"}}}"#,
            document: r#"{"a":"2015-01-01"}"#,
            otherwise: Refused,
        },
        apply: |root, _| {
            for key in ["date_detection", "numeric_detection"] {
                if let Some(value) = root.get_mut(key).filter(|value| !value.is_boolean()) {
                    *value = Value::Bool(lenient_bool(value));
                }
            }
            let kept = ["true", "false", "strict"];
            let plain =
                |value: &Value| value.is_boolean() || value.as_str().is_some_and(|text| kept.contains(&text));
            if let Some(dynamic) = root.get_mut("dynamic").filter(|value| !plain(value)) {
                *dynamic = Value::Bool(lenient_bool(dynamic));
            }
        },
        ..ROOT
    },
    Rule {
        name: "date_formats",
        from: Versions::before(7, 0),
        what: "`date_formats` → `dynamic_date_formats`",
        why: "6.x still takes the old name, later versions do not",
        proof: Proof::Example {
            body: r#"{"template":"esferry-rule-x*","mappings":{"t":{"date_formats":["yyyy.MM.dd"]}}}"#,
            document: r#"{"a":"2015.01.01"}"#,
            otherwise: DocumentRefused,
        },
        apply: |root, _| {
            if let Some(formats) = root.shift_remove("date_formats") {
                root.entry("dynamic_date_formats").or_insert(formats);
            }
        },
        ..ROOT
    },
    Rule {
        name: "dynamic_strings",
        from: Versions::before(2, 0),
        what: "new strings: dynamic template `text`, `fielddata:true`, `position_increment_gap:0` added at the end",
        why: "a new string would become text with a `keyword` sub-field; in the source it is analysed only",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long"}}}}}"#,
            document: r#"{"new":["a b","c"]}"#,
            otherwise: Taken,
        },
        apply: |root, _| {
            let text = json!({"type": "text", "fielddata": true, "position_increment_gap": 0});
            add_template(root, "esferry_strings", "string", text);
        },
        ..ROOT
    },
    Rule {
        name: "dynamic_strings_of_2",
        from: Versions::between((2, 0), (5, 0)),
        what: "new strings: dynamic template `text`, `fielddata:true` added at the end",
        why: "a new string would become text with a `keyword` sub-field; in the source it is analysed only",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long"}}}}}"#,
            document: r#"{"new":["a b","c"]}"#,
            otherwise: Taken,
        },
        apply: |root, _| {
            add_template(root, "esferry_strings", "string", json!({"type": "text", "fielddata": true}));
        },
        ..ROOT
    },
    Rule {
        name: "dynamic_floats",
        from: Versions::before(5, 0),
        what: "new floating point numbers: dynamic template `double` added at the end",
        why: "they would become `float`, which keeps about 7 digits; in the source they are `double`",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long"}}}}}"#,
            document: r#"{"new":0.123456789012}"#,
            otherwise: Taken,
        },
        apply: |root, _| add_template(root, "esferry_floats", "double", json!({"type": "double"})),
        ..ROOT
    },
    Rule {
        name: "dynamic_dates",
        from: Versions::before(2, 0),
        what: "new dates: dynamic template `date` with lenient formats and `epoch_millis` added at the end",
        why: "such a field takes every date and number later, not only those written like the first",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long"}}}}}"#,
            document: "{\"day\":\"2015-01-01\"}\n{\"day\":1420070400000}",
            otherwise: DocumentRefused,
        },
        apply: |root, _| dynamic_dates(root, "date_optional_time||yyyy/MM/dd HH:mm:ss||yyyy/MM/dd"),
        ..ROOT
    },
    Rule {
        name: "dynamic_date_formats",
        from: Versions::before(2, 0),
        what: "no `dynamic_date_formats` → the lenient formats of a whole day, spelled out",
        why: "which strings count as dates changed: without it 2015-1-1 would not, and 2015-05 would",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long"}}}}}"#,
            document: r#"{"day":"2015-1-1","at":"2015-01-01T10:00:00.123Z","slashed":"2015/01/02 03:04:05","number":"15","year":"2015"}"#,
            otherwise: Taken,
        },
        apply: |root, _| spell_dates(root, &LENIENT_DATES),
        ..ROOT
    },
    Rule {
        name: "dynamic_dates_of_2",
        from: Versions::between((2, 0), (6, 0)),
        what: "new dates: dynamic template `date` with the strict formats and `epoch_millis` added at the end",
        why: "such a field takes every date and number later, not only those written like the first",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long"}}}}}"#,
            document: "{\"day\":\"2015-01-01\"}\n{\"day\":1420070400000}",
            otherwise: DocumentRefused,
        },
        apply: |root, _| dynamic_dates(root, "strict_date_optional_time||yyyy/MM/dd HH:mm:ss||yyyy/MM/dd"),
        ..ROOT
    },
    Rule {
        name: "dynamic_date_formats_of_2",
        from: Versions::between((2, 0), (6, 0)),
        what: "no `dynamic_date_formats` → the strict formats of a whole day, spelled out",
        why: "which strings count as dates changed in 6.0: without it 2015-05 would",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"n":{"type":"long"}}}}}"#,
            document: r#"{"day":"2015-01-01","at":"2015-01-01T10:00:00.123Z","slashed":"2015/01/02 03:04:05","month":"2015-05"}"#,
            otherwise: Taken,
        },
        apply: |root, _| spell_dates(root, &STRICT_DATES),
        ..ROOT
    },
];

/// Whether new fields can come up anywhere in a mapping. An object that does not say follows the one above it.
fn grows(root: &Map<String, Value>) -> bool {
    fn below(node: &Map<String, Value>, inherited: bool) -> bool {
        let here = node.get("dynamic").map_or(inherited, |value| value != "strict" && lenient_bool(value));
        let fields = node.get("properties").and_then(Value::as_object).into_iter().flatten();
        here || fields.filter_map(|(_, field)| field.as_object()).any(|field| below(field, here))
    }
    below(root, true)
}

/// Adds a dynamic template behind those that are there, in the target's words.
fn add_template(root: &mut Map<String, Value>, name: &str, kind: &str, mapping: Value) {
    if grows(root)
        && let Value::Object(templates) = root.entry("dynamic_templates").or_insert_with(|| json!({}))
    {
        templates.insert(name.to_owned(), json!({"match_mapping_type": kind, "mapping": mapping}));
    }
}

fn detects_dates(root: &Map<String, Value>) -> bool {
    root.get("date_detection").is_none_or(lenient_bool) && grows(root)
}

fn own_date_formats(root: &Map<String, Value>) -> Option<String> {
    let formats = root.get("dynamic_date_formats").and_then(Value::as_array)?;
    let formats: Vec<&str> = formats.iter().filter_map(Value::as_str).collect();
    (!formats.is_empty()).then(|| formats.join("||"))
}

fn dynamic_dates(root: &mut Map<String, Value>, default: &str) {
    if detects_dates(root) {
        let formats = own_date_formats(root).unwrap_or_else(|| default.to_owned());
        let numbers = if formats.contains("epoch_") { "" } else { "||epoch_millis" };
        let mapping = json!({"type": "date", "format": format!("{formats}{numbers}")});
        add_template(root, "esferry_dates", "date", mapping);
    }
}

fn spell_dates(root: &mut Map<String, Value>, formats: &[&str]) {
    if detects_dates(root) && own_date_formats(root).is_none() {
        root.insert("dynamic_date_formats".to_owned(), json!(formats));
    }
}
