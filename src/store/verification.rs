//! The verification under way, or the last one: how far it is, and what it found.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Store;
use super::keys::Key;
use super::units::{Purpose, Sum, delete_all};
use crate::config::VerifyLevel;
use crate::diff::Unlike;
use crate::error::Result;

/// Differences of one group that the record itself holds.
pub const SAMPLES: usize = 5;

/// A verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationRecord {
    /// From 1.
    pub number: u32,
    /// What is compared.
    pub level: VerifyLevel,
    /// What is done about differences.
    pub repair: Repair,
    /// What decides what a document becomes, as one number: with another one nothing of before holds.
    pub fingerprint: String,
    /// When it began.
    pub begun: Timestamp,
    /// When it ended; absent while it is under way.
    pub finished: Option<Timestamp>,
    /// How far it is.
    pub stage: Stage,
    /// What it saw.
    pub counts: VerificationCounts,
    /// What it found, by kind and likely reason.
    pub groups: Vec<DifferenceGroup>,
    /// By index.
    pub indices: Vec<IndexVerified>,
}

/// What is done about what differs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// What is missing or different is written again.
    pub write: bool,
    /// What only the target has is deleted.
    pub delete_extra: bool,
}

/// How far a verification is; files are in `verification/NAME/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Both sides are read.
    Reading,
    /// What differs becomes a list of candidates.
    Meeting {
        /// Everything up to this place is in the list.
        after: Option<Vec<u8>>,
        /// Bytes of the list.
        candidates: u64,
    },
    /// Candidates are looked at again.
    Looking {
        /// Which look, from 0.
        round: u32,
        /// Bytes of this round's list that are looked at.
        from: u64,
        /// Bytes of this round's list.
        until: u64,
        /// Bytes of the next round's list.
        next: u64,
        /// Bytes of the differences that are certain.
        differences: u64,
    },
}

/// What a verification saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationCounts {
    /// Documents that the source makes the target expect.
    pub on_source: u64,
    /// Documents of the target.
    pub on_target: u64,
    /// Of both, those of shards that had not changed since the verification before, and were not read.
    pub unchanged: u64,
    /// What differed when both sides were read, at different moments.
    pub candidates: u64,
    /// Of these, the same once they were looked at again.
    pub passed: u64,
    /// Differences that are certain, the repaired and the accepted ones among them.
    pub differences: u64,
    /// Of these, failures that an operator accepted.
    pub accepted: u64,
    /// Of these, the same since they were repaired.
    pub repaired: u64,
}

impl VerificationCounts {
    /// Differences that nobody accepted and nothing mended.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.differences.saturating_sub(self.accepted + self.repaired)
    }
}

/// One index of the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexVerified {
    /// The target's index.
    pub index: String,
    /// What the source makes it expect.
    pub expected: Sum,
    /// What it holds.
    pub found: Sum,
    /// Differences of it that are certain.
    pub differences: u64,
}

/// Differences of one kind for one likely reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DifferenceGroup {
    /// What differs.
    pub kind: DifferenceKind,
    /// The likely reason; stable, for programs.
    pub reason: String,
    /// The same as a sentence.
    pub why: String,
    /// How many.
    pub count: u64,
    /// Of these, those that were accepted as failures.
    pub accepted: u64,
    /// Of these, repaired ones.
    pub repaired: u64,
    /// The first of them.
    pub samples: Vec<Difference>,
}

/// What differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The target does not have it.
    Missing,
    /// Only the target has it.
    Extra,
    /// It says something else.
    Different,
    /// It is there under another routing, in a place where nobody looks for it.
    Routing,
    /// The same document under another version.
    Version,
    /// One side does not give it out.
    Unreadable,
}

impl std::fmt::Display for DifferenceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            DifferenceKind::Missing => "missing",
            DifferenceKind::Extra => "extra",
            DifferenceKind::Different => "different",
            DifferenceKind::Routing => "routing",
            DifferenceKind::Version => "version",
            DifferenceKind::Unreadable => "unreadable",
        })
    }
}

