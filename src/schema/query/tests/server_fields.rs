//! Fields of the server in texts, aggregations and sorting.

use super::{Context, TypesBecame, bodies, filters, plain, queries};

const TEXTS: &str = r#"
    {"query_string": {"query": "_type:memo AND n:1 -_type:\"memo\"", "default_field": "a"}}
    {"query_string": {"query": "a:\"_type:memo\" at:[_id:1 TO _uid:2]", "default_field": "a"}}
    {"query_string": {"query": "_type:me*", "default_field": "a"}}
    {"query_string": {"query": "_type:(memo box)", "default_field": "a"}}
    {"query_string": {"query": "_id:1 OR _id:\"2\"", "default_field": "a"}}
    {"query_string": {"query": "_id:(1 2)", "default_field": "a"}}
    {"query_string": {"query": "_uid:memo#1 OR _parent:1", "default_field": "a"}}
    {"query_string": {"query": "_all:x", "default_field": "a"}}
    {"query_string": {"query": "_exists_:_type -_missing_:_parent", "default_field": "a"}}
    {"query_string": {"query": "memo", "fields": ["a", "_type^2"]}}
    {"query_string": {"query": "1", "default_field": "_uid"}}
    {"multi_match": {"query": "1", "fields": ["_id", "a"]}}
    {"simple_query_string": {"query": "_type:memo", "fields": ["_parent"]}}
    {"simple_query_string": {"query": "_type:memo", "fields": ["a"]}}
"#;

fn merged(prefix_ids: bool) -> Context {
    Context { types: TypesBecame::Field { name: "kind".to_owned(), prefix_ids }, ..plain() }
}

fn split(template: &str) -> Context {
    Context { types: TypesBecame::Index { template: template.to_owned() }, ..plain() }
}

