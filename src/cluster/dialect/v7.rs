//! Elasticsearch 7 and later, and OpenSearch. Seen on 7.17.9 and OpenSearch 2.11.0 for plain requests only.

use super::{BulkType, Dialect, Version, v6};

/// 7.0 and later.
///
/// - Totals are objects and capped at 10 000 unless tracked (`migrate_7_0/search`).
/// - `_primary` is gone; `_shards:N` stays (`OperationRouting`).
/// - Mappings and bulk actions are untyped; a `_type` in a bulk is deprecated in 7 and a 400 from 8 on.
pub(super) fn facts(version: Version) -> Dialect {
    Dialect {
        primary: "",
        total_is_object: true,
        bulk_type: BulkType::Untyped,
        untyped_mappings: true,
        refuses_partial: true,
        default_pipeline: true,
        ..v6::facts(version)
    }
}
