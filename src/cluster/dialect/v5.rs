//! Elasticsearch 5.x. Seen on 5.6.16.

use super::{Dialect, Version, v2};

/// 5.0 to 5.6.
///
/// - Range queries on `_uid` are a 400; scrolls can be sliced (`migrate_5_0/search`, `SliceBuilder`).
/// - `_shards:0|_primary`: the separator is `|` from 5.0 on (`migrate_5_0/search`).
/// - A page is at most `index.max_result_window` (`DefaultSearchContext`).
/// - Percolator queries are a field, and ordinary documents (`migrate_5_0/percolator`).
/// - `os.cpu.percent` is the machine's (measured).
/// - Warmers are gone (`migrate_5_0/index-apis`).
/// - Ids over 512 bytes are refused, the whole bulk with them (`IndexRequest.validate`).
pub(super) fn facts(version: Version) -> Dialect {
    Dialect {
        primary: "%7C_primary",
        uid_ranges: false,
        sliced_scroll: true,
        hidden_type: None,
        has_warmers: false,
        gzip: true,
        max_id_bytes: Some(512),
        cpu: "/os/cpu/percent",
        ..v2::facts(version)
    }
}
