//! All places in order: what differs is looked at on both sides, brought over, and stored with its outcome.

use std::collections::{HashMap, HashSet};

use futures::StreamExt as _;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::extra::Extra;
use super::pass::Pass;
use crate::diff::{Meeting, Sighting, meet};
use crate::engine::context::Context;
use crate::engine::current::Brought;
use crate::engine::refused::refused_again;
use crate::engine::sides::key_of;
use crate::engine::worker::{IndexCopy, blocking};
use crate::error::{Error, Result};
use crate::failpoint::Failpoint;
use crate::plan::slice::SliceId;
use crate::sink::Rejection;
use crate::store::passes::{Comparison, PassCounts};
use crate::store::records::{Counts, Failure};
use crate::store::units::{Purpose, UnitRecord};
use crate::store::{Resolution, Store};

/// Documents that are looked at together.
const AT_ONCE: usize = 500;
/// Of these, side by side.
const SIDE_BY_SIDE: usize = 4;
/// A place is stored at least after so many, also where nothing differs.
const PLACES: u64 = 1_000_000;

/// Places of one index of which something has to be looked at, and the last place behind which they stand.
struct Batch {
    index: u32,
    meetings: Vec<Meeting>,
    upto: Vec<u8>,
}

impl Context {
    /// Compares what is not compared yet; false when the work was to stop.
    pub(super) async fn compare(&self, pass: &Pass, units: &[UnitRecord]) -> Result<bool> {
        let runs = self.runs(Purpose::Pass, units);
        let (batches, batch) = mpsc::channel(2);
        let (dir, from) = (self.store.units_dir(Purpose::Pass, &self.name), pass.record.compared.clone());
        let reading = tokio::task::spawn_blocking(move || {
            let told = batches.clone();
            if let Err(error) = meet(runs, &dir).and_then(|meetings| batched(meetings, from, &batches)) {
                // Whoever does not listen any more has ended already.
                let _ = told.blocking_send(Err(error));
            }
        });
        let batch = futures::stream::unfold(batch, async |mut batch| Some((batch.recv().await?, batch)));
        let compared = batch.map(|batch| async { self.compare_batch(pass, batch?).await });
        let mut compared = std::pin::pin!(compared.buffered(SIDE_BY_SIDE));
        loop {
            let next = tokio::select! {
                next = compared.next() => next,
                () = pass.sides.stop.cancelled() => return Ok(false),
            };
            let Some(comparison) = next else { break };
            let comparison = comparison?;
            let listed = !comparison.failures.is_empty()
                || !comparison.resolved.is_empty()
                || !comparison.again.is_empty();
            let resolved = comparison.resolved.clone();
            let (store, name) = (self.store.clone(), self.name.clone());
            let record = blocking(move || store.settle_comparison(&name, &comparison)).await?;
            Failpoint::ComparisonStored.pass();
            resolved.iter().for_each(|resolution| self.progress.failure_resolves(resolution));
            if listed {
                self.progress.take_failures(self.store.failure_groups(&self.name)?);
            }
            self.progress.passes(|passes| {
                let seen = passes.counts;
                passes.counts =
                    PassCounts { on_source: seen.on_source, on_target: seen.on_target, ..record.counts };
            });
        }
        reading.await.map_err(|cause| {
            Error::unexpected("panic", "the comparison ended in the middle").because(cause)
        })?;
        Ok(true)
    }

