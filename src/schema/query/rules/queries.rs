//! Rules for queries and filters.

use super::{Rule, rules};
use crate::schema::report::Severity;

rules! {
    CAMEL_CASE: "camel_case", 1 to 2, gone 5, SameMeaning,
        "`matchAll`, `minimumShouldMatch`" => "`match_all`, `minimum_should_match`", "names are written with underscores";
    OLD_NAME: "old_name", 1 to 5, gone 6, SameMeaning,
        "`text`, `in`, `mlt`, `geo_bbox`, `field`, `matchPhrase`" => "`match`, `terms`, `more_like_this`, `geo_bounding_box`",
        "the old name is gone";
    EMPTY_QUERY: "empty_query", 1 to 2, gone 5, SameMeaning,
        "`{}`" => "`match_all`", "an empty query is refused";
    FILTER_LIST: "filter_list", 1 to 2, gone 5, SameMeaning,
        "a list where one filter stands" => "`bool.filter`", "a list of filters is one filter only in a `bool`";
    FILTERED: "filtered", 1 to 2, gone 5, SameMeaning,
        "`filtered`" => "`bool` with `must` and `filter`", "filters are clauses of `bool`";
    FILTERED_STRATEGY: "filtered_strategy", 1 to 2, gone 5, SameMeaning,
        "`filtered.strategy`" => "nothing", "how filters are run is decided by the server";
    AND_FILTER: "and_filter", 1 to 2, gone 5, SameMeaning,
        "`and`" => "`bool.filter`", "`and` is gone";
    OR_FILTER: "or_filter", 1 to 2, gone 5, SameMeaning,
        "`or`" => "`bool.should`", "`or` is gone";
    NOT_FILTER: "not_filter", 1 to 2, gone 5, SameMeaning,
        "`not`" => "`bool.must_not`", "`not` is gone";
    MISSING_FILTER: "missing_filter", 1 to 2, gone 5, SameMeaning,
        "`missing`" => "`must_not` with `exists`", "`missing` is gone";
    MISSING_NULLS: "missing_nulls", 1 to 2, gone 5, SearchMayDiffer,
        "`missing` with `null_value`" => "`must_not` with `exists`",
        "a null that the mapping replaces by `null_value` counts as a value";
    LIMIT_FILTER: "limit_filter", 1 to 2, gone 5, SearchMayDiffer,
        "`limit`" => "`match_all`", "`limit` is gone; more documents are looked at, `terminate_after` in the body limits them";
    NUMERIC_RANGE: "numeric_range", 1 to 1, gone 2, SameMeaning,
        "`numeric_range`" => "`range`", "`numeric_range` is gone";
    QUERY_FILTER: "query_filter", 1 to 2, gone 5, SameMeaning,
        "`query` and `fquery` as filters" => "the query itself", "queries and filters are one";
    FILTER_CACHE: "filter_cache", 1 to 2, gone 5, SameMeaning,
        "`_cache`, `_cache_key`" => "nothing", "what is cached is decided by the server";
    FILTER_NAME: "filter_name", 1 to 2, gone 5, SameMeaning,
        "`_name` beside the field" => "`_name` among its options", "a query on a field keeps its options below the field";
    BOOL_SHOULD: "bool_should", 1 to 2, gone 5, SameMeaning,
        "`bool` filter with `should` beside `must`" => "`minimum_should_match: 1`",
        "as a filter of 1.x and 2.x, after the query too, one of `should` has to match, whatever stands beside it";
    BOOL_SHOULD_LATER: "bool_should_later", 5 to 6, gone 7, SameMeaning,
        "`bool` with `should` beside `must`, where it only filters" => "`minimum_should_match: 1`",
        "before 7.0 one of `should` has to match in a filter, whatever stands beside it";
    BOOL_OPTION: "bool_option", 1 to 5, gone 6, SameMeaning,
        "`minimum_number_should_match`" => "`minimum_should_match`", "the option has one name";
    COORDINATION: "coordination", 1 to 5, gone 6, SearchMayDiffer,
        "`disable_coord`" => "nothing", "scores no longer count how many clauses match";
    MATCH_PHRASE: "match_phrase", 1 to 5, gone 6, SameMeaning,
        "`match` with a `type`" => "`match`, `match_phrase`, `match_phrase_prefix`",
        "phrases are queries of their own";
    PHRASE_OPTION: "phrase_option", 1 to 5, gone 6, SameMeaning,
        "`operator`, `fuzziness` and the like on a phrase, `slop` on words" => "nothing", "the option has no effect on this kind of match";
    MATCH_REWRITE: "match_rewrite", 1 to 2, gone 5, SearchMayDiffer,
        "`match.rewrite`" => "nothing", "the option is gone; `fuzzy_rewrite` is kept";
    MULTI_MATCH_DIS_MAX: "use_dis_max", 1 to 6, gone 6, SearchMayDiffer,
        "`use_dis_max`" => "`type` or `tie_breaker: 1`", "how scores of fields are combined is said by `type` or `tie_breaker`";
    ALL_FIELD: "all_field", 1 to 5, gone 6, SearchMayDiffer,
        "the field `_all`" => "all fields, `lenient`", "`_all` is not made any more; each field is searched by its own analyzer";
    FIELD_LIST: "field_list", 1 to 2, gone 5, SameMeaning,
        "`fields` as one name" => "a list", "query strings want a list";
    EXISTS_LIST: "exists_list", 1 to 2, gone 5, SameMeaning,
        "`exists`, `missing` with a list of fields" => "with the last of them", "a list is refused, and 1.x and 2.x look at its last field only";
    RANGE_FRACTION: "range_fraction", 1 to 2, gone 5, SearchMayDiffer,
        "a bound of `range` with a fraction" => "the same", "on a field of whole numbers 1.x and 2.x cut the fraction off: from 0.5 begins at 0, now at 1";
    FIELD_NAMES_TERM: "field_names_term", 1 to 5, gone 6, SameMeaning,
        "`term` on `_field_names`" => "`exists`", "`_field_names` does not hold every field any more";
    QUERY_STRING_CASE: "query_string_case", 1 to 5, gone 6, SearchMayDiffer,
        "`lowercase_expanded_terms`, `locale`" => "nothing", "wildcards are normalised as the field is; on keywords they keep their case";
    QUERY_STRING_WILDCARDS: "query_string_wildcards", 1 to 2, gone 5, SearchMayDiffer,
        "`*`, `?`, `~` or a range in `query_string`" => "the same", "1.x makes such terms lower case; now that depends on the field, and keywords keep their case";
    QUERY_STRING_PHRASES: "query_string_phrases", 1 to 5, gone 6, SearchMayDiffer,
        "`auto_generate_phrase_queries: true`" => "`type: phrase`", "all words of a part of the query become a phrase";
    QUERY_STRING_OPTION: "query_string_option", 1 to 5, gone 6, SameMeaning,
        "`auto_generate_phrase_queries: false`, `enable_position_increments`, `split_on_whitespace`" => "nothing",
        "the option is gone, and this is its default";
    QUERY_STRING_FUZZINESS: "query_string_fuzziness", 1 to 1, gone 2, SearchMayDiffer,
        "`fuzzy_min_sim`, `word~0.5` in the text" => "`fuzziness: AUTO`, `word~2`", "similarities became edit distances";
    QUERY_STRING_MISSING: "query_string_missing", 1 to 2, gone 5, SameMeaning,
        "`_missing_:field`" => "`(*:* AND NOT _exists_:field)`", "`_missing_` is gone";
    FUZZY_NAME: "fuzzy_name", 1 to 2, gone 5, SameMeaning,
        "`min_similarity`" => "`fuzziness`", "the option has another name";
    FUZZY_SIMILARITY: "fuzzy_similarity", 1 to 1, gone 2, SearchMayDiffer,
        "a `fuzziness` below 1" => "`fuzziness` in edits", "similarities became edit distances of at most 2";
    TERMS_EXECUTION: "terms_execution", 1 to 2, gone 5, SameMeaning,
        "`terms.execution`, `minimum_match: 1`" => "nothing", "any term is enough (also with `and` in 2.x), and how terms are looked up is decided by the server";
    TERMS_ALL: "terms_all", 1 to 1, gone 2, SameMeaning,
        "`terms` with `execution: and`" => "`bool` of `term`", "`terms` finds documents with any of its terms";
    TERMS_LEAST: "terms_least", 1 to 2, gone 5, SameMeaning,
        "`terms` with `minimum_match` above 1" => "`bool` of `term`", "`terms` finds documents with any of its terms";
    TERMS_LOOKUP: "terms_lookup", 1 to 6, gone 6, SearchMayDiffer,
        "`terms` looked up in a document, `indexed_shape`" => "its type is `_doc`", "the document is read from the target; it has to be there";
    TERM_VALUE: "term_value", 1 to 2, gone 5, SameMeaning,
        "`term`, `prefix`, `wildcard` as the name of the value" => "`value`", "the value has one name";
    RANGE_BOUNDS: "range_bounds", 1 to 7, gone 5, SameMeaning,
        "`from`, `to`, `include_lower`, `include_upper`, `ge`, `le`" => "`gt`, `gte`, `lt`, `lte`", "bounds have one spelling";
    RANGE_EXECUTION: "range_execution", 1 to 2, gone 5, SameMeaning,
        "`range` with `execution`, `index`" => "nothing", "how ranges are run is decided by the server";
    NESTED_FILTER: "nested_filter", 1 to 2, gone 5, SameMeaning,
        "`nested.filter`, `has_child.filter`, `has_parent.filter`" => "`query`", "the inner part is a query, whatever it was";
    NESTED_SCORE: "nested_score", 1 to 2, gone 5, SameMeaning,
        "`score_mode: total`, `score_type`" => "`score_mode: sum`, `score_mode`", "score modes have one name";
    NESTED_JOIN: "nested_join", 1 to 1, gone 2, SameMeaning,
        "`nested.join`" => "nothing", "the option is gone";
    PARENT_TYPE: "parent_type", 1 to 5, gone 6, SameMeaning,
        "`has_parent.type`" => "`parent_type`", "the option has one name";
    PARENT_SCORE: "parent_score", 1 to 5, gone 6, SameMeaning,
        "`has_parent.score_mode`, `score_type`" => "`score`", "a parent's score is taken or not";
    CHILD_CUTOFF: "child_cutoff", 1 to 5, gone 5, SameMeaning,
        "`short_circuit_cutoff`" => "nothing", "how children are found is decided by the server";
    TOP_CHILDREN: "top_children", 1 to 1, gone 2, SearchMayDiffer,
        "`top_children`" => "`has_child`", "all children are looked at, so more parents may be found";
    INDICES_QUERY: "indices_query", 1 to 5, gone 6, SearchMayDiffer,
        "`indices`" => "`bool` over `_index`", "`indices` is gone; the names have to be those of the target's indices";
    INDEX_RENAMED: "index_renamed", 1 to 9, gone 6, SameMeaning,
        "an index that the migration names anew, in the path, `indices`, `indices_boost` or a lookup" => "its new name", "the migration gives the index another name";
    INDEX_ELSEWHERE: "index_elsewhere", 1 to 9, gone 6, SearchMayDiffer,
        "an index that the migration does not read, or puts together with others, in these places" => "the same, or the one that it is in", "what the index holds may be something else on the target";
    TYPE_FILTER: "type_filter", 1 to 6, gone 6, SearchMayDiffer,
        "`type` filter, `_type` in terms, in the text of a query string, in aggregations and sorting" => "a term on the field or index that the type became, or all documents", "types are gone";
    IDS_TYPE: "ids_type", 1 to 6, gone 6, SearchMayDiffer,
        "`ids.type`" => "ids as they are on the target", "types are gone";
    UID_TERM: "uid_term", 1 to 6, gone 6, SameMeaning,
        "`_uid`" => "`ids`", "ids stand alone";
    MORE_LIKE_TEXT: "more_like_text", 1 to 5, gone 6, SameMeaning,
        "`like_text`, `docs`, `ids`" => "`like`", "all that documents shall be like stands in `like`";
    MORE_LIKE_OPTION: "more_like_option", 1 to 2, gone 5, SameMeaning,
        "`percent_terms_to_match`, `min_word_len`, `max_word_len`" => "`minimum_should_match`, `min_word_length`, `max_word_length`",
        "the options have other names";
    MORE_LIKE_FIELD: "more_like_field", 1 to 1, gone 2, SameMeaning,
        "`mlt_field`" => "`more_like_this` with `fields`", "`mlt_field` is gone";
    GEO_OPTION: "geo_option", 1 to 5, gone 6, SameMeaning,
        "`optimize_bbox`, `sloppy_arc`" => "nothing, `arc`", "distances are `arc` or `plane`, and boxes are found by the server";
    GEO_FACTOR: "geo_factor", 1 to 5, gone 6, SearchMayDiffer,
        "`distance_type: factor`" => "`plane`", "`factor` is gone; `plane` measures flat, too, and finds what `factor` on 1.7.6 missed";
    GEO_VALIDATION: "geo_validation", 1 to 5, gone 6, SameMeaning,
        "`normalize`, `coerce`, `ignore_malformed`" => "`validation_method`", "three options became one";
    GEO_RANGE: "geo_range", 1 to 5, gone 6, SearchMayDiffer,
        "`geo_distance_range`" => "`bool` of `geo_distance`", "`geo_distance_range` is gone; a document at the exact bound may fall to the other side";
    SPAN_PAYLOADS: "span_payloads", 1 to 2, gone 5, SameMeaning,
        "`collect_payloads`" => "nothing", "the option is gone";
    SCORE_BOOST: "score_boost", 1 to 2, gone 5, SameMeaning,
        "`boost_factor`" => "`weight`", "the option has another name";
    SCORE_FILTER: "score_filter", 1 to 2, gone 5, SameMeaning,
        "`function_score.filter`" => "`query`", "`function_score` scores a query";
    SCORE_RANDOM: "score_random", 1 to 5, gone 6, SearchMayDiffer,
        "`random_score` with a `seed`" => "with `field: _seq_no`", "the same seed gives another order, and is drawn by sequence number";
    SCRIPT_FORM: "script_form", 1 to 5, gone 6, SameMeaning,
        "`script` as text, `inline`, `script_id`, with `params` and `lang` beside" => "`script: {source, lang, params}`",
        "a script is an object";
    SCRIPT_STORED: "script_stored", 1 to 5, gone 6, SearchMayDiffer,
        "a stored script" => "`script: {id}`", "it has to be stored on the target";
    FIELD_RENAMED: "field_renamed", 1 to 9, gone 6, SameMeaning,
        "a field that a transform renames" => "its new name", "the migration renames this field";
    FIELD_NOT_SHOWN: "field_not_shown", 1 to 9, gone 6, SearchMayDiffer,
        "a removed field in `_source` or `fields`" => "the same", "the target's documents do not have the field, so hits come without it";
    KEY_VALUE_SHOWN: "key_value_shown", 1 to 9, gone 6, SearchMayDiffer,
        "a key in `_source` or `fields`" => "the whole array", "hits show all keys and values, as a list";
    KEY_VALUE_PAIR: "key_value_pair", 1 to 9, gone 6, SearchMayDiffer,
        "`term`, `terms`, `match`, `prefix`, `wildcard`, `regexp` on a key of a key+value object" => "the same on `keyToValue` with the key in front",
        "key and value are one keyword: values are compared whole and in their own case";
    KEY_VALUE_EXISTS: "key_value_exists", 1 to 9, gone 6, SameMeaning,
        "`exists`, `missing` on a key" => "`prefix` on `keyToValue`", "a document has the key when one pair begins with it";
    KEY_VALUE_ALL: "key_value_all", 1 to 9, gone 6, SearchMayDiffer,
        "all keys: `actions.tags.*`" => "`value`", "the values of all keys are one keyword: they are compared whole and in their own case";
    KEY_VALUE_OPTION: "key_value_option", 1 to 9, gone 6, SearchMayDiffer,
        "`operator`, `analyzer`, `fuzziness` and the like on a key" => "nothing", "a keyword is not analysed";
}
