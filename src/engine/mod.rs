//! The engine: the only place that orchestrates. It owns the store, one ferry a migration, and the shutdown.

mod candidate;
pub mod check;
mod conflicts;
mod context;
mod copying;
mod current;
pub mod cutover;
pub mod dry_run;
mod ferry;
mod following;
mod foreign;
mod looking_up;
mod page_cut;
pub mod phase;
pub mod planned_topic;
mod planning;
mod prepare;
mod progress;
pub(crate) mod queue;
mod reading;
mod reconcile;
mod recounting;
mod refused;
mod resume;
mod retry;
pub mod sampling;
pub mod schemas;
mod sides;
pub mod status;
pub(crate) mod stored_plan;
mod templates;
mod throttle;
#[cfg(feature = "kafka")]
mod topic;
#[cfg(not(feature = "kafka"))]
#[path = "topic_absent.rs"]
mod topic;
pub(crate) mod unsettled;
pub mod verification;
mod verifying;
mod worker;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::config::{Config, unknown_migration};
use crate::control::status::{DaemonStatus, MigrationStatus, STATUS_VERSION, StatusDocument};
use crate::error::{Error, Result};
use crate::plan::slice::SliceId;
use crate::store::Store;
use crate::store::comparison::ComparisonRecord;
use crate::store::cutover::CutoverRecord;
use crate::store::records::{Acceptance, FailureGroup, Tuned};
use crate::store::verification::Repair;
use crate::telemetry::statsd::Counters;
use cutover::recovery::RecoveryPlan;
use cutover::report::FinalReport;
use cutover::{CutoverOptions, DryRun};
use ferry::{Ferry, FerryEnd};
pub use resume::resume;
pub use retry::{RetryProgress, RetryReport};
pub use throttle::tune;
use verification::{VerifyOptions, VerifyReport};

/// How a run behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunOptions {
    /// Leave when all is done or ready, instead of staying for status and control.
    pub once: bool,
    /// Go on with a configuration that changed since the plan was made.
    pub accept_drift: bool,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Everything arrived.
    Done,
    /// Everything is settled, and not everything arrived: exit code 4.
    DoneWithFailures,
    /// It was to stop; what was settled is checkpointed.
    Interrupted,
}

/// The migrations of one configuration on one store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    store: Store,
    ferries: BTreeMap<String, Ferry>,
    options: RunOptions,
    daemon: DaemonStatus,
    /// Names of migrations to take up again after they had failed.
    again: (mpsc::UnboundedSender<String>, Mutex<Option<mpsc::UnboundedReceiver<String>>>),
}

impl Engine {
    /// Opens the store and takes over what it holds. No network yet.
    ///
    /// # Errors
    /// `State` for a locked, corrupt or foreign store and for a configuration that drifted; `Config` for statsd.
    pub async fn open(config: Config, options: RunOptions) -> Result<Self> {
        let counters = Arc::new(config.statsd.as_ref().map_or_else(|| Ok(Counters::off()), Counters::to)?);
        let config = Arc::new(config);
        worker::blocking(move || Self::open_blocking(&config, options, &counters)).await
    }

    fn open_blocking(config: &Arc<Config>, options: RunOptions, counters: &Arc<Counters>) -> Result<Self> {
        let store = Store::open(&config.state_dir)?;
        refuse_foreign(&store, config)?;
        let mut ferries = BTreeMap::new();
        for (name, migration) in &config.migrations {
            let ferry = Ferry::new(
                config.clone(),
                name,
                migration,
                store.clone(),
                counters.clone(),
                options.accept_drift,
            )?;
            ferries.insert(name.clone(), ferry);
        }
        let daemon = DaemonStatus {
            pid: std::process::id(),
            esferry: env!("CARGO_PKG_VERSION").to_owned(),
            started: Timestamp::now(),
        };
        let (ask, asked) = mpsc::unbounded_channel();
        Ok(Engine {
            inner: Arc::new(Inner { store, ferries, options, daemon, again: (ask, Mutex::new(Some(asked))) }),
        })
    }

