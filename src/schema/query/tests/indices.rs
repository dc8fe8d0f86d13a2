//! Names of indices in a search, and documents that are looked up in them.

use super::{Context, NEW, OLD, TypesBecame, bodies, queries};
use crate::config::{FromConfig, MigrationConfig, ToConfig};

fn named(template: &str, types: TypesBecame) -> Context {
    let indices = vec!["users*".to_owned(), "-users-old".to_owned()];
    let from = FromConfig { cluster: "old".to_owned(), indices, query: None };
    let to = ToConfig { cluster: "new".to_owned(), index: template.to_owned(), others: Vec::new() };
    let migration = MigrationConfig { from, to, ..MigrationConfig::default() };
    Context { types, ..Context::of(&migration, OLD, NEW) }
}

const LOOKUPS: &str = r#"
    {"terms": {"a": {"index": "users", "type": "user", "id": "2", "path": "f"}}}
    {"terms": {"a": {"index": "users-old", "type": "user", "id": "2", "path": "f"}}}
    {"terms": {"a": {"index": "users", "id": 2, "path": "f", "routing": "2"}}}
    {"terms": {"a": {"index": "users", "type": "user", "id": 2, "path": "f", "routing": "2"}}}
    {"indices": {"indices": ["users", "users-old"], "query": {"term": {"a": 1}}, "no_match_query": "none"}}
    {"more_like_this": {"fields": ["a"], "docs": [{"_index": "users", "_type": "user", "_id": "1"}]}}
"#;

