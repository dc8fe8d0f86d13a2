//! Settings of an index that 6.8 takes at creation and that mean the same there, without `index.`.

/// Whole names. Every one of them was created on 6.8.23, which a test repeats.
pub(super) const NAMES: &[&str] = &[
    "number_of_shards",
    "number_of_replicas",
    "number_of_routing_shards",
    "routing_partition_size",
    "auto_expand_replicas",
    "refresh_interval",
    "max_result_window",
    "max_inner_result_window",
    "max_rescore_window",
    "max_docvalue_fields_search",
    "max_script_fields",
    "max_ngram_diff",
    "max_shingle_diff",
    "max_refresh_listeners",
    "max_adjacency_matrix_filters",
    "max_slices_per_scroll",
    "max_terms_count",
    "max_regex_length",
    "highlight.max_analyzed_offset",
    "gc_deletes",
    "codec",
    "priority",
    "load_fixed_bitset_filters_eagerly",
    "default_pipeline",
    "query.default_field",
    "query_string.lenient",
    "query.parse.allow_unmapped_fields",
    "queries.cache.enabled",
    "requests.cache.enable",
    "mapping.total_fields.limit",
    "mapping.depth.limit",
    "mapping.nested_fields.limit",
    "mapping.ignore_malformed",
    "mapping.coerce",
    "percolator.map_unmapped_fields_as_text",
    "store.type",
    "store.preload",
    "sort.field",
    "sort.order",
    "sort.mode",
    "sort.missing",
    "translog.durability",
    "translog.sync_interval",
    "translog.flush_threshold_size",
    "translog.generation_threshold_size",
    "translog.retention.size",
    "translog.retention.age",
    "soft_deletes.enabled",
    "soft_deletes.retention.operations",
    "merge.policy.expunge_deletes_allowed",
    "merge.policy.floor_segment",
    "merge.policy.max_merge_at_once",
    "merge.policy.max_merge_at_once_explicit",
    "merge.policy.max_merged_segment",
    "merge.policy.segments_per_tier",
    "merge.policy.reclaim_deletes_weight",
    "merge.scheduler.max_merge_count",
    "merge.scheduler.max_thread_count",
    "merge.scheduler.auto_throttle",
    "unassigned.node_left.delayed_timeout",
    "write.wait_for_active_shards",
];

/// Beginnings below which names are free.
pub(super) const FAMILIES: &[&str] = &["analysis.", "similarity.", "search.slowlog.", "indexing.slowlog."];

/// Whether the target takes a setting.
pub(super) fn is_known(name: &str) -> bool {
    NAMES.contains(&name) || FAMILIES.iter().any(|family| name.starts_with(family))
}

/// Settings that are spans of time: without a unit they were milliseconds in 1.x (measured).
pub(super) const TIMES: &[&str] = &[
    "refresh_interval",
    "gc_deletes",
    "translog.sync_interval",
    "translog.retention.age",
    "unassigned.node_left.delayed_timeout",
];

/// Settings that are sizes: without a unit they were bytes in 1.x (measured).
pub(super) const SIZES: &[&str] = &[
    "translog.flush_threshold_size",
    "translog.generation_threshold_size",
    "translog.retention.size",
    "merge.policy.floor_segment",
    "merge.policy.max_merged_segment",
];

/// Settings that are true or false.
pub(super) const BOOLEANS: &[&str] = &[
    "mapping.ignore_malformed",
    "mapping.coerce",
    "requests.cache.enable",
    "queries.cache.enabled",
    "query_string.lenient",
    "query.parse.allow_unmapped_fields",
    "percolator.map_unmapped_fields_as_text",
    "load_fixed_bitset_filters_eagerly",
    "merge.scheduler.auto_throttle",
];
