//! What `plan` prints: everything that a run would do, and nothing of it done.

use std::sync::Arc;

use futures::StreamExt;
use serde::Serialize;
use serde_json::json;

use super::candidate::{Candidate, distinct_targets, judge_all, names_of};
use super::conflicts::{TemplatesOfTarget, claims, refuse_claimed, refuse_taken_names};
use super::context::connect;
use super::copying::pipeline_of;
use super::cutover::recovery::feeds;
use super::planned_topic::PlannedTopic;
use super::planning::{SHARDS_AT_ONCE, describe, unavailable};
use super::sampling::{SampleReport, Sampler, remove_leftovers};
use super::templates::judge_templates;
use super::topic::look_at_topic;
use crate::cluster::Cluster;
use crate::cluster::indices::IndexInfo;
use crate::config::{Config, MigrationConfig};
use crate::error::{Error, Kind, Result};
use crate::plan::slice::Slice;
use crate::plan::{PlanError, Planner, shared_id};
use crate::schema::report::Severity;
use crate::schema::{FieldCount, TargetSchema};
use crate::transform::{Pipeline, Shape};

/// From this many fields on an object is taken for one whose keys come with the documents.
const EXPLODES_FROM: usize = 200;

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
    /// The topic that would be followed, and from where; absent where none is configured.
    pub topic: Option<PlannedTopic>,
    /// After a switch: what keeps the old side as good as the new one.
    pub keeps_fed: Vec<String>,
    /// After a switch: what does not reach the old side.
    pub does_not: Vec<String>,
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
    /// What changes in the schema.
    pub schema: SchemaSummary,
    /// Fields of the source's mapping, and where they grow.
    pub fields: FieldCount,
    /// Fields of the target's mapping.
    pub target_fields: usize,
    /// What is worth knowing.
    pub remarks: Vec<String>,
    /// Lines of configuration that would keep the mapping from exploding.
    pub proposals: Vec<String>,
    /// What became of a sample, where one was asked for.
    pub sample: Option<SampleReport>,
}

/// How many changes of the schema there are, by what they mean; `esferry schema report` tells each.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SchemaSummary {
    /// Only the wording is another.
    pub same_meaning: usize,
    /// Some searches may find others, or score them differently.
    pub search_may_differ: usize,
    /// What has no counterpart, and is accepted.
    pub lost: usize,
}

/// What a dry run looks at.
#[derive(Debug, Clone, Copy, Default)]
pub struct DryRun {
    /// Documents of each target index to send into a throw-away index; none for no sample.
    pub sample: Option<u64>,
}

