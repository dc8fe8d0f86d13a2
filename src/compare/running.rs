//! Asks both sides, in turns and several times, and judges what they answer.

mod pair;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::accepted::Judged;
use super::judging::{Difference, Rules, judge};
use super::latency::Times;
use super::recorded::{Recorded, Scores, Wanted};
use super::request::request_of;
use crate::cluster::Cluster;
use crate::cluster::answer::{object, refusal};
use crate::cluster::dialect::Version;
use crate::cluster::failure::CallError;
use crate::error::{Error, Result};
use crate::schema::query::{Context, Planned, Search};
use pair::{asked_for, pair};
use verdict::judged;

/// What an answer may be long; a longer one is not comparable.
const LARGEST_ANSWER: usize = 256 * 1024 * 1024;

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
