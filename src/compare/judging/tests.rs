//! Judging by example.

mod properties;

use serde_json::json;

use super::*;

fn rules<'a>(body: &'a Value, expect: Expect) -> Rules<'a> {
    Rules {
        asked: Asked::Search,
        source_body: body,
        target_body: body,
        prefixed_ids: false,
        scores: Scores::Within(1e-4),
        relevance: Wanted::Same,
        expect,
    }
}

/// An answer of one shard.
fn answer(parts: Value) -> Value {
    let mut answer =
        json!({"took": 1, "timed_out": false, "_shards": {"total": 1, "successful": 1, "failed": 0}});
    let parts = parts.as_object().unwrap().clone();
    answer.as_object_mut().unwrap().extend(parts);
    answer
}

/// Hits by id and score.
fn hits(total: u64, found: &[(&str, f64)]) -> Value {
    let hits: Vec<Value> =
        found.iter().map(|(id, score)| json!({"_id": id, "_type": "t", "_score": score})).collect();
    answer(json!({"hits": {"total": total, "max_score": found.first().map(|first| first.1), "hits": hits}}))
}

fn told(findings: &Findings) -> String {
    let one = |kind: &str, all: &[Difference]| -> String {
        all.iter().map(|found| format!("{kind}{}: {} | {}\n", found.at, found.source, found.target)).collect()
    };
    let lines =
        |kind: &str, all: &[String]| all.iter().map(|line| format!("{kind}{line}\n")).collect::<String>();
    format!(
        "{}{}{}{}",
        one("", &findings.differences),
        one("about: ", &findings.approximate),
        lines("unjudged: ", &findings.unjudged),
        lines("left out: ", &findings.left_out)
    )
}

fn judged(body: Value, source: &Value, target: &Value) -> String {
    told(&judge(&rules(&body, Expect::default()), source, target))
}

