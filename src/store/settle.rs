//! Checkpoints: a settlement joins the slice's position exactly, or is refused and leaves everything as it was.

use jiff::Timestamp;

use super::keys::Key;
use super::records::{Counts, Failure, FailureGroup, SliceRecord, SliceState};
use super::{Store, encode};
use crate::error::{Error, Result};
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
        record.state = settlement.to.map_or(SliceState::Done, |cursor| SliceState::Open { cursor });
        let mut batch = sled::Batch::default();
        self.add_failures(name, &settlement.failures, &mut batch)?;
        batch.insert(key.bytes(), encode(&record)?);
        self.db.apply_batch(batch).map_err(|cause| self.broken(cause))?;
        self.flush()?;
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
    pub fn resolve_failures(
        &self,
        name: &str,
        resolved: &[(Failure, Counts)],
        again: &[Failure],
    ) -> Result<()> {
        let _guard = self.guard();
        let mut batch = sled::Batch::default();
        let mut groups = Groups::default();
        let mut slices: Vec<SliceRecord> = Vec::new();
        let gone = resolved.iter().map(|(failure, counts)| (failure, Some(counts)));
        for (failure, counts) in gone.chain(again.iter().map(|failure| (failure, None))) {
            let key = Key::failure(name, failure);
            let Some(known) = self.get::<Failure>(&key)? else { continue };
            groups.change(self, name, &known, -1)?;
            match counts {
                None => {
                    groups.change(self, name, failure, 1)?;
                    let first = known.first;
                    let attempts = known.attempts.saturating_add(failure.attempts);
                    batch.insert(key.bytes(), encode(&Failure { first, attempts, ..failure.clone() })?);
                }
                Some(counts) => {
                    batch.remove(key.bytes());
                    let position = slices.iter().position(|record| record.slice.id == failure.slice);
                    let record = match position {
                        Some(position) => Some(&mut slices[position]),
                        None => {
                            slices.extend(self.get::<SliceRecord>(&Key::slice(name, failure.slice))?);
                            slices.last_mut().filter(|record| record.slice.id == failure.slice)
                        }
                    };
                    if let Some(record) = record {
                        record.counts.rejected = record.counts.rejected.saturating_sub(1);
                        record.counts.written += counts.written;
                        record.counts.present += counts.present;
                        record.counts.superseded += counts.superseded;
                    }
                }
            }
        }
        groups.write(name, &mut batch)?;
        for record in &slices {
            batch.insert(Key::slice(name, record.slice.id).bytes(), encode(record)?);
        }
        self.db.apply_batch(batch).map_err(|cause| self.broken(cause))?;
        self.flush()
    }

    fn add_failures(&self, name: &str, failures: &[Failure], batch: &mut sled::Batch) -> Result<()> {
        let mut groups = Groups::default();
        let mut seen = std::collections::HashSet::new();
        for failure in failures {
            let key = Key::failure(name, failure);
            let known: Option<Failure> = self.get(&key)?;
            if let Some(known) = &known {
                groups.change(self, name, known, -1)?;
            }
            if seen.insert(key.bytes().to_vec()) {
                groups.change(self, name, failure, 1)?;
            }
            let first: Timestamp = known.map_or(failure.first, |known| known.first);
            batch.insert(key.bytes(), encode(&Failure { first, ..failure.clone() })?);
        }
        groups.write(name, batch)
    }
}

/// Groups touched by one batch.
#[derive(Default)]
struct Groups(std::collections::BTreeMap<String, FailureGroup>);

impl Groups {
    fn change(&mut self, store: &Store, name: &str, failure: &Failure, by: i64) -> Result<()> {
        if !self.0.contains_key(&failure.error_type) {
            let known: Option<FailureGroup> = store.get(&Key::group(name, &failure.error_type))?;
            let group = known.unwrap_or_else(|| FailureGroup {
                error_type: failure.error_type.clone(),
                count: 0,
                example_id: failure.id.clone(),
                example_reason: failure.reason.clone(),
            });
            self.0.insert(failure.error_type.clone(), group);
        }
        if let Some(group) = self.0.get_mut(&failure.error_type) {
            group.count = group.count.saturating_add_signed(by);
        }
        Ok(())
    }

    fn write(self, name: &str, batch: &mut sled::Batch) -> Result<()> {
        for (error_type, group) in self.0 {
            let key = Key::group(name, &error_type);
            if group.count == 0 {
                batch.remove(key.bytes());
            } else {
                batch.insert(key.bytes(), encode(&group)?);
            }
        }
        Ok(())
    }
}
