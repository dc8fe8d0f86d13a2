//! One migration at work: takes it from phase to phase until it is ready, pauses it, and keeps its errors.

mod phases;
mod switching;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::context::{Context, connect};
use super::phase::{Phase, Standing};
use super::progress::Progress;
use super::resume::resume;
use super::status::take_over;
use super::throttle::{Throttle, tune};
use super::verification::is_due;
use crate::config::{Config, MigrationConfig};
use crate::cutover::hooks::Redaction;
use crate::error::{Error, Kind, Result};
use crate::plan::slice::SliceId;
use crate::store::Store;
use crate::store::records::{Acceptance, FailureGroup, MigrationRecord, Tuned};
use crate::telemetry::statsd::Counters;

/// Between two tries when a cluster cannot be reached.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How the work on a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FerryEnd {
    /// Everything arrived.
    Ready,
    /// Everything is settled, and not everything arrived: failures, slices set aside, or counts that differ.
    Incomplete,
    /// It was to stop; checkpoints hold what was settled.
    Stopped,
}

/// A migration, its progress, and the handle to stop its work.
#[derive(Debug)]
pub(super) struct Ferry {
    pub(super) name: String,
    config: Arc<Config>,
    migration: Arc<MigrationConfig>,
    pub(super) store: Store,
    pub(super) progress: Arc<Progress>,
    counters: Arc<Counters>,
    throttle: Arc<Throttle>,
    /// Cancelled to end the work at hand; a new one for each stretch of work.
    work: Mutex<CancellationToken>,
    resumed: Notify,
    /// Held while failures are tried again: two at once would count one document twice.
    pub(super) retrying: tokio::sync::Mutex<()>,
    /// Held while both sides are verified.
    pub(super) verifying: tokio::sync::Mutex<()>,
    /// Held by whoever asked for a switch or the way back, until it has ended.
    pub(super) switching: tokio::sync::Mutex<()>,
    /// A switch was begun in this process, and its work has not been taken up yet.
    switch_is_new: AtomicBool,
    /// Turns a switch under way round.
    back: Notify,
}

impl Ferry {
    /// Loads or creates the migration's record; refuses a configuration that drifted.
    ///
    /// # Errors
    /// `State` for drift, naming both values, and for an unusable store.
    pub(super) fn new(
        config: Arc<Config>,
        name: &str,
        migration: &MigrationConfig,
        store: Store,
        counters: Arc<Counters>,
        accept_drift: bool,
    ) -> Result<Self> {
        let fingerprint = migration.fingerprint();
        let record = match store.migration(name)? {
            None => {
                let record = MigrationRecord {
                    name: name.to_owned(),
                    phase: Phase::Planning,
                    standing: Standing::Running,
                    fingerprint: fingerprint.0,
                    clusters: None,
                    created: Timestamp::now(),
                    copy_started: None,
                    copy_finished: None,
                    others: Vec::new(),
                    planning_ms: 0,
                    copying_ms: 0,
                    drifted: BTreeSet::new(),
                    tuned: Tuned::default(),
                };
                store.save_migration(&record)?;
                record
            }
            Some(record) => {
                let drift = fingerprint.drift(&record.fingerprint);
                // Before anything is planned or recorded nothing depends on it: whoever mends a mistake need not reset.
                let holds = store.topic(name)?.is_some() || !store.indices(name)?.is_empty();
                if !drift.is_empty() && holds && !accept_drift {
                    let named: Vec<String> = drift
                        .iter()
                        .map(|(key, stored, now)| format!("{key} was {stored}, is {now}"))
                        .collect();
                    return Err(Error::state("drift", format!("migrations.{name} changed since it was planned: {}", named.join("; ")))
                        .hint("put the old values back, `esferry reset` the migration, or run with --accept-drift if the plan still fits"));
                }
                if drift.is_empty() {
                    record
                } else {
                    let keys: Vec<String> = drift.iter().map(|(key, ..)| (*key).to_owned()).collect();
                    store.update_migration(name, |record| {
                        record.drifted.extend(keys.into_iter().filter(|_| holds));
                        record.fingerprint = fingerprint.0;
                    })?
                }
            }
        };
        let progress = Arc::new(Progress::new(name));
        take_over(&progress, &store, &record)?;
        progress.tunes(record.tuned);
        let throttle = Arc::new(Throttle::new(migration, &record.tuned));
        Ok(Ferry {
            name: name.to_owned(),
            config,
            migration: Arc::new(migration.clone()),
            store,
            progress,
            counters,
            throttle,
            work: Mutex::new(CancellationToken::new()),
            resumed: Notify::new(),
            retrying: tokio::sync::Mutex::new(()),
            verifying: tokio::sync::Mutex::new(()),
            switching: tokio::sync::Mutex::new(()),
            switch_is_new: AtomicBool::new(false),
            back: Notify::new(),
        })
    }