#[test]
fn indices_of_the_migration_are_named_as_on_the_target_and_others_are_told() {
    insta::assert_snapshot!(queries(&named("{index}-v2", TypesBecame::Dropped), LOOKUPS), @r#"
    {"terms":{"a":{"index":"users","type":"user","id":"2","path":"f"}}}
      {"terms":{"a":{"index":"users-v2","type":"_doc","id":"2","path":"f"}}}
      by index_renamed, terms_lookup
    {"terms":{"a":{"index":"users-old","type":"user","id":"2","path":"f"}}}
      {"terms":{"a":{"index":"users-old","type":"_doc","id":"2","path":"f"}}}
      by index_elsewhere, terms_lookup
    {"terms":{"a":{"index":"users","id":2,"path":"f","routing":"2"}}}
      {"terms":{"a":{"index":"users-v2","id":2,"path":"f","routing":"2"}}}
      by index_renamed
    {"terms":{"a":{"index":"users","type":"user","id":2,"path":"f","routing":"2"}}}
      {"terms":{"a":{"index":"users-v2","type":"_doc","id":2,"path":"f","routing":"2"}}}
      by index_renamed, terms_lookup
    {"indices":{"indices":["users","users-old"],"query":{"term":{"a":1}},"no_match_query":"none"}}
      {"bool":{"should":[{"bool":{"must":[{"term":{"a":1}}],"filter":[{"terms":{"_index":["users-v2","users-old"]}}]}},{"bool":{"must":[{"match_none":{}}],"must_not":[{"terms":{"_index":["users-v2","users-old"]}}]}}],"minimum_should_match":1}}
      by index_renamed, index_elsewhere, indices_query
    {"more_like_this":{"fields":["a"],"docs":[{"_index":"users","_type":"user","_id":"1"}]}}
      {"more_like_this":{"fields":["a"],"like":{"_index":"users-v2","_type":"_doc","_id":"1"}}}
      by index_renamed, terms_lookup, more_like_text
    "#);
    let boost = r#"
        {"indices_boost": {"users": 2, "logs": 1}}
        {"indices_boost": [{"users": 2}]}
    "#;
    insta::assert_snapshot!(bodies(&named("{index}-v2", TypesBecame::Dropped), boost), @r#"
    {"indices_boost":{"users":2,"logs":1}}
      {"indices_boost":[{"users-v2":2},{"logs":1}]}
      by index_renamed, index_elsewhere, indices_boost
    {"indices_boost":[{"users":2}]}
      {"indices_boost":[{"users-v2":2}]}
      by index_renamed
    "#);
    insta::assert_snapshot!(bodies(&named("all", TypesBecame::Dropped), boost), @r#"
    {"indices_boost":{"users":2,"logs":1}}
      {"indices_boost":[{"all":2},{"logs":1}]}
      by index_elsewhere, indices_boost
    {"indices_boost":[{"users":2}]}
      {"indices_boost":[{"all":2}]}
      by index_elsewhere
    "#);
}

#[test]
fn documents_that_are_looked_up_have_the_ids_and_indices_of_their_types() {
    let merged = TypesBecame::Field { name: "kind".to_owned(), prefix_ids: true };
    insta::assert_snapshot!(queries(&named("{index}", merged), LOOKUPS), @r#"
    {"terms":{"a":{"index":"users","type":"user","id":"2","path":"f"}}}
      {"terms":{"a":{"index":"users","type":"_doc","id":"user-2","path":"f"}}}
      by ids_type, terms_lookup
    {"terms":{"a":{"index":"users-old","type":"user","id":"2","path":"f"}}}
      {"terms":{"a":{"index":"users-old","type":"_doc","id":"2","path":"f"}}}
      by index_elsewhere, terms_lookup
    {"terms":{"a":{"index":"users","id":2,"path":"f","routing":"2"}}}
      the same
      refused query.terms.a: which type is meant is not said, and ids carry it (ids_need_types)
    {"terms":{"a":{"index":"users","type":"user","id":2,"path":"f","routing":"2"}}}
      {"terms":{"a":{"index":"users","type":"_doc","id":"user-2","path":"f","routing":"2"}}}
      by ids_type, terms_lookup
    {"indices":{"indices":["users","users-old"],"query":{"term":{"a":1}},"no_match_query":"none"}}
      {"bool":{"should":[{"bool":{"must":[{"term":{"a":1}}],"filter":[{"terms":{"_index":["users","users-old"]}}]}},{"bool":{"must":[{"match_none":{}}],"must_not":[{"terms":{"_index":["users","users-old"]}}]}}],"minimum_should_match":1}}
      by index_elsewhere, indices_query
    {"more_like_this":{"fields":["a"],"docs":[{"_index":"users","_type":"user","_id":"1"}]}}
      {"more_like_this":{"fields":["a"],"like":{"_index":"users","_type":"_doc","_id":"1"}}}
      by terms_lookup, more_like_text
      refused query.more_like_this: which type is meant is not said, and ids carry it (ids_need_types)
    "#);
    let joined = TypesBecame::Join { field: "rel".to_owned(), type_field: None, prefix_ids: true };
    insta::assert_snapshot!(queries(&named("{index}", joined), LOOKUPS), @r#"
    {"terms":{"a":{"index":"users","type":"user","id":"2","path":"f"}}}
      the same
      by terms_lookup
      refused query.terms.a: `user-2` may be routed by its old id, and the lookup names no routing (ids_need_types)
    {"terms":{"a":{"index":"users-old","type":"user","id":"2","path":"f"}}}
      {"terms":{"a":{"index":"users-old","type":"_doc","id":"2","path":"f"}}}
      by index_elsewhere, terms_lookup
    {"terms":{"a":{"index":"users","id":2,"path":"f","routing":"2"}}}
      the same
      refused query.terms.a: which type is meant is not said, and ids carry it (ids_need_types)
    {"terms":{"a":{"index":"users","type":"user","id":2,"path":"f","routing":"2"}}}
      {"terms":{"a":{"index":"users","type":"_doc","id":"user-2","path":"f","routing":"2"}}}
      by ids_type, terms_lookup
    {"indices":{"indices":["users","users-old"],"query":{"term":{"a":1}},"no_match_query":"none"}}
      {"bool":{"should":[{"bool":{"must":[{"term":{"a":1}}],"filter":[{"terms":{"_index":["users","users-old"]}}]}},{"bool":{"must":[{"match_none":{}}],"must_not":[{"terms":{"_index":["users","users-old"]}}]}}],"minimum_should_match":1}}
      by index_elsewhere, indices_query
    {"more_like_this":{"fields":["a"],"docs":[{"_index":"users","_type":"user","_id":"1"}]}}
      {"more_like_this":{"fields":["a"],"like":{"_index":"users","_type":"_doc","_id":"1"}}}
      by terms_lookup, more_like_text
      refused query.more_like_this: which type is meant is not said, and ids carry it (ids_need_types)
    "#);
    let split = TypesBecame::Index { template: "{index}-{type}".to_owned() };
    insta::assert_snapshot!(queries(&named("{index}-{type}", split), LOOKUPS), @r#"
    {"terms":{"a":{"index":"users","type":"user","id":"2","path":"f"}}}
      {"terms":{"a":{"index":"users-user","type":"_doc","id":"2","path":"f"}}}
      by index_renamed, terms_lookup
    {"terms":{"a":{"index":"users-old","type":"user","id":"2","path":"f"}}}
      {"terms":{"a":{"index":"users-old","type":"_doc","id":"2","path":"f"}}}
      by index_elsewhere, terms_lookup
    {"terms":{"a":{"index":"users","id":2,"path":"f","routing":"2"}}}
      the same
      refused query.terms.a.index: `users` became an index for each of its types (type_is_an_index)
    {"terms":{"a":{"index":"users","type":"user","id":2,"path":"f","routing":"2"}}}
      {"terms":{"a":{"index":"users-user","type":"_doc","id":2,"path":"f","routing":"2"}}}
      by index_renamed, terms_lookup
    {"indices":{"indices":["users","users-old"],"query":{"term":{"a":1}},"no_match_query":"none"}}
      the same
      by index_elsewhere
      refused query.indices.indices: `users` became an index for each of its types (type_is_an_index)
    {"more_like_this":{"fields":["a"],"docs":[{"_index":"users","_type":"user","_id":"1"}]}}
      {"more_like_this":{"fields":["a"],"like":{"_index":"users-user","_type":"_doc","_id":"1"}}}
      by index_renamed, terms_lookup, more_like_text
    "#);
}
