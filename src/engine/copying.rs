//! The supervisor of the copy: hands out slices, holds the permits, and misses no worker's end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::context::Context;
use super::phase::Standing;
use super::queue::Queue;
use super::reading::AbortOnDrop;
use super::stored_plan::waiting_slices;
use super::throttle::follow;
use super::worker::{IndexCopy, SliceEnd, blocking};
use crate::cluster::indices::IndexInfo;
use crate::config::MigrationConfig;
use crate::error::{Error, Result};
use crate::plan::slice::SliceId;
use crate::sink::{BatchLimits, Pace, Sink};
use crate::source::{PageSize, SourceIndex};
use crate::store::records::{Counts, IndexRecord, SliceState};
use crate::transform::{Pipeline, Shape, Steps};

/// `max_failure_ratio` is judged from this many documents on.
const JUDGED_FROM: u64 = 10_000;
/// Size of a document before any has been seen.
const FIRST_GUESS: u64 = 1500;

/// How the copy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyEnd {
    /// No slice waits any more.
    Settled,
    /// It was to stop: paused, or shutting down.
    Stopped,
}

/// A slice at work.
struct Work {
    slice: SliceId,
    begun: Instant,
    stop: CancellationToken,
}

/// Stops the slices at work that are more than there may be, the youngest first: the least is lost with them.
fn give_back(working: &HashMap<Id, Work>, parallel: usize) {
    let mut going: Vec<&Work> = working.values().filter(|work| !work.stop.is_cancelled()).collect();
    if going.len() > parallel {
        going.sort_by_key(|work| work.begun);
        going[parallel..].iter().for_each(|work| work.stop.cancel());
    }
}

impl Context {
    /// Copies every slice that is not done, and those that `resume` takes up again meanwhile.
    ///
    /// # Errors
    /// The first error that no waiting cures; the other workers are stopped with their checkpoints.
    pub(super) async fn copy(&self, stop: &CancellationToken) -> Result<CopyEnd> {
        let records = self.indices().await?;
        self.targets_stand(&records).await?;
        let _watch = self.watch_load();
        let pace = self.pace()?;
        let _bounds = AbortOnDrop(tokio::spawn(follow(pace.clone(), self.throttle.limits())));
        let copies = self.copies(&records, &pace).await?;
        // A migration that begins with more than its limit was resumed in spite of it: that much is accepted.
        let counts = self.progress.counts();
        let accepted = if self.exceeds(&counts) { counts } else { Counts::default() };
        loop {
            let queue = self.queue(&records).await?;
            if queue.ready.is_empty() {
                return Ok(CopyEnd::Settled);
            }
            if self.work_off(queue, &copies, &accepted, stop.child_token()).await? == CopyEnd::Stopped {
                return Ok(CopyEnd::Stopped);
            }
        }
    }

