//! What changed on the target since the last verification, looked at by id on both sides: the last check of a switch,
//! which must not take as long as a verification.

use std::collections::HashMap;
use std::sync::Arc;

use futures::{StreamExt as _, TryStreamExt as _};
use tokio_util::sync::CancellationToken;

use super::Verification;
use super::candidates::{Candidate, Seen};
use super::looking::Look;
use crate::cluster::dialect::reading::Wanted;
use crate::cluster::selection::{HalfOpen, Selection, SliceRange};
use crate::config::{TransformConfig, VerifyLevel};
use crate::engine::context::Context;
use crate::error::{Error, Kind, Result};
use crate::plan::slice::Cursor;
use crate::source::{PageSize, SliceReader, SourceIndex};
use crate::store::cutover::ChangedVerified;
use crate::store::units::{Part, Purpose, UnitName};
use crate::store::verification::{Repair, VerificationRecord};

/// Documents that are looked at, at most: the newest.
const MOST: u64 = 20_000;
/// Documents that are looked at together.
const AT_ONCE: usize = 500;
/// Batches of them, side by side.
const SIDE_BY_SIDE: usize = 4;
/// Looks at a document that changes from one to the next.
const LOOKS: u32 = 3;
/// Documents that differ and are named.
const NAMED: usize = 5;

/// Writes of a shard that no verification has seen.
struct Span {
    index: String,
    ordinal: u32,
    shard: u32,
    from: u64,
    to: u64,
}

impl Context {
    /// Looks at the newest documents of the target that changed since the last verification. `settled` waits until what
    /// was written on the source so far is on the target.
    ///
    /// # Errors
    /// `Differences`, naming some, when documents differ for certain; `Temporary` when a cluster does not answer.
    pub(in crate::engine) async fn verify_changed<F: Future<Output = Result<()>>>(
        &self,
        followed: bool,
        settled: impl Fn() -> F,
        stop: &CancellationToken,
    ) -> Result<ChangedVerified> {
        let mut verified = ChangedVerified::default();
        let Some(spans) = self.unverified().await? else { return Ok(verified) };
        let changed: u64 = spans.iter().map(|span| span.to - span.from).sum();
        verified.changed = Some(changed);
        let mut candidates = Vec::new();
        for span in newest(spans) {
            candidates.extend(self.written_in(&span).await?);
        }
        // One id may stand in a window twice, where pages overlap a write.
        candidates.sort_by(|one, other| one.place().cmp(&other.place()));
        candidates.dedup_by(|one, other| one.place() == other.place());
        verified.looked_at = candidates.len() as u64;
        let sides = self.sides_at(VerifyLevel::Content, stop).await?;
        // Not stored: nobody goes on with this one.
        let record = VerificationRecord::new(0, VerifyLevel::Content, Repair::default(), String::new());
        let verification = Verification { context: self, sides: Arc::new(sides), record, followed };
        for look in 1..=LOOKS {
            let mut looks = futures::stream::iter(in_batches(candidates))
                .map(|batch| verification.settle(batch))
                .buffer_unordered(SIDE_BY_SIDE);
            let (mut moving, mut certain): (Vec<Look>, Vec<Look>) = (Vec::new(), Vec::new());
            while let Some(settled) = looks.try_next().await? {
                certain.extend(settled.certain.into_iter().map(|(look, _)| look));
                moving.extend(settled.moving.into_iter().map(|(look, _)| look));
            }
            drop(looks);
            let (behind, certain): (Vec<Look>, Vec<Look>) =
                certain.into_iter().partition(|look| verification.sides.versions && is_ahead(look));
            verified.moving += behind.len() as u64;
            let traced = |look: &Look| look.candidate.source.is_some() || !self.makes_ids();
            let (certain, untraced): (Vec<Look>, Vec<Look>) = certain.into_iter().partition(traced);
            verified.looked_at -= untraced.len() as u64;
            if !certain.is_empty() {
                return Err(self.differing(&verification, &certain)?);
            }
            if moving.is_empty() || look == LOOKS {
                verified.moving += moving.len() as u64;
                break;
            }
            let seen = |look: Look| Candidate { seen: Some(look.seen()), ..look.candidate };
            candidates = moving.into_iter().map(seen).collect();
            settled().await?;
        }
        Ok(verified)
    }

    /// Whether a transform may make ids that lead back to no document of the source.
    fn makes_ids(&self) -> bool {
        self.config.transform.iter().any(|step| matches!(step, TransformConfig::Jq(_)))
    }

