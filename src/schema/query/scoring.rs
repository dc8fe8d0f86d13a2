//! `function_score`.

use serde_json::{Value, json};

use super::compound::with;
use super::options::Options;
use super::rules::{MALFORMED, SCORE_BOOST, SCORE_FILTER, SCORE_RANDOM, UNKNOWN_OPTION};
use super::{Rewriter, below, element};

/// Functions that fall with the distance from a value of a field.
const DECAYS: [&str; 3] = ["linear", "exp", "gauss"];

impl Rewriter<'_> {
    /// `function_score`, with one function or a list of them.
    pub(super) fn function_score(&mut self, mut options: Options, at: &str) -> Value {
        self.scored(&mut options, at);
        self.min_score(&options, at);
        let functions = options.get("functions").cloned();
        if let Some(functions) = functions {
            let at = below(at, "functions");
            let Value::Array(list) = functions else {
                self.refuse(&MALFORMED, &at);
                return json!({"function_score": options});
            };
            let rewritten: Vec<Value> = list
                .iter()
                .enumerate()
                .map(|(n, function)| self.scoring_function(function, &element(&at, n)))
                .collect();
            options.insert("functions".to_owned(), json!(rewritten));
        }
        let mut alone: Options = Options::new();
        for key in options.keys().cloned().collect::<Vec<_>>() {
            if is_function(&key)
                && let Some(value) = options.shift_remove(&key)
            {
                alone.insert(key, value);
            }
        }
        let alone = self.functions_of(alone, at);
        let mut options = self.checked("function_score", options, at);
        options.extend(alone);
        json!({"function_score": options})
    }

    /// What is scored: `query`, `filter`, or both.
    fn scored(&mut self, options: &mut Options, at: &str) {
        let query = options.get("query").cloned().map(|query| self.query(&query, &below(at, "query")));
        let filter = options.shift_remove("filter");
        let Some(filter) = filter else {
            options.extend(query.map(|query| ("query".to_owned(), query)));
            return;
        };
        let at_filter = below(at, "filter");
        let rewritten = self.filter(&filter, &at_filter);
        let scored = match query {
            Some(query) => with(json!({"must": [query], "filter": [rewritten]}), Options::new(), "bool"),
            None => json!({"constant_score": {"filter": rewritten}}),
        };
        self.change(
            &SCORE_FILTER,
            &at_filter,
            Some(json!({"filter": filter})),
            Some(json!({"query": scored})),
        );
        options.insert("query".to_owned(), scored);
    }

    fn scoring_function(&mut self, function: &Value, at: &str) -> Value {
        let Value::Object(function) = function else {
            self.refuse(&MALFORMED, at);
            return function.clone();
        };
        let mut options = function.clone();
        self.snake_options(&mut options, at);
        self.filter_option(&mut options, "filter", at);
        if let Some(query) = options.shift_remove("query") {
            let rewritten = self.filter(&query, &below(at, "query"));
            options.insert("filter".to_owned(), rewritten);
        }
        if let Some(key) = options.keys().find(|key| *key != "filter" && !is_function(key)) {
            let why = format!("the target has no scoring function `{key}`");
            self.refuse_because(&UNKNOWN_OPTION, &below(at, key), why);
        }
        Value::Object(self.functions_of(options, at))
    }

    fn functions_of(&mut self, mut options: Options, at: &str) -> Options {
        self.rename(&mut options, "boost_factor", "weight", &SCORE_BOOST, at);
        if let Some(Value::Object(mut script)) = options.get("script_score").cloned() {
            self.script(&mut script, &below(at, "script_score"));
            options.insert("script_score".to_owned(), Value::Object(script));
        }
        if let Some(Value::Object(mut random)) = options.get("random_score").cloned()
            && random.contains_key("seed")
            && !random.contains_key("field")
            && self.applies(&SCORE_RANDOM)
        {
            self.set(&mut random, "field", json!("_seq_no"), &SCORE_RANDOM, &below(at, "random_score"));
            options.insert("random_score".to_owned(), Value::Object(random));
        }
        if let Some(Value::Object(mut factor)) = options.get("field_value_factor").cloned() {
            let at = below(at, "field_value_factor");
            self.field_option(&mut factor, "field", &at);
            self.only_known(
                &mut factor,
                &["field", "factor", "modifier", "missing"],
                "field_value_factor",
                &at,
            );
            options.insert("field_value_factor".to_owned(), Value::Object(factor));
        }
        for decay in DECAYS {
            let Some(Value::Object(fields)) = options.get(decay).cloned() else { continue };
            let at = below(at, decay);
            let placed: Options = fields
                .into_iter()
                .map(|(key, value)| match key.as_str() {
                    "multi_value_mode" => (key, value),
                    _ => (self.plain_field(&key, &below(&at, &key)), value),
                })
                .collect();
            options.insert(decay.to_owned(), Value::Object(placed));
        }
        options
    }
}

fn is_function(key: &str) -> bool {
    DECAYS.contains(&key)
        || ["script_score", "random_score", "field_value_factor", "weight", "boost_factor"].contains(&key)
}
