//! What `plan` prints: everything that a run would do, and nothing of it done.

use std::sync::Arc;

use futures::StreamExt;
use serde::Serialize;

use super::candidate::{Candidate, distinct_targets, judge_all};
use super::context::connect;
use super::planning::{SHARDS_AT_ONCE, describe, unavailable};
use crate::cluster::Cluster;
use crate::config::{Config, MigrationConfig};
use crate::error::{Error, Result};
use crate::plan::{PlanError, Planner, shared_id};
use crate::transform::Shape;

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

/// One target index of a plan.
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
    /// Types of the source that go here.
    pub types: Vec<String>,
    /// What becomes of the types.
    pub shape: Shape,
    /// What is worth knowing.
    pub remarks: Vec<String>,
}

/// Plans without storing or writing anything.
///
/// # Errors
/// `Config`, `Refused` and `Temporary` as a run would meet them before its first write.
pub async fn dry_plan(config: &Config, name: &str, progress: impl Fn(PlanProgress)) -> Result<PlanDocument> {
    let migration = config
        .migrations
        .get(name)
        .ok_or_else(|| Error::config("unknown_migration", format!("there is no [migrations.{name}]")))?;
    let (source, target) = connect(config, migration).await?;
    let source = Arc::new(source);
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
    let mut candidates = Vec::new();
    for judged in judge_all(&source, &target, migration, &infos)? {
        match judged {
            Ok(judged) => candidates.extend(judged),
            Err(error) => document.refusals.push(told(&error)),
        }
    }
    if let Err(error) = distinct_targets(&candidates) {
        document.refusals.push(told(&error));
    }
    for (ordinal, candidate) in (0..).zip(&candidates) {
        let mut planned = plan_index(&source, migration, candidate, ordinal, &progress).await?;
        let exists = existing.iter().any(|index| index.name == planned.target);
        planned.target_index = if exists { "use" } else { "create" };
        document.docs += planned.docs;
        document.slices += planned.slices;
        document.indices.push(planned);
    }
    Ok(document)
}

/// A refusal and its remedy in one line.
fn told(error: &Error) -> String {
    match error.remedy() {
        Some(remedy) => format!("{} ({remedy})", error.one_line()),
        None => error.one_line(),
    }
}

async fn plan_index(
    source: &Arc<Cluster>,
    migration: &MigrationConfig,
    candidate: &Candidate,
    ordinal: u32,
    progress: impl Fn(PlanProgress),
) -> Result<PlannedIndex> {
    let info = candidate.source();
    let doing = format!("planning `{}`", info.name);
    source.refresh(&info.name).await.map_err(|cause| cause.during(source.name(), &doing))?;
    let mut remarks = candidate.remarks(source);
    let mut shared = None;
    if candidate.destination.look_for_shared_ids() {
        shared = shared_id(source, info, migration.from.query.as_ref()).await?;
        remarks.extend(shared.as_ref().map(|(id, doc_type)| {
            format!("types share ids, such as `{id}` of `{doc_type}`: every id gets its type in front")
        }));
    }
    let planner = Planner {
        cluster: source,
        index: info,
        ordinal,
        strategy: &candidate.strategy,
        only_types: &candidate.destination.only_types,
        query: migration.from.query.as_ref(),
        target: migration.slice.docs,
    };
    let mut planned = PlannedIndex {
        source: info.name.clone(),
        target: candidate.destination.index.clone(),
        target_index: "create",
        strategy: candidate.strategy.to_string(),
        why: candidate.why.clone(),
        shards: info.shards,
        docs: 0,
        slices: 0,
        largest_slice: 0,
        types: info.type_names(),
        shape: candidate.destination.shape(shared.is_some()),
        remarks,
    };
    let mut plans = futures::stream::iter(0..info.shards)
        .map(|shard| async move { (shard, planner.shard(shard).await) })
        .buffer_unordered(SHARDS_AT_ONCE);
    let mut shards_done = 0;
    progress(PlanProgress { index: info.name.clone(), shards_done, shards: info.shards });
    while let Some((shard, plan)) = plans.next().await {
        let plan = plan.map_err(|cause| match cause {
            PlanError::Call(cause) => unavailable(cause, source.name(), &info.name, shard),
            PlanError::Refused(error) => error,
        })?;
        shards_done += 1;
        progress(PlanProgress { index: info.name.clone(), shards_done, shards: info.shards });
        planned.docs += plan.record.docs;
        planned.slices += u64::from(plan.record.slices);
        let largest = plan.slices.iter().map(|slice| slice.expected_docs).max().unwrap_or(0);
        planned.largest_slice = planned.largest_slice.max(largest);
    }
    Ok(planned)
}
