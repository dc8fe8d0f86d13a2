//! Repairs: what is missing or different is written as the source has it this moment, what only the target has is
//! deleted, each on condition that the target's document is still the one that was looked at; then both are looked at
//! again.
//!
//! A document whose version on the target is not below the source's is deleted first and written once the target has
//! forgotten the delete (`index.gc_deletes`): only so it gets the source's version, and later changes are not taken for
//! older ones.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::Verification;
use super::candidates::Candidate;
use super::judging::{Judged, judge};
use super::looking::{Expected, Look};
use crate::cluster::dialect::writing::{Guard, Verb};
use crate::cluster::held::Held;
use crate::engine::current::send;
use crate::engine::page_cut::PageCut;
use crate::error::{Error, Result};
use crate::failpoint::Failpoint;
use crate::sink::{Sink, operations};
use crate::source::{Given, Page};
use crate::store::Resolution;
use crate::store::records::{Counts, Failure};
use crate::store::verification::{Difference, DifferenceKind, Repaired};
use crate::transform::Pipeline;

/// For so long a target may remember deletes, at most, that a document is deleted to be written anew.
const LONGEST_MEMORY: Duration = Duration::from_secs(300);
/// A server's own value of `index.gc_deletes`.
const USUAL_MEMORY: Duration = Duration::from_secs(60);
/// Beyond that, until what it remembers is really gone.
const SLACK: Duration = Duration::from_secs(30);
/// Between two tries at a document that the target remembers as deleted.
const PAUSE: Duration = Duration::from_secs(3);

/// One document to be repaired.
struct Job {
    /// Position of its difference.
    at: usize,
    look: Look,
    /// It was written by this repair.
    wrote: bool,
    /// Why the target refused it last.
    refused: Option<String>,
}

/// A document as it is sent.
struct Sent<'a> {
    candidate: &'a Candidate,
    version: u64,
    source: &'a [u8],
}