    /// Works until the migration is ready, or until `shutdown`.
    ///
    /// With `patient`, an unreachable cluster is waited for, and a failed migration waits for `resume`.
    ///
    /// # Errors
    /// What no waiting cures, stored as the migration's standing too.
    pub(super) async fn run(&self, shutdown: &CancellationToken, patient: bool) -> Result<FerryEnd> {
        loop {
            if shutdown.is_cancelled() {
                return Ok(FerryEnd::Stopped);
            }
            if let Standing::Paused(reason) = self.progress.standing() {
                if !patient {
                    return Err(Error::state(
                        "paused",
                        format!("migration `{}` is paused: {reason}", self.name),
                    )
                    .hint(format!("`esferry resume {}` lets it go on", self.name)));
                }
                self.until_resumed(shutdown).await;
                continue;
            }
            let stop = shutdown.child_token();
            *self.work.lock().unwrap_or_else(PoisonError::into_inner) = stop.clone();
            match self.work(&stop, patient).await {
                Ok(FerryEnd::Stopped) => {}
                Ok(_) if patient => {
                    tokio::select! {
                        () = self.until_resumed(shutdown) => {}
                        never = self.keep_gates_young() => match never {},
                    }
                    if shutdown.is_cancelled() {
                        // Failures may have been tried again or accepted meanwhile.
                        return Ok(self.outcome());
                    }
                }
                Ok(end) => return Ok(end),
                Err(error) if error.kind() == Kind::Temporary && patient => {
                    tracing::warn!(
                        migration = self.name,
                        error = error.one_line(),
                        "waiting for the cluster"
                    );
                    let _waiting = self.progress.waits.begin(error.one_line());
                    tokio::select! {
                        () = tokio::time::sleep(AGAIN_AFTER) => {}
                        () = shutdown.cancelled() => {}
                    }
                }
                Err(error) => {
                    let hint = error.remedy().map_or(String::new(), |hint| format!(" ({hint})"));
                    let standing = Standing::Failed(format!("{}{hint}", error.one_line()));
                    self.store.set_standing(&self.name, &standing)?;
                    self.progress.stand(standing);
                    return Err(error);
                }
            }
        }
    }

    async fn until_resumed(&self, shutdown: &CancellationToken) {
        tokio::select! {
            () = self.resumed.notified() => {}
            () = shutdown.cancelled() => {}
        }
    }

    /// Stops the work at hand within a page or two, and keeps it stopped over restarts.
    ///
    /// # Errors
    /// `State` in the middle of a switch, and when the store refuses.
    pub(super) fn pause(&self, reason: &str) -> Result<()> {
        self.store.no_switch_under_way(&self.name)?;
        let standing = Standing::Paused(reason.to_owned());
        self.store.set_standing(&self.name, &standing)?;
        self.progress.stand(standing);
        self.work.lock().unwrap_or_else(PoisonError::into_inner).cancel();
        Ok(())
    }

    /// Lets it go on; slices that were set aside are tried again, or `only` one of them.
    ///
    /// # Errors
    /// As [`resume`].
    pub(super) fn resume(&self, only: Option<SliceId>) -> Result<()> {
        let reopened = resume(&self.store, &self.name, only)?;
        if let Some(record) = self.store.migration(&self.name)? {
            self.progress.take_migration(&record);
        }
        for slice in &reopened {
            self.progress.slice_reopens(slice);
        }
        self.resumed.notify_one();
        Ok(())
    }