#[test]
fn a_text_that_names_a_field_of_the_server_names_its_successor_or_is_refused() {
    insta::assert_snapshot!(queries(&plain(), TEXTS), @r#"
    {"query_string":{"query":"_type:memo AND n:1 -_type:\"memo\"","default_field":"a"}}
      {"query_string":{"query":"*:* AND n:1 -*:*","default_field":"a"}}
      by type_filter
    {"query_string":{"query":"a:\"_type:memo\" at:[_id:1 TO _uid:2]","default_field":"a"}}
      the same
      by query_string_wildcards
    {"query_string":{"query":"_type:me*","default_field":"a"}}
      the same
      by query_string_wildcards
      refused query.query_string.query: the text searches `_type`, which the target does not have or reads another way (meta_field_text)
    {"query_string":{"query":"_type:(memo box)","default_field":"a"}}
      the same
      refused query.query_string.query: the text searches `_type`, which the target does not have or reads another way (meta_field_text)
    {"query_string":{"query":"_id:1 OR _id:\"2\"","default_field":"a"}}
      the same
    {"query_string":{"query":"_id:(1 2)","default_field":"a"}}
      the same
      refused query.query_string.query: the text searches `_id`, which the target does not have or reads another way (meta_field_text)
    {"query_string":{"query":"_uid:memo#1 OR _parent:1","default_field":"a"}}
      the same
      refused query.query_string.query: the text searches `_parent`, which the target does not have or reads another way (meta_field_text)
      refused query.query_string.query: the text searches `_uid`, which the target does not have or reads another way (meta_field_text)
    {"query_string":{"query":"_all:x","default_field":"a"}}
      the same
      refused query.query_string.query: the text searches `_all`, which the target does not have or reads another way (meta_field_text)
    {"query_string":{"query":"_exists_:_type -_missing_:_parent","default_field":"a"}}
      the same
      by query_string_missing
      refused query.query_string.query: the text searches `_parent`, which the target does not have or reads another way (meta_field_text)
      refused query.query_string.query: the text searches `_type`, which the target does not have or reads another way (meta_field_text)
    {"query_string":{"query":"memo","fields":["a","_type^2"]}}
      the same
      refused query.query_string.fields: the text is searched in `_type`, which the target does not have (meta_field_text)
    {"query_string":{"query":"1","default_field":"_uid"}}
      the same
      refused query.query_string.default_field: the text is searched in `_uid`, which the target does not have (meta_field_text)
    {"multi_match":{"query":"1","fields":["_id","a"]}}
      the same
    {"simple_query_string":{"query":"_type:memo","fields":["_parent"]}}
      the same
      refused query.simple_query_string.fields: the text is searched in `_parent`, which the target does not have (meta_field_text)
    {"simple_query_string":{"query":"_type:memo","fields":["a"]}}
      the same
    "#);
    insta::assert_snapshot!(queries(&merged(true), TEXTS), @r#"
    {"query_string":{"query":"_type:memo AND n:1 -_type:\"memo\"","default_field":"a"}}
      {"query_string":{"query":"kind:memo AND n:1 -kind:\"memo\"","default_field":"a"}}
      by type_filter
    {"query_string":{"query":"a:\"_type:memo\" at:[_id:1 TO _uid:2]","default_field":"a"}}
      the same
      by query_string_wildcards
    {"query_string":{"query":"_type:me*","default_field":"a"}}
      {"query_string":{"query":"kind:me*","default_field":"a"}}
      by query_string_wildcards, type_filter
    {"query_string":{"query":"_type:(memo box)","default_field":"a"}}
      the same
      refused query.query_string.query: the text searches `_type`, which the target does not have or reads another way (meta_field_text)
    {"query_string":{"query":"_id:1 OR _id:\"2\"","default_field":"a"}}
      the same
      refused query.query_string.query: which type is meant is not said, and ids carry it (ids_need_types)
      refused query.query_string.query: which type is meant is not said, and ids carry it (ids_need_types)
    {"query_string":{"query":"_id:(1 2)","default_field":"a"}}
      the same
      refused query.query_string.query: which type is meant is not said, and ids carry it (ids_need_types)
    {"query_string":{"query":"_uid:memo#1 OR _parent:1","default_field":"a"}}
      the same
      refused query.query_string.query: the text searches `_parent`, which the target does not have or reads another way (meta_field_text)
      refused query.query_string.query: the text searches `_uid`, which the target does not have or reads another way (meta_field_text)
    {"query_string":{"query":"_all:x","default_field":"a"}}
      the same
      refused query.query_string.query: the text searches `_all`, which the target does not have or reads another way (meta_field_text)
    {"query_string":{"query":"_exists_:_type -_missing_:_parent","default_field":"a"}}
      the same
      by query_string_missing
      refused query.query_string.query: the text searches `_parent`, which the target does not have or reads another way (meta_field_text)
      refused query.query_string.query: the text searches `_type`, which the target does not have or reads another way (meta_field_text)
    {"query_string":{"query":"memo","fields":["a","_type^2"]}}
      the same
      refused query.query_string.fields: the text is searched in `_type`, which the target does not have (meta_field_text)
    {"query_string":{"query":"1","default_field":"_uid"}}
      the same
      refused query.query_string.default_field: the text is searched in `_uid`, which the target does not have (meta_field_text)
    {"multi_match":{"query":"1","fields":["_id","a"]}}
      the same
      refused query.multi_match.fields: which type is meant is not said, and ids carry it (ids_need_types)
    {"simple_query_string":{"query":"_type:memo","fields":["_parent"]}}
      the same
      refused query.simple_query_string.fields: the text is searched in `_parent`, which the target does not have (meta_field_text)
    {"simple_query_string":{"query":"_type:memo","fields":["a"]}}
      the same
    "#);
    insta::assert_snapshot!(queries(&split("{index}-{type}"), r#"{"query_string": {"query": "_type:memo", "default_field": "a"}}"#), @r#"
    {"query_string":{"query":"_type:memo","default_field":"a"}}
      the same
      refused query.query_string.query: the text searches `_type`, which the target does not have or reads another way (meta_field_text)
    "#);
}

#[test]
fn buckets_and_order_by_type_are_by_the_field_that_holds_it() {
    let lines = r#"
        {"aggs": {"t": {"terms": {"field": "_type"}}}, "sort": [{"_type": "desc"}, "_type"]}
        {"aggs": {"t": {"cardinality": {"field": "_parent"}}}}
    "#;
    insta::assert_snapshot!(bodies(&merged(false), lines), @r#"
    {"aggs":{"t":{"terms":{"field":"_type"}}},"sort":[{"_type":"desc"},"_type"]}
      {"aggs":{"t":{"terms":{"field":"kind"}}},"sort":[{"kind":"desc"},"kind"]}
      by type_filter
    {"aggs":{"t":{"cardinality":{"field":"_parent"}}}}
      the same
      refused aggs.t.cardinality.field: the target has no field `_parent` (meta_field)
    "#);
    insta::assert_snapshot!(bodies(&plain(), lines), @r#"
    {"aggs":{"t":{"terms":{"field":"_type"}}},"sort":[{"_type":"desc"},"_type"]}
      the same
      refused aggs.t.terms.field: the target has no field `_type` (meta_field)
      refused sort[0]._type: the target has no field `_type` (meta_field)
      refused sort[1]: the target has no field `_type` (meta_field)
    {"aggs":{"t":{"cardinality":{"field":"_parent"}}}}
      the same
      refused aggs.t.cardinality.field: the target has no field `_parent` (meta_field)
    "#);
}

#[test]
fn a_uid_is_an_id_among_the_documents_of_its_type() {
    let lines = r#"{"terms": {"_uid": ["memo#1", "box#1", "memo#2"]}}"#;
    insta::assert_snapshot!(filters(&merged(false), lines), @r#"
    {"terms":{"_uid":["memo#1","box#1","memo#2"]}}
      {"bool":{"should":[{"bool":{"must":[{"ids":{"values":["1","2"]}}],"filter":[{"term":{"kind":"memo"}}]}},{"bool":{"must":[{"ids":{"values":["1"]}}],"filter":[{"term":{"kind":"box"}}]}}],"minimum_should_match":1}}
      by type_filter, uid_term
    "#);
    insta::assert_snapshot!(filters(&split("all-{type}"), r#"{"term": {"_uid": "memo#1"}}"#), @r#"
    {"term":{"_uid":"memo#1"}}
      {"bool":{"must":[{"ids":{"values":["1"]}}],"filter":[{"term":{"_index":"all-memo"}}]}}
      by type_filter, uid_term
    "#);
}

#[test]
fn of_a_list_of_fields_that_exist_the_last_is_looked_at() {
    let lines = r#"
        {"exists": {"field": ["a", "b"]}}
        {"missing": {"field": ["a", "b"]}}
        {"exists": {"field": []}}
        {"missing": {"field": 1}}
    "#;
    insta::assert_snapshot!(filters(&plain(), lines), @r#"
    {"exists":{"field":["a","b"]}}
      {"exists":{"field":"b"}}
      by exists_list
    {"missing":{"field":["a","b"]}}
      {"bool":{"must_not":[{"exists":{"field":"b"}}]}}
      by exists_list, missing_filter
    {"exists":{"field":[]}}
      the same
      refused post_filter.exists: this is not the form of such a query or part (malformed)
    {"missing":{"field":1}}
      the same
      refused post_filter.missing: this is not the form of such a query or part (malformed)
    "#);
}

#[test]
fn a_bound_with_a_fraction_may_be_another_bound() {
    let lines = r#"
        {"range": {"n": {"from": 0.5, "lte": 2}}}
        {"range": {"n": {"gte": 1.0, "lt": "1.5"}}}
    "#;
    insta::assert_snapshot!(queries(&plain(), lines), @r#"
    {"range":{"n":{"from":0.5,"lte":2}}}
      {"range":{"n":{"lte":2,"gte":0.5}}}
      by range_bounds, range_fraction
    {"range":{"n":{"gte":1.0,"lt":"1.5"}}}
      the same
    "#);
}
