//! Queries that compare whole terms: `term` and its kin, `terms`, `range`, `fuzzy`.

use serde_json::{Value, json};

use super::compound::with;
use super::fields::Field;
use super::known::{self, Shape};
use super::metadata::Meta;
use super::options::{OnField, Options};
use super::rules::{
    COORDINATION, FIELD_REMOVED, FUZZY_NAME, FUZZY_SIMILARITY, KEY_VALUE_ALL, MALFORMED, NUMERIC_RANGE,
    RANGE_BOUNDS, RANGE_EXECUTION, RANGE_FRACTION, TERM_VALUE, TERMS_ALL, TERMS_EXECUTION, TERMS_LEAST,
};
use super::{Rewriter, below, limits};

/// Bounds of `range`: the old name, its opposite number for "inclusive", the new names if inclusive or not.
const BOUNDS: [(&str, &str, [&str; 2]); 2] =
    [("from", "include_lower", ["gt", "gte"]), ("to", "include_upper", ["lt", "lte"])];

impl Rewriter<'_> {
    /// `term`, `prefix`, `wildcard`, `regexp`, `fuzzy`, `span_term`, `common` and `terms_set`.
    pub(super) fn term_like(&mut self, name: &str, body: &Options, at: &str) -> Option<Value> {
        let main = main_option(name);
        let mut query = self.on_field(body, main, at)?;
        let at_field = below(at, &query.field);
        if name != "terms_set" && name != "common" {
            for old in ["term", "prefix", "wildcard"] {
                self.rename(&mut query.options, old, main, &TERM_VALUE, &at_field);
            }
        }
        if name == "common" {
            self.leave_out(&mut query.options, "disable_coord", &COORDINATION, &at_field);
        }
        if name == "fuzzy" {
            self.fuzziness(&mut query.options, &at_field);
        }
        query.options = self.checked(name, query.options, &at_field);
        self.placed(name, main, query, at)
    }

    /// A query on one field, where that field is on the target.
    pub(super) fn placed(&mut self, name: &str, main: &str, query: OnField, at: &str) -> Option<Value> {
        let at_field = below(at, &query.field);
        match self.metadata(name, main, &query, at) {
            Meta::Ordinary => {}
            Meta::Refused => return None,
            Meta::Becomes(after) => return Some(after),
        }
        match self.fate(&query.field, &at_field) {
            Field::Named(field) => Some(query.query(name, &field, main)),
            Field::Key(fields, key) => self.on_key(name, main, fields, &key, query, at),
            Field::AnyKey(fields) => {
                let path = fields.value_path();
                self.change(&KEY_VALUE_ALL, &at_field, Some(json!(query.field)), Some(json!(path)));
                Some(query.query(name, &path, main))
            }
            Field::Removed => {
                let why = format!("the target's documents have no `{}`", query.field);
                self.refuse_because(&FIELD_REMOVED, &at_field, why);
                None
            }
        }
    }

    /// `{"terms": {field: […], "execution": …}}`
    pub(super) fn terms(&mut self, body: &Options, at: &str) -> Option<Value> {
        let before = json!({"terms": body});
        let mut options = body.clone();
        self.without_cache(&mut options, at);
        self.leave_out(&mut options, "disable_coord", &COORDINATION, at);
        let execution = options.shift_remove("execution");
        let least = ["minimum_should_match", "minimum_match", "minimumShouldMatch"]
            .into_iter()
            .find_map(|key| options.shift_remove(key));
        let kept: Options =
            ["boost", "_name"].iter().filter_map(|key| options.shift_remove_entry(*key)).collect();
        let mut fields = options.iter();
        let (Some((name, values)), None) = (fields.next(), fields.next()) else {
            return self.refused(&MALFORMED, at);
        };
        let query = OnField {
            field: name.clone(),
            options: Options::from_iter([("values".to_owned(), values.clone())]),
            bare: true,
        };
        match self.metadata("terms", "values", &query, at) {
            Meta::Ordinary => {}
            Meta::Refused => return None,
            Meta::Becomes(after) => return Some(after),
        }
        let at_field = below(at, name);
        let refused = self.refused.len();
        let (field, values) = match self.fate(name, &at_field) {
            Field::Key(fields, key) => (fields.pair_path(), self.pairs(fields, &key, values, &at_field)?),
            Field::Named(field) => (field, self.lookup(values, &at_field)),
            _ => (self.plain_field(name, &at_field), self.lookup(values, &at_field)),
        };
        if self.refused.len() > refused {
            return None;
        }
        let says_and = execution.as_ref().and_then(Value::as_str).is_some_and(|way| way.starts_with("and"));
        // 2.4.6 takes the option and does not look at it.
        let all = says_and && self.applies(&TERMS_ALL);
        let given = least.clone();
        let least = least.filter(|least| *least != json!(1) && *least != json!("1"));
        if !all && least.is_none() {
            for (key, value) in [("execution", execution), ("minimum_match", given)] {
                if let Some(value) = value {
                    self.change(&TERMS_EXECUTION, &below(at, key), Some(json!({key: value})), None);
                }
            }
            return Some(with(json!({field: values}), kept, "terms"));
        }
        let Value::Array(list) = &values else {
            return self.refused(&MALFORMED, at);
        };
        let each: Vec<Value> = list.iter().map(|value| json!({"term": {&field: value}})).collect();
        let (rule, after) = match least {
            Some(least) if !all => {
                (&TERMS_LEAST, with(json!({"should": each, "minimum_should_match": least}), kept, "bool"))
            }
            _ => (&TERMS_ALL, with(json!({"filter": each}), kept, "bool")),
        };
        self.at_most(&limits::CLAUSES, list.len(), at);
        self.change(rule, at, Some(before), Some(after.clone()));
        Some(after)
    }

    /// Terms that stand in another document: its type is gone.
    fn lookup(&mut self, values: &Value, at: &str) -> Value {
        let Value::Object(place) = values else { return values.clone() };
        let mut place = place.clone();
        self.looked_up(&mut place, None, at);
        self.only_known(&mut place, &["index", "type", "id", "path", "routing"], "terms", at);
        Value::Object(place)
    }

    /// `range` and `numeric_range`
    pub(super) fn range(&mut self, name: &str, body: &Options, at: &str) -> Option<Value> {
        let mut query = self.on_field(body, "value", at)?;
        let at_field = below(at, &query.field);
        if query.bare {
            return self.refused(&MALFORMED, &at_field);
        }
        for key in ["execution", "index"] {
            self.leave_out(&mut query.options, key, &RANGE_EXECUTION, at);
        }
        for (old, new) in [("ge", "gte"), ("le", "lte")] {
            self.rename(&mut query.options, old, new, &RANGE_BOUNDS, &at_field);
        }
        for (bound, flag, names) in BOUNDS {
            self.bound(&mut query.options, bound, flag, names, &at_field);
        }
        query.options = self.checked("range", query.options, &at_field);
        self.fractions(&query.options, &at_field);
        let after = self.placed("range", "value", query, at)?;
        if name == "numeric_range" {
            self.change(&NUMERIC_RANGE, at, Some(json!({name: body})), Some(after.clone()));
        }
        Some(after)
    }

    /// Says that a bound with a fraction may be another one.
    fn fractions(&mut self, options: &Options, at: &str) {
        for bound in ["gt", "gte", "lt", "lte"] {
            let fraction = |value: &&Value| value.as_f64().is_some_and(|number| number.fract() != 0.0);
            if let Some(value) = options.get(bound).filter(fraction)
                && self.applies(&RANGE_FRACTION)
            {
                self.change(&RANGE_FRACTION, &below(at, bound), Some(value.clone()), Some(value.clone()));
            }
        }
    }

    fn bound(&mut self, options: &mut Options, bound: &str, flag: &str, names: [&str; 2], at: &str) {
        let [open, closed] = names;
        let inclusive = options.shift_remove(flag);
        if let Some(value) = options.shift_remove(bound) {
            let before = json!({bound: value, flag: inclusive.clone().unwrap_or(json!(true))});
            if value.is_null() {
                self.change(&RANGE_BOUNDS, &below(at, bound), Some(before), None);
                return;
            }
            let name = if inclusive.as_ref().is_some_and(is_no) { open } else { closed };
            options.insert(name.to_owned(), value.clone());
            self.change(&RANGE_BOUNDS, &below(at, bound), Some(before), Some(json!({name: value})));
            return;
        }
        let Some(inclusive) = inclusive else { return };
        // The flag speaks of `gt` and `gte` alike.
        let (wrong, right) = if is_no(&inclusive) { (closed, open) } else { (open, closed) };
        if let Some(value) = options.shift_remove(wrong) {
            options.insert(right.to_owned(), value);
        }
        self.change(&RANGE_BOUNDS, &below(at, flag), Some(json!({flag: inclusive})), None);
    }

    /// Similarities of old as edit distances.
    pub(super) fn fuzziness(&mut self, options: &mut Options, at: &str) {
        self.rename(options, "min_similarity", "fuzziness", &FUZZY_NAME, at);
        let Some(given) = options.get("fuzziness").cloned() else { return };
        let number = given.as_f64().or_else(|| given.as_str().and_then(|text| text.parse().ok()));
        let Some(number) = number else { return };
        let words = options.get("value").or(options.get("query")).and_then(Value::as_str).unwrap_or_default();
        let longest = words.split_whitespace().map(|word| word.chars().count()).max();
        let edits = json!(edits(number, longest.unwrap_or(0)));
        let same = given == edits || given.as_str() == Some(&edits.to_string());
        if !same && self.applies(&FUZZY_SIMILARITY) {
            self.set(options, "fuzziness", edits, &FUZZY_SIMILARITY, at);
        }
    }
}

/// The edit distance that Lucene makes of a similarity below 1: a share of the letters, and two at most.
pub(super) fn edits(similarity: f64, letters: usize) -> u8 {
    if similarity >= 1.0 {
        return if similarity < 2.0 { 1 } else { 2 };
    }
    if similarity <= 0.0 {
        return 0;
    }
    // The count of letters is far below what a double holds.
    #[allow(clippy::cast_precision_loss)]
    let allowed = (1.0 - similarity) * letters as f64;
    [2, 1].into_iter().find(|edits| f64::from(*edits) <= allowed).unwrap_or(0)
}

/// The option that a bare value of this query stands for.
pub(super) fn main_option(name: &str) -> &'static str {
    match known::query_named(name).map(|query| query.shape) {
        Some(Shape::Field(main)) => main,
        _ => "value",
    }
}

/// `false` in one of the spellings of 1.x.
pub(super) fn is_no(value: &Value) -> bool {
    matches!(value, Value::Bool(false))
        || matches!(value.as_str(), Some("false" | "no" | "off" | "0"))
        || *value == json!(0)
}
