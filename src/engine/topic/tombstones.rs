//! Deletes of a replay that ran beside the copy, done once more when no slice can bring their documents back.

use std::collections::{BTreeMap, HashSet};

use crate::cluster::dialect::writing::{Guard, Verb};
use crate::engine::context::Context;
use crate::engine::current::send;
use crate::engine::worker::blocking;
use crate::error::Result;
use crate::sink::operations;
use crate::source::{Given, Page};
use crate::store::topics::Tombstone;

/// Deletes sent at once.
const AT_ONCE: usize = 1000;

impl Context {
    /// Deletes again what the copy may have brought back after the target had forgotten the delete. Documents that were
    /// created anew since have higher versions, and stay.
    ///
    /// # Errors
    /// When a target index is gone, or the store refuses.
    pub(in crate::engine) async fn bury(&self) -> Result<()> {
        let mut tombstones = self.store.tombstones(&self.name).peekable();
        if tombstones.peek().is_none() {
            return Ok(());
        }
        let indices = self.indices().await?;
        let copies = self.copies(&indices, &self.pace()?).await?;
        let mut buried = 0_u64;
        loop {
            let batch = tombstones.by_ref().take(AT_ONCE).collect::<Result<Vec<Tombstone>>>()?;
            if batch.is_empty() {
                break;
            }
            // Ids may be shared by types: those go into bulks of their own.
            let mut rounds: BTreeMap<(u32, usize), Vec<&Tombstone>> = BTreeMap::new();
            let mut seen: HashSet<(u32, usize, &str)> = HashSet::new();
            for tombstone in &batch {
                let mut round = 0;
                while !seen.insert((tombstone.index, round, &tombstone.id)) {
                    round += 1;
                }
                rounds.entry((tombstone.index, round)).or_default().push(tombstone);
            }
            for ((index, _), tombstones) in rounds {
                let Some(copy) = copies.get(&index) else { continue };
                let page = Page::of(tombstones.iter().map(|tombstone| Given {
                    doc_type: tombstone.doc_type.as_deref(),
                    id: &tombstone.id,
                    routing: tombstone.routing.as_deref(),
                    parent: None,
                    version: Some(tombstone.version),
                    source: b"{}",
                }));
                let sink = copy.sink.with(Verb::Delete(Guard::Older));
                let cut = operations::deletes(&page, &copy.pipeline, sink.target(), &sink.limits());
                buried += send(&sink, cut).await?.counts.written;
            }
            let (store, name) = (self.store.clone(), self.name.clone());
            // As long as a failed document may be tried again, it may come back too.
            let keep = self.progress.status().failures.iter().any(|group| group.count > 0);
            if !keep {
                blocking(move || store.forget_tombstones(&name, &batch)).await?;
            }
        }
        tracing::info!(buried, "deletes of the replay are done once more");
        Ok(())
    }
}
