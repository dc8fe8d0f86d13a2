//! Lets a migration go on, with or without a daemon, and takes up again what was set aside.

use super::phase::{Event, Standing, next};
use crate::error::{Error, Result};
use crate::plan::slice::{Cursor, SliceId};
use crate::store::Store;
use crate::store::records::{SliceRecord, SliceState};

/// Takes up the slices that were set aside, or `only` one of them, and returns them as they were.
///
/// Without `only` a pause ends; with it, a paused migration stays paused and finds the slice waiting afterwards.
///
/// # Errors
/// `Config` for a slice that does not exist or is not set aside; `State` when there is no migration of that name, or
/// the store refuses.
pub fn resume(store: &Store, name: &str, only: Option<SliceId>) -> Result<Vec<SliceRecord>> {
    let reopened = match only {
        Some(id) => vec![one_set_aside(store, name, id)?],
        None => store
            .slices(name)
            .filter(|slice| slice.as_ref().map_or(true, is_set_aside))
            .collect::<Result<Vec<_>>>()?,
    };
    for slice in &reopened {
        store.update_slice(name, slice.slice.id, |record| {
            if let SliceState::SetAside { cursor, .. } = record.state {
                record.state = match cursor {
                    Cursor::Start => SliceState::Waiting,
                    cursor => SliceState::Open { cursor },
                };
            }
        })?;
    }
    let record = store.update_migration(name, |record| {
        if only.is_none() || !matches!(record.standing, Standing::Paused(_)) {
            record.standing = Standing::Running;
        }
        if !reopened.is_empty()
            && let Ok(phase) = next(record.phase, Event::Reopened)
        {
            record.phase = phase;
        }
    })?;
    tracing::info!(migration = name, phase = %record.phase, reopened = reopened.len(), "resumed");
    Ok(reopened)
}

fn is_set_aside(record: &SliceRecord) -> bool {
    matches!(record.state, SliceState::SetAside { .. })
}

fn one_set_aside(store: &Store, name: &str, id: SliceId) -> Result<SliceRecord> {
    let wrong = |code, message| {
        Err(Error::config(code, message)
            .hint(format!("`esferry slices {name} --state set-aside` lists those that are")))
    };
    match store.slice(name, id)? {
        Some(record) if is_set_aside(&record) => Ok(record),
        Some(record) => {
            wrong("not_set_aside", format!("slice {id} is not set aside: it is {}", record.state))
        }
        None => wrong("unknown_slice", format!("migration `{name}` has no slice {id}")),
    }
}
