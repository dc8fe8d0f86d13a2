//! Aggregations, bucket by bucket.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::approximation::{self, Exactness};
use super::bucket_order::{Place, key, places};
use super::hits::{self, Page};
use super::numbers::{TOLERANCE, alike, close, number};
use super::sequence::{Ranked, compare};
use super::{Findings, Rules, only_here, shown};

/// What only one of the servers writes, or each in its own way: keys as text, and figures of the making.
const OF_THE_SERVER: [&str; 9] = [
    "key",
    "key_as_string",
    "std_deviation_bounds",
    "doc_count_error_upper_bound",
    "sum_other_doc_count",
    "bg_count",
    "meta",
    "interval",
    "after_key",
];

/// One aggregation on both sides: what was asked for, and the answers.
#[derive(Clone, Copy)]
struct Both<'a> {
    asked: (Option<&'a Value>, Option<&'a Value>),
    source: &'a Value,
    target: &'a Value,
}

/// Compares `aggregations` of two answers.
pub(super) fn judge(
    rules: &Rules<'_>,
    source: Option<&Value>,
    target: Option<&Value>,
    findings: &mut Findings,
) {
    let nothing = Value::Object(Map::new());
    let both = Both {
        asked: (Some(rules.source_body), Some(rules.target_body)),
        source: source.unwrap_or(&nothing),
        target: target.unwrap_or(&nothing),
    };
    Judging { rules, findings }.parts(both, "aggregations", Exactness::Exact);
}

struct Judging<'a, 'b> {
    rules: &'a Rules<'a>,
    findings: &'b mut Findings,
}

impl Judging<'_, '_> {
    /// Everything that an aggregation, a bucket or the whole answer holds.
    fn parts(&mut self, both: Both<'_>, at: &str, exactness: Exactness) {
        let (Some(source), Some(target)) = (both.source.as_object(), both.target.as_object()) else {
            return self.values(at, both.source, both.target, exactness);
        };
        let names = source.keys().chain(target.keys().filter(|name| !source.contains_key(*name)));
        for name in names.filter(|name| !of_the_server(name)) {
            let at = format!("{at}.{name}");
            let asked = (inner(both.asked.0, name), inner(both.asked.1, name));
            match (source.get(name), target.get(name)) {
                (Some(source), Some(target)) if asked.0.is_some() || asked.1.is_some() => {
                    let own = approximation::of(asked.0.or(asked.1), source, target);
                    self.one(Both { asked, source, target }, &at, exactness.inside(own));
                }
                (Some(source), Some(target)) => {
                    self.parts(Both { asked: (None, None), source, target }, &at, exactness);
                }
                (Some(Value::Null), None) | (None, Some(Value::Null)) => {}
                (source, target) => self.differ(&at, shown(source), shown(target), exactness),
            }
        }
    }

    /// An aggregation.
    fn one(&mut self, both: Both<'_>, at: &str, exactness: Exactness) {
        if let (Some(source), Some(target)) = (both.source.get("hits"), both.target.get("hits")) {
            let options = |asked: Option<&Value>| {
                asked.and_then(|asked| asked.get("top_hits")).cloned().unwrap_or_default()
            };
            let (source_asked, target_asked) = (options(both.asked.0), options(both.asked.1));
            let page = Page {
                at: &format!("{at}.hits"),
                source_asked: &source_asked,
                target_asked: &target_asked,
                top: false,
            };
            return hits::judge(self.rules, &page, Some(source), Some(target), self.findings);
        }
        match (both.source.get("buckets"), both.target.get("buckets")) {
            (Some(Value::Array(source)), Some(Value::Array(target))) => {
                self.buckets(both, source, target, at, exactness)
            }
            (Some(Value::Object(_)), Some(Value::Object(_))) => self.keyed(both, at, exactness),
            _ => self.parts(both, at, exactness),
        }
    }

    /// Buckets with names of their own.
    fn keyed(&mut self, both: Both<'_>, at: &str, exactness: Exactness) {
        let map =
            |value: &Value| value.get("buckets").and_then(Value::as_object).cloned().unwrap_or_default();
        let (source, target) = (map(both.source), map(both.target));
        for name in source.keys().chain(target.keys().filter(|name| !source.contains_key(*name))) {
            let at = format!("{at}.buckets[{name}]");
            match (source.get(name), target.get(name)) {
                (Some(source), Some(target)) => self.parts(Both { source, target, ..both }, &at, exactness),
                (source, target) => self.differ(&at, shown(source), shown(target), exactness),
            }
        }
    }

