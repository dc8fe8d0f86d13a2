//! Bulk bodies, built straight from the bytes of a page: each document is copied once.

use bytes::{Bytes, BytesMut};

use super::delivery::Rejection;
use crate::cluster::dialect::writing::BulkTarget;
use crate::cluster::failure::Refusal;
use crate::source::Page;
use crate::transform::{Document, DocumentError, Pipeline};

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
}

/// A bulk body and its items. The body is shared, never rebuilt for a retry of the whole.
#[derive(Debug, Clone)]
pub struct Batch {
    pub(super) body: Bytes,
    pub(super) items: Vec<Item>,
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

/// Cuts a page into batches. Documents that cannot be framed at all are refused here, with their reason.
///
/// # Errors
/// [`DocumentError`] when a hit has no source: nothing of the page may be written then.
pub fn cut(
    page: &Page,
    pipeline: Pipeline,
    target: &BulkTarget,
    limits: &BatchLimits,
) -> Result<(Vec<Batch>, Vec<Rejection>), DocumentError> {
    let documents =
        page.hits.iter().map(|hit| pipeline.apply(hit, page)).collect::<Result<Vec<Document<'_>>, _>>()?;
    let (mut batches, mut refused) = (Vec::new(), Vec::new());
    let mut rest = documents.as_slice();
    while !rest.is_empty() {
        let (take, bytes) = fitting(rest, limits);
        let (now, later) = rest.split_at(take);
        rest = later;
        let mut batch = Building {
            body: BytesMut::with_capacity(bytes),
            items: Vec::with_capacity(take),
            source_bytes: 0,
        };
        for document in now {
            match unframeable(document, limits) {
                None => batch.push(document, target, &mut refused),
                Some((error_type, reason)) => refused.push(rejection(document, error_type, reason)),
            }
        }
        if !batch.items.is_empty() {
            batches.push(Batch {
                body: batch.body.freeze(),
                items: batch.items,
                source_bytes: batch.source_bytes,
            });
        }
    }
    Ok((batches, refused))
}

/// How many of the next documents fit into one request, and its size.
fn fitting(documents: &[Document<'_>], limits: &BatchLimits) -> (usize, usize) {
    let mut bytes = 0;
    for (count, document) in documents.iter().enumerate() {
        let next = ACTION_BYTES
            + document.id.len()
            + document.routing.as_ref().map_or(0, |routing| routing.len())
            + document.source.len();
        if count > 0 && (count >= limits.docs || bytes + next > limits.bytes) {
            return (count, bytes);
        }
        bytes += next;
    }
    (documents.len(), bytes)
}

struct Building {
    body: BytesMut,
    items: Vec<Item>,
    source_bytes: u64,
}

impl Building {
    fn push(&mut self, document: &Document<'_>, target: &BulkTarget, refused: &mut Vec<Rejection>) {
        let start = self.body.len();
        target.action(&mut self.body, &document.id, document.routing.as_deref(), document.version);
        let source = self.body.len();
        if memchr::memchr2(b'\n', b'\r', &document.source).is_none() {
            self.body.extend_from_slice(&document.source);
        } else if !one_line(&document.source, &mut self.body) {
            self.body.truncate(start);
            let reason = "a string of the document holds a raw line break, which no bulk request can carry";
            refused.push(rejection(document, "raw_line_break", reason.to_owned()));
            return;
        }
        self.body.extend_from_slice(b"\n");
        self.items.push(Item { start, id: document.id.len(), source, end: self.body.len() });
        self.source_bytes += document.source.len() as u64;
    }
}

/// Copies a document onto one line: line breaks between tokens become blanks. `false` when one stands in a string.
fn one_line(source: &[u8], body: &mut BytesMut) -> bool {
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

fn unframeable(document: &Document<'_>, limits: &BatchLimits) -> Option<(&'static str, String)> {
    let most = limits.max_id_bytes?;
    // Quotes and escapes make the JSON longer than the id, never shorter.
    if document.id.len() <= most {
        return None;
    }
    let id: String = serde_json::from_slice(&document.id).unwrap_or_default();
    (id.len() > most)
        .then(|| ("id_too_long", format!("the id has {} bytes, the target takes {most}", id.len())))
}

fn rejection(document: &Document<'_>, error_type: &str, reason: String) -> Rejection {
    let text = |json: &[u8]| {
        serde_json::from_slice(json).unwrap_or_else(|_| String::from_utf8_lossy(json).into_owned())
    };
    Rejection {
        id: text(&document.id),
        routing: document.routing.as_deref().map(text),
        version: document.version,
        refusal: Refusal { status: 400, error_type: error_type.to_owned(), reason },
        attempts: 0,
    }
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
        let (batches, refused) = cut(&page, Pipeline::Untouched, &target(), &LIMITS).unwrap();
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
        let (batches, refused) = cut(&page, Pipeline::Untouched, &target(), &LIMITS).unwrap();
        let types: Vec<&str> =
            refused.iter().map(|rejection| rejection.refusal.error_type.as_str()).collect();
        assert_eq!((batches.len(), batches[0].len(), types), (1, 1, vec!["raw_line_break", "id_too_long"]));
    }

    #[test]
    fn a_hit_without_a_source_stops_the_page() {
        let page = Page::read(Bytes::from_static(br#"{"hits":{"total":1,"hits":[{"_id":"1"}]}}"#)).unwrap();
        assert_eq!(cut(&page, Pipeline::Untouched, &target(), &LIMITS).unwrap_err(), DocumentError::NoSource);
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
            let (batches, _) = cut(&page(&hits), Pipeline::Untouched, &target(), &limits).unwrap();
            prop_assert_eq!(batches.iter().map(Batch::len).sum::<usize>(), hits.len());
            for batch in &batches {
                prop_assert!(batch.len() <= docs && (batch.len() == 1 || batch.body.len() <= bytes));
                prop_assert_eq!(batch.items.iter().map(|item| item.end - item.start).sum::<usize>(), batch.body.len());
            }
        }
    }
}
