//! A sample of an index goes the whole way into a throw-away index of the target: what would be refused shows before the
//! copy begins.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::candidate::Candidate;
use super::page_cut::PageCut;
use crate::cluster::Cluster;
use crate::cluster::indices::IndexInfo;
use crate::cluster::selection::Selection;
use crate::cluster::waits::Waits;
use crate::config::{Bulks, MigrationConfig, WriteMode};
use crate::error::{Error, Result};
use crate::plan::slice::{Slice, SliceRange};
use crate::sink::{BatchLimits, Pace, Rejection, Sink};
use crate::source::Page;
use crate::transform::Pipeline;

/// Largest body of a sample's bulk: samples are small.
const BATCH_BYTES: usize = 5 * 1024 * 1024;
/// Of a reason, what tells one class of refusals from another.
const CLASS_LENGTH: usize = 120;

/// What became of a sample.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SampleReport {
    /// Documents read.
    pub read: u64,
    /// Documents that the target took.
    pub taken: u64,
    /// Documents that transforms left out.
    pub dropped: u64,
    /// Documents that were taken and took the place of others: the same id for several.
    pub overwritten: u64,
    /// What was refused, by kind.
    pub refused: Vec<RefusalClass>,
}

/// Documents that are refused for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RefusalClass {
    /// The server's error type, or one of esferry's own.
    pub error_type: String,
    /// How many of the sample.
    pub count: u64,
    /// One of them: its type, where the source has types.
    pub example_type: Option<String>,
    /// Its id.
    pub example_id: String,
    /// The whole reason.
    pub example_reason: String,
}

/// How the names of throw-away indices begin.
const PREFIX: &str = "esferry-sample-";

/// The throw-away index of a migration's nth target.
fn sample_index(migration: &str, process: u32, ordinal: u32) -> String {
    format!("{PREFIX}{migration}-{process}-{ordinal}")
}

/// Deletes throw-away indices that a sample left behind when it was killed; returns the indices that stay.
///
/// # Errors
/// As the target answers.
pub(super) async fn remove_leftovers(
    target: &Cluster,
    migration: &str,
    existing: Vec<IndexInfo>,
) -> Result<Vec<IndexInfo>> {
    let (left_over, staying): (Vec<IndexInfo>, Vec<IndexInfo>) =
        existing.into_iter().partition(|index| is_left_over(&index.name, migration));
    for index in left_over {
        tracing::warn!(index = index.name, "deleting what a sample left behind");
        remove(target, &index.name).await?;
    }
    Ok(staying)
}

/// True for the throw-away index of this migration whose process is no longer there.
fn is_left_over(index: &str, migration: &str) -> bool {
    let rest = index.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(migration));
    let Some((process, ordinal)) = rest.and_then(|rest| rest.strip_prefix('-')?.split_once('-')) else {
        return false;
    };
    let numbers = process.parse::<u32>().is_ok() && ordinal.parse::<u32>().is_ok();
    // On another machine it may be at work still: a sample takes seconds, and is made anew when it is missed.
    numbers && !std::path::Path::new("/proc").join(process).exists()
}

async fn remove(target: &Cluster, index: &str) -> Result<()> {
    let outcome = target.delete_index(index).await;
    outcome.map_err(|cause| cause.during(target.name(), &format!("deleting the throw-away index `{index}`")))
}

/// What a sample of a target index needs.
pub(super) struct Sampler<'a> {
    pub(super) migration: &'a str,
    pub(super) config: &'a MigrationConfig,
    pub(super) source: &'a Cluster,
    pub(super) target: &'a Arc<Cluster>,
}

