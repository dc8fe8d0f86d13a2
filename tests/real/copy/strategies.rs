//! Every way of slicing, on the servers that need it.

use anyhow::Result;
use esferry_lab::data::{AlertSet, BulkWriter, Document, load_alerts, load_odd_documents};
use esferry_lab::{Gate, Proxy, Rule};
use reqwest::Method;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::scene::{PATIENCE, tally};
use crate::sides::{NAME, Sides, lab_schema, number, numbered, route, text};

#[tokio::test]
async fn ranges_of_uids_on_2_4() {
    if !esferry_lab::wanted("odd documents, 2.4 to 6.8, by uid") {
        return;
    }
    let sides = Sides::between("2.4.6", "6.8.23", "by-uid24").await.unwrap();
    load_odd_documents(&sides.old, &sides.index("from")).await.unwrap();
    let more = format!("slice = {{ docs = 20, page_docs = 7 }}\n{}", lab_schema("odd"));
    let daemon = sides.ferry("from", "to", &more).unwrap();
    let status = sides.carry(&daemon, "from", "to").await.unwrap();
    assert!(text(&status, "/indices/0/strategy").starts_with("uid"), "{status:#}");
    assert!(tally(&status, "done") > 5);
}

#[tokio::test]
async fn whole_shards_and_the_servers_own_slices_of_them_on_5_6() {
    if !esferry_lab::wanted("odd documents, 5.6 to 6.8, by shard") {
        return;
    }
    let sides = Sides::between("5.6.16", "6.8.23", "by-shard56").await.unwrap();
    load_odd_documents(&sides.old, &sides.index("from")).await.unwrap();
    let whole = sides.ferry("from", "whole", &lab_schema("odd")).unwrap();
    let status = sides.carry(&whole, "from", "whole").await.unwrap();
    assert!(text(&status, "/indices/0/strategy").starts_with("shard"), "{status:#}");
    assert_eq!(tally(&status, "done"), 3);
    // A slice of the server's own is made for twenty times `docs`: here two or three a shard.
    let more = format!("slice = {{ docs = 1, page_docs = 5 }}\n{}", lab_schema("odd"));
    let sliced = sides.ferry("from", "sliced", &more).unwrap();
    let status = sides.carry(&sliced, "from", "sliced").await.unwrap();
    assert!(tally(&status, "done") > 3, "{status:#}");
}

#[tokio::test]
async fn windows_of_sequence_numbers_on_6_8() {
    if !esferry_lab::wanted("documents with a history, 6.8 to 6.8, by seq_no") {
        return;
    }
    let sides = Sides::between("6.8.23", "6.8.23", "by-seq").await.unwrap();
    let loaded = load_alerts(&sides.old, &sides.index("from"), AlertSet::lived(12, 2500)).await.unwrap();
    let more = format!("slice = {{ docs = 300, page_docs = 40 }}\n{}", lab_schema("alerts"));
    let daemon = sides.ferry("from", "to", &more).unwrap();
    let status = sides.carry(&daemon, "from", "to").await.unwrap();
    assert!(text(&status, "/indices/0/strategy").starts_with("seq_no"), "{status:#}");
    assert_eq!(number(&status, "/counts/written"), loaded.documents);
    assert!(tally(&status, "done") > 8);
}

#[tokio::test]
async fn documents_written_while_sequence_numbers_are_read_are_found_in_their_last_state() {
    if !esferry_lab::wanted("updates, inserts and deletes during a copy by seq_no") {
        return;
    }
    let sides = Sides::between("6.8.23", "6.8.23", "by-moving-seq").await.unwrap();
    let body = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}});
    let from = sides.create(&sides.old, "from", &body).await.unwrap();
    sides.load(&sides.old, "from", numbered(800)).await.unwrap();
    let proxy = Proxy::start(sides.old.url()).unwrap();
    let window = || Rule::on(Method::POST, "_search?version=true").body_contains("_seq_no").times(1);
    let (before, amid) = (Gate::new(), Gate::new());
    proxy.rule(window().hold(&before)).rule(window().skip(7).hold(&amid));
    let more = "slice = { docs = 150, page_docs = 40, parallel = 1 }";
    let migration = route(&from, &sides.index("to"), more);
    let daemon = Daemon::new(&proxy.url(), sides.new.url(), NAME, &migration).unwrap();
    let mut running = daemon.start(&["--once"]).unwrap();
    assert!(before.wait_held(1, PATIENCE), "{}", daemon.log());
    // The plan is made and nothing is read yet: deletes are plain, and updates move above every planned window.
    let writer = BulkWriter::new(&sides.old, &from, Some("_doc"));
    writer.delete(numbered(800).step_by(9)).await.unwrap();
    sides.old.refresh(&from).await.unwrap();
    let again = |step: usize, revision: u64| {
        let kept = numbered(800).enumerate().filter(|(n, _)| n % 9 != 0).map(|(_, document)| document);
        let kept: Vec<Document> = kept.step_by(step).collect();
        kept.into_iter().map(move |document| {
            let source = document.source.replace('}', &format!(",\"revision\":{revision}}}"));
            Document { source, ..document }
        })
    };
    writer.index(again(5, 1)).await.unwrap();
    before.release();
    assert!(amid.wait_held(1, PATIENCE), "{}", daemon.log());
    // Some of these were read already, others were not.
    writer.index(again(3, 2)).await.unwrap();
    writer
        .index((800..900).map(|n| Document::new(n.to_string(), json!({"n": n}).to_string())))
        .await
        .unwrap();
    amid.release();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", daemon.log());
    assert_eq!(sides.equal("from", "to").await.unwrap(), 800 - 89 + 100);
    let status = daemon.migration().unwrap();
    assert!(number(&status, "/counts/read") > 811, "some were read twice: {status:#}");
}

