//! `esferry status`

use std::io::{self, IsTerminal};
use std::time::Duration;

use clap::Args;

use crate::config::unknown_migration;
use crate::control::status::{STATUS_VERSION, StatusDocument};
use crate::engine::status::from_store;
use crate::error::{Error, Result};

use super::locate::Source;
use super::{DONE, Global, Paint, output, status_view};

/// How often `--watch` asks.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// To the top left corner; the rest is cleared line by line, so that nothing flickers.
const HOME: &str = "\x1b[H";
const CLEAR_ALL: &str = "\x1b[2J";
const CLEAR_LINE: &str = "\x1b[K\n";
const CLEAR_BELOW: &str = "\x1b[J";

/// `esferry status [NAME]`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry status\n  \
    esferry status alerts --watch\n  \
    esferry status --json | jq '.migrations[] | {name, phase, fraction}'\n\n\
    Asks the daemon; reads the store when none is running, and says so. docs/status.md describes the JSON.")]
pub struct Status {
    /// Only this migration, with its indices
    name: Option<String>,
    /// Show it again every second
    #[arg(long)]
    watch: bool,
}

impl Status {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        if self.watch {
            return self.watch(global).await;
        }
        let document = self.narrowed(read(global).await?)?;
        if document.daemon.is_none() {
            output::note(NO_DAEMON);
        }
        if global.json {
            output::print_json(&document)?;
        } else {
            output::print(&self.text(&document, Paint::stdout(global.color)))?;
        }
        Ok(DONE)
    }

    async fn watch(&self, global: &Global) -> Result<u8> {
        let paint = Paint::stdout(global.color);
        let redraw = io::stdout().is_terminal() && !global.json;
        if redraw {
            output::print(CLEAR_ALL)?;
        }
        loop {
            let document = self.narrowed(read(global).await?)?;
            if global.json {
                let line = serde_json::to_string(&document).map_err(|error| {
                    Error::unexpected("not_json", "the status cannot be written as JSON").because(error)
                })?;
                output::print(&format!("{line}\n"))?;
            } else if redraw {
                let text = format!("{}{}", self.text(&document, paint), source_line(&document));
                output::print(&format!("{HOME}{}{CLEAR_BELOW}", text.replace('\n', CLEAR_LINE)))?;
            } else {
                output::print(&format!("{}{}\n", self.text(&document, paint), source_line(&document)))?;
            }
            tokio::time::sleep(WATCH_EVERY).await;
        }
    }

    fn narrowed(&self, mut document: StatusDocument) -> Result<StatusDocument> {
        if document.version != STATUS_VERSION {
            return Err(Error::state(
                "status_version",
                format!(
                    "the daemon speaks version {} of the status, this command {STATUS_VERSION}",
                    document.version
                ),
            )
            .hint("use the esferry of the daemon, or restart the daemon with this one"));
        }
        if let Some(name) = &self.name {
            let names: Vec<String> =
                document.migrations.iter().map(|migration| migration.name.clone()).collect();
            document.migrations.retain(|migration| migration.name == *name);
            if document.migrations.is_empty() {
                return Err(unknown_migration(name, names.iter().map(String::as_str)));
            }
        }
        Ok(document)
    }

    fn text(&self, document: &StatusDocument, paint: Paint) -> String {
        match &self.name {
            Some(_) => status_view::render_with_indices(&document.migrations, paint),
            None => status_view::render(&document.migrations, paint),
        }
    }
}

const NO_DAEMON: &str = "no daemon is running: this is what the store holds";

fn source_line(document: &StatusDocument) -> String {
    match &document.daemon {
        Some(daemon) => format!(
            "\ndaemon {} (pid {})  {}\n",
            daemon.esferry,
            daemon.pid,
            document.at.strftime("%H:%M:%S UTC")
        ),
        None => format!("\n{NO_DAEMON}\n"),
    }
}

async fn read(global: &Global) -> Result<StatusDocument> {
    match Source::find(global)? {
        Source::Daemon(client) => client.status().await,
        Source::Store(store) => from_store(&store, None),
        Source::Nothing(state_dir) => {
            output::note(&format!("nothing has run in {} yet", state_dir.display()));
            Ok(StatusDocument {
                version: STATUS_VERSION,
                at: jiff::Timestamp::now(),
                daemon: None,
                migrations: Vec::new(),
            })
        }
    }
}
