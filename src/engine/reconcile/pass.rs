//! One pass: every unit of both sides read into sorted runs, then all places compared in their order.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::control::changes::{PassState, PassesStatus};
use crate::engine::context::Context;
use crate::engine::sides::{Depth, Sides};
use crate::engine::worker::blocking;
use crate::error::Result;
use crate::store::passes::{PassCounts, PassRecord};
use crate::store::units::{Part, Purpose};

/// What all parts of a pass work with.
pub(super) struct Pass {
    pub(super) record: PassRecord,
    pub(super) sides: Sides,
}

impl Context {
    /// Goes on with the pass under way, or begins another; `None` when the work was to stop.
    ///
    /// # Errors
    /// As [`follow_by_passes`](Context::follow_by_passes).
    pub(in crate::engine) async fn pass(&self, stop: &CancellationToken) -> Result<Option<PassRecord>> {
        let records = self.indices().await?;
        let copies = self.copies(&records, &self.pace()?).await?;
        let record = self.begin_or_go_on()?;
        let sides = Sides {
            purpose: Purpose::Pass,
            depth: Depth::Keys,
            versions: true,
            records,
            copies,
            others: BTreeMap::new(),
            stop: stop.clone(),
        };
        let pass = Pass { record, sides };
        let _watch = self.watch_load();
        self.show_pass(&pass.record, PassState::Reading);
        let read = self.store.units(Purpose::Pass, &self.name)?;
        let Some(units) = self.read_sides(&pass.sides, read).await? else { return Ok(None) };
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
}
