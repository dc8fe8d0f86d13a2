//! Queries made of queries: `bool` and its kin, and `filtered`, which became one.

use serde_json::{Value, json};

use super::options::Options;
use super::queries::Role;
use super::rules::{
    BOOL_OPTION, BOOL_SHOULD, BOOL_SHOULD_LATER, COORDINATION, FILTERED, FILTERED_STRATEGY, INDICES_PATTERN,
    INDICES_QUERY, MALFORMED, UNKNOWN_OPTION,
};
use super::types::names;
use super::{Rewriter, below, limits};

impl Rewriter<'_> {
    /// `{"filtered": {"query": …, "filter": …}}`
    pub(super) fn filtered(&mut self, mut options: Options, role: Role, at: &str) -> Option<Value> {
        let before = json!({"filtered": options});
        self.without_cache(&mut options, at);
        self.leave_out(&mut options, "strategy", &FILTERED_STRATEGY, at);
        let query = options.shift_remove("query").map(|query| self.clause(&query, role, &below(at, "query")));
        let filter = options.shift_remove("filter").map(|filter| self.filter(&filter, &below(at, "filter")));
        if let Some(key) = options.keys().find(|key| !["boost", "_name"].contains(&key.as_str())) {
            let why = format!("`filtered` has no option `{key}`");
            self.refuse_because(&UNKNOWN_OPTION, &below(at, key), why);
            return None;
        }
        let after = match (query, filter) {
            (Some(query), None) if options.is_empty() => query,
            (Some(query), Some(filter)) => {
                with(json!({"must": [query], "filter": [filter]}), options, "bool")
            }
            (Some(query), None) => with(json!({"must": [query]}), options, "bool"),
            // What only filters scores 1, as `filtered` did without a query.
            (None, Some(filter)) if role == Role::Query => {
                with(json!({"filter": filter}), options, "constant_score")
            }
            (None, Some(filter)) if options.is_empty() => filter,
            (None, Some(filter)) => with(json!({"filter": [filter]}), options, "bool"),
            (None, None) => with(json!({}), options, "match_all"),
        };
        self.change(&FILTERED, at, Some(before), Some(after.clone()));
        Some(after)
    }

    /// `{"bool": …}`
    pub(super) fn bool_query(&mut self, mut options: Options, role: Role, at: &str) -> Value {
        self.rename(&mut options, "minimum_number_should_match", "minimum_should_match", &BOOL_OPTION, at);
        self.leave_out(&mut options, "disable_coord", &COORDINATION, at);
        for (key, role) in
            [("must", role), ("should", role), ("must_not", Role::Filter), ("filter", Role::Filter)]
        {
            let at = below(at, key);
            let rewritten = match options.get(key) {
                Some(Value::Array(clauses)) => Value::Array(self.clauses(clauses, role, &at)),
                Some(clause) => self.clause(clause, role, &at),
                None => continue,
            };
            options.insert(key.to_owned(), rewritten);
        }
        let clauses = ["must", "should", "must_not", "filter"].iter().filter_map(|key| options.get(*key));
        let clauses = clauses.map(|clauses| clauses.as_array().map_or(1, Vec::len)).sum();
        self.at_most(&limits::CLAUSES, clauses, at);
        let some = |key: &str| options.get(key).is_some_and(|clauses| *clauses != json!([]));
        let optional = some("should")
            && ["must", "filter"].iter().any(|key| some(key))
            && !options.contains_key("minimum_should_match");
        if optional && role == Role::Filter {
            let rule = [&BOOL_SHOULD, &BOOL_SHOULD_LATER].into_iter().find(|rule| self.applies(rule));
            if let Some(rule) = rule {
                self.set(&mut options, "minimum_should_match", json!(1), rule, at);
            }
        }
        json!({"bool": self.checked("bool", options, at)})
    }

    /// `boosting` and `dis_max`
    pub(super) fn compound(&mut self, name: &str, mut options: Options, at: &str) -> Value {
        for key in ["positive", "negative", "queries"] {
            let at = below(at, key);
            let rewritten = match options.get(key) {
                Some(Value::Array(queries)) => Value::Array(self.clauses(queries, Role::Query, &at)),
                Some(query) => self.query(query, &at),
                None => continue,
            };
            options.insert(key.to_owned(), rewritten);
        }
        json!({name: self.checked(name, options, at)})
    }

    /// `{"constant_score": {"filter": …}}`, in 1.x also with a query.
    pub(super) fn constant_score(&mut self, mut options: Options, at: &str) -> Option<Value> {
        let inner = match (options.get("filter").cloned(), options.shift_remove("query")) {
            (Some(filter), None) => self.filter(&filter, &below(at, "filter")),
            (None, Some(query)) => {
                let rewritten = self.filter(&query, &below(at, "query"));
                let (before, after) = (json!({"query": query}), json!({"filter": rewritten}));
                self.change(&super::rules::QUERY_FILTER, &below(at, "query"), Some(before), Some(after));
                rewritten
            }
            _ => return self.refused(&MALFORMED, at),
        };
        options.insert("filter".to_owned(), inner);
        Some(json!({"constant_score": self.checked("constant_score", options, at)}))
    }

    /// `{"indices": {"indices": […], "query": …, "no_match_query": …}}`
    pub(super) fn indices(&mut self, mut options: Options, role: Role, at: &str) -> Option<Value> {
        let before = json!({"indices": options});
        let indices = options.shift_remove("indices").or(options.shift_remove("index")).unwrap_or_default();
        let indices = names(&indices);
        if indices.is_empty() {
            return self.refused(&MALFORMED, at);
        }
        if indices.iter().any(|name| name.contains(['*', '?']) || name.starts_with(['_', '-', '+'])) {
            return self.refused(&INDICES_PATTERN, at);
        }
        let refused = self.refused.len();
        let indices: Vec<String> =
            indices.iter().map(|name| self.index_name(name, None, &below(at, "indices"))).collect();
        if self.refused.len() > refused {
            return None;
        }
        let inside = |key: &str| ["query", "filter"].map(|inner| format!("{key}{inner}"));
        let mut taken = |rewriter: &mut Self, keys: [String; 2]| {
            let (key, value) =
                keys.into_iter().find_map(|key| Some((key.clone(), options.shift_remove(&key)?)))?;
            Some(match value.as_str() {
                Some("none") => json!({"match_none": {}}),
                Some("all") => json!({"match_all": {}}),
                _ => rewriter.clause(&value, role, &below(at, &key)),
            })
        };
        let Some(matching) = taken(self, inside("")) else {
            return self.refused(&MALFORMED, at);
        };
        let others = taken(self, inside("no_match_")).unwrap_or_else(|| json!({"match_all": {}}));
        let of_these = json!({"terms": {"_index": indices}});
        let parts = json!({"should": [
            {"bool": {"must": [matching], "filter": [of_these]}},
            {"bool": {"must": [others], "must_not": [of_these]}},
        ], "minimum_should_match": 1});
        let after = json!({"bool": self.checked("bool", with_options(parts, options), at)});
        self.change(&INDICES_QUERY, at, Some(before), Some(after.clone()));
        Some(after)
    }
}

/// A query of this name from its parts and what is left of the old one's options.
pub(super) fn with(parts: Value, more: Options, name: &str) -> Value {
    json!({name: with_options(parts, more)})
}

fn with_options(parts: Value, more: Options) -> Options {
    let mut all = if let Value::Object(parts) = parts { parts } else { Options::new() };
    all.extend(more);
    all
}