impl Sampler<'_> {
    /// Sends about `count` documents, spread over the slices of an index, through the pipeline into an index like the
    /// target, which is deleted afterwards.
    ///
    /// # Errors
    /// When a side does not answer, or does not take the throw-away index.
    pub(super) async fn sample(
        &self,
        candidate: &Candidate,
        pipeline: &Pipeline,
        body: &Value,
        slices: &[Slice],
        count: u64,
    ) -> Result<SampleReport> {
        let ordinal = slices.first().map_or(0, |slice| slice.id.index);
        let index = sample_index(self.migration, std::process::id(), ordinal);
        let doing = format!("creating the throw-away index `{index}`");
        let created = self.target.create_index(&index, &throw_away(body)).await;
        created.map_err(|cause| cause.during(self.target.name(), &doing))?;
        let sampled = tokio::select! {
            sampled = self.send(candidate, pipeline, &index, slices, count) => sampled,
            _ = tokio::signal::ctrl_c() => Err(Error::new(crate::error::Kind::Interrupted, "interrupted", "interrupted")),
        };
        // Deleted whatever happened; a kill leaves it to the next command of this migration.
        let removed = remove(self.target, &index).await;
        let report = sampled?;
        removed.map(|()| report)
    }

    async fn send(
        &self,
        candidate: &Candidate,
        pipeline: &Pipeline,
        index: &str,
        slices: &[Slice],
        count: u64,
    ) -> Result<SampleReport> {
        let dialect = self.target.dialect();
        let doc_type = candidate.source().types.first().map(|(name, _)| name.as_str());
        let bulk =
            dialect.bulk_target(index, doc_type, WriteMode::Index, self.config.write.pipeline.as_deref());
        let limits = BatchLimits { docs: 1000, bytes: BATCH_BYTES, max_id_bytes: dialect.max_id_bytes };
        let pace = Arc::new(Pace::new(Bulks::fixed(1), limits));
        let sink = Sink::new(self.target.clone(), index, bulk, pace, Waits::default());
        let (mut report, mut classes) = (SampleReport::default(), BTreeMap::new());
        for (slice, size) in spread(slices, count) {
            let page = self.read(candidate, slice, size).await?;
            let cut = PageCut::of(&candidate.source().name, &page, pipeline, sink.target(), &limits)?;
            let delivery = cut.deliver(&sink).await?;
            report.read += delivery.counts.read;
            report.taken += delivery.counts.landed();
            report.dropped += delivery.counts.dropped;
            delivery.rejections.into_iter().for_each(|rejection| classify(&mut classes, rejection));
        }
        let doing = format!("counting the sample in `{index}`");
        self.target.refresh(index).await.map_err(|cause| cause.during(self.target.name(), &doing))?;
        let held = self.target.count(&Selection::all(index, None)).await;
        let held = held.map_err(|cause| cause.during(self.target.name(), &doing))?;
        report.overwritten = report.taken.saturating_sub(held);
        report.refused = classes.into_values().collect();
        report.refused.sort_by_key(|class| std::cmp::Reverse(class.count));
        Ok(report)
    }

    async fn read(&self, candidate: &Candidate, slice: &Slice, size: u32) -> Result<Page> {
        let info = candidate.source();
        let mut selection = Selection::all(&info.name, self.config.from.query.as_ref())
            .of_types(&candidate.destination.only_types)
            .in_shard(slice.id.shard);
        // A slice of a scroll can be read by a scroll only: the shard as a whole stands for it.
        if !matches!(slice.range, SliceRange::Part { .. }) {
            selection = selection.with_range(slice.range.clone());
        }
        let wanted = self.source.dialect().documents_of(&info.types);
        let doing = format!("reading a sample of `{}`", info.name);
        let request = self.source.dialect().search(&selection, size, wanted);
        let answer =
            self.source.call(&request).await.map_err(|cause| cause.during(self.source.name(), &doing))?;
        Page::read(answer).map_err(|cause| {
            Error::refused("sample", format!("cluster `{}`: {doing}", self.source.name()))
                .hint("a document that 1.x stored as no JSON makes its whole page unreadable")
                .because(cause)
        })
    }
}

/// The slices that are looked into, and how many documents of each.
fn spread(slices: &[Slice], count: u64) -> Vec<(&Slice, u32)> {
    let filled: Vec<&Slice> = slices.iter().filter(|slice| slice.expected_docs > 0).collect();
    let wanted = usize::try_from(count).unwrap_or(usize::MAX).clamp(1, filled.len().max(1));
    let size = u32::try_from(count.div_ceil(wanted as u64)).unwrap_or(u32::MAX);
    (0..wanted.min(filled.len())).map(|n| (filled[n * filled.len() / wanted], size)).collect()
}

