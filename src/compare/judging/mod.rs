//! What two answers to one question have in common, and what not.
//!
//! Both answers are JSON as the servers gave it. What is compared is what a person or a program reads: totals, ids and
//! their order, scores, sort values, aggregations, highlights, suggestions. Documents themselves are the business of
//! `verify`.

mod aggregations;
mod approximation;
mod bucket_order;
mod highlights;
mod hits;
mod numbers;
mod sequence;
mod suggestions;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Value;

pub use hits::is_by_relevance;

use super::recorded::{Expect, Scores, Wanted};
use super::request::Asked;
use crate::cluster::counting::{ShardsAnswer, total_hits};

/// One difference of two answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where, such as `hits.total`, `hits.ids`, `hits.order` or `aggregations.hosts.buckets[web-1].doc_count`.
    pub at: String,
    /// What the source says there; `-` for nothing.
    pub source: String,
    /// What the target says there.
    pub target: String,
}

/// What came of a comparison.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings {
    /// What differs for certain.
    pub differences: Vec<Difference>,
    /// What differs by less than the servers promise to be exact.
    pub approximate: Vec<Difference>,
    /// What cannot be judged at all, in words.
    pub unjudged: Vec<String>,
    /// What was left out, since it was to be ignored or cannot be known, in words.
    pub left_out: Vec<String>,
}

impl Findings {
    fn differ(&mut self, at: impl Into<String>, source: impl ToString, target: impl ToString) {
        self.differences.push(difference(at, source, target));
    }

    fn differ_about(&mut self, at: impl Into<String>, source: impl ToString, target: impl ToString) {
        self.approximate.push(difference(at, source, target));
    }

    fn leave_out(&mut self, what: String) {
        if !self.left_out.contains(&what) {
            self.left_out.push(what);
        }
    }
}

fn difference(at: impl Into<String>, source: impl ToString, target: impl ToString) -> Difference {
    Difference { at: at.into(), source: source.to_string(), target: target.to_string() }
}

/// How answers are compared.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Search or count.
    pub asked: Asked,
    /// What the source was asked.
    pub source_body: &'a Value,
    /// What the target was asked.
    pub target_body: &'a Value,
    /// Ids of the source that became `type-id`.
    pub prefixed_ids: bool,
    /// Scores, where the search itself says nothing of them.
    pub scores: Scores,
    /// Whether the order by relevance counts.
    pub relevance: Wanted,
    /// What the search says.
    pub expect: Expect,
}

impl Rules<'_> {
    fn scores(&self) -> Scores {
        self.expect.scores.unwrap_or(self.scores)
    }

    /// For two answers of the same side to the same question.
    #[must_use]
    pub fn within<'b>(&self, body: &'b Value) -> Rules<'b>
    where
        Self: 'b,
    {
        Rules { source_body: body, target_body: body, prefixed_ids: false, ..*self }
    }
}

/// Compares two answers.
#[must_use]
pub fn judge(rules: &Rules<'_>, source: &Value, target: &Value) -> Findings {
    let mut findings = Findings::default();
    for (side, answer) in [("source", source), ("target", target)] {
        findings.unjudged.extend(incomplete(answer).map(|why| format!("{side}: {why}")));
    }
    if !findings.unjudged.is_empty() {
        return findings;
    }
    // `filter_path` and the like leave nothing to compare, which is not the same.
    let needed = if rules.asked == Asked::Count { "count" } else { "hits" };
    for (side, answer) in [("source", source), ("target", target)] {
        if answer.get(needed).is_none() {
            findings.unjudged.push(format!("{side}: an answer without `{needed}`"));
        } else if needed == "hits" && total_hits(answer).is_none() {
            findings
                .unjudged
                .push(format!("{side}: `hits.total` is no exact number: ask with `track_total_hits=true`"));
        }
    }
    if !findings.unjudged.is_empty() {
        return findings;
    }
    if rules.asked == Asked::Count {
        numbers::same(&mut findings, "count", source.get("count"), target.get("count"));
        return findings;
    }
    let page = hits::Page {
        at: "hits",
        source_asked: rules.source_body,
        target_asked: rules.target_body,
        top: true,
    };
    hits::judge(rules, &page, source.get("hits"), target.get("hits"), &mut findings);
    if source.get("facets").is_some() {
        findings.unjudged.push(
            "source: facets answer in another shape than the aggregations that they become: give `target` by hand, or record the search with aggregations".to_owned(),
        );
    }
    aggregations::judge(rules, source.get("aggregations"), target.get("aggregations"), &mut findings);
    if rules.expect.suggest == Wanted::Ignore {
        findings.leave_out("suggestions".to_owned());
    } else {
        suggestions::judge(rules, source.get("suggest"), target.get("suggest"), &mut findings);
    }
    findings
}

/// Why an answer says less than it should.
fn incomplete(answer: &Value) -> Option<String> {
    if answer.get("timed_out") == Some(&Value::Bool(true)) {
        return Some("the search timed out, and answers in part".to_owned());
    }
    match ShardsAnswer::of(answer) {
        Some(shards) if shards.is_whole() => None,
        Some(shards) => {
            let first = answer.pointer("/_shards/failures/0/reason");
            let reason = first.map_or(String::new(), |reason| {
                let text = reason.pointer("/reason").unwrap_or(reason);
                format!(": {}", text.as_str().map_or_else(|| text.to_string(), str::to_owned))
            });
            Some(format!("{shards}{reason}"))
        }
        None => Some("an answer without `_shards`".to_owned()),
    }
}

/// A value as it is shown; a missing one is `-`.
fn shown(value: Option<&Value>) -> String {
    match value {
        None => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Names that one side alone has.
fn only_here(names: &[String]) -> String {
    const MOST: usize = 10;
    match names.len() {
        0 => "-".to_owned(),
        count if count > MOST => format!("only here: {} and {} more", names[..MOST].join(", "), count - MOST),
        _ => format!("only here: {}", names.join(", ")),
    }
}
