//! What a plan says, what it refuses and why, and that it survives writes and kills.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Result;
use esferry_lab::data::{AlertSet, BulkWriter, Document, alert, load_alerts};
use esferry_lab::proxy::Recorded;
use esferry_lab::{Endpoint, Gate, Proxy, Rule};
use reqwest::Method;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::scene::{PATIENCE, phase, tally};
use crate::sides::{NAME, Sides, kind, lab_schema, number, numbered, route, text};

/// Exit code, the plan of the only migration, and stderr.
fn plan(daemon: &Daemon) -> Result<(i32, Value, String)> {
    let output = daemon.output(&["plan", "--json"])?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let plans: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    Ok((output.status.code().unwrap_or(-1), plans.get(0).cloned().unwrap_or_default(), stderr))
}

#[tokio::test]
async fn a_plan_tells_its_figures_and_does_nothing() {
    if !esferry_lab::wanted("the figures of `plan --json`") {
        return;
    }
    let sides = Sides::new("plan-figures").await.unwrap();
    let loaded = load_alerts(&sides.old, &sides.index("a"), AlertSet::lived(21, 1500)).await.unwrap();
    sides.create(&sides.old, "b", &json!({"settings": {"number_of_shards": 2}})).await.unwrap();
    sides.create(&sides.new, "b-new", &json!({})).await.unwrap();
    let daemon = sides
        .daemon(&format!(
            "from = {{ cluster = \"old\", indices = [\"plan-figures_*\"] }}\n\
             to = {{ cluster = \"new\", index = \"{{index}}-new\" }}\nslice = {{ docs = 100 }}\n{}",
            lab_schema("alerts")
        ))
        .unwrap();
    let (code, plan, log) = plan(&daemon).unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!((text(&plan, "/migration"), number(&plan, "/docs")), (NAME, loaded.documents));
    assert!(text(&plan, "/source").starts_with("old: Elasticsearch 1.7.6"), "{plan:#}");
    assert!(text(&plan, "/target").starts_with("new: Elasticsearch 6.8.23"), "{plan:#}");
    let (alerts, empty) = (&plan["indices"][0], &plan["indices"][1]);
    assert_eq!((text(alerts, "/strategy"), text(alerts, "/target_index")), ("uid", "create"));
    assert_eq!((number(alerts, "/docs"), number(alerts, "/shards")), (loaded.documents, 3));
    assert!((1..=100).contains(&number(alerts, "/largest_slice")), "{plan:#}");
    assert!(number(alerts, "/slices") >= loaded.documents / 100, "{plan:#}");
    assert_eq!(alerts["types"], json!(["alert"]));
    assert_eq!(
        (number(empty, "/docs"), number(empty, "/slices"), number(empty, "/largest_slice")),
        (0, 2, 0)
    );
    assert_eq!(text(empty, "/target_index"), "use");
    assert_eq!(number(&plan, "/slices"), number(alerts, "/slices") + 2);
    assert!(!daemon.state_dir().exists(), "nothing is stored");
    assert!(sides.new.count(&sides.index("a-new")).await.is_err(), "nothing is made on the target");
}

