//! Elasticsearch 1.x. Seen on 1.7.6 (and, for reading, 1.3.9).

use super::{BulkType, Dialect, HitMetadata, Opening, ScrollId, Version};

/// 1.0 to 1.7.
///
/// - `search_type=scan` fixes the snapshot; `size` is per shard and has no upper limit (`SearchService`, measured).
/// - The scroll id is the raw body: JSON is base64-decoded as if it were the id (`RestSearchScrollAction`, measured).
/// - `_routing` and `_parent` come in `fields` when asked for by name (`FetchPhase`, measured).
/// - `_shards:0;_primary`: the separator is `;` before 5.0 (measured).
/// - A `range` filter is cached unless it says `_cache:false`: documents/8 bytes of heap a slice (measured).
/// - `.percolator` documents are in no search, scan or count that names no type (measured).
/// - `os.cpu.usage` is the machine's, in percent of all processors; it is missing where the native library `sigar` is
///   (measured). `process.cpu.percent` goes up to 100 a processor, and is not used.
/// - A gzipped request closes the connection without an answer (`ESHttpContentDecompressor`, measured).
pub(super) fn facts(version: Version) -> Dialect {
    Dialect {
        version,
        opening: Opening::Scan,
        scroll_id: ScrollId::RawBody,
        hit_metadata: HitMetadata::Fields,
        primary: "%3B_primary",
        bool_filter: false,
        uid_ranges: true,
        uncached_ranges: true,
        date_formats: false,
        sliced_scroll: false,
        slices_within_shard: false,
        seq_no: false,
        refuses_partial: false,
        total_is_object: false,
        hidden_type: Some(".percolator"),
        max_page: 10_000,
        gzip: false,
        bulk_type: BulkType::Named,
        single_type: false,
        untyped_mappings: false,
        default_pipeline: false,
        max_id_bytes: None,
        has_warmers: true,
        cpu: "/os/cpu/usage",
        write_pool: "bulk",
    }
}
