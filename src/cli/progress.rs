//! Progress of a run on stderr: a bar on a terminal, a plain line now and then where there is none.

use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::control::status::{MigrationStatus, StatusDocument};
use crate::control::verification::VerificationStatus;
use crate::engine::phase::{Phase, Standing};
use crate::engine::{Engine, RetryProgress, RetryReport};
use crate::telemetry::logs;

use super::{Paint, numbers, output, verify_view};

/// How often the bar moves.
const BAR_EVERY: Duration = Duration::from_millis(200);

/// How often a plain line is written.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reporter {
    /// A bar.
    Bar,
    /// Plain lines.
    Lines,
    /// Not at all: the logs tell.
    Silent,
}

impl Reporter {
    /// A bar where there is a terminal, `otherwise` elsewhere.
    pub fn for_terminal(otherwise: Reporter) -> Reporter {
        if io::stderr().is_terminal() { Reporter::Bar } else { otherwise }
    }

    /// Shows the progress until it is aborted.
    pub async fn follow(self, engine: Engine) {
        match self {
            Reporter::Silent => {}
            Reporter::Lines => loop {
                tokio::time::sleep(LINE_EVERY).await;
                output::note(&line(&engine.status()));
            },
            Reporter::Bar => {
                let bar = Bar::new();
                loop {
                    bar.show(&engine.status());
                    tokio::time::sleep(BAR_EVERY).await;
                }
            }
        }
    }
}

/// Cleared away when dropped, so that an abort leaves no half line.
struct Bar(ProgressBar);

impl Bar {
    fn new() -> Bar {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        logs::share_terminal_with(&bar);
        Bar(bar)
    }

    fn show(&self, status: &StatusDocument) {
        let total: Option<u64> = status.migrations.iter().map(|migration| migration.docs_total).sum();
        let template = match total {
            Some(total) if total > 0 => {
                self.0.set_length(total);
                "{bar:30} {wide_msg}"
            }
            _ => "{spinner} {wide_msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.0.set_style(style);
        }
        self.0.set_position(
            status.migrations.iter().map(|migration| migration.docs_settled + migration.docs_open).sum(),
        );
        self.0.set_message(line(status));
        self.0.tick();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// How far a retry is: a bar on a terminal, and nothing elsewhere, where the report says it all.
pub struct RetryCounter(Option<Bar>);

impl RetryCounter {
    /// Nothing is shown yet.
    pub fn new() -> RetryCounter {
        RetryCounter(io::stderr().is_terminal().then(Bar::new))
    }

    /// Shows how far it is now.
    pub fn show(&self, progress: RetryProgress) {
        let Some(Bar(bar)) = &self.0 else { return };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_length(progress.of);
        bar.set_position(progress.report.tried);
        bar.set_message(tried(progress));
    }
}

/// How many searches are compared: a bar on a terminal, and nothing elsewhere.
pub struct SearchCounter(Option<Bar>, u64);

impl SearchCounter {
    /// Nothing is shown yet.
    pub fn new(of: usize) -> SearchCounter {
        SearchCounter(io::stderr().is_terminal().then(Bar::new), u64::try_from(of).unwrap_or(u64::MAX))
    }

    /// Shows how many are done.
    pub fn show(&self, done: usize) {
        let SearchCounter(Some(Bar(bar)), of) = self else { return };
        if let Ok(style) =
            ProgressStyle::with_template("{bar:30} {pos} of {len} searches compared, ETA {eta}")
        {
            bar.set_style(style);
        }
        bar.set_length(*of);
        bar.set_position(u64::try_from(done).unwrap_or(u64::MAX));
    }
}

fn tried(progress: RetryProgress) -> String {
    let RetryReport { tried, resolved, gone, still_failing, .. } = progress.report;
    let [tried, resolved, gone, still_failing, of] =
        [tried, resolved, gone, still_failing, progress.of].map(numbers::grouped);
    format!("{tried} of {of} tried: {resolved} resolved, {gone} gone, {still_failing} still failing")
}

/// How far a verification is: a bar on a terminal, and a plain line now and then elsewhere.
pub struct VerifyBar {
    bar: Option<Bar>,
    told: Cell<Option<Instant>>,
}

impl VerifyBar {
    /// Nothing is shown yet.
    pub fn new() -> VerifyBar {
        VerifyBar { bar: io::stderr().is_terminal().then(Bar::new), told: Cell::new(None) }
    }

    /// Shows how far it is now.
    pub fn show(&self, status: &VerificationStatus) {
        let line = verify_view::line(status, Paint::off());
        let Some(Bar(bar)) = &self.bar else {
            let since = self.told.get();
            if since.is_none_or(|since| since.elapsed() >= LINE_EVERY) {
                // A short one says all at its end.
                if since.is_some() {
                    output::note(&line);
                }
                self.told.set(Some(Instant::now()));
            }
            return;
        };
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {wide_msg}") {
            bar.set_style(style);
        }
        bar.set_length(status.docs_of.max(1));
        bar.set_position(status.counts.on_source + status.counts.on_target);
        bar.set_message(line);
    }
}

/// What happens now, of the migrations that are not at their end.
fn line(status: &StatusDocument) -> String {
    let busy = status.migrations.iter().filter(|migration| !is_settled(migration.phase));
    let parts: Vec<String> = busy.map(part).collect();
    if parts.is_empty() { "all settled".to_owned() } else { parts.join(" | ") }
}

fn is_settled(phase: Phase) -> bool {
    matches!(phase, Phase::Ready | Phase::CutOver | Phase::Complete)
}

fn part(migration: &MigrationStatus) -> String {
    let mut text = format!("{} {}", migration.name, migration.phase);
    if let Some(total) = migration.docs_total {
        let settled = numbers::documents(migration.docs_settled);
        text.push_str(&format!(
            " {} {settled}/{}",
            numbers::percent(migration.fraction),
            numbers::documents(total)
        ));
    }
    if migration.rate_now.is_some() {
        text.push_str(&format!(" {}", numbers::rate(migration.rate_now)));
    }
    if let Some(seconds) = migration.eta_seconds {
        text.push_str(&format!(" ETA {}", numbers::duration(Duration::from_secs(seconds))));
    }
    match &migration.standing {
        Standing::Running => {}
        Standing::Waiting(reason) => text.push_str(&format!(", waiting: {reason}")),
        Standing::Paused(reason) => text.push_str(&format!(", paused: {reason}")),
        Standing::Failed(reason) => text.push_str(&format!(", failed: {reason}")),
    }
    text
}
