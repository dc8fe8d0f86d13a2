//! What holds for any search.

use proptest::prelude::*;

use super::super::known::{AGGREGATIONS, QUERIES, Shape};
use super::*;

/// A query that 6.8 takes and that no rule has anything to say about.
fn query() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        ("[a-d]", "[x-z]{1,3}").prop_map(|(field, value)| json!({"term": {field: value}})),
        ("[a-d]", "[x-z]{1,3}")
            .prop_map(|(field, value)| json!({"match": {field: {"query": value, "operator": "and"}}})),
        ("[a-d]", 0..9).prop_map(|(field, n)| json!({"range": {field: {"gte": n, "lt": n + 5}}})),
        ("[a-d]", prop::collection::vec(0..9, 1..3))
            .prop_map(|(field, list)| json!({"terms": {field: list}})),
        "[a-d]".prop_map(|field| json!({"exists": {"field": field}})),
        "[a-d]".prop_map(|field| json!({"query_string": {"query": "x AND y", "fields": [field]}})),
        "[a-d]".prop_map(|field| json!({"multi_match": {"query": "x", "fields": [field], "type": "phrase"}})),
        Just(json!({"match_all": {}})),
        Just(json!({"ids": {"values": ["1", "2"]}})),
        "[a-d]".prop_map(|field| json!({"geo_distance": {"distance": "1km", field: "1,2"}})),
        Just(json!({"script": {"script": {"source": "doc['n'].value > 1", "lang": "painless"}}})),
    ];
    leaf.prop_recursive(3, 20, 3, |inner| {
        let several = prop::collection::vec(inner.clone(), 0..3);
        prop_oneof![
            (several.clone(), several.clone(), several.clone()).prop_map(|(must, should, not)| {
                json!({"bool": {"must": must, "should": should, "must_not": not, "minimum_should_match": 0}})
            }),
            inner.clone().prop_map(|filter| json!({"constant_score": {"filter": filter, "boost": 2}})),
            inner.clone().prop_map(|query| json!({"nested": {"path": "o", "query": query, "score_mode": "sum"}})),
            several.prop_map(|queries| json!({"dis_max": {"queries": queries}})),
            inner.prop_map(|query| {
                json!({"function_score": {"query": query, "functions": [{"filter": {"match_all": {}}, "weight": 2}]}})
            }),
        ]
    })
}

fn body() -> impl Strategy<Value = Value> {
    (query(), query(), 0..5000_u64, any::<bool>()).prop_map(|(query, filter, size, whole)| {
        json!({
            "query": query, "post_filter": filter, "size": size, "_source": whole,
            "sort": [{"n": {"order": "asc", "unmapped_type": "long", "nested": {"path": "o"}}}, "_score"],
            "aggs": {"a": {"terms": {"field": "k", "order": {"_key": "asc"}}, "aggs": {"f": {"filter": filter}}}},
            "highlight": {"type": "unified", "require_field_match": false, "fields": {"a": {}}},
        })
    })
}

/// Any JSON at all, made of the words that rules know.
fn anything() -> impl Strategy<Value = Value> {
    let words = prop_oneof![
        Just("and"),
        Just("not"),
        Just("filtered"),
        Just("filter"),
        Just("query"),
        Just("bool"),
        Just("must"),
        Just("missing"),
        Just("field"),
        Just("terms"),
        Just("range"),
        Just("match"),
        Just("type"),
        Just("aggs"),
        Just("facets"),
        Just("sort"),
        Just("fields"),
        Just("highlight"),
        Just("a"),
        Just("script"),
        Just("ids"),
        Just("nested"),
        Just("suggest"),
        Just("_cache"),
        Just("functions"),
        Just("function_score"),
        Just("_all"),
        Just("actions.tags.x"),
        Just("actions.tags.*"),
        Just("act*"),
        Just("_type"),
        Just("_uid"),
        Just("values"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3..9).prop_map(Value::from),
        words.clone().prop_map(Value::from)
    ];
    leaf.prop_recursive(5, 30, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((words.clone(), inner), 0..3).prop_map(|entries| {
                entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Value>()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn a_search_of_the_target_is_left_as_it_is(body in body()) {
        for from in [OLD, NEW] {
            let rewritten = rewrite_search(&body, &Context::new(from, NEW));
            prop_assert_eq!(&rewritten.body, &body, "from {}", from);
            prop_assert_eq!(&rewritten.refused, &vec![]);
            prop_assert_eq!(&rewritten.report.changes, &vec![]);
        }
    }

    #[test]
    fn nothing_panics_and_a_rewritten_search_is_rewritten_no_further(body in anything()) {
        let split = TypesBecame::Index { template: "{index}-{type}".to_owned() };
        for context in [transformed(), Context { types: split, ..plain() }] {
            let rewritten = rewrite_search(&body, &context);
            for refused in &rewritten.refused {
                prop_assert!(!refused.path.is_empty() && !refused.why.is_empty() && !refused.choices.is_empty());
            }
            prop_assert_eq!(rewritten.report.count(Severity::Lost), 0, "what is lost is refused");
            // What differs was told.
            prop_assert!(rewritten.body == body || !rewritten.report.changes.is_empty(), "{}", rewritten.body);
        }
        let first = rewrite_search(&body, &plain());
        if first.refused.is_empty() {
            let second = rewrite_search(&first.body, &plain());
            prop_assert_eq!(&second.refused, &vec![], "of {}", first.body);
            prop_assert_eq!(second.body, first.body);
        }
    }
}

#[test]
fn the_known_names_are_known_once_and_pass() {
    let mut names: Vec<&str> = QUERIES.iter().map(|query| query.name).collect();
    let count = names.len();
    names.dedup();
    assert!(names.is_sorted() && names.len() == count, "queries are in order and there once");
    assert!(AGGREGATIONS.is_sorted_by_key(|aggregation| aggregation.name));
    for query in QUERIES {
        let body = match query.shape {
            Shape::Field(main) => json!({query.name: {"a": {main: "x"}}}),
            _ => continue,
        };
        let rewritten = rewrite_search(&json!({"query": body}), &Context::new(NEW, NEW));
        if query.name != "range" {
            assert_eq!(rewritten.refused, [], "{}", query.name);
        }
    }
}
