//! `esferry rollback` and `esferry recovery`

use clap::Args;

use crate::error::{Error, Kind, Result};

use super::at_work::{AtWork, Steps};
use super::{DONE, Global, Paint, cutover_view, output};

/// `esferry rollback NAME`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry recovery alerts                # first: what would be done, and what would be lost\n  \
    esferry rollback alerts --because 'searches time out'\n\n\
    Turns a switch round that is under way, or takes back one that was done: hook `undo_after`, the write block, the\n\
    alias, hook `undo_before`. Possible until `esferry complete`. Exit code 4 when something could not be undone.")]
pub struct Rollback {
    /// The migration
    name: String,
    /// Why; kept for the final report
    #[arg(long, value_name = "TEXT", default_value = "asked for by an operator")]
    because: String,
}

/// `esferry recovery NAME`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  esferry recovery alerts\n  esferry recovery alerts --json\n\n\
    Prints the way back from the present phase: what would be done, by which command, how long it took the last time,\n\
    and what would be lost.")]
pub struct Recovery {
    /// The migration
    name: String,
}

impl Rollback {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let name = &self.name;
        let at_work = AtWork::find(global, name).await?;
        let mut steps = Steps::after(at_work.last(name).await?.as_ref(), global);
        let because = format!("{} ({})", self.because, super::operator());
        let record = at_work.rollback(name, because, |record| steps.show(record)).await?;
        steps.show(&record);
        if global.json {
            output::print_json(&record)?;
        } else {
            output::print(&cutover_view::ended(name, &record, Paint::stdout(global.color)))?;
        }
        if record.left.is_empty() {
            return Ok(DONE);
        }
        Err(Error::new(
            Kind::Differences,
            "not_undone",
            format!("not everything is undone: {}", record.left.join("; ")),
        )
        .hint("undo it by hand; everything else is back"))
    }
}

impl Recovery {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let plan = AtWork::find(global, &self.name).await?.recovery(&self.name).await?;
        if global.json {
            output::print_json(&plan)?;
        } else {
            output::print(&cutover_view::recovery(&plan, Paint::stdout(global.color)))?;
        }
        Ok(DONE)
    }
}
