//! Known differences: written down once, with a reason, and never more than what was written down.

use serde_json::json;

use super::{compare, migrated, search};

#[tokio::test]
async fn what_is_written_down_with_a_reason_passes_and_nothing_beyond_it() {
    if !esferry_lab::wanted("a file of accepted differences, from template to use") {
        return;
    }
    let (sides, daemon) = migrated("compare-accept").await.unwrap();
    let to = sides.index("to");
    let searches = [
        search(&sides, "reds", json!({"query": {"term": {"tag": "red"}}, "size": 0})),
        search(&sides, "today", json!({"query": {"range": {"created": {"lt": "now/d"}}}, "size": 0})),
        search(
            &sides,
            "foxes",
            json!({"query": {"term": {"tag": "fox"}}, "size": 0, "aggs": {"n": {"sum": {"field": "n"}}}}),
        ),
    ];
    // The first red one.
    sides.new.delete(&format!("/{to}/_doc/15")).await.unwrap();
    sides.new.refresh(&to).await.unwrap();
    let file = daemon.folder().join("known.toml");
    let file = file.to_str().unwrap();
    let first = compare(&daemon, &searches, &["--write-accept", file]).unwrap();
    assert_eq!(first.code, 4, "{}", first.told());
    let expected = [("foxes", "same"), ("reds", "different"), ("today", "unsteady")];
    let expected = expected.map(|(name, verdict)| (name.to_owned(), verdict.to_owned()));
    assert_eq!(first.verdicts().into_iter().collect::<Vec<_>>(), expected, "{}", first.told());

    // Reasons are not filled in yet, and nothing is overwritten.
    let refused =
        daemon.output(&["compare", crate::sides::NAME, "searches.ndjson", "--write-accept", file]).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let searches_file = daemon.folder().join("searches.ndjson");
    let line = ["compare", crate::sides::NAME, searches_file.to_str().unwrap(), "--accept", file];
    let refused = daemon.output(&line).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("gives no reason"));

    let known =
        std::fs::read_to_string(file).unwrap().replace("note = \"\"", "note = \"one was deleted by hand\"");
    std::fs::write(file, &known).unwrap();
    let accepted = compare(&daemon, &searches, &["--accept", file]).unwrap();
    assert_eq!((accepted.code, accepted.with("accepted").len()), (0, 2), "{}", accepted.told());
    assert_eq!(accepted.search("reds").unwrap()["note"], "one was deleted by hand");
    assert_eq!(accepted.search("reds").unwrap()["found"], "different");

    // Another difference of the same search, outside of what is written down.
    let mut more = searches.clone();
    more[0]["body"]["aggs"] = json!({"n": {"max": {"field": "n"}}, "first": {"min": {"field": "n"}}});
    let beyond = compare(&daemon, &more, &["--accept", file]).unwrap();
    assert_eq!((beyond.code, beyond.with("different")), (4, vec!["reds".to_owned()]), "{}", beyond.told());

    // An entry that matches nothing any more is told.
    let fewer = compare(&daemon, &searches[2..], &["--accept", file]).unwrap();
    assert_eq!(fewer.code, 0, "{}", fewer.told());
    assert!(fewer.log.contains("`hits.total` of `reds` matches nothing any more"), "{}", fewer.log);
    assert_eq!(fewer.report["unused_acceptances"].as_array().map(Vec::len), Some(2));
}
