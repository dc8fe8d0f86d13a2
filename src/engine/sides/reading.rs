//! Units read into sorted runs, again from the beginning as often as it takes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::sightings::{Sighted, place_of_failure};
use super::units::Unit;
use super::{Depth, Sides};
use crate::cluster::dialect::reading::Wanted;
use crate::cluster::selection::{Selection, SliceRange};
use crate::diff::{RunWriter, Sighting};
use crate::engine::context::Context;
use crate::engine::reading::{AbortOnDrop, Broken, read};
use crate::engine::throttle::Reads;
use crate::engine::worker::{IndexCopy, blocking};
use crate::error::{Error, Result};
use crate::plan::slice::{Cursor, SliceId};
use crate::source::{PageSize, ReadError, SliceReader, SourceIndex};
use crate::store::units::{Part, Purpose, Sum, UnitName};

/// Sightings in memory, of each unit that is read.
const RUN_BYTES: u32 = 8 * 1024 * 1024;
/// Size of a hit without its document, before any has been seen.
const KEY_BYTES: u64 = 120;
/// Size of a document, before any has been seen.
const FIRST_GUESS: u64 = 1500;
/// Documents a page, at most: without what they say they are small.
const PAGE_KEYS: u32 = 10_000;
/// Longest pause between two tries at the same slice.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a unit became.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) runs: u32,
    pub(super) docs: u64,
    pub(super) sums: BTreeMap<u32, Sum>,
}

/// Documents that are read as one, and what they belong to.
struct What {
    /// The index copy, for documents of the source.
    copy: Option<Arc<IndexCopy>>,
    whole: bool,
    from: SourceIndex,
    selection: Selection,
    ordinal: u32,
}

impl Context {
    /// Slices of the source, one after the other; `None` when the work was to stop.
    pub(super) async fn read_slices(&self, sides: &Sides, unit: Unit) -> Result<Option<Read>> {
        let UnitName { index, shard, number, .. } = unit.name;
        let copy = sides.copy(index)?;
        let whole = sides.reads_sources(&copy);
        let from = match whole {
            true => {
                let docs = self.config.slice.page_docs;
                let page_size = Arc::new(PageSize::new(docs, FIRST_GUESS));
                SourceIndex { page_size, ..copy.source.clone() }
            }
            false => SourceIndex {
                cluster: self.source.clone(),
                wanted: copy.source.wanted.without_source(),
                page_size: Arc::new(PageSize::new(PAGE_KEYS, KEY_BYTES)),
            },
        };
        let mut sighted = Sighted::new(self.writer(sides, unit), sides);
        for number in number..number + unit.slices {
            let id = SliceId { index, shard, number };
            let slice = self.store.slice(&self.name, id)?;
            let slice =
                slice.ok_or_else(|| Error::state("corrupt", format!("slice {id} is gone from the store")))?;
            let selection = Selection {
                index: copy.source_name.clone(),
                shard: Some(shard),
                range: slice.slice.range,
                query: copy.query.clone(),
                types: copy.only_types.clone(),
            };
            let (copy, from) = (Some(copy.clone()), from.clone());
            let what = What { copy, whole, from, selection, ordinal: index };
            let Some(same) = self.read_pages(sides, &what, sighted).await? else { return Ok(None) };
            sighted = same;
        }
        finished(sighted).await.map(Some)
    }

    /// A shard of the target.
    pub(super) async fn read_shard(&self, sides: &Sides, unit: Unit) -> Result<Option<Read>> {
        let UnitName { index, shard, .. } = unit.name;
        let (wanted, page_size) = match sides.depth {
            Depth::Keys => {
                (Wanted::Keys { routing: true, parent: false }, PageSize::new(PAGE_KEYS, KEY_BYTES))
            }
            Depth::Contents => {
                let docs = self.config.slice.page_docs;
                (Wanted::Documents { routing: true, parent: false }, PageSize::new(docs, FIRST_GUESS))
            }
        };
        let from = SourceIndex { cluster: self.target.clone(), wanted, page_size: Arc::new(page_size) };
        let selection = Selection {
            index: sides.target(index)?.to_owned(),
            shard: Some(shard),
            range: SliceRange::Part { slice: 0, of: 1 },
            query: None,
            types: Vec::new(),
        };
        let sighted = Sighted::new(self.writer(sides, unit), sides);
        let what = What { copy: None, whole: false, from, selection, ordinal: index };
        match self.read_pages(sides, &what, sighted).await? {
            Some(sighted) => finished(sighted).await.map(Some),
            None => Ok(None),
        }
    }