    /// The error that names some of the documents that differ.
    fn differing(&self, verification: &Verification<'_>, certain: &[Look]) -> Result<Error> {
        let named = certain.iter().take(NAMED).map(|look| {
            let index = verification.sides.target(look.candidate.index)?;
            Ok(format!("{index}/{}", look.candidate.id))
        });
        let message = format!(
            "{} of the documents that changed since the last verification differ: {}",
            certain.len(),
            named.collect::<Result<Vec<String>>>()?.join(", ")
        );
        Ok(Error::new(Kind::Differences, "changed_differ", message)
            .hint(format!("`esferry verify {} --level content` says how", self.name)))
    }

    /// Writes since the last verification, by shard of the target; `None` where that cannot be told.
    async fn unverified(&self) -> Result<Option<Vec<Span>>> {
        let verified = self.store.verification(&self.name)?.is_some_and(|last| last.finished.is_some());
        if !self.target.dialect().seq_no || !verified {
            return Ok(None);
        }
        let units = self.store.units(Purpose::Verification, &self.name)?;
        let marks: HashMap<UnitName, i64> = units
            .into_iter()
            .filter(|unit| unit.name.part == Part::Target)
            .filter_map(|unit| Some((unit.name, unit.mark?.seq_no)))
            .collect();
        let now = self.target.described().await?;
        let mut spans = Vec::new();
        for record in self.store.indices(&self.name)? {
            let index = &record.target;
            let shards = now.iter().find(|info| info.name == *index).map_or(0, |info| info.shards);
            let (target, doing) = (&self.target, format!("looking at what changed in `{index}`"));
            target.refresh(index).await.map_err(|cause| cause.during(target.name(), &doing))?;
            for shard in 0..shards {
                let upto = target.processed_seq_no(index, shard).await;
                let upto = upto.map_err(|cause| cause.during(target.name(), &doing))?;
                let name = UnitName { part: Part::Target, index: record.ordinal, shard, number: 0 };
                // A shard that was written to while it was verified has no mark: all of it may be new.
                let from = marks.get(&name).map_or(0, |mark| u64::try_from(mark + 1).unwrap_or(0));
                let to = upto.map_or(0, |upto| upto + 1);
                if to > from {
                    spans.push(Span { index: index.clone(), ordinal: record.ordinal, shard, from, to });
                }
            }
        }
        Ok(Some(spans))
    }

    async fn written_in(&self, span: &Span) -> Result<Vec<Candidate>> {
        let from = SourceIndex {
            cluster: self.target.clone(),
            wanted: Wanted::Keys { routing: true, parent: false },
            page_size: Arc::new(PageSize::new(5000, 120)),
        };
        let range = SliceRange::SeqNo(HalfOpen { from: Some(span.from), to: Some(span.to) });
        let selection = Selection::all(&span.index, None).in_shard(span.shard).with_range(range);
        let mut reader = SliceReader::new(from, selection, Cursor::Start);
        let mut candidates = Vec::new();
        loop {
            let page = reader.next_page().await.map_err(|cause| match cause {
                crate::source::ReadError::Fatal(error) => error,
                lost => Error::temporary(
                    "read_again",
                    format!("the target's newest documents cannot be read: {lost}"),
                )
                .hint("it is tried again"),
            })?;
            let Some(page) = page else { return Ok(candidates) };
            for hit in &page.page.hits {
                let crate::sink::Identity { id, routing, .. } = crate::sink::Identity::of(hit, &page.page);
                candidates.push(Candidate {
                    index: span.ordinal,
                    id,
                    routing,
                    source: None,
                    target: hit.version,
                    failures: Vec::new(),
                    seen: None,
                });
            }
        }
    }
}

/// Whether the target has a newer version: the old side's writer may not have come so far yet.
fn is_ahead(look: &Look) -> bool {
    let Seen { source, target } = look.seen();
    source.is_some() && target > source
}

/// Candidates that are looked at together: of one index, as the look wants them.
fn in_batches(candidates: Vec<Candidate>) -> Vec<Vec<Candidate>> {
    let mut batches: Vec<Vec<Candidate>> = Vec::new();
    for candidate in candidates {
        match batches.last_mut() {
            Some(batch) if batch.len() < AT_ONCE && batch[0].index == candidate.index => {
                batch.push(candidate)
            }
            _ => batches.push(vec![candidate]),
        }
    }
    batches
}

/// The newest writes of all shards, so that they come to about the most that is looked at.
fn newest(mut spans: Vec<Span>) -> Vec<Span> {
    let each = MOST / u64::try_from(spans.len()).unwrap_or(1).max(1);
    for span in &mut spans {
        span.from = span.from.max(span.to.saturating_sub(each));
    }
    spans
}
