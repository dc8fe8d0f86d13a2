//! One pass: every unit of both sides read into sorted runs, then all places compared in their order.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::units::{self, Unit};
use crate::control::changes::{PassState, PassesStatus};
use crate::engine::context::Context;
use crate::engine::reading::AbortOnDrop;
use crate::engine::worker::{IndexCopy, blocking};
use crate::error::{Error, Result};
use crate::failpoint::Failpoint;
use crate::store::passes::{Part, PassCounts, PassRecord, UnitName, UnitRecord};
use crate::store::records::IndexRecord;

/// What all parts of a pass work with.
pub(super) struct Pass {
    pub(super) record: PassRecord,
    pub(super) copies: HashMap<u32, Arc<IndexCopy>>,
    pub(super) stop: CancellationToken,
}

impl Context {
    /// Goes on with the pass under way, or begins another; `None` when the work was to stop.
    ///
    /// # Errors
    /// As [`follow_by_passes`](Context::follow_by_passes).
    pub(super) async fn pass(&self, stop: &CancellationToken) -> Result<Option<PassRecord>> {
        let records = self.indices().await?;
        let copies = self.copies(&records, &self.pace()?).await?;
        let record = self.begin_or_go_on()?;
        let pass = Pass { record, copies, stop: stop.clone() };
        let _watch =
            self.throttle.watch(&self.source, &self.target).map(|watch| AbortOnDrop(tokio::spawn(watch)));
        self.show_pass(&pass.record, PassState::Reading);
        let Some(units) = self.read_all(&pass, &records).await? else { return Ok(None) };
        self.progress.passes(|passes| passes.state = PassState::Comparing);
        if !self.compare(&pass, &units).await? {
            return Ok(None);
        }
        let seen =
            |part: Part| units.iter().filter(|unit| unit.name.part == part).map(|unit| unit.docs).sum();
        let seen = PassCounts {
            on_source: seen(Part::Source),
            on_target: seen(Part::Target),
            ..PassCounts::default()
        };
        let (store, name) = (self.store.clone(), self.name.clone());
        let record = blocking(move || store.finish_pass(&name, &seen)).await?;
        self.show_pass(&record, PassState::Resting);
        Ok(Some(record))
    }

    fn begin_or_go_on(&self) -> Result<PassRecord> {
        let known = self.store.pass(&self.name)?;
        if let Some(under_way) = known.as_ref().filter(|pass| pass.finished.is_none()) {
            return Ok(under_way.clone());
        }
        let mut before = PassCounts::default();
        if let Some(last) = &known {
            before.add(&last.before);
            before.add(&last.counts);
        }
        let record = PassRecord {
            number: known.map_or(0, |last| last.number) + 1,
            begun: Timestamp::now(),
            finished: None,
            compared: None,
            counts: PassCounts::default(),
            before,
        };
        self.store.begin_pass(&self.name, &record)?;
        Ok(record)
    }

    pub(super) fn show_pass(&self, record: &PassRecord, state: PassState) {
        let status = PassesStatus::of(record, state);
        self.progress.changes(|changes| {
            let last = changes.reconcile.take().and_then(|passes| passes.last);
            let last = if state == PassState::Resting { status.last.clone() } else { last };
            changes.reconcile = Some(PassesStatus { last, ..status });
        });
    }

    /// Reads what is not read yet; `None` when the work was to stop.
    async fn read_all(&self, pass: &Pass, records: &[IndexRecord]) -> Result<Option<Vec<UnitRecord>>> {
        let mut read = self.store.units(&self.name)?;
        let done: HashSet<UnitName> = read.iter().map(|unit| unit.name).collect();
        let (store, name) = (self.store.clone(), self.name.clone());
        let mut sources = blocking(move || units::of_source(&store, &name)).await?;
        // Failures come last, so that what failed a moment ago is known.
        let failures = units::of_failures();
        let mut targets = units::of_target(records, &self.target.described().await?, self.target.name())?;
        let of = sources.len() + targets.len() + 1;
        self.progress.passes(|passes| {
            passes.parts_of = of as u64;
            passes.parts = done.len() as u64;
        });
        sources.retain(|unit| !done.contains(&unit.name));
        targets.retain(|unit| !done.contains(&unit.name));
        let dir = self.store.sightings_dir(&self.name);
        std::fs::create_dir_all(&dir).map_err(|cause| {
            Error::state("store_io", format!("{} cannot be made", dir.display()))
                .hint("check that the state directory is writable")
                .because(cause)
        })?;
        for record in records {
            if sources.iter().any(|unit| unit.name.index == record.ordinal) {
                let doing = format!("refreshing `{}`", record.source);
                let source = &self.source;
                source.refresh(&record.source).await.map_err(|cause| cause.during(source.name(), &doing))?;
            }
            if targets.iter().any(|unit| unit.name.index == record.ordinal) {
                let doing = format!("refreshing `{}`", record.target);
                let target = &self.target;
                target.refresh(&record.target).await.map_err(|cause| cause.during(target.name(), &doing))?;
            }
        }
        // Both clusters work at the same time; each is read by as many as the copy may have.
        let parallel = self.throttle.limits().borrow().parallel.max(1);
        let side = |units: Vec<Unit>| async move {
            let units = futures::stream::iter(units).map(|unit| self.read_unit(pass, unit));
            units.buffer_unordered(parallel).try_collect::<Vec<Option<UnitRecord>>>().await
        };
        let (sources, targets) = tokio::try_join!(side(sources), side(targets))?;
        let mut new: Vec<Option<UnitRecord>> = sources.into_iter().chain(targets).collect();
        if !done.contains(&failures.name) && !pass.stop.is_cancelled() {
            new.push(self.read_unit(pass, failures).await?);
        }
        for unit in new {
            let Some(unit) = unit else { return Ok(None) };
            read.push(unit);
        }
        Ok((!pass.stop.is_cancelled()).then_some(read))
    }

    async fn read_unit(&self, pass: &Pass, unit: Unit) -> Result<Option<UnitRecord>> {
        let read = match unit.name.part {
            Part::Source => self.read_slices(pass, unit).await?,
            Part::Target => self.read_shard(pass, unit).await?,
            Part::Failures => self.read_failures(pass, unit).await?,
        };
        let Some((runs, docs)) = read else { return Ok(None) };
        let record = UnitRecord { name: unit.name, runs, docs };
        let (store, name, stored) = (self.store.clone(), self.name.clone(), record.clone());
        blocking(move || store.save_unit(&name, &stored)).await?;
        Failpoint::UnitStored.pass();
        self.progress.passes(|passes| passes.parts += 1);
        Ok(Some(record))
    }
}
