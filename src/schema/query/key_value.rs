//! Queries on a key of an object that became an array of keys and values.
//!
//! `actions.tags.name: John` is the pair `name:John` in `actions.tags.keyToValue`; what speaks of every key goes to
//! `actions.tags.value`. Both are keywords.

use serde_json::{Value, json};

use super::fields::KeyValueFields;
use super::options::{OnField, Options};
use super::rules::{KEY_VALUE_OPTION, KEY_VALUE_PAIR, KEY_VALUE_WHOLE, MALFORMED};
use super::{Rewriter, below};

/// Options that need an analysed field.
const ANALYSED: [&str; 14] = [
    "operator",
    "analyzer",
    "minimum_should_match",
    "type",
    "slop",
    "lenient",
    "cutoff_frequency",
    "zero_terms_query",
    "auto_generate_synonyms_phrase_query",
    "low_freq_operator",
    "high_freq_operator",
    "max_expansions",
    "fuzzy_rewrite",
    "rewrite",
];

impl Rewriter<'_> {
    /// Refuses what a key of a key+value object cannot do.
    pub(super) fn refuse_key(&mut self, fields: &KeyValueFields, key: &str, at: &str) {
        let why = format!(
            "`{}.{key}` is the pair `{}…` in the keyword `{}`: it is not analysed, and has neither numbers nor their order",
            fields.field,
            fields.pair_prefix(key),
            fields.pair_path()
        );
        let choices = vec![
            format!("keep `{}.{key}` as a field of its own in the migration", fields.field),
            "leave this part out".to_owned(),
        ];
        self.refuse_with(&KEY_VALUE_WHOLE, at, why, choices);
    }

    /// A query on one key: on the pair, with the key in front of the value.
    pub(super) fn on_key(
        &mut self,
        name: &str,
        main: &str,
        fields: &KeyValueFields,
        key: &str,
        mut query: OnField,
        at: &str,
    ) -> Option<Value> {
        let before = json!({name: {&query.field: query.options.clone()}});
        let number = query.options.get(main).is_some_and(Value::is_number);
        let at_field = below(at, &query.field);
        let analysed = matches!(name, "match" | "match_phrase" | "match_phrase_prefix" | "common");
        let fuzzy = query.options.contains_key("fuzziness") || name == "fuzzy";
        if fuzzy || matches!(name, "span_term" | "terms_set" | "range") {
            self.refuse_key(fields, key, &at_field);
            return None;
        }
        if analysed {
            for option in ANALYSED {
                self.leave_out(&mut query.options, option, &KEY_VALUE_OPTION, &at_field);
            }
        }
        let Some(value) = query.options.get(main).and_then(scalar) else {
            self.refuse(&MALFORMED, &at_field);
            return None;
        };
        let prefix = fields.pair_prefix(key);
        let (target, pair) = match name {
            "wildcard" => ("wildcard", format!("{}{value}", escape(&prefix, &['*', '?', '\\']))),
            "regexp" => ("regexp", format!("{}({value})", escape(&prefix, REGEX))),
            "match_phrase_prefix" | "prefix" => ("prefix", format!("{prefix}{value}")),
            "term" => ("term", format!("{prefix}{value}")),
            _ => ("match", format!("{prefix}{value}")),
        };
        let option = if target == "match" { "query" } else { "value" };
        query.options.shift_remove(main);
        query.options.insert(option.to_owned(), json!(pair));
        query.bare = query.options.len() == 1;
        let after = query.query(target, &fields.pair_path(), option);
        self.change_because(&KEY_VALUE_PAIR, at, Some(before), Some(after.clone()), pair_reason(number));
        Some(after)
    }

    /// The values of `terms`, as pairs.
    pub(super) fn pairs(
        &mut self,
        fields: &KeyValueFields,
        key: &str,
        values: &Value,
        at: &str,
    ) -> Option<Value> {
        let prefix = fields.pair_prefix(key);
        let list = match values {
            Value::Array(list) => list.as_slice(),
            Value::Object(_) => {
                self.refuse_key(fields, key, at);
                return None;
            }
            one => std::slice::from_ref(one),
        };
        let pairs: Option<Vec<String>> =
            list.iter().map(|value| Some(format!("{prefix}{}", scalar(value)?))).collect();
        if pairs.is_none() {
            self.refuse(&MALFORMED, at);
        }
        let pairs = json!(pairs?);
        let before = json!({format!("{}.{key}", fields.field): values});
        let after = json!({fields.pair_path(): pairs});
        let number = list.iter().any(Value::is_number);
        self.change_because(&KEY_VALUE_PAIR, at, Some(before), Some(after), pair_reason(number));
        Some(pairs)
    }
}

/// What a pair means for the answer, and more of it where a number is looked for.
fn pair_reason(number: bool) -> String {
    let why = KEY_VALUE_PAIR.why;
    if number {
        return format!(
            "{why}; numbers are compared as text, so `5` does not find what a document writes as `5.0`"
        );
    }
    why.to_owned()
}

/// The documents that have a key.
pub(super) fn exists_pair(fields: &KeyValueFields, key: &str, options: Options) -> Value {
    let prefix = fields.pair_prefix(key);
    if options.is_empty() {
        return json!({"prefix": {fields.pair_path(): prefix}});
    }
    let mut options = options;
    options.insert("value".to_owned(), json!(prefix));
    json!({"prefix": {fields.pair_path(): options}})
}

/// Every pair of a key, as an expression of Lucene.
pub(super) fn pair_pattern(fields: &KeyValueFields, key: &str) -> String {
    format!("{}.*", escape(&fields.pair_prefix(key), REGEX))
}

/// What expressions of Lucene give a meaning to.
const REGEX: &[char] = &[
    '.', '?', '+', '*', '|', '{', '}', '[', ']', '(', ')', '"', '\\', '#', '@', '&', '<', '>', '~', '^', '$',
    '-',
];

fn escape(text: &str, special: &[char]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if special.contains(&character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A value as the pair holds it: strings as they are, numbers and booleans as in the document.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}
