//! Candidates are looked at again, on both sides and in real time: what is the same then had only changed between the
//! two readings.

use std::collections::BTreeMap;
use std::path::PathBuf;

use futures::StreamExt as _;
use futures::stream::FuturesOrdered;

use super::Verification;
use super::candidates::{Candidate, Lines, Seen, list_of, next_of};
use super::differences::path_of;
use super::judging::Explaining;
use super::settling::Settled;
use crate::cluster::dialect::reading::Wanted;
use crate::cluster::held::{Asked, Held};
use crate::engine::current::DocumentKey;
use crate::engine::sides::{Depth, text};
use crate::engine::worker::{IndexCopy, blocking};
use crate::error::Result;
use crate::failpoint::Failpoint;
use crate::source::{Given, Page};
use crate::store::units::Purpose;
use crate::store::verification::{Difference, Looked, Stage, VerificationRecord};
use crate::transform::Transformed;

/// Documents that are looked at together.
const AT_ONCE: usize = 500;
/// Batches of them, side by side.
const SIDE_BY_SIDE: usize = 4;
/// Looks at a document that changes from one to the next.
pub(super) const ROUNDS: u32 = 6;

/// A document, as both sides have it this moment.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) candidate: Candidate,
    pub(super) expected: Expected,
    pub(super) found: Held,
}

/// What the source makes the target expect at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    /// This document.
    Document {
        /// Its version on the source.
        version: u64,
        /// What it says.
        source: Vec<u8>,
    },
    /// Nothing.
    Nothing(Nothing),
    /// A document of the source that cannot become one of the target: error type, and why.
    Impossible(String, String),
    /// Nobody can say: why.
    Unreadable(String),
}

/// Why nothing is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Nothing {
    /// The source has no such document.
    NotThere,
    /// A transform leaves it out: its words.
    LeftOut(String),
    /// A transform makes other documents of it.
    Others,
}

impl Look {
    pub(super) fn seen(&self) -> Seen {
        Seen {
            source: match self.expected {
                Expected::Document { version, .. } => Some(version),
                _ => None,
            },
            target: match self.found {
                Held::There { version, .. } => Some(version),
                _ => None,
            },
        }
    }
}

/// What a batch of candidates came to.
struct Batch {
    upto: u64,
    passed: u64,
    differences: Vec<Difference>,
    /// To be looked at again, once the changes have passed.
    again: Vec<Candidate>,
}

