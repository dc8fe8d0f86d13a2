//! Aggregations.

use serde_json::{Map, Value, json};

use super::fields::Field;
use super::key_value::pair_pattern;
use super::known;
use super::options::{Options, snake_case};
use super::rules::{
    AGG_ADDRESSES, AGG_COMPRESSION, AGG_HINT, AGG_KEY_VALUE, AGG_NAME, AGG_ORDER, AGG_REGEX, AGG_REHASH,
    AGG_SIZE_ALL, MALFORMED, REGEX_FLAGS, UNKNOWN_AGGREGATION,
};
use super::terms::is_no;
use super::{Rewriter, below, element, limits};

/// Hints of 1.x that 6.8 does not know.
const OLD_HINTS: [&str; 3] = ["ordinals", "global_ordinals_hash", "global_ordinals_low_cardinality"];

/// Buckets by scripts that change a list of values, gone with 2.0.
const OLD_OPTIONS: [&str; 2] = ["rehash", "script_values_sorted"];

impl Rewriter<'_> {
    /// Aggregations by their names.
    pub(super) fn aggregations(&mut self, named: &Options, at: &str) -> Value {
        let rewritten: Options = named
            .iter()
            .map(|(name, one)| match one {
                Value::Object(one) => (name.clone(), self.aggregation(one, &below(at, name))),
                other => {
                    self.refuse(&MALFORMED, &below(at, name));
                    (name.clone(), other.clone())
                }
            })
            .collect();
        Value::Object(rewritten)
    }

    fn aggregation(&mut self, given: &Options, at: &str) -> Value {
        let mut rewritten = Options::new();
        for (key, value) in given {
            let at = below(at, key);
            match (key.as_str(), value) {
                ("aggs" | "aggregations", Value::Object(inner)) => {
                    rewritten.insert(key.clone(), self.aggregations(inner, &at));
                }
                ("meta", _) => {
                    rewritten.insert(key.clone(), value.clone());
                }
                _ => {
                    let name = self.aggregation_name(key, &at);
                    let value = self.aggregation_body(&name, value, &at);
                    rewritten.insert(name, value);
                }
            }
        }
        Value::Object(rewritten)
    }

    fn aggregation_name(&mut self, name: &str, at: &str) -> String {
        let current = match snake_case(name).as_str() {
            "ipv4_range" => "ip_range".to_owned(),
            "geo_hash_grid" => "geohash_grid".to_owned(),
            snake => snake.to_owned(),
        };
        if current != name {
            self.change(&AGG_NAME, at, Some(json!(name)), Some(json!(current)));
        }
        current
    }

    fn aggregation_body(&mut self, name: &str, value: &Value, at: &str) -> Value {
        let Some(known) = known::aggregation_named(name) else {
            let near = crate::config::did_you_mean(name, known::AGGREGATIONS.iter().map(|one| one.name));
            let why = format!("the aggregation `{name}` is not known to the target, or not rewritten{near}");
            self.refuse_because(&UNKNOWN_AGGREGATION, at, why);
            return value.clone();
        };
        if name == "filter" {
            return self.filter(value, at);
        }
        let Value::Object(mut options) = value.clone() else {
            self.refuse(&MALFORMED, at);
            return value.clone();
        };
        self.snake_options(&mut options, at);
        for old in OLD_OPTIONS {
            self.leave_out(&mut options, old, &AGG_REHASH, at);
        }
        if !self.script(&mut options, at) {
            return value.clone();
        }
        self.order(&mut options, at);
        match name {
            "filters" | "adjacency_matrix" => self.filters_option(&mut options, at),
            "terms" | "significant_terms" | "significant_text" => {
                self.terms_aggregation(name, &mut options, at)
            }
            "geohash_grid" => self.all_buckets(&mut options, at),
            "histogram" | "date_histogram" if !self.histogram(name, &mut options, at) => {
                return value.clone();
            }
            "percentiles" | "percentile_ranks" => self.percentiles(&mut options, at),
            "geo_distance" => self.distance_type(&mut options, at),
            "ip_range" if self.applies(&AGG_ADDRESSES) => self.change(&AGG_ADDRESSES, at, None, None),
            "children" | "parent" => {
                // What is refused is named; the rest is read all the same.
                let _ = self.joined(at);
            }
            "composite" => self.composite(&mut options, at),
            "weighted_avg" => {
                for key in ["value", "weight"] {
                    if let Some(Value::Object(mut part)) = options.get(key).cloned() {
                        self.script(&mut part, &below(at, key));
                        self.field_option(&mut part, "field", &below(at, key));
                        options.insert(key.to_owned(), Value::Object(part));
                    }
                }
            }
            "matrix_stats" => {
                if let Some(fields) = options.get("fields").cloned() {
                    options.insert("fields".to_owned(), self.field_list(&fields, &below(at, "fields")));
                }
            }
            "top_hits" => {
                options = self.hits_part(options, at);
                self.window(&options, 3, &limits::INNER_WINDOW, at);
            }
            _ => {}
        }
        self.aggregated_field(name, &mut options, at);
        self.field_option(&mut options, "path", at);
        self.only_known(&mut options, known.options, name, at);
        Value::Object(options)
    }

    /// The field that is aggregated: a key of a key+value object only by `terms`.
    fn aggregated_field(&mut self, name: &str, options: &mut Options, at: &str) {
        let Some(field) = options.get("field").and_then(Value::as_str).map(str::to_owned) else { return };
        let at = below(at, "field");
        match self.context.fields.fate(&field) {
            Field::Key(fields, key) if name == "terms" && !options.contains_key("include") => {
                let (before, path) = (json!({"field": field}), fields.pair_path());
                let include = pair_pattern(fields, &key);
                let after = json!({"field": path, "include": include});
                options.insert("field".to_owned(), json!(path));
                options.insert("include".to_owned(), json!(include));
                self.change(&AGG_KEY_VALUE, &at, Some(before), Some(after));
            }
            _ => {
                let new = self.plain_field(&field, &at);
                options.insert("field".to_owned(), json!(new));
            }
        }
    }

    /// Buckets of several sources: each names a field.
    fn composite(&mut self, options: &mut Options, at: &str) {
        let at = below(at, "sources");
        let Some(Value::Array(mut sources)) = options.get("sources").cloned() else { return };
        for (position, source) in sources.iter_mut().enumerate() {
            let at = element(&at, position);
            let by_name = source.as_object_mut().into_iter().flat_map(Map::iter_mut);
            for (name, kinds) in by_name {
                let at = below(&at, name);
                for (kind, body) in kinds.as_object_mut().into_iter().flat_map(Map::iter_mut) {
                    if let Value::Object(body) = body {
                        self.script(body, &below(&at, kind));
                        self.field_option(body, "field", &below(&at, kind));
                    }
                }
            }
        }
        options.insert("sources".to_owned(), Value::Array(sources));
    }

    fn filters_option(&mut self, options: &mut Options, at: &str) {
        let at = below(at, "filters");
        let rewritten = match options.get("filters").cloned() {
            Some(Value::Array(list)) => {
                list.iter().enumerate().map(|(n, one)| self.filter(one, &element(&at, n))).collect()
            }
            Some(Value::Object(named)) => {
                let named: Options = named
                    .iter()
                    .map(|(name, one)| (name.clone(), self.filter(one, &below(&at, name))))
                    .collect();
                Value::Object(named)
            }
            _ => {
                self.refuse(&MALFORMED, &at);
                return;
            }
        };
        options.insert("filters".to_owned(), rewritten);
    }

    fn terms_aggregation(&mut self, name: &str, options: &mut Options, at: &str) {
        self.all_buckets(options, at);
        if options.get("execution_hint").and_then(Value::as_str).is_some_and(|hint| OLD_HINTS.contains(&hint))
        {
            self.leave_out(options, "execution_hint", &AGG_HINT, at);
        }
        for key in ["include", "exclude"] {
            self.pattern(options, key, at);
        }
        if name != "terms" {
            self.filter_option(options, "background_filter", at);
        }
    }

    /// `size: 0` asks for all buckets.
    fn all_buckets(&mut self, options: &mut Options, at: &str) {
        for key in ["size", "shard_size"] {
            if options.get(key).is_some_and(|size| *size == json!(0) || *size == json!("0")) {
                self.set(options, key, json!(i32::MAX), &AGG_SIZE_ALL, at);
            }
        }
    }

    fn pattern(&mut self, options: &mut Options, key: &str, at: &str) {
        let at_key = below(at, key);
        match options.get(key).cloned() {
            Some(Value::Object(pattern)) if pattern.contains_key("pattern") => {
                if pattern.contains_key("flags") {
                    self.refuse(&REGEX_FLAGS, &at_key);
                    return;
                }
                let text = pattern.get("pattern").cloned().unwrap_or_default();
                self.set(options, key, text, &AGG_REGEX, at);
            }
            Some(Value::String(text)) if self.applies(&AGG_REGEX) => {
                self.change(&AGG_REGEX, &at_key, Some(json!(text)), Some(json!(text)));
            }
            _ => {}
        }
    }

    /// `_term` and `_time` are `_key`.
    fn order(&mut self, options: &mut Options, at: &str) {
        let Some(order) = options.get("order").cloned() else { return };
        let keyed = |order: &Value| match order {
            Value::Object(by) => by
                .iter()
                .map(|(key, way)| {
                    let key = if key == "_term" || key == "_time" { "_key" } else { key };
                    (key.to_owned(), way.clone())
                })
                .collect(),
            other => other.clone(),
        };
        let after = match &order {
            Value::Array(list) => list.iter().map(keyed).collect(),
            one => keyed(one),
        };
        if after != order {
            self.set(options, "order", after, &AGG_ORDER, at);
        }
    }

    fn percentiles(&mut self, options: &mut Options, at: &str) {
        let old: Options =
            ["compression", "estimator"].iter().filter_map(|key| options.shift_remove_entry(*key)).collect();
        if old.is_empty() {
            return;
        }
        let after =
            old.get("compression").map(|compression| json!({"tdigest": {"compression": compression}}));
        if let Some(Value::Object(method)) = after.clone() {
            options.extend(method);
        }
        self.change(&AGG_COMPRESSION, at, Some(Value::Object(old)), after);
    }
}

/// Whether an option is there and says yes.
pub(super) fn says_yes(options: &Options, key: &str) -> bool {
    options.get(key).is_some_and(|value| !is_no(value))
}