/// Plans without storing anything, and without writing anything but the throw-away index of a sample.
///
/// # Errors
/// `Config`, `Refused` and `Temporary` as a run would meet them before its first write.
pub async fn dry_plan(
    config: &Config,
    name: &str,
    what: DryRun,
    progress: impl Fn(PlanProgress),
) -> Result<PlanDocument> {
    let migration = config.migration(name)?;
    let (source, target) = connect(config, migration).await?;
    let (source, target) = (Arc::new(source), Arc::new(target));
    let (keeps_fed, does_not) = feeds(migration);
    let mut document = PlanDocument {
        migration: name.to_owned(),
        source: describe(&source),
        target: describe(&target),
        indices: Vec::new(),
        docs: 0,
        slices: 0,
        topic: None,
        keeps_fed,
        does_not,
        refusals: Vec::new(),
    };
    if let Some(kafka) = &migration.changes.kafka {
        match look_at_topic(kafka).await {
            Ok(topic) => document.topic = Some(topic),
            Err(error) if error.kind() == Kind::Temporary => return Err(error),
            Err(error) => document.refusals.push(told(&error)),
        }
    }
    let infos = source.described().await?;
    let existing = remove_leftovers(&target, name, target.described().await?).await?;
    let mut candidates = Vec::new();
    for judged in judge_all(&source, &target, migration, &infos)? {
        match judged {
            Ok(judged) => candidates.extend(judged),
            Err(error) => document.refusals.push(told(&error)),
        }
    }
    if let Err(error) = distinct_targets(&candidates, &migration.to.others) {
        document.refusals.push(told(&error));
    }
    match judge_templates(migration, &source, &target, &names_of(&candidates)).await {
        Err(error) if error.kind() == Kind::Temporary => return Err(error),
        Err(error) => document.refusals.push(told(&error)),
        Ok(()) => {}
    }
    let claims = claims(config, name).await;
    let target_templates = TemplatesOfTarget::new(&target);
    for (ordinal, candidate) in (0..).zip(&candidates) {
        if let Err(error) = refuse_claimed(candidate, &claims) {
            document.refusals.push(told(&error));
            continue;
        }
        let schema = match candidate.schema(migration, &source, &target, &existing).await {
            Ok(schema) => schema,
            Err(error) if error.kind() == Kind::Refused => {
                document.refusals.push(told(&error));
                continue;
            }
            Err(error) => return Err(error),
        };
        if let Err(error) = schema.refuse_losses(&candidate.source().name, &migration.accept_lost) {
            document.refusals.push(told(&error));
            continue;
        }
        let there = existing.iter().find(|index| index.name == candidate.destination.index);
        if schema.body.is_none() && there.is_none() {
            document.refusals.push(told(&no_target(&candidate.destination.index)));
            continue;
        }
        if there.is_some_and(|there| there.open)
            && let Err(error) = candidate.refuse_foreign(migration, &source, &target).await
        {
            document.refusals.push(told(&error));
            continue;
        }
        let mut templates = Vec::new();
        if there.is_none() {
            let index = &candidate.destination.index;
            let free = refuse_taken_names(index, schema.body.as_ref(), &existing);
            let meddling = match free {
                Ok(()) => target_templates.meddling_with(index).await,
                Err(error) => Err(error),
            };
            match meddling {
                Ok(remarks) => templates = remarks,
                Err(error) if error.kind() == Kind::Refused => {
                    document.refusals.push(told(&error));
                    continue;
                }
                Err(error) => return Err(error),
            }
        }
        let (mut planned, slices) = plan_index(&source, migration, candidate, ordinal, &progress).await?;
        planned.target_index = if there.is_some() { "use" } else { "create" };
        let schema = if planned.shape.is_prefixed() {
            // Filters by id, for instance, depend on what only the ids told.
            let shaped = candidate.schema_of(migration, &source, &target, &existing, &planned.shape).await?;
            if let Err(error) = shaped.refuse_losses(&planned.source, &migration.accept_lost) {
                document.refusals.push(told(&error));
                continue;
            }
            shaped
        } else {
            schema
        };
        tell_schema(&mut planned, name, &schema);
        planned.remarks.extend(templates);
        if let Some(count) = what.sample {
            // What is there is what the documents will meet, whatever would have been created.
            let body = there.map(|there| like(&target, there)).or(schema.body);
            let body = body.ok_or_else(|| no_target(&planned.target))?;
            let sampler = Sampler { migration: name, config: migration, source: &source, target: &target };
            let source_index = candidate.source();
            let types = source_index.type_names();
            let pipeline =
                pipeline_of(migration, &source_index.name, &types, &planned.target, &planned.shape)?;
            let pipeline = Pipeline { gathered: true, ..pipeline };
            match sampler.sample(candidate, &pipeline, &body, &slices, count).await {
                Ok(sample) => planned.sample = Some(sample),
                Err(error) if error.kind() == Kind::Refused => document.refusals.push(told(&error)),
                Err(error) => return Err(error),
            }
        }
        document.docs += planned.docs;
        document.slices += planned.slices;
        document.indices.push(planned);
    }
    Ok(document)
}

/// The schema's part of a planned index.
fn tell_schema(planned: &mut PlannedIndex, migration: &str, schema: &TargetSchema) {
    planned.schema = SchemaSummary {
        same_meaning: schema.report.count(Severity::SameMeaning),
        search_may_differ: schema.report.count(Severity::SearchMayDiffer),
        lost: schema.report.count(Severity::Lost),
    };
    planned.fields = schema.source_fields.clone();
    planned.target_fields = schema.target_fields.total;
    // What still grows on the target is what no transform takes care of.
    for (place, fields) in schema.target_fields.growth.iter().filter(|(_, fields)| *fields > EXPLODES_FROM) {
        let Some(field) = place.strip_suffix(".*") else { continue };
        planned.remarks.push(format!(
            "`{place}` has {fields} fields: each new key of a document is a new field of the mapping"
        ));
        planned.proposals.push(format!(
            "[[migrations.{migration}.transform]]\nkey_value = {{ field = \"{field}\", into = {{ key_value = \"keyToValue\", value = \"value\" }}, separator = \":\" }}"
        ));
    }
}

/// A create-index body with the mapping and analysis of an index that is there.
fn like(target: &Cluster, there: &IndexInfo) -> serde_json::Value {
    let (doc_type, mapping) = there.types.first().cloned().unwrap_or_default();
    let analysis = there.settings.pointer("/index/analysis").cloned().unwrap_or_default();
    let mapping_limits = there.settings.pointer("/index/mapping").cloned();
    let mut settings = json!({"index": {}});
    if analysis.is_object() {
        settings["index"]["analysis"] = analysis;
    }
    if let Some(limits) = mapping_limits {
        settings["index"]["mapping"] = limits;
    }
    target.dialect().create_body(&settings, Some(&doc_type), &mapping, &serde_json::Value::Null)
}

pub(super) fn no_target(index: &str) -> Error {
    Error::config("no_target", format!("target index `{index}` is not there"))
        .hint("create it, or say `schema = \"convert\"` or `schema = \"file:PATH\"`")
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
) -> Result<(PlannedIndex, Vec<Slice>)> {
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
        schema: SchemaSummary::default(),
        fields: FieldCount::default(),
        target_fields: 0,
        remarks,
        proposals: Vec::new(),
        sample: None,
    };
    let mut slices = Vec::new();
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
        slices.extend(plan.slices);
    }
    Ok((planned, slices))
}
