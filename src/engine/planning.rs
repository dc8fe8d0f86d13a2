//! Planning: indices become slices, shard by shard, and what is planned survives a crash.

use std::time::{Duration, Instant};

use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use super::candidate::{Candidate, distinct_targets, judge_all, names_of};
use super::conflicts::{TemplatesOfTarget, refuse_taken_names};
use super::context::Context;
use super::progress::milliseconds;
use super::sampling::remove_leftovers;
use super::templates::judge_templates;
use crate::cluster::Cluster;
use crate::cluster::failure::CallError;
use crate::control::status::PlanningStatus;
use crate::error::{Error, Kind, Result};
use crate::failpoint::Failpoint;
use crate::plan::{PlanError, Planner, ShardPlan, shared_id};
use crate::store::records::{Counts, IndexRecord, SliceRecord, SliceState};
use crate::transform::Shape;

/// Shards planned side by side: counts are cheap, but they are the source's to answer.
pub(super) const SHARDS_AT_ONCE: usize = 4;
/// Between two tries at a shard that did not answer.
const PAUSE: Duration = Duration::from_secs(2);

/// `old: Elasticsearch 1.7.6 (escape)`.
pub(super) fn describe(cluster: &Cluster) -> String {
    let server = cluster.server();
    format!("{}: {} {} ({})", cluster.name(), server.distribution, server.version, server.cluster_name)
}

/// The server's word, and not its trouble: a missing index or a bad query is a 4xx, a node that dies may be a 500.
fn is_final(cause: &CallError) -> bool {
    !cause.is_temporary() && cause.refusal().is_some_and(|refusal| refusal.status < 500)
}

/// A shard that does not answer, for those who give up on it.
pub(super) fn unavailable(cause: CallError, cluster: &str, index: &str, shard: u32) -> Error {
    cause.during(cluster, &format!("planning `{index}` shard {shard}"))
}

