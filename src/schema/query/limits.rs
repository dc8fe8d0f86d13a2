//! What a target takes only so much of, where 1.x has no such bound. Measured on 1.7.6 and 6.8.23.

use serde_json::Value;

use super::options::Options;
use super::rules::{MALFORMED, OVER_LIMIT, RESULT_WINDOW};
use super::{Rewriter, below};

/// One bound, as it is unless the target's settings say otherwise.
pub(super) struct Limit {
    most: u64,
    what: &'static str,
    setting: &'static str,
}

/// `from` + `size` of a search.
pub(super) const WINDOW: Limit =
    Limit { most: 10_000, what: "the window ends at", setting: "index.max_result_window" };
/// `from` + `size` of `top_hits` and `inner_hits`.
pub(super) const INNER_WINDOW: Limit =
    Limit { most: 100, what: "the window ends at", setting: "index.max_inner_result_window" };
/// Clauses of one `bool`.
pub(super) const CLAUSES: Limit =
    Limit { most: 1024, what: "the number of clauses is", setting: "indices.query.bool.max_clause_count" };
const RESCORED: Limit = Limit { most: 10_000, what: "`window_size` is", setting: "index.max_rescore_window" };
/// Parts of which only so many may stand in a search.
const COUNTED: [(&str, Limit); 2] = [
    (
        "docvalue_fields",
        Limit { most: 100, what: "the number of fields is", setting: "index.max_docvalue_fields_search" },
    ),
    (
        "script_fields",
        Limit { most: 32, what: "the number of fields is", setting: "index.max_script_fields" },
    ),
];

impl Rewriter<'_> {
    /// Refuses a window that ends too far out.
    pub(super) fn window(&mut self, parts: &Options, default: u64, limit: &Limit, at: &str) {
        let number = |key: &str, default| parts.get(key).map_or(Some(default), Value::as_u64);
        let (Some(from), Some(size)) = (number("from", 0), number("size", default)) else {
            let place = if number("size", default).is_none() { "size" } else { "from" };
            self.refuse_because(&MALFORMED, &below(at, place), format!("`{place}` is a number from 0 on"));
            return;
        };
        let place = if from > 0 { "from" } else { "size" };
        let end = from.saturating_add(size);
        if end > limit.most {
            self.refuse_because(&RESULT_WINDOW, &below(at, place), limit.exceeded_by(end));
        }
    }

    /// Refuses what is more than a limit allows.
    pub(super) fn at_most(&mut self, limit: &Limit, count: usize, at: &str) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        if count > limit.most {
            self.refuse_because(&OVER_LIMIT, at, limit.exceeded_by(count));
        }
    }

    /// Refuses parts of which there are too many.
    pub(super) fn counted_parts(&mut self, parts: &Options, at: &str) {
        for (part, limit) in &COUNTED {
            let count = match parts.get(*part) {
                Some(Value::Array(list)) => list.len(),
                Some(Value::Object(entries)) => entries.len(),
                _ => continue,
            };
            self.at_most(limit, count, &below(at, part));
        }
    }

    /// Refuses a rescoring of too many hits.
    pub(super) fn rescored(&mut self, options: &Options, at: &str) {
        let size = options.get("window_size").and_then(Value::as_u64).unwrap_or(0);
        self.at_most(&RESCORED, usize::try_from(size).unwrap_or(usize::MAX), &below(at, "window_size"));
    }
}

impl Limit {
    fn exceeded_by(&self, count: u64) -> String {
        let Limit { most, what, setting } = self;
        format!("{what} {count}; the target takes {most} (`{setting}`)")
    }
}
