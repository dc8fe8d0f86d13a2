//! Plans one shard: cuts it, counts it, and proves that the cuts cover it. The unit in which planning resumes.

use super::fields;
use super::slice::{Slice, SliceId};
use super::strategy::Strategy;
use super::terms::{self, Terms};
use super::{coverage, numbers};
use crate::cluster::Cluster;
use crate::cluster::dialect::reading::Wanted;
use crate::cluster::failure::CallError;
use crate::cluster::indices::IndexInfo;
use crate::cluster::selection::{HalfOpen, Selection, SliceRange};
use crate::error::{Error, Kind};
use crate::source::Page;
use crate::store::records::ShardRecord;

/// How many of the server's own slices a large shard gets, at most: each costs a pass over its ids (dialects 2.4).
const SLICE_TIMES: u64 = 20;
/// `index.max_slices_per_scroll`.
const MOST_PARTS: u32 = 1024;

/// A planned shard.
#[derive(Debug, Clone)]
pub struct ShardPlan {
    /// Its slices, in order.
    pub slices: Vec<Slice>,
    /// The numbers behind the proof.
    pub record: ShardRecord,
}

/// Why a shard has no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The cluster did not answer as needed; waiting may help.
    #[error(transparent)]
    Call(#[from] CallError),
    /// It cannot be planned.
    #[error(transparent)]
    Refused(#[from] Error),
}

/// What the shards of an index have in common when they are planned.
#[derive(Debug, Clone, Copy)]
pub struct Planner<'a> {
    /// The cluster that is read.
    pub cluster: &'a Cluster,
    /// The index, with the types that are planned.
    pub index: &'a IndexInfo,
    /// Ordinal of the index within the migration.
    pub ordinal: u32,
    /// How it is sliced.
    pub strategy: &'a Strategy,
    /// Only documents of these types; empty for all.
    pub only_types: &'a [String],
    /// Only documents that match; `None` for all.
    pub query: Option<&'a serde_json::Value>,
    /// Documents a slice aims at.
    pub target: u64,
}

impl Planner<'_> {
    /// Plans one shard.
    ///
    /// # Errors
    /// [`PlanError`]; among them the refusal of a plan whose numbers do not add up, with the numbers.
    pub async fn shard(&self, shard: u32) -> Result<ShardPlan, PlanError> {
        plan_shard(self, shard).await
    }
}

async fn plan_shard(planner: &Planner<'_>, shard: u32) -> Result<ShardPlan, PlanError> {
    let Planner { cluster, index, ordinal, strategy, only_types, query, target } = *planner;
    let everything = Selection::all(&index.name, query).of_types(only_types).in_shard(shard);
    let before = cluster.writes(&index.name, shard).await?;
    // After that: whatever becomes visible while the shard is counted is a write that is counted too.
    cluster.refresh(&index.name).await?;
    let mut ranges = match strategy {
        Strategy::Uid => {
            let uids = Uids { cluster, shard: &everything };
            let cut = terms::cut(&uids, target).await?;
            cut.into_iter().map(|(range, count)| (SliceRange::Uid(range), count)).collect()
        }
        Strategy::SeqNo => by_seq_no(cluster, &everything, shard, target).await?,
        Strategy::Shard => by_parts(cluster, &everything, shard, index.shards, target).await?,
        Strategy::Field(name) => {
            let kind = fields::kind_of(index, name)?;
            fields::cut(cluster, &everything, name, kind, target).await?
        }
    };
    let sliced_docs: u64 = ranges.iter().map(|(_, count)| count).sum();
    let docs = cluster.count(&everything).await?;
    let writes = cluster.writes(&index.name, shard).await?;
    // A restarted node counts from zero: then any number of writes may have happened, and a second look is due.
    let writes_meanwhile = writes.0.checked_sub(before.0).ok_or_else(|| {
        CallError::Incomplete(format!("{} shard {shard} moved while it was planned", index.name))
    })?;
    if docs.abs_diff(sliced_docs) > writes_meanwhile {
        return Err(uncovered(index, shard, strategy, sliced_docs, docs, writes_meanwhile).into());
    }
    if let Some(hidden) = cluster.dialect().hidden_type
        && index.types.iter().any(|(name, _)| name == hidden)
    {
        let range = SliceRange::HiddenType { doc_type: hidden.to_owned() };
        let count = cluster.count(&everything.with_range(range.clone())).await?;
        ranges.push((range, count));
    }
    let mut slices = Vec::with_capacity(ranges.len());
    for (number, (range, expected_docs)) in (0..).zip(ranges) {
        slices.push(Slice { id: SliceId { index: ordinal, shard, number }, range, expected_docs });
    }
    coverage::verify(&index.name, shard, index.shards, &slices)
        .map_err(|gap| Error::unexpected("plan_gap", gap.to_string()))?;
    let count = u32::try_from(slices.len())
        .map_err(|_| Error::unexpected("plan_size", "more slices than can be named"))?;
    let docs = slices.iter().map(|slice| slice.expected_docs).sum();
    Ok(ShardPlan { slices, record: ShardRecord { slices: count, docs, sliced_docs, writes_meanwhile } })
}

