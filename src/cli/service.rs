//! A process that copies: the engine with its control socket, its signals, systemd, and its end.

use std::future::pending;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::control::ControlServer;
use crate::control::status::{MigrationStatus, StatusDocument};
use crate::engine::phase::{Phase, Standing};
use crate::engine::{Engine, Outcome, RunOptions};
use crate::error::{Error, Kind, Result};
use crate::telemetry::systemd;

use super::progress::Reporter;
use super::{DONE, numbers, output};

/// How often systemd is told how it goes.
const STATUS_EVERY: Duration = Duration::from_secs(5);

/// How long the engine may take to checkpoint after the first signal; the process is to be gone after ten seconds.
const LEAVE_WITHIN: Duration = Duration::from_secs(8);

/// Exit code of a process that its operator interrupted.
const INTERRUPTED: i32 = 130;

/// Runs the engine to its end, which is that of the work (`once`) or a signal; returns the exit code.
pub async fn serve(
    config: Config,
    options: RunOptions,
    reporter: Reporter,
    finish: impl FnOnce(&StatusDocument) -> Result<()>,
) -> Result<u8> {
    let state_dir = config.state_dir.clone();
    let signals = Signals::new()?;
    let engine = Engine::open(config, options).await?;
    let control = ControlServer::start(engine.clone(), &state_dir)?;
    systemd::ready();
    tracing::info!(pid = std::process::id(), state_dir = %state_dir.display(), "listening for commands");

    let shutdown = CancellationToken::new();
    let watching = tokio::spawn(signals.watch(shutdown.clone()));
    let telling = tokio::spawn(tell_systemd(engine.clone()));
    let showing = tokio::spawn(reporter.follow(engine.clone()));
    let outcome = tokio::select! {
        outcome = engine.run(shutdown.clone()) => outcome,
        () = overdue(&shutdown) => {
            tracing::error!(seconds = LEAVE_WITHIN.as_secs(), "not everything came to rest in time; open slices are redone");
            Ok(Outcome::Interrupted)
        }
    };
    systemd::stopping();
    telling.abort();
    showing.abort();
    // Joined, so that no line of progress comes after the result.
    let _ = showing.await;
    control.stop().await;
    watching.abort();

    let status = engine.status();
    // A run that failed before it had a plan has nothing to show but its error.
    if outcome.is_ok() || status.migrations.iter().any(|migration| migration.phase != Phase::Planning) {
        finish(&status)?;
    }
    match outcome? {
        // A daemon has done its duty when it leaves on request; a run that was to finish has not.
        Outcome::Interrupted if options.once => Err(interrupted()),
        Outcome::Interrupted => Ok(DONE),
        Outcome::Done => {
            tell_accepted(&status);
            Ok(DONE)
        }
        Outcome::DoneWithFailures => Err(unfinished(&status)),
    }
}

/// Exit code 0 does not mean that every document arrived, where failures are accepted: that is said.
fn tell_accepted(status: &StatusDocument) {
    for migration in &status.migrations {
        let accepted = migration.accepted_failures();
        if accepted > 0 {
            let count = numbers::grouped(accepted);
            output::note(&format!(
                "`{}`: {count} documents did not arrive, and that is accepted",
                migration.name
            ));
        }
    }
}

fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "interrupted", "interrupted before the end")
        .hint("everything that is settled is kept: the same command goes on from there")
}

async fn overdue(shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    tokio::time::sleep(LEAVE_WITHIN).await;
}

fn unfinished(status: &StatusDocument) -> Error {
    let failures: u64 = status.migrations.iter().map(MigrationStatus::open_failures).sum();
    let names = status.migrations.iter().filter(|migration| is_unfinished(migration));
    let names: Vec<&str> = names.map(|migration| migration.name.as_str()).collect();
    let message = format!(
        "finished, and not everything arrived ({} failures): {}",
        numbers::grouped(failures),
        names.join(", ")
    );
    Error::new(Kind::Differences, "differences", message).hint(
        "`esferry status NAME` explains the counts, `esferry failures list NAME` the failures and what to do",
    )
}

fn is_unfinished(migration: &MigrationStatus) -> bool {
    !migration.is_whole() || matches!(migration.standing, Standing::Failed(_))
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Signals> {
        let on = |kind| {
            signal(kind)
                .map_err(|error| Error::unexpected("no_signals", "cannot listen for signals").because(error))
        };
        Ok(Signals { terminate: on(SignalKind::terminate())?, interrupt: on(SignalKind::interrupt())? })
    }

    /// The first signal asks the engine to checkpoint and leave, the second one leaves at once.
    async fn watch(mut self, shutdown: CancellationToken) {
        let name = self.next().await;
        tracing::info!(signal = name, "checkpointing and leaving; a second signal leaves at once");
        systemd::stopping();
        shutdown.cancel();
        let name = self.next().await;
        output::note(&format!("{name} again: leaving at once; open slices are redone"));
        std::process::exit(INTERRUPTED);
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            Some(()) = self.terminate.recv() => "SIGTERM",
            Some(()) = self.interrupt.recv() => "SIGINT",
            else => pending().await,
        }
    }
}

/// Status lines and signs of life, for as long as the process runs.
async fn tell_systemd(engine: Engine) {
    let every = systemd::watchdog_interval().map_or(STATUS_EVERY, |interval| interval.min(STATUS_EVERY));
    let mut ticks = tokio::time::interval(every);
    loop {
        ticks.tick().await;
        systemd::status(&one_line(&engine.status()));
        systemd::watchdog();
    }
}

/// `alerts copying 61.3 %, 41 200/s; cities ready 100.0 %`
fn one_line(status: &StatusDocument) -> String {
    let lines = status.migrations.iter().map(|migration| {
        let percent = numbers::percent(migration.fraction);
        let rate =
            migration.rate_now.map_or(String::new(), |rate| format!(", {}", numbers::rate(Some(rate))));
        let reason = match &migration.standing {
            Standing::Running => String::new(),
            Standing::Waiting(reason) => format!(", waiting: {reason}"),
            Standing::Paused(reason) => format!(", paused: {reason}"),
            Standing::Failed(reason) => format!(", failed: {reason}"),
        };
        format!("{} {} {percent}{rate}{reason}", migration.name, migration.phase)
    });
    lines.collect::<Vec<_>>().join("; ")
}
