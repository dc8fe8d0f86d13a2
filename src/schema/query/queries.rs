//! One query or filter: which rule it belongs to.

use serde_json::{Value, json};

use super::known::{self, Shape};
use super::options::{Options, snake_case};
use super::rules::{
    CAMEL_CASE, CUSTOM_SCORE, EMPTY_QUERY, FILTER_LIST, FUZZY_LIKE_THIS, GEOHASH_CELL, MALFORMED, OLD_NAME,
    SPAN_PAYLOADS, TEMPLATE_QUERY, UNKNOWN_QUERY, WRAPPER_QUERY,
};
use super::{Rewriter, below, element};

/// Whether a query is asked how well a document matches, or only whether.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It scores.
    Query,
    /// It only selects.
    Filter,
}

/// Other names of queries that 1.x takes.
const OLD_NAMES: &[(&str, &str)] = &[
    ("text", "match"),
    ("text_phrase", "match_phrase"),
    ("text_phrase_prefix", "match_phrase_prefix"),
    ("match_fuzzy", "match"),
    ("fuzzy_match", "match"),
    ("in", "terms"),
    ("field", "match"),
    ("geo_bbox", "geo_bounding_box"),
    ("mlt", "more_like_this"),
    ("more_like_this_field", "mlt_field"),
    ("common_terms", "common"),
    ("span_field_masking", "field_masking_span"),
];

