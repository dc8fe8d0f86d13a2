//! Planning: indices become slices, shard by shard, and what is planned survives a crash.

use std::time::{Duration, Instant};

use futures::StreamExt;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::context::{Context, apart, connect};
use super::progress::milliseconds;
use crate::cluster::Cluster;
use crate::cluster::failure::CallError;
use crate::cluster::indices::{IndexInfo, choose as choose_indices};
use crate::config::{Config, MigrationConfig};
use crate::control::status::PlanningStatus;
use crate::error::{Error, Result};
use crate::plan::{PlanError, ShardPlan, Strategy, choose as choose_strategy, plan_shard};
use crate::schema;
use crate::store::records::{Counts, IndexRecord, SliceRecord, SliceState};

/// Shards planned side by side: counts are cheap, but they are the source's to answer.
const SHARDS_AT_ONCE: usize = 4;
/// Between two tries at a shard that did not answer.
const PAUSE: Duration = Duration::from_secs(2);

/// How far planning is.
#[derive(Debug, Clone, Serialize)]
pub struct PlanProgress {
    /// Index being planned.
    pub index: String,
    /// Shards of it that are planned.
    pub shards_done: u32,
    /// Shards of it.
    pub shards: u32,
}

/// Everything that a run would do.
#[derive(Debug, Clone, Serialize)]
pub struct PlanDocument {
    /// Migration name.
    pub migration: String,
    /// The cluster that is read: name, distribution and version.
    pub source: String,
    /// The cluster that is written.
    pub target: String,
    /// Indices with their slices.
    pub indices: Vec<PlannedIndex>,
    /// Documents in all.
    pub docs: u64,
    /// Slices in all.
    pub slices: u64,
    /// What cannot be migrated as configured, with the reason.
    pub refusals: Vec<String>,
}

/// One index of a plan.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedIndex {
    /// Source index.
    pub source: String,
    /// Target index.
    pub target: String,
    /// `create` or `use`.
    pub target_index: &'static str,
    /// How it is sliced.
    pub strategy: String,
    /// Why so.
    pub why: String,
    /// Primary shards.
    pub shards: u32,
    /// Documents counted.
    pub docs: u64,
    /// Slices.
    pub slices: u64,
    /// Documents of the largest slice.
    pub largest_slice: u64,
    /// Types.
    pub types: Vec<String>,
    /// What is worth knowing.
    pub remarks: Vec<String>,
}

/// An index that can be planned, judged and with its strategy.
struct Candidate {
    info: IndexInfo,
    strategy: Strategy,
    why: String,
}

/// What `plan` prints: everything a run would do, and nothing of it done. Nothing is stored.
///
/// # Errors
/// `Config`, `Refused` and `Temporary` as a run would meet them before its first write.
pub async fn dry_plan(config: &Config, name: &str, progress: impl Fn(PlanProgress)) -> Result<PlanDocument> {
    let migration = config
        .migrations
        .get(name)
        .ok_or_else(|| Error::config("unknown_migration", format!("there is no [migrations.{name}]")))?;
    let (source, target) = connect(config, migration).await?;
    let mut document = PlanDocument {
        migration: name.to_owned(),
        source: describe(&source),
        target: describe(&target),
        indices: Vec::new(),
        docs: 0,
        slices: 0,
        refusals: Vec::new(),
    };
    let infos = source.described().await?;
    let existing = target.described().await?;
    for (ordinal, info) in (0..).zip(choose_indices(&infos, &migration.from.indices, source.name())?) {
        let candidate = match judge(&source, &target, migration, info) {
            Ok(candidate) => candidate,
            Err(error) => {
                document.refusals.push(error.one_line());
                continue;
            }
        };
        let to = migration.target_index(&info.name);
        let exists = existing.iter().any(|index| index.name == to);
        let doing = format!("planning `{}`", info.name);
        source.refresh(&info.name).await.map_err(|cause| cause.during(source.name(), &doing))?;
        let (mut docs, mut slices, mut largest) = (0, 0, 0);
        for shard in 0..info.shards {
            progress(PlanProgress { index: info.name.clone(), shards_done: shard, shards: info.shards });
            let plan = plan_shard(
                &source,
                info,
                ordinal,
                shard,
                &candidate.strategy,
                migration.from.query.as_ref(),
                migration.slice.docs,
            );
            let plan = plan.await.map_err(|cause| match cause {
                PlanError::Call(cause) => unavailable(cause, source.name(), &info.name, shard),
                PlanError::Refused(error) => error,
            })?;
            docs += plan.record.docs;
            slices += u64::from(plan.record.slices);
            largest = plan.slices.iter().map(|slice| slice.expected_docs).max().unwrap_or(0).max(largest);
        }
        document.docs += docs;
        document.slices += slices;
        document.indices.push(PlannedIndex {
            source: info.name.clone(),
            target: to,
            target_index: if exists { "use" } else { "create" },
            strategy: candidate.strategy.to_string(),
            why: candidate.why,
            shards: info.shards,
            docs,
            slices,
            largest_slice: largest,
            types: info.type_names(),
            remarks: remarks(&source, info),
        });
    }
    Ok(document)
}

/// `old: Elasticsearch 1.7.6 (escape)`.
pub(super) fn describe(cluster: &Cluster) -> String {
    let server = cluster.server();
    format!("{}: {} {} ({})", cluster.name(), server.distribution, server.version, server.cluster_name)
}

