//! `esferry complete`

use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;

use crate::engine::cutover::report::FinalReport;
use crate::error::{Error, Kind, Result};

use super::at_work::AtWork;
use super::{DONE, Global, output};

/// `esferry complete NAME`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  esferry complete alerts\n  esferry complete alerts --yes > report.md\n\n\
    Ends the watch on the old side: nothing follows any more, and `esferry rollback` is no longer possible. Prints the\n\
    final report (Markdown, or JSON with --json) and keeps both in the state directory, in reports/NAME. Deletes nothing."
)]
pub struct Complete {
    /// The migration
    name: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Complete {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let name = &self.name;
        let at_work = AtWork::find(global, name).await?;
        if !self.yes {
            ask(name)?;
        }
        let report: FinalReport = at_work.complete(name, super::operator()).await?;
        if global.json {
            output::print_json(&report)?;
        } else {
            output::print(&report.markdown())?;
        }
        output::note(&format!(
            "`{name}` is complete; the report is in reports/{name}.md and .json of the state directory"
        ));
        Ok(DONE)
    }
}

fn ask(name: &str) -> Result<()> {
    if !io::stdin().is_terminal() {
        return Err(Error::config(
            "not_confirmed",
            format!("`{name}` was not completed: nobody can be asked"),
        )
        .hint("add --yes"));
    }
    let question = format!(
        "end the watch on the old side of `{name}`? `esferry rollback` is impossible afterwards. [y/N] "
    );
    let answer = io::stderr()
        .write_all(question.as_bytes())
        .and_then(|()| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|_| line)
        })
        .map_err(|error| output::unwritten("the terminal", error))?;
    if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Error::new(Kind::Interrupted, "not_confirmed", format!("`{name}` was not completed")))
}
