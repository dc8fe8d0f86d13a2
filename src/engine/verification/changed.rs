//! What changed on the target since the last verification, looked at by id on both sides: the last check of a switch,
//! which must not take as long as a verification.

use std::collections::HashMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Verification;
use super::candidates::Candidate;
use super::judging::{Judged, judge};
use super::looking::{Expected, Look};
use crate::cluster::dialect::reading::Wanted;
use crate::cluster::held::Held;
use crate::cluster::selection::{HalfOpen, Selection, SliceRange};
use crate::config::{TransformConfig, VerifyLevel};
use crate::engine::context::Context;
use crate::error::{Error, Result};
use crate::plan::slice::Cursor;
use crate::source::{PageSize, SliceReader, SourceIndex};
use crate::store::cutover::ChangedVerified;
use crate::store::units::{Part, Purpose, UnitName};
use crate::store::verification::{Repair, VerificationRecord};

/// Documents that are looked at, at most: the newest.
const MOST: u64 = 20_000;
/// Documents that are looked at together.
const AT_ONCE: usize = 500;
/// Looks at a document that differs, while something follows the source.
const LOOKS: u32 = 4;
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
        candidates.sort_by(|one, other| {
            (one.index, &one.id, &one.routing).cmp(&(other.index, &other.id, &other.routing))
        });
        candidates.dedup();
        verified.looked_at = candidates.len() as u64;
        let sides = self.sides_at(VerifyLevel::Content, stop).await?;
        // Not stored: nobody goes on with this one.
        let record = VerificationRecord::new(0, VerifyLevel::Content, Repair::default(), String::new());
        let verification = Verification { context: self, sides: Arc::new(sides), record, followed };
        for look in 0..LOOKS {
            let mut again = Vec::new();
            let mut certain: Vec<String> = Vec::new();
            let last = look + 1 == LOOKS;
            while !candidates.is_empty() {
                // Of one index at a time, as the look wants it.
                let index = candidates[0].index;
                let together = candidates.iter().take(AT_ONCE).take_while(|one| one.index == index).count();
                let rest = candidates.split_off(together);
                for look in verification.look(std::mem::replace(&mut candidates, rest)).await? {
                    match self.settle_look(look, &verification, last) {
                        Settled::Same => {}
                        Settled::Untraced => verified.looked_at -= 1,
                        Settled::Moving => verified.moving += 1,
                        Settled::Again(candidate) => again.push(candidate),
                        Settled::Different(which) => certain.push(which),
                    }
                }
            }
            verified.different += certain.len() as u64;
            if !certain.is_empty() {
                certain.truncate(NAMED);
                let message = format!(
                    "{} of the documents that changed since the last verification differ: {}",
                    verified.different,
                    certain.join(", ")
                );
                return Err(Error::new(crate::error::Kind::Differences, "changed_differ", message)
                    .hint(format!("`esferry verify {} --level content` says how", self.name)));
            }
            if again.is_empty() {
                break;
            }
            candidates = again;
            settled().await?;
        }
        Ok(verified)
    }

    fn settle_look(&self, look: Look, verification: &Verification<'_>, last: bool) -> Settled {
        let Verification { sides, followed, .. } = verification;
        if judge(&look, sides.depth, sides.versions) == Judged::Same {
            return Settled::Same;
        }
        let makes_ids = self.config.transform.iter().any(|step| matches!(step, TransformConfig::Jq(_)));
        if look.candidate.source.is_none() && makes_ids {
            return Settled::Untraced;
        }
        let named = || {
            let index = sides.target(look.candidate.index).unwrap_or_default();
            format!("{index}/{}", look.candidate.id)
        };
        if !followed {
            return Settled::Different(named());
        }
        if sides.versions
            && let (Expected::Document { version, .. }, Held::There { version: there, .. }) =
                (&look.expected, &look.found)
            && there > version
        {
            // The old side's writer has not come so far yet.
            return Settled::Moving;
        }
        let seen = look.expected.seen();
        match (look.candidate.seen == Some(seen), last) {
            // The source is as it was before what it had then came over.
            (true, _) => Settled::Different(named()),
            (false, true) => Settled::Moving,
            (false, false) => Settled::Again(Candidate { seen: Some(seen), ..look.candidate }),
        }
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

enum Settled {
    Same,
    /// A transform may have made its id: nothing leads back to its document of the source.
    Untraced,
    /// It changes at every look, or the source has not got it yet.
    Moving,
    Again(Candidate),
    Different(String),
}

/// The newest writes of all shards, so that they come to about the most that is looked at.
fn newest(mut spans: Vec<Span>) -> Vec<Span> {
    let each = MOST / u64::try_from(spans.len()).unwrap_or(1).max(1);
    for span in &mut spans {
        span.from = span.from.max(span.to.saturating_sub(each));
    }
    spans
}
