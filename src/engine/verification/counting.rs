//! Level `count`: both sides counted by index, by type and by slice.

use futures::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::cluster::selection::Selection;
use crate::control::status::OthersStatus;
use crate::engine::context::Context;
use crate::engine::worker::blocking;
use crate::error::Result;
use crate::plan::slice::SliceId;
use crate::store::records::{Counted, IndexRecord, SliceRecord};
use crate::transform::Shape;

/// Slices that are told one by one.
const TOLD: usize = 20;
/// Slices that are counted side by side.
const SIDE_BY_SIDE: usize = 4;

/// Both sides of a migration, counted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SideCounts {
    /// Index by index.
    pub indices: Vec<IndexCounts>,
    /// The targets of transforms besides the planned ones.
    pub others: Option<OthersStatus>,
}

/// An index, counted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IndexCounts {
    /// On the source.
    pub source: String,
    /// On the target.
    pub target: String,
    /// Both sides, and what is between them.
    pub counted: Counted,
    /// By type, where there are several.
    pub types: Vec<TypeCounts>,
    /// Slices of the source, and what they hold now.
    pub slices: u64,
    /// Slices that hold another number now than was copied from them.
    pub slices_changed: u64,
    /// The first of them.
    pub changed: Vec<SliceCounts>,
}

/// A type, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeCounts {
    /// The type.
    pub doc_type: String,
    /// Documents of it on the source.
    pub source: u64,
    /// On the target.
    pub target: u64,
}

/// A slice, counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceCounts {
    /// Its name.
    pub slice: SliceId,
    /// Documents copied from it.
    pub copied: u64,
    /// Documents in it now.
    pub now: u64,
}

impl SideCounts {
    /// What does not agree, in words.
    #[must_use]
    pub fn differing(&self) -> Vec<String> {
        let indices = self.indices.iter().filter(|index| !index.agrees()).map(IndexCounts::between);
        let others = self.others.iter().filter(|others| !others.agrees()).map(OthersStatus::between);
        indices.chain(others).collect()
    }
}

impl IndexCounts {
    /// Whether the target has what the source and the transforms make it expect, but for failures that are known.
    #[must_use]
    pub fn agrees(&self) -> bool {
        match self.counted.agrees() {
            true => self.types.iter().all(|of| of.source == of.target),
            // Nobody knows of which types the failures are.
            false => self.counted.lacks_only_failures() && self.types.iter().all(|of| of.source >= of.target),
        }
    }
}

impl Context {
    /// Counts both sides; `None` when the work was to stop.
    ///
    /// # Errors
    /// `State` before the copy is over; `Temporary` when a side cannot be counted whole.
    pub(super) async fn count_in_detail(&self, stop: &CancellationToken) -> Result<Option<SideCounts>> {
        self.copy_is_over()?;
        let work = async {
            self.count_both().await?;
            let mut indices = Vec::new();
            for record in self.store.indices(&self.name)? {
                indices.extend(self.counts_of(record).await?);
            }
            Ok(SideCounts { indices, others: self.progress.status().others })
        };
        tokio::select! {
            counts = work => counts.map(Some),
            () = stop.cancelled() => Ok(None),
        }
    }

    async fn counts_of(&self, record: IndexRecord) -> Result<Option<IndexCounts>> {
        let Some(counted) = record.counted.clone() else { return Ok(None) };
        let types = self.types_of(&record).await?;
        let (store, name, ordinal) = (self.store.clone(), self.name.clone(), record.ordinal);
        let slices = blocking(move || {
            let of_index = |slice: &Result<SliceRecord>| {
                slice.as_ref().map_or(true, |slice| slice.slice.id.index == ordinal)
            };
            store.slices(&name).filter(of_index).collect::<Result<Vec<SliceRecord>>>()
        })
        .await?;
        let number = slices.len() as u64;
        let counts = futures::stream::iter(slices).map(|slice| self.slice_of(&record, slice));
        let mut counts: Vec<SliceCounts> = counts.buffered(SIDE_BY_SIDE).try_collect().await?;
        counts.retain(|slice| slice.copied != slice.now);
        let slices_changed = counts.len() as u64;
        counts.truncate(TOLD);
        Ok(Some(IndexCounts {
            source: record.source,
            target: record.target,
            counted,
            types,
            slices: number,
            slices_changed,
            changed: counts,
        }))
    }

    async fn slice_of(&self, record: &IndexRecord, slice: SliceRecord) -> Result<SliceCounts> {
        let selection = Selection {
            index: record.source.clone(),
            shard: Some(slice.slice.id.shard),
            range: slice.slice.range,
            query: self.config.from.query.clone(),
            types: record.only_types.clone(),
        };
        let doing = format!("counting slice {}", slice.slice.id);
        let now = self.source.count(&selection).await;
        let now = now.map_err(|cause| cause.during(self.source.name(), &doing))?;
        Ok(SliceCounts { slice: slice.slice.id, copied: slice.counts.read, now })
    }

    async fn types_of(&self, record: &IndexRecord) -> Result<Vec<TypeCounts>> {
        let field = match &record.shape {
            Shape::Plain => return Ok(Vec::new()),
            Shape::Merged { field, .. }
            | Shape::Joined { type_field: Some(field), .. }
            | Shape::Joined { field, type_field: None, .. } => field,
        };
        let mut types = Vec::new();
        for doc_type in &record.types {
            let only = std::slice::from_ref(doc_type);
            let doing = format!("counting type `{doc_type}` of `{}`", record.source);
            let from = Selection::all(&record.source, self.config.from.query.as_ref()).of_types(only);
            let source = self.source.count_everything(&from, only).await;
            let query = json!({"term": {field: doc_type}});
            let to = Selection::all(&record.target, Some(&query));
            let target = self.target.count(&to).await;
            types.push(TypeCounts {
                doc_type: doc_type.clone(),
                source: source.map_err(|cause| cause.during(self.source.name(), &doing))?,
                target: target.map_err(|cause| cause.during(self.target.name(), &doing))?,
            });
        }
        Ok(types)
    }
}
