//! `more_like_this` and `mlt_field`.

use serde_json::{Value, json};

use super::options::Options;
use super::rules::{IDS_NEED_TYPES, MORE_LIKE_FIELD, MORE_LIKE_OPTION, MORE_LIKE_TEXT, TERMS_LOOKUP};
use super::{Rewriter, TypesBecame, below};

impl Rewriter<'_> {
    /// `more_like_this`, also on one field by its old name.
    pub(super) fn more_like_this(&mut self, name: &str, options: Options, at: &str) -> Option<Value> {
        let before = json!({name: options});
        let mut options = if name == "mlt_field" { self.one_field(options, at)? } else { options };
        self.snake_options(&mut options, at);
        let percent = options.shift_remove("percent_terms_to_match");
        if let Some(percent) = percent {
            let share = percent.as_f64().unwrap_or(0.3) * 100.0;
            let least = json!(format!("{share:.0}%"));
            options.entry("minimum_should_match").or_insert(least.clone());
            let before = json!({"percent_terms_to_match": percent});
            self.change(&MORE_LIKE_OPTION, at, Some(before), Some(json!({"minimum_should_match": least})));
        }
        for (old, new) in [("min_word_len", "min_word_length"), ("max_word_len", "max_word_length")] {
            self.rename(&mut options, old, new, &MORE_LIKE_OPTION, at);
        }
        self.likes(&mut options, at);
        if let Some(fields) = options.get("fields").cloned() {
            options.insert("fields".to_owned(), self.field_list(&fields, &below(at, "fields")));
        }
        self.implicit_all(&options, &["fields"], at);
        let after = json!({"more_like_this": self.checked("more_like_this", options, at)});
        if name == "mlt_field" {
            self.change(&MORE_LIKE_FIELD, at, Some(before), Some(after.clone()));
        }
        Some(after)
    }

    fn one_field(&mut self, body: Options, at: &str) -> Option<Options> {
        let query = self.on_field(&body, "like_text", at)?;
        let mut options = query.options;
        options.insert("fields".to_owned(), json!([query.field]));
        Some(options)
    }

    /// Everything that documents shall be like, in one list.
    fn likes(&mut self, options: &mut Options, at: &str) {
        let old: Options =
            ["like_text", "docs", "ids"].iter().filter_map(|key| options.shift_remove_entry(*key)).collect();
        let mut like = match options.get("like").cloned() {
            Some(Value::Array(list)) => list,
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let given = like.clone();
        for (key, value) in &old {
            let list = if let Value::Array(list) = value { list.clone() } else { vec![value.clone()] };
            like.extend(list.into_iter().map(|item| if key == "ids" { json!({"_id": item}) } else { item }));
        }
        for item in &mut like {
            let Value::Object(item) = item else { continue };
            let prefixed = !matches!(self.context.types, TypesBecame::Dropped | TypesBecame::Index { .. });
            if prefixed && item.contains_key("_id") && self.context.from.major < 6 {
                self.refuse(&IDS_NEED_TYPES, at);
            }
            if let Some(index) = item.get("_index").and_then(Value::as_str).map(str::to_owned) {
                let kind = item.get("_type").and_then(Value::as_str).map(str::to_owned);
                let new = self.index_name(&index, kind.as_deref(), &below(at, "like"));
                item.insert("_index".to_owned(), json!(new));
            }
            if item.get("_type").is_some_and(|kind| kind != "_doc") {
                self.set(item, "_type", json!("_doc"), &TERMS_LOOKUP, &below(at, "like"));
            }
        }
        if like == given {
            return;
        }
        let like = if let [one] = like.as_slice() { one.clone() } else { json!(like) };
        options.insert("like".to_owned(), like.clone());
        if !old.is_empty() {
            self.change(&MORE_LIKE_TEXT, at, Some(Value::Object(old)), Some(json!({"like": like})));
        }
    }
}
