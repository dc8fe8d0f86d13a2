//! Units read into sorted runs: ids, routing and versions, without the documents.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::pass::Pass;
use super::units::Unit;
use crate::cluster::dialect::reading::Wanted;
use crate::cluster::selection::{Selection, SliceRange};
use crate::diff::{Origin, RunWriter, Sighting, place};
use crate::engine::context::Context;
use crate::engine::reading::{AbortOnDrop, Broken, read};
use crate::engine::throttle::Reads;
use crate::engine::worker::{IndexCopy, blocking};
use crate::error::{Error, Result};
use crate::plan::slice::{Cursor, SliceId};
use crate::source::{Given, Page, PageSize, ReadError, SliceReader, SourceIndex};
use crate::store::passes::{Part, UnitName};
use crate::store::records::Failure;
use crate::transform::json;

/// Sightings in memory, of each unit that is read.
const RUN_BYTES: u32 = 8 * 1024 * 1024;
/// Size of a hit without its document, before any has been seen.
const FIRST_GUESS: u64 = 120;
/// Documents a page, at most: they are small.
const PAGE_DOCS: u32 = 10_000;
/// Longest pause between two tries at the same slice.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Runs of a unit, and documents in them; `None` when the work was to stop.
pub(super) type Read = Option<(u32, u64)>;

/// Documents that are read as one, and what they belong to.
struct What {
    copy: Arc<IndexCopy>,
    from: SourceIndex,
    selection: Selection,
    part: Part,
    ordinal: u32,
}

impl Context {
    /// The files of a unit's runs begin with this.
    pub(super) fn runs_of(&self, unit: UnitName) -> PathBuf {
        self.store.sightings_dir(&self.name).join(unit.to_string())
    }

    /// Slices of the source, one after the other.
    pub(super) async fn read_slices(&self, pass: &Pass, unit: Unit) -> Result<Read> {
        let UnitName { index, shard, number, .. } = unit.name;
        let copy = copy_of(pass, index)?;
        let from = SourceIndex {
            cluster: self.source.clone(),
            wanted: copy.source.wanted.without_source(),
            page_size: Arc::new(PageSize::new(PAGE_DOCS, FIRST_GUESS)),
        };
        let mut writer = RunWriter::new(self.runs_of(unit.name), RUN_BYTES);
        let mut docs = 0;
        for number in number..number + unit.slices {
            let id = SliceId { index, shard, number };
            let slice = self.store.slice(&self.name, id)?;
            let slice =
                slice.ok_or_else(|| Error::state("corrupt", format!("slice {id} is gone from the store")))?;
            let selection = Selection {
                index: copy.source_name.clone(),
                shard: Some(shard),
                range: slice.slice.range,
                query: None,
                types: copy.only_types.clone(),
            };
            let what = What {
                copy: copy.clone(),
                from: from.clone(),
                selection,
                part: Part::Source,
                ordinal: index,
            };
            let taken = self.read_pages(pass, &what, writer).await?;
            let Some((same, read)) = taken else { return Ok(None) };
            writer = same;
            docs += read;
        }
        Ok(Some((blocking(move || writer.finish()).await?, docs)))
    }

    /// A shard of the target.
    pub(super) async fn read_shard(&self, pass: &Pass, unit: Unit) -> Result<Read> {
        let UnitName { index, shard, .. } = unit.name;
        let copy = copy_of(pass, index)?;
        let from = SourceIndex {
            cluster: self.target.clone(),
            wanted: Wanted::Keys { routing: true, parent: false },
            page_size: Arc::new(PageSize::new(PAGE_DOCS, FIRST_GUESS)),
        };
        let selection = Selection {
            index: copy.target_name.clone(),
            shard: Some(shard),
            range: SliceRange::Part { slice: 0, of: 1 },
            query: None,
            types: Vec::new(),
        };
        let writer = RunWriter::new(self.runs_of(unit.name), RUN_BYTES);
        let what = What { copy, from, selection, part: Part::Target, ordinal: index };
        let taken = self.read_pages(pass, &what, writer).await?;
        let Some((writer, docs)) = taken else { return Ok(None) };
        Ok(Some((blocking(move || writer.finish()).await?, docs)))
    }

