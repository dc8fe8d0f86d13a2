//! Asks both sides, in turns and several times, and judges what they answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::accepted::Judged;
use super::judging::{Difference, Rules, is_by_relevance, judge};
use super::latency::Times;
use super::recorded::{Recorded, Scores, Wanted};
use super::report::{Outcome, Side, Verdict};
use super::request::{path_of, request_of};
use super::unsteady;
use crate::cluster::Cluster;
use crate::cluster::answer::{object, refusal};
use crate::cluster::dialect::Version;
use crate::cluster::failure::CallError;
use crate::error::{Error, Result};
use crate::schema::query::{Context, Planned, Search, rewrite_search, rewrite_whole};
use crate::schema::report::{Change, Severity};

/// What an answer may be long; a longer one is not comparable.
const LARGEST_ANSWER: usize = 256 * 1024 * 1024;
/// Of the differences of one search, so many are kept.
const MOST_DIFFERENCES: usize = 50;

/// How searches are run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Runs on each side that are not measured.
    pub warmup: u32,
    /// Runs on each side that are; one at least.
    pub repeat: u32,
    /// Searches at once; one at least.
    pub concurrency: usize,
    /// How scores are compared; `None` for what the versions allow.
    pub scores: Option<Scores>,
    /// Whether the order by relevance counts.
    pub relevance: Wanted,
}

/// Both sides, and what lies between them.
#[derive(Debug)]
pub struct Between {
    /// Where the searches were recorded.
    pub source: Cluster,
    /// Where they shall be asked from now on.
    pub target: Cluster,
    /// How they are rewritten.
    pub context: Context,
    /// What the plan says of the indices; empty before there is one.
    pub planned: Vec<Planned>,
}

/// What came of all searches.
#[derive(Debug)]
pub struct Ran {
    /// Each search, in the order of the file.
    pub judged: Vec<Judged>,
    /// Times of the source.
    pub source: Times,
    /// Times of the target.
    pub target: Times,
}

/// How scores are compared between two versions, unless somebody says otherwise.
#[must_use]
pub fn default_scores(from: Version, to: Version) -> Scores {
    if from.scores_like(to) { Scores::Within(1e-4) } else { Scores::Ignore }
}

/// Asks every search on both sides. `done` is told after each how many are.
///
/// # Errors
/// `Temporary` when a side cannot be reached any more; `Unexpected` when a task dies.
pub async fn run(
    between: Arc<Between>,
    searches: Vec<Recorded>,
    options: Options,
    done: impl Fn(usize),
) -> Result<Ran> {
    let places = Arc::new(Semaphore::new(options.concurrency.max(1)));
    let mut tasks = JoinSet::new();
    for (at, recorded) in searches.into_iter().enumerate() {
        let (between, places) = (Arc::clone(&between), Arc::clone(&places));
        tasks.spawn(async move {
            let _place = places.acquire_owned().await;
            one(&between, &recorded, options).await.map(|ran| (at, ran))
        });
    }
    let mut ran = Vec::with_capacity(tasks.len());
    let (mut source, mut target) = (Times::default(), Times::default());
    while let Some(finished) = tasks.join_next().await {
        let (at, one) = finished
            .map_err(|error| Error::unexpected("search_task", "a search came to no end").because(error))??;
        source.join(&one.source);
        target.join(&one.target);
        ran.push((at, one.judged));
        done(ran.len());
    }
    ran.sort_by_key(|(at, _)| *at);
    Ok(Ran { judged: ran.into_iter().map(|(_, judged)| judged).collect(), source, target })
}

struct One {
    judged: Judged,
    source: Times,
    target: Times,
}

/// A search of both sides, and what the rewriting says of it.
struct Pair {
    source: Search,
    target: Search,
    announced: Vec<String>,
    refused: Vec<String>,
}

/// What a side said to a search.
#[derive(Debug, Clone, PartialEq)]
enum Said {
    Answer(Value),
    /// The server does not take the search.
    Refused(String),
    /// Nothing that could be compared.
    Nothing(String),
}

/// One side, over all runs.
struct Asked<'a> {
    cluster: &'a Cluster,
    search: &'a Search,
    said: Option<Said>,
    changed: Option<String>,
    times: Times,
}

async fn one(between: &Between, recorded: &Recorded, options: Options) -> Result<One> {
    let pair = pair(between, recorded);
    let mut source = Asked::new(&between.source, &pair.source);
    let mut target = Asked::new(&between.target, &pair.target);
    let (from, to) = (between.context.from, between.context.to);
    let rules = Rules {
        asked: recorded.asked,
        source_body: &asked_for(&pair.source),
        target_body: &asked_for(&pair.target),
        prefixed_ids: between.context.types.prefixes_ids(),
        scores: options.scores.unwrap_or_else(|| default_scores(from, to)),
        relevance: options.relevance,
        expect: recorded.expect,
    };
    let (of_source, of_target) = (rules.within(rules.source_body), rules.within(rules.target_body));
    if pair.refused.is_empty() {
        for run in 0..options.warmup.saturating_add(options.repeat.max(1)) {
            let measured = run >= options.warmup;
            // In turns, and the first one changes: what else the machines do hits both alike.
            if run % 2 == 0 {
                source.ask(recorded, &of_source, measured).await?;
                target.ask(recorded, &of_target, measured).await?;
            } else {
                target.ask(recorded, &of_target, measured).await?;
                source.ask(recorded, &of_source, measured).await?;
            }
        }
    }
    let judged = judged(recorded, &pair, &rules, (&source, &target), from.scores_like(to));
    Ok(One { judged, source: source.times, target: target.times })
}

