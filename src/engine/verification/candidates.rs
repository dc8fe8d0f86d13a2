//! What differed when both sides were read, at different moments: a list on the disk, a line a document.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Verification, differing};
use crate::diff::{Meeting, meet};
use crate::engine::current::DocumentKey;
use crate::engine::sides::{Depth, Sides, key_of};
use crate::engine::worker::blocking;
use crate::error::{Error, Result};
use crate::failpoint::Failpoint;
use crate::store::units::{Part, Purpose};
use crate::store::verification::Stage;

/// The list is stored at least after so many places, also where nothing differs.
const PLACES: u64 = 1_000_000;
/// And after so many candidates.
const CANDIDATES: u64 = 10_000;

/// A document that differed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Candidate {
    /// Ordinal of its index on the target.
    pub(super) index: u32,
    /// Its id there.
    pub(super) id: String,
    /// Its routing there.
    pub(super) routing: Option<String>,
    /// What names it on the source; absent for what only the target has.
    pub(super) source: Option<Named>,
    /// Its version on the target, where it was there.
    pub(super) target: Option<u64>,
    /// Keys of its failures.
    pub(super) failures: Vec<Vec<u8>>,
    /// What was there when it was looked at last.
    pub(super) seen: Option<Seen>,
}

/// A document of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Named {
    /// Ordinal of its index.
    pub(super) index: u32,
    /// What names it there.
    pub(super) key: DocumentKey,
}

/// Both sides, when they were looked at last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Version of the document on the source; absent where nothing of it belongs there.
    pub(super) source: Option<u64>,
    /// Version of the target's document; absent where there was none.
    pub(super) target: Option<u64>,
}

impl Candidate {
    fn of(sides: &Sides, meeting: &Meeting) -> Result<Candidate> {
        let (index, id, routing) = meeting.parts()?;
        let source = match &meeting.source {
            Some(sighting) => {
                let from = sighting.origin.as_ref().and_then(|origin| origin.from).unwrap_or(index);
                let copy = sides.copy(from)?;
                let key = key_of(&copy, sighting, id.clone(), routing.clone());
                Some(Named { index: from, key })
            }
            None => None,
        };
        let target = meeting.target.as_ref().and_then(|sighting| sighting.version);
        let failures = meeting.failures.iter().filter_map(|sighting| sighting.failure.clone()).collect();
        Ok(Candidate { index, id, routing, source, target, failures, seen: None })
    }
}

impl Candidate {
    /// Where it is on the target.
    pub(super) fn place(&self) -> (u32, &str, Option<&str>) {
        (self.index, &self.id, self.routing.as_deref())
    }
}

/// Whether what both sides have at a place has to be looked at.
fn differs(sides: &Sides, meeting: &Meeting) -> bool {
    match (&meeting.source, &meeting.target) {
        (Some(source), Some(target)) => {
            let version = sides.versions && source.version != target.version;
            version || (sides.depth == Depth::Contents && source.content != target.content)
        }
        (None, None) => false,
        _ => true,
    }
}

/// A list of candidates, or of differences: lines of JSON up to a length that the store knows.
pub(super) struct Lines {
    path: PathBuf,
    file: BufWriter<File>,
    length: u64,
}

impl Lines {
    /// Goes on behind `length` bytes; what a crash left behind them goes.
    pub(super) fn open(path: PathBuf, length: u64) -> Result<Lines> {
        let open = || {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            let mut file =
                OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path)?;
            if file.metadata()?.len() < length {
                return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof));
            }
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length))?;
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(Lines { file: BufWriter::new(file), length, path }),
            Err(cause) => Err(unusable(&path, cause)),
        }
    }

    pub(super) fn push(&mut self, line: &impl Serialize) -> Result<()> {
        let mut bytes = serde_json::to_vec(line).map_err(|cause| {
            Error::unexpected("encode", "a line cannot be written as JSON").because(cause)
        })?;
        bytes.push(b'\n');
        self.length += bytes.len() as u64;
        self.file.write_all(&bytes).map_err(|cause| unusable(&self.path, cause))
    }

    /// Its length, all of it on the disk for good.
    pub(super) fn sync(&mut self) -> Result<u64> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_data());
        written.map(|()| self.length).map_err(|cause| unusable(&self.path, cause))
    }
}

fn unusable(path: &Path, cause: std::io::Error) -> Error {
    Error::state("verification_file", format!("{} cannot be used", path.display()))
        .hint("check the disk; `esferry verify --anew` begins again")
        .because(cause)
}

/// Where the list of a round is.
pub(super) fn list_of(dir: &Path, round: u32) -> PathBuf {
    dir.join(format!("candidates.{round}"))
}

/// The next candidates behind `from` bytes of a list that has `length`, about `most` of them, and where they end. Those of
/// one id stay together.
pub(super) fn next_of(path: &Path, from: u64, length: u64, most: usize) -> Result<(Vec<Candidate>, u64)> {
    let mut candidates: Vec<Candidate> = Vec::new();
    let mut at = from;
    if from >= length {
        return Ok((candidates, at));
    }
    let open = || {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        Ok(BufReader::new(file))
    };
    let mut file = open().map_err(|cause| unusable(path, cause))?;
    let mut line = Vec::new();
    while at < length {
        line.clear();
        let read = file.read_until(b'\n', &mut line).map_err(|cause| unusable(path, cause))?;
        let candidate: Candidate = serde_json::from_slice(&line)
            .map_err(|cause| unusable(path, std::io::Error::new(std::io::ErrorKind::InvalidData, cause)))?;
        let joins = candidates.last().is_none_or(|last| {
            last.index == candidate.index && (candidates.len() < most || last.id == candidate.id)
        });
        if !joins {
            break;
        }
        at += read as u64;
        candidates.push(candidate);
    }
    Ok((candidates, at))
}