fn uncovered(
    index: &IndexInfo,
    shard: u32,
    strategy: &Strategy,
    sliced: u64,
    docs: u64,
    writes: u64,
) -> Error {
    let hint = match strategy {
        Strategy::Field(name) => {
            format!("`{name}` may hold several values a document, or change: choose another field")
        }
        _ => "a slice would be incomplete or read twice: please report this with the index's mapping"
            .to_owned(),
    };
    let message = format!(
        "index `{}` shard {shard}: the slices hold {sliced} documents, the shard {docs}, and only {writes} were written meanwhile",
        index.name
    );
    Error::new(Kind::Refused, "coverage", message).hint(hint)
}

/// Windows up to where everything is processed, and an open one that is read last.
async fn by_seq_no(
    cluster: &Cluster,
    everything: &Selection,
    shard: u32,
    target: u64,
) -> Result<Vec<(SliceRange, u64)>, CallError> {
    // Read before the refresh: what it names is searchable afterwards (dialects 11.8). Operations may be under way
    // above it: they belong to the open window.
    let processed = cluster.processed_seq_no(&everything.index, shard).await?;
    cluster.refresh(&everything.index).await?;
    let end = processed.map_or(0, |processed| processed + 1);
    let bound = |value: i64| u64::try_from(value).unwrap_or(0);
    let unsigned = |range: HalfOpen<i64>| HalfOpen { from: range.from.map(bound), to: range.to.map(bound) };
    let count = |range: HalfOpen<i64>| {
        let selection = everything.with_range(SliceRange::SeqNo(unsigned(range)));
        async move { cluster.count(&selection).await }
    };
    let cut = numbers::cut(0, i64::try_from(end).unwrap_or(i64::MAX), target, count).await?;
    let mut ranges: Vec<HalfOpen<u64>> = Vec::new();
    let mut counts = Vec::new();
    for (range, count) in cut {
        ranges.push(unsigned(range));
        counts.push(count);
    }
    if end > 0
        && let Some(last) = ranges.last_mut()
        && last.from.is_none_or(|from| from < end)
    {
        last.to = Some(end);
        let open = HalfOpen { from: Some(end), to: None };
        counts.push(cluster.count(&everything.with_range(SliceRange::SeqNo(open.clone()))).await?);
        ranges.push(open);
    }
    Ok(ranges.into_iter().map(SliceRange::SeqNo).zip(counts).collect())
}

/// The whole shard, or for a large one the server's own slices of it.
async fn by_parts(
    cluster: &Cluster,
    everything: &Selection,
    shard: u32,
    shards: u32,
    target: u64,
) -> Result<Vec<(SliceRange, u64)>, CallError> {
    let docs = cluster.count(everything).await?;
    let wanted = docs.div_ceil(target.saturating_mul(SLICE_TIMES).max(1)).max(1);
    let most = (MOST_PARTS / shards.max(1)).max(1);
    let parts = u32::try_from(wanted).unwrap_or(u32::MAX).min(most);
    if parts == 1 || !cluster.dialect().sliced_scroll {
        return Ok(vec![(SliceRange::Part { slice: 0, of: 1 }, docs)]);
    }
    let mut ranges = Vec::new();
    for turn in 0..parts {
        let range = if cluster.dialect().slices_within_shard {
            SliceRange::Part { slice: turn, of: parts }
        } else {
            SliceRange::Part { slice: shard + turn * shards, of: shards * parts }
        };
        let count = cluster.count(&everything.with_range(range.clone())).await?;
        ranges.push((range, count));
    }
    Ok(ranges)
}

struct Uids<'a> {
    cluster: &'a Cluster,
    shard: &'a Selection,
}

impl Terms for Uids<'_> {
    async fn count(&self, range: &HalfOpen<String>) -> Result<u64, CallError> {
        self.cluster.count(&self.shard.with_range(SliceRange::Uid(range.clone()))).await
    }

    async fn sample(&self, range: &HalfOpen<String>) -> Result<Vec<String>, CallError> {
        let selection = self.shard.with_range(SliceRange::Uid(range.clone()));
        let body = self.cluster.call(&self.cluster.dialect().search(&selection, 300, Wanted::Ids)).await?;
        let page = Page::read(body).map_err(|cause| CallError::Malformed(cause.to_string()))?;
        let text = |json: &[u8]| serde_json::from_slice::<String>(json).ok();
        let uid = |hit: &crate::source::Hit| {
            Some(format!("{}#{}", text(hit.doc_type?.of(&page.body))?, text(hit.id.of(&page.body))?))
        };
        Ok(page.hits.iter().filter_map(uid).collect())
    }
}
