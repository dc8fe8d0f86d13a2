//! `esferry pause` and `esferry resume`

use clap::Args;

use crate::control::BY_OPERATOR;
use crate::engine;
use crate::engine::phase::Standing;
use crate::error::Result;
use crate::plan::slice::SliceId;

use super::locate::{self, Source};
use super::{DONE, Global, output};

/// `esferry pause NAME`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  esferry pause alerts\n  esferry pause alerts --reason 'until the reindex of the nightly job is through'"
)]
pub struct Pause {
    /// The migration
    name: String,
    /// Why; shown in status
    #[arg(long, value_name = "TEXT", default_value = BY_OPERATOR)]
    reason: String,
}

/// `esferry resume NAME`
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  esferry resume alerts\n  esferry resume alerts --slice 0.2.17     # one slice that was set aside, and no other"
)]
pub struct Resume {
    /// The migration
    name: String,
    /// Take up only this slice that was set aside; a paused migration stays paused
    #[arg(long, value_name = "INDEX.SHARD.NUMBER")]
    slice: Option<SliceId>,
}

impl Pause {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        match Source::find(global)? {
            Source::Daemon(client) => client.pause(&self.name, Some(&self.reason)).await?,
            Source::Store(store) => {
                locate::known(&store, &self.name)?;
                store.no_switch_under_way(&self.name)?;
                store.set_standing(&self.name, &Standing::Paused(self.reason.clone()))?;
                output::note("no daemon is running: the next one will find it paused");
            }
            Source::Nothing(state_dir) => return Err(locate::nothing_ran(&state_dir)),
        }
        output::note(&format!("`{}` is paused: {}", self.name, self.reason));
        Ok(DONE)
    }
}

impl Resume {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        match Source::find(global)? {
            Source::Daemon(client) => client.resume(&self.name, self.slice).await?,
            Source::Store(store) => {
                locate::known(&store, &self.name)?;
                engine::resume(&store, &self.name, self.slice)?;
                output::note("no daemon is running: the next one will go on with it");
            }
            Source::Nothing(state_dir) => return Err(locate::nothing_ran(&state_dir)),
        }
        output::note(&match self.slice {
            Some(id) => format!("slice {id} of `{}` waits again", self.name),
            None => format!("`{}` goes on", self.name),
        });
        Ok(DONE)
    }
}
