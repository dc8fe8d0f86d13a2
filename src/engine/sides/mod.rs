//! Both sides of a migration read into sorted runs on the disk: what passes compare, and verifications.

mod reading;
mod sightings;
mod units;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::worker::{IndexCopy, blocking};
use crate::diff::{Runs, Side};
use crate::error::{Error, Result};
use crate::failpoint::Failpoint;
use crate::store::records::IndexRecord;
use crate::store::units::{Part, Purpose, UnitName, UnitRecord};
pub(super) use sightings::{key_of, text};
use units::Unit;

/// What is read of both sides, and for what.
pub(super) struct Sides {
    pub(super) purpose: Purpose,
    pub(super) depth: Depth,
    /// Whether versions of both sides can be compared.
    pub(super) versions: bool,
    pub(super) records: Vec<IndexRecord>,
    pub(super) copies: HashMap<u32, Arc<IndexCopy>>,
    /// Targets that transforms send documents to besides the planned ones, with ordinals behind those.
    pub(super) others: BTreeMap<String, u32>,
    pub(super) stop: CancellationToken,
}

/// How much of a document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Id, routing and version.
    Keys,
    /// What it says, too.
    Contents,
}

impl Sides {
    /// The index copy with this ordinal.
    ///
    /// # Errors
    /// `State` when there is none.
    pub(super) fn copy(&self, index: u32) -> Result<Arc<IndexCopy>> {
        let copy = self.copies.get(&index).cloned();
        copy.ok_or_else(|| Error::state("corrupt", format!("index {index} is gone from the store")))
    }

    /// The target's index with this ordinal, also one beside the planned.
    ///
    /// # Errors
    /// `State` when there is none.
    pub(super) fn target(&self, index: u32) -> Result<&str> {
        if let Some(copy) = self.copies.get(&index) {
            return Ok(&copy.target_name);
        }
        let other = self.others.iter().find(|(_, ordinal)| **ordinal == index).map(|(name, _)| name.as_str());
        other.ok_or_else(|| Error::state("corrupt", format!("index {index} is gone from the store")))
    }

    /// The source's documents are read whole where what becomes of them hangs on what they say.
    fn reads_sources(&self, copy: &IndexCopy) -> bool {
        self.depth == Depth::Contents || (self.purpose == Purpose::Verification && copy.pipeline.may_drop())
    }
}

impl Context {
    /// The files of a unit's runs begin with this.
    pub(super) fn runs_of(&self, purpose: Purpose, unit: UnitName) -> PathBuf {
        self.store.units_dir(purpose, &self.name).join(unit.to_string())
    }

    /// Runs of units.
    pub(super) fn runs(&self, purpose: Purpose, units: &[UnitRecord]) -> Runs {
        let mut runs = Runs::default();
        for unit in units {
            let side = match unit.name.part {
                Part::Source => Side::Source,
                Part::Target => Side::Target,
                Part::Failures => Side::Failures,
            };
            runs.add(side, &self.runs_of(purpose, unit.name), unit.runs);
        }
        runs
    }