    /// Gives it other limits, now and over restarts; `None` takes them back.
    ///
    /// # Errors
    /// As [`tune`].
    pub(super) fn tune(&self, newer: Option<Tuned>) -> Result<Tuned> {
        let tuned = tune(&self.store, &self.name, newer)?;
        self.throttle.tune(&self.migration, &tuned);
        self.progress.tunes(tuned);
        Ok(tuned)
    }

    /// Both clusters connected.
    pub(super) async fn context(&self) -> Result<Context> {
        let (source, target) = connect(&self.config, &self.migration).await?;
        Ok(Context {
            name: self.name.clone(),
            config: self.migration.clone(),
            source: Arc::new(source),
            target: Arc::new(target),
            store: self.store.clone(),
            progress: self.progress.clone(),
            counters: self.counters.clone(),
            throttle: self.throttle.clone(),
            redaction: Arc::new(Redaction::of(&self.config)),
        })
    }

    /// One stretch of work: from the stored phase to `Ready`, unless stopped. With `patient`, a migration that follows its
    /// source goes on with that until it is stopped or resumed.
    async fn work(&self, stop: &CancellationToken, patient: bool) -> Result<FerryEnd> {
        let record = self.store.update_migration(&self.name, |record| {
            // A pause that came in this very moment stands.
            if !matches!(record.standing, Standing::Paused(_)) {
                record.standing = Standing::Running;
            }
        })?;
        self.progress.stand(record.standing.clone());
        if matches!(record.standing, Standing::Paused(_)) {
            return Ok(FerryEnd::Stopped);
        }
        let follows = self.migration.changes.follows() && patient;
        match record.phase {
            Phase::Complete => return Ok(self.outcome()),
            Phase::CutOver if self.has_switched()? && !(patient && self.follows_after_the_switch()) => {
                return Ok(self.outcome());
            }
            Phase::Ready if !follows && !is_due(&self.store, &self.name, &self.migration)? => {
                return Ok(self.outcome());
            }
            _ => {}
        }
        let connected = unless(stop, self.context()).await.map_err(|error| in_the_way(error, &record));
        let Some(context) = connected? else { return Ok(FerryEnd::Stopped) };
        context.recognise(&record)?;
        take_over(&self.progress, &self.store, &record)?;
        let mut follower = None;
        let worked = self.phases(&context, record, &mut follower, stop, follows).await;
        match follower {
            // What it has under way is settled before anybody else begins.
            Some(follower) => follower.finish().await.and(worked),
            None => worked,
        }
    }

    fn outcome(&self) -> FerryEnd {
        // A switch was judged by its gates; counts move with the writers afterwards.
        let judged = self.progress.phase() >= Phase::CutOver;
        if judged || self.progress.status().is_whole() { FerryEnd::Ready } else { FerryEnd::Incomplete }
    }

    /// Accepts the failures of an error type, or takes that back where `acceptance` is absent.
    ///
    /// # Errors
    /// `Config` for a type that has no failures, or is not accepted; `State` when the store refuses.
    pub(super) fn accept(&self, error_type: &str, acceptance: Option<Acceptance>) -> Result<FailureGroup> {
        let group = match acceptance {
            Some(acceptance) => self.store.accept_failures(&self.name, error_type, acceptance)?,
            None => self.store.take_back_acceptance(&self.name, error_type)?,
        };
        self.progress.take_failures(self.store.failure_groups(&self.name)?);
        Ok(group)
    }
}

/// A cluster that was known, and whose URL is answered by something else now, may have a proxy in front of it that
/// speaks for it while it is away: that is waited for.
fn in_the_way(error: Error, record: &MigrationRecord) -> Error {
    let was_known = record.clusters.is_some() && error.code() == "not_elasticsearch";
    if was_known { error.of_kind(Kind::Temporary) } else { error }
}

/// Work whose steps are idempotent, given up at once when it is to stop: the next start repeats it.
async fn unless<T>(stop: &CancellationToken, work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    tokio::select! {
        outcome = work => outcome.map(Some),
        () = stop.cancelled() => Ok(None),
    }
}
