//! Target indices: made or taken as they are, tuned for the load, put back, and counted at the end.

use anyhow::Result;
use esferry_lab::data::{load_refused_documents, refused_documents};
use esferry_lab::{Endpoint, Gate, Proxy, Rule, compare};
use reqwest::Method;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::scene::{PATIENCE, phase, standing};
use crate::sides::{NAME, Sides, number, numbered, text};

/// `refresh_interval` and `number_of_replicas` of an index.
async fn tuned(side: &Endpoint, index: &str) -> Result<(Option<String>, Option<String>)> {
    let settings = side.get(&format!("/{index}/_settings")).await?;
    let setting = |name: &str| {
        let value = settings.pointer(&format!("/{index}/settings/index/{name}")).and_then(Value::as_str);
        value.map(str::to_owned)
    };
    Ok((setting("refresh_interval"), setting("number_of_replicas")))
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
async fn settings_are_changed_for_the_load_and_put_back_after_a_kill_in_the_middle() {
    if !esferry_lab::wanted("target settings during a load, after a kill, and at the end") {
        return;
    }
    let sides = Sides::new("target-settings").await.unwrap();
    for part in ["made", "there"] {
        let body = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}});
        sides.create(&sides.old, part, &body).await.unwrap();
        sides.load(&sides.old, part, numbered(120)).await.unwrap();
    }
    let mine =
        json!({"settings": {"number_of_shards": 1, "number_of_replicas": 2, "refresh_interval": "7s"}});
    let (made, there) = (sides.index("made"), sides.create(&sides.new, "there", &mine).await.unwrap());
    let proxy = Proxy::start(sides.new.url()).unwrap();
    let gate = Gate::new();
    proxy.rule(Rule::on(Method::POST, "/_bulk").skip(2).hold(&gate));
    let daemon = Daemon::new(
        sides.old.url(),
        &proxy.url(),
        NAME,
        "from = { cluster = \"old\", indices = [\"target-settings_*\"] }\nto = { cluster = \"new\" }\n\
         slice = { docs = 40, parallel = 2 }",
    )
    .unwrap();
    let running = daemon.start(&[]).unwrap();
    assert!(gate.wait_held(1, PATIENCE), "{}", daemon.log());
    for index in [&made, &there] {
        assert_eq!(tuned(&sides.new, index).await.unwrap(), (some("-1"), some("0")), "{index}");
    }
    running.kill_nine().unwrap();
    proxy.clear_rules();
    gate.release();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    for part in ["made", "there"] {
        assert_eq!(sides.equal(part, part).await.unwrap(), 120);
    }
    assert_eq!(tuned(&sides.new, &there).await.unwrap(), (some("7s"), some("2")));
    assert_eq!(tuned(&sides.new, &made).await.unwrap(), (None, some("0")), "as on the source");
}

#[tokio::test]
async fn a_mapping_that_6_8_takes_goes_over_as_it_is() {
    if !esferry_lab::wanted("a mapping that 6.8 takes") {
        return;
    }
    let sides = Sides::new("target-same").await.unwrap();
    let properties = json!({
        "n": {"type": "long"}, "when": {"type": "date", "format": "yyyy-MM-dd"},
        "tags": {"type": "object", "enabled": false}, "at": {"properties": {"deep": {"type": "double"}}}
    });
    let body = json!({
        "settings": {"number_of_shards": 2, "number_of_replicas": 0, "refresh_interval": "3s"},
        "mappings": {"thing": {"dynamic": "strict", "properties": properties}}
    });
    sides.create(&sides.old, "from", &body).await.unwrap();
    sides.load(&sides.old, "from", numbered(50)).await.unwrap();
    let daemon = sides.ferry("from", "to", "").unwrap();
    sides.carry(&daemon, "from", "to").await.unwrap();
    let to = sides.index("to");
    let made = sides.new.get(&format!("/{to}")).await.unwrap();
    let mapping = &made[&to]["mappings"]["_doc"];
    assert_eq!(mapping["dynamic"], "strict", "{made:#}");
    for (field, kind) in [("n", "long"), ("when", "date"), ("tags", "object")] {
        assert_eq!(mapping["properties"][field]["type"], kind, "{made:#}");
    }
    assert_eq!(mapping["properties"]["at"]["properties"]["deep"]["type"], "double");
    assert_eq!(made[&to]["settings"]["index"]["number_of_shards"], "2");
    assert_eq!(tuned(&sides.new, &to).await.unwrap(), (some("3s"), some("0")));
}

