//! Converts the settings of an index, analysis and similarities included.

use serde_json::{Map, Value, json};

use super::report::Report;
use super::rule::{Part, Place};
use super::rules::{At, Rules};
use crate::cluster::dialect::Version;

/// The settings in the target's words, as `{"index": {…}}`.
///
/// They may come nested, flat or mixed, with or without `index`; values may be strings. Everything that is not the
/// same afterwards is in the report, with paths such as `settings.index.store.type`.
#[must_use]
pub fn convert_settings(settings: &Value, from: Version, to: Version, report: &mut Report) -> Value {
    Rules::between(from, to).settings(settings, report)
}

impl Rules {
    /// [`convert_settings`] with these rules.
    #[must_use]
    pub fn settings(&self, settings: &Value, report: &mut Report) -> Value {
        self.settings_at(Place::Own, settings, report)
    }

    /// The settings of an index, or those that a template gives to one, which leave defaults to other templates.
    pub(super) fn settings_at(&self, place: Place, settings: &Value, report: &mut Report) -> Value {
        let mut flat = flat(settings);
        for part in [Part::Analysis, Part::Similarity, Part::Settings] {
            self.apply(At { part, place, name: "", path: "settings.index" }, &mut flat, report);
        }
        json!({"index": nested(flat)})
    }
}

/// One level of dotted names, without `index.`.
fn flat(settings: &Value) -> Map<String, Value> {
    let mut flat = Map::new();
    flatten("", settings, &mut flat);
    let mut named = Map::new();
    for (name, value) in flat {
        named.insert(name.strip_prefix("index.").map_or(name.clone(), ToOwned::to_owned), value);
    }
    listed(named)
}

fn flatten(path: &str, value: &Value, flat: &mut Map<String, Value>) {
    match value {
        Value::Object(parts) => {
            for (name, part) in parts {
                let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&here, part, flat);
            }
        }
        Value::Null => {}
        leaf => {
            flat.insert(path.to_owned(), leaf.clone());
        }
    }
}

/// Makes a list of `filter.0`, `filter.1` …, as 1.x and 2.x write lists in flat settings.
fn listed(flat: Map<String, Value>) -> Map<String, Value> {
    let mut result: Map<String, Value> = Map::new();
    for (name, value) in flat {
        let numbered = name
            .rsplit_once('.')
            .filter(|(_, number)| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        match numbered.map(|(stem, _)| stem).filter(|stem| stem.starts_with("analysis.")) {
            Some(stem) => match result.entry(stem).or_insert_with(|| json!([])) {
                Value::Array(list) => list.push(value),
                other => *other = value,
            },
            None => {
                result.insert(name, value);
            }
        }
    }
    result
}

/// Levels instead of dots, for people to read; flat as it is where a name is also the beginning of another.
fn nested(flat: Map<String, Value>) -> Map<String, Value> {
    let is_beginning = |name: &String| {
        let family = format!("{name}.");
        flat.keys().any(|other| other.starts_with(&family))
    };
    if flat.keys().any(is_beginning) {
        return flat;
    }
    let mut root = Map::new();
    for (name, value) in flat {
        put(&mut root, &name, value);
    }
    root
}

fn put(node: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        Some((first, rest)) => {
            if let Value::Object(below) = node.entry(first).or_insert_with(|| json!({})) {
                put(below, rest, value);
            }
        }
        None => {
            node.insert(name.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(settings: &Value) -> (Value, Report) {
        let mut report = Report::default();
        let settings = convert_settings(settings, Version::new(1, 7, 6), Version::new(6, 8, 23), &mut report);
        (settings, report)
    }

    #[test]
    fn flat_nested_and_listed_settings_become_the_same() {
        let expected = json!({"index": {
            "number_of_shards": "3",
            "analysis": {"analyzer": {"own": {"tokenizer": "standard", "filter": ["lowercase", "porter_stem"]}}},
            "similarity": {"default": {"type": "BM25"}},
            "query": {"default_field": "*"}
        }});
        let nested = json!({"index": {"number_of_shards": "3", "analysis": {"analyzer": {"own":
            {"tokenizer": "standard", "filter": ["lowercase", "porterStem"]}}}}});
        let flat = json!({"index.number_of_shards": "3", "index.analysis.analyzer.own.tokenizer": "standard",
            "index.analysis.analyzer.own.filter.0": "lowercase", "index.analysis.analyzer.own.filter.1": "porterStem"});
        assert_eq!(converted(&nested).0, expected);
        assert_eq!(converted(&flat).0, expected);
    }

    #[test]
    fn what_describes_the_server_is_one_line_and_what_nobody_knows_is_lost() {
        let (settings, report) = converted(&json!({"index": {"uuid": "x", "version": {"created": "1070699"},
            "creation_date": "1", "number_of_replicas": "1", "refresh_interval": "5000", "own": {"word": "7"},
            "other": "8"}}));
        assert_eq!(settings["index"]["refresh_interval"], "5000ms");
        let lines: Vec<String> = report
            .changes
            .iter()
            .map(|change| format!("{} {} {}", change.rule, change.path, change.severity.as_str()))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r##"
default_similarity settings.index.similarity.default.type search or scoring may differ
private_setting settings.index same meaning
units settings.index.refresh_interval same meaning
all_fields settings.index.query.default_field search or scoring may differ
unknown_setting settings.index.own.word lost
unknown_setting settings.index.other lost
"##);
    }

    #[test]
    fn names_that_are_beginnings_of_others_stay_flat() {
        let (settings, _) = converted(
            &json!({"index.analysis.char_filter.a": "x", "index.analysis.char_filter.a.type": "html_strip"}),
        );
        assert_eq!(settings["index"]["analysis.char_filter.a.type"], "html_strip");
    }
}
