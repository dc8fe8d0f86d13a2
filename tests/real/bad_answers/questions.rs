//! The questions that are neither pages nor bulks, each with every answer that is none.

use std::pin::Pin;

use anyhow::{Context, Result, ensure};
use esferry::cluster::Cluster;
use esferry::cluster::failure::CallError;
use esferry::cluster::selection::Selection;
use esferry::error::Kind;
use esferry_lab::proxy::{negative_numbers, numbers_as_strings, with_shards};
use esferry_lab::{Proxy, Rule};
use serde_json::json;

use super::{Fault, behind};
use crate::sides::{Sides, numbered};

const INDEX: &str = "bad-questions_x";

type Asked<'a> = Pin<Box<dyn Future<Output = Result<(), CallError>> + 'a>>;

/// A question, by name. Those whose answer may be an empty object are marked.
type Question = (&'static str, bool, for<'a> fn(&'a Cluster) -> Asked<'a>);

/// Asked in this order they all succeed.
const QUESTIONS: [Question; 15] = [
    ("state", false, |cluster| Box::pin(async { cluster.indices().await.map(drop) })),
    ("count", false, |cluster| {
        Box::pin(async { cluster.count(&Selection::all(INDEX, None)).await.map(drop) })
    }),
    ("refresh", false, |cluster| Box::pin(cluster.refresh(INDEX))),
    ("writes", false, |cluster| Box::pin(async { cluster.writes(INDEX, 0).await.map(drop) })),
    ("sequence", false, |cluster| Box::pin(async { cluster.processed_seq_no(INDEX, 0).await.map(drop) })),
    ("weight", true, |cluster| Box::pin(async { cluster.mean_document_bytes(INDEX).await.map(drop) })),
    ("aliases", true, |cluster| Box::pin(async { cluster.aliases_of(INDEX).await.map(drop) })),
    ("templates", true, |cluster| Box::pin(async { cluster.templates().await.map(drop) })),
    ("some ids", false, |cluster| Box::pin(async { cluster.some_ids(INDEX, 5).await.map(drop) })),
    ("holds", false, |cluster| Box::pin(async { cluster.holds(INDEX, &["1".to_owned()]).await.map(drop) })),
    ("load", false, |cluster| Box::pin(async { cluster.loads().await.map(drop) })),
    ("template", false, |cluster| {
        Box::pin(async {
            cluster.put_template("bad-questions", &json!({"index_patterns": ["bad-questions-none"]})).await
        })
    }),
    ("settings", false, |cluster| {
        Box::pin(async { cluster.put_settings(INDEX, &json!({"refresh_interval": "7s"})).await })
    }),
    ("create", false, |cluster| {
        Box::pin(async { cluster.create_index("bad-questions_new", &json!({"mappings": {}})).await })
    }),
    ("delete", false, |cluster| Box::pin(cluster.delete_index("bad-questions_new"))),
];

/// Answers of somebody else, and what an error has to tell of them.
const STRANGE: [(Fault, &str); 8] = [
    (|rule| rule.html(200), "unintelligible answer: no JSON object, but `<!DOCTYPE html>"),
    (|rule| rule.html(404), "HTTP 404 with no JSON object, but `<!DOCTYPE html>"),
    (|rule| rule.html(500), "HTTP 500 with"),
    (|rule| rule.answer(302, ""), "HTTP 302 with nothing at all"),
    (|rule| rule.answer(200, ""), "unintelligible answer: nothing at all"),
    (|rule| rule.answer(200, "[]"), "no JSON object, but `[]`"),
    (|rule| rule.answer(200, "null"), "no JSON object, but `null`"),
    (|rule| rule.truncate_at(60), "EOF while parsing"),
];

/// The error names the cluster and the question, says what came, and can be waited out.
fn is_told(outcome: Result<(), CallError>, code: &str, words: &str) -> Result<()> {
    let cause = outcome.err().context("it was believed")?;
    ensure!(cause.is_temporary(), "{cause}");
    let error = cause.during("new", "asking this");
    let told = error.one_line();
    ensure!(told.starts_with("cluster `new`: asking this: ") && told.contains(words), "{told}");
    ensure!((error.kind(), error.code()) == (Kind::Temporary, code), "{told}: {:?}", error.code());
    ensure!(error.remedy().is_some(), "{told} has no hint");
    Ok(())
}

#[tokio::test]
async fn no_question_believes_an_answer_that_is_none() {
    if !esferry_lab::wanted("questions that somebody else answers") {
        return;
    }
    let sides = Sides::new("bad-questions").await.unwrap();
    sides.load(&sides.new, "x", numbered(3)).await.unwrap();
    let proxy = Proxy::start(sides.new.url()).unwrap();
    let cluster = Cluster::connect("new", &behind(&proxy).unwrap()).await.unwrap();
    for (name, may_be_empty, ask) in QUESTIONS {
        for (fault, words) in STRANGE {
            proxy.clear_rules();
            proxy.rule(fault(Rule::any()));
            let told = is_told(ask(&cluster).await, "unintelligible", words);
            told.unwrap_or_else(|error| panic!("{name}, {words}: {error:#}"));
        }
        // A change whose answer was cut may have been made.
        sides.new.delete_index("bad-questions_new").await.unwrap();
        proxy.clear_rules();
        proxy.rule(Rule::any().html(502));
        is_told(ask(&cluster).await, "overloaded", "HTTP 502: <!DOCTYPE html>").unwrap();
        proxy.clear_rules();
        proxy.rule(Rule::any().answer(200, "{}"));
        assert_eq!(ask(&cluster).await.is_ok(), may_be_empty, "{name}, an empty object");
        // What is right is right, whatever a proxy calls it.
        proxy.clear_rules();
        proxy.rule(Rule::any().media_type("text/html"));
        ask(&cluster).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    sides.new.delete("/_template/bad-questions").await.unwrap();
}

#[tokio::test]
async fn numbers_that_are_none_are_not_counted_with() {
    if !esferry_lab::wanted("counts and totals that are no numbers") {
        return;
    }
    let sides = Sides::new("bad-numbers").await.unwrap();
    sides.load(&sides.new, "x", numbered(3)).await.unwrap();
    let proxy = Proxy::start(sides.new.url()).unwrap();
    let cluster = Cluster::connect("new", &behind(&proxy).unwrap()).await.unwrap();
    let index = sides.index("x");
    let faults: [(Fault, &str, &str); 6] = [
        (|rule| rule.rewrite(numbers_as_strings("count")), "unintelligible", "a count of \"3\" documents"),
        (|rule| rule.rewrite(negative_numbers("count")), "unintelligible", "a count of -3 documents"),
        (|rule| rule.rewrite(numbers_as_strings("total")), "unintelligible", "a count without _shards"),
        (|rule| rule.rewrite(negative_numbers("successful")), "shard_missing", "-5 of 5 shards answered"),
        (|rule| rule.rewrite(negative_numbers("failed")), "shard_missing", "-1 failed"),
        (|rule| rule.rewrite(with_shards(0, 0, 0)), "shard_missing", "0 of 0 shards answered"),
    ];
    for (fault, code, words) in faults {
        proxy.clear_rules();
        proxy.rule(fault(Rule::any()));
        let counted = cluster.count(&Selection::all(&index, None)).await.map(drop);
        is_told(counted, code, words).unwrap();
    }
    let states: [(Fault, &str); 2] = [
        (|rule| rule.rewrite(shards_of("-5")), "without number_of_shards in the cluster state"),
        (|rule| rule.rewrite(shards_of("0")), "without number_of_shards in the cluster state"),
    ];
    for (fault, words) in states {
        proxy.clear_rules();
        proxy.rule(fault(Rule::any()));
        is_told(cluster.indices().await.map(drop), "unintelligible", words).unwrap();
    }
    proxy.clear_rules();
    proxy.rule(Rule::any().rewrite(numbers_as_strings("index_total")));
    let writes = cluster.writes(&index, 0).await.map(drop);
    is_told(writes, "unintelligible", "without indexing totals").unwrap();
    proxy.clear_rules();
    proxy.rule(Rule::any().rewrite(numbers_as_strings("failed")));
    is_told(cluster.refresh(&index).await, "unintelligible", "a refresh without _shards").unwrap();
}

/// Another number of shards for every index of a cluster state.
fn shards_of(number: &'static str) -> impl Fn(bytes::Bytes) -> bytes::Bytes + Send + Sync + 'static {
    move |state| {
        let text = String::from_utf8_lossy(&state);
        let old = "\"number_of_shards\":\"";
        let parts = text.split(old).enumerate().map(|(part, text)| match part {
            0 => text.to_owned(),
            _ => format!("{old}{number}\"{}", text.split_once('"').map_or("", |(_, rest)| rest)),
        });
        bytes::Bytes::from(parts.collect::<String>())
    }
}
