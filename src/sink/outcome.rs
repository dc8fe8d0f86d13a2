//! What became of documents: counted, and the refused ones named.

use std::collections::BTreeMap;

use super::batch::Batch;
use super::bulk::{Metadata, sent_metadata};
use super::origin::Identity;
use crate::cluster::failure::Refusal;
use crate::store::records::Counts;

/// A document that the target refused for good.
#[derive(Debug, Clone)]
pub struct Rejection {
    /// The document as its source knows it.
    pub origin: Identity,
    /// As what it was sent, where that is not under its own id into the planned index.
    pub sent: Option<Sent>,
    /// Its version on the source.
    pub version: Option<u64>,
    /// The server's words, or our own where it never got there.
    pub refusal: Refusal,
    /// Times it was sent.
    pub attempts: u32,
}

/// Id and index under which a document was sent, where they are not the planned ones.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sent {
    /// Another index than the planned one.
    pub index: Option<String>,
    /// The id.
    pub id: String,
}

/// What became of a batch, document by document.
#[derive(Debug, Default)]
#[must_use = "outcomes have to be recorded"]
pub struct Delivery {
    /// How many of each outcome. What was read is counted with the page, see [`Delivery::unsent`].
    pub counts: Counts,
    /// The documents that were refused.
    pub rejections: Vec<Rejection>,
    /// Source documents that a transform left out, by the step's position.
    pub dropped: BTreeMap<usize, u64>,
}

impl Delivery {
    pub(super) fn reject(&mut self, batch: &Batch, position: usize, refusal: Refusal, attempts: u32) {
        self.counts.rejected += 1;
        let action = batch.action(position);
        let metadata = sent_metadata(action).unwrap_or_else(|| Metadata {
            id: String::from_utf8_lossy(action).into_owned(),
            index: None,
            routing: None,
            version: None,
        });
        let Metadata { id, index, routing, version } = metadata;
        let (origin, sent) = match batch.origins.as_ref().and_then(|origins| origins.get(position)) {
            Some(origin) => {
                let sent = (id != origin.id || index.is_some()).then_some(Sent { index, id });
                (origin, sent)
            }
            None => (Identity { doc_type: None, id, routing }, None),
        };
        self.rejections.push(Rejection { origin, sent, version, refusal, attempts });
    }

    /// What is known of a page of `read` hits before anything of it is sent: the documents that no request can carry,
    /// and those that were left out.
    pub fn unsent(read: usize, refused: Vec<Rejection>, dropped: BTreeMap<usize, u64>, derived: u64) -> Self {
        let counts = Counts {
            read: read as u64,
            rejected: refused.len() as u64,
            dropped: dropped.values().sum(),
            derived,
            ..Counts::default()
        };
        Delivery { counts, rejections: refused, dropped }
    }

    /// Adds the outcomes of another delivery.
    pub fn absorb(&mut self, other: Delivery) {
        self.counts.add(&other.counts);
        self.rejections.extend(other.rejections);
        for (step, count) in other.dropped {
            *self.dropped.entry(step).or_default() += count;
        }
    }
}
