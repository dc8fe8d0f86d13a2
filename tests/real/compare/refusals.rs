//! What is never counted as the same: refused, broken, partial, and what depends on the moment or on chance.

use esferry_lab::{Proxy, Rule};
use serde_json::{Value, json};

use super::{compare, migrated, search};

#[tokio::test]
async fn what_cannot_be_the_same_is_named_and_never_counted_as_such() {
    if !esferry_lab::wanted("searches that are refused, fail, or depend on the moment or on chance") {
        return;
    }
    let (sides, daemon) = migrated("compare-refused").await.unwrap();
    let by_hand = |name: &str, body: Value, target: Value| {
        let mut search = search(&sides, name, body);
        search["target"] = json!({ "body": target });
        search
    };
    let all = json!({"query": {"match_all": {}}, "size": 0});
    let searches = [
        search(&sides, "plain", all.clone()),
        search(
            &sides,
            "script",
            json!({"query": {"filtered": {"filter": {"script": {"script": "doc['n'].value > 3"}}}}}),
        ),
        search(
            &sides,
            "now",
            json!({"query": {"range": {"created": {"gte": "now-1h", "lte": "now/d"}}}, "size": 0}),
        ),
        search(&sides, "chance", json!({"query": {"function_score": {"random_score": {}}}, "size": 3})),
        search(&sides, "both refuse", json!({"query": {"term": {"n": "abc"}}})),
        by_hand("only the target refuses", all.clone(), json!({"query": {"nonesuch": {}}})),
        by_hand("only the source refuses", json!({"query": {"term": {"n": "abc"}}}), all.clone()),
        by_hand(
            "a shard fails",
            all.clone(),
            json!({"size": 0, "query": {"script": {"script": "if (doc['n'].value == 7) { throw new IllegalStateException('x') } return true"}}}),
        ),
        by_hand("by hand", all.clone(), json!({"size": 0, "query": {"exists": {"field": "n"}}})),
        json!({"name": "no such index", "path": "/compare-refused_nowhere/_search"}),
        json!({"name": "every index", "path": "/_search", "body": all}),
    ];
    let compared = compare(&daemon, &searches, &[]).unwrap();
    let expected = [
        ("a shard fails", "not_comparable"),
        ("both refuse", "both_refuse"),
        ("by hand", "same"),
        ("chance", "unsteady"),
        ("every index", "not_comparable"),
        ("no such index", "both_refuse"),
        ("now", "unsteady"),
        ("only the source refuses", "different"),
        ("only the target refuses", "different"),
        ("plain", "same"),
        ("script", "not_comparable"),
    ];
    let expected: Vec<(String, String)> =
        expected.iter().map(|(name, verdict)| ((*name).to_owned(), (*verdict).to_owned())).collect();
    assert_eq!(compared.verdicts().into_iter().collect::<Vec<_>>(), expected, "{}", compared.told());
    assert_eq!((compared.code, &compared.report["passed"]), (4, &json!(false)));
    let says = |name: &str, part: &str, words: &str| {
        let outcome = compared.search(name).unwrap();
        assert!(outcome[part].to_string().contains(words), "{name}: {outcome:#}");
    };
    says("script", "reasons", "script_language");
    says("script", "reasons", "write it in painless");
    says("now", "reasons", "`now-1h` depends on the moment, and changes all the time");
    says("now", "reasons", "`now/d` depends on the moment, and changes with the day");
    says("chance", "reasons", "random scores depend on chance");
    says("both refuse", "reasons", "source: HTTP 400");
    says("only the target refuses", "differences", "nonesuch");
    says("only the source refuses", "differences", "answers");
    says("a shard fails", "reasons", "1 of 2 shards answered");
    says("every index", "reasons", "every_index");
}

#[tokio::test]
async fn answers_of_a_side_that_are_not_whole_are_not_comparable() {
    if !esferry_lab::wanted("partial answers and a proxy's pages, seen by compare") {
        return;
    }
    let (sides, daemon) = migrated("compare-partial").await.unwrap();
    let (source, target) = (Proxy::start(sides.old.url()).unwrap(), Proxy::start(sides.new.url()).unwrap());
    let config = std::fs::read_to_string(daemon.config()).unwrap();
    let config = config.replace(sides.old.url(), &source.url()).replace(sides.new.url(), &target.url());
    std::fs::write(daemon.config(), config).unwrap();
    let searches: Vec<Value> =
        (0..4).map(|n| search(&sides, &format!("s{n}"), json!({"query": {"term": {"n": n}}}))).collect();
    let on =
        |n: u32| Rule::any().when(|seen| seen.path.contains("/_search")).body_contains(&format!("\"n\":{n}"));
    target.rule(on(0).shards(2, 1, 1));
    source.rule(on(1).shards(2, 1, 0));
    target.rule(on(2).html(502));
    let compared = compare(&daemon, &searches, &["--repeat", "1"]).unwrap();
    assert_eq!(compared.with("not_comparable"), ["s0", "s1", "s2"], "{}", compared.told());
    assert_eq!(compared.with("same"), ["s3"], "{}", compared.told());

    // Nothing but searches reached either side, besides the questions who they are.
    for proxy in [&source, &target] {
        for request in proxy.requests() {
            let path = request.path.split('?').next().unwrap_or_default();
            let asks = path.ends_with("/_search") && matches!(request.method.as_str(), "GET" | "POST");
            assert!(asks || request.method == "GET", "{} {}", request.method, request.path);
        }
    }
    // A side that is gone is no difference: the comparison has come to no end.
    target.refuse();
    let file = daemon.folder().join("searches.ndjson");
    let output = daemon.output(&["compare", crate::sides::NAME, file.to_str().unwrap()]).unwrap();
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.stdout, b"");
}

#[tokio::test]
async fn bad_lines_are_refused_before_anything_is_asked() {
    if !esferry_lab::wanted("bad lines of recorded searches") {
        return;
    }
    let (sides, daemon) = migrated("compare-bad").await.unwrap();
    let good = search(&sides, "good", json!({}));
    for (line, told) in [
        ("{\"path\": \"/x/_delete_by_query\", \"body\": {\"query\": {\"match_all\": {}}}}", "is no search"),
        ("{\"path\": \"/x/_search\"", "EOF while parsing"),
        ("{\"path\": \"/x/_search\", \"method\": \"PUT\"}", "the method `PUT` is not sent"),
        ("{\"path\": \"/x/_search\", \"target\": {\"path\": \"/x/_update_by_query\"}}", "target.path"),
    ] {
        let file = daemon.folder().join("bad.ndjson");
        std::fs::write(&file, format!("{good}\n{line}\n")).unwrap();
        let output = daemon.output(&["compare", crate::sides::NAME, file.to_str().unwrap()]).unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]), "{stderr}");
        assert!(
            stderr.contains("bad.ndjson:2: ") && stderr.contains(told) && stderr.contains("hint: "),
            "{stderr}"
        );
    }
}
