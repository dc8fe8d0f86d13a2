//! The same searches once more, by `esferry compare`: what it finds is what the report of the rewriting announces.

use serde_json::{Value, json};

use super::{documents, lines, searches};
use crate::compare::compare;
use crate::sides::Sides;

#[tokio::test]
async fn compare_finds_no_difference_that_is_not_announced() {
    if !esferry_lab::wanted("all known searches of 1.7, by esferry compare") {
        return;
    }
    let sides = Sides::new("compare-known").await.unwrap();
    documents::load(&sides).await.unwrap();
    let daemon = sides.ferry("from", "to", "").unwrap();
    let path = format!("/{}/_search", sides.index("from"));
    let known = lines(searches::SEARCHES).enumerate().map(|(number, mut body)| {
        if body.get("size").is_none() {
            body["size"] = json!(100);
        }
        json!({"name": format!("known {number}"), "path": path, "body": body})
    });
    let known: Vec<Value> = known.collect();
    let compared = compare(&daemon, &known, &["--repeat", "1", "--relevance", "ignore"]).unwrap();
    assert_eq!(compared.with("same").len() + 2, known.len(), "{}", compared.told());
    let (different, unsteady) = (compared.with("different"), compared.with("unsteady"));
    assert!(different.len() == 1 && unsteady.len() == 1, "{}", compared.told());
    let outcome = compared.search(&different[0]).unwrap();
    assert!(outcome["announced"].to_string().contains("agg_addresses"), "{outcome:#}");
    assert_eq!(outcome["differences"][0]["at"], "aggregations.i.buckets[low].to");
    let outcome = compared.search(&unsteady[0]).unwrap();
    assert!(outcome["reasons"].to_string().contains("random scores depend on chance"), "{outcome:#}");
    // By relevance, many of them come in another order, and nothing else is found.
    let compared = compare(&daemon, &known, &["--repeat", "1"]).unwrap();
    let mut by_relevance = 0;
    for name in compared.with("different") {
        let outcome = compared.search(&name).unwrap();
        let places = outcome["differences"].as_array().unwrap();
        if places.iter().all(|place| place["at"] == "hits.order") {
            by_relevance += 1;
            assert!(outcome["announced"].to_string().contains("default_similarity"), "{outcome:#}");
        } else {
            assert_eq!(name, different[0], "{outcome:#}");
        }
    }
    assert!(by_relevance >= 10, "{}", compared.told());
}
