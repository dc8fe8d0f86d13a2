//! `esferry cutover`

use clap::Args;

use crate::cutover::gates::GateName;
use crate::engine::cutover::CutoverOptions;
use crate::error::{Error, Kind, Result};
use crate::store::cutover::{CutoverRecord, Ended};

use super::at_work::{AtWork, Steps};
use super::{DONE, Global, Paint, cutover_view, output};

/// `esferry cutover NAME`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry cutover alerts --dry-run       # the gates, and what would become of the alias\n  \
    esferry cutover alerts --rehearse      # everything against a throw-away alias, and back; measured\n  \
    esferry cutover alerts                 # switch users over\n  \
    esferry cutover alerts --force compared --because 'no searches were recorded, agreed with the team'\n\n\
    Before-hook, write block (where configured), final catch-up, final verification, the alias in one step, after-hook.\n\
    A step that fails, or `cutover.within`, takes everything back. `esferry rollback` does the same afterwards.\n\
    Exit codes: 0 switched · 3 gates are shut · 4 it went back by itself")]
pub struct Cutover {
    /// The migration
    name: String,
    /// Look at the gates and the alias, and do nothing
    #[arg(long, conflicts_with_all = ["rehearse", "force"])]
    dry_run: bool,
    /// Do everything against a throw-away alias, and go back; hooks and write block are left out
    #[arg(long)]
    rehearse: bool,
    /// With --rehearse: call the hooks, too, with ESFERRY_REHEARSAL=1
    #[arg(long, requires = "rehearse")]
    with_hooks: bool,
    /// Open a gate that is shut, on the record
    #[arg(long, value_name = "GATE", value_enum, requires = "because")]
    force: Vec<GateName>,
    /// Why gates are forced
    #[arg(long, value_name = "TEXT", requires = "force")]
    because: Option<String>,
}

impl Cutover {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let name = &self.name;
        let at_work = AtWork::find(global, name).await?;
        let paint = Paint::stdout(global.color);
        if self.dry_run {
            let found = at_work.gates(name).await?;
            if global.json {
                output::print_json(&found)?;
            } else {
                output::print(&cutover_view::dry_run(name, &found, paint))?;
            }
            let shut = !found.gates.shut().is_empty() || found.refused.is_some();
            return Ok(if shut { Kind::State.exit_code() } else { DONE });
        }
        let options = CutoverOptions {
            by: super::operator(),
            force: self.force.clone(),
            because: self.because.clone(),
            rehearse: self.rehearse,
            with_hooks: self.with_hooks,
        };
        let mut steps = Steps::after(at_work.last(name).await?.as_ref(), global);
        let record = at_work.cutover(name, &options, |record| steps.show(record)).await?;
        steps.show(&record);
        if global.json {
            output::print_json(&record)?;
        } else {
            output::print(&cutover_view::ended(name, &record, paint))?;
        }
        outcome(name, &record)
    }
}

fn outcome(name: &str, record: &CutoverRecord) -> Result<u8> {
    match record.ended {
        Some(Ended::Switched(_)) => Ok(DONE),
        _ if record.was_a_whole_rehearsal() => Ok(DONE),
        _ => {
            let why = record.because.as_deref().unwrap_or("it was turned round");
            Err(Error::new(
                Kind::Differences,
                "rolled_back",
                format!("the switch of `{name}` went back: {why}"),
            )
            .hint(format!(
                "users are where they were; `esferry cutover {name} --dry-run` shows what is in the way"
            )))
        }
    }
}
