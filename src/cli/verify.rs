//! `esferry verify`

use std::pin::pin;
use std::time::Duration;

use clap::Args;
use futures::TryStreamExt as _;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::config::{self, VerifyLevel};
use crate::control::lines;
use crate::control::verification::VerificationStatus;
use crate::engine::verification::{VerifyOptions, VerifyReport, differences};
use crate::engine::{Engine, RunOptions};
use crate::error::{Error, Kind, Result};
use crate::store::verification::Repair;

use super::locate::{self, Source};
use super::progress::VerifyBar;
use super::{DONE, Global, Paint, numbers, output, verify_view};

/// How often the bar moves while this process does the work.
const SHOWN_EVERY: Duration = Duration::from_millis(500);

/// `esferry verify`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry verify alerts                          # at the level of the configuration\n  \
    esferry verify alerts --level content          # every document, as the transforms make it\n  \
    esferry verify alerts --level content --repair # and write again what is missing or different\n  \
    esferry verify alerts --level ids --json       # every difference a line of JSON, the report last\n  \
    esferry verify alerts --last                   # what the last one found\n\n\
    Interrupted, it goes on where it was when it is called again. While the source is live, what differs is looked at\n\
    again once the changes have passed, and only then told. Exit code 4 when something differs.")]
pub struct Verify {
    /// The migration
    name: String,
    /// What is compared [default: `verify.level` of the configuration]
    #[arg(long, value_name = "LEVEL", value_enum)]
    level: Option<VerifyLevel>,
    /// Write again from the source what is missing or different
    #[arg(long)]
    repair: bool,
    /// With --repair: delete what only the target has
    #[arg(long, requires = "repair")]
    delete_extra: bool,
    /// Begin again instead of going on where one was interrupted, and read what has not changed, too
    #[arg(long)]
    anew: bool,
    /// Only tell what the last one found
    #[arg(long, conflicts_with_all = ["level", "repair", "anew"])]
    last: bool,
}

/// The last line of `--json`.
#[derive(Debug, Serialize)]
struct ReportLine<'a> {
    report: &'a VerificationStatus,
}

impl Verify {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let name = &self.name;
        let source = Source::find(global)?;
        let report = match (&source, self.last) {
            (Source::Nothing(state_dir), _) => return Err(locate::nothing_ran(state_dir)),
            (_, true) => VerifyReport::Compared(Box::new(last(&source, name).await?)),
            (Source::Daemon(client), false) => {
                let bar = VerifyBar::new();
                let report = client.verify(name, &self.options(), |status| bar.show(&status)).await?;
                report.ok_or_else(|| interrupted(name))?
            }
            (Source::Store(store), false) => {
                locate::known(store, name)?;
                drop(source);
                return self.alone(global).await;
            }
        };
        // Differences come from whoever has the store now.
        if global.json
            && let VerifyReport::Compared(_) = report
        {
            stream_differences(&source, name).await?;
        }
        told(global, name, &report)
    }

    fn options(&self) -> VerifyOptions {
        let repair = Repair { write: self.repair, delete_extra: self.delete_extra };
        VerifyOptions { level: self.level, repair, anew: self.anew }
    }

    /// Does the work in this process, since no daemon runs.
    async fn alone(&self, global: &Global) -> Result<u8> {
        let name = &self.name;
        output::note("no daemon is running: verifying in this process");
        let config = config::load(global.config.as_deref(), global.state_dir.as_deref())?;
        let engine = Engine::open(config, RunOptions { once: true, accept_drift: false }).await?;
        let stop = CancellationToken::new();
        let bar = VerifyBar::new();
        let options = self.options();
        let report = {
            let mut work = pin!(engine.verify(name, options, &stop));
            loop {
                tokio::select! {
                    report = &mut work => break report?,
                    () = tokio::time::sleep(SHOWN_EVERY) => {
                        engine.status_of(name)?.verification.iter().for_each(|status| bar.show(status));
                    }
                    interrupted = tokio::signal::ctrl_c(), if !stop.is_cancelled() => {
                        interrupted.map_err(|error| {
                            Error::unexpected("no_signals", "cannot listen for signals").because(error)
                        })?;
                        stop.cancel();
                    }
                }
            }
        };
        drop(bar);
        let report = report.ok_or_else(|| interrupted(name))?;
        if global.json
            && let VerifyReport::Compared(_) = report
        {
            lines::in_pieces(differences(engine.store(), name)?, |piece| output::write(&piece))?;
        }
        told(global, name, &report)
    }
}

fn interrupted(name: &str) -> Error {
    Error::new(Kind::Interrupted, "interrupted", format!("the verification of `{name}` was stopped"))
        .hint("what was read until then is stored: the same command goes on there")
}

async fn last(source: &Source, name: &str) -> Result<VerificationStatus> {
    let status = match source {
        Source::Daemon(client) => client.migration(name).await?.verification,
        Source::Store(store) => {
            locate::known(store, name)?;
            store.verification(name)?.as_ref().map(VerificationStatus::of)
        }
        Source::Nothing(state_dir) => return Err(locate::nothing_ran(state_dir)),
    };
    status.ok_or_else(|| {
        Error::state("not_verified", format!("`{name}` was not verified at level ids or content yet"))
            .hint(format!("`esferry verify {name} --level content` does it"))
    })
}

async fn stream_differences(source: &Source, name: &str) -> Result<()> {
    match source {
        Source::Daemon(client) => {
            let mut pieces = pin!(client.differences(name).await?);
            while let Some(piece) = pieces.try_next().await? {
                output::write(&piece)?;
            }
            Ok(())
        }
        Source::Store(store) => lines::in_pieces(differences(store, name)?, |piece| output::write(&piece)),
        Source::Nothing(state_dir) => Err(locate::nothing_ran(state_dir)),
    }
}

fn told(global: &Global, name: &str, report: &VerifyReport) -> Result<u8> {
    let paint = Paint::stdout(global.color);
    match report {
        VerifyReport::Counted(counts) => {
            if global.json {
                output::print_json(counts)?;
            } else {
                output::print(&verify_view::counted(name, counts, paint))?;
            }
            let differing = counts.differing();
            if differing.is_empty() {
                return Ok(DONE);
            }
            Err(Error::new(
                Kind::Differences,
                "counts_differ",
                format!("the counts differ: {}", differing.join(", ")),
            )
            .hint(format!("`esferry verify {name} --level ids` says which documents these are")))
        }
        VerifyReport::Compared(status) => {
            if global.json {
                let line = serde_json::to_string(&ReportLine { report: status }).map_err(|error| {
                    Error::unexpected("not_json", "the report cannot be written as JSON").because(error)
                })?;
                output::print(&format!("{line}\n"))?;
            } else {
                output::print(&verify_view::compared(name, status, paint))?;
            }
            if status.finished.is_none() || status.is_clean() {
                return Ok(DONE);
            }
            let open = numbers::grouped(status.counts.open());
            let repair = if status.repair.write {
                "each says why it could not be repaired"
            } else {
                "`--repair` writes again what is missing or different"
            };
            Err(Error::new(Kind::Differences, "sides_differ", format!("{open} documents differ"))
                .hint(format!("{repair}; `esferry verify {name} --last --json` prints them all")))
        }
    }
}
