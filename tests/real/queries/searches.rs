//! Searches as they were written for 1.7, a line each.

/// Those that answer the same.
pub const SEARCHES: &str = r#"
    {"query": {"match_all": {}}, "from": 5, "size": 7, "sort": "n"}
    {"query": {"match": {"title": "red fox"}}}
    {"query": {"match": {"title": {"query": "red green", "operator": "and"}}}}
    {"query": {"match": {"body": {"query": "red jumps", "type": "phrase", "slop": 1}}}}
    {"query": {"match": {"body": {"query": "the quick f", "type": "phrase_prefix"}}}}
    {"query": {"match_phrase": {"body": {"query": "jumps over the dog", "operator": "or"}}}}
    {"query": {"match": {"title": {"query": "gren", "fuzziness": 1}}}}
    {"query": {"multi_match": {"query": "lazy fox", "fields": ["title^2", "body"], "use_dis_max": false}}}
    {"query": {"match": {"_all": "brown"}}}
    {"query": {"query_string": {"query": "title:red OR tag:fox", "lowercase_expanded_terms": true}}}
    {"query": {"query_string": {"query": "qui* AND NOT dog", "fields": ["title", "body"], "auto_generate_phrase_queries": false}}}
    {"query": {"query_string": {"query": "red jumps", "default_operator": "and"}}}
    {"query": {"query_string": {"query": "_missing_:tag", "default_field": "title"}}}
    {"query": {"query_string": {"query": "title:blue -_missing_:tag", "default_field": "title"}}}
    {"query": {"query_string": {"query": "n:[5 TO 9]", "default_field": "title"}}}
    {"query": {"query_string": {"query": "lazy", "default_field": "_all"}}}
    {"query": {"simple_query_string": {"query": "red +fox | dog", "fields": ["body"], "default_operator": "and"}}}
    {"query": {"common": {"body": {"query": "the lazy", "cutoff_frequency": 0.5, "disable_coord": true}}}}
    {"query": {"term": {"tag": {"term": "red"}}}}
    {"query": {"terms": {"title": ["red", "green", "fox"], "minimum_match": 2}}}
    {"query": {"in": {"tag": ["red", "dog"]}}}
    {"query": {"prefix": {"tag": {"prefix": "qu"}}}}
    {"query": {"wildcard": {"tag": {"wildcard": "*o*"}}}}
    {"query": {"regexp": {"tag": {"value": "b.*|l.*"}}}}
    {"query": {"fuzzy": {"tag": {"value": "blew", "min_similarity": 0.5}}}}
    {"query": {"fuzzy": {"tag": {"value": "brwn", "fuzziness": 1, "prefix_length": 1}}}}
    {"query": {"range": {"n": {"from": 10, "to": 20, "include_lower": false}}}}
    {"query": {"range": {"price": {"gte": 3, "lt": 30.5}}}}
    {"query": {"range": {"created": {"gte": "2017-02-01 00:00", "lt": "2017-03-01 00:00"}}}}
    {"query": {"ids": {"type": "thing", "values": ["1", "2", "77"]}}}
    {"query": {"term": {"_uid": "thing#3"}}}
    {"query": {"term": {"_id": "4"}}}
    {"query": {"dis_max": {"queries": [{"match": {"title": "red"}}, {"match": {"title": "dog"}}], "tie_breaker": 0.7}}}
    {"query": {"boosting": {"positive": {"match": {"title": "red"}}, "negative": {"match": {"body": "dog"}}, "negative_boost": 0.2}}}
    {"query": {"bool": {"must": {"match": {"title": "fox"}}, "must_not": {"term": {"flag": true}}, "should": [{"term": {"n": 3}}], "disable_coord": true}}}
    {"query": {"bool": {"should": [{"term": {"tag": "red"}}, {"term": {"flag": true}}, {"range": {"n": {"lt": 9}}}], "minimum_number_should_match": 2}}}
    {"query": {"constant_score": {"query": {"match": {"title": "red"}}, "boost": 2}}}
    {"query": {"constant_score": {"filter": {"and": [{"term": {"flag": true}}, {"range": {"n": {"gt": 10}}}]}}}}
    {"query": {"filtered": {"query": {"match": {"title": "red"}}, "filter": {"term": {"flag": true, "_cache": false}}}}}
    {"query": {"filtered": {"filter": {"or": {"filters": [{"term": {"tag": "red"}}, {"term": {"n": 3}}], "_cache": true}}, "strategy": "leap_frog"}}}
    {"query": {"filtered": {"filter": {"not": {"filter": {"range": {"n": {"gte": 5}}}}}}}}
    {"query": {"filtered": {"filter": {"not": {"term": {"flag": false}}}}}}
    {"query": {"filtered": {"filter": {"missing": {"field": "tag"}}}}}
    {"query": {"filtered": {"filter": {"exists": {"field": "tag"}}}}}
    {"query": {"filtered": {"filter": {"exists": {"field": ["title", "tag"]}}}}}
    {"query": {"filtered": {"filter": {"exists": {"field": ["tag", "title"]}}}}}
    {"query": {"filtered": {"filter": {"missing": {"field": ["title", "tag"]}}}}}
    {"query": {"query_string": {"query": "_type:thing AND title:red", "default_field": "title"}}}
    {"query": {"query_string": {"query": "_id:5 OR _id:\"7\"", "default_field": "title"}}}
    {"query": {"filtered": {"filter": {"numeric_range": {"n": {"gt": 40}}}}}}
    {"query": {"filtered": {"filter": {"query": {"query_string": {"query": "lazy", "fields": ["title"]}}}}}}
    {"query": {"filtered": {"filter": {"fquery": {"query": {"match": {"title": "lazy"}}, "_cache": true, "_name": "q"}}}}}
    {"query": {"filtered": {"filter": {"bool": {"must": {"term": {"flag": true}}, "should": [{"term": {"tag": "fox"}}, {"term": {"tag": "red"}}]}}}}}
    {"query": {"filtered": {"filter": {"terms": {"title": ["red", "green"], "execution": "and"}}}}}
    {"query": {"filtered": {"filter": {"terms": {"tag": ["red", "green"], "execution": "bool", "_cache": true}}}}}
    {"query": {"filtered": {"filter": {"range": {"n": {"gte": 7, "lte": 9}, "execution": "fielddata"}}}}}
    {"query": {"filtered": {"filter": {"prefix": {"tag": "b", "_cache": true}}}}}
    {"query": {"filtered": {"filter": {"regexp": {"tag": "r.d", "_cache": true, "_cache_key": "k"}}}}}
    {"query": {"filtered": {"filter": {"type": {"value": "thing"}}, "query": {"match": {"title": "dog"}}}}}
    {"query": {"filtered": {"filter": {"ids": {"values": ["5", "6"]}}}}}
    {"query": {"filtered": {"filter": {"match_all": {}}, "query": {"term": {"n": 3}}}}}
    {"query": {"filtered": {"filter": {"nested": {"path": "items", "filter": {"and": [{"term": {"items.sku": "red"}}, {"term": {"items.count": 1}}]}, "_cache": true}}}}}
    {"query": {"nested": {"path": "items", "score_mode": "total", "query": {"bool": {"must": [{"match": {"items.sku": "fox"}}, {"range": {"items.count": {"ge": 3}}}]}}}}}
    {"query": {"filtered": {"filter": {"geo_distance": {"distance": "100km", "place": {"lat": 41, "lon": -70}, "optimize_bbox": "memory", "distance_type": "sloppy_arc"}}}}}
    {"query": {"filtered": {"filter": {"geo_distance_range": {"from": "50km", "to": "150km", "place": "41,-70"}}}}}
    {"query": {"filtered": {"filter": {"geo_bbox": {"place": {"top_left": {"lat": 42.05, "lon": -71}, "bottom_right": {"lat": 41.05, "lon": -69}}, "type": "memory"}}}}}
    {"query": {"filtered": {"filter": {"geo_polygon": {"place": {"points": [[-71, 40.05], [-69, 40.05], [-69, 41.55], [-71, 41.55]]}, "_cache": true}}}}}
    {"query": {"function_score": {"filter": {"term": {"flag": true}}, "functions": [{"filter": {"not": {"term": {"tag": "red"}}}, "boost_factor": 3}, {"field_value_factor": {"field": "n", "factor": 2}}], "score_mode": "sum", "boost_mode": "replace"}}, "sort": ["_score", "n"]}
    {"query": {"function_score": {"query": {"range": {"n": {"lt": 20}}}, "gauss": {"n": {"origin": 10, "scale": 3}}, "boost_mode": "replace"}}, "sort": ["_score", "n"]}
    {"query": {"function_score": {"query": {"range": {"n": {"lt": 20}}}, "script_score": {"script": "doc['n'].value * 2", "lang": "expression"}, "boost_mode": "replace"}}, "sort": ["_score"]}
    {"query": {"more_like_this": {"fields": ["title"], "like_text": "lazy dog", "min_term_freq": 1, "min_doc_freq": 1, "percent_terms_to_match": 1}}}
    {"query": {"span_near": {"clauses": [{"span_term": {"body": "over"}}, {"spanTerm": {"body": {"term": "dog"}}}], "slop": 1, "in_order": true, "collect_payloads": false}}}
    {"query": {"span_first": {"match": {"span_multi": {"match": {"prefix": {"body": "qu"}}}}, "end": 2}}}
    {"query": {"span_not": {"include": {"span_term": {"title": "red"}}, "exclude": {"span_or": {"clauses": [{"span_term": {"title": "fox"}}]}}}}}
    {"query": {"indices": {"indices": ["queries_nowhere"], "query": {"match_all": {}}, "no_match_query": {"term": {"tag": "red"}}}}}
    {"query": {"matchAll": {}}, "filter": {"and": [{"term": {"flag": true}}, {"limit": {"value": 1000}}]}}
    {"query": {"match": {"title": "red"}}, "post_filter": {"not": {"term": {"flag": true}}}, "aggs": {"f": {"terms": {"field": "tag", "order": {"_term": "asc"}}, "aggs": {"n": {"max": {"field": "n"}}}}}}
    {"sort": [{"price": {"order": "desc", "ignore_unmapped": true}}], "query": {"range": {"n": {"lt": 9}}}}
    {"sort": [{"nowhere": {"order": "desc", "ignore_unmapped": true}}, {"n": "desc"}]}
    {"sort": [{"items.count": {"order": "asc", "mode": "max", "nested_path": "items", "nested_filter": {"term": {"items.sku": "red"}}}}, {"n": "asc"}]}
    {"sort": [{"_geo_distance": {"place": [-70, 41.26], "order": "asc", "unit": "km", "distance_type": "plane"}}]}
    {"sort": [{"tag": {"order": "asc", "missing": "_first"}}, {"n": {"reverse": true}}], "fields": ["title", "n"]}
    {"size": 0, "aggs": {"t": {"terms": {"field": "tag", "size": 0, "order": {"_term": "desc"}, "execution_hint": "global_ordinals_hash"}, "aggs": {"s": {"stats": {"field": "n"}}}}}}
    {"size": 0, "aggs": {"t": {"terms": {"field": "tag", "include": {"pattern": "b.*|r.*"}, "exclude": "brown", "order": {"_term": "asc"}}}}}
    {"size": 0, "aggs": {"t": {"terms": {"field": "n", "size": 5, "order": {"_term": "desc"}}}}}
    {"size": 0, "aggs": {"h": {"histogram": {"field": "n", "interval": 10}}}, "query": {"bool": {"must_not": {"range": {"n": {"from": 10, "to": 30}}}}}}
    {"size": 0, "aggs": {"h": {"histogram": {"field": "price", "interval": 20, "min_doc_count": 0, "order": {"_key": "desc"}}}}}
    {"size": 0, "aggs": {"d": {"date_histogram": {"field": "created", "interval": "month"}}}}
    {"size": 0, "aggs": {"d": {"date_histogram": {"field": "created", "interval": "1.5h", "order": {"_time": "desc"}}}}}
    {"size": 0, "aggs": {"d": {"date_histogram": {"field": "created", "interval": "hour", "pre_zone": "+01:00"}}}}
    {"size": 0, "aggs": {"d": {"date_histogram": {"field": "created", "interval": "day", "pre_zone": -2, "pre_zone_adjust_large_interval": true}}}}
    {"size": 0, "aggs": {"d": {"date_histogram": {"field": "created", "interval": "day", "pre_offset": "-6h", "post_offset": "6h"}}}}
    {"size": 0, "aggs": {"r": {"range": {"field": "n", "ranges": [{"to": 10}, {"from": 10, "to": 20}, {"from": 20}]}}, "d": {"date_range": {"field": "created", "ranges": [{"to": "2017-03-01 00:00"}]}}}}
    {"size": 0, "aggs": {"i": {"ip_range": {"field": "address", "ranges": [{"key": "low", "to": "10.0.1.0"}, {"key": "high", "from": "10.0.1.0"}]}}}}
    {"size": 0, "aggs": {"f": {"filter": {"and": [{"term": {"flag": true}}]}, "aggs": {"m": {"missing": {"field": "tag"}}}}, "fs": {"filters": {"filters": {"a": {"not": {"term": {"flag": true}}}, "b": {"missing": {"field": "tag"}}}}}}}
    {"size": 0, "aggs": {"n": {"nested": {"path": "items"}, "aggs": {"s": {"terms": {"field": "items.sku", "order": {"_term": "asc"}}, "aggs": {"back": {"reverse_nested": {}, "aggs": {"a": {"avg": {"field": "price"}}}}}}}}}}
    {"size": 0, "aggs": {"g": {"geohash_grid": {"field": "place", "precision": 3, "size": 0}}, "d": {"geo_distance": {"field": "place", "origin": "41,-70", "unit": "km", "distance_type": "plane", "ranges": [{"to": 55}, {"from": 55}]}}, "b": {"geo_bounds": {"field": "place"}}}}
    {"size": 0, "aggs": {"c": {"cardinality": {"field": "tag", "rehash": true}}, "v": {"value_count": {"field": "tag"}}, "e": {"extended_stats": {"field": "n"}}}}
    {"size": 0, "aggs": {"p": {"percentiles": {"field": "n", "percents": [50], "compression": 1000}}}}
    {"size": 0, "query": {"term": {"flag": true}}, "aggs": {"all": {"global": {}, "aggs": {"s": {"sum": {"field": "n"}}}}}}
    {"size": 0, "aggs": {"t": {"terms": {"field": "tag", "order": {"_term": "asc"}}, "aggs": {"top": {"top_hits": {"size": 1, "sort": [{"n": {"order": "desc", "ignore_unmapped": true}}], "_source": {"include": ["n"]}}}}}}}
    {"size": 0, "query": {"term": {"tag": "red"}}, "aggs": {"s": {"significant_terms": {"field": "tag", "background_filter": {"not": {"term": {"n": 9999}}}}}}, "from": 0, "explain": false, "version": true}
    {"query": {"match": {"title": "red"}}, "highlight": {"fields": {"title": {}, "body": {"type": "plain"}}}, "timeout": 5000, "track_scores": true, "_source": {"include": ["title"]}}
    {"query": {"match": {"title": "red"}}, "rescore": {"window_size": 10, "query": {"rescore_query": {"match": {"body": "lazy"}}}}, "fielddata_fields": ["n"], "min_score": 0.0001}
    {"query": {"term": {"tag": "red"}}, "suggest": {"s": {"text": "redd", "term": {"field": "title", "min_word_len": 3}}}, "partial_fields": {"p": {"include": "title"}}}
    {"query": {"term": {"_field_names": "tag"}}}
    {"query": {"field_masking_span": {"query": {"span_term": {"title": "red"}}, "field": "body"}}}
    {"query": {"filtered": {"query": {"match_phrase": {"title": "red green"}}, "boost": 2}}}
    {"query": {"filtered": {}}}
    {"query": {"filtered": {"query": {"match": {"title": "red"}}, "filter": []}}}
    {"query": {"filtered": {"query": {"match": {"title": "red"}}, "filter": {}}}}
    {"query": {"filtered": {"filter": {"bool": {"should": [{"term": {"tag": "red"}}], "must_not": {"term": {"flag": true}}}}}}}
    {"query": {"filtered": {"filter": {"bool": {"should": [], "must": {"term": {"flag": true}}}}}}}
    {"query": {"bool": {"must": [{"term": {"flag": true}}], "should": [{"term": {"tag": "red"}}]}}}
    {"query": {"bool": {"should": [{"term": {"tag": "red"}}, {"term": {"flag": true}}]}}}
    {"query": {"bool": {}}}
    {"query": {"bool": {"must_not": {"term": {"flag": true}}}}}
    {"query": {"filtered": {"filter": {"terms": {"tag": []}}}}}
    {"query": {"terms": {"tag": []}}}
    {"query": {"filtered": {"filter": {"missing": {"field": "tag", "existence": true, "null_value": true}}}}}
    {"query": {"filtered": {"filter": {"missing": {"field": "nowhere"}}}}}
    {"query": {"filtered": {"filter": {"exists": {"field": "items"}}}}}
    {"query": {"filtered": {"filter": {"missing": {"field": "items.sku"}}}}}
    {"query": {"filtered": {"filter": {"exists": {"field": "ta*"}}}}}
    {"query": {"range": {"n": {"gt": 5, "include_lower": true, "lte": 9, "include_upper": false}}}}
    {"query": {"range": {"created": {"gte": 1485900000000, "lt": 1490900000000}}}}
    {"query": {"range": {"created": {"gt": "2017-02-01 00:00||/M"}}}}
    {"query": {"range": {"created": {"gte": "2017-02-11 10:00||/M"}}}}
    {"query": {"range": {"created": {"lt": "2017-02-11 10:00||/M"}}}}
    {"query": {"range": {"created": {"lte": "2017-02-11 10:00||/M"}}}}
    {"query": {"range": {"created": {"from": "2017-02-11 10:00||/M", "to": "2017-02-11 10:00||/M"}}}}
    {"query": {"range": {"created": {"gte": "2017-02-01 00:00", "lte": "2017-02-11 10:30", "time_zone": "+02:00"}}}}
    {"query": {"query_string": {"query": "-_missing_:tag", "default_field": "title"}}}
    {"query": {"query_string": {"query": "+title:red +(fox OR green)", "fields": ["title", "body"], "default_operator": "and"}}}
    {"query": {"query_string": {"query": "red fox", "fields": ["title"], "default_operator": "and"}}}
    {"query": {"query_string": {"query": "red fox", "fields": ["title", "body"], "default_operator": "and"}}}
    {"query": {"query_string": {"query": "\"red green\"~1 OR title:/b.ue/", "default_field": "title"}}}
    {"query": {"query_string": {"query": "QUI*", "default_field": "title"}}}
    {"query": {"query_string": {"query": "gren~1", "default_field": "title"}}}
    {"query": {"query_string": {"query": "gren~0.5", "default_field": "title"}}}
    {"query": {"query_string": {"query": "red-green", "default_field": "title", "auto_generate_phrase_queries": true}}}
    {"query": {"query_string": {"query": "red-green", "default_field": "title"}}}
    {"query": {"query_string": {"query": "_exists_:tag AND flag:true", "default_field": "title"}}}
    {"query": {"query_string": {"query": "red", "fields": ["title^5", "bo*"], "use_dis_max": true}}}
    {"query": {"query_string": {"query": "items.sku:red", "default_field": "title"}}}
    {"query": {"match": {"title": {"query": "gren lasy", "fuzziness": 0.5}}}}
    {"query": {"match": {"title": {"query": "gren lasy", "fuzziness": "AUTO", "prefix_length": 1, "max_expansions": 10}}}}
    {"query": {"match": {"body": {"query": "the quick", "cutoff_frequency": 0.01, "zero_terms_query": "none", "minimum_should_match": "100%"}}}}
    {"query": {"match": {"n": "7"}}}
    {"query": {"multi_match": {"query": "red fox", "fields": ["title", "body"], "type": "cross_fields", "operator": "and"}}}
    {"query": {"multi_match": {"query": "red fox", "fields": ["title", "tag"], "type": "phrase"}}}
    {"query": {"multi_match": {"query": "7", "fields": ["title", "n"], "lenient": true}}}
    {"query": {"constant_score": {"filter": {"nested": {"path": "items", "query": {"term": {"items.sku": "fox"}}}}}}}
    {"query": {"regexp": {"title": "r.d"}}}
    {"query": {"fuzzy": {"title": {"value": "gren", "max_expansions": 10}}}}
    {"query": {"filtered": {"filter": {"geo_bounding_box": {"place": {"top": 42.05, "left": -71, "bottom": 41.05, "right": -69}}}}}}
    {"query": {"more_like_this": {"fields": ["title"], "docs": [{"_type": "thing", "_id": "3"}], "min_term_freq": 1, "min_doc_freq": 1}}}
    {"query": {"function_score": {"query": {"match_all": {}}, "random_score": {"seed": 3}}}}
    {"query": {"function_score": {"query": {"term": {"flag": true}}, "weight": 3, "min_score": 1}}}
    {"filter": {"bool": {"must": [{"term": {"flag": true}}], "should": [{"term": {"tag": "red"}}, {"range": {"n": {"lt": 9}}}]}}}
    {"post_filter": {"bool": {"must": [{"term": {"flag": true}}], "should": [{"term": {"tag": "red"}}, {"range": {"n": {"lt": 9}}}]}}}
    {"query": {"match_all": {}}, "sort": {"n": "desc"}, "from": 40}
    {"query": {"term": {"created": "2017-02-11 01:30"}}}
    {"query": {"term": {"address": "10.0.1.5"}}}
    {"query": {"range": {"address": {"gte": "10.0.1.0", "lt": "10.0.2.0"}}}}
    {"size": 0, "aggs": {"d": {"date_histogram": {"field": "created", "interval": "week", "post_zone": "+00:00"}}}}
    {"size": 0, "aggs": {"t": {"terms": {"field": "price", "size": 4}}}}
    {"size": 0, "aggs": {"t": {"terms": {"field": "created", "size": 4, "order": {"_term": "asc"}}}}}
    {"size": 0, "aggs": {"s": {"avg": {"field": "nowhere"}}, "m": {"min": {"field": "nowhere"}}}}
    {"size": 0, "aggs": {"p": {"percentile_ranks": {"field": "n", "values": [10, 20]}}}}
"#;

/// Those that answer something else, which the report has to say.
pub const DIFFERENT: &str = r#"
    {"query": {"filtered": {"filter": {"geo_distance": {"distance": 100, "unit": "km", "place": "41,-70", "distance_type": "factor"}}}}}
    {"query": {"indices": {"index": "queries-differ_from", "query": {"match_all": {}}, "no_match_query": "none"}}}
    {"facets": {"t": {"terms": {"field": "tag", "size": 3}}}, "query": {"term": {"flag": true}}}
    {"size": 0, "aggs": {"d": {"date_histogram": {"field": "created", "interval": "month", "pre_zone": "+02:00"}}}}
    {"query": {"filtered": {"filter": {"limit": {"value": 3}}}}}
    {"query": {"query_string": {"query": "QUI*", "default_field": "tag"}}}
    {"query": {"range": {"n": {"gte": 4.5, "lte": 8.5}}}}
    {"query": {"range": {"n": {"gt": 4.5, "lt": 8.5}}}}
"#;
