//! `esferry run`

use clap::Args;

use crate::config;
use crate::control::status::StatusDocument;
use crate::engine::RunOptions;
use crate::error::{Error, Result};

use super::progress::Reporter;
use super::{Global, Paint, output, service, status_view};

/// `esferry run`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry run                    # the daemon: works, then stays for status and control\n  \
    esferry run --once             # leaves when everything is settled; exit code 4 when not everything arrived\n  \
    esferry run --accept-drift     # go on although the configuration changed since the plan was made\n\n\
    SIGTERM or Ctrl-C checkpoints and leaves within 10 s; a second one leaves at once.")]
pub struct Run {
    /// Leave when everything is settled, instead of staying
    #[arg(long)]
    once: bool,
    /// Go on with a configuration that changed since the plan was made
    #[arg(long)]
    accept_drift: bool,
}

impl Run {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let config = config::load(global.config.as_deref(), global.state_dir.as_deref())?;
        if config.migrations.is_empty() {
            return Err(Error::config("no_migrations", "the configuration has no migrations")
                .hint("add a [migrations.NAME] with `from` and `to`"));
        }
        let options = RunOptions { once: self.once, accept_drift: self.accept_drift };
        let reporter = if self.once { Reporter::for_terminal(Reporter::Silent) } else { Reporter::Silent };
        let once = self.once;
        service::serve(
            config,
            options,
            reporter,
            |status| if once { print_result(status, global) } else { Ok(()) },
        )
        .await
    }
}

/// The state at the end: the result of a run that leaves.
pub fn print_result(status: &StatusDocument, global: &Global) -> Result<()> {
    if global.json {
        return output::print_json(status);
    }
    output::print(&status_view::render(&status.migrations, Paint::stdout(global.color)))
}
