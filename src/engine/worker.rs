//! Copies one slice: attempts until one is proven complete, each from the last checkpoint.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::page_cut::PageCut;
use super::progress::Progress;
use super::reading::{AbortOnDrop, Broken, read};
use super::throttle::{Reads, Throttle};
use super::unsettled::{Run, Unsettled};
use crate::cluster::selection::Selection;
use crate::error::{Error, Result};
use crate::failpoint::Failpoint;
use crate::plan::slice::{Cursor, SliceRange};
use crate::sink::{Delivery, Rejection, Sink};
use crate::source::{Page, ReadError, SlicePage, SliceReader, SourceIndex};
use crate::store::Store;
use crate::store::records::{Failure, SliceRecord, SliceState};
use crate::telemetry::statsd::Counters;
use crate::transform::Pipeline;

/// Pages of a slice that may be on their way to the target at once.
const PAGES_IN_FLIGHT: usize = 2;
/// Attempts that may fail in a row, without a checkpoint between them, before a slice is set aside.
const ATTEMPTS: u32 = 10;
/// How long bulks in flight may take to settle when the work is to stop.
const SETTLE_WITHIN: Duration = Duration::from_secs(8);

/// What the slices of one index share.
#[derive(Debug)]
pub(super) struct IndexCopy {
    pub(super) migration: String,
    pub(super) source_name: String,
    pub(super) target_name: String,
    pub(super) doc_type: Option<String>,
    pub(super) source: SourceIndex,
    pub(super) query: Option<serde_json::Value>,
    /// Types that are asked for by name; empty for all.
    pub(super) only_types: Vec<String>,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) sink: Sink,
    pub(super) store: Store,
    pub(super) progress: Arc<Progress>,
    pub(super) counters: Arc<Counters>,
    pub(super) throttle: Arc<Throttle>,
}

/// How the work on a slice ended.
#[derive(Debug)]
pub(super) enum SliceEnd {
    /// Every document is settled.
    Done,
    /// It failed too often; the others go on.
    SetAside,
    /// The work was to stop; checkpoints hold what was settled.
    Stopped,
}

enum Attempt {
    Complete,
    Stopped,
    /// It was held back for longer than the server keeps its snapshot.
    Held,
    Lost(ReadError),
}