/// Documents with a date, numbers and words, every seventh without any of them.
fn things() -> impl Iterator<Item = Document> {
    (0_i64..350).map(|n| {
        let day = format!("2015-{:02}-{:02}T{:02}:00:00.000Z", n % 12 + 1, n % 28 + 1, n % 24);
        let word =
            format!("{}-{n}", ["ä", "b", "b", "日本", "z\"#", "😀"][usize::try_from(n % 6).unwrap_or(0)]);
        let part = (n - 100) * 12_345;
        let fraction = format!("{part}.{:02}", n % 100);
        let source = match n % 7 {
            3 => json!({"other": n}).to_string(),
            _ => {
                let value = json!({"when": day, "whole": part, "word": word}).to_string();
                value.replace("{\"when\"", &format!("{{\"part\":{fraction},\"when\""))
            }
        };
        Document::new(format!("t{n}"), source)
    })
}

fn thing_body(word: Value, kind: &str) -> Value {
    json!({
        "settings": {"number_of_shards": 2, "number_of_replicas": 0},
        "mappings": {kind: {"properties": {
            "when": {"type": "date"}, "whole": {"type": "long"}, "part": {"type": "double"}, "word": word,
            "other": {"type": "long"}
        }}}
    })
}

async fn by_every_field(sides: &Sides, slices: u64) -> Result<()> {
    let target = thing_body(json!({"type": "keyword"}), "_doc");
    for field in ["when", "whole", "part", "word"] {
        sides.create(&sides.new, field, &target).await?;
        let more = format!(
            "slice = {{ strategy = \"field\", field = \"{field}\", docs = 20, page_docs = 9 }}\nschema = \"existing\""
        );
        let daemon = sides.ferry("from", field, &more)?;
        let status = sides.carry(&daemon, "from", field).await?;
        anyhow::ensure!(tally(&status, "done") >= slices, "{field}: {status:#}");
        anyhow::ensure!(text(&status, "/indices/0/strategy").starts_with(&format!("field {field}")));
    }
    Ok(())
}

#[tokio::test]
async fn ranges_of_a_date_a_number_or_a_keyword_on_1_7() {
    if !esferry_lab::wanted("slices by fields that some documents lack, on 1.7") {
        return;
    }
    let sides = Sides::new("by-field17").await.unwrap();
    let mut body = thing_body(json!({"type": "string", "index": "not_analyzed"}), "thing");
    body["mappings"]["thing"]["properties"]["when"]["format"] = json!("date_time");
    sides.create(&sides.old, "from", &body).await.unwrap();
    sides.load(&sides.old, "from", things()).await.unwrap();
    by_every_field(&sides, 15).await.unwrap();
}

#[tokio::test]
async fn ranges_of_a_date_a_number_or_a_keyword_on_5_6() {
    if !esferry_lab::wanted("slices by fields that some documents lack, on 5.6") {
        return;
    }
    let sides = Sides::between("5.6.16", "6.8.23", "by-field56").await.unwrap();
    let mut body = thing_body(json!({"type": "keyword"}), "thing");
    // A format that takes no milliseconds: bounds are sent as such all the same.
    body["mappings"]["thing"]["properties"]["when"]["format"] = json!("strict_date_time");
    sides.create(&sides.old, "from", &body).await.unwrap();
    sides.load(&sides.old, "from", things()).await.unwrap();
    by_every_field(&sides, 15).await.unwrap();
}

#[tokio::test]
async fn a_strategy_that_the_server_cannot_serve_is_refused() {
    if !esferry_lab::wanted("strategies that do not fit the server") {
        return;
    }
    let sides = Sides::new("by-wrong").await.unwrap();
    sides.load(&sides.old, "from", numbered(3)).await.unwrap();
    for (slice, words) in [
        ("strategy = \"seq_no\"", "created in 6.0 or later"),
        ("strategy = \"field\", field = \"m\"", "has no field `m`"),
    ] {
        let daemon = sides.ferry("from", "to", &format!("slice = {{ {slice} }}")).unwrap();
        let (code, log) = daemon.run_once().unwrap();
        assert!(code == 2 && log.contains(words), "{code}: {log}");
    }
    let there = sides.new.count(&sides.index("to")).await;
    assert!(there.is_err(), "nothing was made on the target: {there:?}");
}
