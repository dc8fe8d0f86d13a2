//! The bounds for which a search is refused are those of 6.8.23, and 1.7.6 has none of them.

use anyhow::Result;
use bytes::Bytes;
use esferry::schema::query::rewrite_search;
use esferry_lab::Endpoint;
use reqwest::Method;
use serde_json::{Value, json};

use super::between;
use crate::sides::Sides;

/// A name, a body around a size, the largest size that 6.8 takes, and the next.
type Bounded = (&'static str, fn(Value) -> Value, Value, Value);

async fn takes(side: &Endpoint, index: &str, body: &Value) -> Result<bool> {
    let body = Bytes::from(body.to_string());
    let answer = side.send(Method::POST, &format!("/{index}/_search"), "application/json", body).await?;
    Ok(answer.json().is_ok_and(|answer| answer.pointer("/_shards/failed") == Some(&json!(0))))
}

#[tokio::test]
async fn what_is_refused_for_its_size_is_refused_by_the_server_and_the_rest_is_taken() {
    if !esferry_lab::wanted("the bounds of searches on 1.7 and 6.8") {
        return;
    }
    let sides = Sides::new("query-limits").await.unwrap();
    let (from, to) = (
        sides.create(&sides.old, "from", &json!({})).await.unwrap(),
        sides.create(&sides.new, "to", &json!({})).await.unwrap(),
    );
    let terms = |count: usize| vec![json!({"term": {"a": 1}}); count];
    let fields = |count: usize| (0..count).map(|n| format!("f{n}")).collect::<Vec<_>>();
    let bodies: [Bounded; 5] = [
        ("or", |list| json!({"filter": {"or": list}}), json!(terms(1024)), json!(terms(1025))),
        ("size", |size| json!({"size": size}), json!(10_000), json!(10_001)),
        ("top_hits", |size| json!({"aggs": {"a": {"top_hits": {"size": size}}}}), json!(100), json!(101)),
        (
            "fielddata_fields",
            |list| json!({"fielddata_fields": list}),
            json!(fields(100)),
            json!(fields(101)),
        ),
        (
            "rescore",
            |size| json!({"rescore": {"window_size": size, "query": {"rescore_query": {"match_all": {}}}}}),
            json!(10_000),
            json!(10_001),
        ),
    ];
    for (name, body, most, more) in bodies {
        let (most, more) = (body(most), body(more));
        let rewritten = [&most, &more].map(|body| rewrite_search(body, &between()));
        assert_eq!(rewritten[0].refused, [], "{name}");
        assert!(!rewritten[1].refused.is_empty(), "{name}");
        assert!(takes(&sides.old, &from, &more).await.unwrap(), "{name} on 1.7");
        assert!(takes(&sides.new, &to, &rewritten[0].body).await.unwrap(), "{name} on 6.8");
        assert!(!takes(&sides.new, &to, &rewritten[1].body).await.unwrap(), "{name} beyond, on 6.8");
    }
}
