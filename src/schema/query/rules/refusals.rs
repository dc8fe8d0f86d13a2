//! What a search for the target cannot say.

use super::Refusal;

/// Refusals as constants, and the list of all of them.
macro_rules! refusals {
    ($($id:ident: $name:literal, $what:literal, $why:literal, [$($choice:literal),* $(,)?];)*) => {
        $(pub(in crate::schema::query) const $id: Refusal =
            Refusal { name: $name, what: $what, why: $why, choices: &[$($choice),*] };)*
        /// All of this file.
        pub(super) const ALL: &[&Refusal] = &[$(&$id),*];
    };
}

refusals! {
    TARGET_VERSION: "target_version", "targets before 6.0", "searches are rewritten for 6.0 and later",
        ["give the version of the target that is meant: `--to-version 6.8.23`"];
    UNKNOWN_QUERY: "unknown_query", "a query that neither side is known to have", "the target does not know this query",
        ["check the name, or write the query by hand"];
    UNKNOWN_OPTION: "unknown_option", "an option of a query, aggregation or other part", "the target does not know this option",
        ["take it out, if the search means the same without it", "write this part by hand"];
    UNKNOWN_AGGREGATION: "unknown_aggregation", "an aggregation that neither side is known to have", "the target does not know this aggregation",
        ["check the name, or write the aggregation by hand"];
    UNKNOWN_PART: "unknown_part", "a key of the body", "the target does not know this part of a search",
        ["check the name, or take it out"];
    UNKNOWN_PARAMETER: "unknown_parameter", "a parameter of the URL", "the target does not know this parameter",
        ["check the name, or take it out"];
    MALFORMED: "malformed", "what cannot be read as a query, such as two queries in one object", "this is not the form of such a query or part",
        ["check it against the source: it may not be taken there either"];
    FUZZY_LIKE_THIS: "fuzzy_like_this", "`fuzzy_like_this`, `flt`, `flt_field`", "the query is gone since 2.0",
        ["`more_like_this` finds documents with the same terms", "`match` with `fuzziness` finds documents with similar terms"];
    TEMPLATE_QUERY: "template_query", "`template`", "templates cannot be part of a query",
        ["send the template to `_search/template`, with its text rewritten", "fill the template in and rewrite the search that results"];
    WRAPPER_QUERY: "wrapper_query", "`wrapper`", "what an encoded query says is not looked into",
        ["write the query itself in its place"];
    GEOHASH_CELL: "geohash_cell", "`geohash_cell`", "the query is gone since 6.0",
        ["`geo_bounding_box` with the corners of the cell", "`geo_bounding_box` takes a geohash as `top_left` and `bottom_right`"];
    CUSTOM_SCORE: "custom_score", "`custom_score`, `custom_filters_score`, `custom_boost_factor`", "the query is gone since 1.0",
        ["`function_score`"];
    SCRIPT_LANGUAGE: "script_language", "a script in groovy, mvel or another language of old",
        "the target runs painless and expressions only, and scripts are not translated",
        ["write it in painless, with `\"lang\": \"painless\"`; `doc['field'].value` is the same in both", "write it as an expression, if it only calculates"];
    SCRIPT_FILE: "script_file", "a script in a file", "scripts in files are gone since 6.0",
        ["store the script on the target and name it: `\"script\": {\"id\": …}`"];
    MISSING_NULL_ONLY: "missing_null_only", "`missing` with `existence: false`", "explicit nulls are not told apart from absent fields",
        ["give the field a `null_value` in the mapping and search for that"];
    JOIN_NEEDED: "join_needed", "`has_child`, `has_parent`, `children` and the like", "the target's index has no join field",
        ["migrate the index with `types = \"join\"`"];
    PARENT_FIELD: "parent_field", "`_parent`", "parents are part of the join field",
        ["`parent_id` with the type and id of the parent"];
    TYPE_IS_AN_INDEX: "type_is_an_index", "`type` and `_type` where each type has an index of its own", "the documents of the type are alone in an index",
        ["search that index and leave this part out"];
    IDS_NEED_TYPES: "ids_need_types", "`ids` without a type where ids became `type-id`", "which type is meant is not said, and ids carry it",
        ["name the type, or write the ids as they are on the target"];
    META_FIELD: "meta_field", "`_timestamp`, `_ttl`, `_analyzer`, `_boost`, `_size`, and ranges of `_id` or `_uid`", "the target has no such field, or cannot search it so",
        ["keep the value in a field of the documents, and search that"];
    META_FIELD_TEXT: "meta_field_text", "`_uid`, `_parent`, `_all` and the like in a text, `_type` and `_id` with several words or a pattern, and such fields as those that a text is searched in",
        "the target does not have the field, or reads the text another way",
        ["take it out of the text, and write it beside the text as `term`: on `_type`, `_id` and `_uid` it is rewritten where that is possible"];
    ALL_FIELD_TERM: "all_field_term", "terms on `_all`", "`_all` is not made any more, and a term speaks of one field",
        ["`multi_match` over the fields that are meant", "a field of its own that the others are copied to (`copy_to`)"];
    FIELD_REMOVED: "field_removed", "a field that a transform removes", "the target's documents do not have the field",
        ["take this part out", "keep the field in the migration"];
    FIELD_PATTERN: "field_pattern", "a pattern of fields that covers a renamed one and not its new name", "what the pattern stands for is elsewhere on the target",
        ["write the fields one by one"];
    KEY_VALUE_WHOLE: "key_value_whole", "ranges, sorting, query strings and all else but equality on a key of a key+value object",
        "keys and values are one keyword: it is not analysed, and has neither numbers nor their order",
        ["keep this key as a field of its own in the migration"];
    KEY_VALUE_TEXT: "key_value_text", "a field with another name inside the text of `query_string`", "the text is not taken apart",
        ["write it as `match` or `term`, which are rewritten", "write the new name into the text"];
    RESULT_WINDOW: "result_window", "`from` and `size` above 10 000, in `top_hits` and `inner_hits` above 100", "the target refuses such windows (`index.max_result_window`, `index.max_inner_result_window`)",
        ["read with a scroll, or page with `search_after`", "raise the setting on the target"];
    OVER_LIMIT: "over_limit", "more than 1 024 clauses of a `bool`, `and` or `or`, 100 `docvalue_fields`, 32 `script_fields`, or a `rescore` of 10 000 hits",
        "the target has bounds that 1.x does not have",
        ["many terms of one field are one `terms` query", "raise the setting on the target"];
    FACETS: "facets", "facets with filters, scripts, scopes or several fields", "facets are gone since 2.0",
        ["write an aggregation: `terms`, `stats`, `histogram`, `range`, `filter`, inside `filter`, `nested` or `global` where the facet had such an option"];
    PARTIAL_SEVERAL: "partial_several", "several `partial_fields`", "a hit has one `_source`",
        ["ask for all of them in one `_source`"];
    HISTOGRAM_SHIFT: "histogram_shift", "`post_zone`, `factor`, or offsets that do not cancel each other", "keys of buckets are not shifted after rounding any more",
        ["`time_zone` and `offset`, and calculate with the keys that come back"];
    REGEX_FLAGS: "regex_flags", "`flags` of `include` and `exclude`", "expressions have no flags any more",
        ["write it without flags: `[Dd]or` for `dor` in any case"];
    INDICES_PATTERN: "indices_pattern", "`indices` with wildcards", "`_index` is compared with whole names",
        ["name the indices one by one"];
    SUGGEST_COLLATE: "suggest_collate", "`phrase.collate`", "its query is a template, which is not looked into",
        ["write `collate.query.source` for the target by hand"];
    EVERY_INDEX: "every_index", "a path that names no index, or all of them", "the source has indices that the migration does not read, and the search asks those, too",
        ["name the indices in the path", "give `target.path`, where this is meant"];
    TYPE_PATTERN: "type_pattern", "a path with a pattern of types, or with types beside a `global` aggregation", "which documents are meant cannot be said of the target",
        ["name the types one by one", "give the search for the target by hand"];
}
