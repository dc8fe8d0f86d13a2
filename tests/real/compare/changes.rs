//! A target that is not what the source is: exactly the searches that see it differ.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use esferry_lab::Endpoint;
use reqwest::Method;
use serde_json::{Value, json};

use super::{COUNT, Compared, NAME, compare, migrated, recorded, search};
use crate::scene::PATIENCE;
use crate::sides::Sides;

/// Searches that see some documents each, sorted; and buckets of them.
fn searches(sides: &Sides) -> Vec<Value> {
    let ranges = (0..24_u64).map(|step| {
        let range = json!({"range": {"n": {"gte": step * 10, "lt": step * 10 + 10}}});
        let body = json!({"query": {"filtered": {"filter": range}}, "sort": ["n"], "size": 20});
        search(sides, &format!("range {step}"), body)
    });
    let tags = super::WORDS.iter().map(|word| {
        let body =
            json!({"query": {"term": {"tag": word}}, "size": 0, "aggs": {"n": {"stats": {"field": "n"}}}});
        search(sides, &format!("tag {word}"), body)
    });
    ranges.chain(tags).collect()
}

/// Names of the searches that find a document on the source.
async fn that_see(sides: &Sides, searches: &[Value], id: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for search in searches {
        let body = json!({"query": {"filtered": {"query": search["body"]["query"], "filter": {"ids": {"values": [id]}}}}});
        let answer = sides.old.post(search["path"].as_str().unwrap_or_default(), &body).await?;
        if answer["hits"]["total"] == json!(1) {
            names.push(search["name"].as_str().unwrap_or_default().to_owned());
        }
    }
    names.sort();
    Ok(names)
}

async fn delete(side: &Endpoint, index: &str, id: &str) -> Result<()> {
    side.delete(&format!("/{index}/_doc/{id}")).await?;
    side.refresh(index).await
}

fn differing(compared: &Compared, expected: &[String]) {
    let mut different = compared.with("different");
    different.sort();
    assert_eq!(different, expected, "{}", compared.told());
    assert_eq!(
        compared.with("same").len() + expected.len(),
        compared.verdicts().len(),
        "{}",
        compared.told()
    );
    assert_eq!(compared.code, 4);
}

#[tokio::test]
async fn exactly_the_searches_that_see_a_change_differ() {
    if !esferry_lab::wanted("a document deleted and one changed on the target, seen by compare") {
        return;
    }
    let (sides, daemon) = migrated("compare-changed").await.unwrap();
    let (searches, to) = (searches(&sides), sides.index("to"));
    let before = compare(&daemon, &searches, &["--repeat", "1"]).unwrap();
    assert_eq!((before.code, before.with("same").len()), (0, searches.len()), "{}", before.told());

    let seeing = that_see(&sides, &searches, "37").await.unwrap();
    assert_eq!(seeing.len(), 2, "{seeing:?}");
    delete(&sides.new, &to, "37").await.unwrap();
    let deleted = compare(&daemon, &searches, &["--repeat", "1"]).unwrap();
    differing(&deleted, &seeing);
    let ids = &deleted.search("range 3").unwrap()["differences"];
    assert_eq!(ids[0], json!({"at": "hits.total", "source": "10", "target": "9"}));
    assert_eq!(ids[1], json!({"at": "hits.ids", "source": "only here: 37", "target": "-"}));

    // A document whose number is another one: in its range, in the one that it is in now, and in the sum of its tag.
    let source = sides.new.get(&format!("/{to}/_doc/101")).await.unwrap()["_source"].clone();
    let mut changed = source.clone();
    changed["n"] = json!(15);
    sides.new.put(&format!("/{to}/_doc/101"), &changed).await.unwrap();
    sides.new.refresh(&to).await.unwrap();
    let mut seeing_both = that_see(&sides, &searches, "101").await.unwrap();
    assert_eq!(seeing_both.len(), 2, "{seeing_both:?}");
    seeing_both.push("range 1".to_owned());
    seeing_both.extend(seeing);
    seeing_both.sort();
    seeing_both.dedup();
    differing(&compare(&daemon, &searches, &["--repeat", "1"]).unwrap(), &seeing_both);
}

#[tokio::test]
async fn a_target_that_changes_meanwhile_is_unsteady_and_not_different() {
    if !esferry_lab::wanted("a target that is written to during a comparison") {
        return;
    }
    let (sides, daemon) = migrated("compare-meanwhile").await.unwrap();
    let to = sides.index("to");
    let one = search(&sides, "all", json!({"query": {"match_all": {}}, "size": 0}));
    let file = recorded(&daemon, &[one]).unwrap();
    let runs = "3000";
    let mut command = daemon.command(&["compare", NAME, file.to_str().unwrap(), "--json", "--repeat", runs]);
    let child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let counted = async || -> Result<u64> {
        let stats = sides.new.get(&format!("/{to}/_stats/search")).await?;
        Ok(stats.pointer("/_all/total/search/query_total").and_then(Value::as_u64).unwrap_or(0))
    };
    let at_first = counted().await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while counted().await.unwrap() < at_first + 100 {
        assert!(Instant::now() < deadline, "no search reaches the target");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    delete(&sides.new, &to, "5").await.unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(4));
    let search = &report["searches"][0];
    assert_eq!(search["verdict"], "unsteady", "{search:#}");
    let reason =
        format!("the target changes its answer from run to run: hits.total was {COUNT}, then {}", COUNT - 1);
    assert_eq!(search["reasons"], json!([reason]));
}

#[tokio::test]
async fn an_order_that_only_the_target_has_is_a_difference() {
    if !esferry_lab::wanted("hits in another order on the target") {
        return;
    }
    let (sides, daemon) = migrated("compare-order").await.unwrap();
    let mut turned = search(&sides, "turned", json!({"query": {"term": {"tag": "red"}}, "sort": ["n"]}));
    turned["target"] = json!({"body": {"query": {"term": {"tag": "red"}}, "sort": [{"n": "desc"}]}});
    let mut buckets =
        search(&sides, "buckets", json!({"size": 0, "aggs": {"t": {"terms": {"field": "tag"}}}}));
    buckets["target"] =
        json!({"body": {"size": 0, "aggs": {"t": {"terms": {"field": "tag", "order": {"_key": "desc"}}}}}});
    let compared = compare(&daemon, &[turned, buckets], &[]).unwrap();
    assert_eq!(compared.with("different").len(), 2, "{}", compared.told());
    let ensured = || -> Result<()> {
        let places = |name: &str| -> Result<String> { Ok(compared.search(name)?["differences"].to_string()) };
        ensure!(places("turned")?.contains("hits."), "{}", places("turned")?);
        ensure!(places("buckets")?.contains("aggregations.t.order"), "{}", places("buckets")?);
        Ok(())
    };
    ensured().unwrap();
    // What is only asked for is what has been done: nothing but searches.
    let answer = sides
        .old
        .send(Method::GET, &format!("/{}/_count", sides.index("from")), "", bytes::Bytes::new())
        .await;
    assert_eq!(answer.unwrap().json().unwrap()["count"], COUNT);
}