    /// Works until everything is ready (`once`), or until `shutdown` is cancelled.
    ///
    /// An error or a panic in one migration does not stop the others; it is stored as its standing, logged, and
    /// returned at the end. A daemon stays as long as one migration can still be worked on.
    ///
    /// # Errors
    /// The first error of a migration, once no other is at work.
    pub async fn run(&self, shutdown: CancellationToken) -> Result<Outcome> {
        let ticker = tokio::spawn(self.clone().tick());
        let mut again = self.inner.again.1.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut ferries: JoinSet<(String, Result<FerryEnd>)> = JoinSet::new();
        for name in self.inner.ferries.keys().cloned() {
            self.launch(name, &shutdown, &mut ferries);
        }
        let mut outcome = Outcome::Done;
        let mut failed: BTreeMap<String, Error> = BTreeMap::new();
        while !ferries.is_empty() {
            let ended = tokio::select! {
                ended = ferries.join_next() => ended,
                Some(name) = async { again.as_mut()?.recv().await }, if again.is_some() => {
                    failed.remove(&name);
                    self.launch(name, &shutdown, &mut ferries);
                    continue;
                }
            };
            let Some(ended) = ended else { break };
            let panicked = |cause| {
                (
                    String::new(),
                    Err(Error::unexpected("panic", "the work on a migration panicked").because(cause)),
                )
            };
            match ended.unwrap_or_else(panicked) {
                (_, Ok(FerryEnd::Ready)) => {}
                (_, Ok(FerryEnd::Incomplete)) if outcome == Outcome::Done => {
                    outcome = Outcome::DoneWithFailures
                }
                (_, Ok(FerryEnd::Incomplete)) => {}
                (_, Ok(FerryEnd::Stopped)) => outcome = Outcome::Interrupted,
                (name, Err(error)) => {
                    tracing::error!(migration = name, error = error.one_line(), "migration failed");
                    failed.insert(name, error);
                }
            }
        }
        ticker.abort();
        failed.into_values().next().map_or(Ok(outcome), Err)
    }

    fn launch(
        &self,
        name: String,
        shutdown: &CancellationToken,
        ferries: &mut JoinSet<(String, Result<FerryEnd>)>,
    ) {
        let (engine, shutdown) = (self.clone(), shutdown.clone());
        let span = tracing::info_span!("work", migration = name);
        let work = async move {
            let ended = match engine.ferry(&name) {
                Ok(ferry) => ferry.run(&shutdown, !engine.inner.options.once).await,
                Err(error) => Err(error),
            };
            (name, ended)
        };
        ferries.spawn(work.instrument(span));
    }

    /// Rates need a look once a second; the time spent copying is kept for the case of a crash.
    async fn tick(self) {
        let mut seconds = 0_u64;
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        loop {
            ticks.tick().await;
            seconds += 1;
            for ferry in self.inner.ferries.values() {
                ferry.progress.sample();
                if seconds.is_multiple_of(5) && ferry.progress.phase() == phase::Phase::Copying {
                    let copying_ms = ferry.progress.copying_ms();
                    // Lost by a crash at worst: an average rate, nothing else, hangs on it.
                    let _ = ferry.store.note_copying(&ferry.name, copying_ms);
                }
            }
        }
    }

    /// The status, from memory.
    #[must_use]
    pub fn status(&self) -> StatusDocument {
        let migrations = self.inner.ferries.values().map(|ferry| ferry.progress.status()).collect();
        StatusDocument {
            version: STATUS_VERSION,
            at: Timestamp::now(),
            daemon: Some(self.inner.daemon.clone()),
            migrations,
        }
    }

