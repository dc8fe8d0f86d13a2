//! What stands in a page, as sightings: where each document stands on the target, its version, and what it says.

use std::borrow::Cow;
use std::collections::BTreeMap;

use twox_hash::XxHash3_128;

use super::{Depth, Sides};
use crate::diff::{Content, Origin, RunWriter, Sighting, place};
use crate::engine::current::DocumentKey;
use crate::engine::worker::IndexCopy;
use crate::error::{Error, Result};
use crate::source::{Given, Hit, Page};
use crate::store::records::Failure;
use crate::store::units::Sum;
use crate::transform::{Document, Transformed, json};

/// Sightings on their way into runs, and what they come to.
pub(super) struct Sighted {
    pub(super) writer: RunWriter,
    pub(super) docs: u64,
    pub(super) sums: BTreeMap<u32, Sum>,
    depth: Depth,
    versions: bool,
    scratch: Vec<u8>,
}

impl Sighted {
    pub(super) fn new(writer: RunWriter, sides: &Sides) -> Self {
        let Sides { depth, versions, .. } = *sides;
        Sighted { writer, docs: 0, sums: BTreeMap::new(), depth, versions, scratch: Vec::new() }
    }

    /// The documents of a page of the target.
    pub(super) fn target(&mut self, ordinal: u32, page: &Page) -> Result<()> {
        for hit in &page.hits {
            let (id, routing) = names(hit, page);
            let content = match self.depth {
                Depth::Keys => None,
                Depth::Contents => {
                    let source = hit.source.ok_or_else(|| no_source(&id))?;
                    Some(Content::of(source.of(&page.body)))
                }
            };
            let sighting = Sighting { version: hit.version, content, ..Sighting::default() };
            self.push(ordinal, &id, routing.as_deref(), &sighting)?;
        }
        Ok(())
    }

    /// What the documents of a page of the source become, `whole` where that hangs on what they say.
    pub(super) fn source(
        &mut self,
        ordinal: u32,
        (copy, others): (&IndexCopy, &BTreeMap<String, u32>),
        page: &Page,
        whole: bool,
    ) -> Result<()> {
        for hit in &page.hits {
            if !whole {
                let placed = copy.pipeline.place_of(hit, page).ok();
                self.becomes((ordinal, ordinal), copy, (hit, page), placed.as_ref(), None)?;
                continue;
            }
            if hit.source.is_none() {
                return Err(no_source(&names(hit, page).0));
            }
            let documents = match copy.pipeline.apply(hit, page) {
                Ok(Transformed::One(document)) => vec![document],
                Ok(Transformed::Several(documents)) => documents,
                Ok(Transformed::Dropped { .. }) => continue,
                Err(_) => {
                    let placed = copy.pipeline.place_of(hit, page).ok();
                    self.becomes((ordinal, ordinal), copy, (hit, page), placed.as_ref(), None)?;
                    continue;
                }
            };
            for document in &documents {
                // The pipeline lets a document go to a declared index and to no other.
                let to = match document.index.as_deref() {
                    None => ordinal,
                    Some(index) => match others.get(index) {
                        Some(other) => *other,
                        None => continue,
                    },
                };
                let content = (self.depth == Depth::Contents).then(|| Content::of(&document.source));
                self.becomes((ordinal, to), copy, (hit, page), Some(document), content)?;
            }
        }
        Ok(())
    }

    /// One document that a hit becomes. What can have no place on the target is met under its own name, with the reason
    /// when it is looked at.
    fn becomes(
        &mut self,
        (from, to): (u32, u32),
        copy: &IndexCopy,
        (hit, page): (&Hit, &Page),
        placed: Option<&Document<'_>>,
        content: Option<Content>,
    ) -> Result<()> {
        let own = |span: crate::source::Span| text(span.of(&page.body));
        let (id, routing) = names(hit, page);
        let doc_type = hit.doc_type.map(own).filter(|name| copy.doc_type.as_deref() != Some(name));
        let parent = hit.parent.map(own).map(Cow::into_owned);
        let (there_id, there_routing) = match placed {
            Some(document) => (text(&document.id), document.routing.as_deref().map(text)),
            None => (id.clone(), routing.clone()),
        };
        let own = (there_id != id || there_routing != routing)
            .then(|| (id.clone().into_owned(), routing.clone().map(Cow::into_owned)));
        let from = (from != to).then_some(from);
        let origin = Origin { from, doc_type: doc_type.map(Cow::into_owned), own, parent };
        let sighting = Sighting { version: hit.version, origin: Some(origin), content, failure: None };
        self.push(to, &there_id, there_routing.as_deref(), &sighting)
    }

    fn push(&mut self, ordinal: u32, id: &str, routing: Option<&str>, sighting: &Sighting) -> Result<()> {
        let place = place(ordinal, id, routing)?;
        let version = sighting.version.filter(|_| self.versions);
        self.scratch.clear();
        self.scratch.extend_from_slice(&place);
        self.scratch.extend_from_slice(&version.unwrap_or(u64::MAX).to_le_bytes());
        self.scratch
            .extend(sighting.content.map(|Content(content)| content.to_le_bytes()).into_iter().flatten());
        self.sums.entry(ordinal).or_default().take(XxHash3_128::oneshot(&self.scratch));
        self.docs += 1;
        self.writer.push(&place, &sighting.encode()?)
    }
}

fn names<'page>(hit: &Hit, page: &'page Page) -> (Cow<'page, str>, Option<Cow<'page, str>>) {
    (text(hit.id.of(&page.body)), hit.routing.map(|span| text(span.of(&page.body))))
}

fn no_source(id: &str) -> Error {
    Error::refused("no_source", format!("document `{id}` came without its _source"))
        .hint("its cluster does not give the documents out: check `_source` in the mapping and field-level security, or verify at level ids")
}

/// What names a document on the source that stands at this place of the target.
pub(in crate::engine) fn key_of(
    copy: &IndexCopy,
    source: &Sighting,
    id: String,
    routing: Option<String>,
) -> DocumentKey {
    let origin = source.origin.clone().unwrap_or_default();
    let (id, routing) = origin.own.unwrap_or((id, routing));
    let doc_type = origin.doc_type.or_else(|| copy.doc_type.clone());
    DocumentKey { doc_type, id, routing, parent: origin.parent }
}

/// Where a failed document would be.
pub(super) fn place_of_failure(
    (copy, others): (&IndexCopy, &BTreeMap<String, u32>),
    failure: &Failure,
) -> Result<Vec<u8>> {
    let other = failure.target_index.as_ref().and_then(|index| others.get(index));
    let ordinal = other.copied().unwrap_or(failure.slice.index);
    let page = Page::of([Given {
        doc_type: failure.doc_type.as_deref(),
        id: &failure.id,
        routing: failure.routing.as_deref(),
        // Which one it is does not matter here; that of a child routes it.
        parent: failure.routing.as_deref(),
        version: None,
        source: b"{}",
    }]);
    let placed = page.hits.first().map(|hit| copy.pipeline.place_of(hit, &page));
    let (id, routing) = match &placed {
        Some(Ok(document)) => (text(&document.id), document.routing.as_deref().map(text)),
        _ => (Cow::from(&failure.id), failure.routing.as_deref().map(Cow::from)),
    };
    let id = failure.target_id.as_deref().map_or(id, Cow::from);
    place(ordinal, &id, routing.as_deref())
}

/// The text of a JSON string; pages have checked that it is one.
pub(in crate::engine) fn text(raw: &[u8]) -> Cow<'_, str> {
    json::text(raw).unwrap_or_default()
}
