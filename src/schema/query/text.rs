//! Queries that analyse their text: the `match` family and the two query strings.

use serde_json::{Value, json};

use super::options::Options;
use super::rules::{
    ALL_FIELD, FIELD_LIST, FUZZY_NAME, MALFORMED, MATCH_PHRASE, MATCH_REWRITE, MULTI_MATCH_DIS_MAX,
    PHRASE_OPTION, QUERY_STRING_CASE, QUERY_STRING_FUZZINESS, QUERY_STRING_OPTION, QUERY_STRING_PHRASES,
};
use super::terms::is_no;
use super::{Rewriter, below};

/// Options of `match` that 1.x takes and ignores on phrases.
const NOT_ON_PHRASES: [&str; 10] = [
    "operator",
    "fuzziness",
    "prefix_length",
    "minimum_should_match",
    "lenient",
    "cutoff_frequency",
    "fuzzy_rewrite",
    "fuzzy_transpositions",
    "rewrite",
    "auto_generate_synonyms_phrase_query",
];

impl Rewriter<'_> {
    /// `match`, `match_phrase` and `match_phrase_prefix`.
    pub(super) fn match_query(&mut self, name: &str, body: &Options, at: &str) -> Option<Value> {
        let before = json!({name: body});
        let mut query = self.on_field(body, "query", at)?;
        let at_field = below(at, &query.field);
        let kind = query.options.shift_remove("type");
        let phrase = match kind.as_ref().map(Value::as_str) {
            None | Some(Some("boolean")) => name,
            Some(Some("phrase")) => "match_phrase",
            Some(Some("phrase_prefix" | "phrasePrefix")) => "match_phrase_prefix",
            Some(_) => return self.refused(&MALFORMED, &below(&at_field, "type")),
        };
        if phrase == "match" {
            self.leave_out(&mut query.options, "rewrite", &MATCH_REWRITE, &at_field);
            self.leave_out(&mut query.options, "slop", &PHRASE_OPTION, &at_field);
        } else {
            for option in NOT_ON_PHRASES {
                self.leave_out(&mut query.options, option, &PHRASE_OPTION, &at_field);
            }
        }
        if phrase == "match_phrase" {
            self.leave_out(&mut query.options, "max_expansions", &PHRASE_OPTION, &at_field);
        }
        self.fuzziness(&mut query.options, &at_field);
        query.options = self.checked(phrase, query.options, &at_field);
        let after = self.placed(phrase, "query", query, at)?;
        if kind.is_some() {
            self.change(&MATCH_PHRASE, at, Some(before), Some(after.clone()));
        }
        Some(after)
    }

    /// `multi_match`
    pub(super) fn multi_match(&mut self, mut options: Options, at: &str) -> Option<Value> {
        if self.searches_server_fields(&options, at) {
            return None;
        }
        self.dis_max(&mut options, at);
        self.leave_out(&mut options, "rewrite", &MATCH_REWRITE, at);
        self.searched_fields(&mut options, at);
        self.fuzziness(&mut options, at);
        Some(json!({"multi_match": self.checked("multi_match", options, at)}))
    }

    /// `query_string`
    pub(super) fn query_string(&mut self, mut options: Options, at: &str) -> Option<Value> {
        if self.searches_server_fields(&options, at) {
            return None;
        }
        for key in ["lowercase_expanded_terms", "locale"] {
            self.leave_out(&mut options, key, &QUERY_STRING_CASE, at);
        }
        let phrases = options.get("auto_generate_phrase_queries").is_some_and(|value| !is_no(value));
        if phrases && !options.contains_key("type") {
            options.shift_remove("auto_generate_phrase_queries");
            self.set(&mut options, "type", json!("phrase"), &QUERY_STRING_PHRASES, at);
        }
        for key in ["auto_generate_phrase_queries", "enable_position_increments", "split_on_whitespace"] {
            self.leave_out(&mut options, key, &QUERY_STRING_OPTION, at);
        }
        if let Some(similarity) = options.shift_remove("fuzzy_min_sim") {
            // A similarity is a share of the letters in 1.x alone; 2.4.6 reads its whole part as edits.
            let fuzziness =
                if self.applies(&QUERY_STRING_FUZZINESS) { json!("AUTO") } else { similarity.clone() };
            let (before, after) = (json!({"fuzzy_min_sim": similarity}), json!({"fuzziness": fuzziness}));
            options.insert("fuzziness".to_owned(), fuzziness);
            let rule =
                if self.applies(&QUERY_STRING_FUZZINESS) { &QUERY_STRING_FUZZINESS } else { &FUZZY_NAME };
            self.change(rule, at, Some(before), Some(after));
        }
        self.dis_max(&mut options, at);
        if options.get("default_field").is_some_and(|field| field == "_all") {
            options.shift_remove("default_field");
        }
        self.field_option(&mut options, "default_field", at);
        self.searched_fields(&mut options, at);
        self.implicit_all(&options, &["default_field", "fields"], at);
        self.query_text(&mut options, at);
        Some(json!({"query_string": self.checked("query_string", options, at)}))
    }

    /// `simple_query_string`
    pub(super) fn simple_query_string(&mut self, mut options: Options, at: &str) -> Option<Value> {
        if self.searches_server_fields(&options, at) {
            return None;
        }
        for key in ["lowercase_expanded_terms", "locale"] {
            self.leave_out(&mut options, key, &QUERY_STRING_CASE, at);
        }
        self.searched_fields(&mut options, at);
        self.implicit_all(&options, &["fields"], at);
        Some(json!({"simple_query_string": self.checked("simple_query_string", options, at)}))
    }

    /// `use_dis_max`: the best field decides, or all are added up.
    fn dis_max(&mut self, options: &mut Options, at: &str) {
        let Some(value) = self.leave_out(options, "use_dis_max", &MULTI_MATCH_DIS_MAX, at) else { return };
        if is_no(&value) && !options.contains_key("tie_breaker") {
            self.set(options, "tie_breaker", json!(1.0), &MULTI_MATCH_DIS_MAX, at);
        }
    }

    /// The list `fields`; a list that is only `_all` is left out, for all fields are meant.
    fn searched_fields(&mut self, options: &mut Options, at: &str) {
        let Some(fields) = options.get("fields").cloned() else { return };
        let at = below(at, "fields");
        let list = match fields {
            Value::Array(list) => list,
            one if self.applies(&FIELD_LIST) => {
                self.change(&FIELD_LIST, &at, Some(one.clone()), Some(json!([one])));
                vec![one]
            }
            one => {
                options.insert("fields".to_owned(), self.field_list(&one, &at));
                return;
            }
        };
        let all =
            |field: &Value| field.as_str().is_some_and(|name| name == "_all" || name.starts_with("_all^"));
        if list.iter().any(all) {
            let replaced: Vec<Value> =
                list.iter().map(|field| if all(field) { json!("*") } else { field.clone() }).collect();
            options.insert("lenient".to_owned(), json!(true));
            self.change(&ALL_FIELD, &at, Some(json!(list)), Some(json!(replaced)));
            options.insert("fields".to_owned(), self.field_list(&json!(replaced), &at));
            return;
        }
        options.insert("fields".to_owned(), self.field_list(&json!(list), &at));
    }

    /// Says that without a field `_all` was searched.
    pub(super) fn implicit_all(&mut self, options: &Options, keys: &[&str], at: &str) {
        if keys.iter().all(|key| !options.contains_key(*key)) && self.applies(&ALL_FIELD) {
            self.change(&ALL_FIELD, at, Some(json!("_all")), Some(json!("*")));
        }
    }
}