impl Verification<'_> {
    /// Rounds of looks, until nothing is left that may still be on its way. False when the work was to stop.
    pub(super) async fn look_again(&mut self) -> Result<bool> {
        let explaining = self.explaining().await?;
        while let Stage::Looking { round, .. } = self.record.stage {
            let Some(record) = self.round(&explaining).await? else { return Ok(false) };
            self.record = record;
            let Stage::Looking { next, differences, .. } = self.record.stage else { break };
            if next == 0 {
                break;
            }
            if !self.changes_pass().await? {
                return Ok(false);
            }
            let stage = Stage::Looking { round: round + 1, from: 0, until: next, next: 0, differences };
            self.update(|record| record.stage = stage).await?;
        }
        Ok(true)
    }

    /// The list of candidates from where the store stands to its end; `None` when the work was to stop.
    async fn round(&self, explaining: &Explaining) -> Result<Option<VerificationRecord>> {
        let context = self.context;
        let mut record = self.record.clone();
        let Stage::Looking { round, from, until, next, differences } = record.stage else {
            return Ok(Some(record));
        };
        let dir = context.store.units_dir(Purpose::Verification, &context.name);
        let mut certain = Lines::open(path_of(&context.store, &context.name), differences)?;
        let mut again = Lines::open(list_of(&dir, round + 1), next)?;
        let list = list_of(&dir, round);
        let (mut looks, mut at) = (FuturesOrdered::new(), from);
        loop {
            while at < until && looks.len() < SIDE_BY_SIDE {
                let list: PathBuf = list.clone();
                let (batch, upto) = blocking(move || next_of(&list, at, until, AT_ONCE)).await?;
                looks.push_back(self.look_at(batch, upto, round, explaining));
                at = upto;
            }
            let batch = tokio::select! {
                batch = looks.next() => batch,
                () = self.sides.stop.cancelled() => return Ok(None),
            };
            let Some(batch) = batch else { return Ok(Some(record)) };
            let Batch { upto, passed, differences, again: candidates } = batch?;
            candidates.iter().try_for_each(|candidate| again.push(candidate))?;
            differences.iter().try_for_each(|difference| certain.push(difference))?;
            let (next, length) = (again.sync()?, certain.sync()?);
            Failpoint::DifferencesWritten.pass();
            let stage = Stage::Looking { round, from: upto, until, next, differences: length };
            let looked = Looked { stage, passed, differences };
            let (store, name) = (context.store.clone(), context.name.clone());
            record = blocking(move || store.settle_looked(&name, &looked)).await?;
            Failpoint::DifferencesStored.pass();
            context.progress.verification(|status| {
                status.counts = record.counts;
                status.groups.clone_from(&record.groups);
            });
        }
    }

    async fn look_at(
        &self,
        candidates: Vec<Candidate>,
        upto: u64,
        round: u32,
        explaining: &Explaining,
    ) -> Result<Batch> {
        let Settled { same: passed, mut certain, moving } = self.settle(candidates).await?;
        let mut again = Vec::new();
        for (look, judged) in moving {
            // A change may be on its way to the target as long as something changes.
            if round + 1 < ROUNDS {
                again.push(Candidate { seen: Some(look.seen()), ..look.candidate });
            } else {
                certain.push((look, judged));
            }
        }
        // Those of one id stand side by side, as they do on the list.
        certain.sort_by(|(one, _), (other, _)| one.candidate.place().cmp(&other.candidate.place()));
        let differences = self.told(certain, round, explaining).await?;
        Ok(Batch { upto, passed, differences, again })
    }

    /// Looks at both sides.
    ///
    /// # Errors
    /// As clusters answer; none that waiting cures.
    pub(super) async fn look(&self, mut candidates: Vec<Candidate>) -> Result<Vec<Look>> {
        self.trace(&mut candidates).await?;
        let mut expected = vec![Expected::Nothing(Nothing::NotThere); candidates.len()];
        let mut by_index: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (at, candidate) in candidates.iter().enumerate() {
            if let Some(named) = &candidate.source {
                by_index.entry(named.index).or_default().push(at);
            }
        }
        for (index, positions) in by_index {
            let copy = self.sides.copy(index)?;
            let keys: Vec<DocumentKey> = positions
                .iter()
                .filter_map(|&at| candidates[at].source.as_ref().map(|named| named.key.clone()))
                .collect();
            let held = self.on_source(&copy, &keys).await?;
            for ((at, key), held) in positions.into_iter().zip(keys).zip(held) {
                expected[at] = self.expected(&copy, &candidates[at], key, held)?;
            }
        }
        self.trace_beside(&mut candidates, &mut expected).await?;
        let found = self.on_target(&candidates).await?;
        let looks = candidates.into_iter().zip(expected).zip(found);
        Ok(looks.map(|((candidate, expected), found)| Look { candidate, expected, found }).collect())
    }

    /// What a document of the source makes the target expect at the candidate's place.
    pub(super) fn expected(
        &self,
        copy: &IndexCopy,
        candidate: &Candidate,
        key: DocumentKey,
        held: Held,
    ) -> Result<Expected> {
        let (version, source, routing, parent) = match held {
            Held::Absent => return Ok(Expected::Nothing(Nothing::NotThere)),
            Held::Refused(why) => return Ok(Expected::Unreadable(format!("on the source: {why}"))),
            Held::There { version, source, routing, parent } => (version, source, routing, parent),
        };
        let routing = routing.or(key.routing);
        let parent = parent.or(key.parent);
        let page = Page::of([Given {
            doc_type: key.doc_type.as_deref(),
            id: &key.id,
            routing: routing.as_deref(),
            parent: parent.as_deref(),
            version: Some(version),
            source: &source,
        }]);
        let Some(hit) = page.hits.first() else { return Ok(Expected::Nothing(Nothing::NotThere)) };
        let documents = match copy.pipeline.apply(hit, &page) {
            Ok(Transformed::One(document)) => vec![document],
            Ok(Transformed::Several(documents)) => documents,
            Ok(Transformed::Dropped { step }) => {
                return Ok(Expected::Nothing(Nothing::LeftOut(copy.pipeline.describe(step))));
            }
            Err(error) => {
                return Ok(Expected::Impossible(error.error_type().to_owned(), error.to_string()));
            }
        };
        for document in documents {
            let index = document.index.as_deref().unwrap_or(&copy.target_name);
            let place = (text(&document.id), document.routing.as_deref().map(text));
            if index == self.sides.target(candidate.index)?
                && place.0 == candidate.id
                && place.1.as_deref() == candidate.routing.as_deref()
            {
                return Ok(Expected::Document { version, source: document.source.into_owned() });
            }
        }
        Ok(Expected::Nothing(Nothing::Others))
    }

    /// What the target has this moment.
    async fn on_target(&self, candidates: &[Candidate]) -> Result<Vec<Held>> {
        let wanted = match self.sides.depth {
            Depth::Contents => Wanted::Documents { routing: false, parent: false },
            Depth::Keys => Wanted::Keys { routing: true, parent: false },
        };
        let Some(first) = candidates.first() else { return Ok(Vec::new()) };
        // Whichever copy waits for the cluster, the wait is the migration's.
        let Some(copy) = self.sides.copies.values().next() else { return Ok(Vec::new()) };
        let index = self.sides.target(first.index)?;
        let mut held = Vec::with_capacity(candidates.len());
        for candidates in candidates.chunks(copy.at_once()) {
            let asked: Vec<Asked<'_>> = candidates
                .iter()
                .map(|candidate| Asked {
                    doc_type: None,
                    id: &candidate.id,
                    routing: candidate.routing.as_deref(),
                })
                .collect();
            let answers = copy.held(&self.context.target, index, &asked, wanted).await?;
            // A server looks by the id alone in the shard that the routing leads to: what it finds there may stand under
            // another routing, and then it is not this document.
            held.extend(candidates.iter().zip(answers).map(|(candidate, held)| match held {
                Held::There { routing, .. } if routing != candidate.routing => Held::Absent,
                held => held,
            }));
        }
        Ok(held)
    }
}
