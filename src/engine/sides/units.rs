//! What is read of both sides, in parts that are each read whole or again.

use super::Sides;
use crate::cluster::indices::IndexInfo;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::records::SliceRecord;
use crate::store::units::{Part, UnitName};

/// Slices are read as one until they have so many documents: what is lost when the process dies in the middle.
const UNIT_DOCS: u64 = 250_000;
/// And no more slices than this.
const UNIT_SLICES: u32 = 500;

/// A part of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) name: UnitName,
    /// Slices in it, numbered from that of its name on; one for a shard of the target.
    pub(super) slices: u32,
}

/// The slices of a migration in units.
///
/// # Errors
/// `State` for an unreadable record.
pub(super) fn of_source(store: &Store, name: &str) -> Result<Vec<Unit>> {
    let mut units: Vec<Unit> = Vec::new();
    let mut docs = 0;
    for record in store.slices(name) {
        let SliceRecord { slice, .. } = record?;
        let joins = units.last().is_some_and(|Unit { name, slices }| {
            (name.index, name.shard, name.number + slices)
                == (slice.id.index, slice.id.shard, slice.id.number)
                && docs < UNIT_DOCS
                && *slices < UNIT_SLICES
        });
        match units.last_mut().filter(|_| joins) {
            Some(unit) => unit.slices += 1,
            None => {
                docs = 0;
                let name = UnitName {
                    part: Part::Source,
                    index: slice.id.index,
                    shard: slice.id.shard,
                    number: slice.id.number,
                };
                units.push(Unit { name, slices: 1 });
            }
        }
        docs += slice.expected_docs;
    }
    Ok(units)
}

/// The shards of the target's indices, planned and others.
///
/// # Errors
/// `Refused` when one of the indices is gone.
pub(super) fn of_target(sides: &Sides, now: &[IndexInfo], cluster: &str) -> Result<Vec<Unit>> {
    let mut units = Vec::new();
    let planned = sides.records.iter().map(|record| (record.ordinal, &record.target));
    for (ordinal, name) in planned.chain(sides.others.iter().map(|(name, ordinal)| (*ordinal, name))) {
        let info = now.iter().find(|info| info.name == *name).ok_or_else(|| {
            let message = format!("cluster `{cluster}`: index `{name}` is gone from the target");
            Error::refused("target_gone", message).hint("`esferry reset` the migration to copy it again")
        })?;
        units.extend((0..info.shards).map(|shard| Unit {
            name: UnitName { part: Part::Target, index: ordinal, shard, number: 0 },
            slices: 1,
        }));
    }
    Ok(units)
}

/// The list of failures, as one unit.
pub(super) fn of_failures() -> Unit {
    Unit { name: UnitName { part: Part::Failures, index: 0, shard: 0, number: 0 }, slices: 1 }
}
