//! Queries that score.

use super::{Context, NEW, Version, plain, queries};

#[test]
fn the_match_family_loses_its_old_names_and_types() {
    let lines = r#"
        {"match": {"a": "x"}}
        {"match": {"a": {"query": "x y", "operator": "and", "fuzziness": 0.5, "rewrite": "constant_score", "boost": 2}}}
        {"match": {"a": {"query": "x y", "type": "phrase", "slop": 2, "operator": "and"}}}
        {"match": {"a": {"query": "x y", "type": "phrase_prefix", "max_expansions": 5}}}
        {"match": {"a": {"query": "x y", "type": "boolean", "minimumShouldMatch": 1}}}
        {"match": {"a": {"query": "x y", "type": "odd"}}}
        {"text": {"a": "x"}}
        {"textPhrase": {"a": "x y"}}
        {"match_phrase": {"a": {"query": "x y", "slop": 1, "lenient": true, "max_expansions": 4}}}
        {"field": {"a": "x"}}
        {"match": {"_all": {"query": "x", "operator": "and"}}}
        {"match_phrase": {"_all": "x y"}}
        {"term": {"_all": "x"}}
        {"multi_match": {"query": "x", "fields": ["a^2", "b"], "use_dis_max": false}}
        {"multi_match": {"query": "x", "fields": ["_all"]}}
        {"multi_match": {"query": "x", "fields": "a", "use_dis_max": true}}
        {"common": {"a": {"query": "x y", "cutoff_frequency": 0.001, "disable_coord": true, "minimum_should_match": {"low_freq": 2}}}}
        {"match": {"a": "x", "b": "y"}}
        {"matchAll": {}}
    "#;
    insta::assert_snapshot!(queries(&plain(), lines), @r#"
    {"match":{"a":"x"}}
      the same
    {"match":{"a":{"query":"x y","operator":"and","fuzziness":0.5,"rewrite":"constant_score","boost":2}}}
      {"match":{"a":{"query":"x y","operator":"and","fuzziness":0,"boost":2}}}
      by match_rewrite, fuzzy_similarity
    {"match":{"a":{"query":"x y","type":"phrase","slop":2,"operator":"and"}}}
      {"match_phrase":{"a":{"query":"x y","slop":2}}}
      by phrase_option, match_phrase
    {"match":{"a":{"query":"x y","type":"phrase_prefix","max_expansions":5}}}
      {"match_phrase_prefix":{"a":{"query":"x y","max_expansions":5}}}
      by match_phrase
    {"match":{"a":{"query":"x y","type":"boolean","minimumShouldMatch":1}}}
      {"match":{"a":{"query":"x y","minimum_should_match":1}}}
      by camel_case, match_phrase
    {"match":{"a":{"query":"x y","type":"odd"}}}
      the same
      refused query.match.a.type: this is not the form of such a query or part (malformed)
    {"text":{"a":"x"}}
      {"match":{"a":"x"}}
      by old_name
    {"textPhrase":{"a":"x y"}}
      {"match_phrase":{"a":"x y"}}
      by camel_case, old_name
    {"match_phrase":{"a":{"query":"x y","slop":1,"lenient":true,"max_expansions":4}}}
      {"match_phrase":{"a":{"query":"x y","slop":1}}}
      by phrase_option
    {"field":{"a":"x"}}
      {"match":{"a":"x"}}
      by old_name
    {"match":{"_all":{"query":"x","operator":"and"}}}
      {"multi_match":{"query":"x","operator":"and","lenient":true,"fields":["*"]}}
      by all_field
    {"match_phrase":{"_all":"x y"}}
      {"multi_match":{"query":"x y","type":"phrase","lenient":true,"fields":["*"]}}
      by all_field
    {"term":{"_all":"x"}}
      the same
      refused query.term: `_all` is not made any more, and a term speaks of one field (all_field_term)
    {"multi_match":{"query":"x","fields":["a^2","b"],"use_dis_max":false}}
      {"multi_match":{"query":"x","fields":["a^2","b"],"tie_breaker":1.0}}
      by use_dis_max
    {"multi_match":{"query":"x","fields":["_all"]}}
      {"multi_match":{"query":"x","fields":["*"],"lenient":true}}
      by all_field
    {"multi_match":{"query":"x","fields":"a","use_dis_max":true}}
      {"multi_match":{"query":"x","fields":["a"]}}
      by use_dis_max, field_list
    {"common":{"a":{"query":"x y","cutoff_frequency":0.001,"disable_coord":true,"minimum_should_match":{"low_freq":2}}}}
      {"common":{"a":{"query":"x y","cutoff_frequency":0.001,"minimum_should_match":{"low_freq":2}}}}
      by coordination
    {"match":{"a":"x","b":"y"}}
      the same
      refused query.match: 2 fields stand where one is expected (malformed)
    {"matchAll":{}}
      {"match_all":{}}
      by camel_case
    "#);
}

#[test]
fn query_strings_lose_what_is_gone_and_say_what_is_read_another_way() {
    let lines = r#"
        {"query_string": {"query": "a:x AND b:y", "default_field": "a", "lowercase_expanded_terms": false, "locale": "de", "auto_generate_phrase_queries": true}}
        {"query_string": {"query": "do*", "fields": ["a.*"], "auto_generate_phrase_queries": false, "enable_position_increments": true, "use_dis_max": true}}
        {"query_string": {"query": "x -_missing_:b OR (_missing_:c)", "default_field": "a"}}
        {"query_string": {"query": "gren~0.5 (a:lasy~.8) x~1 \"x y\"~2", "default_field": "a"}}
        {"query_string": {"query": "x", "default_field": "_all", "fuzzy_min_sim": 0.5}}
        {"queryString": {"query": "x", "defaultOperator": "AND", "fields": ["a"]}}
        {"simple_query_string": {"query": "x", "locale": "ROOT", "lowercase_expanded_terms": true, "flags": "ALL"}}
        {"query_string": {"query": "x", "fields": ["a"], "odd": 1}}
    "#;
    insta::assert_snapshot!(queries(&plain(), lines), @r#"
    {"query_string":{"query":"a:x AND b:y","default_field":"a","lowercase_expanded_terms":false,"locale":"de","auto_generate_phrase_queries":true}}
      {"query_string":{"query":"a:x AND b:y","default_field":"a","type":"phrase"}}
      by query_string_case, query_string_phrases
    {"query_string":{"query":"do*","fields":["a.*"],"auto_generate_phrase_queries":false,"enable_position_increments":true,"use_dis_max":true}}
      {"query_string":{"query":"do*","fields":["a.*"]}}
      by query_string_option, use_dis_max, query_string_wildcards
    {"query_string":{"query":"x -_missing_:b OR (_missing_:c)","default_field":"a"}}
      {"query_string":{"query":"x -(*:* AND NOT _exists_:b) OR ((*:* AND NOT _exists_:c))","default_field":"a"}}
      by query_string_missing
    {"query_string":{"query":"gren~0.5 (a:lasy~.8) x~1 \"x y\"~2","default_field":"a"}}
      {"query_string":{"query":"gren~2 (a:lasy~0) x~1 \"x y\"~2","default_field":"a"}}
      by query_string_fuzziness, query_string_wildcards
    {"query_string":{"query":"x","default_field":"_all","fuzzy_min_sim":0.5}}
      {"query_string":{"query":"x","fuzziness":"AUTO"}}
      by query_string_fuzziness, all_field
    {"queryString":{"query":"x","defaultOperator":"AND","fields":["a"]}}
      {"query_string":{"query":"x","fields":["a"],"default_operator":"AND"}}
      by camel_case
    {"simple_query_string":{"query":"x","locale":"ROOT","lowercase_expanded_terms":true,"flags":"ALL"}}
      {"simple_query_string":{"query":"x","flags":"ALL"}}
      by query_string_case, all_field
    {"query_string":{"query":"x","fields":["a"],"odd":1}}
      the same
      refused query.query_string.odd: `query_string` has no option `odd` on the target (unknown_option)
    "#);
}

#[test]
fn terms_and_ranges_have_one_spelling() {
    let lines = r#"
        {"term": {"a": {"term": "x", "boost": 2}}}
        {"wildcard": {"a": {"wildcard": "x*"}}}
        {"prefix": {"a": {"prefix": "x", "boost": 2}}}
        {"fuzzy": {"a": {"value": "wordy", "min_similarity": 0.5, "prefix_length": 1}}}
        {"fuzzy": {"a": {"value": "wordy", "fuzziness": 1}}}
        {"fuzzy": {"a": "wordy"}}
        {"range": {"n": {"from": 1, "to": null, "include_lower": false}}}
        {"range": {"n": {"gt": 1, "include_lower": true, "le": 4}}}
        {"range": {"n": {"gte": "now-1d/d", "time_zone": "+01:00", "format": "yyyy"}}}
        {"range": {"n": 5}}
        {"terms": {"a": ["x", "y", "z"], "minimum_match": 2, "disable_coord": true}}
        {"terms": {"a": ["x"], "minimum_should_match": 1, "boost": 2}}
        {"terms": {"a": ["x"], "b": ["y"]}}
        {"term": {"_field_names": "a"}}
        {"terms": {"_field_names": ["a", "b"]}}
        {"range": {"_id": {"gte": "a"}}}
        {"term": {"_timestamp": 5}}
        {"term": {"_parent": "7"}}
        {"term": {"_id": "7"}}
        {"prefix": {"_uid": "alert#7"}}
    "#;
    insta::assert_snapshot!(queries(&plain(), lines), @r#"
    {"term":{"a":{"term":"x","boost":2}}}
      {"term":{"a":{"boost":2,"value":"x"}}}
      by term_value
    {"wildcard":{"a":{"wildcard":"x*"}}}
      {"wildcard":{"a":{"value":"x*"}}}
      by term_value
    {"prefix":{"a":{"prefix":"x","boost":2}}}
      {"prefix":{"a":{"boost":2,"value":"x"}}}
      by term_value
    {"fuzzy":{"a":{"value":"wordy","min_similarity":0.5,"prefix_length":1}}}
      {"fuzzy":{"a":{"value":"wordy","prefix_length":1,"fuzziness":2}}}
      by fuzzy_name, fuzzy_similarity
    {"fuzzy":{"a":{"value":"wordy","fuzziness":1}}}
      the same
    {"fuzzy":{"a":"wordy"}}
      the same
    {"range":{"n":{"from":1,"to":null,"include_lower":false}}}
      {"range":{"n":{"gt":1}}}
      by range_bounds
    {"range":{"n":{"gt":1,"include_lower":true,"le":4}}}
      {"range":{"n":{"lte":4,"gte":1}}}
      by range_bounds
    {"range":{"n":{"gte":"now-1d/d","time_zone":"+01:00","format":"yyyy"}}}
      the same
    {"range":{"n":5}}
      the same
      refused query.range.n: this is not the form of such a query or part (malformed)
    {"terms":{"a":["x","y","z"],"minimum_match":2,"disable_coord":true}}
      {"bool":{"should":[{"term":{"a":"x"}},{"term":{"a":"y"}},{"term":{"a":"z"}}],"minimum_should_match":2}}
      by coordination, terms_least
    {"terms":{"a":["x"],"minimum_should_match":1,"boost":2}}
      {"terms":{"a":["x"],"boost":2}}
      by terms_execution
    {"terms":{"a":["x"],"b":["y"]}}
      the same
      refused query.terms: this is not the form of such a query or part (malformed)
    {"term":{"_field_names":"a"}}
      {"exists":{"field":"a"}}
      by field_names_term
    {"terms":{"_field_names":["a","b"]}}
      {"bool":{"should":[{"exists":{"field":"a"}},{"exists":{"field":"b"}}]}}
      by field_names_term
    {"range":{"_id":{"gte":"a"}}}
      the same
      refused query.range: the target has no such field, or cannot search it so (meta_field)
    {"term":{"_timestamp":5}}
      the same
      refused query.term: the target has no such field, or cannot search it so (meta_field)
    {"term":{"_parent":"7"}}
      the same
      refused query.term: parents are part of the join field (parent_field)
    {"term":{"_id":"7"}}
      the same
    {"prefix":{"_uid":"alert#7"}}
      the same
      refused query.prefix: the target has no such field, or cannot search it so (meta_field)
    "#);
}

#[test]
fn compound_queries_keep_their_parts() {
    let lines = r#"
        {"bool": {"must": [{"text": {"a": "x"}}], "should": {"term": {"b": 1}}, "minimum_number_should_match": 1, "disable_coord": true}}
        {"boosting": {"positive": {"term": {"a": 1}}, "negative": {"text": {"a": "x"}}, "negative_boost": 0.2}}
        {"dis_max": {"queries": [{"text": {"a": "x"}}], "tie_breaker": 0.7, "boost": 1.2}}
        {"indices": {"indices": ["a", "b"], "query": {"term": {"a": 1}}, "no_match_query": "none"}}
        {"indices": {"index": "a", "query": {"term": {"a": 1}}}}
        {"indices": {"indices": ["a-*"], "query": {"term": {"a": 1}}}}
        {"nested": {"path": "o", "query": {"text": {"o.a": "x"}}, "score_mode": "total"}}
        {"nested": {"path": "o", "query": {"match": {"o.a": "x"}}, "filter": {"exists": {"field": "o.b"}}}}
        {"span_near": {"clauses": [{"span_term": {"a": "x"}}, {"span_multi": {"match": {"prefix": {"a": "y"}}}}], "slop": 3, "in_order": false, "collect_payloads": false}}
        {"span_first": {"match": {"spanTerm": {"a": {"term": "x"}}}, "end": 3}}
        {"span_not": {"include": {"span_term": {"a": "x"}}, "exclude": {"span_or": {"clauses": [{"span_term": {"a": "y"}}]}}}}
        {"field_masking_span": {"query": {"span_term": {"a": "x"}}, "field": "b"}}
        {"template": {"query": {"match_{{t}}": {}}, "params": {"t": "all"}}}
        {"wrapper": {"query": "e30="}}
        {"flt": {"fields": ["a"], "like_text": "x"}}
        {"custom_score": {"query": {"match_all": {}}, "script": "1"}}
        {}
        {"match_all": {}, "term": {"a": 1}}
        {"mach": {"a": 1}}
        5
    "#;
    insta::assert_snapshot!(queries(&plain(), lines), @r#"
    {"bool":{"must":[{"text":{"a":"x"}}],"should":{"term":{"b":1}},"minimum_number_should_match":1,"disable_coord":true}}
      {"bool":{"must":[{"match":{"a":"x"}}],"should":{"term":{"b":1}},"minimum_should_match":1}}
      by bool_option, coordination, old_name
    {"boosting":{"positive":{"term":{"a":1}},"negative":{"text":{"a":"x"}},"negative_boost":0.2}}
      {"boosting":{"positive":{"term":{"a":1}},"negative":{"match":{"a":"x"}},"negative_boost":0.2}}
      by old_name
    {"dis_max":{"queries":[{"text":{"a":"x"}}],"tie_breaker":0.7,"boost":1.2}}
      {"dis_max":{"queries":[{"match":{"a":"x"}}],"tie_breaker":0.7,"boost":1.2}}
      by old_name
    {"indices":{"indices":["a","b"],"query":{"term":{"a":1}},"no_match_query":"none"}}
      {"bool":{"should":[{"bool":{"must":[{"term":{"a":1}}],"filter":[{"terms":{"_index":["a","b"]}}]}},{"bool":{"must":[{"match_none":{}}],"must_not":[{"terms":{"_index":["a","b"]}}]}}],"minimum_should_match":1}}
      by index_elsewhere, indices_query
    {"indices":{"index":"a","query":{"term":{"a":1}}}}
      {"bool":{"should":[{"bool":{"must":[{"term":{"a":1}}],"filter":[{"terms":{"_index":["a"]}}]}},{"bool":{"must":[{"match_all":{}}],"must_not":[{"terms":{"_index":["a"]}}]}}],"minimum_should_match":1}}
      by index_elsewhere, indices_query
    {"indices":{"indices":["a-*"],"query":{"term":{"a":1}}}}
      the same
      refused query.indices: `_index` is compared with whole names (indices_pattern)
    {"nested":{"path":"o","query":{"text":{"o.a":"x"}},"score_mode":"total"}}
      {"nested":{"path":"o","query":{"match":{"o.a":"x"}},"score_mode":"sum"}}
      by old_name, nested_score
    {"nested":{"path":"o","query":{"match":{"o.a":"x"}},"filter":{"exists":{"field":"o.b"}}}}
      the same
      refused query.nested.filter: `query` and `filter` stand side by side; the source reads only one of them (malformed)
      refused query.nested.filter: `nested` has no option `filter` on the target (unknown_option)
    {"span_near":{"clauses":[{"span_term":{"a":"x"}},{"span_multi":{"match":{"prefix":{"a":"y"}}}}],"slop":3,"in_order":false,"collect_payloads":false}}
      {"span_near":{"clauses":[{"span_term":{"a":"x"}},{"span_multi":{"match":{"prefix":{"a":"y"}}}}],"slop":3,"in_order":false}}
      by span_payloads
    {"span_first":{"match":{"spanTerm":{"a":{"term":"x"}}},"end":3}}
      {"span_first":{"match":{"span_term":{"a":{"value":"x"}}},"end":3}}
      by camel_case, term_value
    {"span_not":{"include":{"span_term":{"a":"x"}},"exclude":{"span_or":{"clauses":[{"span_term":{"a":"y"}}]}}}}
      the same
    {"field_masking_span":{"query":{"span_term":{"a":"x"}},"field":"b"}}
      the same
    {"template":{"query":{"match_{{t}}":{}},"params":{"t":"all"}}}
      the same
      refused query.template: templates cannot be part of a query (template_query)
    {"wrapper":{"query":"e30="}}
      the same
      refused query.wrapper: what an encoded query says is not looked into (wrapper_query)
    {"flt":{"fields":["a"],"like_text":"x"}}
      the same
      refused query.flt: the query is gone since 2.0 (fuzzy_like_this)
    {"custom_score":{"query":{"match_all":{}},"script":"1"}}
      the same
      refused query.custom_score: the query is gone since 1.0 (custom_score)
    {}
      {"match_all":{}}
      by empty_query
    {"match_all":{},"term":{"a":1}}
      the same
      refused query: one query is expected, here are `match_all` and `term` (malformed)
    {"mach":{"a":1}}
      the same
      refused query.mach: the target does not know the query `mach`; did you mean `match`? (unknown_query)
    5
      the same
      refused query: this is not the form of such a query or part (malformed)
    "#);
}

#[test]
fn scoring_functions_keep_their_form_and_scripts_their_language() {
    let lines = r#"
        {"function_score": {"query": {"match": {"a": "x"}}, "functions": [{"filter": {"and": [{"term": {"b": 1}}]}, "boost_factor": 3}, {"gauss": {"n": {"origin": 10, "scale": 5}}}], "score_mode": "first", "boost_mode": "sum", "max_boost": 10}}
        {"function_score": {"filter": {"term": {"a": 1}}, "boost_factor": 2}}
        {"function_score": {"query": {"match": {"a": "x"}}, "filter": {"term": {"a": 1}}, "field_value_factor": {"field": "n", "factor": 1.2, "modifier": "sqrt"}}}
        {"function_score": {"random_score": {"seed": 7}}}
        {"function_score": {"script_score": {"script": "_score * doc['n'].value"}}}
        {"function_score": {"script_score": {"script": "_score * doc['n'].value", "lang": "expression", "params": {"p": 1}}}}
        {"function_score": {"script_score": {"script_id": "boost", "params": {"p": 1}}}}
        {"function_score": {"functions": [{"odd": {}}]}}
        {"function_score": {"functions": {}}}
    "#;
    insta::assert_snapshot!(queries(&plain(), lines), @r#"
    {"function_score":{"query":{"match":{"a":"x"}},"functions":[{"filter":{"and":[{"term":{"b":1}}]},"boost_factor":3},{"gauss":{"n":{"origin":10,"scale":5}}}],"score_mode":"first","boost_mode":"sum","max_boost":10}}
      {"function_score":{"query":{"match":{"a":"x"}},"functions":[{"filter":{"bool":{"filter":[{"term":{"b":1}}]}},"weight":3},{"gauss":{"n":{"origin":10,"scale":5}}}],"score_mode":"first","boost_mode":"sum","max_boost":10}}
      by and_filter, score_boost
    {"function_score":{"filter":{"term":{"a":1}},"boost_factor":2}}
      {"function_score":{"query":{"constant_score":{"filter":{"term":{"a":1}}}},"weight":2}}
      by score_filter, score_boost
    {"function_score":{"query":{"match":{"a":"x"}},"filter":{"term":{"a":1}},"field_value_factor":{"field":"n","factor":1.2,"modifier":"sqrt"}}}
      {"function_score":{"query":{"bool":{"must":[{"match":{"a":"x"}}],"filter":[{"term":{"a":1}}]}},"field_value_factor":{"field":"n","factor":1.2,"modifier":"sqrt"}}}
      by score_filter
    {"function_score":{"random_score":{"seed":7}}}
      {"function_score":{"random_score":{"seed":7,"field":"_seq_no"}}}
      by score_random
    {"function_score":{"script_score":{"script":"_score * doc['n'].value"}}}
      the same
      refused query.function_score.script_score.script: the script is written in groovy; 6.8.23 runs painless and expressions (script_language)
    {"function_score":{"script_score":{"script":"_score * doc['n'].value","lang":"expression","params":{"p":1}}}}
      {"function_score":{"script_score":{"script":{"source":"_score * doc['n'].value","lang":"expression","params":{"p":1}}}}}
      by script_form
    {"function_score":{"script_score":{"script_id":"boost","params":{"p":1}}}}
      {"function_score":{"script_score":{"script":{"id":"boost","params":{"p":1}}}}}
      by script_stored
    {"function_score":{"functions":[{"odd":{}}]}}
      the same
      refused query.function_score.functions[0].odd: the target has no scoring function `odd` (unknown_option)
    {"function_score":{"functions":{}}}
      the same
      refused query.function_score.functions: this is not the form of such a query or part (malformed)
    "#);
}

#[test]
fn more_like_this_has_one_list_of_what_documents_shall_be_like() {
    let lines = r#"
        {"more_like_this": {"fields": ["a"], "like_text": "x y", "percent_terms_to_match": 0.4, "min_word_len": 2}}
        {"mlt": {"fields": ["a"], "ids": ["1", "2"], "docs": [{"_index": "i", "_type": "t", "_id": "3"}]}}
        {"mlt_field": {"a": {"like_text": "x y", "min_term_freq": 1}}}
        {"more_like_this": {"like": "x"}}
    "#;
    insta::assert_snapshot!(queries(&plain(), lines), @r#"
    {"more_like_this":{"fields":["a"],"like_text":"x y","percent_terms_to_match":0.4,"min_word_len":2}}
      {"more_like_this":{"fields":["a"],"minimum_should_match":"40%","min_word_length":2,"like":"x y"}}
      by more_like_option, more_like_text
    {"mlt":{"fields":["a"],"ids":["1","2"],"docs":[{"_index":"i","_type":"t","_id":"3"}]}}
      {"more_like_this":{"fields":["a"],"like":[{"_index":"i","_type":"_doc","_id":"3"},{"_id":"1"},{"_id":"2"}]}}
      by old_name, index_elsewhere, terms_lookup, more_like_text
    {"mlt_field":{"a":{"like_text":"x y","min_term_freq":1}}}
      {"more_like_this":{"min_term_freq":1,"fields":["a"],"like":"x y"}}
      by more_like_text, more_like_field
    {"more_like_this":{"like":"x"}}
      the same
      by all_field
    "#);
}

#[test]
fn from_7_0_on_a_filter_says_how_many_of_should_have_to_match() {
    let later = Context::new(NEW, Version::new(7, 17, 9));
    let lines = r#"
        {"constant_score": {"filter": {"bool": {"must": {"term": {"a": 1}}, "should": [{"term": {"b": 2}}]}}}}
        {"bool": {"must": {"term": {"a": 1}}, "should": [{"term": {"b": 2}}]}}
    "#;
    insta::assert_snapshot!(queries(&later, lines), @r#"
    {"constant_score":{"filter":{"bool":{"must":{"term":{"a":1}},"should":[{"term":{"b":2}}]}}}}
      {"constant_score":{"filter":{"bool":{"must":{"term":{"a":1}},"should":[{"term":{"b":2}}],"minimum_should_match":1}}}}
      by bool_should_later
    {"bool":{"must":{"term":{"a":1}},"should":[{"term":{"b":2}}]}}
      the same
    "#);
}
