//! Bulk bodies, built straight from the bytes of a page: each document is copied once.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};

use super::origin::{Identity, Origins, text};
use super::outcome::{Rejection, Sent};
use crate::cluster::dialect::writing::BulkTarget;
use crate::cluster::failure::Refusal;
use crate::source::{Hit, Page};
use crate::transform::{Document, DocumentError, Pipeline, Transformed};

/// Bytes that an action line takes beside id and routing.
const ACTION_BYTES: usize = 96;

/// How large a bulk request may get.
#[derive(Debug, Clone, Copy)]
pub struct BatchLimits {
    /// Documents.
    pub docs: usize,
    /// Bytes; a document larger than this travels alone.
    pub bytes: usize,
    /// Longest `_id` the target takes, in bytes; one longer id would have the whole request refused.
    pub max_id_bytes: Option<usize>,
}

/// Where a document's action and source stand in the body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) start: usize,
    /// Length of the `_id` as a JSON string; it begins at a fixed place of the action.
    pub(super) id: usize,
    pub(super) source: usize,
    pub(super) end: usize,
    /// It goes to another index than that of the request.
    pub(super) elsewhere: bool,
}

/// A bulk body and its items. The body is shared, never rebuilt for a retry of the whole.
#[derive(Debug, Clone)]
pub struct Batch {
    pub(super) body: Bytes,
    pub(super) items: Vec<Item>,
    /// Where the documents came from; `None` where their actions say so.
    pub(super) origins: Option<Origins>,
    /// Bytes of the documents in it.
    pub source_bytes: u64,
}

impl Batch {
    /// Number of documents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True without documents.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// A page, ready to be sent. Every hit of it is in one of these: a batch, the refused, the dropped.
#[derive(Debug, Default)]
#[must_use = "every document has to be accounted for"]
pub struct Cut {
    /// Bulk bodies.
    pub batches: Vec<Batch>,
    /// Documents that cannot be sent at all, with their reason.
    pub refused: Vec<Rejection>,
    /// Hits that a step left out, by the step's position.
    pub dropped: BTreeMap<usize, u64>,
    /// Documents in excess of one a hit, where a step makes several of one.
    pub derived: u64,
}

/// A document and the hit that it comes from.
pub(super) struct Planned<'page> {
    pub(super) hit: &'page Hit,
    pub(super) document: Document<'page>,
}

/// Cuts a page into batches. Documents that cannot be transformed or framed are refused here, with their reason.
///
/// # Errors
/// [`DocumentError::NoSource`] when a hit has no source: nothing of the page may be written then.
pub fn cut<'page>(
    page: &'page Page,
    pipeline: &'page Pipeline,
    target: &BulkTarget,
    limits: &BatchLimits,
) -> Result<Cut, DocumentError> {
    let mut cutting = Cutting::new(page, pipeline, target, limits);
    for (position, hit) in page.hits.iter().enumerate() {
        match pipeline.apply(hit, page) {
            Ok(Transformed::One(document)) => cutting.add(position, &Planned { hit, document }),
            Ok(Transformed::Several(several)) => {
                cutting.cut.derived += (several.len() as u64).saturating_sub(1);
                for document in several {
                    cutting.add(position, &Planned { hit, document });
                }
            }
            Ok(Transformed::Dropped { step }) => *cutting.cut.dropped.entry(step).or_default() += 1,
            Err(DocumentError::NoSource) => return Err(DocumentError::NoSource),
            Err(error) => cutting.cut.refused.push(Rejection {
                origin: Identity::of(hit, page),
                sent: None,
                version: hit.version,
                refusal: refused(error.error_type(), error.to_string()),
                attempts: 0,
            }),
        }
    }
    Ok(cutting.finish())
}

/// A page on its way into batches.
pub(super) struct Cutting<'page> {
    page: &'page Page,
    target: &'page BulkTarget,
    limits: &'page BatchLimits,
    untouched: bool,
    /// The batch that is being filled.
    now: Option<Building>,
    cut: Cut,
}

impl<'page> Cutting<'page> {
    pub(super) fn new(
        page: &'page Page,
        pipeline: &Pipeline,
        target: &'page BulkTarget,
        limits: &'page BatchLimits,
    ) -> Self {
        let untouched = pipeline.is_untouched();
        Cutting { page, target, limits, untouched, now: None, cut: Cut::default() }
    }

    pub(super) fn refuse(&mut self, rejection: Rejection) {
        self.cut.refused.push(rejection);
    }

    pub(super) fn finish(mut self) -> Cut {
        self.ends_batch();
        self.cut
    }

