//! Elasticsearch 2.x. Seen on 2.4.6.

use super::{Dialect, HitMetadata, Opening, ScrollId, Version, v1};

/// 2.0 to 2.4.
///
/// - scan is deprecated in 2.1, where a scroll sorted by `_doc` became as cheap (`migrate_2_1`).
/// - The scroll id may come as JSON from 2.0 on.
/// - All stored metadata fields are returned at the top level of the hit (`migrate_2_0/search`).
/// - A number is parsed by the date's own format, unless the range names another (seen on 5.6.16).
/// - `os.cpu_percent` is the machine's; -1 where the system does not tell (measured on 2.4.6).
/// - `_cache` inside a range is tolerated; ranges on `_uid` are exact (measured on 2.4.6).
pub(super) fn facts(version: Version) -> Dialect {
    Dialect {
        opening: if version < Version::new(2, 1, 0) { Opening::Scan } else { Opening::Scroll },
        scroll_id: ScrollId::Json,
        hit_metadata: HitMetadata::TopLevel,
        bool_filter: true,
        uncached_ranges: false,
        date_formats: true,
        cpu: "/os/cpu_percent",
        ..v1::facts(version)
    }
}