    /// Looks whether there is a migration of this name.
    ///
    /// # Errors
    /// [`unknown_migration`] when there is none.
    pub fn knows(&self, name: &str) -> Result<()> {
        self.ferry(name).map(drop)
    }

    /// How one migration stands.
    ///
    /// # Errors
    /// [`unknown_migration`] when there is none.
    pub fn status_of(&self, name: &str) -> Result<MigrationStatus> {
        Ok(self.ferry(name)?.progress.status())
    }

    /// Stops a migration until `resume`, also over restarts. Stored when this returns.
    ///
    /// # Errors
    /// `Config` for an unknown name, `State` when the store refuses.
    pub fn pause(&self, name: &str, reason: &str) -> Result<()> {
        self.ferry(name)?.pause(reason)
    }

    /// Lets a migration go on, and tries slices that were set aside again, or `only` one of them.
    ///
    /// # Errors
    /// As [`resume`].
    pub fn resume(&self, name: &str, only: Option<SliceId>) -> Result<()> {
        let ferry = self.ferry(name)?;
        let had_failed = matches!(ferry.progress.standing(), phase::Standing::Failed(_));
        ferry.resume(only)?;
        if had_failed {
            // Nobody listens any more once the run is over, and then there is nothing to take up.
            let _ = self.inner.again.0.send(name.to_owned());
        }
        Ok(())
    }

    /// Gives a migration at work other limits, also over restarts; `None` takes all of them back. Stored when this
    /// returns those that stand now.
    ///
    /// # Errors
    /// `Config` for an unknown name or a number that cannot be, `State` when the store refuses.
    pub fn tune(&self, name: &str, newer: Option<Tuned>) -> Result<Tuned> {
        self.ferry(name)?.tune(newer)
    }

    /// Tries failed documents again, then counts both sides anew where the copy was over. Says in `told` how far it is,
    /// and stops after the batch at hand when nobody listens there any more.
    ///
    /// # Errors
    /// `Temporary` when a cluster does not answer, `Interrupted` when nobody listens any more: what was settled until
    /// then is recorded. `State` while another one is at it.
    pub async fn retry_failures(
        &self,
        name: &str,
        error_type: Option<String>,
        told: &watch::Sender<RetryProgress>,
    ) -> Result<RetryReport> {
        let ferry = self.ferry(name)?;
        let _alone = ferry.retrying.try_lock().map_err(|_| {
            Error::state("retrying", format!("the failures of `{name}` are being tried again already"))
                .hint("wait until that is through")
        })?;
        let context = ferry.context().await?;
        let report = context.retry(error_type.as_deref(), told).await?;
        if ferry.progress.phase() == phase::Phase::Ready {
            context.count_both().await?;
        }
        Ok(report)
    }

    /// Verifies a migration whose copy is over, until `stop`; what it found until then is stored, and it goes on from there
    /// when it is asked for again. `None` when it was stopped.
    ///
    /// # Errors
    /// As [`VerifyOptions`] cannot be met: `State` before the copy is over or while another one is at it, `Temporary` when a
    /// cluster does not answer, `Refused` when one gives no documents out.
    pub async fn verify(
        &self,
        name: &str,
        options: VerifyOptions,
        stop: &CancellationToken,
    ) -> Result<Option<VerifyReport>> {
        let ferry = self.ferry(name)?;
        let _alone = ferry.verifying.try_lock().map_err(|_| {
            Error::state("verifying", format!("migration `{name}` is being verified already"))
                .hint(format!("`esferry status {name}` says how far it is"))
        })?;
        let context = ferry.context().await?;
        if options.repair != Repair::default() && ferry.progress.phase() >= phase::Phase::CutOver {
            let message = format!(
                "migration `{name}` is switched over: users write to the target, and a repair would take that away"
            );
            return Err(Error::state("switched", message)
                .hint("verify without --repair, or `esferry rollback` first"));
        }
        let running =
            matches!(ferry.progress.standing(), phase::Standing::Running | phase::Standing::Waiting(_));
        let followed = !self.inner.options.once && running && context.config.changes.follows();
        let report = context.verify(options, followed, stop).await?;
        if options.repair != Repair::default() && ferry.progress.phase() == phase::Phase::Ready {
            context.count_both().await?;
        }
        Ok(report)
    }