    /// Puts a document of the hit at `position` into this batch or the next one.
    pub(super) fn add(&mut self, position: usize, planned: &Planned<'_>) {
        if let Some(reason) = unframeable(&planned.document, self.target, self.limits) {
            self.cut.refused.push(rejection(planned, self.page, reason));
            return;
        }
        let size = size_of(&planned.document);
        if self.now.as_ref().is_some_and(|now| now.is_full(size, self.limits)) {
            self.ends_batch();
        }
        let now = self.now.get_or_insert_with(|| {
            // As much as the rest of the page may be.
            let hits = (self.page.hits.len() - position).min(self.limits.docs);
            let share = self.page.body.len() / self.page.hits.len() * hits;
            let room = (share + hits * ACTION_BYTES).min(self.limits.bytes).max(size);
            Building {
                body: BytesMut::with_capacity(room),
                items: Vec::with_capacity(hits),
                origins: (!self.untouched).then(Origins::default),
                source_bytes: 0,
            }
        });
        let refused = now.push(planned, self.page, self.target);
        self.cut.refused.extend(refused.map(|reason| rejection(planned, self.page, reason)));
    }

    fn ends_batch(&mut self) {
        let Some(Building { body, items, origins, source_bytes }) = self.now.take() else { return };
        if !items.is_empty() {
            self.cut.batches.push(Batch { body: body.freeze(), items, origins, source_bytes });
        }
    }
}

/// What a document may take of a request.
fn size_of(document: &Document<'_>) -> usize {
    ACTION_BYTES
        + document.id.len()
        + document.routing.as_ref().map_or(0, |routing| routing.len())
        + document.index.as_ref().map_or(0, |index| index.len() + ACTION_BYTES)
        + document.source.len()
}

struct Building {
    body: BytesMut,
    items: Vec<Item>,
    origins: Option<Origins>,
    source_bytes: u64,
}

impl Building {
    /// Whether a document of this size belongs into the next batch.
    fn is_full(&self, size: usize, limits: &BatchLimits) -> bool {
        !self.items.is_empty() && (self.items.len() >= limits.docs || self.body.len() + size > limits.bytes)
    }

    /// Appends a document, or says why no request can carry it.
    fn push(
        &mut self,
        planned: &Planned<'_>,
        page: &Page,
        target: &BulkTarget,
    ) -> Option<(&'static str, String)> {
        let Planned { hit, document } = planned;
        let start = self.body.len();
        target.action(
            &mut self.body,
            &document.id,
            document.routing.as_deref(),
            document.version,
            document.index.as_deref(),
        );
        let source = self.body.len();
        if !target.has_source() {
            self.items.push(Item {
                start,
                id: document.id.len(),
                source,
                end: source,
                elsewhere: document.index.is_some(),
            });
            if let Some(origins) = &mut self.origins {
                origins.push(hit, page);
            }
            return None;
        }
        if memchr::memchr2(b'\n', b'\r', &document.source).is_none() {
            self.body.extend_from_slice(&document.source);
        } else if !unfold(&document.source, &mut self.body) {
            self.body.truncate(start);
            let reason = "a string of the document holds a raw line break, which no bulk request can carry";
            return Some(("raw_line_break", reason.to_owned()));
        }
        self.body.extend_from_slice(b"\n");
        self.items.push(Item {
            start,
            id: document.id.len(),
            source,
            end: self.body.len(),
            elsewhere: document.index.is_some(),
        });
        if let Some(origins) = &mut self.origins {
            origins.push(hit, page);
        }
        self.source_bytes += document.source.len() as u64;
        None
    }
}

