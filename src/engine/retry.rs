//! Failed documents, once more: read again from the source, through the present configuration, and settled.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::context::Context;
use super::current::DocumentKey;
use super::refused::refused_again;
use super::worker::{IndexCopy, blocking};
use crate::changes::mapping;
use crate::error::{Error, Kind, Result};
use crate::failpoint::Failpoint;
use crate::plan::slice::SliceId;
use crate::sink::{Identity, Rejection, Sent};
use crate::source::{Hit, Page};
use crate::store::Resolution;
use crate::store::records::{Counts, Failure, FailureGroup};

/// Failures whose documents are read again at once, at most.
const AT_ONCE: usize = 250;

/// What became of the failures that were tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryReport {
    /// Failures tried.
    pub tried: u64,
    /// On the target now.
    pub resolved: u64,
    /// Gone from the source: nothing to migrate any more.
    pub gone: u64,
    /// Refused again.
    pub still_failing: u64,
    /// Messages on the list that name no document, so that there is nothing to read again.
    pub messages: u64,
}

/// How far a retry is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryProgress {
    /// Failures that are to be tried.
    pub of: u64,
    /// What became of those that were.
    #[serde(flatten)]
    pub report: RetryReport,
}

impl Context {
    /// Tries the failures of a migration again, all of them or those of one error type.
    ///
    /// # Errors
    /// `Temporary` when a cluster does not answer, `Interrupted` when nobody listens to `told` any more: what was
    /// settled until then is recorded.
    pub(super) async fn retry(
        &self,
        error_type: Option<&str>,
        told: &watch::Sender<RetryProgress>,
    ) -> Result<RetryReport> {
        let indices = self.indices().await?;
        let copies = self.copies(&indices, &self.pace()?).await?;
        let groups = self.store.failure_groups(&self.name)?;
        let wanted = groups.iter().filter(|group| error_type.is_none_or(|wanted| wanted == group.error_type));
        let (messages, documents): (Vec<_>, Vec<_>) =
            wanted.partition(|group| mapping::names_no_document(&group.error_type));
        let count = |groups: &[&FailureGroup]| groups.iter().map(|group| group.count).sum();
        let of = count(&documents);
        let mut report = RetryReport { messages: count(&messages), ..RetryReport::default() };
        // Metadata only, and not all of it at once: the list may be long, and changes as we go.
        let mut after: Option<Failure> = None;
        loop {
            let mut batch = self.next_failures(error_type, after.take()).await?;
            let Some(last) = batch.last().cloned() else { break };
            let copy = copies.get(&last.slice.index).ok_or_else(|| {
                Error::state("corrupt", format!("slice {} belongs to no index", last.slice))
            })?;
            while !batch.is_empty() {
                let rest = batch.split_off(fitting(&batch, copy.source.page_size.docs()));
                let now = std::mem::replace(&mut batch, rest);
                self.retry_batch(copy, now, &mut report).await?;
                self.progress.take_failures(self.store.failure_groups(&self.name)?);
                if told.send(RetryProgress { of, report }).is_err() {
                    let message = format!("stopped after {} of {of} failures", report.tried);
                    return Err(Error::new(Kind::Interrupted, "interrupted", message)
                        .hint("what was settled until then is off the list"));
                }
            }
            after = Some(last);
        }
        Ok(report)
    }

    /// The next ones of the list, all of one index.
    async fn next_failures(&self, error_type: Option<&str>, after: Option<Failure>) -> Result<Vec<Failure>> {
        let (store, name) = (self.store.clone(), self.name.clone());
        let error_type = error_type.map(ToOwned::to_owned);
        blocking(move || {
            // A message that names no document cannot be read again from the source.
            let wanted = |failure: &Failure| {
                error_type.as_ref().is_none_or(|kind| *kind == failure.error_type)
                    && failure.slice != SliceId::of_messages()
            };
            let rest = store.failures_after(&name, after.as_ref());
            let mut batch: Vec<Failure> = Vec::new();
            for failure in rest.filter(|failure| failure.as_ref().map_or(true, wanted)) {
                let failure = failure?;
                if batch.first().is_some_and(|first| first.slice.index != failure.slice.index) {
                    break;
                }
                batch.push(failure);
                if batch.len() == AT_ONCE {
                    break;
                }
            }
            Ok(batch)
        })
        .await
    }

