//! The lists of what 6.8 takes are what 6.8.23 takes.

use anyhow::Result;
use bytes::Bytes;
use esferry::schema::query::known::{AGGREGATIONS, HIGHLIGHT, PARAMETERS, PARTS, QUERIES, SORT, Shape};
use esferry_lab::Endpoint;
use reqwest::Method;
use serde_json::{Value, json};

use crate::sides::Sides;

/// What 6.8 says of a name that it does not know.
const UNKNOWN: [&str; 9] = [
    "unrecognized parameter",
    "does not support",
    "unknown field",
    "no [query] registered",
    "Unknown BaseAggregationBuilder",
    "Unexpected token",
    "Unknown key",
    "unknown token",
    "unsupported",
];

/// A value that parses for an option of this name.
fn sample(option: &str) -> Value {
    match option {
        "must" | "must_not" | "should" | "filter" | "positive" | "negative" | "background_filter" => {
            json!({"match_all": {}})
        }
        "match" | "include" | "exclude" | "little" | "big" => json!({"span_term": {"a": "x"}}),
        "clauses" => json!([{"span_term": {"a": "x"}}]),
        "queries" => json!([{"match_all": {}}]),
        "functions" => json!([{"weight": 2}]),
        "query" => json!({"span_term": {"a": "x"}}),
        "like" | "unlike" | "stop_words" | "values" | "types" | "terms" => json!(["1"]),
        "percents" => json!([1.0]),
        "inner_hits" | "jlh" | "tdigest" | "percentage" | "settings" => json!({}),
        "hdr" => json!({"number_of_significant_value_digits": 2}),
        "mutual_information" | "chi_square" | "gnd" => json!({"background_is_superset": true}),
        "script" | "minimum_should_match_script" => json!({"source": "1"}),
        "fields" | "stored_fields" | "docvalue_fields" => json!(["a"]),
        "ranges" => json!([{"from": 1, "to": 2}]),
        "extended_bounds" => json!({"min": 1, "max": 2}),
        "order" => json!({"_key": "asc"}),
        "sort" => json!([{"a": "asc"}]),
        "filters" => json!({"x": {"match_all": {}}}),
        "script_fields" => json!({"x": {"script": {"source": "1"}}}),
        "highlight" => json!({"fields": {"a": {}}}),
        "document" => json!({}),
        "documents" => json!([{}]),
        "origin" => json!("1,2"),
        "buckets_path" => json!("_count"),
        "collect_mode" => json!("breadth_first"),
        "gap_policy" => json!("skip"),
        "interval" => json!(5),
        "missing" => json!(5),
        "sources" => json!([{"x": {"terms": {"field": "a"}}}]),
        "after" => json!({}),
        "filter_duplicate_text" => json!(true),
        "source_fields" => json!(["a"]),
        "lenient"
        | "keyed"
        | "minimize"
        | "transpositions"
        | "ignore_unmapped"
        | "_source"
        | "escape"
        | "explain"
        | "version"
        | "track_scores"
        | "in_order"
        | "wrap_longitude"
        | "show_term_doc_count_error"
        | "other_bucket"
        | "analyze_wildcard"
        | "allow_leading_wildcard"
        | "adjust_pure_negative"
        | "score"
        | "fail_on_unsupported_field"
        | "auto_generate_synonyms_phrase_query"
        | "fuzzy_transpositions" => json!(true),
        "validation_method" => json!("STRICT"),
        "distance_type" => json!("arc"),
        "unit" => json!("m"),
        "relation" => json!("within"),
        "flags" => json!("ALL"),
        "model" => json!("simple"),
        "score_mode" => json!("max"),
        "boost_mode" => json!("sum"),
        "value_type" => json!("long"),
        _ => json!(1),
    }
}

