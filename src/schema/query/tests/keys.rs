//! Fields that the transforms of a migration moved.

use super::{bodies, json, queries, rewrite_search, transformed};
use crate::schema::report::Severity;

#[test]
fn a_key_with_its_value_is_a_pair() {
    let lines = r#"
        {"match": {"actions.tags.name": {"query": "John"}}}
        {"match": {"actions.tags.name": "John"}}
        {"match": {"actions.tags.name": {"query": "John Smith", "operator": "and", "boost": 2}}}
        {"match_phrase": {"actions.tags.name": "John Smith"}}
        {"match_phrase_prefix": {"actions.tags.name": "Jo"}}
        {"match": {"actions.tags.name": {"query": "John", "fuzziness": 1}}}
        {"term": {"actions.tags.count": 5}}
        {"term": {"actions.tags.a.b": true}}
        {"terms": {"actions.tags.name": ["John", "Dor"]}}
        {"terms": {"actions.tags.name": ["John", "Dor"], "execution": "and"}}
        {"prefix": {"actions.tags.name": "Jo"}}
        {"wildcard": {"actions.tags.na*me": "J*n"}}
        {"regexp": {"actions.tags.na.me": "J.*|D.*"}}
        {"constant_score": {"filter": {"exists": {"field": "actions.tags.name"}}}}
        {"constant_score": {"filter": {"exists": {"field": "actions.tags.name", "_name": "n"}}}}
        {"constant_score": {"filter": {"missing": {"field": "actions.tags.name"}}}}
        {"constant_score": {"filter": {"exists": {"field": "actions.tags"}}}}
        {"constant_score": {"filter": {"exists": {"field": "actions.tags.*"}}}}
        {"range": {"actions.tags.count": {"gte": 5}}}
        {"fuzzy": {"actions.tags.name": "Jon"}}
        {"term": {"actions.tagsword": "x"}}
        {"geo_distance": {"distance": "1km", "actions.tags.place": "1,2"}}
    "#;
    insta::assert_snapshot!(queries(&transformed(), lines), @r#"
    {"match":{"actions.tags.name":{"query":"John"}}}
      {"match":{"actions.tags.keyToValue":"name:John"}}
      by key_value_pair
    {"match":{"actions.tags.name":"John"}}
      {"match":{"actions.tags.keyToValue":"name:John"}}
      by key_value_pair
    {"match":{"actions.tags.name":{"query":"John Smith","operator":"and","boost":2}}}
      {"match":{"actions.tags.keyToValue":{"boost":2,"query":"name:John Smith"}}}
      by key_value_option, key_value_pair
    {"match_phrase":{"actions.tags.name":"John Smith"}}
      {"match":{"actions.tags.keyToValue":"name:John Smith"}}
      by key_value_pair
    {"match_phrase_prefix":{"actions.tags.name":"Jo"}}
      {"prefix":{"actions.tags.keyToValue":"name:Jo"}}
      by key_value_pair
    {"match":{"actions.tags.name":{"query":"John","fuzziness":1}}}
      the same
      refused query.match.actions.tags.name: `actions.tags.name` is the pair `name:…` in the keyword `actions.tags.keyToValue`: it is not analysed, and has neither numbers nor their order (key_value_whole)
    {"term":{"actions.tags.count":5}}
      {"term":{"actions.tags.keyToValue":"count:5"}}
      by key_value_pair
    {"term":{"actions.tags.a.b":true}}
      {"term":{"actions.tags.keyToValue":"a.b:true"}}
      by key_value_pair
    {"terms":{"actions.tags.name":["John","Dor"]}}
      {"terms":{"actions.tags.keyToValue":["name:John","name:Dor"]}}
      by key_value_pair
    {"terms":{"actions.tags.name":["John","Dor"],"execution":"and"}}
      {"bool":{"filter":[{"term":{"actions.tags.keyToValue":"name:John"}},{"term":{"actions.tags.keyToValue":"name:Dor"}}]}}
      by key_value_pair, terms_all
    {"prefix":{"actions.tags.name":"Jo"}}
      {"prefix":{"actions.tags.keyToValue":"name:Jo"}}
      by key_value_pair
    {"wildcard":{"actions.tags.na*me":"J*n"}}
      {"wildcard":{"actions.tags.keyToValue":"na\\*me:J*n"}}
      by key_value_pair
    {"regexp":{"actions.tags.na.me":"J.*|D.*"}}
      {"regexp":{"actions.tags.keyToValue":"na\\.me:(J.*|D.*)"}}
      by key_value_pair
    {"constant_score":{"filter":{"exists":{"field":"actions.tags.name"}}}}
      {"constant_score":{"filter":{"prefix":{"actions.tags.keyToValue":"name:"}}}}
      by key_value_exists
    {"constant_score":{"filter":{"exists":{"field":"actions.tags.name","_name":"n"}}}}
      {"constant_score":{"filter":{"prefix":{"actions.tags.keyToValue":{"_name":"n","value":"name:"}}}}}
      by key_value_exists
    {"constant_score":{"filter":{"missing":{"field":"actions.tags.name"}}}}
      {"constant_score":{"filter":{"bool":{"must_not":[{"prefix":{"actions.tags.keyToValue":"name:"}}]}}}}
      by key_value_exists, missing_filter
    {"constant_score":{"filter":{"exists":{"field":"actions.tags"}}}}
      the same
    {"constant_score":{"filter":{"exists":{"field":"actions.tags.*"}}}}
      {"constant_score":{"filter":{"exists":{"field":"actions.tags.keyToValue"}}}}
      by key_value_all
    {"range":{"actions.tags.count":{"gte":5}}}
      the same
      refused query.range.actions.tags.count: `actions.tags.count` is the pair `count:…` in the keyword `actions.tags.keyToValue`: it is not analysed, and has neither numbers nor their order (key_value_whole)
    {"fuzzy":{"actions.tags.name":"Jon"}}
      the same
      refused query.fuzzy.actions.tags.name: `actions.tags.name` is the pair `name:…` in the keyword `actions.tags.keyToValue`: it is not analysed, and has neither numbers nor their order (key_value_whole)
    {"term":{"actions.tagsword":"x"}}
      the same
    {"geo_distance":{"distance":"1km","actions.tags.place":"1,2"}}
      the same
      refused query.geo_distance.actions.tags.place: `actions.tags.place` is the pair `place:…` in the keyword `actions.tags.keyToValue`: it is not analysed, and has neither numbers nor their order (key_value_whole)
    "#);
}

#[test]
fn what_asks_for_any_key_asks_for_the_value() {
    let lines = r#"
        {"query_string": {"fields": ["actions.tags.*"], "query": "Dor"}}
        {"multi_match": {"fields": ["actions.tags.*", "title^3"], "query": "Dor"}}
        {"term": {"actions.tags.*": "Dor"}}
        {"query_string": {"fields": ["title"], "query": "x AND (actions.tags.name:John)"}}
        {"query_string": {"fields": ["title"], "query": "_exists_:user.name"}}
        {"query_string": {"fields": ["title"], "query": "time:\"10:30\""}}
    "#;
    insta::assert_snapshot!(queries(&transformed(), lines), @r#"
    {"query_string":{"fields":["actions.tags.*"],"query":"Dor"}}
      {"query_string":{"fields":["actions.tags.value"],"query":"Dor"}}
      by key_value_all
    {"multi_match":{"fields":["actions.tags.*","title^3"],"query":"Dor"}}
      {"multi_match":{"fields":["actions.tags.value","title^3"],"query":"Dor"}}
      by key_value_all
    {"term":{"actions.tags.*":"Dor"}}
      {"term":{"actions.tags.value":"Dor"}}
      by key_value_all
    {"query_string":{"fields":["title"],"query":"x AND (actions.tags.name:John)"}}
      the same
      refused query.query_string.query: the text names `actions.tags.name`, which is another field on the target (key_value_text)
    {"query_string":{"fields":["title"],"query":"_exists_:user.name"}}
      the same
      refused query.query_string.query: the text names `user.name`, which is another field on the target (key_value_text)
    {"query_string":{"fields":["title"],"query":"time:\"10:30\""}}
      the same
    "#);
}

#[test]
fn other_parts_follow_the_fields_or_refuse() {
    let lines = r#"
        {"query": {"match": {"user.name": "x"}}, "sort": ["user.age", {"internal.n": "asc"}], "aggs": {"who": {"terms": {"field": "user.name"}}}}
        {"sort": [{"actions.tags.name": {"order": "asc"}}, "actions.tags.*"]}
        {"aggs": {"names": {"terms": {"field": "actions.tags.na.me", "size": 5}}}}
        {"aggs": {"names": {"terms": {"field": "actions.tags.name", "include": "J.*"}}}}
        {"aggs": {"most": {"max": {"field": "actions.tags.count"}}}}
        {"aggs": {"c": {"composite": {"sources": [{"x": {"terms": {"field": "user.name"}}}]}}, "w": {"weighted_avg": {"value": {"field": "user.a"}, "weight": {"field": "user.b"}}}, "m": {"matrix_stats": {"fields": ["user.a"]}}}}
        {"query": {"term": {"internal.note": "x"}}}
        {"query": {"constant_score": {"filter": {"exists": {"field": "internal"}}}}, "_source": {"include": ["user.*"]}}
        {"fields": ["actions.tags.name", "actions.tags.age", "internal.n", "title"]}
        {"_source": {"include": "actions.tags.*", "exclude": ["actions.tags.name"]}}
        {"query": {"query_string": {"query": "x", "fields": ["act*", "us*"]}}}
        {"highlight": {"fields": {"user.name": {}}, "require_field_match": true, "type": "plain"}}
        {"query": {"nested": {"path": "user", "query": {"term": {"user.n": 1}}}}}
    "#;
    insta::assert_snapshot!(bodies(&transformed(), lines), @r#"
    {"query":{"match":{"user.name":"x"}},"sort":["user.age",{"internal.n":"asc"}],"aggs":{"who":{"terms":{"field":"user.name"}}}}
      {"query":{"match":{"account.name":"x"}},"sort":["account.age",{"internal.n":"asc"}],"aggs":{"who":{"terms":{"field":"account.name"}}}}
      by field_renamed
      refused sort[1].internal.n: the target's documents have no `internal.n` (field_removed)
    {"sort":[{"actions.tags.name":{"order":"asc"}},"actions.tags.*"]}
      the same
      refused sort[0].actions.tags.name: `actions.tags.name` is the pair `name:…` in the keyword `actions.tags.keyToValue`: it is not analysed, and has neither numbers nor their order (key_value_whole)
      refused sort[1]: `actions.tags.*` is the pair `*:…` in the keyword `actions.tags.keyToValue`: it is not analysed, and has neither numbers nor their order (key_value_whole)
    {"aggs":{"names":{"terms":{"field":"actions.tags.na.me","size":5}}}}
      {"aggs":{"names":{"terms":{"field":"actions.tags.keyToValue","size":5,"include":"na\\.me:.*"}}}}
      by agg_key_value
    {"aggs":{"names":{"terms":{"field":"actions.tags.name","include":"J.*"}}}}
      the same
      by agg_regex
      refused aggs.names.terms.field: `actions.tags.name` is the pair `name:…` in the keyword `actions.tags.keyToValue`: it is not analysed, and has neither numbers nor their order (key_value_whole)
    {"aggs":{"most":{"max":{"field":"actions.tags.count"}}}}
      the same
      refused aggs.most.max.field: `actions.tags.count` is the pair `count:…` in the keyword `actions.tags.keyToValue`: it is not analysed, and has neither numbers nor their order (key_value_whole)
    {"aggs":{"c":{"composite":{"sources":[{"x":{"terms":{"field":"user.name"}}}]}},"w":{"weighted_avg":{"value":{"field":"user.a"},"weight":{"field":"user.b"}}},"m":{"matrix_stats":{"fields":["user.a"]}}}}
      {"aggs":{"c":{"composite":{"sources":[{"x":{"terms":{"field":"account.name"}}}]}},"w":{"weighted_avg":{"value":{"field":"account.a"},"weight":{"field":"account.b"}}},"m":{"matrix_stats":{"fields":["account.a"]}}}}
      by field_renamed
    {"query":{"term":{"internal.note":"x"}}}
      the same
      refused query.term.internal.note: the target's documents have no `internal.note` (field_removed)
    {"query":{"constant_score":{"filter":{"exists":{"field":"internal"}}}},"_source":{"include":["user.*"]}}
      {"query":{"constant_score":{"filter":{"exists":{"field":"internal"}}}},"_source":{"includes":["account.*"]}}
      by source_filter, field_renamed
      refused query.constant_score.filter.exists.field: the target's documents have no `internal` (field_removed)
    {"fields":["actions.tags.name","actions.tags.age","internal.n","title"]}
      {"_source":["actions.tags","internal.n","title"]}
      by key_value_shown, field_not_shown, fields_source
    {"_source":{"include":"actions.tags.*","exclude":["actions.tags.name"]}}
      {"_source":{"includes":"actions.tags","excludes":["actions.tags.name"]}}
      by source_filter, key_value_shown, source_filter
      refused _source.excludes[0]: `actions.tags.name` is the pair `name:…` in the keyword `actions.tags.keyToValue`: it is not analysed, and has neither numbers nor their order (key_value_whole)
    {"query":{"query_string":{"query":"x","fields":["act*","us*"]}}}
      the same
      by key_value_all
      refused query.query_string.fields[1]: the pattern covers `user`, which is `account` on the target (field_pattern)
    {"highlight":{"fields":{"user.name":{}},"require_field_match":true,"type":"plain"}}
      {"highlight":{"fields":{"account.name":{}},"require_field_match":true,"type":"plain"}}
      by field_renamed
    {"query":{"nested":{"path":"user","query":{"term":{"user.n":1}}}}}
      {"query":{"nested":{"path":"account","query":{"term":{"account.n":1}}}}}
      by field_renamed
    "#);
}

#[test]
fn a_number_that_is_looked_for_is_told_to_be_text() {
    for (query, told) in [
        (json!({"term": {"actions.tags.age": 5}}), true),
        (json!({"terms": {"actions.tags.age": [5, "6"]}}), true),
        (json!({"terms": {"actions.tags.age": ["5"]}}), false),
        (json!({"match": {"actions.tags.age": "5"}}), false),
    ] {
        let rewritten = rewrite_search(&json!({"query": query}), &transformed());
        let change = rewritten.report.changes.iter().find(|change| change.rule == "key_value_pair").unwrap();
        assert_eq!(
            change.reason.contains("numbers are compared as text"),
            told,
            "{query}: {}",
            change.reason
        );
        assert_eq!(change.severity, Severity::SearchMayDiffer);
    }
}
