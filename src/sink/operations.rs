//! Bulks of deletes and updates, of documents that were given by their ids.
//!
//! No two operations of one batch may concern the same document: what is refused for the moment is sent again later, and
//! would then come behind what was to follow it.

use std::borrow::Cow;

use super::batch::{BatchLimits, Cut, Cutting, Planned, refused};
use super::origin::Identity;
use super::outcome::Rejection;
use crate::cluster::dialect::writing::BulkTarget;
use crate::source::{Hit, Page};
use crate::transform::{Document, DocumentError, Pipeline, Transformed};

/// Deletes of the hits of a page; their sources do not matter.
pub fn deletes(page: &Page, pipeline: &Pipeline, target: &BulkTarget, limits: &BatchLimits) -> Cut {
    let mut cutting = Cutting::new(page, pipeline, target, limits);
    for (position, hit) in page.hits.iter().enumerate() {
        match pipeline.place_of(hit, page) {
            Ok(document) => cutting.add(position, &Planned { hit, document }),
            Err(error) => cutting.refuse(of_document(hit, page, &error)),
        }
    }
    cutting.finish()
}

/// Updates: the hits of `page` have as source what changes, those of `upserts`, in the same order, what the document is
/// where there is none; an empty one for those that only change what is there.
pub fn updates(
    page: &Page,
    upserts: &Page,
    pipeline: &Pipeline,
    target: &BulkTarget,
    limits: &BatchLimits,
) -> Cut {
    let mut cutting = Cutting::new(page, pipeline, target, limits);
    for (position, (hit, upsert)) in page.hits.iter().zip(&upserts.hits).enumerate() {
        let made = changed(hit, page, pipeline).and_then(|document| {
            let upsert = match upsert.source {
                Some(source) if !source.is_empty() => Some(changed(upsert, upserts, pipeline)?.source),
                _ => None,
            };
            Ok((document, upsert))
        });
        match made {
            Ok((document, upsert)) => {
                let mut source = [b"{\"doc\":".as_slice(), &document.source].concat();
                if let Some(upsert) = upsert {
                    source.extend_from_slice(b",\"upsert\":");
                    source.extend_from_slice(&upsert);
                }
                source.push(b'}');
                let document = Document { source: Cow::Owned(source), ..document };
                cutting.add(position, &Planned { hit, document });
            }
            Err(error) => cutting.refuse(of_document(hit, page, &error)),
        }
    }
    cutting.finish()
}

/// A part of a document, through the steps.
fn changed<'page>(
    hit: &Hit,
    page: &'page Page,
    pipeline: &'page Pipeline,
) -> Result<Document<'page>, DocumentError> {
    match pipeline.apply(hit, page)? {
        Transformed::One(document) => Ok(document),
        Transformed::Several(_) => Err(DocumentError::NotOneToOne("makes several documents of one")),
        Transformed::Dropped { .. } => Err(DocumentError::NotOneToOne("leaves a part of a document out")),
    }
}

fn of_document(hit: &Hit, page: &Page, error: &DocumentError) -> Rejection {
    Rejection {
        origin: Identity::of(hit, page),
        sent: None,
        version: hit.version,
        refusal: refused(error.error_type(), error.to_string()),
        attempts: 0,
    }
}