#[tokio::test]
async fn what_cannot_be_migrated_is_named_with_its_reason() {
    if !esferry_lab::wanted("the refusals of a plan") {
        return;
    }
    let sides = Sides::new("plan-refusals").await.unwrap();
    for (part, mappings) in [
        ("several", json!({"blog": {}, "post": {}})),
        ("child", json!({"child": {"_parent": {"type": "elsewhere"}}})),
        ("stripped", json!({"thing": {"_source": {"enabled": false}}})),
        ("partial", json!({"thing": {"_source": {"excludes": ["secret"]}}})),
        ("lost", json!({"thing": {"_timestamp": {"enabled": true}}})),
    ] {
        sides.create(&sides.old, part, &json!({"mappings": mappings})).await.unwrap();
    }
    sides.load(&sides.old, "good", numbered(20)).await.unwrap();
    let daemon = sides
        .daemon("from = { cluster = \"old\", indices = [\"plan-refusals_*\"] }\nto = { cluster = \"new\" }")
        .unwrap();
    let (code, plan, log) = plan(&daemon).unwrap();
    assert_eq!(code, 2, "{log}");
    assert!(log.contains("hint: "), "{log}");
    let refusals: Vec<&str> = plan["refusals"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(refusals.len(), 5, "{refusals:#?}");
    for words in [
        ["plan-refusals_several", "2 types (blog, post)"],
        ["plan-refusals_child", "type `child` has the parent `elsewhere`"],
        ["plan-refusals_stripped", "does not keep its documents whole (_source.enabled: false)"],
        ["plan-refusals_partial", "does not keep its documents whole (_source.includes or excludes)"],
        ["plan-refusals_lost", "`mappings.thing._timestamp`"],
    ] {
        let found = refusals.iter().any(|refusal| words.iter().all(|word| refusal.contains(word)));
        assert!(found, "{words:?} is not in {refusals:#?}");
    }
    // What can be planned is planned all the same, and a run does not begin with half of it.
    assert_eq!((number(&plan, "/docs"), plan["indices"].as_array().unwrap().len()), (20, 1));
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 2, "{log}");
    assert!(sides.new.count("plan-refusals_good").await.is_err(), "nothing is made on the target");
}

#[tokio::test]
async fn closed_indices_aliases_and_misspelt_names_are_refused() {
    if !esferry_lab::wanted("names that are no readable index") {
        return;
    }
    let sides = Sides::new("plan-names").await.unwrap();
    let open = sides.create(&sides.old, "open", &json!({"aliases": {"plan-names-alias": {}}})).await.unwrap();
    let closed = sides.create(&sides.old, "closed", &json!({})).await.unwrap();
    sides.old.post(&format!("/{closed}/_close"), &json!({})).await.unwrap();
    let refused = |from: &str| {
        let (code, _, log) = plan(&sides.daemon(&route(from, "plan-names_to", "")).unwrap()).unwrap();
        assert_eq!(code, 2, "{from}: {log}");
        assert!(log.contains("hint: "), "{log}");
        log
    };
    let log = refused("plan-names_*");
    assert!(log.contains("error[index_closed]") && log.contains("`plan-names_closed` is closed"), "{log}");
    let log = refused("plan-names-alias");
    assert!(log.contains("error[alias]") && log.contains(&format!("is an alias of {open}")), "{log}");
    let log = refused("plan-names_opne");
    assert!(log.contains("error[no_index]") && log.contains("did you mean `plan-names_open`?"), "{log}");
}

#[tokio::test]
async fn an_index_is_not_copied_onto_itself_whatever_the_urls_are() {
    if !esferry_lab::wanted("one cluster under two URLs") {
        return;
    }
    let sides = Sides::new("plan-self").await.unwrap();
    let index = sides.index("from");
    sides.load(&sides.new, "from", numbered(5)).await.unwrap();
    let proxy = Proxy::start(sides.new.url()).unwrap();
    let daemon = Daemon::new(sides.new.url(), &proxy.url(), NAME, &route(&index, "{index}", "")).unwrap();
    let (code, told, log) = plan(&daemon).unwrap();
    assert_eq!(code, 2, "{log}");
    let refusal = text(&told, "/refusals/0");
    assert!(refusal.contains("onto itself") && refusal.contains(&index), "{told:#}");
    // A server that is too old to be written to is no target at all.
    let daemon =
        Daemon::new(sides.new.url(), sides.old.url(), NAME, &route(&index, "{index}-x", "")).unwrap();
    let output = daemon.output(&["plan"]).unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && log.contains("esferry writes to 5.0 and later"), "{log}");
}

#[tokio::test]
async fn a_field_with_several_values_a_document_is_refused_with_the_numbers() {
    if !esferry_lab::wanted("slices by a field of several values") {
        return;
    }
    let sides = Sides::new("plan-several").await.unwrap();
    // 1.7 tells its own new fields to the master when it finds the time.
    let body = json!({"settings": {"number_of_shards": 1}, "mappings": {"thing": {"properties": {"n": {"type": "long"}}}}});
    sides.create(&sides.old, "from", &body).await.unwrap();
    let both = (0..60).map(|n| Document::new(format!("d{n}"), json!({"n": [n, 1000 + n]}).to_string()));
    sides.load(&sides.old, "from", both).await.unwrap();
    let more = "slice = { strategy = \"field\", field = \"n\", docs = 10 }";
    let daemon = sides.ferry("from", "to", more).unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 2, "{log}");
    let told = "the slices hold 120 documents, the shard 60, and only 0 were written meanwhile";
    assert!(log.contains("error[coverage]") && log.contains(told), "{log}");
    assert!(log.contains("several values a document"), "{log}");
    assert!(sides.new.count(&sides.index("to")).await.is_err(), "nothing is made on the target");
}

