//! A store that is damaged is refused when it is opened.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::keys::Key;
use super::records::{FailureGroup, IndexRecord, ShardRecord, SliceRecord};
use super::{RESTORE, Store};
use crate::error::{Error, Result};

/// sled panics on some damages of its files; that is a refusal like any other.
pub(super) fn or_refused<T>(state_dir: &Path, open: impl FnOnce() -> Result<T>) -> Result<T> {
    // Nothing that was opened outlives a panic.
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| {
        let message = format!("the store in {} is damaged and cannot be read", state_dir.display());
        Err(Error::state("corrupt", message).hint(RESTORE))
    })
}

impl Store {
    /// Reads every record but the failures, of which there may be millions, and compares what is told twice.
    pub(super) fn check_whole(&self) -> Result<()> {
        for migration in self.migrations()? {
            let name = &migration.name;
            let planned = self.scan::<ShardRecord>(&Key::shards(name));
            let planned: u64 =
                planned.map(|shard| shard.map(|shard| u64::from(shard.slices))).sum::<Result<_>>()?;
            let (mut slices, mut refused) = (0_u64, 0_u64);
            for slice in self.slices(name) {
                let slice: SliceRecord = slice?;
                slices += 1;
                refused += slice.counts.rejected;
            }
            self.scan::<IndexRecord>(&Key::indices(name)).try_for_each(|index| index.map(drop))?;
            let groups = self.scan::<FailureGroup>(&Key::groups(name));
            // Those that no slice met are in no slice's counts.
            let of_slices = |group: FailureGroup| group.count.saturating_sub(group.of_changes);
            let failures: u64 = groups.map(|group| group.map(of_slices)).sum::<Result<_>>()?;
            for (what, there, told) in [("slices", slices, planned), ("failures", failures, refused)] {
                if there != told {
                    let place = self.state_dir().display();
                    let message =
                        format!("the store in {place} has {there} of the {told} {what} of `{name}`");
                    return Err(Error::state("corrupt", message).hint(RESTORE));
                }
            }
        }
        Ok(())
    }
}