impl Verification<'_> {
    /// All places in order, from behind `after` on: what differs becomes the first list of candidates. False when the work
    /// was to stop.
    pub(super) async fn meet(&mut self, after: Option<Vec<u8>>, length: u64) -> Result<bool> {
        let context = self.context;
        let dir = context.store.units_dir(Purpose::Verification, &context.name);
        let units = context.store.units(Purpose::Verification, &context.name)?;
        let differing = differing(&units);
        let concerned: Vec<_> = units
            .into_iter()
            .filter(|unit| {
                let concerned = unit.sums.keys().any(|index| differing.contains(index));
                concerned || unit.name.part == Part::Failures
            })
            .collect();
        let runs = context.runs(Purpose::Verification, &concerned);
        let mut lines = Lines::open(list_of(&dir, 0), length)?;
        let mut meetings = blocking(move || meet(runs, &dir)).await?;
        let foreign = self.foreign()?;
        loop {
            let (sides, after, differing, foreign) =
                (self.sides.clone(), after.clone(), differing.clone(), foreign.clone());
            let work = blocking(move || {
                let (mut places, mut new, mut last) = (0, 0, None);
                for meeting in meetings.by_ref() {
                    let meeting = meeting?;
                    places += 1;
                    if after.as_ref().is_none_or(|after| meeting.place > *after) {
                        let (index, ..) = meeting.parts()?;
                        let extra_of_others = meeting.source.is_none() && foreign.contains(&index);
                        if differing.contains(&index) && differs(&sides, &meeting) && !extra_of_others {
                            lines.push(&Candidate::of(&sides, &meeting)?)?;
                            new += 1;
                        }
                        last = Some(meeting.place);
                    }
                    if places >= PLACES || new >= CANDIDATES {
                        break;
                    }
                }
                let length = lines.sync()?;
                Ok((meetings, lines, length, new, last, places))
            });
            let (length, new, last, places);
            (meetings, lines, length, new, last, places) = work.await?;
            if let Some(last) = last {
                Failpoint::CandidatesWritten.pass();
                self.update(move |record| {
                    record.counts.candidates += new;
                    record.stage = Stage::Meeting { after: Some(last), candidates: length };
                })
                .await?;
            }
            if self.sides.stop.is_cancelled() {
                return Ok(false);
            }
            if places == 0 {
                let stage = Stage::Looking { round: 0, from: 0, until: length, next: 0, differences: 0 };
                self.update(|record| record.stage = stage).await?;
                return Ok(true);
            }
        }
    }

    /// Targets that held documents before the migration: what only they have is not ours to judge.
    fn foreign(&self) -> Result<Vec<u32>> {
        let record = self.context.store.migration(&self.context.name)?;
        let others = record.map(|record| record.others).unwrap_or_default();
        let foreign = others.iter().filter(|other| other.before > 0);
        Ok(foreign.filter_map(|other| self.sides.others.get(&other.name).copied()).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn candidate() -> impl Strategy<Value = Candidate> {
        let key = ("[a-c]{1,2}", proptest::option::of("\\PC{0,3}"));
        let seen = proptest::option::of(
            any::<(Option<u64>, Option<u64>)>().prop_map(|(source, target)| Seen { source, target }),
        );
        (0..3_u32, key, any::<Option<u64>>(), seen).prop_map(|(index, (id, routing), target, seen)| {
            Candidate { index, id, routing, source: None, target, failures: Vec::new(), seen }
        })
    }

    proptest! {
        /// What was synced is read again in pieces of any size, each once, in its order, and those of one id together; what a
        /// death left behind it is gone.
        #[test]
        fn a_list_reads_back_in_pieces(
            mut all in proptest::collection::vec(candidate(), 0..40),
            torn in "[ -~]{0,40}",
            first in 0..40_usize,
            most in 1..7_usize,
        ) {
            all.sort_by(|one, other| (one.index, &one.id).cmp(&(other.index, &other.id)));
            let dir = tempfile::tempdir().unwrap();
            let path = list_of(dir.path(), 2);
            let first = first.min(all.len());
            let mut lines = Lines::open(path.clone(), 0).unwrap();
            all[..first].iter().for_each(|candidate| lines.push(candidate).unwrap());
            let length = lines.sync().unwrap();
            // Half of a line that the store knows nothing of.
            lines.file.write_all(torn.as_bytes()).unwrap();
            lines.file.flush().unwrap();
            drop(lines);
            let mut lines = Lines::open(path.clone(), length).unwrap();
            all[first..].iter().for_each(|candidate| lines.push(candidate).unwrap());
            let length = lines.sync().unwrap();
            let (mut at, mut read): (u64, Vec<Candidate>) = (0, Vec::new());
            while at < length {
                let (piece, upto) = next_of(&path, at, length, most).unwrap();
                prop_assert!(!piece.is_empty() && upto > at);
                prop_assert!(piece.iter().all(|candidate| candidate.index == piece[0].index));
                if let (Some(last), Some(next)) = (read.last(), piece.first()) {
                    prop_assert!((last.index, &last.id) != (next.index, &next.id), "{} is torn apart", next.id);
                }
                read.extend(piece);
                at = upto;
            }
            prop_assert_eq!(read, all);
        }

        #[test]
        fn a_list_that_is_shorter_than_the_store_says_is_an_error(missing in 1..100_u64) {
            let dir = tempfile::tempdir().unwrap();
            let path = list_of(dir.path(), 0);
            let mut lines = Lines::open(path.clone(), 0).unwrap();
            let length = lines.sync().unwrap();
            prop_assert_eq!(Lines::open(path, length + missing).err().map(|error| error.code()), Some("verification_file"));
        }
    }
}
