//! What types became and what transforms made is judged as the copy made it: mutations of each kind of target are found,
//! named with the document of the source they come from, and mended.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use esferry_lab::Endpoint;
use esferry_lab::data::Document;
use serde_json::{Value, json};

use super::{Verified, bulk, verify};
use crate::daemon::Daemon;
use crate::sides::{NAME, Sides, numbered};
use crate::types::{done, ferry, firms, load, zoo};

/// What somebody does to a document of the target.
pub enum Harm<'a> {
    Delete,
    Change(&'a str),
    Make(&'a str),
}

/// Index, id, routing, what is done to it, and how that is named: kind and id on the source.
pub type Mutation<'a> = (&'a str, &'a str, Option<&'a str>, Harm<'a>, (&'a str, Option<&'a str>));

pub async fn harm(target: &Endpoint, mutations: &[Mutation<'_>]) -> Result<()> {
    let mut body = String::new();
    for (index, id, routing, harm, _) in mutations {
        let mut meta = json!({"_index": index, "_type": "_doc", "_id": id});
        if let Some(routing) = routing {
            meta["routing"] = json!(routing);
        }
        match harm {
            Harm::Delete => body.push_str(&format!("{}\n", json!({"delete": meta}))),
            Harm::Change(source) | Harm::Make(source) => {
                body.push_str(&format!("{}\n{source}\n", json!({"index": meta})));
            }
        }
    }
    bulk(target, "/_bulk?refresh=true", body).await
}

/// Exactly these are named, each with the document of the source that it comes from.
pub fn names(verified: &Verified, mutations: &[Mutation<'_>]) -> Result<()> {
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    let found: BTreeSet<_> = verified
        .differences
        .iter()
        .map(|line| {
            (text(&line["kind"]), text(&line["index"]), text(&line["id"]), text(&line["source"]["id"]))
        })
        .collect();
    let owned = |text: &str| Some(text.to_owned());
    let expected: BTreeSet<_> = mutations
        .iter()
        .map(|(index, id, _, _, (kind, source))| {
            (owned(kind), owned(index), owned(id), source.map(ToOwned::to_owned))
        })
        .collect();
    ensure!(found == expected, "found {found:#?}\nexpected {expected:#?}");
    ensure!(verified.code == 4, "exit code {}", verified.code);
    Ok(())
}

/// Clean, harmed, named, mended, clean.
pub async fn proves(daemon: &Daemon, target: &Endpoint, mutations: &[Mutation<'_>]) -> Result<Verified> {
    let clean = verify(daemon, &["--level", "content"])?;
    ensure!(clean.code == 0 && clean.differences.is_empty(), "{:#?}\n{}", clean.differences, clean.report);
    harm(target, mutations).await?;
    let found = verify(daemon, &["--level", "content"])?;
    names(&found, mutations)?;
    let mended = verify(daemon, &["--level", "content", "--repair", "--delete-extra"])?;
    ensure!(mended.code == 0, "{:#?}", mended.differences);
    let clean = verify(daemon, &["--level", "content"])?;
    ensure!(clean.code == 0 && clean.differences.is_empty(), "{:#?}", clean.differences);
    Ok(found)
}

/// Repairs wait until the target has forgotten deletes.
async fn forgets_soon(target: &Endpoint, index: &str) -> Result<()> {
    target.put(&format!("/{index}/_settings"), &json!({"index": {"gc_deletes": "100ms"}})).await?;
    Ok(())
}

#[tokio::test]
async fn types_that_were_split() {
    if !esferry_lab::wanted("a verification of split types") {
        return;
    }
    let sides = Sides::new("verify-split").await.unwrap();
    let index = load(&sides, "zoo", json!({"cat": {}, "dog": {}}), &zoo(true)).await.unwrap();
    let daemon = ferry(&sides, &index, "{index}-{type}", "types = \"split\"").unwrap();
    done(&daemon).unwrap();
    let (cats, dogs) = (format!("{index}-cat"), format!("{index}-dog"));
    for index in [&cats, &dogs] {
        forgets_soon(&sides.new, index).await.unwrap();
    }
    let mutations: [Mutation<'_>; 3] = [
        (&cats, "c5", Some("r5"), Harm::Delete, ("missing", Some("c5"))),
        (&dogs, "c5", None, Harm::Change(r#"{"n":5,"barks":true}"#), ("different", Some("c5"))),
        (&dogs, "stranger", None, Harm::Make(r#"{"n":1}"#), ("extra", None)),
    ];
    proves(&daemon, &sides.new, &mutations).await.unwrap();
}

#[tokio::test]
async fn types_that_were_merged_under_ids_of_their_own() {
    if !esferry_lab::wanted("a verification of merged types") {
        return;
    }
    let sides = Sides::new("verify-merge").await.unwrap();
    let index = load(&sides, "zoo", json!({"cat": {}, "dog": {}}), &zoo(true)).await.unwrap();
    let to = format!("{index}-one");
    let daemon = ferry(&sides, &index, &to, "types = { merge = { field = \"kind\" } }").unwrap();
    done(&daemon).unwrap();
    forgets_soon(&sides.new, &to).await.unwrap();
    let mutations: [Mutation<'_>; 4] = [
        (&to, "cat-c7", None, Harm::Delete, ("missing", Some("c7"))),
        (
            &to,
            "dog-c7",
            None,
            Harm::Change(r#"{"n":7,"barks":false,"kind":"cat"}"#),
            ("different", Some("c7")),
        ),
        (&to, "cat-d140", None, Harm::Make(r#"{"n":1}"#), ("extra", None)),
        (&to, "c8", None, Harm::Make(r#"{"n":1}"#), ("extra", None)),
    ];
    proves(&daemon, &sides.new, &mutations).await.unwrap();
}

#[tokio::test]
async fn families_that_were_joined() {
    if !esferry_lab::wanted("a verification of joined types") {
        return;
    }
    let sides = Sides::new("verify-join").await.unwrap();
    let mappings = json!({
        "company": {}, "note": {},
        "branch": {"_parent": {"type": "company"}}, "employee": {"_parent": {"type": "branch"}}
    });
    let index = load(&sides, "firms", mappings, &firms()).await.unwrap();
    let to = format!("{index}-joined");
    let daemon = ferry(&sides, &index, &to, "types = \"join\"").unwrap();
    done(&daemon).unwrap();
    forgets_soon(&sides.new, &to).await.unwrap();
    let paid = r#"{"n":0,"paid":true,"type":"employee","join":{"name":"employee","parent":"branch-7.1"}}"#;
    let mutations: [Mutation<'_>; 3] = [
        (&to, "branch-7.1", Some("7"), Harm::Delete, ("missing", Some("7.1"))),
        (&to, "employee-7.1.0", Some("7"), Harm::Change(paid), ("different", Some("7.1.0"))),
        (
            &to,
            "company-1000",
            Some("1000"),
            Harm::Make(r#"{"n":1,"join":{"name":"company"}}"#),
            ("extra", None),
        ),
    ];
    proves(&daemon, &sides.new, &mutations).await.unwrap();
}

#[tokio::test]
async fn documents_that_were_transformed() {
    if !esferry_lab::wanted("a verification of transformed documents") {
        return;
    }
    let sides = Sides::new("verify-jq").await.unwrap();
    let documents = (0..300).map(|n| {
        let state = if n % 10 == 0 { "test" } else { "live" };
        Document::new(n.to_string(), json!({"n": n, "state": state}).to_string())
    });
    sides.load(&sides.old, "from", documents).await.unwrap();
    let (from, to, old) = (sides.index("from"), sides.index("to"), sides.index("old"));
    let daemon = sides
        .daemon(&format!(
            "from = {{ cluster = \"old\", indices = [\"{from}\"] }}\n\
             to = {{ cluster = \"new\", index = \"{to}\", others = [\"{old}\"] }}\n\
             [[migrations.{NAME}.transform]]\ndrop_if = {{ field = \"state\", equals = \"test\" }}\n\
             [[migrations.{NAME}.transform]]\njq = '''\n\
             if .n % 7 == 0 then {{_index: \"{old}\", _source: .}}\n\
             elif .n % 5 == 0 then {{_id: $id, _source: .}}, {{_id: \"\\($id)-copy\", _source: (. + {{copy: true}})}}\n\
             else . + {{seen: true}} end'''\n"
        ))
        .unwrap();
    done(&daemon).unwrap();
    for index in [&to, &old] {
        forgets_soon(&sides.new, index).await.unwrap();
    }
    let mutations: [Mutation<'_>; 5] = [
        (&to, "15-copy", None, Harm::Delete, ("missing", Some("15"))),
        (&to, "3", None, Harm::Change(r#"{"n":3,"state":"live"}"#), ("different", Some("3"))),
        (&old, "7", None, Harm::Delete, ("missing", Some("7"))),
        (&old, "49", None, Harm::Change(r#"{"n":49.0000001,"state":"live"}"#), ("different", Some("49"))),
        (&to, "20", None, Harm::Make(r#"{"n":20,"state":"test"}"#), ("extra", Some("20"))),
    ];
    let found = proves(&daemon, &sides.new, &mutations).await.unwrap();
    let left_out = found.differences.iter().find(|line| line["id"] == "20").unwrap();
    assert_eq!(left_out["reason"], "left_out", "{left_out}");
}

#[tokio::test]
async fn documents_outside_of_the_query_are_no_differences() {
    if !esferry_lab::wanted("a verification of a part of an index") {
        return;
    }
    let sides = Sides::new("verify-query").await.unwrap();
    sides.load(&sides.old, "from", numbered(400)).await.unwrap();
    let (from, to) = (sides.index("from"), sides.index("to"));
    let daemon = sides
        .daemon(&format!(
            "from = {{ cluster = \"old\", indices = [\"{from}\"], query = {{ range = {{ n = {{ lt = 250 }} }} }} }}\n\
             to = {{ cluster = \"new\", index = \"{to}\" }}"
        ))
        .unwrap();
    done(&daemon).unwrap();
    forgets_soon(&sides.new, &to).await.unwrap();
    let mutations: [Mutation<'_>; 2] = [
        (&to, "249", None, Harm::Delete, ("missing", Some("249"))),
        (&to, "250", None, Harm::Make(r#"{"n":250}"#), ("extra", None)),
    ];
    proves(&daemon, &sides.new, &mutations).await.unwrap();
}
