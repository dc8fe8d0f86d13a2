//! Converts index templates of the legacy kind.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::aliases::convert_aliases;
use super::merge::{Clash, merge_types};
use super::query::Context;
use super::report::{Change, Report, Severity};
use super::rule::{Part, Place};
use super::rules::{At, Rules, accept};
use crate::cluster::dialect::{Dialect, Distribution, Version};

/// An index template in the target's words, for `PUT _template/NAME`, and everything that changed.
///
/// Mappings of several types become one where they can; where they cannot, the first type's is kept and the others
/// are reported lost. Paths begin with `templates.NAME`.
#[must_use]
pub fn convert_template(name: &str, template: &Value, from: Version, to: Version) -> (Value, Report) {
    Rules::between(from, to).template(name, template)
}

impl Rules {
    /// [`convert_template`] with these rules.
    #[must_use]
    pub fn template(&self, name: &str, template: &Value) -> (Value, Report) {
        let mut report = Report::default();
        let place = format!("templates.{name}");
        let mut node = template.as_object().cloned().unwrap_or_default();
        let at = At { part: Part::Template, place: Place::Own, name, path: &place };
        self.apply(at, &mut node, &mut report);
        let mut inner = Report::default();
        if let Some(settings) = node.get_mut("settings") {
            *settings = self.settings_at(Place::Template, settings, &mut inner);
        }
        if let Some(Value::Object(aliases)) = node.get_mut("aliases") {
            let given: BTreeMap<String, Value> = std::mem::take(aliases).into_iter().collect();
            if let Value::Object(converted) =
                convert_aliases(&given, &Context::new(self.from, self.to), &mut inner)
            {
                *aliases = converted;
            }
        }
        if let Some(Value::Object(mappings)) = node.shift_remove("mappings") {
            let types = with_default(&mappings);
            let converted: Vec<(String, Value)> = types
                .iter()
                .map(|(kind, mapping)| (kind.clone(), self.mapping(kind, mapping, &mut inner)))
                .collect();
            if !converted.is_empty() {
                let mapping = merge_types(&converted).unwrap_or_else(|clashes| {
                    inner.add(types_lost(&converted, &clashes));
                    converted[0].1.clone()
                });
                let level = if is_untyped(self.to) { mapping } else { json!({"_doc": mapping}) };
                node.insert("mappings".to_owned(), level);
            }
        }
        for change in &mut inner.changes {
            let path = format!("{place}.{}", change.path);
            if let Some(first) = change.choices.first_mut().filter(|first| **first == accept(&change.path)) {
                *first = accept(&path);
            }
            change.path = path;
        }
        report.append(inner);
        (Value::Object(node), report)
    }
}

fn is_untyped(version: Version) -> bool {
    Dialect::of(version, Distribution::Elasticsearch).is_ok_and(|dialect| dialect.untyped_mappings)
}

/// The types of a template, each with what `_default_` says for all of them.
fn with_default(mappings: &Map<String, Value>) -> Vec<(String, Value)> {
    let default = mappings.get("_default_").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut types: Vec<(String, Value)> = mappings
        .iter()
        .filter(|(name, _)| name.as_str() != "_default_")
        .map(|(name, mapping)| {
            let mut merged = default.clone();
            overlay(&mut merged, mapping.as_object());
            (name.clone(), Value::Object(merged))
        })
        .collect();
    if types.is_empty() && !default.is_empty() {
        types.push(("_default_".to_owned(), Value::Object(default)));
    }
    types
}

/// What a type says itself goes before what `_default_` says; templates of both are kept, its own first.
fn overlay(below: &mut Map<String, Value>, above: Option<&Map<String, Value>>) {
    for (key, value) in above.into_iter().flatten() {
        match (below.get_mut(key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => overlay(below, Some(above)),
            (Some(Value::Array(below)), Value::Array(above)) if key == "dynamic_templates" => {
                let default = std::mem::replace(below, above.clone());
                below.extend(default);
            }
            _ => {
                below.insert(key.clone(), value.clone());
            }
        }
    }
}

fn types_lost(types: &[(String, Value)], clashes: &[Clash]) -> Change {
    let fields: Vec<&str> = clashes.iter().map(|clash| clash.field.as_str()).take(5).collect();
    let lost: Vec<&str> = types.iter().skip(1).map(|(name, _)| name.as_str()).collect();
    Change {
        rule: "template_types",
        path: "mappings".to_owned(),
        before: Some(json!(types.iter().map(|(name, _)| name).collect::<Vec<_>>())),
        after: Some(json!([types[0].0])),
        reason: format!(
            "an index has one type, and these do not agree on {}: the mapping of {} is dropped",
            fields.join(", "),
            lost.join(", ")
        ),
        severity: Severity::Lost,
        choices: vec![
            accept("mappings"),
            "make a template for each type, with patterns of its own".to_owned(),
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_of_several_types_becomes_one_or_says_what_is_lost() {
        let (from, to) = (Version::new(1, 7, 6), Version::new(6, 8, 23));
        let given = json!({
            "template": "a*", "order": 0, "warmers": {}, "aliases": {"all": {}},
            "settings": {"index.refresh_interval": "5000"},
            "mappings": {"_default_": {"dynamic": "strict"}, "x": {"properties": {"a": {"type": "long"}}},
                "y": {"properties": {"b": {"type": "string", "index": "not_analyzed"}}}}
        });
        let (converted, _) = convert_template("t", &given, from, to);
        insta::assert_snapshot!(serde_json::to_string_pretty(&converted).unwrap(), @r##"
{
  "order": 0,
  "aliases": {
    "all": {}
  },
  "settings": {
    "index": {
      "refresh_interval": "5000ms"
    }
  },
  "index_patterns": [
    "a*"
  ],
  "mappings": {
    "_doc": {
      "dynamic": "strict",
      "properties": {
        "a": {
          "type": "long"
        },
        "b": {
          "type": "keyword"
        }
      }
    }
  }
}
"##);
        let clashing = json!({"template": "a*", "mappings": {"x": {"properties": {"a": {"type": "long"}}},
            "y": {"properties": {"a": {"type": "double"}}}}});
        let (_, report) = convert_template("t", &clashing, from, to);
        let lost = report.changes.iter().find(|change| change.rule == "template_types").unwrap();
        insta::assert_snapshot!(format!("{}: {}", lost.path, lost.reason), @r##"templates.t.mappings: an index has one type, and these do not agree on a: the mapping of y is dropped"##);
        assert!(lost.choices[0].contains("\"templates.t.mappings\""), "{:?}", lost.choices);
    }
}
