//! Documents that only the target has: deleted there once it is proven that the source has none in their place.

use std::collections::HashSet;

use crate::cluster::dialect::writing::{Guard, Verb};
use crate::engine::context::Context;
use crate::engine::current::{Brought, send};
use crate::engine::worker::IndexCopy;
use crate::error::Result;
use crate::sink::operations;
use crate::source::{Given, Page};
use crate::transform::Pipeline;

/// A document of the target, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Extra {
    pub(super) id: String,
    pub(super) routing: Option<String>,
    pub(super) version: u64,
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
        let ids = extras.iter().map(|extra| extra.id.as_str());
        let there = self.places_on_source(copy, ids).await?;
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
}