async fn answer(side: &Endpoint, index: &str, body: &Value) -> Result<String> {
    let body = Bytes::from(body.to_string());
    let answer = side.send(Method::POST, &format!("/{index}/_search"), "application/json", body).await?;
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

fn is_unknown(text: &str) -> bool {
    UNKNOWN.iter().any(|word| text.contains(word))
}

#[tokio::test]
async fn every_known_query_and_option_is_known_to_the_server() {
    if !esferry_lab::wanted("every query and option of the list, tried on 6.8.23") {
        return;
    }
    let sides = Sides::new("query-known").await.unwrap();
    let index = sides.create(&sides.new, "to", &json!({})).await.unwrap();
    let mut unknown = Vec::new();
    for query in QUERIES {
        for option in query.options.iter().chain(&["boost", "_name"]) {
            let sampled = match (query.name, *option) {
                (
                    "constant_score" | "function_score" | "has_child" | "has_parent" | "nested",
                    "filter" | "query",
                ) => json!({"match_all": {}}),
                ("span_multi", "match") => json!({"prefix": {"a": "x"}}),
                (_, "query") if query.name != "field_masking_span" => json!("x"),
                ("type" | "has_child" | "parent_id" | "percolate", "type") | ("ids", "type") => json!("x"),
                ("multi_match" | "query_string", "type") => json!("phrase"),
                ("geo_bounding_box", "type") => json!("memory"),
                ("more_like_this", "include") => json!(true),
                (_, "_name") => json!("x"),
                (_, option) => sample(option),
            };
            let body = match query.shape {
                Shape::Field(_) => json!({"a": {*option: sampled}}),
                Shape::Beside => json!({*option: sampled}),
                Shape::Plain => json!({*option: sampled}),
            };
            let text = answer(&sides.new, &index, &json!({"query": {query.name: body}})).await.unwrap();
            if is_unknown(&text) {
                unknown.push(format!("{}.{option}: {text}", query.name));
            }
        }
    }
    for aggregation in AGGREGATIONS {
        for option in aggregation.options {
            let sampled = match (aggregation.name, *option) {
                (
                    "terms" | "significant_terms" | "significant_text" | "diversified_sampler",
                    "include" | "exclude" | "execution_hint",
                ) => json!("map"),
                ("matrix_stats", "missing") | ("weighted_avg", "value" | "weight") => json!({}),
                ("matrix_stats", "mode") => json!("avg"),
                ("percentile_ranks", "values") => json!([1.0]),
                ("derivative" | "moving_avg", "unit") => json!("day"),
                (
                    _,
                    "field" | "path" | "type" | "format" | "time_zone" | "other_bucket_key" | "separator",
                ) => json!("x"),
                (_, option) => sample(option),
            };
            let body = json!({"aggs": {"h": {aggregation.name: {*option: sampled}}}});
            let text = answer(&sides.new, &index, &body).await.unwrap();
            if is_unknown(&text) {
                unknown.push(format!("{}.{option}: {text}", aggregation.name));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
    let odd = answer(&sides.new, &index, &json!({"query": {"nested": {"odd": 1}}})).await.unwrap();
    assert!(is_unknown(&odd), "an unknown option is told apart: {odd}");
}

#[tokio::test]
async fn every_known_part_and_parameter_is_known_to_the_server() {
    if !esferry_lab::wanted("every part, parameter and option of sorting and highlighting, tried on 6.8.23") {
        return;
    }
    let sides = Sides::new("query-parts").await.unwrap();
    let index = sides.create(&sides.new, "to", &json!({})).await.unwrap();
    let mut bodies: Vec<Value> = Vec::new();
    for part in PARTS {
        let value = match *part {
            "query" | "post_filter" => json!({"match_all": {}}),
            "aggs" | "aggregations" | "suggest" | "ext" => json!({}),
            "rescore" => json!({"query": {"rescore_query": {"match_all": {}}}}),
            "indices_boost" | "search_after" | "stats" => json!(["1"]),
            "slice" => json!({"id": 0, "max": 2}),
            "collapse" => json!({"field": "a"}),
            "timeout" => json!("1s"),
            "profile" | "track_total_hits" => json!(true),
            part => sample(part),
        };
        bodies.push(json!({*part: value}));
    }
    for option in HIGHLIGHT {
        let value = match *option {
            "fields" => json!({"a": {}}),
            "pre_tags" | "post_tags" | "matched_fields" => json!(["a"]),
            "highlight_query" => json!({"match_all": {}}),
            "options" => json!({}),
            "require_field_match" | "force_source" => json!(true),
            "type" => json!("plain"),
            "encoder" => json!("html"),
            "tags_schema" => json!("styled"),
            "order" => json!("score"),
            "fragmenter" => json!("span"),
            "boundary_scanner" => json!("word"),
            "boundary_scanner_locale" => json!("de"),
            "boundary_chars" => json!(",."),
            _ => json!(1),
        };
        if !["encoder", "tags_schema", "fields"].contains(option) {
            bodies.push(json!({"highlight": {"fields": {"a": {*option: value}}}}));
        }
        if !["matched_fields", "fragment_offset"].contains(option) {
            bodies.push(json!({"highlight": {*option: value}}));
        }
    }
    for option in SORT {
        let (kind, value) = match *option {
            "order" => ("a", json!("asc")),
            "missing" => ("a", json!("_last")),
            "mode" => ("a", json!("min")),
            "unmapped_type" => ("a", json!("long")),
            "nested" => ("a", json!({"path": "a"})),
            "unit" => ("_geo_distance", json!("m")),
            "distance_type" => ("_geo_distance", json!("arc")),
            "validation_method" => ("_geo_distance", json!("STRICT")),
            "type" => ("_script", json!("number")),
            _ => ("_script", json!({"source": "1"})),
        };
        let place = if kind == "_geo_distance" { json!([1, 2]) } else { Value::Null };
        let mut sort = json!({*option: value});
        if !place.is_null() {
            sort["a"] = place;
        }
        bodies.push(json!({"sort": [{kind: sort}]}));
    }
    let mut unknown = Vec::new();
    for body in &bodies {
        let text = answer(&sides.new, &index, body).await.unwrap();
        if is_unknown(&text) {
            unknown.push(format!("{body}: {text}"));
        }
    }
    for parameter in PARAMETERS {
        let path = format!("/{index}/_search?{parameter}=1");
        let answer = sides.new.send(Method::GET, &path, "", Bytes::new()).await.unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if is_unknown(&text) {
            unknown.push(format!("{parameter}: {text}"));
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}