    async fn work_off(
        &self,
        mut queue: Queue,
        copies: &HashMap<u32, Arc<IndexCopy>>,
        accepted: &Counts,
        stop: CancellationToken,
    ) -> Result<CopyEnd> {
        let mut workers: JoinSet<Result<SliceEnd>> = JoinSet::new();
        let mut working: HashMap<Id, Work> = HashMap::new();
        let mut failed: Option<Error> = None;
        let mut limits = self.throttle.limits();
        loop {
            let parallel = limits.borrow_and_update().parallel;
            give_back(&working, parallel);
            while workers.len() < parallel && !stop.is_cancelled() {
                let Some(id) = queue.ready.pop_front() else { break };
                let copy = copies.get(&id.index).cloned();
                let copy =
                    copy.ok_or_else(|| Error::state("corrupt", format!("slice {id} belongs to no index")))?;
                let record = self.store.slice(&self.name, id)?;
                let record = record
                    .ok_or_else(|| Error::state("corrupt", format!("slice {id} is gone from the store")))?;
                let work = Work { slice: id, begun: Instant::now(), stop: stop.child_token() };
                let (stop, span) = (work.stop.clone(), tracing::info_span!("copy", index = copy.source_name));
                let handle = workers.spawn(async move { copy.copy(record, &stop).await }.instrument(span));
                working.insert(handle.id(), work);
            }
            let ended = tokio::select! {
                ended = workers.join_next_with_id() => ended,
                // The sender lives as long as the migration.
                Ok(()) = limits.changed() => continue,
            };
            let Some(ended) = ended else { break };
            let (task, outcome) = match ended {
                Ok((task, outcome)) => (task, outcome),
                Err(panicked) => (
                    panicked.id(),
                    self.panicked(working.get(&panicked.id()).map(|work| work.slice), &panicked).await,
                ),
            };
            let id = working.remove(&task).map(|work| work.slice);
            match outcome {
                Ok(end @ (SliceEnd::Done | SliceEnd::SetAside)) => {
                    if let (SliceEnd::Done, Some(id)) = (end, id) {
                        queue.settled(id);
                    }
                    self.judge_failures(accepted, &stop)?;
                }
                // Given back, it is the next to begin; when everything stops, nothing is taken from the queue any more.
                Ok(SliceEnd::Stopped) => id.into_iter().for_each(|id| queue.ready.push_front(id)),
                Err(error) => {
                    tracing::error!(error = error.one_line(), "the copy cannot go on");
                    stop.cancel();
                    failed.get_or_insert(error);
                }
            }
        }
        match failed {
            Some(error) => Err(error),
            None if stop.is_cancelled() => Ok(CopyEnd::Stopped),
            None => Ok(CopyEnd::Settled),
        }
    }

    /// A worker that panicked leaves its slice as the last checkpoint has it; the slice is set aside, visibly.
    async fn panicked(&self, id: Option<SliceId>, cause: &tokio::task::JoinError) -> Result<SliceEnd> {
        let Some(id) = id else { return Ok(SliceEnd::Stopped) };
        tracing::error!(slice = %id, %cause, "a worker panicked, its slice is set aside");
        let (store, name, reason) =
            (self.store.clone(), self.name.clone(), format!("the worker panicked: {cause}"));
        let record = blocking(move || {
            let record = store.update_slice(&name, id, |record| {
                let cursor = match record.state {
                    SliceState::Open { cursor } => cursor,
                    _ => crate::plan::slice::Cursor::Start,
                };
                record.state = SliceState::SetAside { reason, cursor };
            })?;
            store.flush()?;
            Ok(record)
        })
        .await?;
        self.progress.slice_ends(&record);
        Ok(SliceEnd::SetAside)
    }

    /// Pauses a migration that would burn through its index.
    fn judge_failures(&self, accepted: &Counts, stop: &CancellationToken) -> Result<()> {
        let counts = self.progress.counts().since(accepted);
        if !self.exceeds(&counts) || stop.is_cancelled() {
            return Ok(());
        }
        let allowed = self.config.max_failure_ratio;
        let reason = format!(
            "{} of {} documents were refused, more than max_failure_ratio = {allowed} allows: see `esferry failures list {}`, then `esferry resume {}`",
            counts.rejected,
            counts.settled(),
            self.name,
            self.name
        );
        tracing::error!(reason, "pausing");
        let standing = Standing::Paused(reason);
        self.store.set_standing(&self.name, &standing)?;
        self.progress.stand(standing);
        stop.cancel();
        Ok(())
    }

    /// More documents were refused than `max_failure_ratio` allows, of enough of them to judge.
    fn exceeds(&self, counts: &Counts) -> bool {
        // Documents are far fewer than 2^52: nothing is lost in the conversion.
        #[allow(clippy::cast_precision_loss)]
        let share = counts.rejected as f64 / counts.settled().max(1) as f64;
        counts.settled() >= JUDGED_FROM && share > self.config.max_failure_ratio
    }

    /// Loads the plan, proves once more that it covers every shard, and queues what is not done.
    async fn queue(&self, records: &[IndexRecord]) -> Result<Queue> {
        let (store, name, records) = (self.store.clone(), self.name.clone(), records.to_vec());
        blocking(move || waiting_slices(&store, &name, &records)).await
    }