#[test]
fn totals_ids_order_and_scores_are_compared() {
    let source = hits(3, &[("a", 3.0), ("b", 2.0), ("c", 1.0)]);
    assert_eq!(judged(json!({}), &source, &source), "");
    let target = hits(4, &[("b", 2.5), ("a", 2.0), ("d", 1.0)]);
    insta::assert_snapshot!(judged(json!({}), &source, &target), @r"
    hits.total: 3 | 4
    hits.ids: only here: c | only here: d
    hits.order: a before b | b before a
    hits.max_score: 3.0 | 2.5
    hits[a].score: 3.0 | 2.0
    hits[b].score: 2.0 | 2.5
    ");
}

#[test]
fn a_page_that_ends_in_a_tie_may_hold_other_members_of_it() {
    let source = hits(9, &[("a", 3.0), ("b", 1.0), ("c", 1.0)]);
    let target = hits(9, &[("a", 3.0), ("e", 1.0), ("b", 1.0)]);
    assert_eq!(judged(json!({"size": 3}), &source, &target), "");
    // All that there is: then it is another document.
    let (source, target) =
        (hits(3, &[("a", 3.0), ("b", 1.0), ("c", 1.0)]), hits(3, &[("a", 3.0), ("e", 1.0), ("b", 1.0)]));
    assert_eq!(judged(json!({"size": 3}), &source, &target), "hits.ids: only here: c | only here: e\n");
    // The first group of a later page is cut, too.
    let (source, target) = (hits(4, &[("a", 3.0), ("b", 1.0)]), hits(4, &[("x", 3.0), ("b", 1.0)]));
    assert_eq!(judged(json!({"from": 2}), &source, &target), "");
}

#[test]
fn a_page_that_ends_in_another_rank_is_different() {
    let page = |found: &[(&str, u64)]| {
        let hits: Vec<Value> =
            found.iter().map(|(id, n)| json!({"_id": id, "_score": null, "sort": [n]})).collect();
        answer(json!({"hits": {"total": 9, "max_score": null, "hits": hits}}))
    };
    // One of those with 2 has gone: the page ends in the next rank.
    let (source, target) = (page(&[("a", 1), ("b", 2), ("c", 2)]), page(&[("a", 1), ("c", 2), ("d", 3)]));
    let told = judged(json!({"sort": ["n"], "size": 3}), &source, &target);
    assert_eq!(told, "hits.ids: only here: b | only here: d\n");
}

#[test]
fn sort_values_are_compared_and_make_ties() {
    let sorted = |found: &[(&str, Value)]| {
        let hits: Vec<Value> =
            found.iter().map(|(id, sort)| json!({"_id": id, "_score": null, "sort": sort})).collect();
        answer(json!({"hits": {"total": found.len(), "max_score": null, "hits": hits}}))
    };
    let body = json!({"sort": [{"n": "asc"}, "_doc"]});
    let source = sorted(&[("a", json!([1, 7])), ("b", json!([1, 9])), ("c", json!([2, 8]))]);
    assert_eq!(
        judged(
            body.clone(),
            &source,
            &sorted(&[("b", json!([1.0, 1])), ("a", json!([1.0, 2])), ("c", json!([2.0, 3]))])
        ),
        ""
    );
    let target = sorted(&[("a", json!([1, 7])), ("c", json!([2, 8])), ("b", json!([3, 9]))]);
    insta::assert_snapshot!(judged(body, &source, &target), @r"
    hits.order: b before c | c before b
    hits[b].sort[0]: 1 | 3
    ");
}

#[test]
fn what_is_not_whole_is_never_judged() {
    let whole = hits(1, &[("a", 1.0)]);
    let mut told = String::new();
    for (key, value) in [
        ("timed_out", json!(true)),
        (
            "_shards",
            json!({"total": 5, "successful": 4, "failed": 1, "failures": [{"shard": 0, "reason": "SearchParseException[[x]]"}]}),
        ),
        ("_shards", json!({"total": 5, "successful": 4, "failed": 0})),
        ("_shards", Value::Null),
        ("hits", json!({"hits": []})),
        ("hits", json!({"total": {"value": 10000, "relation": "gte"}, "hits": []})),
    ] {
        let mut partial = whole.clone();
        partial[key] = value;
        for (source, target) in [(&whole, &partial), (&partial, &whole)] {
            told.push_str(&judged(json!({}), source, target));
        }
    }
    insta::assert_snapshot!(told, @r"
    unjudged: target: the search timed out, and answers in part
    unjudged: source: the search timed out, and answers in part
    unjudged: target: 4 of 5 shards answered, 1 failed: SearchParseException[[x]]
    unjudged: source: 4 of 5 shards answered, 1 failed: SearchParseException[[x]]
    unjudged: target: 4 of 5 shards answered, 0 failed
    unjudged: source: 4 of 5 shards answered, 0 failed
    unjudged: target: an answer without `_shards`
    unjudged: source: an answer without `_shards`
    unjudged: target: `hits.total` is no exact number: ask with `track_total_hits=true`
    unjudged: source: `hits.total` is no exact number: ask with `track_total_hits=true`
    unjudged: target: `hits.total` is no exact number: ask with `track_total_hits=true`
    unjudged: source: `hits.total` is no exact number: ask with `track_total_hits=true`
    ");
}

#[test]
fn an_answer_of_which_everything_was_left_out_is_never_the_same() {
    let empty = answer(json!({}));
    let body = json!({});
    assert_eq!(judge(&rules(&body, Expect::default()), &empty, &empty).unjudged.len(), 2);
    let counting = Rules { asked: Asked::Count, ..rules(&body, Expect::default()) };
    assert_eq!(judge(&counting, &empty, &empty).unjudged.len(), 2);
    let (two, three) = (answer(json!({"count": 2})), answer(json!({"count": 3})));
    assert_eq!(judge(&counting, &two, &three).differences[0].at, "count");
    assert_eq!(judge(&counting, &two, &two), Findings::default());
}

#[test]
fn what_a_search_expects_is_all_that_counts() {
    let source = hits(3, &[("a", 3.0), ("b", 2.0), ("c", 1.0)]);
    let target = hits(3, &[("c", 9.0), ("b", 8.0), ("a", 1.0)]);
    let body = json!({});
    let expect = Expect { order: Wanted::Ignore, scores: Some(Scores::Ignore), ..Expect::default() };
    let findings = judge(&rules(&body, expect), &source, &target);
    assert_eq!(told(&findings), "left out: order of hits\nleft out: scores\n");
    let target = hits(3, &[("c", 9.0), ("b", 8.0), ("x", 1.0)]);
    assert_eq!(judge(&rules(&body, expect), &source, &target).differences.len(), 1);
}

#[test]
fn relevance_may_be_ignored_without_ignoring_what_is_found() {
    let sorted = json!({"sort": ["n"]});
    let ignoring =
        |body| Rules { relevance: Wanted::Ignore, scores: Scores::Ignore, ..rules(body, Expect::default()) };
    let source = hits(3, &[("a", 3.0), ("b", 2.0), ("c", 1.0)]);
    let turned = hits(3, &[("c", 3.0), ("b", 2.0), ("a", 1.0)]);
    let plain = json!({});
    assert!(judge(&ignoring(&plain), &source, &turned).differences.is_empty());
    let other = hits(3, &[("c", 3.0), ("b", 2.0), ("x", 1.0)]);
    assert_eq!(judge(&ignoring(&plain), &source, &other).differences[0].at, "hits.ids");
    assert_eq!(judge(&ignoring(&sorted), &source, &turned).differences[0].at, "hits.order");
}

#[test]
fn ids_are_compared_as_the_migration_maps_them() {
    let body = json!({});
    let rules = Rules { prefixed_ids: true, ..rules(&body, Expect::default()) };
    let (source, target) = (hits(1, &[("7", 1.0)]), hits(1, &[("t-7", 1.0)]));
    assert_eq!(judge(&rules, &source, &target), Findings::default());
    assert_eq!(judge(&rules, &source, &source).differences[0].at, "hits.ids");
    // Two types that share an id, in indices of their own now.
    let twice = hits(2, &[("7", 1.0), ("7", 1.0)]);
    let ours = Rules { prefixed_ids: false, ..rules };
    assert_eq!(judge(&ours, &twice, &twice), Findings::default());
    assert_eq!(judge(&ours, &twice, &hits(2, &[("7", 1.0), ("8", 1.0)])).differences[0].at, "hits.ids");
}

#[test]
fn buckets_are_compared_by_their_keys() {
    let body = json!({"size": 0, "aggs": {
        "hosts": {"terms": {"field": "host"}, "aggs": {"load": {"avg": {"field": "n"}}}},
        "days": {"date_histogram": {"field": "created", "interval": "day"}},
        "kinds": {"filters": {"filters": {"a": {}, "b": {}}}},
        "one": {"filter": {"term": {"a": 1}}, "aggs": {"top": {"top_hits": {"size": 1}}}},
    }});
    let aggregations = |hosts: Value, days: Value, kinds: Value, top: &str| {
        let top = json!({"hits": {"total": 1, "max_score": 1.0, "hits": [{"_id": top, "_score": 1.0}]}});
        answer(json!({"hits": {"total": 9, "max_score": 0.0, "hits": []}, "aggregations": {
            "hosts": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": hosts},
            "days": {"buckets": days},
            "kinds": {"buckets": kinds},
            "one": {"doc_count": 1, "top": top},
        }}))
    };
    let host =
        |key: Value, count: u64, load: f64| json!({"key": key, "doc_count": count, "load": {"value": load}});
    let day =
        |key: u64, count: u64| json!({"key": key, "key_as_string": key.to_string(), "doc_count": count});
    let source = aggregations(
        json!([
            host(json!("a"), 5, 0.1),
            host(json!("b"), 2, 1.0),
            host(json!("c"), 2, 1.0),
            host(json!(5), 1, 1.0)
        ]),
        json!([day(1000, 4), day(2000, 5)]),
        json!({"a": {"doc_count": 3}, "b": {"doc_count": 6}}),
        "1",
    );
    let same = aggregations(
        json!([
            host(json!("a"), 5, 0.1 + 1e-9),
            host(json!("c"), 2, 1.0),
            host(json!("b"), 2, 1.0),
            host(json!(5.0), 1, 1.0)
        ]),
        json!([day(1000, 4), day(2000, 5)]),
        json!({"b": {"doc_count": 6}, "a": {"doc_count": 3}}),
        "1",
    );
    assert_eq!(judged(body.clone(), &source, &same), "");
    let other = aggregations(
        json!([
            host(json!("b"), 6, 1.0),
            host(json!("a"), 5, 0.2),
            host(json!("d"), 2, 1.0),
            host(json!(5), 1, 1.0)
        ]),
        json!([day(2000, 5), day(1000, 4)]),
        json!({"a": {"doc_count": 4}, "b": {"doc_count": 5}}),
        "2",
    );
    insta::assert_snapshot!(judged(body, &source, &other), @r"
    aggregations.hosts.buckets: only here: c | only here: d
    aggregations.hosts.order: a before b | b before a
    aggregations.hosts.buckets[a].load.value: 0.1 | 0.2
    aggregations.hosts.buckets[b].doc_count: 2 | 6
    aggregations.days.order: 1000 before 2000 | 2000 before 1000
    aggregations.kinds.buckets[a].doc_count: 3 | 4
    aggregations.kinds.buckets[b].doc_count: 6 | 5
    aggregations.one.top.hits.ids: only here: 1 | only here: 2
    ");
}

#[test]
fn what_the_servers_approximate_is_told_as_such() {
    let body = json!({"aggs": {"t": {"terms": {"field": "a"}}, "c": {"cardinality": {"field": "a"}}, "p": {"percentiles": {"field": "n"}}}});
    let aggregations = |error: i64, count: u64, distinct: u64, median: f64| {
        answer(json!({"hits": {"total": 9, "hits": []}, "aggregations": {
            "t": {"doc_count_error_upper_bound": error, "sum_other_doc_count": 3, "buckets": [{"key": "a", "doc_count": count}]},
            "c": {"value": distinct},
            "p": {"values": {"50.0": median}},
        }}))
    };
    let source = aggregations(2, 10, 1000, 5.0);
    let told = [
        judged(body.clone(), &source, &aggregations(0, 12, 1001, 5.1)),
        judged(body.clone(), &source, &aggregations(0, 13, 1200, 9.0)),
        judged(body.clone(), &aggregations(-1, 10, 1000, 5.0), &aggregations(0, 99, 1000, 5.0)),
    ];
    insta::assert_snapshot!(told.join("\n"), @r"
    about: aggregations.t.buckets[a].doc_count: 10 | 12
    about: aggregations.c.value: 1000 | 1001
    about: aggregations.p.values.50.0: 5.0 | 5.1

    aggregations.t.buckets[a].doc_count: 10 | 13
    aggregations.c.value: 1000 | 1200
    aggregations.p.values.50.0: 5.0 | 9.0

    about: aggregations.t.buckets[a].doc_count: 10 | 99
    ");
}

#[test]
fn ties_by_an_inner_aggregation_may_be_in_any_order() {
    let body = json!({"aggs": {"t": {"terms": {"field": "a", "order": {"s.avg": "desc"}}, "aggs": {"s": {"stats": {"field": "n"}}}}}});
    let buckets = |all: &[(&str, f64)]| {
        let buckets: Vec<Value> =
            all.iter().map(|(key, avg)| json!({"key": key, "doc_count": 1, "s": {"avg": avg}})).collect();
        answer(json!({"hits": {"total": 9, "hits": []}, "aggregations": {"t": {"buckets": buckets}}}))
    };
    let source = buckets(&[("a", 3.0), ("b", 2.0), ("c", 2.0)]);
    assert_eq!(judged(body.clone(), &source, &buckets(&[("a", 3.0), ("c", 2.0), ("b", 2.0)])), "");
    let other = buckets(&[("b", 4.0), ("a", 3.0), ("c", 2.0)]);
    assert!(judged(body, &source, &other).contains("aggregations.t.order: a before b | b before a"));
}

#[test]
fn highlights_and_suggestions_are_compared() {
    let with = |fragment: &str, options: Value| {
        let hit = json!({"_id": "1", "_score": 1.0, "highlight": {"title": [fragment]}});
        answer(json!({
            "hits": {"total": 1, "max_score": 1.0, "hits": [hit]},
            "suggest": {"s": [{"text": "redd", "offset": 0, "length": 4, "options": options}]},
        }))
    };
    let option = |text: &str, score: f64| json!({"text": text, "score": score, "freq": 3});
    let source = with("<em>red</em> fox", json!([option("red", 0.7), option("reed", 0.7)]));
    let same = with("<em>red</em> fox", json!([option("reed", 0.7), option("red", 0.7)]));
    assert_eq!(judged(json!({}), &source, &same), "");
    let other = with("<em>red</em>", json!([option("read", 0.7), option("red", 0.6)]));
    insta::assert_snapshot!(judged(json!({}), &source, &other), @r#"
    hits[1].highlight.title: ["<em>red</em> fox"] | ["<em>red</em>"]
    suggest.s[0].options: only here: reed | only here: read
    suggest.s[0][red].score: 0.7 | 0.6
    "#);
    let body = json!({});
    let expect = Expect { highlight: Wanted::Ignore, suggest: Wanted::Ignore, ..Expect::default() };
    assert!(judge(&rules(&body, expect), &source, &other).differences.is_empty());
}
