//! The body of a search, part by part; the parts of `top_hits` and `inner_hits` are the same.

use serde_json::{Value, json};

use super::known::PARTS;
use super::options::Options;
use super::rules::{
    FIELDDATA_FIELDS, FIELDS_SOURCE, FIELDS_STORED, INDICES_BOOST, MALFORMED, MIN_SCORE, PARTIAL_FIELDS,
    PARTIAL_SEVERAL, POST_FILTER, SOURCE_FILTER, TIMEOUT_UNIT, UNKNOWN_PART,
};
use super::types::names;
use super::{Rewriter, below, element, limits};

impl Rewriter<'_> {
    /// A whole body. An empty one stays empty.
    pub(super) fn search_body(&mut self, body: &Value, at: &str) -> Value {
        let mut parts = match body {
            Value::Object(parts) => parts.clone(),
            Value::Null => return body.clone(),
            _ => {
                self.refuse(&MALFORMED, at);
                return body.clone();
            }
        };
        self.snake_options(&mut parts, at);
        self.highlighted_filters(&parts, at);
        for key in ["query", "post_filter", "filter"] {
            let Some(query) = parts.get(key).cloned() else { continue };
            let at = below(at, key);
            // Since 5.0 what filters afterwards is a query like any other.
            let scores = key == "query" || self.context.from.major >= 5;
            let rewritten = if scores { self.query(&query, &at) } else { self.filter(&query, &at) };
            parts.insert(key.to_owned(), rewritten);
        }
        self.rename(&mut parts, "filter", "post_filter", &POST_FILTER, at);
        self.facets(&mut parts, at);
        for key in ["aggs", "aggregations"] {
            if let Some(Value::Object(aggs)) = parts.get(key).cloned() {
                let rewritten = self.aggregations(&aggs, &below(at, key));
                parts.insert(key.to_owned(), rewritten);
            }
        }
        if let Some(suggest) = parts.get("suggest").cloned() {
            let rewritten = self.suggest(&suggest, &below(at, "suggest"));
            parts.insert("suggest".to_owned(), rewritten);
        }
        if let Some(rescore) = parts.get("rescore").cloned() {
            let rewritten = self.rescore(&rescore, &below(at, "rescore"));
            parts.insert("rescore".to_owned(), rewritten);
        }
        self.timeout(&mut parts, at);
        self.min_score(&parts, at);
        self.indices_boost(&mut parts, at);
        let mut parts = self.hits_part(parts, at);
        self.window(&parts, 10, &limits::WINDOW, at);
        let named_already = ["facets", "partial_fields"];
        let known = |key: &str| PARTS.contains(&key) || named_already.contains(&key);
        let unknown: Vec<String> = parts.keys().filter(|key| !known(key)).cloned().collect();
        for key in unknown {
            let near = crate::config::did_you_mean(&key, PARTS.iter().copied());
            let why = format!("the target has no part `{key}` in a search{near}");
            self.refuse_because(&UNKNOWN_PART, &below(at, &key), why);
        }
        if let Some(Value::Object(mut collapse)) = parts.get("collapse").cloned() {
            self.field_option(&mut collapse, "field", &below(at, "collapse"));
            parts.insert("collapse".to_owned(), Value::Object(collapse));
        }
        Value::Object(parts)
    }

    /// What a hit shows and how hits are ordered.
    pub(super) fn hits_part(&mut self, mut parts: Options, at: &str) -> Options {
        self.source_filter(&mut parts, at);
        self.fields(&mut parts, at);
        self.partial_fields(&mut parts, at);
        self.rename(&mut parts, "fielddata_fields", "docvalue_fields", &FIELDDATA_FIELDS, at);
        if let Some(list) = parts.get("docvalue_fields").cloned() {
            let list = if list.is_string() { json!([list]) } else { list };
            let rewritten = self.field_list(&list, &below(at, "docvalue_fields"));
            parts.insert("docvalue_fields".to_owned(), rewritten);
        }
        self.counted_parts(&parts, at);
        if let Some(Value::Object(mut scripts)) = parts.get("script_fields").cloned() {
            for (name, script) in scripts.iter_mut() {
                if let Value::Object(script) = script {
                    self.script(script, &below(&below(at, "script_fields"), name));
                }
            }
            parts.insert("script_fields".to_owned(), Value::Object(scripts));
        }
        if let Some(sort) = parts.get("sort").cloned() {
            let rewritten = self.sort(&sort, &below(at, "sort"));
            parts.insert("sort".to_owned(), rewritten);
        }
        if let Some(Value::Object(highlight)) = parts.get("highlight").cloned() {
            let rewritten = self.highlight(highlight, &below(at, "highlight"));
            parts.insert("highlight".to_owned(), rewritten);
        }
        parts
    }

    fn source_filter(&mut self, parts: &mut Options, at: &str) {
        let at = below(at, "_source");
        match parts.get("_source").cloned() {
            Some(Value::Object(mut filter)) => {
                for (old, new) in [("include", "includes"), ("exclude", "excludes")] {
                    self.rename(&mut filter, old, new, &SOURCE_FILTER, &at);
                    if let Some(list) = filter.get(new).cloned() {
                        let at = below(&at, new);
                        // Leaving out one key must not leave out all.
                        let list = match new {
                            "includes" => self.shown_fields(&list, &at),
                            _ => self.field_list(&list, &at),
                        };
                        filter.insert(new.to_owned(), list);
                    }
                }
                self.only_known(&mut filter, &["includes", "excludes"], "_source", &at);
                parts.insert("_source".to_owned(), Value::Object(filter));
            }
            Some(list @ (Value::String(_) | Value::Array(_))) => {
                parts.insert("_source".to_owned(), self.shown_fields(&list, &at));
            }
            _ => {}
        }
    }

    /// `fields`: from the document where they are not stored, and then `_source` is the same answer.
    fn fields(&mut self, parts: &mut Options, at: &str) {
        let Some(fields) = parts.shift_remove("fields") else { return };
        let before = json!({"fields": fields});
        let at = below(at, "fields");
        let wanted = names(&fields);
        let (metadata, mut wanted): (Vec<String>, Vec<String>) =
            wanted.into_iter().partition(|name| name.starts_with('_') || name == "*");
        if wanted.is_empty() {
            let whole = metadata.iter().any(|name| name == "_source" || name == "*");
            let stored: Vec<&String> = metadata.iter().filter(|name| *name == "_routing").collect();
            if !whole {
                parts.insert("stored_fields".to_owned(), json!(stored));
            }
            for name in &metadata {
                self.no_meta_field(name, &at);
            }
            let after = if whole { None } else { Some(json!({"stored_fields": stored})) };
            self.change(&FIELDS_STORED, &at, Some(before), after);
            return;
        }
        for name in &metadata {
            self.no_meta_field(name, &at);
        }
        wanted = names(&self.shown_fields(&json!(wanted), &at));
        let source = match parts.get("_source").cloned() {
            _ if metadata.iter().any(|name| name == "_source") => json!(true),
            None | Some(Value::Bool(false)) => json!(wanted),
            Some(Value::Object(mut filter)) => {
                let mut all = filter.get("includes").map(names).unwrap_or_default();
                if !all.is_empty() {
                    all.extend(wanted);
                    filter.insert("includes".to_owned(), json!(all));
                }
                Value::Object(filter)
            }
            Some(list @ (Value::String(_) | Value::Array(_))) => {
                let mut all = names(&list);
                all.extend(wanted);
                json!(all)
            }
            Some(other) => other,
        };
        parts.insert("_source".to_owned(), source.clone());
        self.change(&FIELDS_SOURCE, &at, Some(before), Some(json!({"_source": source})));
    }

    fn partial_fields(&mut self, parts: &mut Options, at: &str) {
        let Some(partial) = parts.get("partial_fields").cloned() else { return };
        let at = below(at, "partial_fields");
        let mut entries = partial.as_object().into_iter().flatten();
        let (Some((_, Value::Object(one))), None, false) =
            (entries.next(), entries.next(), parts.contains_key("_source"))
        else {
            self.refuse(&PARTIAL_SEVERAL, &at);
            return;
        };
        let mut wrapped = Options::from_iter([("_source".to_owned(), json!(one))]);
        self.source_filter(&mut wrapped, &at);
        parts.shift_remove("partial_fields");
        parts.extend(wrapped.clone());
        let before = json!({"partial_fields": partial});
        self.change(&PARTIAL_FIELDS, &at, Some(before), Some(Value::Object(wrapped)));
    }

    fn rescore(&mut self, rescore: &Value, at: &str) -> Value {
        if let Value::Array(list) = rescore {
            return list.iter().enumerate().map(|(n, one)| self.rescore(one, &element(at, n))).collect();
        }
        let Value::Object(mut options) = rescore.clone() else {
            self.refuse(&MALFORMED, at);
            return rescore.clone();
        };
        self.only_known(&mut options, &["window_size", "query"], "rescore", at);
        self.rescored(&options, at);
        if let Some(Value::Object(mut query)) = options.get("query").cloned() {
            let at = below(at, "query");
            self.snake_options(&mut query, &at);
            if let Some(inner) = query.get("rescore_query").cloned() {
                let rewritten = self.query(&inner, &below(&at, "rescore_query"));
                query.insert("rescore_query".to_owned(), rewritten);
            }
            let known = ["rescore_query", "query_weight", "rescore_query_weight", "score_mode"];
            self.only_known(&mut query, &known, "rescore", &at);
            options.insert("query".to_owned(), Value::Object(query));
        }
        Value::Object(options)
    }

    /// Says that a bound of scores has another meaning.
    pub(super) fn min_score(&mut self, options: &Options, at: &str) {
        if let Some(bound) = options.get("min_score").filter(|_| self.applies(&MIN_SCORE)) {
            self.change(&MIN_SCORE, &below(at, "min_score"), Some(bound.clone()), Some(bound.clone()));
        }
    }

    fn timeout(&mut self, parts: &mut Options, at: &str) {
        let bare = match parts.get("timeout") {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) if text.parse::<u64>().is_ok() => text.clone(),
            _ => return,
        };
        self.set(parts, "timeout", json!(format!("{bare}ms")), &TIMEOUT_UNIT, at);
    }

    fn indices_boost(&mut self, parts: &mut Options, at: &str) {
        let given = parts.get("indices_boost").cloned().unwrap_or_default();
        let boosts: Vec<(String, Value)> = match &given {
            Value::Object(boosts) => boosts.clone().into_iter().collect(),
            Value::Array(list) => list
                .iter()
                .filter_map(Value::as_object)
                .flatten()
                .map(|(index, boost)| (index.clone(), boost.clone()))
                .collect(),
            _ => return,
        };
        let refused = self.refused.len();
        let place = below(at, "indices_boost");
        let list: Vec<Value> = boosts
            .into_iter()
            .map(|(index, boost)| json!({self.index_name(&index, None, &place): boost}))
            .collect();
        if self.refused.len() > refused {
            return;
        }
        if given.is_object() {
            self.set(parts, "indices_boost", json!(list), &INDICES_BOOST, at);
        } else if list.len() == given.as_array().map_or(0, Vec::len) {
            parts.insert("indices_boost".to_owned(), json!(list));
        }
    }
}
