//! Failed documents, once more: read again from the source, through the present configuration, and settled.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Semaphore;

use super::context::Context;
use super::worker::{IndexCopy, blocking, deliver};
use crate::cluster::selection::{Selection, SliceRange};
use crate::error::{Error, Result};
use crate::sink::{Identity, Rejection, Sent};
use crate::source::{Hit, Page};
use crate::store::records::{Counts, Failure};

/// Documents read again at once.
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
}

impl Context {
    /// Tries the failures of a migration again, all of them or those of one error type.
    ///
    /// # Errors
    /// `Temporary` when a cluster does not answer: what was settled until then is recorded.
    pub(super) async fn retry(&self, error_type: Option<&str>) -> Result<RetryReport> {
        let indices = self.indices().await?;
        let infos = self.source.described().await?;
        let flights = Arc::new(Semaphore::new(self.config.write.bulks));
        let mut report = RetryReport::default();
        for record in &indices {
            let copy =
                self.index_copy(record, infos.iter().find(|info| info.name == record.source), &flights)?;
            // A snapshot of keys and metadata only, batch by batch: the list may be long, and changes as we go.
            let mut after: Option<Failure> = None;
            loop {
                let batch = self.next_failures(record.ordinal, error_type, after.take()).await?;
                let Some(last) = batch.last().cloned() else { break };
                after = Some(last);
                self.retry_batch(&copy, batch, &mut report).await?;
            }
        }
        self.progress.take_failures(self.store.failure_groups(&self.name)?);
        Ok(report)
    }

    async fn next_failures(
        &self,
        index: u32,
        error_type: Option<&str>,
        after: Option<Failure>,
    ) -> Result<Vec<Failure>> {
        let (store, name) = (self.store.clone(), self.name.clone());
        let error_type = error_type.map(ToOwned::to_owned);
        blocking(move || {
            let wanted = |failure: &Failure| {
                failure.slice.index == index
                    && error_type.as_ref().is_none_or(|wanted| *wanted == failure.error_type)
            };
            let rest = store.failures_after(&name, after.as_ref());
            rest.filter(|failure| failure.as_ref().map_or(true, wanted)).take(AT_ONCE).collect()
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
        let mut by_type: BTreeMap<Option<String>, Vec<Failure>> = BTreeMap::new();
        for failure in failures {
            let hidden = self.source.dialect().hidden_type;
            let doc_type = failure.doc_type.clone().filter(|name| Some(name.as_str()) == hidden);
            by_type.entry(doc_type).or_default().push(failure);
        }
        for (hidden, failures) in by_type {
            let page = self.read_again(copy, hidden, &failures).await?;
            let (resolved, again) = settle_again(copy, &failures, &page).await?;
            let gone = resolved.iter().filter(|(_, counts)| counts.settled() == 0).count() as u64;
            report.gone += gone;
            report.resolved += resolved.len() as u64 - gone;
            report.still_failing += again.len() as u64;
            let (store, name) = (self.store.clone(), self.name.clone());
            let settled: Vec<Counts> = resolved.iter().map(|(_, counts)| *counts).collect();
            blocking(move || store.resolve_failures(&name, &resolved, &again)).await?;
            settled.iter().for_each(|counts| self.progress.failure_resolves(counts));
        }
        Ok(())
    }

    async fn read_again(
        &self,
        copy: &IndexCopy,
        hidden: Option<String>,
        failures: &[Failure],
    ) -> Result<Page> {
        let source = &self.source;
        let doing = format!("reading failed documents of `{}` again", copy.source_name);
        source.refresh(&copy.source_name).await.map_err(|cause| cause.during(source.name(), &doing))?;
        let ids: Vec<&str> = failures.iter().map(|failure| failure.id.as_str()).collect();
        let query = json!({"ids": {"values": ids}});
        let mut selection = Selection::all(&copy.source_name, Some(&query)).of_types(&copy.only_types);
        if let Some(doc_type) = hidden {
            selection.range = SliceRange::HiddenType { doc_type };
        }
        let most = source.dialect().max_page;
        let request = source.dialect().search(&selection, most, copy.source.wanted);
        let body = source.call(&request).await.map_err(|cause| cause.during(source.name(), &doing))?;
        let unreadable = |why: String| {
            Error::temporary("read_again", format!("cluster `{}`: {doing}: {why}", source.name()))
                .hint("try again when every shard of the source answers")
        };
        let page = Page::read(body).map_err(|cause| unreadable(cause.to_string()))?;
        let whole = page.shards.is_some_and(|[total, successful, failed]| failed == 0 && successful == total);
        if !whole || page.timed_out || page.total != Some(page.hits.len() as u64) {
            return Err(unreadable("not every shard answered".to_owned()));
        }
        Ok(page)
    }
}

/// Failures that are settled now, with what became of each, and the failures that remain.
type Settled = (Vec<(Failure, Counts)>, Vec<Failure>);

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
            None => resolved.push((failure.clone(), Counts::default())),
        }
    }
    let page = Page { hits: found.into_values().collect(), ..page.clone() };
    let delivery = deliver(&copy.sink, copy.cut(page).await?).await?;
    let mut rejections: HashMap<Place, Rejection> = HashMap::new();
    for rejection in delivery.rejections {
        rejections.insert((known_type(copy, rejection.origin.clone()), rejection.sent.clone()), rejection);
    }
    let mut outcomes = delivery.counts;
    for failure in there {
        match rejections.remove(&place_of(copy, failure)) {
            None => resolved.push((failure.clone(), take_one(&mut outcomes))),
            Some(rejection) => again.push(Failure {
                version: rejection.version,
                status: rejection.refusal.status,
                error_type: rejection.refusal.error_type,
                reason: rejection.refusal.reason,
                attempts: rejection.attempts.max(1),
                last: Timestamp::now(),
                ..failure.clone()
            }),
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
