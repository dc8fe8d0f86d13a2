//! What belongs to types beside their documents follows them, or speaks against a plan: aliases, templates, names.

use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

use super::{animal, done, ferry, held, load, write, zoo};
use crate::daemon::Daemon;
use crate::sides::{NAME, Sides, number};

/// `check` and `plan` both refuse, and name each of these words.
fn refused(daemon: &Daemon, words: &[&str]) {
    for command in ["check", "plan"] {
        let output = daemon.output(&[command]).expect("the binary starts");
        let all =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{command}: {all}");
        for word in words {
            assert!(all.contains(word), "{command}: {word:?} is not in {all}");
        }
    }
}

/// The report of the first target.
fn report(daemon: &Daemon) -> Value {
    let output = daemon.output(&["schema", "report", NAME, "--json"]).expect("the binary starts");
    serde_json::from_slice(&output.stdout).expect("the report is JSON")
}

#[tokio::test]
async fn aliases_and_templates_follow_the_types() {
    if !esferry_lab::wanted("filtered aliases and index templates of an index that is split") {
        return;
    }
    let sides = Sides::new("types-follow").await.unwrap();
    let index = load(&sides, "zoo", json!({"cat": {}, "dog": {}}), &zoo(false)).await.unwrap();
    let alias = json!({"actions": [{"add": {"index": index, "alias": "types-follow_young", "routing": "r1",
        "filter": {"and": [{"range": {"n": {"lt": 10}}}, {"not": {"term": {"n": 3}}}]}}}]});
    sides.old.post("/_aliases", &alias).await.unwrap();
    let template = json!({"template": "types-follow_*", "order": 1, "mappings": {
        "cat": {"properties": {"name": {"type": "string", "index": "not_analyzed"}}},
        "dog": {"properties": {"barks": {"type": "boolean"}}}
    }});
    sides.old.put("/_template/types-follow", &template).await.unwrap();
    let daemon = ferry(&sides, &index, "{index}-{type}", "types = \"split\"\ntemplates = true").unwrap();
    done(&daemon).unwrap();
    let aliases = sides.new.get("/_alias/types-follow_young").await.unwrap();
    let targets: Vec<&String> = aliases.as_object().unwrap().keys().collect();
    assert_eq!(targets.len(), 2, "{aliases:#}");
    let through = sides.new.post("/types-follow_young/_search", &json!({"size": 0})).await.unwrap();
    // Both sides look at the shard of the alias' routing only.
    let before = sides.old.post("/types-follow_young/_search", &json!({"size": 0})).await.unwrap();
    assert!(number(&before, "/hits/total") > 0, "{before:#}");
    assert!(number(&through, "/hits/total") > 0, "{through:#}");
    let shown = daemon.output(&["schema", "templates", NAME]).unwrap();
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let made = sides.new.get("/_template/types-follow-*").await.unwrap();
    for kind in ["cat", "dog"] {
        let name = format!("types-follow-{kind}");
        let expected = json!([format!("types-follow_*-{kind}")]);
        assert_eq!(shown[&name]["index_patterns"], expected, "{shown:#}");
        assert_eq!(made[&name]["index_patterns"], expected, "{made:#}");
    }
    assert_eq!(
        made.pointer("/types-follow-cat/mappings/_doc/properties/name/type"),
        Some(&json!("keyword")),
        "{made:#}"
    );
    for (side, name) in [(&sides.old, "types-follow"), (&sides.new, "types-follow-*")] {
        side.send(Method::DELETE, &format!("/_template/{name}"), "", Bytes::new()).await.unwrap();
    }
}

