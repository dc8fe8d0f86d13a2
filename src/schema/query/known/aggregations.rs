//! The aggregations and their options.

/// An aggregation and its options, besides `meta` that stands beside it.
#[derive(Debug)]
pub struct Aggregation {
    /// Its name.
    pub name: &'static str,
    /// Its options.
    pub options: &'static [&'static str],
}

const fn aggregation(name: &'static str, options: &'static [&'static str]) -> Aggregation {
    Aggregation { name, options }
}

/// The aggregations.
pub const AGGREGATIONS: &[Aggregation] = &[
    aggregation("adjacency_matrix", &["filters", "separator"]),
    aggregation("auto_date_histogram", &["field", "script", "buckets", "format", "time_zone", "missing"]),
    aggregation("avg", METRIC),
    aggregation("avg_bucket", PIPELINE),
    aggregation("bucket_script", &["buckets_path", "script", "gap_policy", "format"]),
    aggregation("bucket_selector", &["buckets_path", "script", "gap_policy"]),
    aggregation("bucket_sort", &["sort", "from", "size", "gap_policy"]),
    aggregation("cardinality", &["field", "script", "missing", "precision_threshold"]),
    aggregation("children", &["type"]),
    aggregation("composite", &["sources", "size", "after"]),
    aggregation("cumulative_sum", &["buckets_path", "format"]),
    aggregation(
        "date_histogram",
        &[
            "field",
            "script",
            "missing",
            "interval",
            "offset",
            "time_zone",
            "format",
            "keyed",
            "min_doc_count",
            "extended_bounds",
            "order",
        ],
    ),
    aggregation("date_range", &["field", "script", "missing", "ranges", "keyed", "format", "time_zone"]),
    aggregation("derivative", &["buckets_path", "gap_policy", "format", "unit"]),
    aggregation(
        "diversified_sampler",
        &["field", "script", "shard_size", "max_docs_per_value", "execution_hint"],
    ),
    aggregation("extended_stats", &["field", "script", "missing", "format", "sigma"]),
    aggregation("extended_stats_bucket", &["buckets_path", "gap_policy", "format", "sigma"]),
    aggregation("filter", &[]),
    aggregation("filters", &["filters", "other_bucket", "other_bucket_key"]),
    aggregation("geo_bounds", &["field", "missing", "wrap_longitude"]),
    aggregation("geo_centroid", &["field", "missing"]),
    aggregation("geo_distance", &["field", "missing", "origin", "ranges", "unit", "distance_type", "keyed"]),
    aggregation("geohash_grid", &["field", "missing", "precision", "size", "shard_size"]),
    aggregation("global", &[]),
    aggregation(
        "histogram",
        &[
            "field",
            "script",
            "missing",
            "interval",
            "offset",
            "keyed",
            "min_doc_count",
            "extended_bounds",
            "order",
        ],
    ),
    aggregation("ip_range", &["field", "missing", "ranges", "keyed"]),
    aggregation("matrix_stats", &["fields", "mode", "missing"]),
    aggregation("max", METRIC),
    aggregation("max_bucket", PIPELINE),
    aggregation("median_absolute_deviation", &["field", "script", "missing", "format", "compression"]),
    aggregation("min", METRIC),
    aggregation("min_bucket", PIPELINE),
    aggregation("missing", &["field", "missing"]),
    aggregation(
        "moving_avg",
        &["buckets_path", "model", "window", "gap_policy", "minimize", "predict", "settings", "format"],
    ),
    aggregation("moving_fn", &["buckets_path", "window", "script", "gap_policy", "format"]),
    aggregation("nested", &["path"]),
    aggregation("parent", &["type"]),
    aggregation("percentile_ranks", &["field", "script", "missing", "values", "keyed", "tdigest", "hdr"]),
    aggregation(
        "percentiles",
        &["field", "script", "missing", "percents", "keyed", "tdigest", "hdr", "format"],
    ),
    aggregation("percentiles_bucket", &["buckets_path", "gap_policy", "format", "percents"]),
    aggregation("range", &["field", "script", "missing", "ranges", "keyed", "format"]),
    aggregation("reverse_nested", &["path"]),
    aggregation("sampler", &["shard_size"]),
    aggregation("serial_diff", &["buckets_path", "lag", "gap_policy", "format"]),
    aggregation(
        "significant_terms",
        &[
            "field",
            "size",
            "shard_size",
            "min_doc_count",
            "shard_min_doc_count",
            "background_filter",
            "include",
            "exclude",
            "execution_hint",
            "jlh",
            "mutual_information",
            "chi_square",
            "gnd",
            "percentage",
        ],
    ),
    aggregation(
        "significant_text",
        &[
            "field",
            "size",
            "shard_size",
            "min_doc_count",
            "shard_min_doc_count",
            "background_filter",
            "include",
            "exclude",
            "filter_duplicate_text",
            "source_fields",
            "jlh",
            "mutual_information",
            "chi_square",
            "gnd",
            "percentage",
        ],
    ),
    aggregation("stats", METRIC),
    aggregation("stats_bucket", PIPELINE),
    aggregation("sum", METRIC),
    aggregation("sum_bucket", PIPELINE),
    aggregation(
        "terms",
        &[
            "field",
            "script",
            "missing",
            "size",
            "shard_size",
            "min_doc_count",
            "shard_min_doc_count",
            "order",
            "include",
            "exclude",
            "execution_hint",
            "collect_mode",
            "show_term_doc_count_error",
            "value_type",
            "format",
        ],
    ),
    aggregation(
        "top_hits",
        &[
            "from",
            "size",
            "sort",
            "_source",
            "stored_fields",
            "docvalue_fields",
            "script_fields",
            "highlight",
            "explain",
            "version",
            "track_scores",
        ],
    ),
    aggregation("value_count", METRIC),
    aggregation("weighted_avg", &["value", "weight", "format", "value_type"]),
];

const METRIC: &[&str] = &["field", "script", "missing", "format", "value_type"];
const PIPELINE: &[&str] = &["buckets_path", "gap_policy", "format"];

/// The aggregation of this name.
#[must_use]
pub fn aggregation_named(name: &str) -> Option<&'static Aggregation> {
    AGGREGATIONS.iter().find(|aggregation| aggregation.name == name)
}