#[tokio::test]
async fn a_count_that_was_another_ones_is_no_reason_to_refuse() {
    if !esferry_lab::wanted("a plan with a count that went astray") {
        return;
    }
    let sides = Sides::new("plan-astray").await.unwrap();
    let body = json!({"settings": {"number_of_shards": 1}, "mappings": {"thing": {"properties": {"n": {"type": "long"}}}}});
    sides.create(&sides.old, "from", &body).await.unwrap();
    sides.load(&sides.old, "from", numbered(900)).await.unwrap();
    let (from, to) = (sides.index("from"), sides.index("to"));
    let mut planned_again = 0;
    for skipped in [1, 3, 6, 9] {
        let proxy = Proxy::start(sides.old.url()).unwrap();
        let more = "slice = { strategy = \"field\", field = \"n\", docs = 100 }";
        let daemon = Daemon::new(&proxy.url(), sides.new.url(), NAME, &route(&from, &to, more)).unwrap();
        let counts = Rule::any().when(|seen| seen.path.contains("/_count"));
        let another = r#"{"count":7,"_shards":{"total":1,"successful":1,"failed":0}}"#;
        proxy.rule(counts.skip(skipped).times(1).answer(200, another));
        let (code, log) = daemon.run_once().unwrap();
        assert_eq!(code, 0, "{skipped}: {log}");
        planned_again += usize::from(log.contains("the shard is planned once more"));
        sides.new.refresh(&to).await.unwrap();
        assert_eq!(sides.equal("from", "to").await.unwrap(), 900);
        sides.new.delete_index(&to).await.unwrap();
    }
    assert!(planned_again > 0, "no count mattered");
}

/// Writes, updates and deletes until told to stop; returns how many operations there were.
async fn live(endpoint: Endpoint, index: String, stop: Arc<AtomicBool>) -> Result<u64> {
    let writer = BulkWriter::new(&endpoint, &index, Some(kind(&endpoint).await?)).sized(40, 1);
    let (mut round, mut operations) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        let fresh = |round: u64| (0..40).map(move |n| alert(7, 1_000_000 + round * 40 + n, 1));
        operations += writer.index(fresh(round)).await?;
        operations += writer.index((0..10).map(|n| alert(5, n * 7, 2 + round))).await?;
        if round > 2 {
            operations += writer.delete(fresh(round - 2).take(30)).await?;
        }
        round += 1;
    }
    Ok(operations)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_during_planning_are_no_reason_to_refuse() {
    if !esferry_lab::wanted("plans of indices that are written meanwhile") {
        return;
    }
    let sides = Sides::new("plan-live").await.unwrap();
    for side in [&sides.old, &sides.new] {
        let major = side.major().await.unwrap();
        let body = json!({
            "settings": {"number_of_shards": 3, "number_of_replicas": 0, "refresh_interval": "100ms"}
        });
        let index = sides.create(side, "from", &body).await.unwrap();
        sides.load(side, "from", AlertSet::plain(5, 1500).documents()).await.unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let writing = tokio::spawn(live(side.clone(), index.clone(), stop.clone()));
        let more = format!("slice = {{ docs = 150 }}\n{}", lab_schema("alerts"));
        for turn in 0..3 {
            let migration = route(&index, &sides.index("to"), &more);
            let daemon = Daemon::new(side.url(), sides.new.url(), NAME, &migration).unwrap();
            let (code, plan, log) = plan(&daemon).unwrap();
            assert_eq!(code, 0, "{major}.x, turn {turn}: {log}");
            assert!(number(&plan, "/docs") >= 1500, "{plan:#}");
        }
        stop.store(true, Ordering::Relaxed);
        let operations = writing.await.unwrap().unwrap();
        assert!(operations > 100, "only {operations} operations were done meanwhile");
    }
}