/// One document that differs: a line of `esferry verify --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// What differs.
    pub kind: DifferenceKind,
    /// The target's index.
    pub index: String,
    /// Its id there.
    pub id: String,
    /// Its routing there, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<String>,
    /// The routing under which the target has it, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found_routing: Option<String>,
    /// The document of the source it comes from; absent for what only the target has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceDocument>,
    /// Its version on the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_version: Option<u64>,
    /// Where it differs, the first places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub at: Vec<Unlike>,
    /// The likely reason; stable, for programs.
    pub reason: String,
    /// The same as a sentence.
    pub why: String,
    /// It is a failure that an operator accepted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accepted: bool,
    /// What became of its repair; absent where none was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repaired>,
}

/// What names a document on the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceDocument {
    /// Index.
    pub index: String,
    /// Type, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc_type: Option<String>,
    /// Id.
    pub id: String,
    /// Routing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub routing: Option<String>,
    /// Version, where it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// What became of a repair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repaired {
    /// Both sides were looked at afterwards, and are the same.
    Done,
    /// It is as it was, and why.
    Failed(String),
}

/// What a batch of candidates came to.
#[derive(Debug, Clone)]
pub struct Looked {
    /// The stage behind it.
    pub stage: Stage,
    /// Candidates that are the same after all.
    pub passed: u64,
    /// Those that are certain.
    pub differences: Vec<Difference>,
}

impl VerificationRecord {
    /// One that begins now, and has seen nothing.
    #[must_use]
    pub fn new(number: u32, level: VerifyLevel, repair: Repair, fingerprint: String) -> Self {
        VerificationRecord {
            number,
            level,
            repair,
            fingerprint,
            begun: Timestamp::now(),
            finished: None,
            stage: Stage::Reading,
            counts: VerificationCounts::default(),
            groups: Vec::new(),
            indices: Vec::new(),
        }
    }

    /// Adds differences that are certain to counts and groups.
    fn take(&mut self, looked: &Looked) {
        self.counts.passed += looked.passed;
        for difference in &looked.differences {
            let repaired = u64::from(difference.repair == Some(Repaired::Done));
            let accepted = u64::from(difference.accepted && repaired == 0);
            self.counts.differences += 1;
            self.counts.accepted += accepted;
            self.counts.repaired += repaired;
            if let Some(index) = self.indices.iter_mut().find(|index| index.index == difference.index) {
                index.differences += 1;
            }
            let same = |group: &&mut DifferenceGroup| {
                group.kind == difference.kind && group.reason == difference.reason
            };
            let group = match self.groups.iter_mut().find(same) {
                Some(group) => group,
                None => {
                    self.groups.push(DifferenceGroup {
                        kind: difference.kind,
                        reason: difference.reason.clone(),
                        why: difference.why.clone(),
                        count: 0,
                        accepted: 0,
                        repaired: 0,
                        samples: Vec::new(),
                    });
                    self.groups.sort_by(|a, b| (a.kind, &a.reason).cmp(&(b.kind, &b.reason)));
                    let Some(group) = self.groups.iter_mut().find(same) else { continue };
                    group
                }
            };
            group.count += 1;
            group.accepted += accepted;
            group.repaired += repaired;
            if group.samples.len() < SAMPLES {
                group.samples.push(difference.clone());
            }
        }
    }
}

