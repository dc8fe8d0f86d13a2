//! Proves that everything arrived: both sides are read, what differs is looked at again, and what still differs then is
//! told, and repaired where that is asked for. `docs/adr/0020` has the reasons.

mod candidates;
mod changed;
mod counting;
mod differences;
mod judging;
mod looking;
mod origins;
mod passing;
mod repairing;
mod settling;
mod sides;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::sides::Sides;
use super::worker::blocking;
use crate::config::{MigrationConfig, VerifyLevel};
use crate::control::verification::VerificationStatus;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::units::{Part, Purpose, Sum, UnitName, UnitRecord};
use crate::store::verification::{
    IndexVerified, Repair, Stage, VerificationCounts, VerificationRecord, sums,
};
pub use counting::{IndexCounts, SideCounts, SliceCounts, TypeCounts};
pub use differences::differences;

/// What is asked of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyOptions {
    /// What is compared; the configured level where absent.
    pub level: Option<VerifyLevel>,
    /// What is done about differences.
    pub repair: Repair,
    /// Begins again where one is under way, and reads everything.
    pub anew: bool,
}

/// What a verification found.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerifyReport {
    /// Level `count`.
    Counted(SideCounts),
    /// The other levels.
    Compared(Box<VerificationStatus>),
}

/// A verification at work.
struct Verification<'a> {
    context: &'a Context,
    sides: Arc<Sides>,
    record: VerificationRecord,
    /// Something brings changes of the source over while this works.
    followed: bool,
}

impl Context {
    /// Verifies; goes on with a verification of the same kind that was stopped. `followed` says whether something brings
    /// changes over meanwhile. `None` when the work was to stop.
    ///
    /// # Errors
    /// `State` before the copy is over, and for a source index that is another one now; `Temporary` when a cluster does not
    /// answer; `Refused` when an index is gone or gives no documents out.
    pub(super) async fn verify(
        &self,
        options: VerifyOptions,
        followed: bool,
        stop: &CancellationToken,
    ) -> Result<Option<VerifyReport>> {
        let level = options.level.unwrap_or(self.config.verify.level);
        if level == VerifyLevel::Count {
            if options.repair != Repair::default() {
                return Err(Error::config("repair_level", "counts do not say what to repair")
                    .hint("verify at level ids or content: --level content --repair"));
            }
            return Ok(self.count_in_detail(stop).await?.map(VerifyReport::Counted));
        }
        let sides = self.sides_at(level, stop).await?;
        let record = self.begin_verification(level, &options)?;
        self.progress.verification_is(VerificationStatus::at_work(&record));
        let _watch = self.watch_load();
        let mut verification = Verification { context: self, sides: Arc::new(sides), record, followed };
        let worked = verification.work().await;
        let status = VerificationStatus::of(&verification.record);
        self.progress.verification_is(status.clone());
        Ok(worked?.then_some(VerifyReport::Compared(Box::new(status))))
    }

    /// Verifies at the configured level, where that is due.
    ///
    /// # Errors
    /// As [`verify`](Self::verify).
    pub(super) async fn verify_as_configured(&self, followed: bool, stop: &CancellationToken) -> Result<()> {
        if is_due(&self.store, &self.name, &self.config)? {
            let options = VerifyOptions { level: None, repair: Repair::default(), anew: false };
            self.verify(options, followed, stop).await?;
        }
        Ok(())
    }

    /// Goes on with the verification under way, where it is of the same kind, or begins another.
    fn begin_verification(&self, level: VerifyLevel, options: &VerifyOptions) -> Result<VerificationRecord> {
        let fingerprint = sides::fingerprint(&self.config);
        let known = self.store.verification(&self.name)?;
        let same = |known: &&VerificationRecord| {
            known.level == level && known.fingerprint == fingerprint && !options.anew
        };
        if let Some(known) = known.as_ref().filter(same)
            && known.finished.is_none()
            && known.repair == options.repair
        {
            return Ok(known.clone());
        }
        let number = known.as_ref().map_or(0, |known| known.number) + 1;
        let record = VerificationRecord::new(number, level, options.repair, fingerprint.clone());
        let keep = known.as_ref().is_some_and(|known| same(&known));
        self.store.begin_verification(&self.name, &record, keep)?;
        Ok(record)
    }
}

/// Whether the configuration asks for more than counts, and that is not done since the copy ended.
///
/// # Errors
/// `State` for an unreadable record.
pub(super) fn is_due(store: &Store, name: &str, config: &MigrationConfig) -> Result<bool> {
    let level = config.verify.level;
    if level == VerifyLevel::Count {
        return Ok(false);
    }
    let copied = store.migration(name)?.and_then(|record| record.copy_finished);
    let done = |known: VerificationRecord| {
        known.level >= level
            && known.fingerprint == sides::fingerprint(config)
            && known.finished.is_some_and(|finished| copied.is_some_and(|copied| finished > copied))
    };
    Ok(!store.verification(name)?.is_some_and(done))
}

