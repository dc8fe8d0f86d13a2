//! What has to hold of any two answers.

use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Names with their ranks.
type Ranks = Vec<(String, u8)>;

/// Hits with few different scores, best first, and terms with counts, largest first.
fn parts() -> impl Strategy<Value = (Ranks, Ranks)> {
    let ranked = || {
        prop::collection::vec(0_u8..5, 1..12).prop_map(|mut ranks| {
            ranks.sort_unstable_by(|one, other| other.cmp(one));
            ranks.into_iter().enumerate().map(|(at, rank)| (format!("x{at}"), rank)).collect::<Vec<_>>()
        })
    };
    (ranked(), ranked())
}

fn whole(total: usize, found: &[(String, u8)], terms: &[(String, u8)]) -> Value {
    let found: Vec<Value> =
        found.iter().map(|(id, score)| json!({"_id": id, "_score": f64::from(*score) + 0.5})).collect();
    let terms: Vec<Value> =
        terms.iter().map(|(key, count)| json!({"key": key, "doc_count": count})).collect();
    answer(json!({
        "hits": {"total": total, "max_score": found.first().map(|hit| hit["_score"].clone()), "hits": found},
        "aggregations": {"t": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": terms}},
    }))
}

/// The same ranks with ties in another order.
fn reordered(all: &[(String, u8)], seed: u64) -> Vec<(String, u8)> {
    let mut other = all.to_vec();
    other.sort_by_key(|(name, rank)| {
        let mixed = name.bytes().fold(seed, |hash, byte| hash.wrapping_mul(31).wrapping_add(u64::from(byte)));
        (std::cmp::Reverse(*rank), mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    });
    other
}

proptest! {
    #[test]
    fn permuted_ties_are_never_a_difference((found, terms) in parts(), seed in any::<u64>()) {
        let body = json!({"aggs": {"t": {"terms": {"field": "a"}}}});
        let source = whole(found.len(), &found, &terms);
        let target = whole(found.len(), &reordered(&found, seed), &reordered(&terms, seed));
        prop_assert_eq!(judged(body, &source, &target), "");
    }

    #[test]
    fn one_changed_thing_is_always_a_difference(
        (found, terms) in parts(),
        seed in any::<u64>(),
        what in 0..5,
        at in any::<prop::sample::Index>(),
    ) {
        let body = json!({"aggs": {"t": {"terms": {"field": "a"}}}});
        let source = whole(found.len(), &found, &terms);
        let mut target = whole(found.len(), &reordered(&found, seed), &reordered(&terms, seed));
        let place = match what {
            0 => { target["hits"]["total"] = json!(found.len() + 1); "hits.total" }
            1 => { target["hits"]["hits"][at.index(found.len())]["_id"] = json!("other"); "hits.ids" }
            2 => {
                target["hits"]["hits"].as_array_mut().unwrap().remove(at.index(found.len()));
                "hits.ids"
            }
            3 => { target["aggregations"]["t"]["buckets"][at.index(terms.len())]["key"] = json!("other"); "aggregations.t.buckets" }
            _ => { target["aggregations"]["t"]["buckets"][at.index(terms.len())]["doc_count"] = json!(77); "doc_count" }
        };
        let told = judged(body, &source, &target);
        prop_assert!(told.contains(place), "{place}: {told}");
    }

    #[test]
    fn any_two_answers_can_be_judged(source in json(), target in json(), body in json()) {
        let _ = judge(&rules(&body, Expect::default()), &answer(json!({"hits": source, "aggregations": source, "suggest": source})), &answer(json!({"hits": target, "aggregations": target, "suggest": target})));
    }
}

/// JSON of the words that answers are made of.
fn json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "hits",
        "total",
        "_id",
        "sort",
        "buckets",
        "key",
        "doc_count",
        "aggs",
        "terms",
        "order",
        "_count",
        "a",
        "value",
        "values",
        "highlight",
        "inner_hits",
        "options",
        "text",
        "top_hits",
        "max_score",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..6).prop_map(|entries| entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}