    fn writer(&self, sides: &Sides, unit: Unit) -> RunWriter {
        RunWriter::new(self.runs_of(sides.purpose, unit.name), RUN_BYTES)
    }

    /// All pages of a selection, read again from the beginning as often as it takes: a document that is seen twice counts
    /// once where both sides meet.
    async fn read_pages(&self, sides: &Sides, what: &What, mut sighted: Sighted) -> Result<Option<Sighted>> {
        let What { from, selection, .. } = what;
        let part = if what.copy.is_some() { Part::Source } else { Part::Target };
        let reads = if what.whole { Reads::Documents } else { Reads::Keys };
        let (docs_before, sums_before) = (sighted.docs, sighted.sums.clone());
        let mut failed = 0_u32;
        loop {
            let (pages, mut page) = mpsc::channel(1);
            let reader = SliceReader::new(from.clone(), selection.clone(), Cursor::Start);
            let gate = (self.throttle.clone(), reads);
            let reading = read(reader, pages, from.page_size.clone(), gate, self.progress.clone());
            let _reading = AbortOnDrop(tokio::spawn(reading));
            let broken = loop {
                let next = tokio::select! {
                    next = page.recv() => next.unwrap_or_else(|| Err(Broken::vanished())),
                    () = sides.stop.cancelled() => return Ok(None),
                };
                match next {
                    Ok(Some(next)) => {
                        self.progress.sees(sides.purpose, part, next.page.hits.len() as u64);
                        let (copy, ordinal, whole) = (what.copy.clone(), what.ordinal, what.whole);
                        let others = sides.others.clone();
                        sighted = blocking(move || {
                            match copy {
                                Some(copy) => sighted.source(ordinal, (&copy, &others), &next.page, whole)?,
                                None => sighted.target(ordinal, &next.page)?,
                            }
                            Ok(sighted)
                        })
                        .await?;
                    }
                    Ok(None) => return Ok(Some(sighted)),
                    Err(broken) => break broken,
                }
            };
            (sighted.docs, sighted.sums) = (docs_before, sums_before.clone());
            let reason = match broken {
                Broken::Held => continue,
                Broken::Lost(ReadError::Fatal(error)) => return Err(error),
                Broken::Lost(lost) => lost.to_string(),
            };
            from.page_size.suffers();
            failed += 1;
            tracing::warn!(reason, "a part of a side is read again");
            let side = if part == Part::Target { "target" } else { "source" };
            let _waiting = self.progress.waits.begin(format!("{side} {reason}"));
            let pause = (Duration::from_millis(500) * 2_u32.pow(failed.min(6))).min(LONGEST_PAUSE);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = sides.stop.cancelled() => return Ok(None),
            }
        }
    }

    /// What is known not to be on the target.
    pub(super) async fn read_failures(&self, sides: &Sides, unit: Unit) -> Result<Option<Read>> {
        let failures = self.store.failures_by_key(&self.name);
        let mut writer = self.writer(sides, unit);
        let copies = sides.copies.clone();
        let others = if sides.purpose == Purpose::Pass { BTreeMap::new() } else { sides.others.clone() };
        blocking(move || {
            let mut docs = 0;
            for failure in failures {
                let (key, failure) = failure?;
                let Some(copy) = copies.get(&failure.slice.index) else { continue };
                let place = place_of_failure((copy, &others), &failure)?;
                let sighting =
                    Sighting { version: failure.version, failure: Some(key), ..Sighting::default() };
                writer.push(&place, &sighting.encode()?)?;
                docs += 1;
            }
            Ok(Some(Read { runs: writer.finish()?, docs, sums: BTreeMap::new() }))
        })
        .await
    }
}

async fn finished(sighted: Sighted) -> Result<Read> {
    let Sighted { writer, docs, sums, .. } = sighted;
    let runs = blocking(move || writer.finish()).await?;
    Ok(Read { runs, docs, sums })
}