#[tokio::test]
async fn what_6_8_does_not_take_is_converted_and_what_is_lost_stops_the_plan() {
    if !esferry_lab::wanted("strings are converted, a loss stops the plan until it is accepted") {
        return;
    }
    let sides = Sides::new("target-lost").await.unwrap();
    let body = json!({"mappings": {"thing": {
        "_timestamp": {"enabled": true},
        "properties": {"n": {"type": "long", "precision_step": 8}, "at": {"properties": {"name": {"type": "string"}}}}
    }}});
    sides.create(&sides.old, "from", &body).await.unwrap();
    sides.load(&sides.old, "from", numbered(30)).await.unwrap();
    let daemon = sides.ferry("from", "to", "").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 2, "{log}");
    assert!(log.contains("`mappings.thing._timestamp`"), "{log}");
    assert!(log.contains("accept_lost = [\"mappings.thing._timestamp\"]"), "{log}");
    assert!(sides.new.count(&sides.index("to")).await.is_err(), "nothing was made on the target");
    let daemon = sides.ferry("from", "to", "accept_lost = [\"mappings.*._timestamp\"]").unwrap();
    sides.carry(&daemon, "from", "to").await.unwrap();
    let to = sides.index("to");
    let made = sides.new.get(&format!("/{to}/_mapping")).await.unwrap();
    assert_eq!(
        made[&to]["mappings"]["_doc"]["properties"]["at"]["properties"]["name"]["type"], "text",
        "{made:#}"
    );
}

#[tokio::test]
async fn a_target_that_has_to_be_there_and_is_not_is_refused() {
    if !esferry_lab::wanted("schema = \"existing\" without a target") {
        return;
    }
    let sides = Sides::new("target-none").await.unwrap();
    sides.load(&sides.old, "from", numbered(3)).await.unwrap();
    let daemon = sides.ferry("from", "to", "schema = \"existing\"").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert!(code == 2 && log.contains("is not there") && log.contains("hint: "), "{code}: {log}");
    // Once it is there, the same run goes on.
    sides.create(&sides.new, "to", &json!({})).await.unwrap();
    sides.carry(&daemon, "from", "to").await.unwrap();
}

#[tokio::test]
async fn refused_documents_end_in_code_4_and_the_status_says_why_the_counts_differ() {
    if !esferry_lab::wanted("the count of both sides when documents were refused") {
        return;
    }
    let sides = Sides::new("target-counts").await.unwrap();
    let index = sides.index("both");
    let loaded = load_refused_documents(&sides.old, &sides.new, &index, 200).await.unwrap();
    let refused = refused_documents();
    let lost = refused.len() as u64;
    let daemon = sides.ferry("both", "both", "schema = \"existing\"\nslice = { docs = 20 }").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");
    let compared = compare((&sides.old, &index), (&sides.new, &index)).await.unwrap();
    assert_eq!((compared.same, compared.missing.len()), (200, refused.len()), "{compared}");
    assert!(compared.extra.is_empty() && compared.different.is_empty(), "{compared}");
    let status = daemon.migration().unwrap();
    assert_eq!((phase(&status), standing(&status)), ("ready", "running"), "{status:#}");
    let counted = &status["indices"][0]["counted"];
    let numbers = ["/source", "/target", "/failures"].map(|pointer| number(counted, pointer));
    assert_eq!(numbers, [loaded, loaded - lost, lost]);
    let told = text(counted, "/explanation");
    assert_eq!(told, format!("{lost} documents were refused: see `esferry failures list`"));
    let groups = status["failures"].as_array().unwrap();
    assert_eq!(groups.iter().map(|group| number(group, "/count")).sum::<u64>(), lost);
    for document in &refused {
        let kind = match document.error_type {
            // Known beforehand, and never sent: it would have the whole bulk refused.
            "action_request_validation_exception" => "id_too_long",
            kind => kind,
        };
        assert!(groups.iter().any(|group| text(group, "/error_type") == kind), "{groups:#?}");
    }
    // Called again it says the same, and reads nothing.
    let (code, again) = daemon.run_once().unwrap();
    assert_eq!(code, 4, "{again}");
    assert_eq!(daemon.migration().unwrap()["counts"], status["counts"]);
}
