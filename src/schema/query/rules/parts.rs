//! Rules for the parts of a search besides its query.

use super::{Rule, rules};
use crate::schema::report::Severity;

rules! {
    POST_FILTER: "post_filter", 1 to 2, gone 5, SameMeaning,
        "`filter` of the body" => "`post_filter`", "the part has another name";
    FIELDS_SOURCE: "fields_source", 1 to 2, gone 5, SearchMayDiffer,
        "`fields`" => "`_source` with these fields",
        "1.x reads fields that are not stored from the document; they come in `_source` of a hit now, not in its `fields`, and not as lists";
    FIELDS_STORED: "fields_stored", 1 to 2, gone 5, SameMeaning,
        "`fields` that is empty or names metadata only" => "`stored_fields`", "the part has another name";
    FIELDDATA_FIELDS: "fielddata_fields", 1 to 5, gone 6, SearchMayDiffer,
        "`fielddata_fields`" => "`docvalue_fields`", "values come from doc values; fields of type `text` have none";
    PARTIAL_FIELDS: "partial_fields", 1 to 1, gone 2, SearchMayDiffer,
        "`partial_fields`" => "`_source`", "the parts come in `_source` of a hit, not in its `fields`";
    SOURCE_FILTER: "source_filter", 1 to 5, gone 6, SameMeaning,
        "`_source.include`, `exclude`" => "`includes`, `excludes`", "the options have other names";
    MIN_SCORE: "min_score", 1 to 2, gone 5, SearchMayDiffer,
        "`min_score`" => "the same", "scores are BM25 since 5.0, so the same bound keeps other documents";
    TIMEOUT_UNIT: "timeout_unit", 1 to 1, gone 2, SameMeaning,
        "`timeout` as a number" => "with the unit `ms`", "a time needs its unit";
    INDICES_BOOST: "indices_boost", 1 to 5, gone 6, SameMeaning,
        "`indices_boost` as an object" => "as a list", "the order counts; the names have to be those of the target's indices";
    SEARCH_TYPE_COUNT: "search_type_count", 1 to 2, gone 5, SameMeaning,
        "`search_type=count`" => "`size: 0`", "the search type is gone";
    SEARCH_TYPE_SCAN: "search_type_scan", 1 to 2, gone 5, SearchMayDiffer,
        "`search_type=scan`" => "`sort: [\"_doc\"]`", "the search type is gone; the first answer of the scroll holds documents already, and `size` counts for all shards";
    SEARCH_TYPE_FETCH: "search_type_fetch", 1 to 5, gone 6, SearchMayDiffer,
        "`search_type=query_and_fetch`, `dfs_query_and_fetch`" => "`query_then_fetch`, `dfs_query_then_fetch`",
        "the search type is gone; `size` counts for all shards";
    PARAMETER_MOVED: "parameter_moved", 1 to 2, gone 5, SameMeaning,
        "`fields`, `fielddata_fields`, `q` in the URL" => "in the body", "in the body it is rewritten like all else";
    PARAMETER_RENAMED: "parameter_renamed", 1 to 6, gone 6, SameMeaning,
        "`_source_include`, `_source_exclude`" => "`_source_includes`, `_source_excludes`", "the parameters have other names";
    PARAMETER_GONE: "parameter_gone", 1 to 5, gone 6, SameMeaning,
        "`operation_threading`, `query_cache`" => "nothing, `request_cache`", "how a search is run is decided by the server";
    SORT_UNMAPPED: "sort_unmapped", 1 to 2, gone 5, SameMeaning,
        "`ignore_unmapped`" => "`unmapped_type`", "an index without the field sorts as if the field were a `long`";
    SORT_REVERSE: "sort_reverse", 1 to 2, gone 5, SameMeaning,
        "`reverse`" => "`order`", "the option has another name";
    SORT_NESTED: "sort_nested", 1 to 6, gone 6, SameMeaning,
        "`nested_path`, `nested_filter`" => "`nested: {path, filter}`", "two options became one";
    HIGHLIGHT_MATCH: "highlight_match", 1 to 1, gone 2, SameMeaning,
        "`highlight` without `require_field_match`" => "`require_field_match: false`", "1.x highlights a field whichever field matched";
    HIGHLIGHT_TYPE: "highlight_type", 1 to 5, gone 6, SearchMayDiffer,
        "`type: postings`, `highlighter`, `fast-vector-highlighter`" => "`unified`, `plain`, `fvh`", "highlighters have other names, and cut other fragments";
    HIGHLIGHT_DEFAULT: "highlight_default", 1 to 5, gone 6, SearchMayDiffer,
        "`highlight` without `type`" => "the same", "the default highlighter is `unified`, which cuts other fragments";
    HIGHLIGHT_FILTER: "highlight_filter", 1 to 1, gone 2, SearchMayDiffer,
        "`highlight` beside filters or `nested`; `highlight_filter`" => "the same, without the option",
        "1.x highlights what filters match only when asked to, and never what nested queries match; now both are highlighted like all else";
    AGG_SIZE_ALL: "agg_size_all", 1 to 2, gone 5, SameMeaning,
        "`size: 0` of `terms`, `significant_terms`, `geohash_grid`" => "`size: 2147483647`", "0 is refused; this is the largest number, for all buckets";
    AGG_ORDER: "agg_order", 1 to 5, gone 6, SameMeaning,
        "`order` by `_term` or `_time`" => "by `_key`", "every bucket has a `_key`";
    AGG_HINT: "agg_hint", 1 to 5, gone 6, SameMeaning,
        "`execution_hint` `ordinals`, `global_ordinals_hash`, `global_ordinals_low_cardinality`" => "nothing", "the hint is gone; the answer never depended on it";
    AGG_REGEX: "agg_regex", 1 to 1, gone 2, SearchMayDiffer,
        "`include`, `exclude` as an expression or `{pattern}`" => "as an expression", "1.x reads expressions as Java does, now as Lucene does";
    AGG_NAME: "agg_name", 1 to 5, gone 6, SameMeaning,
        "`ipv4_range`, `geohashGrid` and the like" => "`ip_range`, `geohash_grid`", "the aggregation has another name";
    AGG_ADDRESSES: "agg_addresses", 1 to 2, gone 5, SearchMayDiffer,
        "`ip_range`" => "the same", "`from` and `to` of the buckets come back as addresses, not as numbers";
    AGG_EMPTY_BUCKETS: "agg_empty_buckets", 1 to 1, gone 2, SameMeaning,
        "`histogram`, `date_histogram` without `min_doc_count`" => "`min_doc_count: 1`", "1.x leaves out empty buckets unless asked";
    AGG_ZONE: "agg_zone", 1 to 1, gone 2, SearchMayDiffer,
        "`pre_zone`" => "`time_zone`", "keys of days and longer begin at midnight of the zone; in 1.x they were shown as if it were midnight UTC";
    AGG_OFFSET: "agg_offset", 1 to 1, gone 2, SameMeaning,
        "`pre_offset` with the opposite `post_offset`" => "`offset`", "two options became one";
    AGG_INTERVAL: "agg_interval", 1 to 2, gone 5, SameMeaning,
        "`interval: \"1.5h\"`" => "`90m`", "intervals have no fractions";
    AGG_COMPRESSION: "agg_compression", 1 to 2, gone 5, SameMeaning,
        "`percentiles.compression`, `estimator`" => "`tdigest.compression`", "the option belongs to its method";
    AGG_REHASH: "agg_rehash", 1 to 2, gone 5, SameMeaning,
        "`cardinality.rehash`, `script_values_sorted`" => "nothing", "the option is gone";
    AGG_KEY_VALUE: "agg_key_value", 1 to 9, gone 6, SearchMayDiffer,
        "`terms` on a key of a key+value object" => "`terms` on `keyToValue` with `include`", "the keys of the buckets carry the key in front, such as `name:dor`";
    FACET: "facet", 1 to 1, gone 2, SearchMayDiffer,
        "simple facets" => "aggregations of the same name", "facets are gone; the answer stands under `aggregations` in another shape";
    SUGGEST_FUZZY: "suggest_fuzzy", 1 to 2, gone 5, SameMeaning,
        "`fuzzy.edit_distance`" => "`fuzzy.fuzziness`", "the option has another name";
    SUGGEST_CONTEXT: "suggest_context", 1 to 2, gone 5, SearchMayDiffer,
        "`completion.context`" => "`contexts`", "contexts are other fields of the mapping";
    SUGGEST_COMPLETION: "suggest_completion", 1 to 2, gone 5, SearchMayDiffer,
        "`completion`" => "the same", "suggestions are documents now: the same text comes once a document, and there is no `output` or `payload`";
}
