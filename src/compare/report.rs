//! The report of a comparison, and the summary of it that can be kept.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::judging::Difference;
use super::latency::Latency;

/// The format of [`Report`] and [`Summary`] in JSON. It grows when something changes its meaning or goes away.
pub const FORMAT: u32 = 1;

/// How it begins, when ids are among what was left out.
pub const IDS_LEFT_OUT: &str = "ids of ";

/// What came of one search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Both sides answer the same.
    Same,
    /// They do not.
    Different,
    /// Nothing can be said: the search cannot be rewritten, or an answer is not whole, or not exact enough.
    NotComparable,
    /// The answer depends on the moment or on chance.
    Unsteady,
    /// Both sides refuse the search.
    BothRefuse,
    /// Not the same, and on record as known with a reason.
    Accepted,
}

impl Verdict {
    /// All of them, as reports list them.
    pub const ALL: [Verdict; 6] = [
        Verdict::Same,
        Verdict::Different,
        Verdict::NotComparable,
        Verdict::Unsteady,
        Verdict::BothRefuse,
        Verdict::Accepted,
    ];

    /// The name in JSON, and of the place that a file of accepted differences names.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Same => "same",
            Verdict::Different => "different",
            Verdict::NotComparable => "not_comparable",
            Verdict::Unsteady => "unsteady",
            Verdict::BothRefuse => "both_refuse",
            Verdict::Accepted => "accepted",
        }
    }

    /// In words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Verdict::Same => "same",
            Verdict::Different => "different",
            Verdict::NotComparable => "not comparable",
            Verdict::Unsteady => "unsteady",
            Verdict::BothRefuse => "both refuse",
            Verdict::Accepted => "accepted",
        }
    }
}

/// What one side was asked, and how long it took to answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Side {
    /// Path with parameters.
    pub path: String,
    /// Body; `null` for none.
    pub body: Value,
    /// Of the answers that were no errors.
    pub latency: Latency,
}

/// One search, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Its name.
    pub name: String,
    /// Its line in the file, from 1.
    pub line: usize,
    /// Stands for the search for the source.
    pub fingerprint: String,
    /// What came of it.
    pub verdict: Verdict,
    /// What it was before it was accepted; otherwise the verdict.
    pub found: Verdict,
    /// Why it is not comparable, unsteady, or refused.
    pub reasons: Vec<String>,
    /// What differs; the first of it.
    pub differences: Vec<Difference>,
    /// How many more differences there are.
    pub more_differences: usize,
    /// Changes of the rewriting that may change the answer, as the report of `esferry query` tells them.
    pub announced: Vec<String>,
    /// What was not compared.
    pub left_out: Vec<String>,
    /// Why the difference is accepted.
    pub note: Option<String>,
    /// The source's side.
    pub source: Side,
    /// The target's side.
    pub target: Side,
}

impl Outcome {
    /// Whether it is the same, but for ids that were not judged.
    fn is_without_ids(&self) -> bool {
        self.verdict == Verdict::Same && self.left_out.iter().any(|what| what.starts_with(IDS_LEFT_OUT))
    }
}

/// A server that was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServerSeen {
    /// The cluster's name in the configuration.
    pub cluster: String,
    /// Name and uuid of the cluster, as it says itself.
    pub identity: String,
    /// Its version.
    pub version: String,
    /// Who made it.
    pub distribution: String,
}

/// The file of recorded searches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Queries {
    /// Its name, as given.
    pub file: String,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// How many searches it holds.
    pub searches: usize,
}

/// How each was run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    /// Runs on each side that were not measured.
    pub warmup: u32,
    /// Runs on each side that were.
    pub repeat: u32,
    /// Searches at once.
    pub concurrency: usize,
}

/// A whole comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// What of it can be kept; its fields stand beside the others.
    #[serde(flatten)]
    pub summary: Summary,
    /// How each was run.
    pub runs: Runs,
    /// How scores were compared, in words.
    pub scores: String,
    /// Whether the order of searches by relevance counted, in words.
    pub relevance: String,
    /// Entries of the accepted differences that matched nothing, in words.
    pub unused_acceptances: Vec<String>,
    /// How many answers came within each of these milliseconds, and above the last, for the plot.
    pub spread: Spread,
    /// Every search, in the order of the file.
    pub searches: Vec<Outcome>,
}

/// Latency of both sides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    /// Of the source.
    pub source: Latency,
    /// Of the target.
    pub target: Latency,
}

/// Answers by how long the client waited for them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Spread {
    /// Upper bounds in milliseconds.
    pub within_ms: Vec<f64>,
    /// Answers of the source within each and above the one before it; one more number than bounds.
    pub source: Vec<u64>,
    /// The same of the target.
    pub target: Vec<u64>,
}

/// Searches by verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// [`Verdict::Same`].
    pub same: usize,
    /// [`Verdict::Different`].
    pub different: usize,
    /// [`Verdict::NotComparable`].
    pub not_comparable: usize,
    /// [`Verdict::Unsteady`].
    pub unsteady: usize,
    /// [`Verdict::BothRefuse`].
    pub both_refuse: usize,
    /// [`Verdict::Accepted`].
    pub accepted: usize,
    /// How many of `same` are so without the ids of their page, which were not judged: its order was ignored, and it
    /// does not hold everything.
    pub ids_left_out: usize,
}

impl Totals {
    /// Counts outcomes.
    #[must_use]
    pub fn of(outcomes: &[Outcome]) -> Self {
        let count = |verdict| outcomes.iter().filter(|outcome| outcome.verdict == verdict).count();
        Totals {
            same: count(Verdict::Same),
            different: count(Verdict::Different),
            not_comparable: count(Verdict::NotComparable),
            unsteady: count(Verdict::Unsteady),
            both_refuse: count(Verdict::BothRefuse),
            accepted: count(Verdict::Accepted),
            ids_left_out: outcomes.iter().filter(|outcome| outcome.is_without_ids()).count(),
        }
    }

    /// How many there are of a verdict.
    #[must_use]
    pub fn get(&self, verdict: Verdict) -> usize {
        match verdict {
            Verdict::Same => self.same,
            Verdict::Different => self.different,
            Verdict::NotComparable => self.not_comparable,
            Verdict::Unsteady => self.unsteady,
            Verdict::BothRefuse => self.both_refuse,
            Verdict::Accepted => self.accepted,
        }
    }

    /// True when every search is the same or accepted, and there is one at all.
    #[must_use]
    pub fn passed(&self) -> bool {
        let open = self.different + self.not_comparable + self.unsteady + self.both_refuse;
        open == 0 && self.same + self.accepted > 0
    }
}

/// What of a comparison can be kept, as a condition of the cut-over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// [`FORMAT`].
    pub format: u32,
    /// The migration.
    pub migration: String,
    /// The searches: another file has another digest.
    pub queries: Queries,
    /// When it began.
    pub started: Timestamp,
    /// When it was over.
    pub finished: Timestamp,
    /// The source.
    pub source: ServerSeen,
    /// The target.
    pub target: ServerSeen,
    /// Searches by verdict.
    pub totals: Totals,
    /// True when every search is the same or accepted.
    pub passed: bool,
    /// Of all searches.
    pub latency: Latencies,
}

#[cfg(test)]
pub(crate) mod tests;