/// The search for the target: as given by hand, and rewritten where it is not.
fn pair(between: &Between, recorded: &Recorded) -> Pair {
    let source = recorded.search.clone();
    let context = &between.context;
    let whole = |search: &Search| rewrite_whole(search, &between.planned, context);
    let (target, rewritten) = match (&recorded.target.path, &recorded.target.body) {
        (Some((_, path)), Some(body)) => {
            let target = Search { body: body.clone(), ..path.clone() };
            return Pair { source, target, announced: Vec::new(), refused: Vec::new() };
        }
        (Some((_, path)), None) if source.body.is_null() || !path.body.is_null() => {
            return Pair { source, target: path.clone(), announced: Vec::new(), refused: Vec::new() };
        }
        (Some((_, path)), None) => {
            let rewritten = rewrite_search(&source.body, context);
            (Search { body: rewritten.body.clone(), ..path.clone() }, rewritten)
        }
        (None, Some(body)) => {
            let address = whole(&Search { body: Value::Null, ..source.clone() });
            (Search { body: body.clone(), ..address.search }, address.rewritten)
        }
        (None, None) => {
            let whole = whole(&source);
            (whole.search, whole.rewritten)
        }
    };
    let refused = rewritten.refused.iter().map(|refused| {
        let choices = if refused.choices.is_empty() {
            String::new()
        } else {
            format!("; {}", refused.choices.join("; or "))
        };
        format!("{}: {} ({}){choices}", refused.path, refused.why, refused.what)
    });
    let announced = rewritten.report.changes.iter().filter(|change| change.severity != Severity::SameMeaning);
    Pair { source, target, announced: announced.map(told).collect(), refused: refused.collect() }
}

fn told(change: &Change) -> String {
    let path = if change.path.is_empty() { "the search" } else { &change.path };
    format!("{path}: {} ({})", change.reason, change.rule)
}

/// The body with what the URL says of the page: what decides which hits come, and in which order.
fn asked_for(search: &Search) -> Value {
    let mut body = search.body.as_object().cloned().unwrap_or_default();
    for (name, value) in &search.parameters {
        let value = match (name.as_str(), value.parse::<u64>()) {
            ("from" | "size", Ok(number)) => json!(number),
            ("sort", _) => {
                value.split(',').map(|clause| clause.split(':').next().unwrap_or_default()).collect()
            }
            _ => continue,
        };
        body.insert(name.clone(), value);
    }
    Value::Object(body)
}

impl<'a> Asked<'a> {
    fn new(cluster: &'a Cluster, search: &'a Search) -> Self {
        Asked { cluster, search, said: None, changed: None, times: Times::default() }
    }

    async fn ask(&mut self, recorded: &Recorded, rules: &Rules<'_>, measured: bool) -> Result<()> {
        let request = request_of(recorded.asked, &recorded.method_for(self.search), self.search);
        let began = Instant::now();
        let answered = self.cluster.transport().exchange_within(&request, LARGEST_ANSWER).await;
        let wall = began.elapsed();
        let said = match answered {
            Ok((status, body)) if status.is_success() => match object(&body) {
                Ok(answer) => Said::Answer(answer),
                Err(error) => Said::Nothing(error.to_string()),
            },
            Ok((status, body)) => match refusal(status.as_u16(), &body) {
                CallError::Refused(refusal) if !refusal.is_temporary() => Said::Refused(refusal.one_line()),
                other => Said::Nothing(other.to_string()),
            },
            Err(error @ CallError::Unreachable { .. }) => {
                return Err(error.during(self.cluster.name(), "asking a search"));
            }
            Err(error) => Said::Nothing(error.to_string()),
        };
        self.take(said, wall, rules, measured);
        Ok(())
    }

    fn take(&mut self, said: Said, wall: Duration, rules: &Rules<'_>, measured: bool) {
        if let (true, Said::Answer(answer)) = (measured, &said) {
            self.times.add(wall, answer.get("took").and_then(Value::as_u64));
        }
        match &self.said {
            None => self.said = Some(said),
            Some(first) if self.changed.is_none() => self.changed = change(rules, first, &said),
            Some(_) => {}
        }
    }
}

/// How the answer of one side differs from its first one.
fn change(rules: &Rules<'_>, first: &Said, now: &Said) -> Option<String> {
    match (first, now) {
        (Said::Answer(first), Said::Answer(now)) => {
            let findings = judge(rules, first, now);
            if let Some(unjudged) = findings.unjudged.first() {
                // The first one was whole, or it is told as such anyway.
                return Some(unjudged.clone());
            }
            findings
                .differences
                .first()
                .map(|Difference { at, source, target }| format!("{at} was {source}, then {target}"))
        }
        (first, now) if first == now => None,
        (Said::Answer(_), Said::Refused(reason) | Said::Nothing(reason)) => {
            Some(format!("answered at first, then: {reason}"))
        }
        (Said::Refused(reason) | Said::Nothing(reason), Said::Answer(_)) => {
            Some(format!("answered at last, and before: {reason}"))
        }
        // Two errors in different words are errors.
        _ => None,
    }
}

fn judged(
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