    async fn compare_batch(&self, pass: &Pass, batch: Batch) -> Result<Comparison> {
        let Batch { index, meetings, upto } = batch;
        let mut comparison = Comparison { upto, ..Comparison::default() };
        if meetings.is_empty() {
            return Ok(comparison);
        }
        let copy = pass.sides.copy(index)?;
        comparison.counts.found = meetings.len() as u64;
        let (mut wanted, mut extras) = (Vec::new(), Vec::new());
        for meeting in &meetings {
            let (_, id, routing) = meeting.parts()?;
            match (&meeting.source, &meeting.target) {
                (Some(source), _) => wanted.push((meeting, key_of(&copy, source, id, routing))),
                (None, Some(Sighting { version: Some(version), .. })) => {
                    extras.push((meeting, Extra { id, routing, version: *version }));
                }
                (None, Some(_)) => {
                    let message = format!("index `{}`: `{id}` came without its version", copy.target_name);
                    return Err(Error::refused("no_version", message)
                        .hint("see whether something between strips `_version` from the target's answers"));
                }
                (None, None) => self.settle(&mut comparison, &copy, index, meeting, None)?,
            }
        }
        let (of_extras, extras): (Vec<&Meeting>, Vec<Extra>) = extras.into_iter().unzip();
        let removed = self.remove_extra(&copy, extras).await?;
        count(&mut comparison.counts, &removed);
        let mut refused: HashMap<String, Rejection> = removed
            .rejections
            .into_iter()
            .map(|rejection| (rejection.origin.id.clone(), rejection))
            .collect();
        for meeting in of_extras {
            let (_, id, _) = meeting.parts()?;
            self.settle(&mut comparison, &copy, index, meeting, refused.remove(&id))?;
        }
        // Documents of one id, under several routings or types, are brought up one after the other.
        while !wanted.is_empty() {
            let mut ids = HashSet::new();
            let (now, later): (Vec<_>, Vec<_>) =
                wanted.into_iter().partition(|(_, key)| ids.insert(key.id.clone()));
            wanted = later;
            let keys = now.iter().map(|(_, key)| key.clone()).collect();
            let brought = copy.bring_up(keys, self.config.changes.sole_writer).await?;
            count(&mut comparison.counts, &brought);
            let rejections = brought.rejections.into_iter();
            let mut refused: HashMap<String, Rejection> =
                rejections.map(|rejection| (rejection.origin.id.clone(), rejection)).collect();
            for (meeting, key) in now {
                self.settle(&mut comparison, &copy, index, meeting, refused.remove(&key.id))?;
            }
        }
        Ok(comparison)
    }

    /// What becomes of the failures of a document that was looked at, and of one that is refused now.
    fn settle(
        &self,
        comparison: &mut Comparison,
        copy: &IndexCopy,
        index: u32,
        meeting: &Meeting,
        refused: Option<Rejection>,
    ) -> Result<()> {
        let known = known_failures(&self.store, meeting)?;
        match refused {
            None => comparison.resolved.extend(known.into_iter().map(|failure| {
                let counts = match (&meeting.source, failure.slice.is_of_changes()) {
                    (_, true) => Counts::default(),
                    (Some(_), false) => Counts { written: 1, ..Counts::default() },
                    (None, false) => Counts { gone: 1, ..Counts::default() },
                };
                Resolution { failure, counts, dropped_by: None }
            })),
            Some(rejection) if known.is_empty() => {
                let slice = SliceId::of_changes(index);
                comparison.failures.push(copy.failure_of(slice, rejection, Timestamp::now()));
            }
            Some(rejection) => {
                comparison
                    .again
                    .extend(known.iter().map(|failure| refused_again(failure, rejection.clone())));
            }
        }
        Ok(())
    }
}

fn count(counts: &mut PassCounts, brought: &Brought) {
    counts.written += brought.written;
    counts.deleted += brought.deleted;
    counts.unchanged += brought.unchanged;
    counts.failed += brought.rejections.len() as u64;
}

fn known_failures(store: &Store, meeting: &Meeting) -> Result<Vec<Failure>> {
    let keys = meeting.failures.iter().filter_map(|sighting| sighting.failure.as_deref());
    keys.filter_map(|key| store.failure_at(key).transpose()).collect()
}

/// Whether both sides, or the list of failures, leave something to look at.
fn is_of_interest(meeting: &Meeting) -> bool {
    match (&meeting.source, &meeting.target) {
        (Some(source), Some(target)) if source.version == target.version && source.version.is_some() => {
            !meeting.failures.is_empty()
        }
        // It has failed in this version already: whoever mends the cause tries it again.
        (Some(source), _) => !meeting
            .failures
            .iter()
            .any(|failure| failure.version.is_some() && failure.version == source.version),
        (None, _) => true,
    }
}

/// Sends what is of interest in batches, from behind the place `from` on.
fn batched(
    meetings: impl Iterator<Item = Result<Meeting>>,
    from: Option<Vec<u8>>,
    batches: &mpsc::Sender<Result<Batch>>,
) -> Result<()> {
    let mut open: Option<Batch> = None;
    let mut places = 0;
    for meeting in meetings {
        let meeting = meeting?;
        if from.as_ref().is_some_and(|from| meeting.place <= *from) {
            continue;
        }
        let (index, ..) = meeting.parts()?;
        if let Some(full) =
            open.take_if(|batch| batch.index != index || batch.meetings.len() >= AT_ONCE || places >= PLACES)
        {
            places = 0;
            if batches.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
        places += 1;
        let batch = open.get_or_insert_with(|| Batch { index, meetings: Vec::new(), upto: Vec::new() });
        batch.upto.clone_from(&meeting.place);
        if is_of_interest(&meeting) {
            batch.meetings.push(meeting);
        }
    }
    if let Some(last) = open {
        // Nobody listens when the work was to stop.
        let _ = batches.blocking_send(Ok(last));
    }
    Ok(())
}
