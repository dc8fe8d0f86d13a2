//! A whole mapping is converted, and what holds for every field.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::convert_type;
use super::report::{Report, Severity};
use crate::cluster::dialect::Version;

const FROM: Version = Version::new(1, 7, 6);
const TO: Version = Version::new(6, 8, 23);

fn converted(mapping: &Value) -> (Value, Report) {
    let mut report = Report::default();
    (convert_type("alert", mapping, FROM, TO, &mut report), report)
}

fn told(report: &Report) -> String {
    let lines = report.changes.iter().map(|change| {
        let said = |value: &Option<Value>| value.as_ref().map_or("–".to_owned(), Value::to_string);
        format!(
            "{} {}: {} → {} ({})",
            change.rule,
            change.path,
            said(&change.before),
            said(&change.after),
            change.severity.as_str()
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_mapping_of_1_7_is_converted_field_by_field_and_every_change_is_told() {
    let (mapping, report) = converted(&json!({
        "dynamic": "strict",
        "_ttl": {"enabled": true},
        "properties": {
            "title": {"type": "string", "fields": {"raw": {"type": "string", "index": "not_analyzed", "ignore_above": 256}}},
            "created": {"type": "date", "format": "dateOptionalTime"},
            "where": {"type": "geo_point", "lat_lon": true},
            "h": {"type": "string", "fields": {"hash": {"type": "murmur3"}}},
            "n": {"type": "long", "precision_step": 8, "index": "no"}
        }
    }));
    insta::assert_snapshot!(serde_json::to_string_pretty(&mapping).unwrap(), @r##"
{
  "dynamic": "strict",
  "properties": {
    "title": {
      "type": "text",
      "fields": {
        "raw": {
          "type": "keyword",
          "ignore_above": 256
        }
      },
      "fielddata": true,
      "position_increment_gap": 0
    },
    "created": {
      "type": "date",
      "format": "dateOptionalTime||epoch_millis"
    },
    "where": {
      "type": "geo_point",
      "ignore_malformed": true
    },
    "h": {
      "type": "text",
      "fielddata": true,
      "position_increment_gap": 0
    },
    "n": {
      "type": "long",
      "index": false
    }
  }
}
"##);
    insta::assert_snapshot!(told(&report), @r##"
ttl mappings.alert._ttl: {"enabled":true} → – (lost)
string_to_text mappings.alert.properties.title: {"type":"string"} → {"type":"text","fielddata":true} (same meaning)
text_gap mappings.alert.properties.title.position_increment_gap: – → 0 (same meaning)
string_to_keyword mappings.alert.properties.title.fields.raw: {"type":"string","index":"not_analyzed"} → {"type":"keyword"} (same meaning)
date_format_numbers mappings.alert.properties.created.format: "dateOptionalTime" → "dateOptionalTime||epoch_millis" (same meaning)
point_parts mappings.alert.properties.where.lat_lon: true → – (search or scoring may differ)
point_beyond mappings.alert.properties.where.ignore_malformed: – → true (search or scoring may differ)
string_to_text mappings.alert.properties.h: {"type":"string"} → {"type":"text","fielddata":true} (same meaning)
text_gap mappings.alert.properties.h.position_increment_gap: – → 0 (same meaning)
murmur3 mappings.alert.properties.h.fields.hash: {"type":"murmur3"} → – (lost)
booleans mappings.alert.properties.n.index: "no" → false (same meaning)
storage_words mappings.alert.properties.n.precision_step: 8 → – (same meaning)
"##);
}

#[test]
fn the_dynamic_template_of_tags_is_converted_and_new_fields_stay_what_they_were() {
    let (mapping, report) = converted(&json!({"dynamic_templates": [
        {"tags": {"path_match": "actions.tags.*", "mapping": {"type": "string", "index": "not_analyzed", "store": "yes"}}}
    ]}));
    insta::assert_snapshot!(serde_json::to_string_pretty(&mapping["dynamic_templates"]).unwrap(), @r##"
[
  {
    "tags": {
      "path_match": "actions.tags.*",
      "mapping": {
        "type": "keyword",
        "store": true
      }
    }
  },
  {
    "esferry_strings": {
      "match_mapping_type": "string",
      "mapping": {
        "type": "text",
        "fielddata": true,
        "position_increment_gap": 0
      }
    }
  },
  {
    "esferry_floats": {
      "match_mapping_type": "double",
      "mapping": {
        "type": "double"
      }
    }
  },
  {
    "esferry_dates": {
      "match_mapping_type": "date",
      "mapping": {
        "type": "date",
        "format": "date_optional_time||yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"
      }
    }
  }
]
"##);
    insta::assert_snapshot!(told(&report), @r##"
dynamic_strings mappings.alert.dynamic_templates.esferry_strings: – → {"match_mapping_type":"string","mapping":{"type":"text","fielddata":true,"position_increment_gap":0}} (same meaning)
dynamic_floats mappings.alert.dynamic_templates.esferry_floats: – → {"match_mapping_type":"double","mapping":{"type":"double"}} (same meaning)
dynamic_dates mappings.alert.dynamic_templates.esferry_dates: – → {"match_mapping_type":"date","mapping":{"type":"date","format":"date_optional_time||yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis"}} (same meaning)
dynamic_date_formats mappings.alert.dynamic_date_formats: – → ["date||date_time||date_time_no_millis||date_hour_minute_second_fraction||date_hour_minute_second||date_hour_minute||date_hour||week_date","yyyy/MM/dd HH:mm:ss||yyyy/MM/dd"] (same meaning)
string_to_keyword mappings.alert.dynamic_templates.tags.mapping: {"type":"string","index":"not_analyzed"} → {"type":"keyword"} (same meaning)
booleans mappings.alert.dynamic_templates.tags.mapping.store: "yes" → true (same meaning)
"##);
}

#[test]
fn a_loss_says_what_can_be_done() {
    let (_, report) = converted(&json!({"dynamic": false, "_timestamp": {"enabled": true}}));
    let lost: Vec<_> = report.changes.iter().filter(|change| change.severity == Severity::Lost).collect();
    assert_eq!(lost.len(), 1, "{report:?}");
    insta::assert_snapshot!(format!("{}\n{}", lost[0].path, lost[0].choices.join("\n")), @r##"
mappings.alert._timestamp
name it in `accept_lost = ["mappings.alert._timestamp"]` to go without
write the time into a date field of your own with a transform
"##);
}

#[test]
fn templates_for_new_fields_are_added_only_where_there_can_be_any() {
    let added = |mapping: &Value| converted(mapping).0.get("dynamic_templates").is_some();
    assert!(added(&json!({})));
    assert!(!added(&json!({"dynamic": "strict"})));
    assert!(!added(
        &json!({"dynamic": "false", "properties": {"o": {"properties": {"n": {"type": "long"}}}}})
    ));
    assert!(added(
        &json!({"dynamic": false, "properties": {"o": {"properties": {"p": {"dynamic": "true", "properties": {}}}}}})
    ));
}

#[test]
fn a_mapping_of_6_8_stays_as_it_is() {
    let mapping = json!({"dynamic": "true", "_routing": {"required": true}, "properties": {
        "a": {"type": "text", "analyzer": "english", "fields": {"raw": {"type": "keyword", "ignore_above": 256}}},
        "o": {"type": "nested", "properties": {"n": {"type": "scaled_float", "scaling_factor": 10.0}}},
        "j": {"type": "join", "eager_global_ordinals": true, "relations": {"a": "b"}}}});
    let mut report = Report::default();
    assert_eq!(convert_type("_doc", &mapping, TO, TO, &mut report), mapping);
    assert!(report.changes.is_empty(), "{report:?}");
}

fn field() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(vec![
        "string",
        "long",
        "double",
        "date",
        "boolean",
        "ip",
        "geo_point",
        "completion",
        "murmur3",
        "binary",
        "attachment",
        "token_count",
        "unheard_of",
    ]);
    let parameters: Vec<(&str, Value)> = vec![
        ("index", json!("not_analyzed")),
        ("index", json!("no")),
        ("store", json!("yes")),
        ("doc_values", json!(true)),
        ("omit_norms", json!(true)),
        ("norms", json!({"enabled": false})),
        ("include_in_all", json!(false)),
        ("null_value", json!("x")),
        ("precision_step", json!(4)),
        ("fielddata", json!({"format": "disabled"})),
        ("search_analyzer", json!("simple")),
        ("index_analyzer", json!("simple")),
        ("position_offset_gap", json!(7)),
        ("ignore_above", json!(7)),
        ("similarity", json!("default")),
        ("index_name", json!("other")),
        ("copy_to", json!(["all"])),
        ("unheard", json!(1)),
    ];
    (kind, prop::sample::subsequence(parameters, 0..6)).prop_map(|(kind, parameters)| {
        let mut field = Map::from_iter([("type".to_owned(), json!(kind))]);
        field.extend(parameters.into_iter().map(|(key, value)| (key.to_owned(), value)));
        Value::Object(field)
    })
}

/// Every definition of a field below a node.
fn definitions<'a>(node: &'a Value, found: &mut Vec<&'a Map<String, Value>>) {
    for below in ["properties", "fields"] {
        for (_, field) in node.get(below).and_then(Value::as_object).into_iter().flatten() {
            found.extend(field.as_object());
            definitions(field, found);
        }
    }
    for template in node.get("dynamic_templates").and_then(Value::as_array).into_iter().flatten() {
        let mapping = template.as_object().and_then(|map| map.values().next()?.get("mapping"));
        found.extend(mapping.and_then(Value::as_object));
        if let Some(mapping) = mapping {
            definitions(mapping, found);
        }
    }
}

proptest! {
    #[test]
    fn wherever_a_field_stands_it_is_converted_the_same_and_to_the_end(field in field()) {
        let below = json!({"type": "nested", "properties": {"f": field}});
        let mut with_sub = json!({"type": "string"});
        with_sub["fields"] = json!({"f": field});
        let mapping = json!({
            "properties": {"f": field, "below": below, "with_sub": with_sub},
            "dynamic_templates": [{"t": {"match": "*", "match_mapping_type": "long", "mapping": field}}]
        });
        let (once, report) = converted(&mapping);
        prop_assert!(once != mapping && !report.changes.is_empty());
        let mut found = Vec::new();
        definitions(&once, &mut found);
        for field in found {
            let kind = field.get("type").and_then(Value::as_str);
            prop_assert!(!matches!(kind, Some("string" | "murmur3" | "attachment" | "unheard_of")));
            for key in ["index", "store", "norms", "fielddata", "doc_values"] {
                prop_assert!(field.get(key).is_none_or(Value::is_boolean), "{:?}", field);
            }
            prop_assert!(!field.contains_key("unheard") && !field.contains_key("include_in_all"));
        }
        prop_assert_eq!(&once["properties"]["f"], &once["properties"]["below"]["properties"]["f"]);
        // What 6.8 says of it is nothing that has to be converted again.
        let mut again = Report::default();
        prop_assert_eq!(convert_type("_doc", &once, TO, TO, &mut again), once);
        prop_assert!(again.changes.is_empty());
    }
}