    /// All pages of a selection, read again from the beginning as often as it takes: a document that is seen twice counts
    /// once where both sides meet.
    async fn read_pages(
        &self,
        pass: &Pass,
        what: &What,
        mut writer: RunWriter,
    ) -> Result<Option<(RunWriter, u64)>> {
        let What { copy, from, selection, part, ordinal } = what;
        let (part, ordinal) = (*part, *ordinal);
        let mut failed = 0_u32;
        loop {
            let (pages, mut page) = mpsc::channel(1);
            let reader = SliceReader::new(from.clone(), selection.clone(), Cursor::Start);
            let gate = (self.throttle.clone(), Reads::Keys);
            let reading = read(reader, pages, from.page_size.clone(), gate, self.progress.clone());
            let _reading = AbortOnDrop(tokio::spawn(reading));
            let mut docs = 0_u64;
            let broken = loop {
                let next = tokio::select! {
                    next = page.recv() => next.unwrap_or_else(|| Err(Broken::vanished())),
                    () = pass.stop.cancelled() => return Ok(None),
                };
                match next {
                    Ok(Some(next)) => {
                        docs += next.page.hits.len() as u64;
                        let hits = next.page.hits.len() as u64;
                        self.progress.passes(|passes| match part {
                            Part::Target => passes.counts.on_target += hits,
                            _ => passes.counts.on_source += hits,
                        });
                        let copy = copy.clone();
                        writer = blocking(move || {
                            match part {
                                Part::Target => target_sightings(&mut writer, ordinal, &next.page)?,
                                _ => source_sightings(&mut writer, ordinal, &copy, &next.page)?,
                            }
                            Ok(writer)
                        })
                        .await?;
                    }
                    Ok(None) => return Ok(Some((writer, docs))),
                    Err(broken) => break broken,
                }
            };
            let reason = match broken {
                Broken::Held => continue,
                Broken::Lost(ReadError::Fatal(error)) => return Err(error),
                Broken::Lost(lost) => lost.to_string(),
            };
            from.page_size.suffers();
            failed += 1;
            tracing::warn!(reason, "ids are read again");
            let side = if part == Part::Target { "target" } else { "source" };
            let _waiting = self.progress.waits.begin(format!("{side} {reason}"));
            let pause = (Duration::from_millis(500) * 2_u32.pow(failed.min(6))).min(LONGEST_PAUSE);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = pass.stop.cancelled() => return Ok(None),
            }
        }
    }

    /// What is known not to be on the target.
    pub(super) async fn read_failures(&self, pass: &Pass, unit: Unit) -> Result<Read> {
        let failures = self.store.failures_by_key(&self.name);
        let mut writer = RunWriter::new(self.runs_of(unit.name), RUN_BYTES);
        let copies = pass.copies.clone();
        blocking(move || {
            let mut docs = 0;
            for failure in failures {
                let (key, failure) = failure?;
                let Some(copy) = copies.get(&failure.slice.index) else { continue };
                let place = place_of_failure(copy, &failure)?;
                let sighting =
                    Sighting { version: failure.version, failure: Some(key), ..Sighting::default() };
                writer.push(&place, &sighting.encode()?)?;
                docs += 1;
            }
            Ok(Some((writer.finish()?, docs)))
        })
        .await
    }
}

/// The index copy that a unit belongs to.
pub(super) fn copy_of(pass: &Pass, index: u32) -> Result<Arc<IndexCopy>> {
    let copy = pass.copies.get(&index).cloned();
    copy.ok_or_else(|| Error::state("corrupt", format!("index {index} is gone from the store")))
}

fn source_sightings(writer: &mut RunWriter, ordinal: u32, copy: &IndexCopy, page: &Page) -> Result<()> {
    for hit in &page.hits {
        let own = |span: crate::source::Span| text(span.of(&page.body));
        let (id, routing) = (own(hit.id), hit.routing.map(own));
        let doc_type = hit.doc_type.map(own).filter(|name| copy.doc_type.as_deref() != Some(name));
        let parent = hit.parent.map(own).map(Cow::into_owned);
        let placed = copy.pipeline.place_of(hit, page);
        // What can have no place on the target is met under its own name, and becomes a failure with the reason.
        let (there_id, there_routing) = match &placed {
            Ok(document) => (text(&document.id), document.routing.as_deref().map(text)),
            Err(_) => (id.clone(), routing.clone()),
        };
        let own = (there_id != id || there_routing != routing)
            .then(|| (id.clone().into_owned(), routing.clone().map(Cow::into_owned)));
        let origin = Origin { doc_type: doc_type.map(Cow::into_owned), own, parent };
        let sighting = Sighting { version: hit.version, origin: Some(origin), failure: None };
        writer.push(&place(ordinal, &there_id, there_routing.as_deref())?, &sighting.encode()?)?;
    }
    Ok(())
}

fn target_sightings(writer: &mut RunWriter, ordinal: u32, page: &Page) -> Result<()> {
    for hit in &page.hits {
        let own = |span: crate::source::Span| text(span.of(&page.body));
        let (id, routing) = (own(hit.id), hit.routing.map(own));
        let sighting = Sighting { version: hit.version, ..Sighting::default() };
        writer.push(&place(ordinal, &id, routing.as_deref())?, &sighting.encode()?)?;
    }
    Ok(())
}

/// Where a failed document would be.
fn place_of_failure(copy: &IndexCopy, failure: &Failure) -> Result<Vec<u8>> {
    let page = Page::of([Given {
        doc_type: failure.doc_type.as_deref(),
        id: &failure.id,
        routing: failure.routing.as_deref(),
        // Which one it is does not matter here; that of a child routes it.
        parent: failure.routing.as_deref(),
        version: None,
        source: b"{}",
    }]);
    match page.hits.first().map(|hit| copy.pipeline.place_of(hit, &page)) {
        Some(Ok(document)) => {
            let routing = document.routing.as_deref().map(text);
            place(failure.slice.index, &text(&document.id), routing.as_deref())
        }
        _ => place(failure.slice.index, &failure.id, failure.routing.as_deref()),
    }
}

/// The text of a JSON string; pages have checked that it is one.
pub(super) fn text(raw: &[u8]) -> Cow<'_, str> {
    json::text(raw).unwrap_or_default()
}
