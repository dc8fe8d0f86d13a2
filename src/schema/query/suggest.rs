//! Suggestions.

use serde_json::{Value, json};

use super::options::Options;
use super::rules::{
    MALFORMED, SUGGEST_COLLATE, SUGGEST_COMPLETION, SUGGEST_CONTEXT, SUGGEST_FUZZY, UNKNOWN_OPTION,
};
use super::{Rewriter, below};

const TERM: [&str; 15] = [
    "field",
    "text",
    "analyzer",
    "size",
    "sort",
    "suggest_mode",
    "accuracy",
    "max_edits",
    "max_inspections",
    "max_term_freq",
    "min_word_length",
    "min_doc_freq",
    "prefix_length",
    "shard_size",
    "string_distance",
];
const PHRASE: [&str; 13] = [
    "field",
    "text",
    "analyzer",
    "size",
    "shard_size",
    "confidence",
    "max_errors",
    "separator",
    "gram_size",
    "real_word_error_likelihood",
    "highlight",
    "smoothing",
    "direct_generator",
];
const COMPLETION: [&str; 8] =
    ["field", "size", "analyzer", "fuzzy", "contexts", "skip_duplicates", "regex", "shard_size"];

impl Rewriter<'_> {
    /// `suggest`: a text for all, and the suggestions by name.
    pub(super) fn suggest(&mut self, suggest: &Value, at: &str) -> Value {
        let Value::Object(named) = suggest else {
            self.refuse(&MALFORMED, at);
            return suggest.clone();
        };
        let rewritten: Options = named
            .iter()
            .map(|(name, one)| match one {
                Value::Object(one) => (name.clone(), self.suggestion(one.clone(), &below(at, name))),
                text => (name.clone(), text.clone()),
            })
            .collect();
        Value::Object(rewritten)
    }

    fn suggestion(&mut self, mut suggestion: Options, at: &str) -> Value {
        for key in suggestion.keys().cloned().collect::<Vec<_>>() {
            let at = below(at, &key);
            let Some(Value::Object(mut options)) = suggestion.get(&key).cloned() else {
                if !["text", "prefix", "regex"].contains(&key.as_str()) {
                    self.refuse_because(&UNKNOWN_OPTION, &at, format!("a suggestion has no option `{key}`"));
                }
                continue;
            };
            self.field_option(&mut options, "field", &at);
            match key.as_str() {
                "term" => {
                    self.rename(&mut options, "min_word_len", "min_word_length", &SUGGEST_FUZZY, &at);
                    self.rename(&mut options, "prefix_len", "prefix_length", &SUGGEST_FUZZY, &at);
                    self.only_known(&mut options, &TERM, "term", &at);
                }
                "phrase" => {
                    if options.contains_key("collate") && self.applies(&SUGGEST_COMPLETION) {
                        self.refuse(&SUGGEST_COLLATE, &below(&at, "collate"));
                    } else {
                        let known: Vec<&str> = PHRASE.iter().chain(&["collate"]).copied().collect();
                        self.only_known(&mut options, &known, "phrase", &at);
                    }
                }
                "completion" => self.completion(&mut options, &at),
                _ => {
                    self.refuse_because(&UNKNOWN_OPTION, &at, format!("the target has no suggester `{key}`"));
                }
            }
            suggestion.insert(key, Value::Object(options));
        }
        Value::Object(suggestion)
    }

    fn completion(&mut self, options: &mut Options, at: &str) {
        if let Some(Value::Object(mut fuzzy)) = options.get("fuzzy").cloned() {
            self.rename(&mut fuzzy, "edit_distance", "fuzziness", &SUGGEST_FUZZY, &below(at, "fuzzy"));
            options.insert("fuzzy".to_owned(), Value::Object(fuzzy));
        }
        self.rename(options, "context", "contexts", &SUGGEST_CONTEXT, at);
        if self.applies(&SUGGEST_COMPLETION) {
            let now = json!(options);
            self.change(&SUGGEST_COMPLETION, at, Some(now.clone()), Some(now));
        }
        self.only_known(options, &COMPLETION, "completion", at);
    }
}