/// Copies a document onto one line: line breaks between tokens become blanks. `false` when one stands in a string.
fn unfold(source: &[u8], body: &mut BytesMut) -> bool {
    body.reserve(source.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut from = 0;
    for (at, &byte) in source.iter().enumerate() {
        match byte {
            b'\n' | b'\r' if in_string => return false,
            b'\n' | b'\r' => {
                body.extend_from_slice(&source[from..at]);
                body.extend_from_slice(b" ");
                from = at + 1;
            }
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ => {}
        }
    }
    body.extend_from_slice(&source[from..]);
    true
}

fn unframeable(
    document: &Document<'_>,
    target: &BulkTarget,
    limits: &BatchLimits,
) -> Option<(&'static str, String)> {
    if document.version.is_none() && target.needs_version() {
        let reason =
            "the source tells no version of it: without one it could take the place of a newer document";
        return Some(("no_version", reason.to_owned()));
    }
    let most = limits.max_id_bytes?;
    // Quotes and escapes make the JSON longer than the id, never shorter.
    if document.id.len() <= most {
        return None;
    }
    let id: String = serde_json::from_slice(&document.id).unwrap_or_default();
    (id.len() > most)
        .then(|| ("id_too_long", format!("the id has {} bytes, the target takes {most}", id.len())))
}

fn rejection(planned: &Planned<'_>, page: &Page, (error_type, reason): (&str, String)) -> Rejection {
    let Planned { hit, document } = planned;
    let origin = Identity::of(hit, page);
    let id = text(&document.id);
    Rejection {
        sent: (id != origin.id || document.index.is_some())
            .then(|| Sent { index: document.index.as_deref().map(str::to_owned), id }),
        origin,
        version: document.version,
        refusal: refused(error_type, reason),
        attempts: 0,
    }
}

pub(super) fn refused(error_type: &str, reason: String) -> Refusal {
    Refusal { status: 400, error_type: error_type.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cluster::dialect::{Dialect, Distribution, Version};
    use crate::config::WriteMode;

    fn target() -> BulkTarget {
        let dialect = Dialect::of(Version::new(6, 8, 23), Distribution::Elasticsearch).unwrap();
        dialect.bulk_target("new", None, WriteMode::External, None)
    }

    fn page(hits: &[(&str, &str)]) -> Page {
        let hits: Vec<String> = hits
            .iter()
            .map(|(id, source)| format!(r#"{{"_id":{id},"_version":3,"_source":{source}}}"#))
            .collect();
        Page::read(Bytes::from(format!(
            r#"{{"hits":{{"total":{},"hits":[{}]}}}}"#,
            hits.len(),
            hits.join(",")
        )))
        .unwrap()
    }

    const LIMITS: BatchLimits = BatchLimits { docs: 1000, bytes: 15_000_000, max_id_bytes: Some(512) };

    #[test]
    fn documents_travel_byte_for_byte_behind_their_action() {
        let page = page(&[(r#""a\"b""#, r#"{ "n":1.10,"k":"\u00e9" }"#), (r#""2""#, "{\n  \"x\" : 1\r\n}")]);
        let Cut { batches, refused, .. } = cut(&page, &Pipeline::default(), &target(), &LIMITS).unwrap();
        assert!(refused.is_empty());
        insta::assert_snapshot!(String::from_utf8_lossy(&batches[0].body), @r#"
        {"index":{"_id":"a\"b","version":3,"version_type":"external"}}
        { "n":1.10,"k":"\u00e9" }
        {"index":{"_id":"2","version":3,"version_type":"external"}}
        {   "x" : 1  }
        "#);
    }

    #[test]
    fn what_cannot_be_framed_is_refused_alone() {
        let long = format!("\"{}\"", "é".repeat(257));
        let longest = format!("\"{}\"", "é".repeat(256));
        let page = page(&[("\"1\"", "{\"a\":\"x\ny\"}"), (&long, "{}"), (&longest, "{}")]);
        let Cut { batches, refused, .. } = cut(&page, &Pipeline::default(), &target(), &LIMITS).unwrap();
        let types: Vec<&str> =
            refused.iter().map(|rejection| rejection.refusal.error_type.as_str()).collect();
        assert_eq!((batches.len(), batches[0].len(), types), (1, 1, vec!["raw_line_break", "id_too_long"]));
    }

    #[test]
    fn a_document_without_a_version_is_refused_where_versions_guard_newer_ones() {
        let hits = br#"{"hits":{"total":2,"hits":[{"_id":"1","_source":{}},{"_id":"2","_version":1,"_source":{}}]}}"#;
        let page = Page::read(Bytes::from_static(hits)).unwrap();
        let Cut { batches, refused, .. } = cut(&page, &Pipeline::default(), &target(), &LIMITS).unwrap();
        assert_eq!((batches.len(), batches[0].len(), refused.len()), (1, 1, 1));
        assert_eq!(
            (refused[0].origin.id.as_str(), refused[0].refusal.error_type.as_str()),
            ("1", "no_version")
        );
        let dialect = Dialect::of(Version::new(6, 8, 23), Distribution::Elasticsearch).unwrap();
        for mode in [WriteMode::Create, WriteMode::Index] {
            let target = dialect.bulk_target("new", None, mode, None);
            let cut = cut(&page, &Pipeline::default(), &target, &LIMITS).unwrap();
            assert_eq!((cut.batches[0].len(), cut.refused.len()), (2, 0));
        }
    }

    #[test]
    fn a_hit_without_a_source_stops_the_page() {
        let page = Page::read(Bytes::from_static(br#"{"hits":{"total":1,"hits":[{"_id":"1"}]}}"#)).unwrap();
        assert_eq!(
            cut(&page, &Pipeline::default(), &target(), &LIMITS).unwrap_err(),
            DocumentError::NoSource
        );
    }

    proptest! {
        #[test]
        fn every_document_is_in_exactly_one_batch_and_the_limits_hold(
            sizes in prop::collection::vec(0_usize..400, 0..60), docs in 1_usize..20, bytes in 200_usize..2000,
        ) {
            let hits: Vec<(String, String)> =
                sizes.iter().enumerate().map(|(n, size)| (format!("\"{n}\""), format!("{{\"a\":\"{}\"}}", "x".repeat(*size)))).collect();
            let hits: Vec<(&str, &str)> = hits.iter().map(|(id, source)| (id.as_str(), source.as_str())).collect();
            let limits = BatchLimits { docs, bytes, max_id_bytes: None };
            let page = page(&hits);
            let batches = cut(&page, &Pipeline::default(), &target(), &limits).unwrap().batches;
            prop_assert_eq!(batches.iter().map(Batch::len).sum::<usize>(), hits.len());
            for batch in &batches {
                prop_assert!(batch.len() <= docs && (batch.len() == 1 || batch.body.len() <= bytes));
                prop_assert_eq!(batch.items.iter().map(|item| item.end - item.start).sum::<usize>(), batch.body.len());
            }
        }
    }
}
