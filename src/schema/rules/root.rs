//! What stands at the root of a type's mapping: metadata fields and switches.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::schema::report::Severity;
use crate::schema::rule::Otherwise::{DocumentRefused, OtherRule, Refused, Taken};
use crate::schema::rule::{Part, Proof, Rule, Site, Versions, lenient_bool};

const OFF: &[&str] = &["_timestamp", "_ttl", "_boost", "_analyzer", "_size"];
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

const ROOT: Rule = Rule {
    name: "",
    part: Part::Root,
    from: Versions::before(6, 0),
    to: Versions::since(6, 0),
    what: "",
    why: "",
    severity: Severity::SameMeaning,
    choices: &[],
    proof: Proof::Explained(""),
    apply: |_, _| (),
};

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
        name: "metadata_off",
        what: "`_timestamp`, `_ttl`, `_size` … with `enabled:false` → removed",
        why: "it is switched off, and its name alone is refused",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_timestamp":{"enabled":false,"store":true},"_ttl":{"enabled":false,"default":"1d"}}}}"#,
            document: "",
            otherwise: OtherRule("timestamp"),
        },
        apply: |root, _| root.retain(|key, value| !(OFF.contains(&key.as_str()) && is_off(value))),
        ..ROOT
    },
    Rule {
        name: "timestamp",
        what: "`_timestamp` → removed",
        why: "6.x has no `_timestamp`; searches and sorts by it find nothing",
        severity: Severity::Lost,
        choices: &["write the time into a date field of your own with a transform"],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_timestamp":{"enabled":true,"store":true}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| drop_keys(root, &["_timestamp"]),
        ..ROOT
    },
    Rule {
        name: "ttl",
        what: "`_ttl` → removed",
        why: "6.x has no `_ttl`; documents stay until somebody deletes them",
        severity: Severity::Lost,
        choices: &["keep the time of expiry in a date field and delete by query"],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_ttl":{"enabled":true,"default":"30d"}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| drop_keys(root, &["_ttl"]),
        ..ROOT
    },
    Rule {
        name: "size_field",
        what: "`_size` → removed",
        why: "`_size` comes from a plugin since 2.0",
        severity: Severity::Lost,
        choices: &["install mapper-size on the target and give its mapping with `schema = \"file:PATH\"`"],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_size":{"enabled":true}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| drop_keys(root, &["_size"]),
        ..ROOT
    },
    Rule {
        name: "document_boost_and_analyzer",
        from: Versions::before(2, 0),
        what: "`_boost`, `_analyzer` → removed",
        why: "6.x lets no document choose its own boost or analyzer",
        severity: Severity::Lost,
        choices: &[
            "boost by a field with `function_score`",
            "give each analyzer a field of its own with a transform",
        ],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_analyzer":{"path":"lang"}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| drop_keys(root, &["_boost", "_analyzer"]),
        ..ROOT
    },
    Rule {
        name: "mapping_transform",
        from: Versions::before(5, 0),
        what: "`transform` of a mapping → removed",
        why: "6.x has no `transform`; what the script added was searchable and never in the documents",
        severity: Severity::Lost,
        choices: &["do the same with a transform of the migration", "use an ingest pipeline on the target"],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"transform":{"script":"ctx._source.b = ctx._source.a","lang":"groovy"}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| drop_keys(root, &["transform"]),
        ..ROOT
    },
    Rule {
        name: "parent",
        what: "`_parent` → removed",
        why: "an index of one type has no parents",
        severity: Severity::Lost,
        choices: &["say `types = \"join\"`: a join field takes its place"],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_parent":{"type":"above"}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| drop_keys(root, &["_parent"]),
        ..ROOT
    },
    Rule {
        name: "routing_path",
        what: "`_routing.path` → removed, `required` kept",
        why: "6.x takes no routing out of the document; copied documents keep theirs, writers have to send it",
        severity: Severity::Lost,
        choices: &["let whoever writes to the target send `routing`"],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_routing":{"required":false,"path":"user"}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| drop_within(root, "_routing", &["path"]),
        ..ROOT
    },
    Rule {
        name: "routing_words",
        what: "`_routing.store`, `index`, `doc_values` … → removed",
        why: "only `required` can be set",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_routing":{"required":false,"store":false}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| {
            if let Some(Value::Object(routing)) = root.get_mut("_routing") {
                routing.retain(|key, _| key == "required" || key == "path");
                if let Some(required) = routing.get_mut("required") {
                    *required = Value::Bool(lenient_bool(required));
                }
            }
            drop_if_empty(root, "_routing");
        },
        ..ROOT
    },
    Rule {
        name: "id_path",
        from: Versions::before(2, 0),
        what: "`_id.path` → removed",
        why: "6.x takes no id out of the document; copied documents keep theirs, writers have to send it",
        severity: Severity::Lost,
        choices: &["let whoever writes to the target send the id"],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_id":{"path":"key"}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| drop_within(root, "_id", &["path"]),
        ..ROOT
    },
    Rule {
        name: "fixed_metadata",
        what: "`_id`, `_type`, `_index`, `_uid`, `_version` settings → removed",
        why: "these are not configurable any more",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_id":{"index":"not_analyzed","store":true},"_type":{"store":true},"_index":{"enabled":true}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| {
            let id_path = root.get("_id").and_then(|id| id.get("path")).cloned();
            drop_keys(root, &["_id", "_type", "_index", "_uid", "_version"]);
            if let Some(path) = id_path {
                root.insert("_id".to_owned(), json!({"path": path}));
            }
        },
        ..ROOT
    },
    Rule {
        name: "all_off",
        what: "`_all:{enabled:false}` → removed",
        why: "there is no `_all` that would have to be switched off",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_all":{"enabled":false}}}}"#,
            document: "",
            otherwise: OtherRule("all_settings"),
        },
        apply: |root, _| {
            if root.get("_all").is_some_and(is_off) {
                root.shift_remove("_all");
            }
        },
        ..ROOT
    },
    Rule {
        name: "all_settings",
        what: "`_all:{…}` → removed",
        why: "6.x has no `_all`; a search that names it finds nothing, one that names no field looks at all of them",
        severity: Severity::SearchMayDiffer,
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_all":{"enabled":true,"store":true}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| drop_keys(root, &["_all"]),
        ..ROOT
    },
    Rule {
        name: "source_storage",
        from: Versions::before(5, 0),
        what: "`_source.compress`, `compress_threshold`, `format` → removed",
        why: "documents are always stored compressed, as they came",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_source":{"compress":true,"compress_threshold":"200b"}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| {
            drop_within(root, "_source", &["compress", "compress_threshold", "format"]);
            drop_if_empty(root, "_source");
        },
        ..ROOT
    },
    Rule {
        name: "field_names_words",
        what: "`_field_names.index`, `store` … → removed, `enabled` kept",
        why: "only `enabled` can be set",
        proof: Proof::Explained("1.x and 2.x report `enabled` alone"),
        apply: |root, _| {
            if let Some(Value::Object(names)) = root.get_mut("_field_names") {
                names.retain(|key, _| key == "enabled");
            }
            drop_if_empty(root, "_field_names");
        },
        ..ROOT
    },
    Rule {
        name: "type_path",
        what: "`path` of a type → removed",
        why: "fields are always called by their whole path",
        proof: Proof::Explained("1.7 takes the word and does not report it"),
        apply: |root, _| drop_keys(root, &["path"]),
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
        apply: |root, _| drop_keys(root, &["include_in_all"]),
        ..ROOT
    },
    Rule {
        name: "root_words",
        what: "`date_detection`, `numeric_detection`: `no`, `yes` … → `false`, `true`",
        why: "booleans are strict since 6.0",
        proof: Proof::Explained(
            "1.7 reports true and false whatever it was given; a template keeps the words",
        ),
        apply: |root, _| {
            for key in ["date_detection", "numeric_detection"] {
                if let Some(value) = root.get_mut(key).filter(|value| !value.is_boolean()) {
                    *value = Value::Bool(lenient_bool(value));
                }
            }
            if let Some(dynamic) = root.get_mut("dynamic").filter(|value| value.as_str() != Some("strict")) {
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
        proof: Proof::Explained(
            "1.7 reports the new name whatever it was given; a template keeps the old one",
        ),
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

fn is_off(value: &Value) -> bool {
    value.get("enabled").is_some_and(|enabled| !lenient_bool(enabled))
}

fn drop_keys(node: &mut Map<String, Value>, keys: &[&str]) {
    node.retain(|key, _| !keys.contains(&key.as_str()));
}

fn drop_within(node: &mut Map<String, Value>, inner: &str, keys: &[&str]) {
    if let Some(Value::Object(found)) = node.get_mut(inner) {
        let before = found.len();
        drop_keys(found, keys);
        if found.is_empty() && before > 0 {
            node.shift_remove(inner);
        }
    }
}

fn drop_if_empty(node: &mut Map<String, Value>, key: &str) {
    if node.get(key).and_then(Value::as_object).is_some_and(Map::is_empty) {
        node.shift_remove(key);
    }
}

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

/// Whether any new field can come up below this object.
fn grows(node: &Map<String, Value>) -> bool {
    let here = match node.get("dynamic") {
        Some(Value::String(text)) if text == "strict" => false,
        Some(value) => lenient_bool(value),
        None => true,
    };
    let below = || {
        let fields = node.get("properties").and_then(Value::as_object).into_iter().flatten();
        fields.filter_map(|(_, field)| field.as_object()).any(|field| {
            field.get("dynamic").is_some_and(|dynamic| dynamic != "strict" && lenient_bool(dynamic))
                || (field.contains_key("properties") && !field.contains_key("dynamic") && {
                    let inner = field.get("properties").and_then(Value::as_object).into_iter().flatten();
                    inner
                        .filter_map(|(_, field)| field.as_object())
                        .any(|field| field.contains_key("dynamic") && grows(field))
                })
        })
    };
    here || below()
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

/// `default_index` is what 1.7 reports by itself where the index has an analyzer of that name (measured).
fn type_analyzers(root: &mut Map<String, Value>, _: &Site) {
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
