//! A slice: a part of one shard of one index whose membership cannot change under it.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use crate::cluster::selection::{FieldPart, FieldValue, HalfOpen, SliceRange};

/// Names a slice for good: index ordinal in the migration, shard, number within the shard's plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SliceId {
    /// Ordinal of the index within the migration.
    pub index: u32,
    /// Shard number, as the source counts them.
    pub shard: u32,
    /// Position in the shard's plan.
    pub number: u32,
}

impl SliceId {
    /// Stands where a slice would, for a document of the index with this ordinal that was met by what follows the source:
    /// no shard has this number.
    #[must_use]
    pub fn of_changes(index: u32) -> Self {
        SliceId { index, shard: u32::MAX, number: 0 }
    }

    /// Whether it stands for no slice.
    #[must_use]
    pub fn is_of_changes(self) -> bool {
        self.shard == u32::MAX
    }

    /// The same, for a message that names no document of any index.
    #[must_use]
    pub fn of_messages() -> Self {
        SliceId::of_changes(u32::MAX)
    }
}

impl fmt::Display for SliceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.index, self.shard) {
            (u32::MAX, u32::MAX) => f.write_str("changes"),
            (index, u32::MAX) => write!(f, "{index}.changes"),
            (index, shard) => write!(f, "{index}.{shard}.{}", self.number),
        }
    }
}

impl std::str::FromStr for SliceId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a slice: expected INDEX.SHARD.NUMBER, such as 0.2.17");
        let mut parts = text.split('.').map(|part| part.parse::<u32>().map_err(|_| wrong()));
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(index), Some(shard), Some(number), None) => {
                Ok(SliceId { index: index?, shard: shard?, number: number? })
            }
            _ => Err(wrong()),
        }
    }
}

/// One slice of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Its name.
    pub id: SliceId,
    /// What it holds.
    pub range: SliceRange,
    /// Documents counted in it when it was planned.
    pub expected_docs: u64,
}

/// How far a slice is read, durably.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    /// From its start: the only position of slices that are read by scan or scroll.
    Start,
    /// Everything below this sequence number is settled.
    SeqNo(u64),
}
