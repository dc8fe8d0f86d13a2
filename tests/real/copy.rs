//! Documents of every kind arrive as they were: id, version, routing and the bytes of the source.

mod modes;
mod strategies;
mod targets;
mod types;

use esferry_lab::data::{AlertSet, Document, load_alerts, load_odd_documents};
use serde_json::json;

use crate::daemon::Daemon;
use crate::scene::tally;
use crate::sides::{NAME, Sides, lab_schema, number, numbered, route, text};

#[tokio::test]
async fn every_odd_document_arrives_byte_for_byte() {
    if !esferry_lab::wanted("odd ids, routings, versions and sources, 1.7 to 6.8") {
        return;
    }
    let sides = Sides::new("copy-odd").await.unwrap();
    let loaded = load_odd_documents(&sides.old, &sides.index("from")).await.unwrap();
    // Slices and pages so small that cuts fall between ids of every kind.
    let more = format!("slice = {{ docs = 20, page_docs = 7, parallel = 2 }}\n{}", lab_schema("odd"));
    let daemon = sides.ferry("from", "to", &more).unwrap();
    let status = sides.carry(&daemon, "from", "to").await.unwrap();
    assert_eq!(number(&status, "/counts/written"), loaded);
    assert_eq!(number(&status, "/docs_total"), loaded);
    assert!(tally(&status, "done") >= loaded / 20, "{status:#}");
    assert!(text(&status, "/indices/0/strategy").starts_with("uid"));
}

#[tokio::test]
async fn documents_with_a_history_arrive_in_their_last_state() {
    if !esferry_lab::wanted("routed, updated and deleted documents, 1.7 to 6.8") {
        return;
    }
    let sides = Sides::new("copy-lived").await.unwrap();
    let loaded = load_alerts(&sides.old, &sides.index("from"), AlertSet::lived(11, 4000)).await.unwrap();
    let more = format!("slice = {{ docs = 400 }}\nwrite = {{ batch_docs = 150 }}\n{}", lab_schema("alerts"));
    let daemon = sides.ferry("from", "to", &more).unwrap();
    let status = sides.carry(&daemon, "from", "to").await.unwrap();
    assert_eq!(number(&status, "/counts/written"), loaded.documents);
    assert!(tally(&status, "done") >= 9);
}

#[tokio::test]
async fn an_empty_index_and_one_of_a_single_document_arrive_too() {
    if !esferry_lab::wanted("indices with no document and with one") {
        return;
    }
    let sides = Sides::new("copy-few").await.unwrap();
    sides.create(&sides.old, "none", &json!({})).await.unwrap();
    sides.load(&sides.old, "one", numbered(1)).await.unwrap();
    let none = sides.ferry("none", "none", "").unwrap();
    let status = sides.carry(&none, "none", "none").await.unwrap();
    assert_eq!((number(&status, "/counts/read"), number(&status, "/docs_total")), (0, 0));
    let one = sides.ferry("one", "one", "").unwrap();
    let status = sides.carry(&one, "one", "one").await.unwrap();
    assert_eq!(number(&status, "/counts/written"), 1);
}

#[tokio::test]
async fn wildcards_choose_indices_a_minus_takes_out_and_the_target_is_named_after_each() {
    if !esferry_lab::wanted("several indices by wildcard, renamed") {
        return;
    }
    let sides = Sides::new("copy-wild").await.unwrap();
    for part in ["a1", "a2", "a3-tmp"] {
        sides.load(&sides.old, part, numbered(30)).await.unwrap();
    }
    let daemon = sides
        .daemon(
            "from = { cluster = \"old\", indices = [\"copy-wild_a*\", \"-*-tmp\"] }\n\
             to = { cluster = \"new\", index = \"{index}-v2\" }\n",
        )
        .unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(sides.equal("a1", "a1-v2").await.unwrap(), 30);
    assert_eq!(sides.equal("a2", "a2-v2").await.unwrap(), 30);
    let status = daemon.migration().unwrap();
    assert_eq!(status["indices"].as_array().unwrap().len(), 2, "{status:#}");
    let there = sides.new.get("/copy-wild_*/_settings").await.unwrap();
    assert_eq!(there.as_object().unwrap().len(), 2, "{there:#}");
}

#[tokio::test]
async fn two_migrations_of_one_file_are_both_brought_to_their_end() {
    if !esferry_lab::wanted("two migrations side by side") {
        return;
    }
    let sides = Sides::new("copy-two").await.unwrap();
    sides.load(&sides.old, "a", numbered(200)).await.unwrap();
    sides.load(&sides.old, "b", numbered(90)).await.unwrap();
    let daemon = Daemon::with_config(&format!(
        "[clusters.old]\nurls = [\"{}\"]\n[clusters.new]\nurls = [\"{}\"]\n[migrations.first]\n{}\n[migrations.second]\n{}\n",
        sides.old.url(),
        sides.new.url(),
        route(&sides.index("a"), &sides.index("a"), "slice = { docs = 20 }"),
        route(&sides.index("b"), &sides.index("b"), "slice = { docs = 20 }"),
    ))
    .unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(sides.equal("a", "a").await.unwrap(), 200);
    assert_eq!(sides.equal("b", "b").await.unwrap(), 90);
    let status = daemon.status().unwrap();
    let told: Vec<_> = [0, 1]
        .map(|at| {
            (text(&status, &format!("/migrations/{at}/name")), &status["migrations"][at]["counts"]["written"])
        })
        .to_vec();
    assert_eq!(told, [("first", &json!(200)), ("second", &json!(90))]);
}

#[tokio::test]
async fn a_query_copies_what_matches_and_counts_by_it() {
    if !esferry_lab::wanted("a migration with a query") {
        return;
    }
    let sides = Sides::new("copy-query").await.unwrap();
    sides.load(&sides.old, "from", numbered(300)).await.unwrap();
    sides.load(&sides.old, "expected", numbered(120)).await.unwrap();
    let daemon = sides
        .daemon(&format!(
            "from = {{ cluster = \"old\", indices = [\"{}\"], query = {{ range = {{ n = {{ lt = 120 }} }} }} }}\n\
             to = {{ cluster = \"new\", index = \"{}\" }}\nslice = {{ docs = 15 }}",
            sides.index("from"),
            sides.index("to")
        ))
        .unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(sides.equal("expected", "to").await.unwrap(), 120);
    let status = daemon.migration().unwrap();
    let numbers = ["/docs_total", "/counts/read", "/indices/0/counted/source", "/indices/0/counted/target"];
    assert_eq!(numbers.map(|pointer| number(&status, pointer)), [120; 4], "{status:#}");
}

#[tokio::test]
async fn the_one_liner_copies_goes_on_and_says_when_all_is_there() {
    if !esferry_lab::wanted("esferry copy FROM TO") {
        return;
    }
    let sides = Sides::new("copy-line").await.unwrap();
    let odd = Document::new("a#b/c", r#"{"n":1.10,"m":{"z":1,"a":2}}"#).routed("r");
    sides.load(&sides.old, "from", numbered(50).chain([odd])).await.unwrap();
    let daemon = Daemon::with_config("").unwrap();
    let (from, to) = (sides.index("from"), sides.index("to"));
    let (from, to) = (format!("{}/{from}", sides.old.url()), format!("{}/{to}", sides.new.url()));
    for _ in 0..2 {
        let output = daemon.output(&["copy", &from, &to]).unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(sides.equal("from", "to").await.unwrap(), 51);
    let status = daemon.migration().unwrap();
    assert_ne!(text(&status, "/name"), NAME);
    assert_eq!(number(&status, "/counts/written"), 51, "the second call read nothing again: {status:#}");
}