#[tokio::test]
async fn writes_just_before_planning_that_become_visible_meanwhile_are_no_reason_either() {
    if !esferry_lab::wanted("a refresh of the source in the middle of a plan") {
        return;
    }
    let sides = Sides::new("plan-refresh").await.unwrap();
    let index = sides.index("from");
    let settings = json!({"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"});
    sides.create(&sides.old, "from", &json!({"settings": settings})).await.unwrap();
    sides.load(&sides.old, "from", numbered(400)).await.unwrap();
    let proxy = Proxy::start(sides.old.url()).unwrap();
    let (before, amid) = (Gate::new(), Gate::new());
    proxy.rule(Rule::on(Method::GET, "_stats?level=shards").times(1).hold(&before));
    proxy.rule(Rule::on(Method::POST, "_count").skip(3).times(1).hold(&amid));
    let migration = route(&index, &sides.index("to"), "slice = { docs = 30 }");
    let daemon = Daemon::new(&proxy.url(), sides.new.url(), NAME, &migration).unwrap();
    let mut command = daemon.command(&["plan"]);
    let planning = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(before.wait_held(1, PATIENCE));
    let writer = BulkWriter::new(&sides.old, &index, Some("thing"));
    writer.index(numbered(700).skip(400)).await.unwrap();
    before.release();
    assert!(amid.wait_held(1, PATIENCE));
    sides.old.refresh(&index).await.unwrap();
    amid.release();
    let output = planning.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// True for what planning asks of one shard: counts and samples, not slices that are read.
fn plans(request: &Recorded, shards: &[u32]) -> bool {
    let preference = request.parameter("preference").unwrap_or_default();
    let asked = shards.iter().any(|shard| preference.starts_with(&format!("_shards:{shard}")));
    asked && !request.is_open()
}

#[tokio::test]
async fn planning_that_was_killed_goes_on_with_the_shards_that_are_left() {
    if !esferry_lab::wanted("kill -9 while a shard is being planned") {
        return;
    }
    let sides = Sides::new("plan-killed").await.unwrap();
    let index = sides.index("from");
    load_alerts(&sides.old, &index, AlertSet::plain(22, 1200)).await.unwrap();
    let mut shares = Vec::new();
    for shard in 0..3 {
        let count = sides.old.get(&format!("/{index}/_count?preference=_shards:{shard}")).await.unwrap();
        shares.push(number(&count, "/count"));
    }
    let proxy = Proxy::start(sides.old.url()).unwrap();
    let gate = Gate::new();
    proxy.rule(Rule::on(Method::POST, "_count?preference=_shards:1").skip(2).hold(&gate));
    let more = format!("slice = {{ docs = 50 }}\n{}", lab_schema("alerts"));
    let migration = route(&index, &sides.index("to"), &more);
    let daemon = Daemon::new(&proxy.url(), sides.new.url(), NAME, &migration).unwrap();
    let running = daemon.start(&[]).unwrap();
    let planned = daemon.until(PATIENCE, |status| {
        phase(status) == "planning" && number(status, "/indices/0/docs_total") == shares[0] + shares[2]
    });
    let planned = planned.unwrap();
    assert!(gate.wait_held(1, PATIENCE));
    assert!(tally(&planned, "waiting") > 10 && planned["docs_total"].is_null(), "{planned:#}");
    running.kill_nine().unwrap();
    let stored = daemon.migration().unwrap();
    assert_eq!((phase(&stored), &stored["slices"]), ("planning", &planned["slices"]));
    proxy.clear_rules();
    gate.release();
    proxy.clear_requests();
    let status = sides.carry(&daemon, "from", "to").await.unwrap();
    let again: Vec<String> =
        proxy.requests().into_iter().filter(|request| plans(request, &[0, 2])).map(|r| r.path).collect();
    assert!(again.is_empty(), "shards that were planned are planned again: {again:?}");
    assert!(proxy.requests().iter().any(|request| plans(request, &[1])));
    assert_eq!(number(&status, "/counts/written"), 1200);
    assert_eq!(tally(&status, "waiting"), 0);
}