impl Context {
    /// Plans whatever is not planned yet; a run that was killed in the middle goes on with the next shard.
    ///
    /// Returns `false` when it was stopped before the end.
    ///
    /// # Errors
    /// `Config` and `Refused` for what cannot be migrated as configured.
    pub(super) async fn plan(&self, stop: &CancellationToken) -> Result<bool> {
        let infos = self.source.described().await?;
        let existing = remove_leftovers(&self.target, &self.name, self.target.described().await?).await?;
        let judged = judge_all(&self.source, &self.target, &self.config, &infos)?;
        let candidates: Vec<Candidate> =
            judged.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
        distinct_targets(&candidates, &self.config.to.others)?;
        let templates = TemplatesOfTarget::new(&self.target);
        for candidate in &candidates {
            // What cannot be converted stops here, before the source is asked to count anything.
            let schema = candidate.schema(&self.config, &self.source, &self.target, &existing).await?;
            schema.refuse_losses(&candidate.source().name, &self.config.accept_lost)?;
            let index = &candidate.destination.index;
            if !existing.iter().any(|known| known.name == *index) {
                refuse_taken_names(index, schema.body.as_ref(), &existing)?;
                templates.meddling_with(index).await?;
            }
        }
        let names = names_of(&candidates);
        judge_templates(&self.config, &self.source, &self.target, &names).await?;
        let known = self.store.indices(&self.name)?;
        self.progress.plan_begins(self.planned_so_far(&candidates, &known)?);
        let mut next = known.iter().map(|record| record.ordinal + 1).max().unwrap_or(0);
        for candidate in &candidates {
            let same = |record: &&IndexRecord| {
                record.source == candidate.source().name
                    && record.only_types == candidate.destination.only_types
                    && record.target == candidate.destination.index
            };
            let record = match known.iter().find(same) {
                Some(record) if record.source_uuid == candidate.source().uuid => record.clone(),
                Some(record) => {
                    return Err(Error::state(
                        "other_index",
                        format!("index `{}` was made anew while it was planned", record.source),
                    )
                    .hint("`esferry reset` the migration"));
                }
                None => {
                    let Some(shape) = self.shape(candidate, stop).await? else { return Ok(false) };
                    let record = self.index_record(candidate, shape, next);
                    self.store.save_index(&self.name, &record)?;
                    Failpoint::IndexStored.pass();
                    next += 1;
                    record
                }
            };
            self.progress.take_index(&record);
            if !self.plan_index(candidate, &record, stop).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What the types become, once it is known whether they share ids; `None` when it is to stop first.
    async fn shape(&self, candidate: &Candidate, stop: &CancellationToken) -> Result<Option<Shape>> {
        if !candidate.destination.look_for_shared_ids() {
            return Ok(Some(candidate.destination.shape(false)));
        }
        loop {
            let looked = tokio::select! {
                looked = shared_id(&self.source, candidate.source(), self.config.from.query.as_ref()) => looked,
                () = stop.cancelled() => return Ok(None),
            };
            let cause = match looked {
                Ok(shared) => {
                    if let Some((id, doc_type)) = &shared {
                        tracing::info!(
                            index = candidate.source().name,
                            id,
                            doc_type,
                            "types share ids: every id gets its type in front"
                        );
                    }
                    return Ok(Some(candidate.destination.shape(shared.is_some())));
                }
                Err(error) if error.kind() == Kind::Temporary => error.one_line(),
                Err(error) => return Err(error),
            };
            if !self.pause(&cause, stop).await {
                return Ok(None);
            }
        }
    }

    fn planned_so_far(&self, candidates: &[Candidate], known: &[IndexRecord]) -> Result<PlanningStatus> {
        let mut plan = PlanningStatus {
            shards_done: 0,
            shards: candidates.iter().map(|candidate| candidate.source().shards).sum(),
        };
        for record in known {
            for shard in 0..record.shards {
                plan.shards_done += u32::from(self.store.shard(&self.name, record.ordinal, shard)?.is_some());
            }
        }
        Ok(plan)
    }

    fn index_record(&self, candidate: &Candidate, shape: Shape, ordinal: u32) -> IndexRecord {
        let info = candidate.source();
        IndexRecord {
            ordinal,
            source: info.name.clone(),
            source_uuid: info.uuid.clone(),
            target: candidate.destination.index.clone(),
            target_uuid: None,
            shards: info.shards,
            types: info.type_names(),
            target_type: info.types.first().map(|(name, _)| name.clone()),
            only_types: candidate.destination.only_types.clone(),
            shape,
            strategy: format!("{}: {}", candidate.strategy, candidate.why),
            remarks: candidate.remarks(&self.source),
            originals: None,
            prepared: false,
            restored: false,
            counted: None,
        }
    }

    async fn plan_index(
        &self,
        candidate: &Candidate,
        record: &IndexRecord,
        stop: &CancellationToken,
    ) -> Result<bool> {
        let mut missing = Vec::new();
        for shard in 0..record.shards {
            match self.store.shard(&self.name, record.ordinal, shard)? {
                Some(_) => tracing::debug!(index = record.source, shard, "planned already"),
                None => missing.push(shard),
            }
        }
        if missing.is_empty() {
            return Ok(true);
        }
        if !self.refresh(&record.source, stop).await? {
            return Ok(false);
        }
        let mut planned = futures::stream::iter(missing)
            .map(|shard| async move { (shard, self.plan_one(candidate, record, shard, stop).await) })
            .buffer_unordered(SHARDS_AT_ONCE);
        while let Some((shard, plan)) = planned.next().await {
            let Some((plan, took)) = plan? else { return Ok(false) };
            tracing::info!(
                index = record.source,
                shard,
                slices = plan.record.slices,
                docs = plan.record.docs,
                "planned"
            );
            let slices: Vec<SliceRecord> = plan
                .slices
                .into_iter()
                .map(|slice| SliceRecord {
                    slice,
                    state: SliceState::Waiting,
                    counts: Counts::default(),
                    attempts: 0,
                    dropped: std::collections::BTreeMap::new(),
                })
                .collect();
            self.store.save_shard(&self.name, record.ordinal, shard, &plan.record, &slices)?;
            Failpoint::ShardStored.pass();
            slices.iter().for_each(|slice| self.progress.take_slice(slice));
            self.progress.shard_is_planned();
            tracing::debug!(index = record.source, shard, took_ms = milliseconds(took), "stored");
        }
        Ok(true)
    }

    /// Returns `false` when it is to stop first.
    async fn refresh(&self, index: &str, stop: &CancellationToken) -> Result<bool> {
        loop {
            let outcome = tokio::select! {
                outcome = self.source.refresh(index) => outcome,
                () = stop.cancelled() => return Ok(false),
            };
            let Err(cause) = outcome else { return Ok(true) };
            if is_final(&cause) {
                return Err(cause.during(self.source.name(), &format!("refreshing `{index}`")));
            }
            if !self.pause(&format!("source {index}: {cause}"), stop).await {
                return Ok(false);
            }
        }
    }

    /// Tries until the shard answers; `None` when it is to stop first.
    async fn plan_one(
        &self,
        candidate: &Candidate,
        record: &IndexRecord,
        shard: u32,
        stop: &CancellationToken,
    ) -> Result<Option<(ShardPlan, Duration)>> {
        let started = Instant::now();
        let planner = Planner {
            cluster: &self.source,
            index: candidate.source(),
            ordinal: record.ordinal,
            strategy: &candidate.strategy,
            only_types: &record.only_types,
            query: self.config.from.query.as_ref(),
            target: self.config.slice.docs,
        };
        let mut refused = false;
        loop {
            let outcome = tokio::select! {
                outcome = planner.shard(shard) => outcome,
                () = stop.cancelled() => return Ok(None),
            };
            let cause = match outcome {
                Ok(plan) => return Ok(Some((plan, started.elapsed()))),
                // Numbers that do not add up twice are no answer that went astray.
                Err(PlanError::Refused(error)) if refused => return Err(error),
                Err(PlanError::Refused(error)) => {
                    tracing::warn!(index = record.source, shard, %error, "the shard is planned once more");
                    refused = true;
                    continue;
                }
                Err(PlanError::Call(cause)) if is_final(&cause) => {
                    return Err(unavailable(cause, self.source.name(), &record.source, shard));
                }
                Err(PlanError::Call(cause)) => cause,
            };
            tracing::warn!(index = record.source, shard, cause = %cause, "the shard cannot be planned yet");
            if !self.pause(&format!("source {} shard {shard}: {cause}", record.source), stop).await {
                return Ok(None);
            }
        }
    }

    /// Waits a moment before the next try, visibly. Returns `false` when it is to stop first.
    async fn pause(&self, reason: &str, stop: &CancellationToken) -> bool {
        let _waiting = self.progress.waits.begin(reason.to_owned());
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => true,
            () = stop.cancelled() => false,
        }
    }
}