    async fn retry_batch(
        &self,
        copy: &IndexCopy,
        failures: Vec<Failure>,
        report: &mut RetryReport,
    ) -> Result<()> {
        report.tried += failures.len() as u64;
        let failures = self.bring_up_again(copy, failures, report).await?;
        let mut by_type: BTreeMap<Option<String>, Vec<Failure>> = BTreeMap::new();
        for failure in failures {
            let hidden = self.source.dialect().hidden_type;
            let doc_type = failure.doc_type.clone().filter(|name| Some(name.as_str()) == hidden);
            by_type.entry(doc_type).or_default().push(failure);
        }
        for (hidden, failures) in by_type {
            let page = self.read_again(copy, hidden, &failures).await?;
            let (resolved, again) = settle_again(copy, &failures, &page).await?;
            Failpoint::RetryAnswered.pass();
            let gone = resolved.iter().map(|resolution| resolution.counts.gone).sum::<u64>();
            report.gone += gone;
            report.resolved += resolved.len() as u64 - gone;
            report.still_failing += again.len() as u64;
            let (store, name) = (self.store.clone(), self.name.clone());
            let settled = resolved.clone();
            blocking(move || store.resolve_failures(&name, &resolved, &again)).await?;
            Failpoint::RetryStored.pass();
            settled.iter().for_each(|resolution| self.progress.failure_resolves(resolution));
        }
        Ok(())
    }

    /// Documents that what follows the source met are brought to what the source holds now; returns the others.
    async fn bring_up_again(
        &self,
        copy: &IndexCopy,
        failures: Vec<Failure>,
        report: &mut RetryReport,
    ) -> Result<Vec<Failure>> {
        let (mut left, others): (Vec<Failure>, Vec<Failure>) =
            failures.into_iter().partition(|failure| failure.slice.is_of_changes());
        while !left.is_empty() {
            let mut ids = HashSet::new();
            let (now, later): (Vec<Failure>, Vec<Failure>) =
                left.into_iter().partition(|failure| ids.insert(failure.id.clone()));
            left = later;
            let keys = now.iter().map(|failure| DocumentKey {
                doc_type: failure.doc_type.clone(),
                id: failure.id.clone(),
                routing: failure.routing.clone(),
                parent: None,
            });
            let brought = copy.bring_up(keys.collect(), self.config.changes.sole_writer).await?;
            let mut refused: HashMap<String, Rejection> = HashMap::new();
            for rejection in brought.rejections {
                refused.insert(rejection.origin.id.clone(), rejection);
            }
            let (mut resolved, mut again) = (Vec::new(), Vec::new());
            for failure in now {
                match refused.remove(&failure.id) {
                    None => {
                        resolved.push(Resolution { failure, counts: Counts::default(), dropped_by: None })
                    }
                    Some(rejection) => again.push(refused_again(&failure, rejection)),
                }
            }
            report.resolved += resolved.len() as u64;
            report.still_failing += again.len() as u64;
            let (store, name) = (self.store.clone(), self.name.clone());
            blocking(move || store.resolve_failures(&name, &resolved, &again)).await?;
        }
        Ok(others)
    }

    async fn read_again(
        &self,
        copy: &IndexCopy,
        hidden: Option<String>,
        failures: &[Failure],
    ) -> Result<Page> {
        let ids: Vec<&str> = failures.iter().map(|failure| failure.id.as_str()).collect();
        let doing = format!("reading failed documents of `{}` again", copy.source_name);
        let page = self.look_up(copy, hidden.as_deref(), &ids, copy.source.wanted, &doing).await?;
        copy.source.page_size.learn(&page);
        Ok(page)
    }
}

/// How many of the first of these are read again in one answer, where `docs` documents of the usual size fit into one.
fn fitting(failures: &[Failure], docs: u32) -> usize {
    // Of the usual size those are not that no request could carry: they come one by one.
    let usual = failures.iter().take_while(|failure| failure.error_type != "too_large").count();
    usual.min(usize::try_from(docs).unwrap_or(usize::MAX)).max(1)
}

/// Failures that are settled now, with what became of each, and the failures that remain.
type Settled = (Vec<Resolution>, Vec<Failure>);

/// Source document, and as what it is sent.
type Place = (Identity, Option<Sent>);