impl Store {
    /// The verification of a migration that is under way, or the last one.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn verification(&self, name: &str) -> Result<Option<VerificationRecord>> {
        self.get(&Key::verification(name))
    }

    /// Begins a verification, durably. Units that `keep` says hold stay, without their runs; the others go, and every file
    /// of the one before.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn begin_verification(&self, name: &str, record: &VerificationRecord, keep: bool) -> Result<()> {
        let _guard = self.guard();
        if keep {
            self.keep_sums(name)?;
        } else {
            self.forget_units(Purpose::Verification, name)?;
        }
        delete_all(&self.verification_dir(name))?;
        self.put(&Key::verification(name), record)?;
        self.flush()
    }

    /// Changes the verification's record, durably.
    ///
    /// # Errors
    /// `State` when there is none, or the disk refuses.
    pub fn update_verification(
        &self,
        name: &str,
        change: impl FnOnce(&mut VerificationRecord),
    ) -> Result<VerificationRecord> {
        let _guard = self.guard();
        let mut record = self.verification(name)?.ok_or_else(|| {
            crate::error::Error::state(
                "no_verification",
                format!("the store holds no verification of migration `{name}`"),
            )
            .hint(format!("`esferry verify {name}` begins one"))
        })?;
        change(&mut record);
        self.put(&Key::verification(name), &record)?;
        self.flush()?;
        Ok(record)
    }

    /// Stores what a batch of candidates came to. Its lines have to be on the disk.
    ///
    /// # Errors
    /// As [`update_verification`](Self::update_verification).
    pub fn settle_looked(&self, name: &str, looked: &Looked) -> Result<VerificationRecord> {
        self.update_verification(name, |record| {
            record.take(looked);
            record.stage = looked.stage.clone();
        })
    }

    /// Ends a verification, durably; of its units the sums stay.
    ///
    /// # Errors
    /// As [`update_verification`](Self::update_verification).
    pub fn finish_verification(&self, name: &str) -> Result<VerificationRecord> {
        let record = self.update_verification(name, |record| record.finished = Some(Timestamp::now()))?;
        let _guard = self.guard();
        self.keep_sums(name)?;
        Ok(record)
    }

    /// Where the files of a verification are: `runs` while it is at work, and `differences.ndjson`.
    #[must_use]
    pub fn verification_dir(&self, name: &str) -> PathBuf {
        self.state_dir.join("verification").join(name)
    }

    /// Units with their sums alone: their runs go.
    fn keep_sums(&self, name: &str) -> Result<()> {
        for mut unit in self.units(Purpose::Verification, name)? {
            unit.kept = true;
            self.put(&Key::unit(Purpose::Verification, name, unit.name), &unit)?;
        }
        self.flush()?;
        delete_all(&self.units_dir(Purpose::Verification, name))
    }

    /// Takes everything of a verification off the store and the disk.
    pub(super) fn forget_verification(&self, name: &str) -> Result<()> {
        self.forget_units(Purpose::Verification, name)?;
        delete_all(&self.verification_dir(name))?;
        self.db.remove(Key::verification(name).bytes()).map(drop).map_err(|cause| self.broken(cause))
    }
}

/// Sums of all units of a side, by index.
#[must_use]
pub fn sums<'a>(units: impl IntoIterator<Item = &'a BTreeMap<u32, Sum>>) -> BTreeMap<u32, Sum> {
    let mut all: BTreeMap<u32, Sum> = BTreeMap::new();
    for (&index, &sum) in units.into_iter().flatten() {
        all.entry(index).or_default().add(sum);
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Sums are those of the documents, however they are spread over units and in whatever order; one that is
        /// changed, missing or doubled is noticed.
        #[test]
        fn sums_do_not_depend_on_order_or_units(
            documents in proptest::collection::vec((0..3_u32, any::<u128>()), 1..50),
            units in proptest::collection::vec(0..5_usize, 50),
            which in any::<prop::sample::Index>(),
            change in 1..u128::MAX,
        ) {
            let of = |documents: &[(u32, u128)], units: &[usize]| {
                let mut by_unit: Vec<BTreeMap<u32, Sum>> = vec![BTreeMap::new(); 5];
                for ((index, hash), unit) in documents.iter().zip(units) {
                    by_unit[*unit].entry(*index).or_default().take(*hash);
                }
                sums(&by_unit)
            };
            let whole = of(&documents, &[0; 50]);
            let mut turned = documents.clone();
            turned.reverse();
            prop_assert_eq!(&of(&turned, &units), &whole);
            let at = which.index(documents.len());
            let mut changed = documents.clone();
            changed[at].1 = changed[at].1.wrapping_add(change);
            prop_assert_ne!(&of(&changed, &units), &whole);
            let mut missing = documents.clone();
            let gone = missing.remove(at);
            prop_assert_ne!(&of(&missing, &units), &whole);
            let mut doubled = documents.clone();
            doubled[(at + 1) % documents.len()] = gone;
            if doubled != documents && doubled[(at + 1) % documents.len()] != documents[(at + 1) % documents.len()] {
                prop_assert_ne!(&of(&doubled, &units[..documents.len()]), &whole);
            }
        }
    }
}
