//! Sorted runs on the disk: written from a buffer of bounded size, read back as one ordered stream.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use itertools::Itertools;

use super::Side;
use super::sighting::damaged;
use crate::error::{Error, Result};

/// Files that are read side by side; more runs than these are merged in two steps.
const MOST_OPEN: usize = 128;
/// Of each of them, at once in memory.
const READ_BYTES: usize = 64 * 1024;

/// Collects sightings of one side and writes them as sorted runs.
#[derive(Debug)]
pub struct RunWriter {
    path: PathBuf,
    bytes: Vec<u8>,
    /// Where each entry begins.
    starts: Vec<u32>,
    runs: u32,
}

impl RunWriter {
    /// Runs are files of this path with a number behind it. `room` is the size of the buffer in bytes, and that of a run.
    #[must_use]
    pub fn new(path: PathBuf, room: u32) -> Self {
        let bytes = Vec::with_capacity(usize::try_from(room).unwrap_or(usize::MAX));
        RunWriter { path, bytes, starts: Vec::new(), runs: 0 }
    }

    /// Adds a sighting.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn push(&mut self, place: &[u8], sighting: &[u8]) -> Result<()> {
        let room = self.bytes.capacity();
        if self.bytes.len() + place.len() + sighting.len() + 8 > room && !self.starts.is_empty() {
            self.write()?;
        }
        let (Ok(start), Ok(place_len), Ok(sighting_len)) =
            (u32::try_from(self.bytes.len()), u32::try_from(place.len()), u32::try_from(sighting.len()))
        else {
            return Err(Error::unexpected("sighting", "a sighting has no room in memory"));
        };
        self.starts.push(start);
        self.bytes.extend_from_slice(&place_len.to_le_bytes());
        self.bytes.extend_from_slice(&sighting_len.to_le_bytes());
        self.bytes.extend_from_slice(place);
        self.bytes.extend_from_slice(sighting);
        Ok(())
    }

    /// Writes what is left, and returns how many runs there are, all of them on the disk for good.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn finish(mut self) -> Result<u32> {
        if !self.starts.is_empty() {
            self.write()?;
        }
        Ok(self.runs)
    }

    fn write(&mut self) -> Result<()> {
        let bytes = &self.bytes;
        let at = |start: u32| &bytes[usize::try_from(start).unwrap_or(usize::MAX)..];
        self.starts.sort_unstable_by(|a, b| split(at(*a)).cmp(&split(at(*b))));
        let path = run_path(&self.path, self.runs);
        let write = || -> io::Result<()> {
            let mut file = BufWriter::with_capacity(READ_BYTES, File::create(&path)?);
            for start in &self.starts {
                let entry = at(*start);
                let (place, sighting) = split(entry);
                file.write_all(&entry[..8 + place.len() + sighting.len()])?;
            }
            file.into_inner()?.sync_all()
        };
        write().map_err(|cause| unusable(&path, cause))?;
        self.runs += 1;
        self.bytes.clear();
        self.starts.clear();
        Ok(())
    }
}

/// Place and sighting of the entry that begins here.
fn split(entry: &[u8]) -> (&[u8], &[u8]) {
    let length = |bytes: &[u8]| {
        let bytes: [u8; 4] = bytes.try_into().unwrap_or_default();
        usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(usize::MAX)
    };
    let (place, sighting) = (length(&entry[..4]), length(&entry[4..8]));
    (&entry[8..8 + place], &entry[8 + place..8 + place + sighting])
}

/// The file of a writer's run.
fn run_path(path: &Path, run: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{run}"));
    PathBuf::from(name)
}

/// An entry of a run: a place, and what is seen there.
pub(super) struct Entry {
    pub(super) place: Vec<u8>,
    pub(super) side: Side,
    pub(super) sighting: Vec<u8>,
}

/// Runs of all sides.
#[derive(Debug, Default)]
pub struct Runs(Vec<(Side, PathBuf)>);

impl Runs {
    /// Adds the runs of a writer.
    pub fn add(&mut self, side: Side, path: &Path, runs: u32) {
        self.0.extend((0..runs).map(|run| (side, run_path(path, run))));
    }