async fn settle_again(copy: &IndexCopy, failures: &[Failure], page: &Page) -> Result<Settled> {
    let mut hits: HashMap<Identity, Hit> = HashMap::new();
    for hit in &page.hits {
        hits.insert(known_type(copy, Identity::of(hit, page)), *hit);
    }
    let (mut resolved, mut again, mut there) = (Vec::new(), Vec::new(), Vec::new());
    let mut found: HashMap<Identity, Hit> = HashMap::new();
    for failure in failures {
        let (identity, _) = place_of(copy, failure);
        match hits.get(&identity) {
            Some(hit) => {
                found.insert(identity, *hit);
                there.push(failure);
            }
            None => {
                let counts = Counts { gone: 1, ..Counts::default() };
                resolved.push(Resolution { failure: failure.clone(), counts, dropped_by: None });
            }
        }
    }
    let page = Page { hits: found.into_values().collect(), ..page.clone() };
    let delivery = copy.cut(page).await?.deliver(&copy.sink).await?;
    let mut rejections: HashMap<Place, Rejection> = HashMap::new();
    for rejection in delivery.rejections {
        rejections.insert((known_type(copy, rejection.origin.clone()), rejection.sent.clone()), rejection);
    }
    let (mut outcomes, mut dropped) = (delivery.counts, delivery.dropped);
    for failure in there {
        match rejections.remove(&place_of(copy, failure)) {
            None => {
                let counts = take_one(&mut outcomes);
                let step = if counts.dropped > 0 { take_step(&mut dropped) } else { None };
                let dropped_by = step.map(|step| copy.pipeline.describe(step));
                resolved.push(Resolution { failure: failure.clone(), counts, dropped_by });
            }
            Some(rejection) => again.push(refused_again(failure, rejection)),
        }
    }
    Ok((resolved, again))
}

/// A document whose batch did not know its type is of the only type that the index has.
fn known_type(copy: &IndexCopy, mut identity: Identity) -> Identity {
    identity.doc_type = identity.doc_type.or_else(|| copy.doc_type.clone());
    identity
}

fn place_of(copy: &IndexCopy, failure: &Failure) -> Place {
    let Failure { doc_type, id, routing, target_id, target_index, .. } = failure.clone();
    let sent = target_id.map(|id| Sent { index: target_index, id });
    (known_type(copy, Identity { doc_type, id, routing }), sent)
}

/// One settled document of many: which one had which outcome does not matter, the totals do.
fn take_one(outcomes: &mut Counts) -> Counts {
    let mut one = Counts::default();
    let kinds = [
        (&mut outcomes.written, &mut one.written),
        (&mut outcomes.present, &mut one.present),
        (&mut outcomes.superseded, &mut one.superseded),
        (&mut outcomes.dropped, &mut one.dropped),
    ];
    if let Some((left, taken)) = kinds.into_iter().find(|(left, _)| **left > 0) {
        *left -= 1;
        *taken = 1;
    }
    one
}

/// One of the steps that left documents out.
fn take_step(dropped: &mut BTreeMap<usize, u64>) -> Option<usize> {
    let (step, left) = dropped.iter_mut().find(|(_, left)| **left > 0)?;
    *left -= 1;
    Some(*step)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn failure(error_type: &str) -> Failure {
        serde_json::from_value(json!({
            "slice": SliceId { index: 0, shard: 0, number: 0 }, "index": "a", "doc_type": null, "id": "x", "routing": null,
            "version": 1, "status": 400, "error_type": error_type, "reason": "", "attempts": 1,
            "first": Timestamp::UNIX_EPOCH, "last": Timestamp::UNIX_EPOCH
        }))
        .unwrap()
    }

    #[test]
    fn as_many_are_read_again_as_fit_and_too_large_ones_alone() {
        let of = |types: &[&str]| types.iter().map(|kind| failure(kind)).collect::<Vec<_>>();
        assert_eq!(fitting(&of(&["mapper", "mapper", "mapper"]), 2), 2);
        assert_eq!(fitting(&of(&["mapper", "too_large", "mapper"]), 250), 1);
        assert_eq!(fitting(&of(&["too_large", "too_large"]), 250), 1);
        assert_eq!(fitting(&of(&["mapper", "strict", "mapper"]), 250), 3);
    }
}
