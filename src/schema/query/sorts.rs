//! The order of hits.

use serde_json::{Value, json};

use super::known::SORT;
use super::options::Options;
use super::rules::{MALFORMED, SORT_NESTED, SORT_REVERSE, SORT_UNMAPPED};
use super::terms::is_no;
use super::{Rewriter, below, element};

impl Rewriter<'_> {
    /// `sort`: a field, an object of fields, or a list of either.
    pub(super) fn sort(&mut self, sort: &Value, at: &str) -> Value {
        match sort {
            Value::Array(list) => {
                list.iter().enumerate().map(|(n, one)| self.sort(one, &element(at, n))).collect()
            }
            Value::String(field) => json!(self.sort_field(field, at)),
            Value::Object(fields) => {
                let sorted: Options = fields
                    .iter()
                    .map(|(field, options)| {
                        let at = below(at, field);
                        let name = self.sort_field(field, &at);
                        (name, self.sort_options(field, options, &at))
                    })
                    .collect();
                Value::Object(sorted)
            }
            _ => {
                self.refuse(&MALFORMED, at);
                sort.clone()
            }
        }
    }

    fn sort_field(&mut self, field: &str, at: &str) -> String {
        if matches!(field, "_score" | "_doc" | "_script" | "_geo_distance" | "_geoDistance") {
            return field.replace("_geoDistance", "_geo_distance");
        }
        match self.context.fields.fate(field) {
            super::fields::Field::AnyKey(fields) => {
                self.refuse_key(fields, "*", at);
                field.to_owned()
            }
            _ => self.plain_field(field, at),
        }
    }

    fn sort_options(&mut self, field: &str, options: &Value, at: &str) -> Value {
        let Value::Object(mut options) = options.clone() else { return options.clone() };
        if !field.starts_with("_geo") {
            self.snake_options(&mut options, at);
        }
        match options.shift_remove("ignore_unmapped") {
            Some(flag) if is_no(&flag) => {
                self.change(&SORT_UNMAPPED, at, Some(json!({"ignore_unmapped": flag})), None);
            }
            Some(flag) => {
                let kind = options.entry("unmapped_type").or_insert(json!("long")).clone();
                let before = json!({"ignore_unmapped": flag});
                self.change(&SORT_UNMAPPED, at, Some(before), Some(json!({"unmapped_type": kind})));
            }
            None => {}
        }
        if let Some(reverse) = options.shift_remove("reverse") {
            let order = if is_no(&reverse) { "asc" } else { "desc" };
            options.insert("order".to_owned(), json!(order));
            self.change(&SORT_REVERSE, at, Some(json!({"reverse": reverse})), Some(json!({"order": order})));
        }
        self.sort_nested(&mut options, at);
        if field == "_script" && !self.script(&mut options, at) {
            return Value::Object(options);
        }
        if field.starts_with("_geo") {
            self.distance_type(&mut options, at);
            self.validation(&mut options, at);
            return Value::Object(self.place_field(options, at));
        }
        self.only_known(&mut options, SORT, "sort", at);
        Value::Object(options)
    }

    fn place_field(&mut self, options: Options, at: &str) -> Options {
        let placed = options.into_iter().map(|(key, value)| {
            let key =
                if SORT.contains(&key.as_str()) { key } else { self.plain_field(&key, &below(at, &key)) };
            (key, value)
        });
        placed.collect()
    }

    fn sort_nested(&mut self, options: &mut Options, at: &str) {
        let old: Options = ["nested_path", "nested_filter"]
            .iter()
            .filter_map(|key| options.shift_remove_entry(*key))
            .collect();
        if old.is_empty() {
            return;
        }
        let mut nested = Options::new();
        if let Some(path) = old.get("nested_path") {
            nested.insert("path".to_owned(), path.clone());
            self.field_option(&mut nested, "path", &below(at, "nested_path"));
        } else {
            self.refuse_because(
                &MALFORMED,
                at,
                "`nested_filter` needs `nested_path` on the target".to_owned(),
            );
        }
        if let Some(filter) = old.get("nested_filter") {
            let rewritten = self.filter(filter, &below(at, "nested_filter"));
            nested.insert("filter".to_owned(), rewritten);
        }
        options.insert("nested".to_owned(), json!(nested));
        self.change(&SORT_NESTED, at, Some(Value::Object(old)), Some(json!({"nested": nested})));
    }
}