impl Verification<'_> {
    /// From the stage that is stored to the end; false when the work was to stop.
    async fn work(&mut self) -> Result<bool> {
        if self.record.stage == Stage::Reading {
            let Some(units) = self.read().await? else { return Ok(false) };
            self.summed(&units).await?;
        }
        if let Stage::Meeting { after, candidates } = self.record.stage.clone()
            && !self.meet(after, candidates).await?
        {
            return Ok(false);
        }
        if let Stage::Looking { .. } = self.record.stage
            && !self.look_again().await?
        {
            return Ok(false);
        }
        // Of an index that was made anew in the middle, half of the looks were at another one.
        self.context.targets_stand(&self.context.indices().await?).await?;
        let (store, name) = (self.context.store.clone(), self.context.name.clone());
        self.record = blocking(move || store.finish_verification(&name)).await?;
        Ok(true)
    }

    /// Both sides, without the shards that are as they were when they were read for an earlier verification. Those are
    /// read after all where the sums of their index differ: only then is it asked which documents they have.
    async fn read(&mut self) -> Result<Option<Vec<UnitRecord>>> {
        let context = self.context;
        let mut units = context.store.units(Purpose::Verification, &context.name)?;
        let mut changed: Vec<UnitName> = Vec::new();
        for unit in units.iter().filter(|unit| unit.kept) {
            let holds = unit.mark.is_some() && context.mark_of(&self.sides, unit.name).await? == unit.mark;
            if !holds {
                changed.push(unit.name);
            }
        }
        self.forget(&mut units, &changed)?;
        loop {
            let kept = kept_docs(&units);
            let of =
                |part: Part| units.iter().filter(|unit| unit.name.part == part).map(|unit| unit.docs).sum();
            let (on_source, on_target) = (of(Part::Source), of(Part::Target));
            let docs: u64 = context.progress.status().docs_total.unwrap_or_default();
            context.progress.verification(|status| {
                status.docs_of = docs * 2;
                status.counts = VerificationCounts { on_source, on_target, unchanged: kept, ..status.counts };
            });
            let Some(read) = context.read_sides(&self.sides, units).await? else { return Ok(None) };
            units = read;
            let differing = differing(&units);
            let missing = units
                .iter()
                .filter(|unit| unit.kept && unit.sums.keys().any(|index| differing.contains(index)));
            let missing: Vec<UnitName> = missing.map(|unit| unit.name).collect();
            if missing.is_empty() {
                return Ok(Some(units));
            }
            self.forget(&mut units, &missing)?;
        }
    }

    fn forget(&self, units: &mut Vec<UnitRecord>, gone: &[UnitName]) -> Result<()> {
        if gone.is_empty() {
            return Ok(());
        }
        units.retain(|unit| !gone.contains(&unit.name));
        self.context.store.forget_some(Purpose::Verification, &self.context.name, gone)
    }

    /// What both sides come to, by index, and what is to be done next: nothing where all of them are the same.
    async fn summed(&mut self, units: &[UnitRecord]) -> Result<()> {
        let (expected, found) = both_sums(units);
        let mut indices = Vec::new();
        let planned = self.sides.records.iter().map(|record| record.ordinal);
        for ordinal in planned.chain(self.sides.others.values().copied()) {
            let of = |sums: &Sums| sums.get(&ordinal).copied().unwrap_or_default();
            indices.push(IndexVerified {
                index: self.sides.target(ordinal)?.to_owned(),
                expected: of(&expected),
                found: of(&found),
                differences: 0,
            });
        }
        let total = |sums: &Sums| sums.values().map(|sum| sum.docs).sum();
        let counts = VerificationCounts {
            on_source: total(&expected),
            on_target: total(&found),
            unchanged: kept_docs(units),
            ..VerificationCounts::default()
        };
        self.update(move |record| {
            if indices.iter().any(|index| index.expected != index.found) {
                record.stage = Stage::Meeting { after: None, candidates: 0 };
            }
            record.indices = indices;
            record.counts = counts;
        })
        .await
    }

    /// Changes the record, durably, and what the status says of it.
    async fn update(&mut self, change: impl FnOnce(&mut VerificationRecord) + Send + 'static) -> Result<()> {
        let (store, name) = (self.context.store.clone(), self.context.name.clone());
        self.record = blocking(move || store.update_verification(&name, change)).await?;
        self.show();
        Ok(())
    }

    fn show(&self) {
        let now = VerificationStatus::at_work(&self.record);
        self.context.progress.verification(|status| {
            *status = VerificationStatus {
                parts: status.parts,
                parts_of: status.parts_of,
                docs_of: status.docs_of,
                ..now
            };
        });
    }
}

type Sums = BTreeMap<u32, Sum>;

/// What the source makes the target expect, and what it holds.
fn both_sums(units: &[UnitRecord]) -> (Sums, Sums) {
    let of = |part: Part| sums(units.iter().filter(|unit| unit.name.part == part).map(|unit| &unit.sums));
    (of(Part::Source), of(Part::Target))
}

/// The indices whose sides do not come to the same.
fn differing(units: &[UnitRecord]) -> BTreeSet<u32> {
    let (expected, found) = both_sums(units);
    let all = expected.keys().chain(found.keys());
    all.filter(|index| expected.get(index) != found.get(index)).copied().collect()
}

/// Documents that were not read again.
fn kept_docs(units: &[UnitRecord]) -> u64 {
    units.iter().filter(|unit| unit.kept).map(|unit| unit.docs).sum()
}
