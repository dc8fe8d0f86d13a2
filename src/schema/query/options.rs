//! Options of a query or part: renamed, left out, or refused where nobody knows them.

use serde_json::{Map, Value, json};

use super::rules::{CAMEL_CASE, FILTER_CACHE, FILTER_NAME, MALFORMED, Rule, UNKNOWN_OPTION};
use super::{Rewriter, below};

/// Options as they stand in a body.
pub(super) type Options = Map<String, Value>;

/// A query on one field.
pub(super) struct OnField {
    /// The field, as the source calls it.
    pub field: String,
    /// Its options; a bare value stands under the option that means it.
    pub options: Options,
    /// Whether the value stood there bare.
    pub bare: bool,
}

/// Everything that may stand beside a field in a filter of 1.x.
const BESIDE_A_FIELD: [&str; 6] = ["_cache", "_cache_key", "_name", "boost", "execution", "index"];
/// Those of them that are no field in any case.
const OF_THE_SERVER: [&str; 3] = ["_cache", "_cache_key", "_name"];

impl Rewriter<'_> {
    /// Leaves an option out by a rule.
    pub(super) fn leave_out(
        &mut self,
        options: &mut Options,
        key: &str,
        rule: &Rule,
        at: &str,
    ) -> Option<Value> {
        let value = options.shift_remove(key)?;
        self.change(rule, &below(at, key), Some(json!({key: value})), None);
        Some(value)
    }

    /// Gives an option another name by a rule; a value under the new name stays.
    pub(super) fn rename(&mut self, options: &mut Options, old: &str, new: &str, rule: &Rule, at: &str) {
        let Some(value) = options.shift_remove(old) else { return };
        let after = options.entry(new).or_insert_with(|| value.clone()).clone();
        self.change(rule, &below(at, old), Some(json!({old: value})), Some(json!({new: after})));
    }

    /// Sets an option by a rule that replaces `before`.
    pub(super) fn set(&mut self, options: &mut Options, key: &str, value: Value, rule: &Rule, at: &str) {
        let before = options.insert(key.to_owned(), value.clone()).map(|before| json!({key: before}));
        self.change(rule, &below(at, key), before, Some(json!({key: value})));
    }

    /// Takes away what 1.x says about caching.
    pub(super) fn without_cache(&mut self, options: &mut Options, at: &str) {
        for key in ["_cache", "_cache_key"] {
            self.leave_out(options, key, &FILTER_CACHE, at);
        }
    }

    /// Refuses every option that is not among `known`; camel case is rewritten where that gives a known one.
    pub(super) fn only_known(&mut self, options: &mut Options, known: &[&str], what: &str, at: &str) {
        let unknown: Vec<String> =
            options.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
        for key in unknown {
            let snake = snake_case(&key);
            if snake != key && known.contains(&snake.as_str()) {
                self.rename(options, &key, &snake, &CAMEL_CASE, at);
                continue;
            }
            self.refuse_because(
                &UNKNOWN_OPTION,
                &below(at, &key),
                format!("`{what}` has no option `{key}` on the target"),
            );
        }
    }

    /// Writes options that the source takes in camel case as the rest of the rules expects them.
    pub(super) fn snake_options(&mut self, options: &mut Options, at: &str) {
        let camel: Vec<String> = options.keys().filter(|key| snake_case(key) != **key).cloned().collect();
        for key in camel {
            self.rename(options, &key, &snake_case(&key), &CAMEL_CASE, at);
        }
    }

    /// Takes a query on one field apart: `{field: value}` or `{field: {…}}`, with options of 1.x beside it.
    pub(super) fn on_field(&mut self, body: &Options, main: &str, at: &str) -> Option<OnField> {
        let named = |key: &str| !BESIDE_A_FIELD.contains(&key);
        let only = body.keys().filter(|key| named(key)).count() == 1;
        let mut beside = Options::new();
        let mut fields = Vec::new();
        for (key, value) in body {
            let option = OF_THE_SERVER.contains(&key.as_str()) || (only && !named(key));
            if option && body.len() > 1 {
                beside.insert(key.clone(), value.clone());
            } else {
                fields.push((key, value));
            }
        }
        let [(field, value)] = fields.as_slice() else {
            let why = format!("{} fields stand where one is expected", fields.len());
            self.refuse_because(&MALFORMED, at, why);
            return None;
        };
        self.without_cache(&mut beside, at);
        let (mut options, bare) = match value {
            Value::Object(options) => (options.clone(), false),
            value => (Options::from_iter([(main.to_owned(), (*value).clone())]), true),
        };
        let at_field = below(at, field);
        self.snake_options(&mut options, &at_field);
        self.without_cache(&mut options, &at_field);
        for key in ["_name", "boost"] {
            if let Some(value) = beside.shift_remove(key) {
                let before = json!({key: value});
                options.entry(key).or_insert(value);
                self.change(
                    &FILTER_NAME,
                    &below(at, key),
                    Some(before.clone()),
                    Some(json!({*field: before})),
                );
            }
        }
        options.extend(beside);
        Some(OnField { field: (*field).clone(), options, bare })
    }
}

impl OnField {
    /// The query on another field.
    pub(super) fn query(self, name: &str, field: &str, main: &str) -> Value {
        match self.options.get(main) {
            Some(value) if self.bare && self.options.len() == 1 => json!({name: {field: value}}),
            _ => json!({name: {field: self.options}}),
        }
    }
}

/// `minimumShouldMatch` as `minimum_should_match`.
pub(super) fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len());
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
