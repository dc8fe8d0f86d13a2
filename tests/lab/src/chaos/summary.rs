//! What a run has seen and done, for people and for programs.

use super::stage::Stage;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The sums over all rounds.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The seed of the run.
    pub seed: u64,
    /// Rounds that were held, all of them without a violation.
    pub rounds: u64,
    /// Processes of esferry that were started for them, single questions left out.
    pub processes: u64,
    /// `kill -9` of a process.
    pub kills: u64,
    /// SIGSTOP and SIGCONT.
    pub freezes: u64,
    /// SIGTERM.
    pub terms: u64,
    /// Processes that left by themselves because of the weather (exit code 5, or 2 where an answer was no JSON).
    pub gave_up: u64,
    /// Faults that the proxies made, by side and kind.
    pub faults: BTreeMap<String, u64>,
    /// Requests to both clusters.
    pub requests: u64,
    /// Answers of a daemon at work that were held against the target.
    pub asked: u64,
    /// Documents compared on both sides.
    pub documents: u64,
    /// Slices.
    pub slices: u64,
    /// Attempts at slices that were thrown away.
    pub attempts_again: u64,
    /// Slices that were set aside, and taken up again.
    pub set_aside: u64,
    /// Documents that the target refused and the failure list named.
    pub failures: u64,
    /// Of those, documents that arrived, or were gone, by a retry.
    pub retried: u64,
    /// Seconds that it took.
    pub seconds: f64,
}

impl Summary {
    /// Counts a fault.
    pub(super) fn fault(&mut self, side: &str, kind: &str) {
        *self.faults.entry(format!("{side}: {kind}")).or_default() += 1;
    }

    /// Counts what both proxies of a round recorded.
    pub(super) fn take_records(&mut self, stage: &Stage) {
        for (side, proxy) in [("source", &stage.source), ("target", &stage.target)] {
            for request in proxy.requests() {
                self.requests += 1;
                if let Some(kind) = request.fault {
                    self.fault(side, kind);
                }
            }
        }
    }

    /// Adds a round to the sums.
    pub(super) fn add(&mut self, round: Summary) {
        self.rounds += 1;
        self.processes += round.processes;
        self.kills += round.kills;
        self.freezes += round.freezes;
        self.terms += round.terms;
        self.gave_up += round.gave_up;
        self.requests += round.requests;
        self.asked += round.asked;
        self.documents += round.documents;
        self.slices += round.slices;
        self.attempts_again += round.attempts_again;
        self.set_aside += round.set_aside;
        self.failures += round.failures;
        self.retried += round.retried;
        for (kind, count) in round.faults {
            *self.faults.entry(kind).or_default() += count;
        }
    }

    /// All faults together.
    pub fn faults_made(&self) -> u64 {
        self.faults.values().sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let each = self.seconds / f64::from(u32::try_from(self.rounds.max(1)).unwrap_or(u32::MAX));
        writeln!(
            f,
            "{} rounds of seed {}, {:.0} s ({each:.1} s each)",
            self.rounds, self.seed, self.seconds
        )?;
        let rows = [
            ("processes", self.processes),
            ("kill -9", self.kills),
            ("SIGSTOP and SIGCONT", self.freezes),
            ("SIGTERM", self.terms),
            ("left by themselves in bad weather", self.gave_up),
            ("requests", self.requests),
            ("faults", self.faults_made()),
        ];
        for (name, count) in rows {
            writeln!(f, "  {count:>9}  {name}")?;
        }
        for (kind, count) in &self.faults {
            writeln!(f, "  {count:>9}    {kind}")?;
        }
        let rows = [
            ("answers of a daemon at work checked", self.asked),
            ("slices", self.slices),
            ("attempts at slices thrown away", self.attempts_again),
            ("slices set aside and taken up again", self.set_aside),
            ("failures listed", self.failures),
            ("failures settled by a retry", self.retried),
            ("documents compared", self.documents),
        ];
        for (name, count) in rows {
            writeln!(f, "  {count:>9}  {name}")?;
        }
        write!(f, "nothing lost, nothing doubled, no finished slice read again")
    }
}
