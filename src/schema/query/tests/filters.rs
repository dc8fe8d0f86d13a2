//! Filters of 1.x and 2.x.

use super::{bodies, filters, plain, queries};

#[test]
fn and_or_and_not_become_bool_in_every_form_that_they_are_written_in() {
    let lines = r#"
        {"and": [{"term": {"a": 1}}, {"term": {"b": 2}}]}
        {"and": {"filters": [{"term": {"a": 1}}], "_cache": true, "_cache_key": "k", "_name": "both"}}
        {"and": {"term": {"a": 1}}}
        {"or": [{"term": {"a": 1}}, {"not": {"term": {"b": 2}}}]}
        {"or": {"filters": [{"term": {"a": 1}}], "_cache": false}}
        {"or": []}
        {"not": {"filter": {"term": {"a": 1}}, "_cache": true}}
        {"not": {"query": {"match": {"a": "x"}}}}
        {"not": {"exists": {"field": "a"}, "_name": "n"}}
        {"and": 5}
        {"and": {"filters": [], "more": 1}}
        [{"term": {"a": 1}}, {"term": {"b": 2}}]
    "#;
    insta::assert_snapshot!(filters(&plain(), lines), @r#"
    {"and":[{"term":{"a":1}},{"term":{"b":2}}]}
      {"bool":{"filter":[{"term":{"a":1}},{"term":{"b":2}}]}}
      by and_filter
    {"and":{"filters":[{"term":{"a":1}}],"_cache":true,"_cache_key":"k","_name":"both"}}
      {"bool":{"filter":[{"term":{"a":1}}],"_name":"both"}}
      by filter_cache, and_filter
    {"and":{"term":{"a":1}}}
      {"bool":{"filter":[{"term":{"a":1}}]}}
      by and_filter
    {"or":[{"term":{"a":1}},{"not":{"term":{"b":2}}}]}
      {"bool":{"should":[{"term":{"a":1}},{"bool":{"must_not":[{"term":{"b":2}}]}}]}}
      by not_filter, or_filter
    {"or":{"filters":[{"term":{"a":1}}],"_cache":false}}
      {"bool":{"should":[{"term":{"a":1}}]}}
      by filter_cache, or_filter
    {"or":[]}
      the same
      refused post_filter.or: this is not the form of such a query or part (malformed)
    {"not":{"filter":{"term":{"a":1}},"_cache":true}}
      {"bool":{"must_not":[{"term":{"a":1}}]}}
      by filter_cache, not_filter
    {"not":{"query":{"match":{"a":"x"}}}}
      {"bool":{"must_not":[{"match":{"a":"x"}}]}}
      by query_filter, not_filter
    {"not":{"exists":{"field":"a"},"_name":"n"}}
      {"bool":{"must_not":[{"exists":{"field":"a"}}],"_name":"n"}}
      by not_filter
    {"and":5}
      the same
      refused post_filter.and: this is not the form of such a query or part (malformed)
    {"and":{"filters":[],"more":1}}
      the same
      refused post_filter.and.more: `and` has no option `more` (unknown_option)
    [{"term":{"a":1}},{"term":{"b":2}}]
      {"bool":{"filter":[{"term":{"a":1}},{"term":{"b":2}}]}}
      by filter_list
    "#);
}

#[test]
fn filtered_becomes_bool_and_keeps_what_it_scored() {
    let lines = r#"
        {"filtered": {"query": {"match": {"a": "x"}}, "filter": {"term": {"b": 2, "_cache": false}}}}
        {"filtered": {"filter": {"term": {"b": 2}}}}
        {"filtered": {"query": {"match": {"a": "x"}}, "boost": 2}}
        {"filtered": {"query": {"match": {"a": "x"}}}}
        {"filtered": {"query": {"match_all": {}}, "filter": {"term": {"b": 2}}, "strategy": "leap_frog"}}
        {"filtered": {}}
        {"filtered": {"filters": []}}
        {"constant_score": {"query": {"match": {"a": "x"}}, "boost": 3}}
        {"constant_score": {"filter": {"filtered": {"filter": {"term": {"a": 1}}}}}}
    "#;
    insta::assert_snapshot!(queries(&plain(), lines), @r#"
    {"filtered":{"query":{"match":{"a":"x"}},"filter":{"term":{"b":2,"_cache":false}}}}
      {"bool":{"must":[{"match":{"a":"x"}}],"filter":[{"term":{"b":2}}]}}
      by filter_cache, filtered
    {"filtered":{"filter":{"term":{"b":2}}}}
      {"constant_score":{"filter":{"term":{"b":2}}}}
      by filtered
    {"filtered":{"query":{"match":{"a":"x"}},"boost":2}}
      {"bool":{"must":[{"match":{"a":"x"}}],"boost":2}}
      by filtered
    {"filtered":{"query":{"match":{"a":"x"}}}}
      {"match":{"a":"x"}}
      by filtered
    {"filtered":{"query":{"match_all":{}},"filter":{"term":{"b":2}},"strategy":"leap_frog"}}
      {"bool":{"must":[{"match_all":{}}],"filter":[{"term":{"b":2}}]}}
      by filtered_strategy, filtered
    {"filtered":{}}
      {"match_all":{}}
      by filtered
    {"filtered":{"filters":[]}}
      the same
      refused query.filtered.filters: `filtered` has no option `filters` (unknown_option)
    {"constant_score":{"query":{"match":{"a":"x"}},"boost":3}}
      {"constant_score":{"boost":3,"filter":{"match":{"a":"x"}}}}
      by query_filter
    {"constant_score":{"filter":{"filtered":{"filter":{"term":{"a":1}}}}}}
      {"constant_score":{"filter":{"term":{"a":1}}}}
      by filtered
    "#);
}

#[test]
fn filters_that_are_gone_become_what_they_meant() {
    let lines = r#"
        {"exists": {"field": "a"}}
        {"missing": {"field": "a"}}
        {"missing": {"field": "a", "existence": true, "null_value": true, "_name": "m"}}
        {"missing": {"field": "a", "existence": false, "null_value": true}}
        {"missing": {}}
        {"limit": {"value": 100}}
        {"numeric_range": {"n": {"from": 1, "to": 5, "include_upper": false}}}
        {"query": {"query_string": {"query": "x", "fields": ["a"]}}}
        {"fquery": {"query": {"match": {"a": "x"}}, "_cache": true}}
        {"fquery": {"query": {"match": {"a": "x"}}, "_name": "f"}}
        {"bool": {"must": {"term": {"a": 1}}, "should": [{"term": {"b": 2}}, {"term": {"b": 3}}]}}
        {"bool": {"must_not": {"missing": {"field": "a"}}, "_cache": true}}
        {"in": {"a": [1, 2]}}
        {"terms": {"a": [1, 2], "execution": "and"}}
        {"terms": {"a": [1, 2], "execution": "bool", "_name": "t"}}
        {"terms": {"a": {"index": "users", "type": "user", "id": "2", "path": "followers", "cache": false}}}
        {"term": {"a": "x", "_name": "t", "_cache": true}}
        {"term": {"index": "x", "_cache": false}}
        {"term": {"boost": 5}}
        {"range": {"n": {"gte": 1, "lt": 5}, "execution": "fielddata", "_cache": false}}
        {"prefix": {"a": "x", "_cache": true}}
        {"regexp": {"a": {"value": "x.*", "flags": "ALL"}, "_name": "r", "_cache_key": "k"}}
        {"nested": {"path": "o", "filter": {"term": {"o.a": 1}}, "join": false, "_cache": true}}
        {"script": {"script": "doc['n'].value > p", "params": {"p": 1}}}
        {"script": {"script": "doc['n'].value > p", "params": {"p": 1}, "lang": "painless"}}
        {"script": {"script_file": "big"}}
    "#;
    insta::assert_snapshot!(filters(&plain(), lines), @r#"
    {"exists":{"field":"a"}}
      the same
    {"missing":{"field":"a"}}
      {"bool":{"must_not":[{"exists":{"field":"a"}}]}}
      by missing_filter
    {"missing":{"field":"a","existence":true,"null_value":true,"_name":"m"}}
      {"bool":{"must_not":[{"exists":{"field":"a"}}],"_name":"m"}}
      by missing_nulls
    {"missing":{"field":"a","existence":false,"null_value":true}}
      the same
      refused post_filter.missing: explicit nulls are not told apart from absent fields (missing_null_only)
    {"missing":{}}
      the same
      refused post_filter.missing: this is not the form of such a query or part (malformed)
    {"limit":{"value":100}}
      {"match_all":{}}
      by limit_filter
    {"numeric_range":{"n":{"from":1,"to":5,"include_upper":false}}}
      {"range":{"n":{"gte":1,"lt":5}}}
      by range_bounds, numeric_range
    {"query":{"query_string":{"query":"x","fields":["a"]}}}
      {"query_string":{"query":"x","fields":["a"]}}
      by query_filter
    {"fquery":{"query":{"match":{"a":"x"}},"_cache":true}}
      {"match":{"a":"x"}}
      by filter_cache, query_filter
    {"fquery":{"query":{"match":{"a":"x"}},"_name":"f"}}
      {"bool":{"filter":[{"match":{"a":"x"}}],"_name":"f"}}
      by query_filter
    {"bool":{"must":{"term":{"a":1}},"should":[{"term":{"b":2}},{"term":{"b":3}}]}}
      {"bool":{"must":{"term":{"a":1}},"should":[{"term":{"b":2}},{"term":{"b":3}}],"minimum_should_match":1}}
      by bool_should
    {"bool":{"must_not":{"missing":{"field":"a"}},"_cache":true}}
      {"bool":{"must_not":{"bool":{"must_not":[{"exists":{"field":"a"}}]}}}}
      by missing_filter, filter_cache
    {"in":{"a":[1,2]}}
      {"terms":{"a":[1,2]}}
      by old_name
    {"terms":{"a":[1,2],"execution":"and"}}
      {"bool":{"filter":[{"term":{"a":1}},{"term":{"a":2}}]}}
      by terms_all
    {"terms":{"a":[1,2],"execution":"bool","_name":"t"}}
      {"terms":{"a":[1,2],"_name":"t"}}
      by terms_execution
    {"terms":{"a":{"index":"users","type":"user","id":"2","path":"followers","cache":false}}}
      {"terms":{"a":{"index":"users","type":"_doc","id":"2","path":"followers"}}}
      by filter_cache, index_elsewhere, terms_lookup
    {"term":{"a":"x","_name":"t","_cache":true}}
      {"term":{"a":{"value":"x","_name":"t"}}}
      by filter_cache, filter_name
    {"term":{"index":"x","_cache":false}}
      {"term":{"index":"x"}}
      by filter_cache
    {"term":{"boost":5}}
      the same
    {"range":{"n":{"gte":1,"lt":5},"execution":"fielddata","_cache":false}}
      {"range":{"n":{"gte":1,"lt":5}}}
      by filter_cache, range_execution
    {"prefix":{"a":"x","_cache":true}}
      {"prefix":{"a":"x"}}
      by filter_cache
    {"regexp":{"a":{"value":"x.*","flags":"ALL"},"_name":"r","_cache_key":"k"}}
      {"regexp":{"a":{"value":"x.*","flags":"ALL","_name":"r"}}}
      by filter_cache, filter_name
    {"nested":{"path":"o","filter":{"term":{"o.a":1}},"join":false,"_cache":true}}
      {"nested":{"path":"o","query":{"constant_score":{"filter":{"term":{"o.a":1}}}}}}
      by filter_cache, nested_join, nested_filter
    {"script":{"script":"doc['n'].value > p","params":{"p":1}}}
      the same
      refused post_filter.script.script: the script is written in groovy; 6.8.23 runs painless and expressions (script_language)
    {"script":{"script":"doc['n'].value > p","params":{"p":1},"lang":"painless"}}
      {"script":{"script":{"source":"doc['n'].value > p","lang":"painless","params":{"p":1}}}}
      by script_form
    {"script":{"script_file":"big"}}
      the same
      refused post_filter.script.script: scripts in files are gone since 6.0 (script_file)
    "#);
}

#[test]
fn places_keep_their_meaning_without_the_options_that_are_gone() {
    let lines = r#"
        {"geo_distance": {"distance": "12km", "place": {"lat": 40, "lon": -70}, "optimize_bbox": "memory", "distance_type": "sloppy_arc", "_cache": true}}
        {"geoDistance": {"distance": 12, "unit": "km", "homePlace": [-70, 40], "distanceType": "factor", "normalize": true}}
        {"geo_distance_range": {"from": "10km", "to": "20km", "place": "40,-70", "include_lower": true}}
        {"geo_distance_range": {"gte": "10km", "place": "40,-70", "_name": "far"}}
        {"geo_bbox": {"place": {"top_left": [-71, 41], "bottom_right": [-70, 40]}, "type": "indexed", "ignore_malformed": true}}
        {"geo_polygon": {"place": {"points": [[-70, 40], [-80, 30], [-90, 20]]}}}
        {"geo_shape": {"area": {"indexed_shape": {"id": "DE", "type": "countries", "index": "shapes", "shape_field_name": "area"}, "relation": "within"}}}
        {"geo_shape": {"area": {"shape": {"type": "point", "coordinates": [1, 2]}, "precision": 3}}}
        {"geohash_cell": {"place": "u30", "precision": 3}}
        {"geo_distance": {"distance": "12km"}}
    "#;
    insta::assert_snapshot!(filters(&plain(), lines), @r#"
    {"geo_distance":{"distance":"12km","place":{"lat":40,"lon":-70},"optimize_bbox":"memory","distance_type":"sloppy_arc","_cache":true}}
      {"geo_distance":{"distance":"12km","place":{"lat":40,"lon":-70},"distance_type":"arc"}}
      by filter_cache, geo_option
    {"geoDistance":{"distance":12,"unit":"km","homePlace":[-70,40],"distanceType":"factor","normalize":true}}
      {"geo_distance":{"distance":12,"unit":"km","homePlace":[-70,40],"distance_type":"plane","validation_method":"COERCE"}}
      by camel_case, geo_factor, geo_validation
    {"geo_distance_range":{"from":"10km","to":"20km","place":"40,-70","include_lower":true}}
      {"bool":{"filter":[{"geo_distance":{"place":"40,-70","distance":"20km"}}],"must_not":[{"geo_distance":{"place":"40,-70","distance":"10km"}}]}}
      by geo_range
    {"geo_distance_range":{"gte":"10km","place":"40,-70","_name":"far"}}
      {"bool":{"filter":[{"exists":{"field":"place"}}],"must_not":[{"geo_distance":{"place":"40,-70","distance":"10km"}}],"_name":"far"}}
      by geo_range
    {"geo_bbox":{"place":{"top_left":[-71,41],"bottom_right":[-70,40]},"type":"indexed","ignore_malformed":true}}
      {"geo_bounding_box":{"place":{"top_left":[-71,41],"bottom_right":[-70,40]},"type":"indexed","validation_method":"IGNORE_MALFORMED"}}
      by old_name, geo_validation
    {"geo_polygon":{"place":{"points":[[-70,40],[-80,30],[-90,20]]}}}
      the same
    {"geo_shape":{"area":{"indexed_shape":{"id":"DE","type":"countries","index":"shapes","shape_field_name":"area"},"relation":"within"}}}
      {"geo_shape":{"area":{"indexed_shape":{"id":"DE","type":"_doc","index":"shapes","path":"area"},"relation":"within"}}}
      by old_name, index_elsewhere, terms_lookup
    {"geo_shape":{"area":{"shape":{"type":"point","coordinates":[1,2]},"precision":3}}}
      the same
      refused post_filter.geo_shape.area.precision: `geo_shape` has no option `precision` on the target (unknown_option)
    {"geohash_cell":{"place":"u30","precision":3}}
      the same
      refused post_filter.geohash_cell: the query is gone since 6.0 (geohash_cell)
    {"geo_distance":{"distance":"12km"}}
      the same
      refused post_filter.geo_distance: one field is expected beside the options, here is none (malformed)
    "#);
}

#[test]
fn the_post_filter_has_its_new_name() {
    let lines = r#"
        {"filter": {"and": [{"term": {"a": 1}}]}}
        {"postFilter": {"term": {"a": 1}}}
    "#;
    insta::assert_snapshot!(bodies(&plain(), lines), @r#"
    {"filter":{"and":[{"term":{"a":1}}]}}
      {"post_filter":{"bool":{"filter":[{"term":{"a":1}}]}}}
      by and_filter, post_filter
    {"postFilter":{"term":{"a":1}}}
      {"post_filter":{"term":{"a":1}}}
      by camel_case
    "#);
}