    /// Reads the units that `read` does not have yet, and stores each; `None` when the work was to stop.
    ///
    /// # Errors
    /// `Temporary` when a cluster does not answer; `Refused` when an index is gone; `State` when the disk refuses.
    pub(super) async fn read_sides(
        &self,
        sides: &Sides,
        mut read: Vec<UnitRecord>,
    ) -> Result<Option<Vec<UnitRecord>>> {
        let done: HashSet<UnitName> = read.iter().map(|unit| unit.name).collect();
        let (store, name) = (self.store.clone(), self.name.clone());
        let mut sources = blocking(move || units::of_source(&store, &name)).await?;
        // Failures come last, so that what failed a moment ago is known.
        let failures = units::of_failures();
        let mut targets = units::of_target(sides, &self.target.described().await?, self.target.name())?;
        let of = sources.len() + targets.len() + 1;
        self.progress.parts(sides.purpose, done.len() as u64, of as u64);
        sources.retain(|unit| !done.contains(&unit.name));
        targets.retain(|unit| !done.contains(&unit.name));
        let dir = self.store.units_dir(sides.purpose, &self.name);
        std::fs::create_dir_all(&dir).map_err(|cause| {
            Error::state("store_io", format!("{} cannot be made", dir.display()))
                .hint("check that the state directory is writable")
                .because(cause)
        })?;
        for record in &sides.records {
            if sources.iter().any(|unit| unit.name.index == record.ordinal) {
                let doing = format!("refreshing `{}`", record.source);
                let source = &self.source;
                source.refresh(&record.source).await.map_err(|cause| cause.during(source.name(), &doing))?;
            }
        }
        let mut refreshed = HashSet::new();
        for unit in &targets {
            let index = sides.target(unit.name.index)?;
            if refreshed.insert(index) {
                let (target, doing) = (&self.target, format!("refreshing `{index}`"));
                target.refresh(index).await.map_err(|cause| cause.during(target.name(), &doing))?;
            }
        }
        // Both clusters work at the same time; each is read by as many as the copy may have.
        let parallel = self.throttle.limits().borrow().parallel.max(1);
        let side = |units: Vec<Unit>| async move {
            let units = futures::stream::iter(units).map(|unit| self.read_unit(sides, unit));
            units.buffer_unordered(parallel).try_collect::<Vec<Option<UnitRecord>>>().await
        };
        let (sources, targets) = tokio::try_join!(side(sources), side(targets))?;
        let mut new: Vec<Option<UnitRecord>> = sources.into_iter().chain(targets).collect();
        if !done.contains(&failures.name) && !sides.stop.is_cancelled() {
            new.push(self.read_unit(sides, failures).await?);
        }
        for unit in new {
            let Some(unit) = unit else { return Ok(None) };
            read.push(unit);
        }
        Ok((!sides.stop.is_cancelled()).then_some(read))
    }

    async fn read_unit(&self, sides: &Sides, unit: Unit) -> Result<Option<UnitRecord>> {
        let mark = self.mark_of(sides, unit.name).await?;
        let read = match unit.name.part {
            Part::Source => self.read_slices(sides, unit).await?,
            Part::Target => self.read_shard(sides, unit).await?,
            Part::Failures => self.read_failures(sides, unit).await?,
        };
        let Some(read) = read else { return Ok(None) };
        let record = UnitRecord {
            name: unit.name,
            runs: read.runs,
            docs: read.docs,
            sums: read.sums,
            mark,
            kept: false,
        };
        let (store, name, stored, purpose) =
            (self.store.clone(), self.name.clone(), record.clone(), sides.purpose);
        blocking(move || store.save_unit(purpose, &name, &stored)).await?;
        Failpoint::UnitStored.pass();
        self.progress.part_is_read(sides.purpose);
        Ok(Some(record))
    }

    /// Where the shard of a unit stands, for whoever asks later whether it has changed. Asked for before it is read.
    ///
    /// # Errors
    /// `Temporary` when it cannot be asked.
    pub(super) async fn mark_of(
        &self,
        sides: &Sides,
        unit: UnitName,
    ) -> Result<Option<crate::cluster::counting::ShardMark>> {
        if sides.purpose == Purpose::Pass {
            return Ok(None);
        }
        let (cluster, index) = match unit.part {
            Part::Source => (&self.source, sides.copy(unit.index)?.source_name.clone()),
            Part::Target => (&self.target, sides.target(unit.index)?.to_owned()),
            Part::Failures => return Ok(None),
        };
        if !cluster.dialect().seq_no {
            return Ok(None);
        }
        let doing = format!("asking where shard {} of `{index}` stands", unit.shard);
        cluster.shard_mark(&index, unit.shard).await.map_err(|cause| cause.during(cluster.name(), &doing))
    }
}
