//! What the server adds by itself: fields about a document (`_timestamp`, `_parent`, `_routing` …), a type of its own.

use serde_json::{Map, Value, json};

use super::root::ROOT;
use crate::schema::report::Severity;
use crate::schema::rule::Otherwise::{OtherRule, Refused, Taken};
use crate::schema::rule::{Proof, Rule, Versions, lenient_bool};

const OFF: &[&str] = &["_timestamp", "_ttl", "_boost", "_analyzer", "_size"];

/// Names that 6.8 keeps for itself: an index with such a field, or every document with one, is refused (measured).
const METADATA: [&str; 16] = [
    "_type",
    "_source",
    "_index",
    "_version",
    "_uid",
    "_field_names",
    "_seq_no",
    "_primary_term",
    "_ignored",
    "_routing",
    "_all",
    "_timestamp",
    "_ttl",
    "_parent",
    "_id",
    "_size",
];

/// Whether a field is called as metadata are, or lies in an object that is.
pub(in crate::schema) fn is_metadata(field: &str) -> bool {
    field.split('.').next().is_some_and(|name| METADATA.contains(&name))
}

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "metadata_names",
        from: Versions::before(5, 0),
        what: "a field called `_type`, `_source`, `_version`, `_routing` or as other metadata → removed",
        why: "6.x keeps these names for itself: it refuses an index with such a field, or every document with one",
        severity: Severity::Lost,
        choices: &[
            "give the field another name by a transform: rename = { from = \"_type\", to = \"kind\" }",
            "take it out of the documents by a transform: remove = [\"_type\"]",
        ],
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"_type":{"type":"string"},"_seq_no":{"type":"long"},"a":{"type":"long"}}}}}"#,
            document: r#"{"a":1}"#,
            otherwise: Refused,
        },
        apply: |root, _| {
            if let Some(Value::Object(properties)) = root.get_mut("properties") {
                properties.retain(|name, _| !is_metadata(name));
            }
        },
        ..ROOT
    },
    Rule {
        name: "percolator_type",
        from: Versions::before(5, 0),
        what: "type `.percolator` → its documents, not indexed",
        why: "percolator queries are fields of ordinary documents since 5.0: these are kept, and match nothing",
        severity: Severity::Lost,
        choices: &[
            "leave the type out, and register the queries anew in an index with a field of type `percolator`",
        ],
        proof: Proof::Example {
            body: r#"{"mappings":{".percolator":{}}}"#,
            document: r#"{"query":{"match_all":{}},"other":1}"#,
            otherwise: Taken,
        },
        apply: |root, site| {
            if site.name == ".percolator" {
                root.insert("dynamic".to_owned(), json!(false));
            }
        },
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
        what: "`_field_names.index`, `store`, `type` … → removed, `enabled` kept",
        why: "only `enabled` can be set",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"_field_names":{"enabled":false,"store":true}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |root, _| {
            if let Some(Value::Object(names)) = root.get_mut("_field_names") {
                names.retain(|key, _| key == "enabled");
            }
            drop_if_empty(root, "_field_names");
        },
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