    /// Looks at everything that a switch looks at before its first step, and does nothing.
    ///
    /// # Errors
    /// `Config` for an unknown name; `Temporary` when a cluster does not answer.
    pub async fn dry_run(&self, name: &str) -> Result<DryRun> {
        self.ferry(name)?.context().await?.dry_run().await
    }

    /// Switches a migration over; returns once that has ended, one way or the other.
    ///
    /// # Errors
    /// `State` when it is not ready, when gates are shut, or while another one is at it; `Refused` and `Config` for what
    /// stands in the way; `Interrupted` when `stop` came first.
    pub async fn cut_over(
        &self,
        name: &str,
        options: &CutoverOptions,
        stop: &CancellationToken,
    ) -> Result<CutoverRecord> {
        self.ferry(name)?.cut_over(options, self.inner.options.once, stop).await
    }

    /// Goes back from a switch that was done, or is under way; returns once the source serves again.
    ///
    /// # Errors
    /// `State` where nothing is switched; `Interrupted` when `stop` came first.
    pub async fn roll_back(
        &self,
        name: &str,
        because: String,
        stop: &CancellationToken,
    ) -> Result<CutoverRecord> {
        self.ferry(name)?.roll_back(because, self.inner.options.once, stop).await
    }

    /// The way back from where a migration is.
    ///
    /// # Errors
    /// `Config` for an unknown name; `Temporary` when a cluster does not answer.
    pub async fn recovery(&self, name: &str) -> Result<RecoveryPlan> {
        self.ferry(name)?.context().await?.recovery().await
    }

    /// Ends the watch on the old side for good, and writes the final report. Nothing is deleted anywhere.
    ///
    /// # Errors
    /// `State` for a migration that is not switched over.
    pub async fn complete(&self, name: &str, by: String) -> Result<FinalReport> {
        self.ferry(name)?.complete(by).await
    }

    /// Stores a comparison of searches.
    ///
    /// # Errors
    /// `Config` for an unknown name, `State` when the store refuses.
    pub fn save_comparison(&self, name: &str, record: &ComparisonRecord) -> Result<()> {
        let ferry = self.ferry(name)?;
        self.inner.store.save_comparison(name, record)?;
        ferry.progress.comparison_is(record.clone());
        Ok(())
    }

    /// Accepts the failures of an error type, or takes that back where `acceptance` is absent. Stored when this returns.
    ///
    /// # Errors
    /// `Config` for a type that has no failures, or is not accepted; `State` when the store refuses.
    pub fn accept_failures(
        &self,
        name: &str,
        error_type: &str,
        acceptance: Option<Acceptance>,
    ) -> Result<FailureGroup> {
        self.ferry(name)?.accept(error_type, acceptance)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    fn ferry(&self, name: &str) -> Result<&Ferry> {
        let names = || self.inner.ferries.keys().map(String::as_str);
        self.inner.ferries.get(name).ok_or_else(|| unknown_migration(name, names()))
    }
}

/// A state directory whose migrations are all somebody else's was given by mistake.
fn refuse_foreign(store: &Store, config: &Config) -> Result<()> {
    let stored = store.migrations()?;
    let ours = stored.iter().any(|record| config.migrations.contains_key(&record.name));
    if stored.is_empty() || ours || config.migrations.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = stored.iter().map(|record| record.name.as_str()).collect();
    Err(Error::state("foreign_state", format!("{} holds the progress of {}, which this configuration does not have", config.state_dir.display(), names.join(", ")))
        .hint("give this configuration a directory of its own (--state-dir), or `esferry reset` what is no longer wanted"))
}
