//! What holds a migration back: working hours, the load of both clusters, rates; and the limits of an operator.
//!
//! Readers ask here before each slice and each page. Any one thing can hold them, the first is shown, and what cannot
//! be read holds too. Nothing that has been read is held: it is delivered.

mod limits;
mod metrics;
mod rate;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::cluster::Cluster;
use crate::cluster::waits::{Waiting, Waits};
use crate::config::{Bytes, MigrationConfig, ThrottleConfig};
use crate::source::PageSize;
use crate::store::records::Tuned;
pub use limits::tune;
pub(super) use limits::{Limits, follow};
use metrics::Watch;
use rate::Bucket;

/// A snapshot of the source is kept for five minutes after its last page. A reader that is held until this is over
/// gives it up, and its slice begins again when nothing holds any more.
const LONGEST_HOLD: Duration = Duration::from_secs(120);
/// A page may have waited for the target for long already; so much is left then, all the same.
const SHORTEST_HOLD: Duration = Duration::from_secs(30);

/// Under a rate, pages are so small that everybody who reads has a turn in about this time.
const ROUND_SECONDS: u64 = 2;

/// The gate of one migration.
#[derive(Debug)]
pub(super) struct Throttle {
    config: ThrottleConfig,
    limits: watch::Sender<Limits>,
    /// Why nothing may be read now, apart from rates.
    held: watch::Sender<Option<String>>,
    rates: Mutex<Rates>,
    /// Whoever waits for the rates waits in line.
    line: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Rates {
    docs: Bucket,
    bytes: Bucket,
}

/// What a reader reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reads {
    /// Whole documents.
    Documents,
    /// Ids and versions: rates of documents do not count them, those of bytes do.
    Keys,
}

/// What a reader was charged for its next page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Charged {
    /// Absent for what is not counted by documents.
    docs: Option<u64>,
    bytes: u64,
}

/// Until when a reader may be held whose last page came then.
pub(super) fn held_until(last_page: Instant) -> Instant {
    (last_page + LONGEST_HOLD).max(Instant::now() + SHORTEST_HOLD)
}

impl Throttle {
    pub(super) fn new(config: &MigrationConfig, tuned: &Tuned) -> Self {
        let limits = Limits::of(config, tuned);
        let rates = Rates { docs: Bucket::new(limits.docs), bytes: Bucket::new(limits.bytes) };
        Throttle {
            config: config.throttle.clone(),
            limits: watch::Sender::new(limits),
            held: watch::Sender::new(None),
            rates: Mutex::new(rates),
            line: tokio::sync::Mutex::new(()),
        }
    }

    fn rates(&self) -> MutexGuard<'_, Rates> {
        self.rates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limits as they are, and as they change.
    pub(super) fn limits(&self) -> watch::Receiver<Limits> {
        self.limits.subscribe()
    }

    /// Other limits, from now on.
    pub(super) fn tune(&self, config: &MigrationConfig, tuned: &Tuned) {
        let limits = Limits::of(config, tuned);
        {
            let mut rates = self.rates();
            rates.docs.set(limits.docs);
            rates.bytes.set(limits.bytes);
        }
        self.limits.send_replace(limits);
    }

    /// Looks at clock and clusters for as long as the returned future runs; `None` when there is nothing to look at.
    pub(super) fn watch(
        &self,
        source: &Arc<Cluster>,
        target: &Arc<Cluster>,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let config = self.config.clone();
        if !config.watches_source() && config.target_queue.is_none() && config.hours.is_none() {
            return None;
        }
        let watch = Watch::new(config, source.clone(), target.clone());
        self.held.send_replace(watch.at_first());
        Some(watch.keep_telling(self.held.clone()))
    }

    /// Waits, for however long, until neither hours nor load hold the migration back.
    pub(super) async fn until_free(&self, waits: &Waits) {
        let mut held = self.held.subscribe();
        let mut waiting: Option<Waiting> = None;
        loop {
            let Some(reason) = held.borrow_and_update().clone() else { return };
            drop(waiting.replace(waits.begin(reason)));
            // The sender lives in `self`.
            let _ = held.changed().await;
        }
    }

    /// Waits until a page may be read, and charges what is expected of it.
    pub(super) async fn turn(&self, page: &PageSize, reads: Reads, waits: &Waits) -> Charged {
        self.until_free(waits).await;
        let mut limits = self.limits();
        let of = |limits: Limits| match reads {
            Reads::Documents => limits,
            Reads::Keys => Limits { docs: None, ..limits },
        };
        let first = of(*limits.borrow_and_update());
        self.fit(first, page);
        if first.docs.is_none() && first.bytes.is_none() {
            return Charged { docs: (reads == Reads::Documents).then_some(0), bytes: 0 };
        }
        let _line = self.line.lock().await;
        let mut waiting: Option<Waiting> = None;
        loop {
            let now = of(*limits.borrow_and_update());
            self.fit(now, page);
            let Some((until, reason)) = self.owed(now) else { break };
            drop(waiting.replace(waits.begin(reason)));
            tokio::select! {
                () = tokio::time::sleep_until(until) => {}
                // The sender lives in `self`.
                _ = limits.changed() => {}
            }
        }
        let docs = (reads == Reads::Documents).then(|| u64::from(page.docs()));
        let charged = Charged { docs, bytes: page.bytes() };
        let mut rates = self.rates();
        rates.docs.take(docs.unwrap_or(0));
        rates.bytes.take(charged.bytes);
        charged
    }

    /// Charges what the page was in place of what was expected of it.
    pub(super) fn settle(&self, charged: Charged, docs: usize, bytes: usize) {
        let mut rates = self.rates();
        if let Some(charged) = charged.docs {
            rates.docs.correct(charged, docs as u64);
        }
        rates.bytes.correct(charged.bytes, bytes as u64);
    }

    fn owed(&self, limits: Limits) -> Option<(Instant, String)> {
        let rates = self.rates();
        let docs = rates.docs.free_at().zip(limits.docs);
        let bytes = rates.bytes.free_at().zip(limits.bytes);
        docs.map(|(until, limit)| (until, format!("limited to {limit} documents/s")))
            .or_else(|| bytes.map(|(until, limit)| (until, format!("limited to {}/s", Bytes(limit)))))
    }

    fn fit(&self, limits: Limits, page: &PageSize) {
        let share = |rate: u64| (rate.saturating_mul(ROUND_SECONDS) / (limits.parallel as u64).max(1)).max(1);
        page.limit(limits.docs.map(share), limits.bytes.map(share));
    }
}

#[cfg(test)]
mod tests;
