//! Who switches: the daemon while one runs, this process otherwise.

use std::pin::pin;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config;
use crate::control::Client;
use crate::engine::cutover::recovery::RecoveryPlan;
use crate::engine::cutover::report::FinalReport;
use crate::engine::cutover::{CutoverOptions, DryRun};
use crate::engine::{Engine, RunOptions};
use crate::error::{Error, Result};
use crate::store::cutover::CutoverRecord;

use super::locate::{self, Source};
use super::{Global, Paint, cutover_view, output};

/// How often steps are looked at while this process takes them.
const SHOWN_EVERY: Duration = Duration::from_millis(100);

/// Who does the work.
pub enum AtWork {
    /// A running daemon.
    Daemon(Client),
    /// This process, which has the store.
    Here(Engine),
}

/// Says on stderr which steps were taken, each once.
pub struct Steps {
    /// Of which switch.
    number: u32,
    told: usize,
    answers: usize,
    paint: Paint,
    quiet: bool,
}

impl Steps {
    /// What is in the record already is told already.
    pub fn after(before: Option<&CutoverRecord>, global: &Global) -> Steps {
        let (number, told, answers) =
            before.map_or((0, 0, 0), |before| (before.number, before.taken.len(), before.answers.len()));
        Steps { number, told, answers, paint: Paint::stderr(global.color), quiet: global.json }
    }

    /// Says what is new in the record.
    pub fn show(&mut self, record: &CutoverRecord) {
        if self.quiet {
            return;
        }
        if record.number != self.number {
            (self.number, self.told, self.answers) = (record.number, 0, 0);
        }
        for answer in record.answers.iter().skip(self.answers) {
            output::note(&cutover_view::answer(answer, self.paint));
        }
        self.answers = self.answers.max(record.answers.len());
        for taken in record.taken.iter().skip(self.told) {
            output::note(&cutover_view::taken(taken, self.paint));
        }
        self.told = self.told.max(record.taken.len());
    }
}

impl AtWork {
    /// Finds it.
    pub async fn find(global: &Global, name: &str) -> Result<AtWork> {
        match Source::find(global)? {
            Source::Daemon(client) => Ok(AtWork::Daemon(client)),
            Source::Nothing(state_dir) => Err(locate::nothing_ran(&state_dir)),
            Source::Store(store) => {
                locate::known(&store, name)?;
                drop(store);
                output::note("no daemon is running: this process does the work");
                let config = config::load(global.config.as_deref(), global.state_dir.as_deref())?;
                let engine = Engine::open(config, RunOptions { once: true, accept_drift: false }).await?;
                Ok(AtWork::Here(engine))
            }
        }
    }

    /// The switch under way, or the last one.
    pub async fn last(&self, name: &str) -> Result<Option<CutoverRecord>> {
        match self {
            AtWork::Daemon(client) => Ok(client.migration(name).await?.cutover),
            AtWork::Here(engine) => Ok(engine.status_of(name)?.cutover),
        }
    }

    pub async fn gates(&self, name: &str) -> Result<DryRun> {
        match self {
            AtWork::Daemon(client) => client.gates(name).await,
            AtWork::Here(engine) => engine.dry_run(name).await,
        }
    }

    pub async fn cutover(
        &self,
        name: &str,
        options: &CutoverOptions,
        mut told: impl FnMut(&CutoverRecord),
    ) -> Result<CutoverRecord> {
        match self {
            AtWork::Daemon(client) => client.cutover(name, options, |record| told(&record)).await,
            AtWork::Here(engine) => {
                let stop = CancellationToken::new();
                let switched =
                    here(engine, name, &stop, engine.cut_over(name, options, &stop), &mut told).await;
                if !stop.is_cancelled() || switched.is_ok() {
                    return switched;
                }
                output::note("going back");
                let stop = CancellationToken::new();
                let back = engine.roll_back(name, "the command was interrupted".to_owned(), &stop);
                here(engine, name, &stop, back, &mut told).await
            }
        }
    }

    pub async fn rollback(
        &self,
        name: &str,
        because: String,
        mut told: impl FnMut(&CutoverRecord),
    ) -> Result<CutoverRecord> {
        match self {
            AtWork::Daemon(client) => client.rollback(name, because, |record| told(&record)).await,
            AtWork::Here(engine) => {
                let stop = CancellationToken::new();
                here(engine, name, &stop, engine.roll_back(name, because, &stop), &mut told).await
            }
        }
    }

    pub async fn recovery(&self, name: &str) -> Result<RecoveryPlan> {
        match self {
            AtWork::Daemon(client) => client.recovery(name).await,
            AtWork::Here(engine) => engine.recovery(name).await,
        }
    }

    pub async fn complete(&self, name: &str, by: String) -> Result<FinalReport> {
        match self {
            AtWork::Daemon(client) => client.complete(name, by).await,
            AtWork::Here(engine) => engine.complete(name, by).await,
        }
    }
}

/// Work in this process, with its steps shown; Ctrl-C stops it.
async fn here(
    engine: &Engine,
    name: &str,
    stop: &CancellationToken,
    work: impl Future<Output = Result<CutoverRecord>>,
    told: &mut impl FnMut(&CutoverRecord),
) -> Result<CutoverRecord> {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            ended = &mut work => return ended,
            () = tokio::time::sleep(SHOWN_EVERY) => {
                engine.status_of(name)?.cutover.iter().for_each(&mut *told);
            }
            interrupted = tokio::signal::ctrl_c(), if !stop.is_cancelled() => {
                interrupted.map_err(|error| {
                    Error::unexpected("no_signals", "cannot listen for signals").because(error)
                })?;
                stop.cancel();
            }
        }
    }
}
