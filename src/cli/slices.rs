//! `esferry slices`

use std::pin::pin;

use clap::Args;
use futures::TryStreamExt;

use crate::control::lines;
use crate::control::{StateName, WantedSlices};
use crate::error::{Error, Result};
use crate::store::records::{SliceRecord, SliceState};

use super::locate::{self, Source};
use super::{DONE, Global, numbers, output};

/// `esferry slices NAME`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry slices alerts\n  \
    esferry slices alerts --state set-aside       # with the reasons\n  \
    esferry slices alerts --json                  # everything that is stored, a line of JSON each\n\n\
    A slice that is being copied is shown as its last checkpoint left it: waiting or open.")]
pub struct Slices {
    /// The migration
    name: String,
    /// Only those in this state
    #[arg(long, value_name = "STATE", value_enum)]
    state: Option<StateName>,
}

impl Slices {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let wanted = WantedSlices { state: self.state };
        match Source::find(global)? {
            Source::Daemon(client) => {
                let mut pieces = pin!(client.slices(&self.name, &wanted).await?);
                let mut whole = lines::Whole::default();
                while let Some(piece) = pieces.try_next().await? {
                    let lines = whole.take(&piece);
                    if global.json {
                        output::write(&lines)?;
                    } else {
                        output::print(&described(&lines)?)?;
                    }
                }
            }
            Source::Store(store) => {
                locate::known(&store, &self.name)?;
                let slices = store.slices(&self.name);
                let slices = slices.filter(|slice| slice.as_ref().map_or(true, |slice| wanted.takes(slice)));
                lines::in_pieces(slices, |lines| {
                    if global.json { output::write(&lines) } else { output::print(&described(&lines)?) }
                })?;
            }
            Source::Nothing(state_dir) => return Err(locate::nothing_ran(&state_dir)),
        }
        Ok(DONE)
    }
}

fn described(lines: &[u8]) -> Result<String> {
    let lines = lines.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let read = |line| {
        serde_json::from_slice::<SliceRecord>(line).map_err(|error| {
            Error::unexpected("control_answer", "a slice record is not understood").because(error)
        })
    };
    lines.map(|line| read(line).map(|record| describe(&record))).collect()
}

fn describe(record: &SliceRecord) -> String {
    let docs = format!(
        "{} / {} docs",
        numbers::grouped(record.counts.settled()),
        numbers::grouped(record.slice.expected_docs)
    );
    let reason = match &record.state {
        SliceState::SetAside { reason, .. } => format!("  {reason}"),
        _ => String::new(),
    };
    let id = record.slice.id.to_string();
    format!("{id:12}  {:9}  {docs:>21}  {} attempts{reason}\n", record.state.to_string(), record.attempts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::slice::{Cursor, HalfOpen, Slice, SliceId, SliceRange};
    use crate::store::records::Counts;

    #[test]
    fn a_slice_is_a_line_with_its_reason() {
        let record = |number, state| SliceRecord {
            slice: Slice {
                id: SliceId { index: 0, shard: 2, number },
                range: SliceRange::SeqNo(HalfOpen::all()),
                expected_docs: 4871,
            },
            state,
            counts: Counts { written: 1200, ..Counts::default() },
            attempts: 10,
            dropped: std::collections::BTreeMap::new(),
        };
        let reason = "shard 2: HTTP 500".to_owned();
        let text = [
            record(17, SliceState::SetAside { reason, cursor: Cursor::Start }),
            record(1800, SliceState::Open { cursor: Cursor::SeqNo(5) }),
        ]
        .map(|record| describe(&record))
        .concat();
        insta::assert_snapshot!(text, @"
        0.2.17        set aside     1 200 / 4 871 docs  10 attempts  shard 2: HTTP 500
        0.2.1800      open          1 200 / 4 871 docs  10 attempts
        ");
    }
}
