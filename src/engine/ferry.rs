//! One migration at work: takes it from phase to phase until it is ready, pauses it, and keeps its errors.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::context::{Context, connect};
use super::copying::CopyEnd;
use super::following::Follower;
use super::phase::{Event, Phase, Standing, next};
use super::progress::{Progress, milliseconds};
use super::resume::resume;
use super::status::take_over;
use super::throttle::{Throttle, tune};
use super::verification::is_due;
use crate::config::{Config, MigrationConfig};
use crate::error::{Error, Kind, Result};
use crate::failpoint::Failpoint;
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
                    self.until_resumed(shutdown).await;
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
    /// `State` when the store refuses.
    pub(super) fn pause(&self, reason: &str) -> Result<()> {
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
            Phase::CutOver | Phase::Complete => return Ok(self.outcome()),
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

    /// From phase to phase.
    async fn phases(
        &self,
        context: &Context,
        mut record: MigrationRecord,
        follower: &mut Option<Follower>,
        stop: &CancellationToken,
        follows: bool,
    ) -> Result<FerryEnd> {
        loop {
            let event = match record.phase {
                Phase::Planning => {
                    if unless(stop, context.record_offsets()).await?.is_none() {
                        return Ok(FerryEnd::Stopped);
                    }
                    let started = std::time::Instant::now();
                    let planned = context.plan(stop).await;
                    let took = milliseconds(started.elapsed());
                    let updated =
                        self.store.update_migration(&self.name, |record| record.planning_ms += took)?;
                    self.progress.take_migration(&updated);
                    if !planned? {
                        return Ok(FerryEnd::Stopped);
                    }
                    for index in self.progress.status().indices {
                        self.counters.total(&index.target, index.docs_total);
                    }
                    Event::PlanProven
                }
                Phase::Planned => Event::Started,
                Phase::Preparing => {
                    if unless(stop, context.prepare()).await?.is_none() {
                        return Ok(FerryEnd::Stopped);
                    }
                    Event::TargetsReady
                }
                Phase::Copying => {
                    self.progress.copy_begins();
                    if context.replays_beside_the_copy() && follower.is_none() {
                        *follower = context.follow(stop);
                    }
                    let ended = meanwhile(follower, watched(context, context.copy(stop))).await;
                    let copying_ms = self.progress.copy_ends();
                    self.store.update_migration(&self.name, |record| record.copying_ms = copying_ms)?;
                    if ended? == CopyEnd::Stopped {
                        return Ok(FerryEnd::Stopped);
                    }
                    for index in self.progress.status().indices {
                        self.counters.time(&index.target, Duration::from_millis(copying_ms));
                    }
                    Event::SlicesSettled
                }
                Phase::CatchingUp => {
                    if unless(stop, context.bury()).await?.is_none() {
                        return Ok(FerryEnd::Stopped);
                    }
                    if follower.is_none() {
                        *follower = context.follow(stop);
                    }
                    if let Some(follower) = follower
                        && !follower.catches_up(stop).await?
                    {
                        return Ok(FerryEnd::Stopped);
                    }
                    Event::CaughtUp
                }
                Phase::Verifying => {
                    if follower.is_none() {
                        *follower = context.follow(stop);
                    }
                    let followed = follower.is_some();
                    let finished = async {
                        // What was deleted in the last moments of the copy may not have been remembered before.
                        context.bury().await?;
                        context.restore().await?;
                        context.count_settled().await?;
                        self.verified(context, followed, stop).await
                    };
                    if unless(stop, meanwhile(follower, finished)).await?.is_none() {
                        return Ok(FerryEnd::Stopped);
                    }
                    Event::Verified
                }
                Phase::Ready => {
                    if follows && follower.is_none() {
                        *follower = context.follow(stop);
                    }
                    // A level that was configured since.
                    let followed = follower.is_some();
                    let verified = self.verified(context, followed, stop);
                    if unless(stop, meanwhile(follower, verified)).await?.is_none() {
                        return Ok(FerryEnd::Stopped);
                    }
                    let Some(follower) = follower.as_mut().filter(|_| follows) else {
                        return Ok(self.outcome());
                    };
                    tokio::select! {
                        ended = follower.ends() => ended?,
                        counted = context.count_while_they_differ() => match counted? {},
                        () = self.until_resumed(stop) => {}
                    }
                    return Ok(if stop.is_cancelled() { self.outcome() } else { FerryEnd::Stopped });
                }
                Phase::CutOver | Phase::Complete => return Ok(self.outcome()),
            };
            record = self.advance(event)?;
            if stop.is_cancelled() {
                return Ok(FerryEnd::Stopped);
            }
        }
    }

    /// Verifies at the configured level, where that is due, once nobody else is at it.
    async fn verified(&self, context: &Context, followed: bool, stop: &CancellationToken) -> Result<()> {
        let _alone = self.verifying.lock().await;
        context.verify_as_configured(followed, stop).await
    }

    fn advance(&self, event: Event) -> Result<MigrationRecord> {
        let phase = self.progress.phase();
        let to = next(phase, event).map_err(|cause| {
            Error::unexpected("phase", format!("migration `{}` took a wrong turn", self.name)).because(cause)
        })?;
        let now = Timestamp::now();
        let record = self.store.update_migration(&self.name, |record| {
            record.phase = to;
            match to {
                Phase::Copying => drop(record.copy_started.get_or_insert(now)),
                Phase::CatchingUp => record.copy_finished = Some(now),
                _ => {}
            }
        })?;
        Failpoint::PhaseStored.pass();
        tracing::info!(migration = self.name, from = %phase, to = %to, "phase");
        self.progress.take_migration(&record);
        Ok(record)
    }

    fn outcome(&self) -> FerryEnd {
        if self.progress.status().is_whole() { FerryEnd::Ready } else { FerryEnd::Incomplete }
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

/// Work that is given up when the messages that have to follow it are deleted by the brokers.
async fn watched<T>(context: &Context, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        cut = context.watch_retention() => match cut? {},
    }
}

/// Work that is given up when what follows the source ends with an error.
async fn meanwhile<T>(follower: &mut Option<Follower>, work: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(follower) = follower else { return work.await };
    tokio::select! {
        done = work => done,
        ended = follower.ends() => {
            ended?;
            // It was stopped, and so is this.
            std::future::pending().await
        }
    }
}

/// Work whose steps are idempotent, given up at once when it is to stop: the next start repeats it.
async fn unless<T>(stop: &CancellationToken, work: impl Future<Output = Result<T>>) -> Result<Option<T>> {
    tokio::select! {
        outcome = work => outcome.map(Some),
        () = stop.cancelled() => Ok(None),
    }
}