impl Rewriter<'_> {
    /// A query that scores.
    pub(super) fn query(&mut self, value: &Value, at: &str) -> Value {
        self.clause(value, Role::Query, at)
    }

    /// A query that only selects.
    pub(super) fn filter(&mut self, value: &Value, at: &str) -> Value {
        self.clause(value, Role::Filter, at)
    }

    /// A query in either role.
    pub(super) fn clause(&mut self, value: &Value, role: Role, at: &str) -> Value {
        let object = match value {
            Value::Object(object) => object,
            Value::Array(list) if role == Role::Filter => {
                let filters = self.clauses(list, role, at);
                let after = json!({"bool": {"filter": filters}});
                self.change(&FILTER_LIST, at, Some(value.clone()), Some(after.clone()));
                return after;
            }
            _ => {
                self.refuse(&MALFORMED, at);
                return value.clone();
            }
        };
        let mut entries = object.iter();
        let (name, body) = match (entries.next(), entries.next()) {
            (Some(entry), None) => entry,
            (None, _) => {
                let after = json!({"match_all": {}});
                self.change(&EMPTY_QUERY, at, Some(value.clone()), Some(after.clone()));
                return after;
            }
            (Some(_), Some(_)) => {
                let names: Vec<String> = object.keys().map(|name| format!("`{name}`")).collect();
                let why = format!("one query is expected, here are {}", names.join(" and "));
                self.refuse_because(&MALFORMED, at, why);
                return value.clone();
            }
        };
        let at = below(at, name);
        let name = self.current_name(name, &at);
        self.named(&name, body, role, &at).unwrap_or_else(|| value.clone())
    }

    /// A list of queries, or one.
    pub(super) fn clauses(&mut self, list: &[Value], role: Role, at: &str) -> Vec<Value> {
        list.iter()
            .enumerate()
            .map(|(position, clause)| self.clause(clause, role, &element(at, position)))
            .collect()
    }

    fn current_name(&mut self, name: &str, at: &str) -> String {
        let mut current = snake_case(name);
        if current != name {
            self.change(&CAMEL_CASE, at, Some(json!(name)), Some(json!(current)));
        }
        if let Some((_, new)) = OLD_NAMES.iter().find(|(old, _)| *old == current) {
            self.change(&OLD_NAME, at, Some(json!(current)), Some(json!(new)));
            current = (*new).to_owned();
        }
        current
    }

    /// `None` leaves the query as it was: it is refused.
    fn named(&mut self, name: &str, body: &Value, role: Role, at: &str) -> Option<Value> {
        match name {
            "and" | "or" => return self.and_or(name, body, at),
            "not" => return self.not(body, at),
            "query" => return Some(self.query_filter(body, role, at)),
            "template" => return self.refused(&TEMPLATE_QUERY, at),
            "wrapper" => return self.refused(&WRAPPER_QUERY, at),
            "geohash_cell" => return self.refused(&GEOHASH_CELL, at),
            "fuzzy_like_this" | "flt" | "fuzzy_like_this_field" | "flt_field" => {
                return self.refused(&FUZZY_LIKE_THIS, at);
            }
            "custom_score" | "custom_filters_score" | "custom_boost_factor" => {
                return self.refused(&CUSTOM_SCORE, at);
            }
            _ => {}
        }
        let Value::Object(body) = body else {
            return match known::query_named(name) {
                Some(_) => self.refused(&MALFORMED, at),
                None => self.unknown(name, at),
            };
        };
        let mut options = body.clone();
        let names_a_field = matches!(name, "numeric_range" | "geo_distance_range" | "mlt_field");
        if !names_a_field && known::query_named(name).is_none_or(|query| query.shape == Shape::Plain) {
            self.snake_options(&mut options, at);
        }
        self.with_options(name, options, role, at)
    }

    fn with_options(&mut self, name: &str, options: Options, role: Role, at: &str) -> Option<Value> {
        match name {
            "filtered" => self.filtered(options, role, at),
            "missing" => self.missing(options, at),
            "exists" => self.exists(options, at),
            "limit" => Some(self.limit(options, at)),
            "fquery" => self.fquery(options, role, at),
            "bool" => Some(self.bool_query(options, role, at)),
            "boosting" | "dis_max" => Some(self.compound(name, options, at)),
            "constant_score" => self.constant_score(options, at),
            "indices" => self.indices(options, role, at),
            "function_score" => Some(self.function_score(options, at)),
            "match" | "match_phrase" | "match_phrase_prefix" => self.match_query(name, &options, at),
            "multi_match" => self.multi_match(options, at),
            "query_string" => self.query_string(options, at),
            "simple_query_string" => self.simple_query_string(options, at),
            "terms" => self.terms(&options, at),
            "range" | "numeric_range" => self.range(name, &options, at),
            "term" | "prefix" | "wildcard" | "regexp" | "fuzzy" | "span_term" | "common" | "terms_set" => {
                self.term_like(name, &options, at)
            }
            "ids" => {
                let mut options = options;
                self.rename(&mut options, "types", "type", &OLD_NAME, at);
                let options = self.checked(name, options, at);
                Some(self.ids_query(options, at))
            }
            "type" => {
                let options = self.checked(name, options, at);
                Some(self.type_query(&options, at))
            }
            "nested" => Some(self.nested(options, at)),
            "has_child" | "top_children" => self.has_child(name, options, at),
            "has_parent" | "parent_id" => self.has_parent(name, options, at),
            "more_like_this" | "mlt_field" => self.more_like_this(name, options, at),
            "geo_distance" | "geo_bounding_box" | "geo_polygon" | "geo_shape" | "geo_distance_range" => {
                self.geo(name, options, at)
            }
            "script" => self.script_query(options, at),
            "span_near" | "span_or" | "span_first" | "span_not" | "span_multi" | "span_within"
            | "span_containing" | "field_masking_span" => Some(self.span(name, options, at)),
            name if known::query_named(name).is_some() => {
                Some(json!({name: self.checked(name, options, at)}))
            }
            name => self.unknown(name, at),
        }
    }

    /// Refuses the options that the target's query of this name does not have.
    pub(super) fn checked(&mut self, name: &str, mut options: Options, at: &str) -> Options {
        self.without_cache(&mut options, at);
        if let Some(query) = known::query_named(name) {
            let known: Vec<&str> = query.options.iter().chain(&["boost", "_name"]).copied().collect();
            self.only_known(&mut options, &known, name, at);
        }
        options
    }

    pub(super) fn refused<T>(&mut self, refusal: &super::rules::Refusal, at: &str) -> Option<T> {
        self.refuse(refusal, at);
        None
    }

    fn unknown(&mut self, name: &str, at: &str) -> Option<Value> {
        let near = crate::config::did_you_mean(name, known::QUERIES.iter().map(|query| query.name));
        self.refuse_because(&UNKNOWN_QUERY, at, format!("the target does not know the query `{name}`{near}"));
        None
    }

    fn span(&mut self, name: &str, mut options: Options, at: &str) -> Value {
        self.leave_out(&mut options, "collect_payloads", &SPAN_PAYLOADS, at);
        for key in ["match", "include", "exclude", "little", "big", "query", "clauses"] {
            let at = below(at, key);
            let rewritten = match options.get(key) {
                Some(Value::Array(clauses)) => Value::Array(self.clauses(clauses, Role::Query, &at)),
                Some(clause) => self.query(clause, &at),
                None => continue,
            };
            options.insert(key.to_owned(), rewritten);
        }
        self.field_option(&mut options, "field", at);
        json!({name: self.checked(name, options, at)})
    }
}
