//! The parts of a search besides its query.

use super::{OLD, Value, bodies, json, plain, rewrite_request, rewrite_search};

#[test]
fn what_a_hit_shows_comes_from_its_source() {
    let lines = r#"
        {"fields": ["title", "user.name"]}
        {"fields": "title", "_source": ["user"]}
        {"fields": ["title"], "_source": {"include": ["user"], "exclude": ["x"]}}
        {"fields": ["title", "_source"]}
        {"fields": []}
        {"fields": ["_source", "_timestamp"]}
        {"fields": ["title", "_ttl"]}
        {"fields": ["*"]}
        {"fielddata_fields": ["n"]}
        {"partial_fields": {"p": {"include": "user.*", "exclude": "user.id"}}}
        {"partial_fields": {"p": {"include": "a"}, "q": {"include": "b"}}}
        {"_source": {"include": "a", "excludes": ["b"]}}
        {"script_fields": {"twice": {"script": "doc['n'].value * 2", "lang": "expression"}, "odd": {"script": "1"}}}
    "#;
    insta::assert_snapshot!(bodies(&plain(), lines), @r#"
    {"fields":["title","user.name"]}
      {"_source":["title","user.name"]}
      by fields_source
    {"fields":"title","_source":["user"]}
      {"_source":["user","title"]}
      by fields_source
    {"fields":["title"],"_source":{"include":["user"],"exclude":["x"]}}
      {"_source":{"includes":["user","title"],"excludes":["x"]}}
      by source_filter, fields_source
    {"fields":["title","_source"]}
      {"_source":true}
      by fields_source
    {"fields":[]}
      {"stored_fields":[]}
      by fields_stored
    {"fields":["_source","_timestamp"]}
      {}
      by fields_stored
      refused fields: the target has no field `_timestamp` (meta_field)
    {"fields":["title","_ttl"]}
      {"_source":["title"]}
      by fields_source
      refused fields: the target has no field `_ttl` (meta_field)
    {"fields":["*"]}
      {}
      by fields_stored
    {"fielddata_fields":["n"]}
      {"docvalue_fields":["n"]}
      by fielddata_fields
    {"partial_fields":{"p":{"include":"user.*","exclude":"user.id"}}}
      {"_source":{"includes":"user.*","excludes":"user.id"}}
      by source_filter, partial_fields
    {"partial_fields":{"p":{"include":"a"},"q":{"include":"b"}}}
      the same
      refused partial_fields: a hit has one `_source` (partial_several)
    {"_source":{"include":"a","excludes":["b"]}}
      {"_source":{"excludes":["b"],"includes":"a"}}
      by source_filter
    {"script_fields":{"twice":{"script":"doc['n'].value * 2","lang":"expression"},"odd":{"script":"1"}}}
      {"script_fields":{"twice":{"script":{"source":"doc['n'].value * 2","lang":"expression"}},"odd":{"script":"1"}}}
      by script_form
      refused script_fields.odd.script: the script is written in groovy; 6.8.23 runs painless and expressions (script_language)
    "#);
}

#[test]
fn sorts_have_one_spelling() {
    let lines = r#"
        {"sort": "n"}
        {"sort": [{"n": {"order": "desc", "ignore_unmapped": true, "missing": "_last"}}, "_score", {"m": "asc"}]}
        {"sort": {"n": {"ignore_unmapped": false, "reverse": true}}}
        {"sort": [{"o.n": {"order": "asc", "mode": "min", "nested_path": "o", "nested_filter": {"and": [{"term": {"o.a": 1}}]}}}]}
        {"sort": [{"o.n": {"nested_filter": {"term": {"o.a": 1}}}}]}
        {"sort": [{"_geo_distance": {"place": [-70, 40], "order": "asc", "unit": "km", "distance_type": "sloppy_arc", "normalize": false}}]}
        {"sort": [{"_script": {"script": "doc['n'].value", "type": "number", "order": "asc"}}]}
        {"sort": [{"_script": {"script": "doc['n'].value", "type": "number", "lang": "painless"}}]}
        {"sort": ["_timestamp"]}
        {"sort": [{"n": {"odd": 1}}]}
        {"sort": 5}
    "#;
    insta::assert_snapshot!(bodies(&plain(), lines), @r#"
    {"sort":"n"}
      the same
    {"sort":[{"n":{"order":"desc","ignore_unmapped":true,"missing":"_last"}},"_score",{"m":"asc"}]}
      {"sort":[{"n":{"order":"desc","missing":"_last","unmapped_type":"long"}},"_score",{"m":"asc"}]}
      by sort_unmapped
    {"sort":{"n":{"ignore_unmapped":false,"reverse":true}}}
      {"sort":{"n":{"order":"desc"}}}
      by sort_unmapped, sort_reverse
    {"sort":[{"o.n":{"order":"asc","mode":"min","nested_path":"o","nested_filter":{"and":[{"term":{"o.a":1}}]}}}]}
      {"sort":[{"o.n":{"order":"asc","mode":"min","nested":{"path":"o","filter":{"bool":{"filter":[{"term":{"o.a":1}}]}}}}}]}
      by and_filter, sort_nested
    {"sort":[{"o.n":{"nested_filter":{"term":{"o.a":1}}}}]}
      {"sort":[{"o.n":{"nested":{"filter":{"term":{"o.a":1}}}}}]}
      by sort_nested
      refused sort[0].o.n: `nested_filter` needs `nested_path` on the target (malformed)
    {"sort":[{"_geo_distance":{"place":[-70,40],"order":"asc","unit":"km","distance_type":"sloppy_arc","normalize":false}}]}
      {"sort":[{"_geo_distance":{"place":[-70,40],"order":"asc","unit":"km","distance_type":"arc"}}]}
      by geo_option, geo_validation
    {"sort":[{"_script":{"script":"doc['n'].value","type":"number","order":"asc"}}]}
      the same
      refused sort[0]._script.script: the script is written in groovy; 6.8.23 runs painless and expressions (script_language)
    {"sort":[{"_script":{"script":"doc['n'].value","type":"number","lang":"painless"}}]}
      {"sort":[{"_script":{"script":{"source":"doc['n'].value","lang":"painless"},"type":"number"}}]}
      by script_form
    {"sort":["_timestamp"]}
      the same
      refused sort[0]: the target has no field `_timestamp` (meta_field)
    {"sort":[{"n":{"odd":1}}]}
      the same
      refused sort[0].n.odd: `sort` has no option `odd` on the target (unknown_option)
    {"sort":5}
      the same
      refused sort: this is not the form of such a query or part (malformed)
    "#);
}

#[test]
fn aggregations_keep_their_answers() {
    let lines = r#"
        {"aggs": {"a": {"terms": {"field": "k", "size": 0, "order": {"_term": "asc"}, "execution_hint": "ordinals"}, "aggs": {"m": {"max": {"field": "n"}}}}}}
        {"aggs": {"a": {"terms": {"field": "k", "include": "x.*", "exclude": {"pattern": "y", "flags": "CASE_INSENSITIVE"}}}}}
        {"aggs": {"a": {"terms": {"field": "k", "include": {"pattern": "x.*"}, "order": [{"m": "desc"}, {"_term": "asc"}]}}}}
        {"aggs": {"a": {"filter": {"and": [{"term": {"a": 1}}]}}, "b": {"filters": {"filters": {"x": {"missing": {"field": "c"}}}}}, "c": {"filters": {"filters": [{"limit": {"value": 1}}]}}}}
        {"aggs": {"a": {"histogram": {"field": "n", "interval": 5}}}}
        {"aggs": {"a": {"histogram": {"field": "n", "interval": 5, "min_doc_count": 0, "pre_offset": -2, "post_offset": 2}}}}
        {"aggs": {"a": {"date_histogram": {"field": "d", "interval": "1.5h", "pre_zone": -2, "order": {"_time": "desc"}}}}}
        {"aggs": {"a": {"date_histogram": {"field": "d", "interval": "day", "pre_zone": "+01:00", "post_zone": "+00:00", "pre_zone_adjust_large_interval": true, "min_doc_count": 1}}}}
        {"aggs": {"a": {"date_histogram": {"field": "d", "interval": "day", "post_zone": "+01:00"}}}}
        {"aggs": {"a": {"percentiles": {"field": "n", "percents": [50], "compression": 200, "estimator": "tdigest"}}}}
        {"aggs": {"a": {"cardinality": {"field": "k", "rehash": false, "precision_threshold": 100}}}}
        {"aggs": {"a": {"significantTerms": {"field": "k", "background_filter": {"not": {"term": {"a": 1}}}}}}}
        {"aggs": {"a": {"ipv4_range": {"field": "ip", "ranges": [{"mask": "10.0.0.0/8"}]}}}}
        {"aggs": {"a": {"geohash_grid": {"field": "place", "precision": 3, "size": 0}}}}
        {"aggs": {"a": {"geo_distance": {"field": "place", "origin": "1,2", "distance_type": "factor", "ranges": [{"to": 5}]}}}}
        {"aggs": {"a": {"top_hits": {"size": 1, "sort": [{"n": {"ignore_unmapped": true}}], "_source": {"include": ["t"]}}}}}
        {"aggs": {"a": {"nested": {"path": "o"}, "aggs": {"b": {"reverse_nested": {}}, "c": {"global": {}}}}}}
        {"aggs": {"a": {"avg": {"script": "doc['n'].value * 2"}}, "b": {"avg": {"field": "n", "script": "_value * f", "params": {"f": 2}, "lang": "expression"}}}}
        {"aggs": {"a": {"children": {"type": "b"}}}}
        {"aggs": {"a": {"scripted_metric": {"map_script": "1"}}}}
        {"aggs": {"a": {"terms": {"field": "_type", "odd": 1}}, "b": 5}}
        {"facets": {"f": {"terms": {"field": "k", "size": 5, "order": "term"}}, "g": {"statistical": {"field": "n"}}, "h": {"histogram": {"field": "n", "interval": 5}}}}
        {"facets": {"f": {"terms": {"fields": ["k", "l"]}}, "q": {"query": {"text": {"a": "x"}}}}, "aggs": {}}
    "#;
    insta::assert_snapshot!(bodies(&plain(), lines), @r#"
    {"aggs":{"a":{"terms":{"field":"k","size":0,"order":{"_term":"asc"},"execution_hint":"ordinals"},"aggs":{"m":{"max":{"field":"n"}}}}}}
      {"aggs":{"a":{"terms":{"field":"k","size":2147483647,"order":{"_key":"asc"}},"aggs":{"m":{"max":{"field":"n"}}}}}}
      by agg_order, agg_size_all, agg_hint
    {"aggs":{"a":{"terms":{"field":"k","include":"x.*","exclude":{"pattern":"y","flags":"CASE_INSENSITIVE"}}}}}
      the same
      by agg_regex
      refused aggs.a.terms.exclude: expressions have no flags any more (regex_flags)
    {"aggs":{"a":{"terms":{"field":"k","include":{"pattern":"x.*"},"order":[{"m":"desc"},{"_term":"asc"}]}}}}
      {"aggs":{"a":{"terms":{"field":"k","include":"x.*","order":[{"m":"desc"},{"_key":"asc"}]}}}}
      by agg_order, agg_regex
    {"aggs":{"a":{"filter":{"and":[{"term":{"a":1}}]}},"b":{"filters":{"filters":{"x":{"missing":{"field":"c"}}}}},"c":{"filters":{"filters":[{"limit":{"value":1}}]}}}}
      {"aggs":{"a":{"filter":{"bool":{"filter":[{"term":{"a":1}}]}}},"b":{"filters":{"filters":{"x":{"bool":{"must_not":[{"exists":{"field":"c"}}]}}}}},"c":{"filters":{"filters":[{"match_all":{}}]}}}}
      by and_filter, missing_filter, limit_filter
    {"aggs":{"a":{"histogram":{"field":"n","interval":5}}}}
      {"aggs":{"a":{"histogram":{"field":"n","interval":5,"min_doc_count":1}}}}
      by agg_empty_buckets
    {"aggs":{"a":{"histogram":{"field":"n","interval":5,"min_doc_count":0,"pre_offset":-2,"post_offset":2}}}}
      {"aggs":{"a":{"histogram":{"field":"n","interval":5,"min_doc_count":0,"offset":2.0}}}}
      by agg_offset
    {"aggs":{"a":{"date_histogram":{"field":"d","interval":"1.5h","pre_zone":-2,"order":{"_time":"desc"}}}}}
      {"aggs":{"a":{"date_histogram":{"field":"d","interval":"90m","order":{"_key":"desc"},"time_zone":"-02:00","min_doc_count":1}}}}
      by agg_order, agg_zone, agg_empty_buckets, agg_interval
    {"aggs":{"a":{"date_histogram":{"field":"d","interval":"day","pre_zone":"+01:00","post_zone":"+00:00","pre_zone_adjust_large_interval":true,"min_doc_count":1}}}}
      {"aggs":{"a":{"date_histogram":{"field":"d","interval":"day","min_doc_count":1,"time_zone":"+01:00"}}}}
      by agg_zone
    {"aggs":{"a":{"date_histogram":{"field":"d","interval":"day","post_zone":"+01:00"}}}}
      the same
      refused aggs.a.date_histogram: keys of buckets are not shifted after rounding any more (histogram_shift)
    {"aggs":{"a":{"percentiles":{"field":"n","percents":[50],"compression":200,"estimator":"tdigest"}}}}
      {"aggs":{"a":{"percentiles":{"field":"n","percents":[50],"tdigest":{"compression":200}}}}}
      by agg_compression
    {"aggs":{"a":{"cardinality":{"field":"k","rehash":false,"precision_threshold":100}}}}
      {"aggs":{"a":{"cardinality":{"field":"k","precision_threshold":100}}}}
      by agg_rehash
    {"aggs":{"a":{"significantTerms":{"field":"k","background_filter":{"not":{"term":{"a":1}}}}}}}
      {"aggs":{"a":{"significant_terms":{"field":"k","background_filter":{"bool":{"must_not":[{"term":{"a":1}}]}}}}}}
      by agg_name, not_filter
    {"aggs":{"a":{"ipv4_range":{"field":"ip","ranges":[{"mask":"10.0.0.0/8"}]}}}}
      {"aggs":{"a":{"ip_range":{"field":"ip","ranges":[{"mask":"10.0.0.0/8"}]}}}}
      by agg_name, agg_addresses
    {"aggs":{"a":{"geohash_grid":{"field":"place","precision":3,"size":0}}}}
      {"aggs":{"a":{"geohash_grid":{"field":"place","precision":3,"size":2147483647}}}}
      by agg_size_all
    {"aggs":{"a":{"geo_distance":{"field":"place","origin":"1,2","distance_type":"factor","ranges":[{"to":5}]}}}}
      {"aggs":{"a":{"geo_distance":{"field":"place","origin":"1,2","distance_type":"plane","ranges":[{"to":5}]}}}}
      by geo_factor
    {"aggs":{"a":{"top_hits":{"size":1,"sort":[{"n":{"ignore_unmapped":true}}],"_source":{"include":["t"]}}}}}
      {"aggs":{"a":{"top_hits":{"size":1,"sort":[{"n":{"unmapped_type":"long"}}],"_source":{"includes":["t"]}}}}}
      by source_filter, sort_unmapped
    {"aggs":{"a":{"nested":{"path":"o"},"aggs":{"b":{"reverse_nested":{}},"c":{"global":{}}}}}}
      the same
    {"aggs":{"a":{"avg":{"script":"doc['n'].value * 2"}},"b":{"avg":{"field":"n","script":"_value * f","params":{"f":2},"lang":"expression"}}}}
      {"aggs":{"a":{"avg":{"script":"doc['n'].value * 2"}},"b":{"avg":{"field":"n","script":{"source":"_value * f","lang":"expression","params":{"f":2}}}}}}
      by script_form
      refused aggs.a.avg.script: the script is written in groovy; 6.8.23 runs painless and expressions (script_language)
    {"aggs":{"a":{"children":{"type":"b"}}}}
      the same
      refused aggs.a.children: the target's index has no join field (join_needed)
    {"aggs":{"a":{"scripted_metric":{"map_script":"1"}}}}
      the same
      refused aggs.a.scripted_metric: the aggregation `scripted_metric` is not known to the target, or not rewritten (unknown_aggregation)
    {"aggs":{"a":{"terms":{"field":"_type","odd":1}},"b":5}}
      the same
      refused aggs.a.terms.field: the target has no field `_type` (meta_field)
      refused aggs.a.terms.odd: `terms` has no option `odd` on the target (unknown_option)
      refused aggs.b: this is not the form of such a query or part (malformed)
    {"facets":{"f":{"terms":{"field":"k","size":5,"order":"term"}},"g":{"statistical":{"field":"n"}},"h":{"histogram":{"field":"n","interval":5}}}}
      {"aggs":{"f":{"terms":{"field":"k","size":5,"order":{"_key":"asc"}}},"g":{"extended_stats":{"field":"n"}},"h":{"histogram":{"field":"n","interval":5,"min_doc_count":1}}}}
      by facet, agg_order, agg_empty_buckets
    {"facets":{"f":{"terms":{"fields":["k","l"]}},"q":{"query":{"text":{"a":"x"}}}},"aggs":{}}
      {"aggs":{"q":{"filter":{"match":{"a":"x"}}}},"facets":{"f":{"terms":{"fields":["k","l"]}}}}
      by facet, old_name, query_filter
      refused facets.f: facets are gone since 2.0 (facets)
    "#);
}

#[test]
fn the_other_parts_are_rewritten_or_named() {
    let lines = r#"
        {"highlight": {"fields": {"a": {"type": "postings"}, "_all": {}}}}
        {"highlight": {"fields": {"a": {"type": "plain"}}, "require_field_match": true}, "query": {"filtered": {"filter": {"term": {"a": "x"}}}}}
        {"highlight": {"fields": {"a": {"type": "plain"}}, "require_field_match": true, "highlight_filter": true}, "query": {"match": {"a": "x"}}}
        {"highlight": {"fields": [{"a": {"fragment_size": 5}}], "type": "fast-vector-highlighter", "highlight_query": {"text": {"a": "x"}}, "require_field_match": true}}
        {"highlight": {"fields": {"a": {"odd": 1}}, "type": "plain", "require_field_match": true}}
        {"suggest": {"text": "x", "s": {"term": {"field": "a", "min_word_len": 2}}}}
        {"suggest": {"s": {"text": "x", "completion": {"field": "c", "fuzzy": {"edit_distance": 2}, "context": {"k": "v"}}}}}
        {"suggest": {"s": {"text": "x", "phrase": {"field": "a", "collate": {"query": {"match": {"a": "{{suggestion}}"}}}}}}}
        {"suggest": {"s": {"text": "x", "odd": {}}}}
        {"rescore": {"window_size": 50, "query": {"rescore_query": {"text": {"a": "x"}}, "query_weight": 0.7}}}
        {"rescore": [{"window_size": 50, "query": {"rescoreQuery": {"match": {"a": "x"}}}}]}
        {"timeout": 500, "indices_boost": {"a": 2, "b": 1}, "explain": true, "version": true, "min_score": 0.5, "track_scores": true}
        {"from": 9990, "size": 20}
        {"size": 20000}
        {"aggs": {"a": {"top_hits": {"size": 101}}}}
        {"rescore": {"window_size": 20000, "query": {"rescore_query": {"match_all": {}}}}}
        {"size": -1}
        {"qeury": {}}
        {"query": {}}
        5
    "#;
    insta::assert_snapshot!(bodies(&plain(), lines), @r#"
    {"highlight":{"fields":{"a":{"type":"postings"},"_all":{}}}}
      {"highlight":{"fields":{"a":{"type":"unified"},"*":{}},"require_field_match":false}}
      by highlight_match, highlight_default, highlight_type, all_field
    {"highlight":{"fields":{"a":{"type":"plain"}},"require_field_match":true},"query":{"filtered":{"filter":{"term":{"a":"x"}}}}}
      {"highlight":{"fields":{"a":{"type":"plain"}},"require_field_match":true},"query":{"constant_score":{"filter":{"term":{"a":"x"}}}}}
      by highlight_filter, filtered
    {"highlight":{"fields":{"a":{"type":"plain"}},"require_field_match":true,"highlight_filter":true},"query":{"match":{"a":"x"}}}
      {"highlight":{"fields":{"a":{"type":"plain"}},"require_field_match":true},"query":{"match":{"a":"x"}}}
      by highlight_filter
    {"highlight":{"fields":[{"a":{"fragment_size":5}}],"type":"fast-vector-highlighter","highlight_query":{"text":{"a":"x"}},"require_field_match":true}}
      {"highlight":{"fields":[{"a":{"fragment_size":5}}],"type":"fvh","highlight_query":{"match":{"a":"x"}},"require_field_match":true}}
      by highlight_type, old_name
    {"highlight":{"fields":{"a":{"odd":1}},"type":"plain","require_field_match":true}}
      the same
      refused highlight.fields.a.odd: `highlight` has no option `odd` on the target (unknown_option)
    {"suggest":{"text":"x","s":{"term":{"field":"a","min_word_len":2}}}}
      {"suggest":{"text":"x","s":{"term":{"field":"a","min_word_length":2}}}}
      by suggest_fuzzy
    {"suggest":{"s":{"text":"x","completion":{"field":"c","fuzzy":{"edit_distance":2},"context":{"k":"v"}}}}}
      {"suggest":{"s":{"text":"x","completion":{"field":"c","fuzzy":{"fuzziness":2},"contexts":{"k":"v"}}}}}
      by suggest_fuzzy, suggest_context, suggest_completion
    {"suggest":{"s":{"text":"x","phrase":{"field":"a","collate":{"query":{"match":{"a":"{{suggestion}}"}}}}}}}
      the same
      refused suggest.s.phrase.collate: its query is a template, which is not looked into (suggest_collate)
    {"suggest":{"s":{"text":"x","odd":{}}}}
      the same
      refused suggest.s.odd: the target has no suggester `odd` (unknown_option)
    {"rescore":{"window_size":50,"query":{"rescore_query":{"text":{"a":"x"}},"query_weight":0.7}}}
      {"rescore":{"window_size":50,"query":{"rescore_query":{"match":{"a":"x"}},"query_weight":0.7}}}
      by old_name
    {"rescore":[{"window_size":50,"query":{"rescoreQuery":{"match":{"a":"x"}}}}]}
      {"rescore":[{"window_size":50,"query":{"rescore_query":{"match":{"a":"x"}}}}]}
      by camel_case
    {"timeout":500,"indices_boost":{"a":2,"b":1},"explain":true,"version":true,"min_score":0.5,"track_scores":true}
      {"timeout":"500ms","indices_boost":[{"a":2},{"b":1}],"explain":true,"version":true,"min_score":0.5,"track_scores":true}
      by timeout_unit, min_score, index_elsewhere, indices_boost
    {"from":9990,"size":20}
      the same
      refused from: the window ends at 10010; the target takes 10000 (`index.max_result_window`) (result_window)
    {"size":20000}
      the same
      refused size: the window ends at 20000; the target takes 10000 (`index.max_result_window`) (result_window)
    {"aggs":{"a":{"top_hits":{"size":101}}}}
      the same
      refused aggs.a.top_hits.size: the window ends at 101; the target takes 100 (`index.max_inner_result_window`) (result_window)
    {"rescore":{"window_size":20000,"query":{"rescore_query":{"match_all":{}}}}}
      the same
      refused rescore.window_size: `window_size` is 20000; the target takes 10000 (`index.max_rescore_window`) (over_limit)
    {"size":-1}
      the same
      refused size: `size` is a number from 0 on (malformed)
    {"qeury":{}}
      the same
      refused qeury: the target has no part `qeury` in a search; did you mean `query`? (unknown_part)
    {"query":{}}
      {"query":{"match_all":{}}}
      by empty_query
    5
      the same
      refused the search: this is not the form of such a query or part (malformed)
    "#);
}

#[test]
fn parameters_move_into_the_body() {
    let of = |text: &str, body: Value| {
        let given: Vec<(String, String)> = text
            .split('&')
            .map(|pair| {
                pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap()
            })
            .collect();
        let (rewritten, left) = rewrite_request(&given, &body, &plain());
        let rules: Vec<&str> = rewritten.report.changes.iter().map(|change| change.rule).collect();
        let refused: Vec<String> =
            rewritten.refused.iter().map(|refused| format!("{} {}", refused.path, refused.what)).collect();
        format!("{} {left:?} by {rules:?} refused {refused:?}\n", rewritten.body)
    };
    let told = [
        of("search_type=count&routing=7", json!({"query": {"match_all": {}}})),
        of("search_type=scan&scroll=1m", Value::Null),
        of("search_type=dfs_query_and_fetch&fields=a,b&q=x", Value::Null),
        of("_source_include=a&query_cache=true&operation_threading=no&odd=1", json!({})),
    ];
    insta::assert_snapshot!(told.concat(), @r#"
    {"query":{"match_all":{}},"size":0} [("routing", "7")] by ["search_type_count"] refused []
    {"sort":["_doc"]} [("scroll", "1m")] by ["search_type_scan"] refused []
    {"query":{"query_string":{"query":"x"}},"_source":["a","b"]} [("search_type", "dfs_query_then_fetch")] by ["search_type_fetch", "parameter_moved", "parameter_moved", "all_field", "fields_source"] refused []
    {} [("_source_includes", "a"), ("request_cache", "true"), ("odd", "1")] by ["parameter_renamed", "parameter_gone", "parameter_gone"] refused ["url.odd unknown_parameter"]
    "#);
}

#[test]
fn what_is_more_than_a_target_takes_is_refused() {
    let many = |count: usize| vec![json!({"term": {"a": 1}}); count];
    let refused = |body: Value| {
        let rewritten = rewrite_search(&body, &plain());
        let told = rewritten.refused.iter().map(|refused| format!("{}: {}\n", refused.path, refused.why));
        told.collect::<String>()
    };
    assert_eq!(refused(json!({"filter": {"or": many(1024)}, "docvalue_fields": vec!["a"; 100]})), "");
    let told = [
        refused(json!({"filter": {"or": many(1025)}})),
        refused(json!({"query": {"bool": {"should": many(1000), "must_not": many(25)}}})),
        refused(json!({"filter": {"terms": {"a": vec![1; 2000], "execution": "and"}}})),
        refused(json!({"fielddata_fields": vec!["a"; 101]})),
    ];
    insta::assert_snapshot!(told.concat(), @r"
    filter.or: the number of clauses is 1025; the target takes 1024 (`indices.query.bool.max_clause_count`)
    query.bool: the number of clauses is 1025; the target takes 1024 (`indices.query.bool.max_clause_count`)
    filter.terms: the number of clauses is 2000; the target takes 1024 (`indices.query.bool.max_clause_count`)
    docvalue_fields: the number of fields is 101; the target takes 100 (`index.max_docvalue_fields_search`)
    ");
}

#[test]
fn targets_before_6_are_refused_as_a_whole() {
    let mut context = plain();
    context.to = OLD;
    insta::assert_snapshot!(bodies(&context, r#"{"query": {"filtered": {}}}"#), @r#"
    {"query":{"filtered":{}}}
      the same
      refused the search: searches are rewritten for 6.0 and later, the target is 1.7.6 (target_version)
    "#);
}
