//! What 6.8 takes: queries, aggregations, their options, and the parts of a search, as data. What is not here and
//! has no rule is refused. Options are those of the server's parsers, tried on 6.8.23.

/// Where a query names its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `{field: value}` or `{field: {option: …}}`; the option that holds the bare value.
    Field(&'static str),
    /// `{field: …, option: …}`
    Beside,
    /// `{option: …}`
    Plain,
}

/// A query and its options, besides `boost` and `_name` that all have.
#[derive(Debug)]
pub struct Query {
    /// Its name.
    pub name: &'static str,
    /// Where its field stands.
    pub shape: Shape,
    /// Its options.
    pub options: &'static [&'static str],
}

const fn query(name: &'static str, shape: Shape, options: &'static [&'static str]) -> Query {
    Query { name, shape, options }
}

use Shape::{Beside, Field, Plain};

/// The queries.
pub const QUERIES: &[Query] = &[
    query(
        "bool",
        Plain,
        &["must", "must_not", "should", "filter", "minimum_should_match", "adjust_pure_negative"],
    ),
    query("boosting", Plain, &["positive", "negative", "negative_boost"]),
    query(
        "common",
        Field("query"),
        &[
            "query",
            "cutoff_frequency",
            "low_freq_operator",
            "high_freq_operator",
            "minimum_should_match",
            "analyzer",
        ],
    ),
    query("constant_score", Plain, &["filter"]),
    query("dis_max", Plain, &["queries", "tie_breaker"]),
    query("exists", Plain, &["field"]),
    query("field_masking_span", Plain, &["query", "field"]),
    query(
        "function_score",
        Plain,
        &["query", "functions", "score_mode", "boost_mode", "max_boost", "min_score", "weight"],
    ),
    query(
        "fuzzy",
        Field("value"),
        &["value", "fuzziness", "prefix_length", "max_expansions", "transpositions", "rewrite"],
    ),
    query("geo_bounding_box", Beside, &["type", "validation_method", "ignore_unmapped"]),
    query(
        "geo_distance",
        Beside,
        &["distance", "unit", "distance_type", "validation_method", "ignore_unmapped"],
    ),
    query("geo_polygon", Beside, &["validation_method", "ignore_unmapped"]),
    query("geo_shape", Beside, &["ignore_unmapped"]),
    query(
        "has_child",
        Plain,
        &["type", "query", "score_mode", "min_children", "max_children", "inner_hits", "ignore_unmapped"],
    ),
    query("has_parent", Plain, &["parent_type", "query", "score", "inner_hits", "ignore_unmapped"]),
    query("ids", Plain, &["type", "types", "values"]),
    query(
        "match",
        Field("query"),
        &[
            "query",
            "analyzer",
            "operator",
            "fuzziness",
            "prefix_length",
            "max_expansions",
            "fuzzy_transpositions",
            "fuzzy_rewrite",
            "minimum_should_match",
            "lenient",
            "cutoff_frequency",
            "zero_terms_query",
            "auto_generate_synonyms_phrase_query",
        ],
    ),
    query("match_all", Plain, &[]),
    query("match_none", Plain, &[]),
    query("match_phrase", Field("query"), &["query", "analyzer", "slop", "zero_terms_query"]),
    query("match_phrase_prefix", Field("query"), &["query", "analyzer", "slop", "max_expansions"]),
    query(
        "more_like_this",
        Plain,
        &[
            "fields",
            "like",
            "unlike",
            "max_query_terms",
            "min_term_freq",
            "min_doc_freq",
            "max_doc_freq",
            "min_word_length",
            "max_word_length",
            "stop_words",
            "analyzer",
            "minimum_should_match",
            "boost_terms",
            "include",
            "fail_on_unsupported_field",
        ],
    ),
    query(
        "multi_match",
        Plain,
        &[
            "query",
            "fields",
            "type",
            "analyzer",
            "operator",
            "slop",
            "fuzziness",
            "prefix_length",
            "max_expansions",
            "fuzzy_rewrite",
            "fuzzy_transpositions",
            "minimum_should_match",
            "tie_breaker",
            "lenient",
            "cutoff_frequency",
            "zero_terms_query",
            "auto_generate_synonyms_phrase_query",
        ],
    ),
    query("nested", Plain, &["path", "query", "score_mode", "inner_hits", "ignore_unmapped"]),
    query("parent_id", Plain, &["type", "id", "ignore_unmapped"]),
    query(
        "percolate",
        Plain,
        &[
            "field",
            "document",
            "documents",
            "index",
            "type",
            "id",
            "routing",
            "preference",
            "version",
            "name",
            "document_type",
        ],
    ),
    query("prefix", Field("value"), &["value", "rewrite"]),
    query(
        "query_string",
        Plain,
        &[
            "query",
            "default_field",
            "fields",
            "default_operator",
            "analyzer",
            "quote_analyzer",
            "allow_leading_wildcard",
            "fuzzy_max_expansions",
            "fuzzy_prefix_length",
            "fuzzy_transpositions",
            "fuzzy_rewrite",
            "fuzziness",
            "phrase_slop",
            "analyze_wildcard",
            "max_determinized_states",
            "minimum_should_match",
            "quote_field_suffix",
            "lenient",
            "time_zone",
            "rewrite",
            "tie_breaker",
            "type",
            "escape",
            "auto_generate_synonyms_phrase_query",
        ],
    ),
    query("range", Field("value"), &["gt", "gte", "lt", "lte", "format", "time_zone", "relation"]),
    query("regexp", Field("value"), &["value", "flags", "flags_value", "max_determinized_states", "rewrite"]),
    query("script", Plain, &["script"]),
    query(
        "simple_query_string",
        Plain,
        &[
            "query",
            "fields",
            "default_operator",
            "analyzer",
            "flags",
            "lenient",
            "analyze_wildcard",
            "minimum_should_match",
            "quote_field_suffix",
            "fuzzy_prefix_length",
            "fuzzy_max_expansions",
            "fuzzy_transpositions",
            "auto_generate_synonyms_phrase_query",
        ],
    ),
    query("span_containing", Plain, &["big", "little"]),
    query("span_first", Plain, &["match", "end"]),
    query("span_multi", Plain, &["match"]),
    query("span_near", Plain, &["clauses", "slop", "in_order"]),
    query("span_not", Plain, &["include", "exclude", "dist", "pre", "post"]),
    query("span_or", Plain, &["clauses"]),
    query("span_term", Field("value"), &["value"]),
    query("span_within", Plain, &["big", "little"]),
    query("term", Field("value"), &["value"]),
    query("terms", Beside, &[]),
    query(
        "terms_set",
        Field("terms"),
        &["terms", "minimum_should_match_field", "minimum_should_match_script"],
    ),
    query("type", Plain, &["value"]),
    query("wildcard", Field("value"), &["value", "rewrite"]),
];

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
    aggregation("ip_range", &["field", "script", "missing", "ranges", "keyed"]),
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
    aggregation("nested", &["path"]),
    aggregation(
        "percentile_ranks",
        &["field", "script", "missing", "values", "keyed", "tdigest", "hdr", "format"],
    ),
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
];

