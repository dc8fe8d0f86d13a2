//! Which document wins when the target has one already.

use esferry_lab::compare::{Criteria, compare_by};
use esferry_lab::data::Document;
use serde_json::json;

use crate::sides::{NAME, Sides, number, numbered};

fn other(n: u64) -> Document {
    Document::new(n.to_string(), json!({"n": 1000 + n}).to_string())
}

#[tokio::test]
async fn create_never_overwrites_what_is_there() {
    if !esferry_lab::wanted("write mode create on a target that has documents") {
        return;
    }
    let sides = Sides::new("mode-create").await.unwrap();
    sides.load(&sides.old, "from", numbered(100)).await.unwrap();
    // Ten that the source has too, and one of somebody else: a target that is written by others already.
    let theirs = || (0..10).chain([500]).map(other);
    sides.load(&sides.new, "to", theirs()).await.unwrap();
    sides.load(&sides.new, "expected", theirs().chain(numbered(100).skip(10))).await.unwrap();
    let daemon = sides.ferry("from", "to", "write = { mode = \"create\" }\nschema = \"existing\"").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 4, "one document more on the target is told: {log}");
    let (expected, to) = (sides.index("expected"), sides.index("to"));
    let criteria = Criteria { types: false, versions: false };
    let compared = compare_by((&sides.new, &expected), (&sides.new, &to), criteria).await.unwrap();
    assert!(compared.is_equal() && compared.same == 101, "{compared}");
    let status = daemon.migration().unwrap();
    let counts = ["written", "present", "superseded", "rejected"];
    assert_eq!(counts.map(|name| number(&status["counts"], &format!("/{name}"))), [90, 10, 0, 0]);
    let told = status["indices"][0]["counted"]["explanation"].as_str().unwrap();
    assert!(told.contains("1 documents that this migration did not write"), "{told}");
}

#[tokio::test]
async fn external_versions_leave_newer_documents_and_replace_older_ones() {
    if !esferry_lab::wanted("write mode external on a target that has documents") {
        return;
    }
    let sides = Sides::new("mode-external").await.unwrap();
    let at = |version: u64| move |document: Document| document.versioned(version);
    sides.load(&sides.old, "from", numbered(60).map(at(5))).await.unwrap();
    // 0 to 9 newer, 10 to 19 older, 20 to 29 the same.
    let theirs = (0..10).map(other).map(at(9)).chain((10..20).map(other).map(at(2)));
    let same = numbered(60).map(at(5)).skip(20).take(10);
    sides.load(&sides.new, "to", theirs.chain(same)).await.unwrap();
    let newer = (0..10).map(other).map(at(9));
    sides.load(&sides.new, "expected", newer.chain(numbered(60).map(at(5)).skip(10))).await.unwrap();
    let daemon = sides.ferry("from", "to", "schema = \"existing\"").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    let (expected, to) = (sides.index("expected"), sides.index("to"));
    let criteria = Criteria::default();
    let compared = compare_by((&sides.new, &expected), (&sides.new, &to), criteria).await.unwrap();
    assert!(compared.is_equal() && compared.same == 60, "{compared}");
    let status = daemon.migration().unwrap();
    let counts = ["written", "present", "superseded", "rejected"];
    assert_eq!(counts.map(|name| number(&status["counts"], &format!("/{name}"))), [40, 10, 10, 0]);
}

#[tokio::test]
async fn index_overwrites_whatever_is_there() {
    if !esferry_lab::wanted("write mode index on a target that has documents") {
        return;
    }
    let sides = Sides::new("mode-index").await.unwrap();
    sides.load(&sides.old, "from", numbered(40)).await.unwrap();
    sides.load(&sides.new, "to", (0..10).map(|n| other(n).versioned(7))).await.unwrap();
    let daemon = sides.ferry("from", "to", "write = { mode = \"index\" }\nschema = \"existing\"").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    let (from, to) = (sides.index("from"), sides.index("to"));
    let criteria = Criteria { types: false, versions: false };
    let compared = compare_by((&sides.old, &from), (&sides.new, &to), criteria).await.unwrap();
    assert!(compared.is_equal() && compared.same == 40, "{compared}");
}

#[tokio::test]
async fn a_copy_made_again_from_nothing_changes_nothing() {
    if !esferry_lab::wanted("a second copy after `reset`") {
        return;
    }
    let sides = Sides::new("mode-again").await.unwrap();
    let updated = numbered(150).chain(numbered(30));
    sides.load(&sides.old, "from", updated).await.unwrap();
    let daemon = sides.ferry("from", "to", "slice = { docs = 20 }").unwrap();
    let first = sides.carry(&daemon, "from", "to").await.unwrap();
    assert_eq!(number(&first, "/counts/written"), 150);
    let unsure = daemon.output(&["reset", NAME]).unwrap();
    assert_eq!(unsure.status.code(), Some(2), "it asks, and nobody answers");
    assert_eq!(daemon.migration().unwrap()["counts"], first["counts"]);
    let reset = daemon.output(&["reset", NAME, "--yes"]).unwrap();
    assert_eq!(reset.status.code(), Some(0), "{}", String::from_utf8_lossy(&reset.stderr));
    let second = sides.carry(&daemon, "from", "to").await.unwrap();
    let counts = ["read", "written", "present", "superseded", "rejected"];
    assert_eq!(counts.map(|name| number(&second["counts"], &format!("/{name}"))), [150, 0, 150, 0, 0]);
}
