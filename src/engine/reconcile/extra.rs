//! Documents that only the target has: deleted there once it is proven that the source has none in their place.

use std::collections::{HashMap, HashSet};

use crate::cluster::dialect::writing::{Guard, Verb};
use crate::engine::context::Context;
use crate::engine::current::{Brought, DocumentKey, send};
use crate::engine::sides::text;
use crate::engine::worker::IndexCopy;
use crate::error::Result;
use crate::sink::operations;
use crate::source::{Given, Page};
use crate::transform::Pipeline;

/// A document of the target, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) struct Extra {
    pub(in crate::engine) id: String,
    pub(in crate::engine) routing: Option<String>,
    pub(in crate::engine) version: u64,
}

impl Context {
    /// Deletes those of which the source has no document now, on condition that they still are as they were seen.
    ///
    /// # Errors
    /// `Temporary` when not every shard of the source answers: nothing is deleted then.
    pub(super) async fn remove_extra(&self, copy: &IndexCopy, extras: Vec<Extra>) -> Result<Brought> {
        let mut brought = Brought::default();
        if extras.is_empty() {
            return Ok(brought);
        }
        let there = self.places_on_source(copy, &extras).await?;
        let (kept, gone): (Vec<Extra>, Vec<Extra>) = extras
            .into_iter()
            .partition(|extra| there.contains_key(&(extra.id.clone(), extra.routing.clone())));
        // They came while both sides were read: the next pass sees both.
        brought.unchanged += kept.len() as u64;
        // Documents of one id under several routings cannot stand in one bulk.
        let mut left = gone;
        while !left.is_empty() {
            let mut ids = HashSet::new();
            let (now, later): (Vec<Extra>, Vec<Extra>) =
                left.into_iter().partition(|extra| ids.insert(extra.id.clone()));
            left = later;
            let page = Page::of(now.iter().map(|extra| Given {
                doc_type: None,
                id: &extra.id,
                routing: extra.routing.as_deref(),
                parent: None,
                version: Some(extra.version),
                source: b"{}",
            }));
            let sink = copy.sink.with(Verb::Delete(Guard::Unchanged));
            // They are named as the target names them.
            let cut = operations::deletes(&page, &Pipeline::default(), sink.target(), &sink.limits());
            let delivery = send(&sink, cut).await?;
            brought.deleted += delivery.counts.written;
            brought.unchanged += delivery.counts.present;
            for rejection in delivery.rejections {
                // Somebody has changed it since: the next pass sees what it is now.
                if rejection.refusal.error_type == crate::engine::current::CONFLICT {
                    brought.unchanged += 1;
                } else {
                    brought.rejections.push(rejection);
                }
            }
        }
        Ok(brought)
    }

    /// Documents of the source that could be these, by the places where they stand: looked for by their ids in every shard,
    /// since a real-time look needs to know the shard.
    ///
    /// # Errors
    /// As [`look_up`](Context::look_up).
    pub(in crate::engine) async fn places_on_source(
        &self,
        copy: &IndexCopy,
        extras: &[Extra],
    ) -> Result<HashMap<(String, Option<String>), DocumentKey>> {
        let mut ids: Vec<&str> = Vec::new();
        for extra in extras {
            ids.extend(copy.pipeline.source_ids(&extra.id));
        }
        ids.sort_unstable();
        ids.dedup();
        let mut places = HashMap::new();
        if ids.is_empty() {
            return Ok(places);
        }
        let doing = format!("looking for documents of `{}` that only the target has", copy.source_name);
        let wanted = copy.source.wanted.without_source();
        let hidden = self.source.dialect().hidden_type.filter(|hidden| copy.pipeline.knows_type(hidden));
        for hidden in std::iter::once(None).chain(hidden.map(Some)) {
            let page = self.look_up(copy, hidden, &ids, wanted, &doing).await?;
            for hit in &page.hits {
                let place = match copy.pipeline.place_of(hit, &page) {
                    Ok(document) => (
                        text(&document.id).into_owned(),
                        document.routing.as_deref().map(|routing| text(routing).into_owned()),
                    ),
                    // It has no place there: what stands on the target is something else.
                    Err(_) => continue,
                };
                let own = |span: crate::source::Span| text(span.of(&page.body)).into_owned();
                let key = DocumentKey {
                    doc_type: hidden.map(ToOwned::to_owned).or(hit.doc_type.map(own)),
                    id: own(hit.id),
                    routing: hit.routing.map(own),
                    parent: hit.parent.map(own),
                };
                places.insert(place, key);
            }
        }
        Ok(places)
    }
}