const METRIC: &[&str] = &["field", "script", "missing", "format", "value_type"];
const PIPELINE: &[&str] = &["buckets_path", "gap_policy", "format"];

/// The parts of a search.
pub const PARTS: &[&str] = &[
    "query",
    "post_filter",
    "from",
    "size",
    "sort",
    "_source",
    "stored_fields",
    "docvalue_fields",
    "script_fields",
    "aggs",
    "aggregations",
    "highlight",
    "suggest",
    "rescore",
    "explain",
    "version",
    "min_score",
    "timeout",
    "terminate_after",
    "track_scores",
    "track_total_hits",
    "indices_boost",
    "profile",
    "search_after",
    "slice",
    "collapse",
    "ext",
    "stats",
];

/// The options of highlighting; those of a single field, too, besides the first two.
pub const HIGHLIGHT: &[&str] = &[
    "fields",
    "encoder",
    "tags_schema",
    "pre_tags",
    "post_tags",
    "order",
    "type",
    "number_of_fragments",
    "fragment_size",
    "fragment_offset",
    "fragmenter",
    "require_field_match",
    "boundary_scanner",
    "boundary_scanner_locale",
    "boundary_chars",
    "boundary_max_scan",
    "highlight_query",
    "matched_fields",
    "force_source",
    "no_match_size",
    "phrase_limit",
    "options",
];

/// The options of a sort by field, by distance (besides its field), and by script.
pub const SORT: &[&str] = &[
    "order",
    "missing",
    "mode",
    "unmapped_type",
    "nested",
    "unit",
    "distance_type",
    "validation_method",
    "type",
    "script",
];

/// The parameters of the URL.
pub const PARAMETERS: &[&str] = &[
    "_source",
    "_source_excludes",
    "_source_includes",
    "allow_no_indices",
    "allow_partial_search_results",
    "expand_wildcards",
    "explain",
    "filter_path",
    "from",
    "human",
    "ignore_unavailable",
    "preference",
    "pretty",
    "request_cache",
    "rest_total_hits_as_int",
    "routing",
    "scroll",
    "search_type",
    "size",
    "sort",
    "stats",
    "terminate_after",
    "timeout",
    "track_scores",
    "track_total_hits",
    "version",
];

/// The query of this name.
#[must_use]
pub fn query_named(name: &str) -> Option<&'static Query> {
    QUERIES.iter().find(|query| query.name == name)
}

/// The aggregation of this name.
#[must_use]
pub fn aggregation_named(name: &str) -> Option<&'static Aggregation> {
    AGGREGATIONS.iter().find(|aggregation| aggregation.name == name)
}