    fn buckets(
        &mut self,
        both: Both<'_>,
        source: &[Value],
        target: &[Value],
        at: &str,
        exactness: Exactness,
    ) {
        let names = |buckets: &[Value]| -> Vec<String> {
            buckets.iter().enumerate().map(|(position, bucket)| key(bucket, position)).collect()
        };
        let (ours, theirs) = (names(source), names(target));
        let gap = compare(
            &ranked(both.asked.0, both.source, source, &ours),
            &ranked(both.asked.1, both.target, target, &theirs),
            |one, other| one.ties(other),
        );
        if !gap.only_source.is_empty() || !gap.only_target.is_empty() {
            self.differ(
                &format!("{at}.buckets"),
                only_here(&gap.only_source),
                only_here(&gap.only_target),
                exactness,
            );
        }
        if let Some((first, second)) = gap.swapped {
            let (one, other) = (format!("{first} before {second}"), format!("{second} before {first}"));
            self.differ(&format!("{at}.order"), one, other, exactness);
        }
        let there: HashMap<&String, &Value> = theirs.iter().zip(target).collect();
        for (name, source) in ours.iter().zip(source) {
            if let Some(target) = there.get(name) {
                self.parts(Both { source, target, ..both }, &format!("{at}.buckets[{name}]"), exactness);
            }
        }
        let (rest, their_rest) =
            (both.source.get("sum_other_doc_count"), both.target.get("sum_other_doc_count"));
        if let (Some(rest), Some(theirs)) = (rest, their_rest) {
            self.values(&format!("{at}.sum_other_doc_count"), rest, theirs, exactness);
        }
    }

    /// Two values that are no objects, or of different kinds.
    fn values(&mut self, at: &str, source: &Value, target: &Value, exactness: Exactness) {
        if let (Value::Array(ours), Value::Array(theirs)) = (source, target)
            && ours.len() == theirs.len()
        {
            for (position, (source, target)) in ours.iter().zip(theirs).enumerate() {
                let both = Both { asked: (None, None), source, target };
                self.parts(both, &format!("{at}[{position}]"), exactness);
            }
            return;
        }
        let counts = source.is_u64() && target.is_u64();
        if !alike(source, target, if counts { 0.0 } else { TOLERANCE }) {
            self.differ_by(at, source, target, exactness);
        }
    }

    fn differ_by(&mut self, at: &str, source: &Value, target: &Value, exactness: Exactness) {
        let (one, other) = (number(source), number(target));
        let told = match exactness {
            Exactness::Exact => false,
            Exactness::Unknown => true,
            Exactness::Within(tolerance) => {
                one.zip(other).is_some_and(|(one, other)| close(one, other, tolerance))
            }
            Exactness::Counts(bound) => {
                one.zip(other).is_some_and(|(one, other)| (one - other).abs() <= bound as f64)
            }
        };
        let (source, target) = (shown(Some(source)), shown(Some(target)));
        if told {
            self.findings.differ_about(at, source, target)
        } else {
            self.findings.differ(at, source, target)
        }
    }

    /// What is there on one side only, or in another order.
    fn differ(&mut self, at: &str, source: String, target: String, exactness: Exactness) {
        match exactness {
            Exactness::Exact | Exactness::Within(_) => self.findings.differ(at, source, target),
            Exactness::Counts(_) | Exactness::Unknown => self.findings.differ_about(at, source, target),
        }
    }
}

fn ranked(asked: Option<&Value>, aggregation: &Value, buckets: &[Value], names: &[String]) -> Ranked<Place> {
    let items = names.iter().cloned().zip(places(asked, buckets)).collect();
    let mut ranked = Ranked::new(items, Place::ties);
    let others = aggregation.get("sum_other_doc_count").and_then(Value::as_u64).unwrap_or(0);
    ranked.cut_behind = others > 0;
    ranked
}

/// What an aggregation asked for inside of it under this name.
fn inner<'a>(asked: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    let asked = asked?;
    ["aggs", "aggregations"].iter().find_map(|part| asked.get(part)?.get(name))
}

fn of_the_server(name: &str) -> bool {
    OF_THE_SERVER.contains(&name) || name.ends_with("_as_string")
}
