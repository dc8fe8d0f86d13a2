//! What a search says of types.

use super::{Context, NEW, OLD, TypesBecame, filters, plain, queries, rewrite_filter};
use crate::schema::report::{Report, Severity};
use serde_json::json;

const LINES: &str = r#"
    {"type": {"value": "alert"}}
    {"type": {"value": "_doc"}}
    {"terms": {"_type": ["alert", "event"]}}
    {"term": {"_type": "alert"}}
    {"prefix": {"_type": "al"}}
    {"ids": {"type": "alert", "values": ["1", "2"]}}
    {"ids": {"values": "1"}}
    {"term": {"_uid": "alert#1"}}
    {"term": {"_uid": "1"}}
    {"term": {"_id": "1"}}
    {"type": {}}
"#;

fn with(types: TypesBecame) -> Context {
    Context { types, ..plain() }
}

#[test]
fn dropped_types_are_left_out() {
    insta::assert_snapshot!(filters(&with(TypesBecame::Dropped), LINES), @r#"
    {"type":{"value":"alert"}}
      {"match_all":{}}
      by type_filter
    {"type":{"value":"_doc"}}
      the same
    {"terms":{"_type":["alert","event"]}}
      {"match_all":{}}
      by type_filter
    {"term":{"_type":"alert"}}
      {"match_all":{}}
      by type_filter
    {"prefix":{"_type":"al"}}
      the same
      refused post_filter.prefix: the target has no such field, or cannot search it so (meta_field)
    {"ids":{"type":"alert","values":["1","2"]}}
      {"ids":{"values":["1","2"]}}
      by ids_type
    {"ids":{"values":"1"}}
      the same
    {"term":{"_uid":"alert#1"}}
      {"ids":{"values":["1"]}}
      by uid_term
    {"term":{"_uid":"1"}}
      the same
      refused post_filter.term: this is not the form of such a query or part (malformed)
    {"term":{"_id":"1"}}
      the same
    {"type":{}}
      the same
      refused post_filter.type: this is not the form of such a query or part (malformed)
    "#);
}

#[test]
fn merged_types_are_terms_of_their_field_and_prefixes_of_ids() {
    let merged = with(TypesBecame::Field { name: "kind".to_owned(), prefix_ids: true });
    insta::assert_snapshot!(filters(&merged, LINES), @r#"
    {"type":{"value":"alert"}}
      {"term":{"kind":"alert"}}
      by type_filter
    {"type":{"value":"_doc"}}
      the same
    {"terms":{"_type":["alert","event"]}}
      {"terms":{"kind":["alert","event"]}}
      by type_filter
    {"term":{"_type":"alert"}}
      {"term":{"kind":"alert"}}
      by type_filter
    {"prefix":{"_type":"al"}}
      the same
      refused post_filter.prefix: the target has no such field, or cannot search it so (meta_field)
    {"ids":{"type":"alert","values":["1","2"]}}
      {"ids":{"values":["alert-1","alert-2"]}}
      by ids_type
    {"ids":{"values":"1"}}
      the same
      refused post_filter.ids: which type is meant is not said, and ids carry it (ids_need_types)
    {"term":{"_uid":"alert#1"}}
      {"ids":{"values":["alert-1"]}}
      by uid_term
    {"term":{"_uid":"1"}}
      the same
      refused post_filter.term: this is not the form of such a query or part (malformed)
    {"term":{"_id":"1"}}
      the same
      refused post_filter.term: which type is meant is not said, and ids carry it (ids_need_types)
    {"type":{}}
      the same
      refused post_filter.type: this is not the form of such a query or part (malformed)
    "#);
    let plain_ids = with(TypesBecame::Field { name: "kind".to_owned(), prefix_ids: false });
    let lines = r#"{"ids": {"type": ["alert"], "values": ["1"]}}"#;
    insta::assert_snapshot!(filters(&plain_ids, lines), @r#"
    {"ids":{"type":["alert"],"values":["1"]}}
      {"bool":{"must":[{"ids":{"values":["1"]}}],"filter":[{"term":{"kind":"alert"}}]}}
      by ids_type, type_filter
    "#);
}

#[test]
fn split_types_are_indices_which_are_named() {
    let split = with(TypesBecame::Index { template: "{index}-{type}".to_owned() });
    insta::assert_snapshot!(filters(&split, LINES), @r#"
    {"type":{"value":"alert"}}
      the same
      refused post_filter.type: the documents of the type are alone in an index: {index}-alert (type_is_an_index)
    {"type":{"value":"_doc"}}
      the same
    {"terms":{"_type":["alert","event"]}}
      the same
      refused post_filter.terms: the documents of the type are alone in an index: {index}-alert, {index}-event (type_is_an_index)
    {"term":{"_type":"alert"}}
      the same
      refused post_filter.term: the documents of the type are alone in an index: {index}-alert (type_is_an_index)
    {"prefix":{"_type":"al"}}
      the same
      refused post_filter.prefix: the target has no such field, or cannot search it so (meta_field)
    {"ids":{"type":"alert","values":["1","2"]}}
      {"bool":{"must":[{"ids":{"values":["1","2"]}}],"filter":[{"type":{"value":"alert"}}]}}
      by ids_type
      refused post_filter.ids.type: the documents of the type are alone in an index: {index}-alert (type_is_an_index)
    {"ids":{"values":"1"}}
      the same
    {"term":{"_uid":"alert#1"}}
      the same
      refused post_filter.term: the documents of the type are alone in an index: {index}-alert (type_is_an_index)
    {"term":{"_uid":"1"}}
      the same
      refused post_filter.term: this is not the form of such a query or part (malformed)
    {"term":{"_id":"1"}}
      the same
    {"type":{}}
      the same
      refused post_filter.type: this is not the form of such a query or part (malformed)
    "#);
    let fixed = with(TypesBecame::Index { template: "all-{type}".to_owned() });
    insta::assert_snapshot!(filters(&fixed, r#"{"type": {"value": "alert"}}"#), @r#"
    {"type":{"value":"alert"}}
      {"term":{"_index":"all-alert"}}
      by type_filter
    "#);
}

#[test]
fn parents_and_children_need_a_join_field() {
    let lines = r#"
        {"has_child": {"type": "branch", "filter": {"missing": {"field": "a"}}, "_cache": true}}
        {"has_child": {"type": "branch", "query": {"match_all": {}}, "score_type": "total", "short_circuit_cutoff": 10}}
        {"has_child": {"type": "branch", "query": {"match_all": {}}, "score_mode": "total"}}
        {"has_parent": {"type": "company", "query": {"match_all": {}}, "score_mode": "score"}}
        {"has_parent": {"parent_type": "company", "query": {"match_all": {}}, "score_type": "none"}}
        {"top_children": {"type": "branch", "query": {"match_all": {}}, "score": "sum", "factor": 5}}
    "#;
    let joined = with(TypesBecame::Join { field: "rel".to_owned(), type_field: None, prefix_ids: true });
    insta::assert_snapshot!(queries(&joined, lines), @r#"
    {"has_child":{"type":"branch","filter":{"missing":{"field":"a"}},"_cache":true}}
      {"has_child":{"type":"branch","query":{"constant_score":{"filter":{"bool":{"must_not":[{"exists":{"field":"a"}}]}}}}}}
      by filter_cache, missing_filter, nested_filter
    {"has_child":{"type":"branch","query":{"match_all":{}},"score_type":"total","short_circuit_cutoff":10}}
      {"has_child":{"type":"branch","query":{"match_all":{}},"score_mode":"sum"}}
      by child_cutoff, nested_score
    {"has_child":{"type":"branch","query":{"match_all":{}},"score_mode":"total"}}
      {"has_child":{"type":"branch","query":{"match_all":{}},"score_mode":"sum"}}
      by nested_score
    {"has_parent":{"type":"company","query":{"match_all":{}},"score_mode":"score"}}
      {"has_parent":{"query":{"match_all":{}},"parent_type":"company","score":true}}
      by parent_type, parent_score
    {"has_parent":{"parent_type":"company","query":{"match_all":{}},"score_type":"none"}}
      {"has_parent":{"parent_type":"company","query":{"match_all":{}},"score":false}}
      by parent_score
    {"top_children":{"type":"branch","query":{"match_all":{}},"score":"sum","factor":5}}
      {"has_child":{"type":"branch","query":{"match_all":{}},"score_mode":"sum"}}
      by top_children
    "#);
    insta::assert_snapshot!(queries(&joined, r#"{"more_like_this": {"fields": ["a"], "ids": ["1"]}}"#), @r#"
    {"more_like_this":{"fields":["a"],"ids":["1"]}}
      {"more_like_this":{"fields":["a"],"like":{"_id":"1"}}}
      by more_like_text
      refused query.more_like_this: which type is meant is not said, and ids carry it (ids_need_types)
    "#);
    insta::assert_snapshot!(queries(&plain(), r#"{"has_child": {"type": "branch", "query": {"match_all": {}}}}"#), @r#"
    {"has_child":{"type":"branch","query":{"match_all":{}}}}
      the same
      refused query.has_child: the target's index has no join field (join_needed)
    "#);
}

#[test]
fn an_alias_filter_is_rewritten_or_lost_with_its_choices() {
    let mut report = Report::default();
    let old = json!({"and": [{"term": {"a": 1, "_cache": true}}, {"missing": {"field": "b"}}]});
    let new = rewrite_filter(&old, OLD, NEW, "aliases.open.filter", &mut report);
    assert_eq!(
        new,
        json!({"bool": {"filter": [{"term": {"a": 1}}, {"bool": {"must_not": [{"exists": {"field": "b"}}]}}]}})
    );
    assert_eq!(report.count(Severity::Lost), 0);
    assert_eq!(report.changes[0].path, "aliases.open.filter.and[0].term._cache");

    let mut report = Report::default();
    let old = json!({"or": [{"script": {"script": "1 > 0"}}, {"missing": {"field": "b"}}]});
    let new = rewrite_filter(&old, OLD, NEW, "aliases.open.filter", &mut report);
    assert_eq!(new, json!({"match_none": {}}));
    insta::assert_json_snapshot!(report, @r#"
    [
      {
        "rule": "alias_filter",
        "path": "aliases.open.filter",
        "before": {
          "or": [
            {
              "script": {
                "script": "1 > 0"
              }
            },
            {
              "missing": {
                "field": "b"
              }
            }
          ]
        },
        "after": {
          "match_none": {}
        },
        "reason": "`aliases.open.filter.or[0].script.script`: the script is written in groovy; 6.8.23 runs painless and expressions",
        "severity": "lost",
        "choices": [
          "write it in painless, with `\"lang\": \"painless\"`; `doc['field'].value` is the same in both",
          "write it as an expression, if it only calculates",
          "write the filter of this alias yourself; until then it finds nothing"
        ]
      }
    ]
    "#);
}
