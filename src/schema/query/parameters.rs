//! Parameters of the URL that moved into the body or are gone.

use serde_json::{Value, json};

use super::known::PARAMETERS;
use super::options::Options;
use super::rules::{
    PARAMETER_GONE, PARAMETER_MOVED, PARAMETER_RENAMED, SEARCH_TYPE_COUNT, SEARCH_TYPE_FETCH,
    SEARCH_TYPE_SCAN, UNKNOWN_PARAMETER,
};
use super::{Rewriter, below};

type Parameter = (String, String);

impl Rewriter<'_> {
    /// The parameters that are left, and the body with what moved into it.
    pub(super) fn parameters(&mut self, given: &[Parameter], body: &Value) -> (Vec<Parameter>, Value) {
        let mut parts = match body {
            Value::Object(parts) => parts.clone(),
            Value::Null => Options::new(),
            other => return (given.to_vec(), other.clone()),
        };
        let mut left = Vec::new();
        for (name, value) in given {
            let at = below("url", name);
            let kept = self.parameter(name, value, &mut parts, &at);
            left.extend(kept.map(|(name, value)| (name.to_owned(), value)));
        }
        let body = if parts.is_empty() && body.is_null() { Value::Null } else { Value::Object(parts) };
        (left, body)
    }

    fn parameter<'n>(
        &mut self,
        name: &'n str,
        value: &str,
        parts: &mut Options,
        at: &str,
    ) -> Option<(&'n str, String)> {
        let before = Some(json!(value));
        match (name, value) {
            ("search_type", "count") => {
                parts.insert("size".to_owned(), json!(0));
                self.change(&SEARCH_TYPE_COUNT, at, before, Some(json!({"size": 0})));
                None
            }
            ("search_type", "scan") => {
                parts.insert("sort".to_owned(), json!(["_doc"]));
                self.change(&SEARCH_TYPE_SCAN, at, before, Some(json!({"sort": ["_doc"]})));
                None
            }
            ("search_type", "query_and_fetch" | "dfs_query_and_fetch") => {
                let now = value.replace("_and_fetch", "_then_fetch");
                self.change(&SEARCH_TYPE_FETCH, at, before, Some(json!(now)));
                Some((name, now))
            }
            ("fields" | "fielddata_fields", _) => {
                let list: Vec<&str> = value.split(',').filter(|field| !field.is_empty()).collect();
                parts.insert(name.to_owned(), json!(list));
                self.change(&PARAMETER_MOVED, at, before, Some(json!({name: list})));
                None
            }
            ("q", _) => {
                let query = json!({"query_string": {"query": value}});
                self.change(&PARAMETER_MOVED, at, before, Some(json!({"query": query})));
                parts.insert("query".to_owned(), query);
                None
            }
            ("_source_include" | "_source_exclude", _) => {
                let now = if name == "_source_include" { "_source_includes" } else { "_source_excludes" };
                self.change(&PARAMETER_RENAMED, at, before, Some(json!({now: value})));
                Some((now, value.to_owned()))
            }
            ("query_cache", _) => {
                self.change(&PARAMETER_GONE, at, before, Some(json!({"request_cache": value})));
                Some(("request_cache", value.to_owned()))
            }
            ("operation_threading", _) => {
                self.change(&PARAMETER_GONE, at, before, None);
                None
            }
            _ => {
                if !PARAMETERS.contains(&name) {
                    let near = crate::config::did_you_mean(name, PARAMETERS.iter().copied());
                    let why = format!("the target has no parameter `{name}` for searches{near}");
                    self.refuse_because(&UNKNOWN_PARAMETER, at, why);
                }
                Some((name, value.to_owned()))
            }
        }
    }
}
