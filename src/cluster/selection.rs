//! Which documents of an index a request is about: the language that plan, readers and counts share.

use serde::{Deserialize, Serialize};

/// Documents of one index, as every reading request names them.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Concrete index name, never an alias or a wildcard.
    pub index: String,
    /// One shard, or all of them.
    pub shard: Option<u32>,
    /// Which documents there.
    pub range: SliceRange,
    /// The migration's own query, in the source's language.
    pub query: Option<serde_json::Value>,
    /// Only documents of these types; empty for all that a search sees.
    pub types: Vec<String>,
}

impl Selection {
    /// Everything that a search of the whole index sees.
    #[must_use]
    pub fn all(index: &str, query: Option<&serde_json::Value>) -> Self {
        let range = SliceRange::Part { slice: 0, of: 1 };
        Selection { index: index.to_owned(), shard: None, range, query: query.cloned(), types: Vec::new() }
    }

    /// The same, narrowed to one shard.
    #[must_use]
    pub fn in_shard(mut self, shard: u32) -> Self {
        self.shard = Some(shard);
        self
    }

    /// The same, narrowed to documents of some types; none for all.
    #[must_use]
    pub fn of_types(mut self, types: &[String]) -> Self {
        self.types = types.to_vec();
        self
    }

    /// The same index, shard, types and query with another range.
    #[must_use]
    pub fn with_range(&self, range: SliceRange) -> Self {
        Selection { range, ..self.clone() }
    }
}

/// From `from` (inclusive) to `to` (exclusive); an open end is the only way to say "everything beyond".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HalfOpen<T> {
    /// First value inside; `None`: from the lowest.
    #[serde(skip_serializing_if = "Option::is_none", default = "none")]
    pub from: Option<T>,
    /// First value outside; `None`: to the highest.
    #[serde(skip_serializing_if = "Option::is_none", default = "none")]
    pub to: Option<T>,
}

fn none<T>() -> Option<T> {
    None
}

impl<T> HalfOpen<T> {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        HalfOpen { from: None, to: None }
    }
}

/// Which documents of the shard a slice holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum SliceRange {
    /// Ranges of `_uid` terms (`type#id`), in UTF-8 byte order.
    Uid(HalfOpen<String>),
    /// Everything of one type that no search sees unless the type is in the URL (`.percolator` of 1.x and 2.x).
    HiddenType {
        /// The type's name.
        doc_type: String,
    },
    /// Windows of sequence numbers.
    SeqNo(HalfOpen<u64>),
    /// The whole shard (`of == 1`), or one of the server's own slices of it.
    Part {
        /// Slice number for the server.
        slice: u32,
        /// Number of slices, over all shards.
        of: u32,
    },
    /// Values of one field.
    Field {
        /// Field path.
        name: String,
        /// Which values.
        part: FieldPart,
    },
}

/// Values of a field that belong to a slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldPart {
    /// A range of values, as the server writes them.
    Range(HalfOpen<FieldValue>),
    /// Everything that is in none of these ranges: their negation, literally.
    Rest(Vec<HalfOpen<FieldValue>>),
}

/// A boundary value of a field.
#[derive(Debug, Clone, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FieldValue {
    /// Dates.
    Millis {
        /// Milliseconds since 1970, whatever format the mapping asks for.
        millis: i64,
    },
    /// Whole numbers.
    Integer(i64),
    /// Floating point numbers.
    Float(f64),
    /// Keywords.
    Text(String),
}