/// The body of the target without what concerns others: aliases would lead its users here.
fn throw_away(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(body) = body.as_object_mut() {
        body.remove("aliases");
        body.remove("warmers");
        let settings = body.entry("settings").or_insert_with(|| json!({}));
        for name in ["number_of_shards", "number_of_replicas", "refresh_interval", "auto_expand_replicas"] {
            forget(settings, name);
        }
        if let Some(settings) = settings.as_object_mut() {
            settings.insert("index.number_of_shards".to_owned(), json!(1));
            settings.insert("index.number_of_replicas".to_owned(), json!(0));
            settings.insert("index.refresh_interval".to_owned(), json!("-1"));
        }
    }
    body
}

/// Takes a setting out of settings that may be nested or flat, with or without `index`.
fn forget(settings: &mut Value, name: &str) {
    let Some(settings) = settings.as_object_mut() else { return };
    settings.remove(name);
    settings.remove(&format!("index.{name}"));
    if let Some(inner) = settings.get_mut("index").and_then(Value::as_object_mut) {
        inner.remove(name);
    }
}

/// What a reason says of more than one document: the cause behind the colon quotes the value, and 6.8 names the id.
fn class_of(reason: &str) -> String {
    let general = reason.split(": ").next().unwrap_or_default();
    match general.split_once(" in document with id '") {
        Some((field, _)) => field.to_owned(),
        None => general.to_owned(),
    }
}

fn classify(classes: &mut BTreeMap<(String, String), RefusalClass>, rejection: Rejection) {
    let Rejection { origin, refusal, .. } = rejection;
    let general: String = class_of(&refusal.reason).chars().take(CLASS_LENGTH).collect();
    let class = classes.entry((refusal.error_type.clone(), general)).or_insert_with(|| RefusalClass {
        error_type: refusal.error_type,
        count: 0,
        example_type: origin.doc_type,
        example_id: origin.id,
        example_reason: refusal.reason,
    });
    class.count += 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::slice::SliceId;

    fn slice(number: u32, expected_docs: u64) -> Slice {
        let range = SliceRange::Part { slice: number, of: 9 };
        Slice { id: SliceId { index: 0, shard: 0, number }, range, expected_docs }
    }

    fn spread_over(docs: &[u64], count: u64) -> Vec<(u32, u32)> {
        let slices: Vec<Slice> = (0..).zip(docs).map(|(number, docs)| slice(number, *docs)).collect();
        spread(&slices, count).into_iter().map(|(slice, size)| (slice.id.number, size)).collect()
    }

    #[test]
    fn a_sample_is_spread_over_slices_that_hold_something() {
        assert_eq!(spread_over(&[5, 0, 5, 5], 6), [(0, 2), (2, 2), (3, 2)]);
        assert_eq!(spread_over(&[5, 5, 5, 5], 2), [(0, 1), (2, 1)]);
        assert_eq!(spread_over(&[0], 2), []);
        assert_eq!(spread_over(&[], 2), []);
    }

    #[test]
    fn documents_that_are_refused_for_the_same_reason_are_one_class() {
        let reason = |id: &str| {
            format!(
                "failed to parse field [b] of type [boolean] in document with id '{id}': Failed to parse value [on]"
            )
        };
        assert_eq!(class_of(&reason("1")), "failed to parse field [b] of type [boolean]");
        assert_eq!(class_of(&reason("a: 'b'")), class_of(&reason("2")));
        assert_eq!(class_of("no colon"), "no colon");
    }

    #[test]
    fn only_samples_of_this_migration_whose_process_is_gone_are_left_over() {
        let own = std::process::id();
        assert!(is_left_over("esferry-sample-alerts-4194305-0", "alerts"));
        assert!(!is_left_over(&sample_index("alerts", own, 0), "alerts"), "it is at work");
        for other in [
            "esferry-sample-alerts-eu-4194305-0",
            "esferry-sample-alerts-x-0",
            "esferry-sample-alerts",
            "alerts",
        ] {
            assert!(!is_left_over(other, "alerts"), "{other}");
        }
    }

    #[test]
    fn a_throw_away_index_is_small_and_known_to_nobody() {
        let body = json!({"settings": {"index": {"number_of_shards": "5", "analysis": {}}, "number_of_replicas": 2}, "aliases": {"a": {}}, "mappings": {}});
        insta::assert_snapshot!(throw_away(&body), @r#"{"settings":{"index":{"analysis":{}},"index.number_of_shards":1,"index.number_of_replicas":0,"index.refresh_interval":"-1"},"mappings":{}}"#);
    }
}
