//! Every difference between server versions: facts by version here, requests built from them in the files beside.
//!
//! A new server version is one file of facts and one line in [`Dialect::of`]. If an `if version` appears anywhere
//! else, it has lost its way. Where a fact comes from a measurement or a server's source, the file says which.

pub mod administration;
pub mod load;
pub mod reading;
mod v1;
mod v2;
mod v5;
mod v6;
mod v7;
pub mod writing;

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A server's version number; qualifiers such as `-SNAPSHOT` are cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl Version {
    /// `major.minor.patch`.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Version { major, minor, patch }
    }

    /// From the internal number in `index.version.created`, such as `1070699` or `6082399`.
    #[must_use]
    pub fn from_created(id: u64) -> Option<Self> {
        let part = |value: u64| u32::try_from(value).ok();
        Some(Version::new(part(id / 1_000_000)?, part(id / 10_000 % 100)?, part(id / 100 % 100)?))
    }

    /// Whether both score by the same formula, unless an index says otherwise: TF/IDF before 5.0, BM25 since.
    #[must_use]
    pub fn scores_like(self, other: Version) -> bool {
        let bm25 = |version: Version| version.major >= 5;
        bm25(self) == bm25(other)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.split(['-', '+']).next().unwrap_or_default();
        let mut parts = number.split('.').map(str::parse::<u32>);
        match (parts.next(), parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor)), patch) => {
                Ok(Version::new(major, minor, patch.and_then(Result::ok).unwrap_or(0)))
            }
            _ => Err(format!("{text:?} is not a version")),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Who made the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distribution {
    /// Elasticsearch, any licence.
    Elasticsearch,
    /// OpenSearch, a fork of Elasticsearch 7.10.
    OpenSearch,
}

impl fmt::Display for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Distribution::Elasticsearch => "Elasticsearch",
            Distribution::OpenSearch => "OpenSearch",
        })
    }
}

/// How a snapshot of documents is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// `search_type=scan`: the first answer holds the total and no documents.
    Scan,
    /// A scroll sorted by `_doc`: the first answer is the first page.
    Scroll,
}

/// How a scroll id is handed back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScrollId {
    /// As the raw body; JSON would be decoded as if it were the id.
    RawBody,
    /// `{"scroll_id": …}`.
    Json,
}

/// Where a hit carries its routing and parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HitMetadata {
    /// In `fields`, and only when asked for by name.
    Fields,
    /// At the top level of the hit, unasked.
    TopLevel,
}

/// How a bulk action names the type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkType {
    /// The mapping's own type name.
    Named,
    /// `_doc`, which stands for whatever the single type is called.
    Doc,
    /// No type at all.
    Untyped,
}

/// What a server version can do and how it wants to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// The version these facts are applied for.
    pub version: Version,
    /// How a snapshot is opened.
    pub opening: Opening,
    /// How the next page is asked for.
    pub scroll_id: ScrollId,
    /// Where routing and parent are.
    pub hit_metadata: HitMetadata,
    /// Appended to `preference=_shards:N` to read the primary copy.
    pub primary: &'static str,
    /// A `constant_score.filter` may hold a `bool` query; before, `filtered` combines query and filter.
    pub bool_filter: bool,
    /// Range queries on `_uid` match, and match exactly.
    pub uid_ranges: bool,
    /// `_cache` inside a range, to keep the source from caching one bitset a slice.
    pub uncached_ranges: bool,
    /// A range over dates says that its bounds are milliseconds; before, numbers are that anyway.
    pub date_formats: bool,
    /// `slice` in a scroll.
    pub sliced_scroll: bool,
    /// Slices are numbered within the shards that `preference` leaves; before, over all shards of the index.
    pub slices_within_shard: bool,
    /// Documents carry `_seq_no`, and it can be searched.
    pub seq_no: bool,
    /// `allow_partial_search_results` exists.
    pub refuses_partial: bool,
    /// `track_total_hits` has to be asked for, and totals are objects.
    pub total_is_object: bool,
    /// A type whose documents no search sees unless the URL names it.
    pub hidden_type: Option<&'static str>,
    /// Largest `size` of a page.
    pub max_page: u32,
    /// gzip is understood; before, a compressed request closes the connection without an answer.
    pub gzip: bool,
    /// How bulk actions name the type.
    pub bulk_type: BulkType,
    /// An index holds at most one type.
    pub single_type: bool,
    /// Mappings in requests and answers have no type level.
    pub untyped_mappings: bool,
    /// `pipeline=_none` switches the target's default pipeline off.
    pub default_pipeline: bool,
    /// Longest `_id` that is taken, in bytes.
    pub max_id_bytes: Option<usize>,
    /// Indices have warmers.
    pub has_warmers: bool,
    /// Where a node's statistics have the use of its machine's processors, in percent.
    pub cpu: &'static str,
    /// The thread pool that bulk requests wait for.
    pub write_pool: &'static str,
}

impl Dialect {
    /// True for servers that documents are written to: item outcomes are objects with types since 5.0.
    #[must_use]
    pub fn is_target(&self) -> bool {
        self.version >= Version::new(5, 0, 0)
    }

    /// The dialect of a server.
    ///
    /// # Errors
    /// `Refused` for servers before 1.0, which have no scan by shard that can be checked.
    pub fn of(version: Version, distribution: Distribution) -> Result<Self> {
        match (distribution, version.major) {
            (Distribution::OpenSearch, _) => Ok(v7::facts(version)),
            (_, 0) => Err(Error::refused("version", format!("Elasticsearch {version} is not supported"))
                .hint("esferry reads from Elasticsearch 1.0 on")),
            (_, 1) => Ok(v1::facts(version)),
            (_, 2) => Ok(v2::facts(version)),
            (_, 5) => Ok(v5::facts(version)),
            (_, 6) => Ok(v6::facts(version)),
            _ => Ok(v7::facts(version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_ordered() {
        let parsed: Version = "6.8.23-SNAPSHOT".parse().unwrap();
        assert_eq!(parsed, Version::new(6, 8, 23));
        assert!(Version::new(1, 7, 6) < Version::new(6, 0, 0));
        assert_eq!(Version::from_created(1_070_699), Some(Version::new(1, 7, 6)));
        assert_eq!(Version::from_created(6_082_399), Some(Version::new(6, 8, 23)));
        assert!("six".parse::<Version>().is_err());
    }

    #[test]
    fn every_generation_knows_at_least_one_exact_way_to_read() {
        for version in ["1.3.9", "1.7.6", "2.0.0", "2.4.6", "5.6.16", "6.8.23", "7.17.9", "9.0.0"] {
            let version: Version = version.parse().unwrap();
            let dialect = Dialect::of(version, Distribution::Elasticsearch).unwrap();
            assert!(dialect.uid_ranges || dialect.sliced_scroll, "{version}");
        }
        assert!(Dialect::of(Version::new(0, 90, 13), Distribution::Elasticsearch).is_err());
    }
}
