//! A report as an example, and what is said of it.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::compare::latency::Times;

/// A report with a search of every kind.
pub(crate) fn report() -> Report {
    let latency = |milliseconds: u64| {
        let mut times = Times::default();
        (1..=10).for_each(|n| times.add(Duration::from_millis(milliseconds * n), Some(milliseconds)));
        times.figures()
    };
    let outcome = |line: usize, name: &str, verdict: Verdict| Outcome {
        name: name.to_owned(),
        line,
        fingerprint: format!("{line:016x}"),
        verdict,
        found: if verdict == Verdict::Accepted { Verdict::Different } else { verdict },
        reasons: Vec::new(),
        differences: Vec::new(),
        more_differences: 0,
        announced: Vec::new(),
        left_out: Vec::new(),
        note: None,
        source: Side { path: "/alerts/_search".to_owned(), body: json!({"size": line}), latency: latency(2) },
        target: Side {
            path: "/alerts-v2/_search".to_owned(),
            body: json!({"size": line}),
            latency: latency(1),
        },
    };
    let difference = |at: &str, source: &str, target: &str| Difference {
        at: at.to_owned(),
        source: source.to_owned(),
        target: target.to_owned(),
    };
    let mut searches = vec![
        outcome(1, "open alerts", Verdict::Same),
        outcome(2, "hosts", Verdict::Different),
        outcome(3, "scripted", Verdict::NotComparable),
        outcome(4, "today", Verdict::Unsteady),
        outcome(5, "broken", Verdict::BothRefuse),
        outcome(6, "by relevance", Verdict::Accepted),
    ];
    searches[1].differences = vec![
        difference("hits.total", "10", "9"),
        difference("aggregations.hosts.buckets[web-1].doc_count", "4", "3"),
    ];
    searches[1].announced = vec!["aggs.hosts: keys carry the key in front (agg_key_value)".to_owned()];
    searches[2].reasons =
        vec!["query.script: scripts are not translated (script_language); write it in painless".to_owned()];
    searches[3].reasons =
        vec!["query.range.created.gte: `now-1d` depends on the moment, and changes all the time".to_owned()];
    searches[4].reasons = vec!["source: HTTP 400".to_owned(), "target: HTTP 400".to_owned()];
    searches[5].differences = vec![difference("hits.order", "7 before 3", "3 before 7")];
    searches[5].note = Some("BM25, agreed".to_owned());
    searches[5].left_out = vec!["scores".to_owned()];
    let totals = Totals::of(&searches);
    let server = |cluster: &str, version: &str| ServerSeen {
        cluster: cluster.to_owned(),
        identity: format!("es-{cluster}"),
        version: version.to_owned(),
        distribution: "Elasticsearch".to_owned(),
    };
    Report {
        summary: Summary {
            format: FORMAT,
            migration: "alerts".to_owned(),
            queries: Queries {
                file: "searches.ndjson".to_owned(),
                sha256: "ab".repeat(32),
                searches: searches.len(),
            },
            started: Timestamp::UNIX_EPOCH,
            finished: Timestamp::UNIX_EPOCH,
            source: server("old", "1.7.6"),
            target: server("new", "6.8.23"),
            totals,
            passed: totals.passed(),
            latency: Latencies { source: latency(2), target: latency(1) },
        },
        runs: Runs { warmup: 1, repeat: 3, concurrency: 1 },
        scores: "ignored".to_owned(),
        relevance: "counts".to_owned(),
        unused_acceptances: vec!["accept.toml: `hits.total` of `gone` matches nothing any more".to_owned()],
        spread: Spread {
            within_ms: vec![1.0, 10.0, 100.0],
            source: vec![0, 5, 5, 0],
            target: vec![1, 9, 0, 0],
        },
        searches,
    }
}

#[test]
fn only_what_is_the_same_or_accepted_passes() {
    let passes = |totals: Totals| totals.passed();
    assert!(passes(Totals { same: 1, accepted: 1, ..Totals::default() }) && !passes(Totals::default()));
    for verdict in [Verdict::Different, Verdict::NotComparable, Verdict::Unsteady, Verdict::BothRefuse] {
        let mut outcomes = report().searches;
        outcomes.retain(|outcome| [Verdict::Same, Verdict::Accepted, verdict].contains(&outcome.verdict));
        assert!(!Totals::of(&outcomes).passed(), "{verdict:?}");
    }
}

#[test]
fn what_is_the_same_without_its_ids_is_counted() {
    let mut outcomes = report().searches;
    assert_eq!(Totals::of(&outcomes).ids_left_out, 0);
    for outcome in &mut outcomes {
        outcome.left_out = vec!["scores".to_owned(), format!("{IDS_LEFT_OUT}hits: any")];
    }
    assert_eq!(Totals::of(&outcomes).ids_left_out, 1, "only of the one that is the same");
}

#[test]
fn a_summary_is_kept_as_it_is_read() {
    let summary = report().summary;
    let text = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&text).unwrap(), summary);
    assert!(!summary.passed && summary.totals.different == 1);
}