#[tokio::test]
async fn an_alias_by_type_is_made_where_the_type_is() {
    if !esferry_lab::wanted("aliases that are filtered by type, of an index that is split") {
        return;
    }
    let sides = Sides::new("types-alias").await.unwrap();
    let index = load(&sides, "zoo", json!({"cat": {}, "dog": {}}), &zoo(false)).await.unwrap();
    let filters = [
        ("cats", json!({"type": {"value": "cat"}})),
        ("young-cats", json!({"and": [{"type": {"value": "cat"}}, {"range": {"n": {"lt": 10}}}]})),
        ("no-cats", json!({"bool": {"must_not": [{"term": {"_type": "cat"}}]}})),
        ("either", json!({"or": [{"type": {"value": "cat"}}, {"term": {"n": 3}}]})),
    ];
    for (name, filter) in &filters {
        let add = json!({"index": index, "alias": format!("types-alias_{name}"), "filter": filter});
        sides.old.post("/_aliases", &json!({"actions": [{"add": add}]})).await.unwrap();
    }
    let daemon = ferry(&sides, &index, "{index}-{type}", "types = \"split\"").unwrap();
    done(&daemon).unwrap();
    for kind in ["cat", "dog"] {
        sides.new.refresh(&format!("{index}-{kind}")).await.unwrap();
    }
    let there = sides.new.get("/_alias/types-alias_*").await.unwrap();
    let all = |kind: &str| {
        let aliases = there[format!("{index}-{kind}")]["aliases"].as_object().cloned().unwrap_or_default();
        let names = aliases.keys().map(|name| name.trim_start_matches("types-alias_").to_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!((all("cat").as_str(), all("dog").as_str()), ("cats either young-cats", "either no-cats"));
    for (name, _) in &filters {
        let path = format!("/types-alias_{name}/_search");
        let before = sides.old.post(&path, &json!({"size": 0})).await.unwrap();
        let after = sides.new.post(&path, &json!({"size": 0})).await.unwrap();
        let (before, after) = (number(&before, "/hits/total"), number(&after, "/hits/total"));
        assert!(before > 0 && before == after, "{name}: {before} and {after}");
    }
}

#[tokio::test]
async fn percolator_queries_that_stay_behind_are_told() {
    if !esferry_lab::wanted("percolator queries are left behind, and the report says so") {
        return;
    }
    let sides = Sides::new("types-percolator").await.unwrap();
    let index =
        load(&sides, "zoo", json!({"cat": {}}), &[animal("cat", "1", json!({"n": 1}))]).await.unwrap();
    sides.old.put(&format!("/{index}/.percolator/1"), &json!({"query": {"match_all": {}}})).await.unwrap();
    let daemon = ferry(&sides, &index, "{index}-new", "accept_lost = [\"mappings..percolator\"]").unwrap();
    let told = report(&daemon).to_string();
    assert!(told.contains("type_left_behind") && told.contains("mappings..percolator"), "{told}");
    done(&daemon).unwrap();
}

#[tokio::test]
async fn names_that_the_target_needs_for_itself_are_refused_and_can_be_changed() {
    if !esferry_lab::wanted("fields called as metadata, and transforms on the field that names types") {
        return;
    }
    let sides = Sides::new("types-names").await.unwrap();
    let documents = [animal("cat", "1", json!({"_type": "x", "n": 1})), animal("dog", "2", json!({"n": 2}))];
    let index = load(&sides, "zoo", json!({"cat": {}, "dog": {}}), &documents).await.unwrap();
    let merged =
        |more: &str| ferry(&sides, &index, "{index}-one", &format!("types = \"merge\"\n{more}")).unwrap();
    refused(&merged(""), &["mappings.cat.properties._type", "rename"]);
    let taken = format!("[[migrations.{NAME}.transform]]\nrename = {{ from = \"_type\", to = \"type\" }}");
    refused(&merged(&taken), &["transform 1: `rename` concerns `type`"]);
    let renamed = format!("[[migrations.{NAME}.transform]]\nrename = {{ from = \"_type\", to = \"kind\" }}");
    done(&merged(&renamed)).unwrap();
    let arrived = held(&sides.new, &format!("{index}-one")).await.unwrap();
    assert_eq!(arrived["1"].2, json!({"n": 1, "kind": "x", "type": "cat"}));
    let mapping = sides.new.get(&format!("/{index}-one/_mapping/field/kind")).await.unwrap().to_string();
    assert!(mapping.contains("\"text\"") && !mapping.contains("keyword"), "{mapping}");
    write(&sides, &index, &[animal("cat-dog", "3", json!({"n": 3}))]).await.unwrap();
    refused(&merged(&renamed), &["types `cat` and `cat-dog` cannot share an index", "split"]);
}

#[tokio::test]
async fn a_schema_file_has_to_hold_the_fields_that_name_types() {
    if !esferry_lab::wanted("a schema file without the fields of merged types") {
        return;
    }
    let sides = Sides::new("types-file").await.unwrap();
    let index = load(&sides, "zoo", json!({"cat": {}, "dog": {}}), &zoo(false)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("body.json");
    let with_file = || {
        let more = format!("types = \"merge\"\nschema = \"file:{}\"", file.display());
        ferry(&sides, &index, "{index}-one", &more).unwrap()
    };
    let body = |properties: Value| json!({"mappings": {"_doc": {"properties": properties}}}).to_string();
    std::fs::write(&file, body(json!({"lives": {"type": "ip"}}))).unwrap();
    refused(&with_file(), &["`file.lives`", "`file.type`", "no field `type`"]);
    std::fs::write(&file, body(json!({"type": {"type": "keyword"}}))).unwrap();
    done(&with_file()).unwrap();
}

#[tokio::test]
async fn what_is_copied_out_of_a_map_is_copied_out_of_its_values() {
    if !esferry_lab::wanted("copy_to below a key_value field") {
        return;
    }
    let sides = Sides::new("types-copies").await.unwrap();
    let copied = json!({"type": "string", "copy_to": "everything"});
    let mapping = json!({"cat": {"properties": {"everything": {"type": "string"}, "tags": {"properties": {"a": copied, "b": copied}}}}});
    let cats = [
        animal("cat", "1", json!({"tags": {"a": "x y", "b": "z"}})),
        animal("cat", "2", json!({"tags": {"b": "z"}})),
    ];
    let index = load(&sides, "zoo", mapping, &cats).await.unwrap();
    let step = format!("[[migrations.{NAME}.transform]]\nkey_value = {{ field = \"tags\" }}");
    done(&ferry(&sides, &index, "{index}-new", &step).unwrap()).unwrap();
    sides.new.refresh(&format!("{index}-new")).await.unwrap();
    for word in ["x", "y", "z"] {
        let query = json!({"query": {"match": {"everything": word}}});
        let before = sides.old.post(&format!("/{index}/_search"), &query).await.unwrap();
        let after = sides.new.post(&format!("/{index}-new/_search"), &query).await.unwrap();
        assert_eq!(number(&before, "/hits/total"), number(&after, "/hits/total"), "{word}");
    }
}
