//! `esferry reset`

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;

use crate::error::{Error, Kind, Result};
use crate::store::Store;
use crate::store::records::IndexRecord;

use super::locate::{self, Source};
use super::{DONE, Global, numbers, output};

/// `esferry reset NAME`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  esferry reset alerts          # asks\n  esferry reset alerts --yes")]
pub struct Reset {
    /// The migration whose progress and failures are forgotten
    name: String,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl Reset {
    pub(super) fn execute(self, global: &Global) -> Result<u8> {
        let store = match Source::find(global)? {
            Source::Daemon(_) => {
                return Err(Error::state("daemon_running", "the daemon is running, and holds the progress")
                    .hint("stop it first: `systemctl stop esferry`, or Ctrl-C where it runs"));
            }
            Source::Nothing(state_dir) => return Err(locate::nothing_ran(&state_dir)),
            Source::Store(store) => store,
        };
        locate::known(&store, &self.name)?;
        store.no_switch_under_way(&self.name)?;
        if !self.yes {
            self.ask(&store)?;
        }
        let mut changed = settings_left_changed(&store.indices(&self.name)?);
        let blocked = store.cutover(&self.name)?.map(|last| last.blocked).unwrap_or_default();
        changed.extend(blocked.iter().map(|index| {
            format!(
                "warning: source index `{index}` still has the write block of the switch (index.blocks.write)"
            )
        }));
        store.reset(&self.name)?;
        output::note(&format!(
            "the progress of `{}` is forgotten; nothing was changed on a cluster",
            self.name
        ));
        for line in changed {
            output::note(&line);
        }
        Ok(DONE)
    }

    fn ask(&self, store: &Store) -> Result<()> {
        if !io::stdin().is_terminal() {
            return Err(Error::config(
                "not_confirmed",
                format!("`{}` was not reset: nobody can be asked", self.name),
            )
            .hint("add --yes"));
        }
        let mut done: u64 = 0;
        for slice in store.slices(&self.name) {
            done += slice?.counts.settled();
        }
        let docs = numbers::grouped(done);
        let question = format!(
            "forget the progress of `{}` ({docs} documents settled)? No cluster is touched. [y/N] ",
            self.name
        );
        let answer = io::stderr()
            .write_all(question.as_bytes())
            .and_then(|()| {
                let mut line = String::new();
                io::stdin().lock().read_line(&mut line).map(|_| line)
            })
            .map_err(|error| output::unwritten("the terminal", error))?;
        if matches!(answer.trim().to_lowercase().as_str(), "y" | "yes") {
            return Ok(());
        }
        Err(Error::new(Kind::Interrupted, "not_confirmed", format!("`{}` was not reset", self.name)))
    }
}

/// Target indices whose settings are still those of the load: with the record goes the knowledge of the old ones.
fn settings_left_changed(indices: &[IndexRecord]) -> Vec<String> {
    let left = indices.iter().filter(|index| index.prepared && !index.restored);
    left.map(|index| {
        let was = |value: Option<&String>| value.map_or("the default".to_owned(), |value| format!("{value:?}"));
        let originals = index.originals.as_ref();
        format!(
            "warning: target index `{}` is still set for the load; before it, index.refresh_interval was {} and index.number_of_replicas {}",
            index.target,
            was(originals.and_then(|originals| originals.refresh_interval.as_ref())),
            was(originals.and_then(|originals| originals.number_of_replicas.as_ref())),
        )
    })
    .collect()
}
