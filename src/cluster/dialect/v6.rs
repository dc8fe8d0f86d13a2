//! Elasticsearch 6.x. Seen on 6.8.23.

use super::{BulkType, Dialect, Version, v5};

/// 6.0 to 6.8.
///
/// - Every document of an index created in 6.0 or later has a `_seq_no` that can be searched (measured).
/// - One type an index; `_doc` stands for whatever it is called from 6.2 on (`MapperService`, measured).
/// - `allow_partial_search_results` from 6.3 on, which guards the opening of a scroll only (measured).
/// - A sliced scroll of one shard numbers its slices within that shard from 6.4 on (`SliceBuilder`).
/// - The thread pool `bulk` is called `write` from 6.3 on, and gone under its old name (measured on 6.8.23).
/// - Default pipelines exist from 6.5 on, and `pipeline=_none` switches them off (measured).
pub(super) fn facts(version: Version) -> Dialect {
    Dialect {
        slices_within_shard: version >= Version::new(6, 4, 0),
        seq_no: true,
        refuses_partial: version >= Version::new(6, 3, 0),
        bulk_type: if version >= Version::new(6, 2, 0) { BulkType::Doc } else { BulkType::Named },
        single_type: true,
        write_pool: if version >= Version::new(6, 3, 0) { "write" } else { "bulk" },
        default_pipeline: version >= Version::new(6, 5, 0),
        ..v5::facts(version)
    }
}
