//! Filters that only 1.x and 2.x have.

use serde_json::{Value, json};

use super::compound::with;
use super::fields::Field;
use super::key_value::exists_pair;
use super::options::Options;
use super::queries::Role;
use super::rules::{
    AND_FILTER, EXISTS_LIST, FIELD_REMOVED, KEY_VALUE_ALL, KEY_VALUE_EXISTS, LIMIT_FILTER, MALFORMED,
    MISSING_FILTER, MISSING_NULL_ONLY, MISSING_NULLS, NOT_FILTER, OR_FILTER, QUERY_FILTER, UNKNOWN_OPTION,
};
use super::{Rewriter, below, limits};

impl Rewriter<'_> {
    /// `and` and `or`: a list, `{"filters": […]}`, or one filter alone.
    pub(super) fn and_or(&mut self, name: &str, body: &Value, at: &str) -> Option<Value> {
        let mut options = Options::new();
        let filters = match body {
            Value::Array(list) => self.clauses(list, Role::Filter, at),
            Value::Object(object) => {
                options = object.clone();
                self.without_cache(&mut options, at);
                let named = options.shift_remove("_name");
                let inner = match options.shift_remove("filters") {
                    Some(Value::Array(list)) => self.clauses(&list, Role::Filter, &below(at, "filters")),
                    Some(one) => vec![self.filter(&one, &below(at, "filters"))],
                    None if options.is_empty() => return self.refused(&MALFORMED, at),
                    None => {
                        let one = Value::Object(std::mem::take(&mut options));
                        vec![self.filter(&one, at)]
                    }
                };
                if let Some(key) = options.keys().next() {
                    self.refuse_because(
                        &UNKNOWN_OPTION,
                        &below(at, key),
                        format!("`{name}` has no option `{key}`"),
                    );
                    return None;
                }
                options.extend(named.map(|named| ("_name".to_owned(), named)));
                inner
            }
            _ => return self.refused(&MALFORMED, at),
        };
        if filters.is_empty() {
            // 1.7.6 refuses it, and an `or` of nothing would find everything.
            return self.refused(&MALFORMED, at);
        }
        self.at_most(&limits::CLAUSES, filters.len(), at);
        let (rule, parts) = if name == "and" {
            (&AND_FILTER, json!({"filter": filters}))
        } else {
            (&OR_FILTER, json!({"should": filters}))
        };
        let after = with(parts, options, "bool");
        self.change(rule, at, Some(json!({name: body})), Some(after.clone()));
        Some(after)
    }

    /// `not`: `{"filter": …}`, `{"query": …}` or the filter itself.
    pub(super) fn not(&mut self, body: &Value, at: &str) -> Option<Value> {
        let Value::Object(object) = body else {
            let Value::Array(_) = body else { return self.refused(&MALFORMED, at) };
            let inner = self.filter(body, at);
            let after = json!({"bool": {"must_not": [inner]}});
            self.change(&NOT_FILTER, at, Some(json!({"not": body})), Some(after.clone()));
            return Some(after);
        };
        let mut options = object.clone();
        self.without_cache(&mut options, at);
        let named = options.shift_remove("_name").map(|named| ("_name".to_owned(), named));
        let inner = match options.shift_remove("filter") {
            Some(filter) if options.is_empty() => self.filter(&filter, &below(at, "filter")),
            Some(_) => return self.refused(&MALFORMED, at),
            None => self.filter(&Value::Object(options), at),
        };
        let after = with(json!({"must_not": [inner]}), named.into_iter().collect(), "bool");
        self.change(&NOT_FILTER, at, Some(json!({"not": body})), Some(after.clone()));
        Some(after)
    }

    /// `{"query": …}` as a filter.
    pub(super) fn query_filter(&mut self, body: &Value, role: Role, at: &str) -> Value {
        let after = self.clause(body, role, at);
        self.change(&QUERY_FILTER, at, Some(json!({"query": body})), Some(after.clone()));
        after
    }

    /// `{"fquery": {"query": …, "_cache": …}}`
    pub(super) fn fquery(&mut self, mut options: Options, role: Role, at: &str) -> Option<Value> {
        let before = json!({"fquery": options});
        self.without_cache(&mut options, at);
        let Some(query) = options.shift_remove("query") else {
            return self.refused(&MALFORMED, at);
        };
        let inner = self.clause(&query, role, &below(at, "query"));
        let after =
            if options.is_empty() { inner } else { with(json!({"filter": [inner]}), options, "bool") };
        self.change(&QUERY_FILTER, at, Some(before), Some(after.clone()));
        Some(after)
    }

    /// `{"limit": {"value": 100}}`
    pub(super) fn limit(&mut self, options: Options, at: &str) -> Value {
        let after = json!({"match_all": {}});
        self.change(&LIMIT_FILTER, at, Some(json!({"limit": options})), Some(after.clone()));
        after
    }

    /// `{"exists": {"field": …}}`
    pub(super) fn exists(&mut self, options: Options, at: &str) -> Option<Value> {
        let mut options = self.checked("exists", options, at);
        self.last_of_list(&mut options, at);
        let Some(name) = options.get("field").and_then(Value::as_str).map(str::to_owned) else {
            return self.refused(&MALFORMED, at);
        };
        match self.fate(&name, &below(at, "field")) {
            Field::Named(new) => {
                options.insert("field".to_owned(), json!(new));
            }
            Field::AnyKey(fields) => {
                let path = fields.pair_path();
                self.change(&KEY_VALUE_ALL, &below(at, "field"), Some(json!(name)), Some(json!(path)));
                options.insert("field".to_owned(), json!(path));
            }
            Field::Key(fields, key) => {
                options.shift_remove("field");
                let after = exists_pair(fields, &key, options);
                self.change(
                    &KEY_VALUE_EXISTS,
                    at,
                    Some(json!({"exists": {"field": name}})),
                    Some(after.clone()),
                );
                return Some(after);
            }
            Field::Removed => {
                let why = format!("the target's documents have no `{name}`");
                self.refuse_because(&FIELD_REMOVED, &below(at, "field"), why);
            }
        }
        Some(json!({"exists": options}))
    }

    /// Of several fields 1.7.6 and 2.4.6 look at the last alone; 5.6.16 and later refuse a list.
    fn last_of_list(&mut self, options: &mut Options, at: &str) {
        if let Some(Value::Array(names)) = options.get("field")
            && let Some(last @ Value::String(_)) = names.last().cloned()
            && self.applies(&EXISTS_LIST)
        {
            self.set(options, "field", last, &EXISTS_LIST, at);
        }
    }

    /// `{"missing": {"field": …, "existence": true, "null_value": false}}`
    pub(super) fn missing(&mut self, mut options: Options, at: &str) -> Option<Value> {
        let before = json!({"missing": options});
        self.without_cache(&mut options, at);
        let mut flag =
            |key| options.shift_remove(key).map(|value| value == json!(true) || value == json!("true"));
        let (existence, nulls) = (flag("existence").unwrap_or(true), flag("null_value").unwrap_or(false));
        if !existence {
            return self.refused(&MISSING_NULL_ONLY, at);
        }
        let named = options.shift_remove("_name").map(|named| ("_name".to_owned(), named));
        if options.len() != 1 || !options.contains_key("field") {
            return self.refused(&MALFORMED, at);
        }
        let exists = self.exists(options, at)?;
        let after = with(json!({"must_not": [exists]}), named.into_iter().collect(), "bool");
        let rule = if nulls { &MISSING_NULLS } else { &MISSING_FILTER };
        self.change(rule, at, Some(before), Some(after.clone()));
        Some(after)
    }
}
