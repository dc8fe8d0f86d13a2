//! Highlighting.

use serde_json::{Value, json};

use super::known::HIGHLIGHT;
use super::options::Options;
use super::rules::{ALL_FIELD, HIGHLIGHT_DEFAULT, HIGHLIGHT_MATCH, HIGHLIGHT_TYPE, MALFORMED};
use super::{Rewriter, below, element};

impl Rewriter<'_> {
    /// `highlight`
    pub(super) fn highlight(&mut self, mut options: Options, at: &str) -> Value {
        self.snake_options(&mut options, at);
        self.highlighter(&mut options, at);
        if !options.contains_key("require_field_match") && self.applies(&HIGHLIGHT_MATCH) {
            self.set(&mut options, "require_field_match", json!(false), &HIGHLIGHT_MATCH, at);
        }
        if !options.contains_key("type") && self.applies(&HIGHLIGHT_DEFAULT) {
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
