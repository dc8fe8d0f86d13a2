//! What comes of what both sides said: the first reason against "same" wins, the gravest first.

use serde_json::Value;

use super::pair::Pair;
use super::{Asked, Said};
use crate::compare::accepted::Judged;
use crate::compare::judging::{Difference, Rules, is_by_relevance, judge};
use crate::compare::recorded::Recorded;
use crate::compare::report::{Outcome, Side, Verdict};
use crate::compare::request::path_of;
use crate::compare::unsteady;

/// Of the differences of one search, so many are kept.
const MOST_DIFFERENCES: usize = 50;

/// The outcome of a search, from what both sides said.
pub(super) fn judged(
    recorded: &Recorded,
    pair: &Pair,
    rules: &Rules<'_>,
    (source, target): (&Asked<'_>, &Asked<'_>),
    scores_alike: bool,
) -> Judged {
    let side = |asked: &Asked<'_>| Side {
        path: path_of(recorded.asked, asked.search),
        body: asked.search.body.clone(),
        latency: asked.times.figures(),
    };
    let mut outcome = Outcome {
        name: recorded.name.clone(),
        line: recorded.line,
        fingerprint: recorded.fingerprint.clone(),
        verdict: Verdict::Same,
        found: Verdict::Same,
        reasons: Vec::new(),
        differences: Vec::new(),
        more_differences: 0,
        announced: pair.announced.clone(),
        left_out: Vec::new(),
        note: None,
        source: side(source),
        target: side(target),
    };
    outcome.verdict = match (&source.said, &target.said) {
        _ if !pair.refused.is_empty() => {
            outcome.reasons = pair.refused.clone();
            Verdict::NotComparable
        }
        (Some(Said::Answer(ours)), Some(Said::Answer(theirs))) => {
            both_answer(&mut outcome, pair, rules, (ours, theirs), (source, target))
        }
        (Some(Said::Refused(ours)), Some(Said::Refused(theirs))) => {
            outcome.reasons = vec![format!("source: {ours}"), format!("target: {theirs}")];
            Verdict::BothRefuse
        }
        (Some(Said::Refused(refusal)), Some(Said::Answer(_))) => {
            outcome.differences = vec![errs(refusal.clone(), "answers".to_owned())];
            Verdict::Different
        }
        (Some(Said::Answer(_)), Some(Said::Refused(refusal))) => {
            outcome.differences = vec![errs("answers".to_owned(), refusal.clone())];
            Verdict::Different
        }
        (ours, theirs) => {
            for (side, said) in [("source", ours), ("target", theirs)] {
                if let Some(Said::Nothing(reason)) = said {
                    outcome.reasons.push(format!("{side}: {reason}"));
                }
            }
            Verdict::NotComparable
        }
    };
    outcome.found = outcome.verdict;
    let of_hits = outcome.differences.iter().any(|difference| difference.at.starts_with("hits."));
    if of_hits && !scores_alike && is_by_relevance(rules.source_body) {
        let relevance =
            "the order by relevance: the versions score by different formulas (default_similarity)";
        outcome.announced.push(relevance.to_owned());
    }
    let places = outcome.differences.iter().map(|difference| difference.at.clone()).collect();
    outcome.more_differences = outcome.differences.len().saturating_sub(MOST_DIFFERENCES);
    outcome.differences.truncate(MOST_DIFFERENCES);
    Judged { outcome, places }
}

fn errs(source: String, target: String) -> Difference {
    Difference { at: "error".to_owned(), source, target }
}

fn both_answer(
    outcome: &mut Outcome,
    pair: &Pair,
    rules: &Rules<'_>,
    (ours, theirs): (&Value, &Value),
    (source, target): (&Asked<'_>, &Asked<'_>),
) -> Verdict {
    let findings = judge(rules, ours, theirs);
    outcome.left_out = findings.left_out;
    outcome.differences = findings.differences;
    if !findings.unjudged.is_empty() {
        outcome.reasons = findings.unjudged;
        return Verdict::NotComparable;
    }
    let mut unsteady = unsteady::reasons(&pair.source);
    for reason in unsteady::reasons(&pair.target) {
        if unsteady.is_empty() {
            unsteady.push(reason);
        }
    }
    for (side, asked) in [("source", source), ("target", target)] {
        if let Some(change) = &asked.changed {
            unsteady.push(format!("the {side} changes its answer from run to run: {change}"));
        }
    }
    if !unsteady.is_empty() {
        outcome.reasons = unsteady;
        return Verdict::Unsteady;
    }
    if !outcome.differences.is_empty() {
        return Verdict::Different;
    }
    if !findings.approximate.is_empty() {
        outcome.reasons = vec![
            "the servers themselves promise no exact numbers here, and differ by no more than they may: a larger `shard_size` or `precision_threshold` may help".to_owned(),
        ];
        outcome.differences = findings.approximate;
        return Verdict::NotComparable;
    }
    Verdict::Same
}