impl Verification<'_> {
    /// Repairs what it was asked to, and says what became of it.
    pub(super) async fn repair(&self, told: &mut [(Difference, Vec<Look>)]) -> Result<()> {
        let asked = self.record.repair;
        let mut jobs: Vec<Job> = Vec::new();
        for (at, (difference, looks)) in told.iter_mut().enumerate() {
            if difference.accepted {
                continue;
            }
            let mut left_alone = None;
            for look in std::mem::take(looks) {
                let wanted = match (&look.expected, &look.found) {
                    (Expected::Unreadable(why), _) | (_, Held::Refused(why)) => Err(why.clone()),
                    (Expected::Impossible(_, why), _) => Err(why.clone()),
                    (Expected::Document { .. }, _) => Ok(asked.write),
                    (Expected::Nothing(_), _) => Ok(asked.delete_extra),
                };
                match wanted {
                    Ok(true) => jobs.push(Job { at, look, wrote: false, refused: None }),
                    Ok(false) => {
                        left_alone = Some("only the target has it: --delete-extra deletes it".to_owned())
                    }
                    Err(why) => left_alone = Some(why),
                }
            }
            if let (Some(why), true) = (left_alone, asked.write)
                && (difference.kind != DifferenceKind::Extra)
            {
                difference.repair = Some(Repaired::Failed(why));
            }
        }
        let Some(index) = jobs.first().map(|job| job.look.candidate.index) else { return Ok(()) };
        let sink = self.sink_into(index)?;
        let memory = self.memory_of_deletes(index).await?;
        // Under another routing and in the same shard it would be in the way of the one that belongs there.
        jobs.sort_by_key(|job| !matches!(job.look.expected, Expected::Nothing(_)));
        let mut resolved: Vec<Vec<u8>> = Vec::new();
        // Documents of one id under several routings cannot stand in one bulk.
        let mut left = jobs;
        while !left.is_empty() {
            let mut ids = HashSet::new();
            let (now, later): (Vec<Job>, Vec<Job>) =
                left.into_iter().partition(|job| ids.insert(job.look.candidate.id.clone()));
            left = later;
            for (at, outcome, failures) in self.mend(&sink, now, memory).await? {
                if outcome == Repaired::Done {
                    resolved.extend(failures);
                }
                let Some((difference, _)) = told.get_mut(at) else { continue };
                // Of a document in the wrong place both have to be mended.
                if !matches!(difference.repair, Some(Repaired::Failed(_))) {
                    difference.repair = Some(outcome);
                }
            }
        }
        self.resolve(resolved).await
    }

    /// Repairs documents of different ids.
    async fn mend(
        &self,
        sink: &Sink,
        mut jobs: Vec<Job>,
        memory: Duration,
    ) -> Result<Vec<(usize, Repaired, Vec<Vec<u8>>)>> {
        let mut done = Vec::new();
        let until = Instant::now() + memory + SLACK;
        loop {
            self.send_all(sink, &mut jobs, memory).await?;
            Failpoint::RepairAnswered.pass();
            let (mut kept, mut candidates) = (Vec::new(), Vec::new());
            for Job { at, look, wrote, refused } in jobs {
                kept.push((at, wrote || matches!(look.expected, Expected::Document { .. }), refused));
                candidates.push(look.candidate);
            }
            let looks = self.look(candidates).await?;
            let over = Instant::now() > until;
            jobs = Vec::new();
            for ((at, wrote, refused), look) in kept.into_iter().zip(looks) {
                if judge(&look, self.sides.depth, self.sides.versions) == Judged::Same {
                    done.push((at, Repaired::Done, look.candidate.failures));
                    continue;
                }
                let again = match (&look.expected, &look.found) {
                    // The target remembers a delete, and takes nothing older than it.
                    (Expected::Document { .. }, Held::Absent) => refused.is_none(),
                    // The source has deleted it while it was written: what was brought back goes again.
                    (Expected::Nothing(_), Held::There { .. }) => wrote,
                    _ => false,
                };
                if again && !over {
                    jobs.push(Job { at, look, wrote, refused });
                    continue;
                }
                let why = refused.unwrap_or_else(|| match look.found {
                    Held::Absent => "the target remembers that it was deleted (index.gc_deletes): verify with --repair again".to_owned(),
                    _ => "it changed while it was repaired".to_owned(),
                });
                done.push((at, Repaired::Failed(why), look.candidate.failures));
            }
            let Some(job) = jobs.first() else { return Ok(done) };
            let index = self.sides.target(job.look.candidate.index)?;
            tokio::time::sleep(PAUSE).await;
            // What is forgotten is cleared away when it is refreshed.
            let target = &self.context.target;
            target
                .refresh(index)
                .await
                .map_err(|cause| cause.during(target.name(), "repairing documents"))?;
        }
    }

    /// Sends each document once, in the way that it needs.
    async fn send_all(&self, sink: &Sink, jobs: &mut [Job], memory: Duration) -> Result<()> {
        let keeps = self.context.config.keeps_versions();
        let mut ways: HashMap<&str, (Verb, Vec<Sent<'_>>)> = HashMap::new();
        for Job { look, .. } in jobs.iter() {
            let candidate = &look.candidate;
            let (way, verb, version, source): (_, _, _, &[u8]) = match (&look.expected, &look.found) {
                (Expected::Document { version, source }, Held::Absent) if keeps => {
                    ("older", sink.target().verb(), *version, source)
                }
                (Expected::Document { version, source }, Held::Absent) => {
                    ("create", Verb::Create, *version, source)
                }
                (Expected::Document { version, source }, Held::There { version: there, .. }) => {
                    if keeps && version > there {
                        ("older", sink.target().verb(), *version, source)
                    } else if keeps && memory <= LONGEST_MEMORY {
                        ("delete", Verb::Delete(Guard::Unchanged), *there, b"{}")
                    } else {
                        ("unchanged", Verb::Index(Guard::Unchanged), *there, source)
                    }
                }
                (_, Held::There { version: there, .. }) => {
                    ("delete", Verb::Delete(Guard::Unchanged), *there, b"{}")
                }
                _ => continue,
            };
            let (_, sent) = ways.entry(way).or_insert_with(|| (verb, Vec::new()));
            sent.push(Sent { candidate, version, source });
        }
        let mut refused: HashMap<String, String> = HashMap::new();
        for (way, (verb, sent)) in ways {
            let page = Page::of(sent.iter().map(|sent| Given {
                doc_type: None,
                id: &sent.candidate.id,
                routing: sent.candidate.routing.as_deref(),
                parent: None,
                version: Some(sent.version),
                source: sent.source,
            }));
            let sink = sink.with(verb);
            // They are named, and say, what the target has: nothing is left to be transformed.
            let plain = Pipeline::default();
            let delivery = if way == "delete" {
                send(&sink, operations::deletes(&page, &plain, sink.target(), &sink.limits())).await?
            } else {
                let index = self.sides.target(sent[0].candidate.index)?;
                let cut = PageCut::of(index, &page, &plain, sink.target(), &sink.limits())?;
                cut.deliver(&sink).await?
            };
            for rejection in delivery.rejections {
                let refusal = rejection.refusal;
                refused.insert(rejection.origin.id, format!("{}: {}", refusal.error_type, refusal.reason));
            }
        }
        for job in jobs.iter_mut() {
            job.refused = refused.remove(&job.look.candidate.id);
        }
        Ok(())
    }

    /// The way into an index of the target.
    fn sink_into(&self, index: u32) -> Result<Sink> {
        if let Some(copy) = self.sides.copies.get(&index) {
            return Ok(copy.sink.clone());
        }
        let name = self.sides.target(index)?;
        let (context, write) = (self.context, &self.context.config.write);
        let record = self.sides.records.first();
        let target_type = record.and_then(|record| record.target_type.as_deref());
        let dialect = context.target.dialect();
        let target = dialect.bulk_target(name, target_type, write.mode, write.pipeline.as_deref());
        let waits = context.progress.waits.clone();
        Ok(Sink::new(context.target.clone(), name, target, context.pace()?, waits))
    }

    /// For how long the target remembers deletes.
    async fn memory_of_deletes(&self, index: u32) -> Result<Duration> {
        let name = self.sides.target(index)?;
        let indices = self.context.target.described().await?;
        let set = indices.iter().find(|info| info.name == name).and_then(|info| info.setting("gc_deletes"));
        Ok(set.map_or(USUAL_MEMORY, |set| humantime::parse_duration(&set).unwrap_or(Duration::MAX)))
    }

    /// Failures whose documents are repaired are none any more.
    async fn resolve(&self, keys: Vec<Vec<u8>>) -> Result<()> {
        let store = &self.context.store;
        let failures = keys.iter().filter_map(|key| store.failure_at(key).transpose());
        let failures: Vec<Failure> = failures.collect::<Result<_, Error>>()?;
        if failures.is_empty() {
            return Ok(());
        }
        let resolved: Vec<Resolution> = failures
            .into_iter()
            .map(|failure| {
                let written = u64::from(!failure.slice.is_of_changes());
                let counts = Counts { written, ..Counts::default() };
                Resolution { failure, counts, dropped_by: None }
            })
            .collect();
        store.resolve_failures(&self.context.name, &resolved, &[])?;
        resolved.iter().for_each(|resolution| self.context.progress.failure_resolves(resolution));
        self.context.progress.take_failures(store.failure_groups(&self.context.name)?);
        Ok(())
    }
}
