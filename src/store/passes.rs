//! How far a pass over both sides is: which parts are read, and up to which place they are compared.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::failures::FailureEdit;
use super::keys::Key;
use super::records::Failure;
use super::settle::Resolution;
use super::units::Purpose;
use super::{Store, encode};
use crate::error::Result;
use crate::failpoint::Failpoint;

/// The pass under way, or the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PassRecord {
    /// From 1.
    pub number: u32,
    /// When it began.
    pub begun: Timestamp,
    /// When it ended; absent while it is under way.
    pub finished: Option<Timestamp>,
    /// Everything up to this place is settled.
    #[serde(default)]
    pub compared: Option<Vec<u8>>,
    /// What it found.
    #[serde(default)]
    pub counts: PassCounts,
    /// What all passes before it found.
    #[serde(default)]
    pub before: PassCounts,
}

/// What a pass found, and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassCounts {
    /// Documents seen on the source.
    pub on_source: u64,
    /// Documents seen on the target.
    pub on_target: u64,
    /// Documents that both sides seemed to have differently, and that were looked at.
    pub found: u64,
    /// Of these, written to the target.
    pub written: u64,
    /// Deleted on the target.
    pub deleted: u64,
    /// The same on both sides once they were looked at.
    pub unchanged: u64,
    /// In the list of failures now.
    pub failed: u64,
}

impl PassCounts {
    /// Adds another's numbers.
    pub fn add(&mut self, other: &PassCounts) {
        self.on_source += other.on_source;
        self.on_target += other.on_target;
        self.found += other.found;
        self.written += other.written;
        self.deleted += other.deleted;
        self.unchanged += other.unchanged;
        self.failed += other.failed;
    }

    /// Documents that had to be brought over.
    #[must_use]
    pub fn changed(&self) -> u64 {
        self.written + self.deleted + self.failed
    }
}

/// Places that were compared, each with what became of it.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// Everything up to this place is settled.
    pub upto: Vec<u8>,
    /// What was found.
    pub counts: PassCounts,
    /// Documents that failed for the first time.
    pub failures: Vec<Failure>,
    /// Failures that are none any more.
    pub resolved: Vec<Resolution>,
    /// Failures that failed again.
    pub again: Vec<Failure>,
}

impl Store {
    /// The pass of a migration.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn pass(&self, name: &str) -> Result<Option<PassRecord>> {
        self.get(&Key::pass(name))
    }

    /// Begins a pass, durably; what the one before has left on the disk is gone.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn begin_pass(&self, name: &str, record: &PassRecord) -> Result<()> {
        let _guard = self.guard();
        self.forget_units(Purpose::Pass, name)?;
        self.put(&Key::pass(name), record)?;
        self.flush()
    }

    /// Stores what became of compared places: failures, counts and place in one atomic batch, flushed when this returns.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn settle_comparison(&self, name: &str, comparison: &Comparison) -> Result<PassRecord> {
        let _guard = self.guard();
        let mut pass = self.known_pass(name)?;
        pass.counts.add(&comparison.counts);
        pass.compared = Some(comparison.upto.clone());
        let mut batch = sled::Batch::default();
        batch.insert(Key::pass(name).bytes(), encode(&pass)?);
        let mut edit = FailureEdit::new(self, name);
        self.resolve_into(name, &mut batch, &mut edit, &comparison.resolved, &comparison.again)?;
        for failure in &comparison.failures {
            let first = edit.known(failure)?.map_or(failure.first, |known| known.first);
            edit.put(Failure { first, ..failure.clone() })?;
        }
        edit.write(&mut batch)?;
        self.db.apply_batch(batch).map_err(|cause| self.broken(cause))?;
        Failpoint::ComparisonWritten.pass();
        self.flush()?;
        Ok(pass)
    }

    /// Ends a pass, durably, and deletes what it has left on the disk.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn finish_pass(&self, name: &str, seen: &PassCounts) -> Result<PassRecord> {
        let _guard = self.guard();
        let mut pass = self.known_pass(name)?;
        pass.counts.add(seen);
        pass.finished = Some(Timestamp::now());
        pass.compared = None;
        self.put(&Key::pass(name), &pass)?;
        self.flush()?;
        self.forget_units(Purpose::Pass, name)?;
        Ok(pass)
    }

    /// The failures of a migration with their keys; streams, however many there are.
    pub fn failures_by_key(
        &self,
        name: &str,
    ) -> impl Iterator<Item = Result<(Vec<u8>, Failure)>> + Send + 'static {
        let failures = self.scan(&Key::failures(name));
        let name = name.to_owned();
        failures.map(move |failure| {
            failure.map(|failure| (Key::failure(&name, &failure).bytes().to_vec(), failure))
        })
    }

    /// The failure with such a key, where it still is one.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn failure_at(&self, key: &[u8]) -> Result<Option<Failure>> {
        let value = self.db.get(key).map_err(|cause| self.broken(cause))?;
        value.map(|value| super::decode(key, &value)).transpose()
    }

    fn known_pass(&self, name: &str) -> Result<PassRecord> {
        self.pass(name)?.ok_or_else(|| {
            crate::error::Error::state("no_pass", format!("the store holds no pass of migration `{name}`"))
                .hint("start again: a pass begins anew")
        })
    }
}