/// The server's word, and not its trouble: a missing index or a bad query is a 4xx, a node that dies may be a 500.
fn is_final(cause: &CallError) -> bool {
    !cause.is_temporary() && cause.refusal().is_some_and(|refusal| refusal.status < 500)
}

fn unavailable(cause: CallError, cluster: &str, index: &str, shard: u32) -> Error {
    cause.during(cluster, &format!("planning `{index}` shard {shard}"))
}

fn judge(
    source: &Cluster,
    target: &Cluster,
    migration: &MigrationConfig,
    info: &IndexInfo,
) -> Result<Candidate> {
    let to = migration.target_index(&info.name);
    apart(source, target, &info.name, &to)?;
    schema::readable_sources(info)?;
    schema::writable_types(info, target)?;
    schema::target_body(&migration.schema, info, target)?;
    let (strategy, why) = choose_strategy(source.dialect(), info, &migration.slice)?;
    Ok(Candidate { info: info.clone(), strategy, why })
}

fn remarks(source: &Cluster, info: &IndexInfo) -> Vec<String> {
    let mut remarks = Vec::new();
    for (doc_type, mapping) in &info.types {
        for field in ["_timestamp", "_ttl"] {
            if mapping
                .pointer(&format!("/{field}/enabled"))
                .is_some_and(|enabled| enabled == true || enabled == "true")
            {
                remarks.push(format!("`{doc_type}`: {field} is not carried over"));
            }
        }
        if !source.dialect().stores(mapping, "_routing") {
            remarks.push(format!("`{doc_type}`: routing is not stored, and is not carried over"));
        }
    }
    remarks
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
        let chosen = choose_indices(&infos, &self.config.from.indices, self.source.name())?;
        let candidates = chosen
            .into_iter()
            .map(|info| judge(&self.source, &self.target, &self.config, info))
            .collect::<Result<Vec<_>>>()?;
        distinct_targets(&self.config, &candidates)?;
        let known = self.store.indices(&self.name)?;
        self.progress.plan_begins(self.planned_so_far(&candidates, &known)?);
        let mut next = known.iter().map(|record| record.ordinal + 1).max().unwrap_or(0);
        for candidate in &candidates {
            let record = match known.iter().find(|record| record.source == candidate.info.name) {
                Some(record) if record.source_uuid == candidate.info.uuid => record.clone(),
                Some(record) => {
                    return Err(Error::state(
                        "other_index",
                        format!("index `{}` was made anew while it was planned", record.source),
                    )
                    .hint("`esferry reset` the migration"));
                }
                None => {
                    let record = self.index_record(candidate, next);
                    self.store.save_index(&self.name, &record)?;
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

    fn planned_so_far(&self, candidates: &[Candidate], known: &[IndexRecord]) -> Result<PlanningStatus> {
        let mut plan = PlanningStatus {
            shards_done: 0,
            shards: candidates.iter().map(|candidate| candidate.info.shards).sum(),
        };
        for record in known {
            for shard in 0..record.shards {
                plan.shards_done += u32::from(self.store.shard(&self.name, record.ordinal, shard)?.is_some());
            }
        }
        Ok(plan)
    }

    fn index_record(&self, candidate: &Candidate, ordinal: u32) -> IndexRecord {
        let info = &candidate.info;
        IndexRecord {
            ordinal,
            source: info.name.clone(),
            source_uuid: info.uuid.clone(),
            target: self.config.target_index(&info.name),
            target_uuid: None,
            shards: info.shards,
            types: info.type_names(),
            target_type: info.types.first().map(|(name, _)| name.clone()),
            strategy: format!("{}: {}", candidate.strategy, candidate.why),
            remarks: remarks(&self.source, info),
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
                })
                .collect();
            self.store.save_shard(&self.name, record.ordinal, shard, &plan.record, &slices)?;
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
            let _waiting = self.progress.waits.begin(format!("source {index}: {cause}"));
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return Ok(false),
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
        loop {
            let (query, target) = (self.config.from.query.as_ref(), self.config.slice.docs);
            let plan = plan_shard(
                &self.source,
                &candidate.info,
                record.ordinal,
                shard,
                &candidate.strategy,
                query,
                target,
            );
            let outcome = tokio::select! {
                outcome = plan => outcome,
                () = stop.cancelled() => return Ok(None),
            };
            let cause = match outcome {
                Ok(plan) => return Ok(Some((plan, started.elapsed()))),
                Err(PlanError::Refused(error)) => return Err(error),
                Err(PlanError::Call(cause)) if is_final(&cause) => {
                    return Err(unavailable(cause, self.source.name(), &record.source, shard));
                }
                Err(PlanError::Call(cause)) => cause,
            };
            tracing::warn!(index = record.source, shard, cause = %cause, "the shard cannot be planned yet");
            let _waiting =
                self.progress.waits.begin(format!("source {} shard {shard}: {cause}", record.source));
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return Ok(None),
            }
        }
    }
}

fn distinct_targets(config: &MigrationConfig, candidates: &[Candidate]) -> Result<()> {
    for (position, candidate) in candidates.iter().enumerate() {
        let target = config.target_index(&candidate.info.name);
        if let Some(other) =
            candidates[..position].iter().find(|other| config.target_index(&other.info.name) == target)
        {
            let message = format!(
                "`{}` and `{}` would both be written to `{target}`: equal ids would overwrite each other",
                other.info.name, candidate.info.name
            );
            return Err(Error::config("same_target", message)
                .hint("keep `{index}` in `to.index`, or make a migration of each"));
        }
    }
    Ok(())
}
