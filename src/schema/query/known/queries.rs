//! The queries and their options.

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
    query("ids", Plain, &["type", "values"]),
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

/// The query of this name.
#[must_use]
pub fn query_named(name: &str) -> Option<&'static Query> {
    QUERIES.iter().find(|query| query.name == name)
}
