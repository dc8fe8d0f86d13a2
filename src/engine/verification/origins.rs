//! Where documents of the target come from: the documents of the source that lead to their places, as they are this moment.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::Verification;
use super::candidates::{Candidate, Named};
use super::looking::Expected;
use crate::cluster::held::Held;
use crate::engine::current::DocumentKey;
use crate::engine::sides::text;
use crate::engine::worker::IndexCopy;
use crate::error::{Kind, Result};
use crate::sink::Identity;

/// Between two tries at a cluster that does not answer.
const PAUSE: Duration = Duration::from_secs(1);

impl Verification<'_> {
    /// Looks for the documents of the source that belong where only the target has one.
    pub(super) async fn trace(&self, candidates: &mut [Candidate]) -> Result<()> {
        let mut by_index: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (at, candidate) in candidates.iter().enumerate() {
            // Targets beside the planned ones may have documents of every index, and ids that a transform makes lead back to none.
            let traceable = self.sides.copies.contains_key(&candidate.index);
            if candidate.source.is_none() && traceable {
                by_index.entry(candidate.index).or_default().push(at);
            }
        }
        for (index, positions) in by_index {
            let copy = self.sides.copy(index)?;
            for (at, key) in self.traced(&copy, candidates, positions).await? {
                candidates[at].source = Some(Named { index, key });
            }
        }
        Ok(())
    }

    /// Looks in all indices of the source for the documents that a transform has sent to a target beside the planned ones.
    pub(super) async fn trace_beside(
        &self,
        candidates: &mut [Candidate],
        expected: &mut [Expected],
    ) -> Result<()> {
        let untraced = |candidate: &Candidate| {
            candidate.source.is_none() && !self.sides.copies.contains_key(&candidate.index)
        };
        for (&index, copy) in &self.sides.copies {
            let left: Vec<usize> = (0..candidates.len()).filter(|&at| untraced(&candidates[at])).collect();
            if left.is_empty() {
                return Ok(());
            }
            let traced = self.traced(copy, candidates, left).await?;
            let (places, keys): (Vec<usize>, Vec<DocumentKey>) = traced.into_iter().unzip();
            let held = self.on_source(copy, &keys).await?;
            for ((at, key), held) in places.into_iter().zip(keys).zip(held) {
                let made = self.expected(copy, &candidates[at], key.clone(), held)?;
                if matches!(made, Expected::Document { .. }) {
                    (candidates[at].source, expected[at]) = (Some(Named { index, key }), made);
                }
            }
        }
        Ok(())
    }

    /// The documents of an index of the source that have their place where these candidates are.
    async fn traced(
        &self,
        copy: &IndexCopy,
        candidates: &[Candidate],
        positions: Vec<usize>,
    ) -> Result<Vec<(usize, DocumentKey)>> {
        let ids = positions.iter().map(|&at| candidates[at].id.as_str());
        let mut there = self.patiently(|| self.context.places_on_source(copy, ids.clone())).await?;
        let found = positions.into_iter().filter_map(|at| {
            let Candidate { id, routing, .. } = &candidates[at];
            Some((at, there.remove(&(id.clone(), routing.clone()))?))
        });
        Ok(found.collect())
    }

    /// Asks a cluster again as long as waiting may cure what it answers: of what not every shard answers, nothing is known.
    async fn patiently<T, F: Future<Output = Result<T>>>(&self, ask: impl Fn() -> F) -> Result<T> {
        loop {
            let why = match ask().await {
                Err(error) if error.kind() == Kind::Temporary && !self.sides.stop.is_cancelled() => {
                    error.one_line()
                }
                answered => return answered,
            };
            let _waiting = self.context.progress.waits.begin(why);
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = self.sides.stop.cancelled() => {}
            }
        }
    }

    /// What the source has this moment; with a query, only what the query takes.
    pub(super) async fn on_source(&self, copy: &IndexCopy, keys: &[DocumentKey]) -> Result<Vec<Held>> {
        if copy.query.is_none() {
            return copy.on_source(keys).await;
        }
        let doing = format!("looking at documents of `{}`", copy.source_name);
        let mut there: HashMap<(String, Option<String>), Held> = HashMap::new();
        for keys in keys.chunks(copy.at_once()) {
            let ids: Vec<&str> = keys.iter().map(|key| key.id.as_str()).collect();
            let context = self.context;
            let wanted = copy.source.wanted;
            let page = self.patiently(|| context.look_up(copy, None, &ids, wanted, &doing)).await?;
            for hit in &page.hits {
                let Identity { id, routing, .. } = Identity::of(hit, &page);
                let held = match (hit.version, hit.source) {
                    (Some(version), Some(source)) => Held::There {
                        version,
                        source: source.of(&page.body).to_vec(),
                        routing: routing.clone(),
                        parent: hit.parent.map(|span| text(span.of(&page.body)).into_owned()),
                    },
                    _ => Held::Refused("it came without version or _source".to_owned()),
                };
                there.insert((id, routing), held);
            }
        }
        let held = keys.iter().map(|key| there.get(&(key.id.clone(), key.routing.clone())).cloned());
        Ok(held.map(|held| held.unwrap_or(Held::Absent)).collect())
    }
}
