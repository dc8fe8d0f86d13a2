//! Highlighting.

use serde_json::{Value, json};

use super::known::HIGHLIGHT;
use super::options::Options;
use super::rules::{
    ALL_FIELD, HIGHLIGHT_DEFAULT, HIGHLIGHT_FILTER, HIGHLIGHT_MATCH, HIGHLIGHT_TYPE, MALFORMED,
};
use super::{Rewriter, below, element};

impl Rewriter<'_> {
    /// Says of a search of old, not rewritten yet, that its filters and nested queries are going to be highlighted.
    pub(super) fn highlighted_filters(&mut self, parts: &Options, at: &str) {
        let (Some(Value::Object(options)), Some(query)) = (parts.get("highlight"), parts.get("query")) else {
            return;
        };
        // `filter` and `nested` may be of a search that is written for the target already.
        let of_old = !options.contains_key("require_field_match");
        let asked_to = options.get("highlight_filter") == Some(&json!(true));
        let filters = holds(query, "filtered") || of_old && holds(query, "filter");
        if (filters && !asked_to || of_old && holds(query, "nested")) && self.applies(&HIGHLIGHT_FILTER) {
            self.change(&HIGHLIGHT_FILTER, &below(at, "highlight"), None, None);
        }
    }

    /// `highlight`
    pub(super) fn highlight(&mut self, mut options: Options, at: &str) -> Value {
        self.snake_options(&mut options, at);
        self.highlighter(&mut options, at);
        if !options.contains_key("require_field_match") && self.applies(&HIGHLIGHT_MATCH) {
            self.set(&mut options, "require_field_match", json!(false), &HIGHLIGHT_MATCH, at);
        }
        if !options.contains_key("type") && !each_has_a_type(&options) && self.applies(&HIGHLIGHT_DEFAULT) {
            self.change(&HIGHLIGHT_DEFAULT, at, None, None);
        }
        let at_fields = below(at, "fields");
        let fields = match options.get("fields").cloned() {
            Some(Value::Object(fields)) => Value::Object(self.highlighted(fields, &at_fields)),
            Some(Value::Array(list)) => list
                .into_iter()
                .enumerate()
                .map(|(n, one)| match one {
                    Value::Object(fields) => Value::Object(self.highlighted(fields, &element(&at_fields, n))),
                    other => other,
                })
                .collect(),
            _ => {
                self.refuse(&MALFORMED, &at_fields);
                return Value::Object(options);
            }
        };
        options.insert("fields".to_owned(), fields);
        self.only_known(&mut options, HIGHLIGHT, "highlight", at);
        Value::Object(options)
    }

    fn highlighted(&mut self, fields: Options, at: &str) -> Options {
        let mut highlighted = Options::new();
        for (field, options) in fields {
            let at = below(at, &field);
            let name = if field == "_all" {
                self.change(&ALL_FIELD, &at, Some(json!(field)), Some(json!("*")));
                "*".to_owned()
            } else {
                self.plain_field(&field, &at)
            };
            let Value::Object(mut options) = options else {
                self.refuse(&MALFORMED, &at);
                highlighted.insert(name, options);
                continue;
            };
            self.snake_options(&mut options, &at);
            self.highlighter(&mut options, &at);
            self.only_known(&mut options, HIGHLIGHT, "highlight", &at);
            highlighted.insert(name, Value::Object(options));
        }
        highlighted
    }

    /// What both levels have: the highlighter and a query of its own.
    fn highlighter(&mut self, options: &mut Options, at: &str) {
        if self.applies(&HIGHLIGHT_FILTER) {
            self.leave_out(options, "highlight_filter", &HIGHLIGHT_FILTER, at);
        }
        let now = match options.get("type").and_then(Value::as_str) {
            Some("highlighter") => Some("plain"),
            Some("fast-vector-highlighter") => Some("fvh"),
            Some("postings" | "postings-highlighter") => Some("unified"),
            _ => None,
        };
        if let Some(now) = now {
            self.set(options, "type", json!(now), &HIGHLIGHT_TYPE, at);
        }
        if let Some(query) = options.get("highlight_query").cloned() {
            let rewritten = self.query(&query, &below(at, "highlight_query"));
            options.insert("highlight_query".to_owned(), rewritten);
        }
        if let Some(list) = options.get("matched_fields").cloned() {
            let rewritten = self.field_list(&list, &below(at, "matched_fields"));
            options.insert("matched_fields".to_owned(), rewritten);
        }
    }
}

/// Whether no field is left to the default highlighter.
fn each_has_a_type(options: &Options) -> bool {
    let typed = |fields: &Value| {
        let fields = fields.as_object();
        fields.is_some_and(|fields| fields.values().all(|options| options.get("type").is_some()))
    };
    match options.get("fields") {
        Some(Value::Array(list)) => !list.is_empty() && list.iter().all(typed),
        Some(fields) => typed(fields),
        None => false,
    }
}

/// Whether a name stands anywhere in a query.
fn holds(query: &Value, name: &str) -> bool {
    match query {
        Value::Object(parts) => parts.contains_key(name) || parts.values().any(|inner| holds(inner, name)),
        Value::Array(list) => list.iter().any(|inner| holds(inner, name)),
        _ => false,
    }
}
