//! Where the documents of a batch came from, once their ids on the target say so no longer.

use crate::source::{Hit, Page};

/// A document as its source knows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Its type, where the source has types and the batch knows it.
    pub doc_type: Option<String>,
    /// Its id.
    pub id: String,
    /// Its routing.
    pub routing: Option<String>,
}

impl Identity {
    /// The identity of a hit.
    #[must_use]
    pub fn of(hit: &Hit, page: &Page) -> Self {
        Identity {
            doc_type: hit.doc_type.map(|span| text(span.of(&page.body))),
            id: text(hit.id.of(&page.body)),
            routing: hit.routing.map(|span| text(span.of(&page.body))),
        }
    }
}

/// The identities of a batch's documents, as the bytes that the page had: a few offsets a document.
#[derive(Debug, Clone, Default)]
pub(super) struct Origins {
    bytes: Vec<u8>,
    /// Ends of type, id and routing of each document.
    ends: Vec<[usize; 3]>,
}

impl Origins {
    pub(super) fn push(&mut self, hit: &Hit, page: &Page) {
        let mut ends = [0; 3];
        for (end, span) in ends.iter_mut().zip([hit.doc_type, Some(hit.id), hit.routing]) {
            if let Some(span) = span {
                self.bytes.extend_from_slice(span.of(&page.body));
            }
            *end = self.bytes.len();
        }
        self.ends.push(ends);
    }

    pub(super) fn get(&self, position: usize) -> Option<Identity> {
        let &[doc_type, id, routing] = self.ends.get(position)?;
        let start = position.checked_sub(1).map_or(0, |before| self.ends[before][2]);
        let part = |from: usize, to: usize| (from < to).then(|| text(&self.bytes[from..to]));
        Some(Identity {
            doc_type: part(start, doc_type),
            id: part(doc_type, id).unwrap_or_default(),
            routing: part(id, routing),
        })
    }
}

/// The text of a JSON string; of one that is none, its bytes as they can be shown.
pub(super) fn text(json: &[u8]) -> String {
    serde_json::from_slice(json).unwrap_or_else(|_| String::from_utf8_lossy(json).into_owned())
}
