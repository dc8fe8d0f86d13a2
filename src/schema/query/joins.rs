//! Queries that cross documents: nested objects, parents and children.

use serde_json::{Value, json};

use super::options::Options;
use super::queries::Role;
use super::rules::{
    CHILD_CUTOFF, JOIN_NEEDED, MALFORMED, NESTED_FILTER, NESTED_JOIN, NESTED_SCORE, PARENT_SCORE,
    PARENT_TYPE, TOP_CHILDREN,
};
use super::{Rewriter, TypesBecame, below, limits};

impl Rewriter<'_> {
    /// `nested`
    pub(super) fn nested(&mut self, mut options: Options, at: &str) -> Value {
        self.without_cache(&mut options, at);
        self.leave_out(&mut options, "join", &NESTED_JOIN, at);
        self.inner_query(&mut options, at);
        self.field_option(&mut options, "path", at);
        if options.get("score_mode").is_some_and(|mode| mode == "total") {
            self.set(&mut options, "score_mode", json!("sum"), &NESTED_SCORE, at);
        }
        self.inner_hits(&mut options, at);
        json!({"nested": self.checked("nested", options, at)})
    }

    /// `has_child` and `top_children`
    pub(super) fn has_child(&mut self, name: &str, mut options: Options, at: &str) -> Option<Value> {
        self.joined(at)?;
        let before = json!({name: options});
        self.without_cache(&mut options, at);
        self.inner_query(&mut options, at);
        self.leave_out(&mut options, "short_circuit_cutoff", &CHILD_CUTOFF, at);
        if name == "top_children" {
            options.shift_remove("factor");
            options.shift_remove("incremental_factor");
            let mode = options.shift_remove("score").or(options.shift_remove("score_mode"));
            options.insert("score_mode".to_owned(), mode.unwrap_or(json!("max")));
        }
        self.rename(&mut options, "score_type", "score_mode", &NESTED_SCORE, at);
        if options.get("score_mode").is_some_and(|mode| mode == "total") {
            self.set(&mut options, "score_mode", json!("sum"), &NESTED_SCORE, at);
        }
        self.inner_hits(&mut options, at);
        let after = json!({"has_child": self.checked("has_child", options, at)});
        if name == "top_children" {
            self.change(&TOP_CHILDREN, at, Some(before), Some(after.clone()));
        }
        Some(after)
    }

    /// `has_parent` and `parent_id`
    pub(super) fn has_parent(&mut self, name: &str, mut options: Options, at: &str) -> Option<Value> {
        self.joined(at)?;
        if name == "parent_id" {
            return Some(json!({name: self.checked(name, options, at)}));
        }
        self.without_cache(&mut options, at);
        self.inner_query(&mut options, at);
        self.rename(&mut options, "type", "parent_type", &PARENT_TYPE, at);
        for key in ["score_mode", "score_type"] {
            let Some(mode) = options.shift_remove(key) else { continue };
            let score = json!(mode == "score");
            options.insert("score".to_owned(), score.clone());
            self.change(
                &PARENT_SCORE,
                &below(at, key),
                Some(json!({key: mode})),
                Some(json!({"score": score})),
            );
        }
        self.inner_hits(&mut options, at);
        Some(json!({name: self.checked(name, options, at)}))
    }

    /// Refuses where there is no join field.
    pub(super) fn joined(&mut self, at: &str) -> Option<()> {
        if matches!(self.context.types, TypesBecame::Join { .. }) || self.context.from.major >= 6 {
            return Some(());
        }
        self.refused(&JOIN_NEEDED, at)
    }

    /// `filter` instead of `query`. Beside a query 1.7.6 reads only one of them, whichever it is.
    fn inner_query(&mut self, options: &mut Options, at: &str) {
        if let Some(query) = options.get("query").cloned() {
            let query = self.query(&query, &below(at, "query"));
            options.insert("query".to_owned(), query);
            if options.contains_key("filter") {
                let why =
                    "`query` and `filter` stand side by side; the source reads only one of them".to_owned();
                self.refuse_because(&MALFORMED, &below(at, "filter"), why);
            }
            return;
        }
        let Some(filter) = options.shift_remove("filter") else { return };
        let at = below(at, "filter");
        let inner = json!({"constant_score": {"filter": self.filter(&filter, &at)}});
        let (before, after) = (json!({"filter": filter}), json!({"query": inner}));
        self.change(&NESTED_FILTER, &at, Some(before), Some(after));
        options.insert("query".to_owned(), inner);
    }

    fn inner_hits(&mut self, options: &mut Options, at: &str) {
        let Some(Value::Object(hits)) = options.get("inner_hits").cloned() else { return };
        let name = hits.get("name").cloned().map(|name| ("name".to_owned(), name));
        let unmapped = hits.get("ignore_unmapped").cloned().map(|flag| ("ignore_unmapped".to_owned(), flag));
        let mut rest = hits;
        rest.shift_remove("name");
        rest.shift_remove("ignore_unmapped");
        let mut hits = self.hits_part(rest, &below(at, "inner_hits"));
        self.window(&hits, 3, &limits::INNER_WINDOW, &below(at, "inner_hits"));
        hits.extend(name.into_iter().chain(unmapped));
        options.insert("inner_hits".to_owned(), Value::Object(hits));
    }

    /// A script as a filter.
    pub(super) fn script_query(&mut self, mut options: Options, at: &str) -> Option<Value> {
        self.without_cache(&mut options, at);
        if !self.script(&mut options, at) {
            return None;
        }
        Some(json!({"script": self.checked("script", options, at)}))
    }

    /// A clause in the role of a filter, as its parts expect it.
    pub(super) fn filter_option(&mut self, options: &mut Options, key: &str, at: &str) {
        let Some(filter) = options.get(key).cloned() else { return };
        let filter = self.clause(&filter, Role::Filter, &below(at, key));
        options.insert(key.to_owned(), filter);
    }
}