    /// All entries in the order of their places. Where there are very many runs, some are merged in `dir` first.
    ///
    /// # Errors
    /// `State` when a file is missing or damaged, or the disk refuses.
    pub(super) fn entries(self, dir: &Path) -> Result<impl Iterator<Item = Result<Entry>> + use<>> {
        let mut runs = self.0;
        let mut merged = 0;
        while runs.len() > MOST_OPEN {
            // Of one side, so that a run still has one.
            runs.sort_by_key(|(side, _)| *side);
            let mut fewer = Vec::new();
            for (side, some) in &runs.iter().chunk_by(|(side, _)| *side) {
                let some: Vec<&(Side, PathBuf)> = some.collect();
                for some in some.chunks(MOST_OPEN) {
                    let path = dir.join(format!("merged.{merged}"));
                    merged += 1;
                    write_merged(some.iter().map(|(_, path)| path), side, &path)?;
                    fewer.push((side, path));
                }
            }
            runs = fewer;
        }
        stream(runs)
    }
}

fn stream(runs: Vec<(Side, PathBuf)>) -> Result<impl Iterator<Item = Result<Entry>>> {
    let runs = runs.into_iter().map(|(side, path)| Run::open(side, path));
    let runs = runs.collect::<Result<Vec<Run>>>()?;
    // Whoever has an error comes first, for nothing after it can be relied on.
    Ok(runs.into_iter().kmerge_by(|a: &Result<Entry>, b: &Result<Entry>| match (a, b) {
        (Ok(a), Ok(b)) => (&a.place, a.side) < (&b.place, b.side),
        (Err(_), _) => true,
        (Ok(_), Err(_)) => false,
    }))
}

fn write_merged<'a>(runs: impl Iterator<Item = &'a PathBuf>, side: Side, path: &Path) -> Result<()> {
    let entries = stream(runs.map(|path| (side, path.clone())).collect())?;
    let file = File::create(path).map_err(|cause| unusable(path, cause))?;
    let mut file = BufWriter::with_capacity(READ_BYTES, file);
    for entry in entries {
        let Entry { place, sighting, .. } = entry?;
        let lengths = u32::try_from(place.len()).ok().zip(u32::try_from(sighting.len()).ok());
        let Some((place_len, sighting_len)) = lengths else { return Err(damaged()) };
        let written = file
            .write_all(&place_len.to_le_bytes())
            .and_then(|()| file.write_all(&sighting_len.to_le_bytes()))
            .and_then(|()| file.write_all(&place))
            .and_then(|()| file.write_all(&sighting));
        written.map_err(|cause| unusable(path, cause))?;
    }
    file.flush().map_err(|cause| unusable(path, cause))
}

/// A run that is read from its beginning.
struct Run {
    side: Side,
    path: PathBuf,
    file: BufReader<File>,
}

impl Run {
    fn open(side: Side, path: PathBuf) -> Result<Run> {
        let file = File::open(&path).map_err(|cause| unusable(&path, cause))?;
        Ok(Run { side, path, file: BufReader::with_capacity(READ_BYTES, file) })
    }

    fn read(&mut self) -> io::Result<Option<Entry>> {
        let mut lengths = [0; 8];
        if self.file.read(&mut lengths[..1])? == 0 {
            return Ok(None);
        }
        self.file.read_exact(&mut lengths[1..])?;
        let mut take = |bytes: &[u8]| {
            let length = u32::from_le_bytes(bytes.try_into().unwrap_or_default());
            let mut part = Vec::new();
            let read = (&mut self.file).take(u64::from(length)).read_to_end(&mut part)?;
            if u64::try_from(read).ok() == Some(u64::from(length)) {
                Ok(part)
            } else {
                Err(io::Error::from(io::ErrorKind::UnexpectedEof))
            }
        };
        Ok(Some(Entry { side: self.side, place: take(&lengths[..4])?, sighting: take(&lengths[4..])? }))
    }
}

impl Iterator for Run {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        match self.read() {
            Ok(entry) => entry.map(Ok),
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => Some(Err(damaged().because(cause))),
            Err(cause) => Some(Err(unusable(&self.path, cause))),
        }
    }
}

pub(super) fn unusable(path: &Path, cause: io::Error) -> Error {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let full = matches!(cause.kind(), StorageFull | QuotaExceeded | FileTooLarge);
    let (code, hint) = if full {
        ("disk_full", "make room on the disk and start again: nothing is lost")
    } else {
        ("store_io", "check that the directory is writable and the disk healthy")
    };
    Error::state(code, format!("{} cannot be used", path.display())).hint(hint).because(cause)
}