impl IndexCopy {
    /// Copies a slice to its end.
    ///
    /// # Errors
    /// What no waiting cures: the migration stops on it.
    pub(super) async fn copy(&self, mut record: SliceRecord, stop: &CancellationToken) -> Result<SliceEnd> {
        let id = record.slice.id;
        if !self.may_begin(stop).await {
            return Ok(SliceEnd::Stopped);
        }
        self.progress.slice_begins(&record);
        let mut failed = 0_u32;
        loop {
            if !self.may_begin(stop).await {
                self.progress.slice_ends(&record);
                return Ok(SliceEnd::Stopped);
            }
            let at_start = record.state.clone();
            record = self.begin(record).await?;
            Failpoint::SliceBegun.pass();
            let span = tracing::info_span!("slice", slice = %id, attempt = record.attempts);
            let attempt = self.attempt(&mut record, stop).instrument(span).await?;
            match attempt {
                Attempt::Complete => {
                    self.progress.slice_ends(&record);
                    return Ok(SliceEnd::Done);
                }
                Attempt::Stopped => {
                    self.progress.slice_ends(&record);
                    return Ok(SliceEnd::Stopped);
                }
                Attempt::Held => {
                    self.progress.slice_loses(id);
                    tracing::info!(slice = %id, "held back for long, the slice begins again afterwards");
                }
                Attempt::Lost(ReadError::Fatal(error)) => {
                    self.progress.slice_ends(&record);
                    return Err(error);
                }
                Attempt::Lost(lost) => {
                    let waits = matches!(lost, ReadError::Wait(_));
                    failed = if waits || record.state != at_start { 0 } else { failed + 1 };
                    self.progress.slice_loses(id);
                    self.source.page_size.suffers();
                    let (reason, page_docs) = (lost.to_string(), self.source.page_size.docs());
                    tracing::warn!(slice = %id, reason, page_docs, "attempt is lost, the slice is read again");
                    if failed >= ATTEMPTS {
                        record = self.set_aside(record, reason).await?;
                        self.progress.slice_ends(&record);
                        return Ok(SliceEnd::SetAside);
                    }
                    let _waiting = self.progress.waits.begin(format!("source {reason}"));
                    let pause = Duration::from_millis(500) * 2_u32.pow(failed.min(5));
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = stop.cancelled() => {
                            self.progress.slice_ends(&record);
                            return Ok(SliceEnd::Stopped);
                        }
                    }
                }
            }
        }
    }

    /// Waits until nothing holds the migration back; false when the work is to stop.
    async fn may_begin(&self, stop: &CancellationToken) -> bool {
        tokio::select! {
            biased;
            () = stop.cancelled() => false,
            () = self.throttle.until_free(&self.progress.waits) => true,
        }
    }

    /// One attempt: pages come from a reader of their own, go out as bulks, and are settled in order.
    async fn attempt(&self, record: &mut SliceRecord, stop: &CancellationToken) -> Result<Attempt> {
        let start = cursor(record);
        let (pages, mut page) = mpsc::channel(1);
        let reading = tokio::spawn(read(
            self.reader(record, start),
            pages,
            self.source.page_size.clone(),
            (self.throttle.clone(), Reads::Documents),
            self.progress.clone(),
        ));
        let _reading = AbortOnDrop(reading);
        let mut flights = FuturesOrdered::new();
        let mut unsettled = Unsettled::new(start);
        let mut ended: Option<Result<(), Broken>> = None;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled(), if ended.is_none() => {
                    return self.stop(record, flights, unsettled).await;
                }
                Some((upto, delivery)) = flights.next(), if !flights.is_empty() => {
                    let delivery: Delivery = delivery?;
                    self.progress.slice_moves(record.slice.id, delivery.counts.settled());
                    self.counters.documents(&self.target_name, delivery.counts.settled() - delivery.counts.rejected, delivery.counts.rejected);
                    unsettled.add(upto, delivery);
                    Failpoint::PageSettled.pass();
                    if unsettled.is_due() {
                        self.checkpoint(record, &mut unsettled).await?;
                    }
                }
                next = page.recv(), if ended.is_none() && flights.len() < PAGES_IN_FLIGHT => match next {
                    Some(Ok(Some(next))) => flights.push_back(self.send(next)),
                    Some(Ok(None)) => ended = Some(Ok(())),
                    Some(Err(broken)) => ended = Some(Err(broken)),
                    None => ended = Some(Err(Broken::vanished())),
                },
                else => break,
            }
        }
        match ended {
            Some(Err(broken)) => {
                // What arrived stays: a slice with a cursor goes on behind it, the others write it again to no effect.
                self.checkpoint(record, &mut unsettled).await?;
                Ok(match broken {
                    Broken::Held => Attempt::Held,
                    Broken::Lost(lost) => Attempt::Lost(lost),
                })
            }
            _ => {
                self.finish(record, unsettled).await?;
                Ok(Attempt::Complete)
            }
        }
    }

    fn reader(&self, record: &SliceRecord, cursor: Cursor) -> SliceReader {
        let selection = Selection {
            index: self.source_name.clone(),
            shard: Some(record.slice.id.shard),
            range: record.slice.range.clone(),
            query: self.query.clone(),
            types: self.only_types.clone(),
        };
        SliceReader::new(self.source.clone(), selection, cursor)
    }

    /// The bulks of a page, as one future that settles all of them.
    fn send(&self, next: SlicePage) -> impl Future<Output = (Cursor, Result<Delivery>)> + Send + use<> {
        let (sink, upto) = (self.sink.clone(), next.upto);
        let cut = self.cut(next.page);
        async move {
            let sent = match cut.await {
                Ok(cut) => cut.deliver(&sink).await,
                Err(error) => Err(error),
            };
            (upto, sent)
        }
    }

    /// Makes bulk bodies of a page. Where documents are transformed that is work for a thread of its own.
    pub(super) fn cut(&self, page: Page) -> impl Future<Output = Result<PageCut>> + Send + use<> {
        self.cut_for(page, &self.sink)
    }

    /// The same, for another way of writing.
    pub(super) fn cut_for(
        &self,
        page: Page,
        sink: &Sink,
    ) -> impl Future<Output = Result<PageCut>> + Send + use<> {
        let (pipeline, target, limits) = (self.pipeline.clone(), sink.target().clone(), sink.limits());
        let untouched = pipeline.is_untouched();
        let index = self.source_name.clone();
        let work = move || PageCut::of(&index, &page, &pipeline, &target, &limits);
        async move { if untouched { work() } else { blocking(work).await } }
    }

    async fn stop<F>(
        &self,
        record: &mut SliceRecord,
        mut flights: FuturesOrdered<F>,
        mut unsettled: Unsettled,
    ) -> Result<Attempt>
    where
        F: Future<Output = (Cursor, Result<Delivery>)>,
    {
        let settled = tokio::time::timeout(SETTLE_WITHIN, async {
            while let Some((upto, delivery)) = flights.next().await {
                unsettled.add(upto, delivery?);
            }
            Ok::<_, Error>(())
        });
        if let Ok(outcome) = settled.await {
            outcome?;
        }
        self.checkpoint(record, &mut unsettled).await?;
        Ok(Attempt::Stopped)
    }

    async fn begin(&self, record: SliceRecord) -> Result<SliceRecord> {
        let (store, name, id) = (self.store.clone(), self.migration.clone(), record.slice.id);
        blocking(move || store.update_slice(&name, id, |record| record.attempts += 1)).await
    }

    async fn set_aside(&self, record: SliceRecord, reason: String) -> Result<SliceRecord> {
        let (store, name, id, cursor) =
            (self.store.clone(), self.migration.clone(), record.slice.id, cursor(&record));
        tracing::error!(slice = %id, reason, "slice is set aside");
        blocking(move || {
            let record = store
                .update_slice(&name, id, |record| record.state = SliceState::SetAside { reason, cursor })?;
            store.flush()?;
            Ok(record)
        })
        .await
    }

    /// Stores what is settled, for slices that can resume behind it. The others store nothing until they are done.
    async fn checkpoint(&self, record: &mut SliceRecord, unsettled: &mut Unsettled) -> Result<()> {
        match unsettled.next_run() {
            Some(run) => self.settle(record, run).await,
            None => Ok(()),
        }
    }

    async fn finish(&self, record: &mut SliceRecord, unsettled: Unsettled) -> Result<()> {
        self.settle(record, unsettled.last_run()).await
    }

    async fn settle(&self, record: &mut SliceRecord, run: Run) -> Result<()> {
        let now = Timestamp::now();
        let settlement = run.settlement(
            record.slice.id,
            |rejection| self.failure(record, rejection, now),
            |step| self.pipeline.describe(step),
        )?;
        let refused = !settlement.failures.is_empty();
        let left_out = settlement.dropped.clone();
        let (store, name) = (self.store.clone(), self.migration.clone());
        let (stored, groups) = blocking(move || {
            let stored = store.settle(&name, &settlement).map_err(|cause| match cause {
                crate::store::SettleError::Store(error) => error,
                crate::store::SettleError::OutOfOrder(cause) => {
                    Error::unexpected("out_of_order", "a checkpoint does not join the one before")
                        .because(cause)
                }
            })?;
            let groups = if refused { Some(store.failure_groups(&name)?) } else { None };
            Ok((stored, groups))
        })
        .await?;
        Failpoint::SettlementStored.pass();
        let gained = stored.counts.since(&record.counts);
        *record = stored;
        self.progress.slice_settles(record.slice.id, &gained, &left_out);
        if let Some(groups) = groups {
            self.progress.take_failures(groups);
        }
        Ok(())
    }

    fn failure(&self, record: &SliceRecord, rejection: Rejection, now: Timestamp) -> Failure {
        let hidden = match &record.slice.range {
            SliceRange::HiddenType { doc_type } => Some(doc_type.clone()),
            _ => None,
        };
        let failure = self.failure_of(record.slice.id, rejection, now);
        Failure { doc_type: hidden.or(failure.doc_type), ..failure }
    }
}

fn cursor(record: &SliceRecord) -> Cursor {
    match record.state {
        SliceState::Open { cursor } | SliceState::SetAside { cursor, .. } => cursor,
        SliceState::Waiting | SliceState::Done => Cursor::Start,
    }
}

/// Runs what waits for the disk where it holds up nobody else.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(cause) => {
            Err(Error::unexpected("panic", "the store's thread ended in the middle").because(cause))
        }
    }
}