    /// How much is sent to the target at once; shown in the status for as long as somebody writes.
    ///
    /// # Errors
    /// `Config` for a batch that this machine cannot address.
    pub(super) fn pace(&self) -> Result<Arc<Pace>> {
        let write = &self.config.write;
        let too_large =
            |_| Error::config("batch_bytes", "write.batch_bytes is larger than this machine can address");
        // A server reads bodies up to its limit; the action lines of a batch are part of the body.
        let most = self.target.server().max_body.map_or(u64::MAX, |bytes| bytes / 10 * 9);
        let limits = BatchLimits {
            docs: write.batch_docs,
            bytes: usize::try_from(write.batch_bytes.0.min(most)).map_err(too_large)?,
            max_id_bytes: self.target.dialect().max_id_bytes,
        };
        let pace = Arc::new(Pace::new(self.throttle.limits().borrow().bulks, limits));
        self.progress.writes_at(&pace);
        Ok(pace)
    }

    pub(super) async fn copies(
        &self,
        records: &[IndexRecord],
        pace: &Arc<Pace>,
    ) -> Result<HashMap<u32, Arc<IndexCopy>>> {
        let infos = self.source.described().await?;
        let mut copies = HashMap::new();
        for record in records {
            let info = infos.iter().find(|info| info.name == record.source);
            let copy = self.index_copy(record, info, pace)?;
            if let Ok(Some(mean)) = self.source.mean_document_bytes(&record.source).await {
                copy.source.page_size.expect(mean);
            }
            copies.insert(record.ordinal, Arc::new(copy));
        }
        Ok(copies)
    }

    /// What the slices of an index share.
    pub(super) fn index_copy(
        &self,
        record: &IndexRecord,
        info: Option<&IndexInfo>,
        pace: &Arc<Pace>,
    ) -> Result<IndexCopy> {
        let write = &self.config.write;
        let dialect = self.target.dialect();
        let target = dialect.bulk_target(
            &record.target,
            record.target_type.as_deref(),
            write.mode,
            write.pipeline.as_deref(),
        );
        let wanted = self.source.dialect().documents_of(info.map_or(&[], |info| &info.types));
        let waits = self.progress.waits.clone();
        let sink = Sink::new(self.target.clone(), &record.target, target, pace.clone(), waits)
            // Beside a replay what is there may be newer a moment later, and the version is that of one message.
            .suspicious(
                record.originals.as_ref().is_some_and(|originals| !originals.created)
                    && !self.replays_beside_the_copy(),
            );
        Ok(IndexCopy {
            migration: self.name.clone(),
            source_name: record.source.clone(),
            target_name: record.target.clone(),
            doc_type: match record.types.as_slice() {
                [single] => Some(single.clone()),
                _ => None,
            },
            source: SourceIndex {
                cluster: self.source.clone(),
                wanted,
                page_size: Arc::new(PageSize::new(self.config.slice.page_docs, FIRST_GUESS)),
            },
            query: self.config.from.query.clone(),
            only_types: record.only_types.clone(),
            pipeline: Arc::new(pipeline_of(
                &self.config,
                &record.source,
                &record.types,
                &record.target,
                &record.shape,
            )?),
            sink,
            store: self.store.clone(),
            progress: self.progress.clone(),
            counters: self.counters.clone(),
            throttle: self.throttle.clone(),
        })
    }
}

/// What happens to the documents of an index whose types are these.
///
/// # Errors
/// `Config` for a transform that does not compile.
pub(super) fn pipeline_of(
    config: &MigrationConfig,
    source: &str,
    types: &[String],
    target: &str,
    shape: &Shape,
) -> Result<Pipeline> {
    Ok(Pipeline {
        index: source.to_owned(),
        target: target.to_owned(),
        others: config.to.others.iter().cloned().collect(),
        gathered: false,
        one_to_one: config.changes.applies(),
        steps: Arc::new(Steps::compile(&config.transform)?),
        types: types.iter().filter_map(|name| serde_json::to_vec(name).ok()).collect(),
        shape: shape.clone(),
    })
}
