//! Checkpoints: a settlement joins the slice's position exactly, or is refused and leaves everything as it was.

use std::collections::BTreeMap;

use super::failures::FailureEdit;
use super::keys::Key;
use super::records::{Counts, Failure, SliceRecord, SliceState};
use super::{Store, encode};
use crate::error::{Error, Result};
use crate::failpoint::Failpoint;
use crate::plan::slice::{Cursor, SliceId};

/// A run of documents of one slice, each with its final outcome.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The slice.
    pub slice: SliceId,
    /// Where the run begins.
    pub from: Cursor,
    /// Where it ends; `None`: the slice is complete.
    pub to: Option<Cursor>,
    /// What became of its documents.
    pub counts: Counts,
    /// Those that were refused.
    pub failures: Vec<Failure>,
    /// Those that a transform left out, by the words of the step.
    pub dropped: BTreeMap<String, u64>,
}

/// What became of a failure that is none any more.
#[derive(Debug, Clone)]
pub struct Resolution {
    /// The failure.
    pub failure: Failure,
    /// One document with its outcome.
    pub counts: Counts,
    /// The step that left it out, in its words.
    pub dropped_by: Option<String>,
}

/// A settlement that does not begin where the slice stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("slice {slice} stands at {stands}, the settlement begins at {from:?}")]
pub struct OutOfOrder {
    /// The slice.
    pub slice: SliceId,
    /// Its state.
    pub stands: String,
    /// Where the settlement begins.
    pub from: Cursor,
}

/// Why a settlement was not stored.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// Not this slice's next run.
    #[error(transparent)]
    OutOfOrder(#[from] OutOfOrder),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Store {
    /// Stores a settlement: failures, counts and cursor (or `Done`) in one atomic batch, flushed when this returns.
    ///
    /// | the slice stands at | `from` | result |
    /// | --- | --- | --- |
    /// | `Waiting` | `Start` | taken |
    /// | `Open { cursor }` | the same cursor | taken |
    /// | `SetAside` | `Start`, or what it was | refused: it has to be resumed first |
    /// | `Done` | anything | refused: it is never read again |
    /// | any | anything else | refused |
    ///
    /// # Errors
    /// [`OutOfOrder`] leaves everything as it was; [`Error`] when the disk refuses.
    pub fn settle(&self, name: &str, settlement: &Settlement) -> Result<SliceRecord, SettleError> {
        let _guard = self.guard();
        let record = self.write_settlement(name, settlement)?;
        Failpoint::SettlementWritten.pass();
        self.flush()?;
        Ok(record)
    }

    /// Everything but the flush: what a crash finds in between.
    pub(super) fn write_settlement(
        &self,
        name: &str,
        settlement: &Settlement,
    ) -> Result<SliceRecord, SettleError> {
        let key = Key::slice(name, settlement.slice);
        let stored: Option<SliceRecord> = self.get(&key)?;
        let out_of_order =
            |stands: String| OutOfOrder { slice: settlement.slice, stands, from: settlement.from };
        let mut record = stored.ok_or_else(|| out_of_order("nowhere".to_owned()))?;
        let stands = match &record.state {
            SliceState::Waiting => Some(Cursor::Start),
            SliceState::Open { cursor } => Some(*cursor),
            SliceState::Done | SliceState::SetAside { .. } => None,
        };
        let advances = settlement.to.is_none_or(|to| to > settlement.from);
        if stands != Some(settlement.from) || !advances {
            return Err(out_of_order(format!("{:?}", record.state)).into());
        }
        record.counts.add(&settlement.counts);
        for (step, count) in &settlement.dropped {
            *record.dropped.entry(step.clone()).or_default() += count;
        }
        record.state = settlement.to.map_or(SliceState::Done, |cursor| SliceState::Open { cursor });
        let mut batch = sled::Batch::default();
        let mut edit = FailureEdit::new(self, name);
        for failure in &settlement.failures {
            let mut failure = failure.clone();
            if let Some(known) = edit.known(&failure)? {
                // A document that was written again while its shard was read, and refused again: one failure, and
                // its older state is one that a newer one took the place of.
                failure.first = known.first;
                record.counts.rejected = record.counts.rejected.saturating_sub(1);
                record.counts.superseded += 1;
            }
            edit.put(failure)?;
        }
        edit.write(&mut batch)?;
        batch.insert(key.bytes(), encode(&record)?);
        self.db.apply_batch(batch).map_err(|cause| self.broken(cause))?;
        Ok(record)
    }

    /// Changes a slice's state without documents: begun, set aside, resumed.
    ///
    /// # Errors
    /// `State` when there is no such slice, or the disk refuses.
    pub fn update_slice(
        &self,
        name: &str,
        id: SliceId,
        change: impl FnOnce(&mut SliceRecord),
    ) -> Result<SliceRecord> {
        let _guard = self.guard();
        let key = Key::slice(name, id);
        let mut record: SliceRecord = self
            .get(&key)?
            .ok_or_else(|| Error::state("unknown_slice", format!("migration `{name}` has no slice {id}")))?;
        change(&mut record);
        self.put(&key, &record)?;
        Ok(record)
    }

    /// Takes failures off the list, because their documents were settled otherwise, and moves their numbers.
    ///
    /// `again` are those that failed once more: their records are replaced. One atomic batch, flushed.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn resolve_failures(&self, name: &str, resolved: &[Resolution], again: &[Failure]) -> Result<()> {
        let _guard = self.guard();
        let mut batch = sled::Batch::default();
        let mut edit = FailureEdit::new(self, name);
        self.resolve_into(name, &mut batch, &mut edit, resolved, again)?;
        edit.write(&mut batch)?;
        self.db.apply_batch(batch).map_err(|cause| self.broken(cause))?;
        Failpoint::RetryWritten.pass();
        self.flush()
    }

    /// The same, as a part of a batch.
    pub(super) fn resolve_into(
        &self,
        name: &str,
        batch: &mut sled::Batch,
        edit: &mut FailureEdit<'_>,
        resolved: &[Resolution],
        again: &[Failure],
    ) -> Result<()> {
        let mut slices: BTreeMap<SliceId, SliceRecord> = BTreeMap::new();
        for Resolution { failure, counts, dropped_by } in resolved {
            if edit.known(failure)?.is_none() {
                continue;
            }
            edit.remove(failure)?;
            let id = failure.slice;
            let record = match slices.remove(&id) {
                Some(record) => Some(record),
                None => self.get::<SliceRecord>(&Key::slice(name, id))?,
            };
            if let Some(mut record) = record {
                record.counts.resolve(counts);
                if let Some(step) = dropped_by {
                    *record.dropped.entry(step.clone()).or_default() += 1;
                }
                slices.insert(id, record);
            }
        }
        for failure in again {
            if let Some(known) = edit.known(failure)? {
                let attempts = known.attempts.saturating_add(failure.attempts);
                edit.put(Failure { first: known.first, attempts, ..failure.clone() })?;
            }
        }
        for record in slices.values() {
            batch.insert(Key::slice(name, record.slice.id).bytes(), encode(record)?);
        }
        Ok(())
    }
}
