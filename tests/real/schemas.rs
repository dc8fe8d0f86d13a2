//! What speaks against a schema is told by `check` and `plan`, before anything is written.

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::sides::{NAME, Sides, numbered, text};

/// Exit code, stdout and stderr of a command.
fn told(daemon: &Daemon, args: &[&str]) -> (i32, String, String) {
    let output = daemon.output(args).expect("the binary starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// `check` and `plan` both refuse, and name each of these words.
fn both_refuse(daemon: &Daemon, words: &[&str]) {
    for command in ["check", "plan"] {
        let (code, stdout, stderr) = told(daemon, &[command]);
        let all = format!("{stdout}{stderr}");
        assert_eq!(code, 2, "{command}: {all}");
        for word in words {
            assert!(all.contains(word), "{command}: {word:?} is not in {all}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_done_as_configured_is_refused_by_check_and_plan() {
    if !esferry_lab::wanted("refusals of check and plan: names, transforms, foreign documents") {
        return;
    }
    let sides = Sides::new("schema-refused").await.unwrap();
    sides.load(&sides.old, "from", numbered(20)).await.unwrap();
    let jq = sides.ferry("from", "to", "[[migrations.move.transform]]\njq = '.a |= tonumbr'").unwrap();
    both_refuse(&jq, &["transform", "column 7", "tonumbr"]);
    let key =
        sides.ferry("from", "to", "[[migrations.move.transform]]\nkey_valu = { field = \"a\" }").unwrap();
    both_refuse(&key, &["key_valu", "did you mean `key_value`"]);
    let mapping = json!({"mappings": {"Upper": {}}});
    sides.create(&sides.old, "typed", &mapping).await.unwrap();
    let typed = sides.ferry("typed", "x-{type}", "types = \"split\"").unwrap();
    both_refuse(&typed, &["schema-refused_x-Upper", "lower case"]);
    sides.load(&sides.new, "taken", numbered(25)).await.unwrap();
    let taken = sides.ferry("from", "taken", "").unwrap();
    both_refuse(&taken, &["holds documents that `schema-refused_from` does not have"]);
}

#[tokio::test]
async fn types_that_disagree_about_a_field_cannot_become_one() {
    if !esferry_lab::wanted("the same field with different types across types") {
        return;
    }
    let sides = Sides::new("schema-clash").await.unwrap();
    let body = json!({"mappings": {
        "cat": {"properties": {"age": {"type": "long"}, "o": {"properties": {"name": {"type": "string"}}}}},
        "dog": {"properties": {"age": {"type": "string"}, "o": {"properties": {"name": {"type": "date"}}}}}
    }});
    sides.create(&sides.old, "zoo", &body).await.unwrap();
    let merged = sides.ferry("zoo", "to", "types = \"merge\"").unwrap();
    both_refuse(&merged, &["`age` is ", "\"long\" in `cat`", "\"text\" in `dog`", "`o.name` is ", "split"]);
    // A transform that takes the fields away takes the clash away.
    let steps = "[[migrations.move.transform]]\nremove = [\"age\", \"o.name\"]";
    let mended = sides.ferry("zoo", "to", &format!("types = \"merge\"\n{steps}")).unwrap();
    let (code, stdout, stderr) = told(&mended, &["plan"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
}

#[tokio::test]
async fn an_existing_target_is_compared_field_by_field() {
    if !esferry_lab::wanted("schema = \"existing\" lists the fields that will clash") {
        return;
    }
    let sides = Sides::new("schema-existing").await.unwrap();
    let old = json!({"mappings": {"thing": {"properties": {
        "n": {"type": "long"}, "name": {"type": "string"}, "at": {"type": "date"}
    }}}});
    let new = json!({"mappings": {"_doc": {"properties": {
        "n": {"type": "long"}, "name": {"type": "integer"}, "at": {"type": "keyword"}
    }}}});
    sides.create(&sides.old, "from", &old).await.unwrap();
    sides.create(&sides.new, "to", &new).await.unwrap();
    let daemon = sides.ferry("from", "to", "schema = \"existing\"").unwrap();
    both_refuse(&daemon, &["`existing.name`"]);
    let (code, stdout, _) = told(&daemon, &["schema", "report", NAME, "--json"]);
    assert_eq!(code, 2);
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let changes = report[0]["schema"]["report"].as_array().unwrap();
    let paths: Vec<&str> = changes.iter().map(|change| text(change, "/path")).collect();
    assert_eq!(paths, ["existing.name"], "a keyword takes dates: {report:#}");
    let accepted =
        sides.ferry("from", "to", "schema = \"existing\"\naccept_lost = [\"existing.name\"]").unwrap();
    let (code, stdout, stderr) = told(&accepted, &["plan"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
}

#[tokio::test]
async fn the_printed_body_makes_the_index_and_the_report_tells_how() {
    if !esferry_lab::wanted("schema show, report and diff") {
        return;
    }
    let sides = Sides::new("schema-shown").await.unwrap();
    let old = json!({
        "settings": {"number_of_shards": 2, "analysis": {"analyzer": {"own": {"tokenizer": "standard", "filter": ["porterStem"]}}}},
        "mappings": {"thing": {"properties": {"name": {"type": "string", "index_analyzer": "own", "search_analyzer": "own"}}}}
    });
    sides.create(&sides.old, "from", &old).await.unwrap();
    let daemon = sides.ferry("from", "to", "").unwrap();
    let (code, body, stderr) = told(&daemon, &["schema", "show", NAME]);
    assert_eq!(code, 0, "{stderr}");
    // What is printed is what curl can send.
    let body: Value = serde_json::from_str(&body).unwrap();
    let to = sides.index("by-hand");
    sides.new.put(&format!("/{to}?include_type_name=true"), &body).await.unwrap();
    let made = sides.new.get(&format!("/{to}")).await.unwrap();
    assert_eq!(made[&to]["mappings"]["_doc"]["properties"]["name"]["analyzer"], "own", "{made:#}");
    let (code, report, _) = told(&daemon, &["schema", "report", NAME]);
    assert_eq!(code, 0);
    for words in ["same meaning", "string_to_text", "mappings.thing.properties.name"] {
        assert!(report.contains(words), "{words:?} is not in {report}");
    }
    let (code, diff, _) = told(&daemon, &["schema", "diff", NAME]);
    assert_eq!(code, 0);
    assert!(diff.lines().any(|line| line.contains("\"type\": \"string\"") && line.contains(" | ")), "{diff}");
}

#[tokio::test]
async fn another_document_under_the_same_id_and_version_is_told_and_not_believed() {
    if !esferry_lab::wanted(
        "a target that holds another document with the id and version of one of the source's",
    ) {
        return;
    }
    let sides = Sides::new("schema-other").await.unwrap();
    sides.load(&sides.old, "from", numbered(20)).await.unwrap();
    let to = sides.create(&sides.new, "to", &json!({})).await.unwrap();
    sides.new.put(&format!("/{to}/_doc/7?refresh=true"), &json!({"somebody": "else's"})).await.unwrap();
    // The same content in other words is the same document.
    sides.new.put(&format!("/{to}/_doc/8?refresh=true"), &json!({"n": 8})).await.unwrap();
    let daemon = sides.ferry("from", "to", "").unwrap();
    let (code, log) = daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");
    let (_, shown, _) = told(&daemon, &["failures", "show", NAME, "7", "--json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(text(&shown, "/0/error_type"), "other_document", "{shown:#}");
    let (_, listed, _) = told(&daemon, &["failures", "list", NAME]);
    assert!(listed.contains("other_document") && !listed.contains("mapper"), "{listed}");
    let status = daemon.migration().unwrap();
    assert_eq!(status.pointer("/counts/present"), Some(&json!(1)), "{status:#}");
    assert_eq!(status.pointer("/counts/rejected"), Some(&json!(1)), "{status:#}");
}

#[tokio::test]
async fn a_sample_writes_into_its_own_index_only_and_tells_of_ids_that_meet() {
    if !esferry_lab::wanted("plan --sample leaves real indices alone, and sees several documents with one id")
    {
        return;
    }
    let sides = Sides::new("schema-sample").await.unwrap();
    sides.load(&sides.old, "from", numbered(30)).await.unwrap();
    let prod = sides.create(&sides.new, "prod", &json!({})).await.unwrap();
    sides.new.put(&format!("/{prod}/_doc/1?refresh=true"), &json!({"precious": true})).await.unwrap();
    let from = sides.index("from");
    let daemon = sides
        .daemon(&format!(
            "from = {{ cluster = \"old\", indices = [\"{from}\"] }}\nto = {{ cluster = \"new\", others = [\"{prod}\"] }}\n\
             [[migrations.{NAME}.transform]]\njq = '{{_index: \"{prod}\", _id: (if .n < 10 then \"one\" else $id end), _source: .}}'"
        ))
        .unwrap();
    let (code, plan, log) = told(&daemon, &["plan", "--sample", "100", "--json"]);
    assert_eq!(code, 4, "{log}");
    let plan: Value = serde_json::from_str(&plan).unwrap();
    assert_eq!(plan.pointer("/0/indices/0/sample/overwritten"), Some(&json!(9)), "{plan:#}");
    assert_eq!(sides.new.count(&prod).await.unwrap(), 1);
    let kept = sides.new.get(&format!("/{prod}/_doc/1")).await.unwrap();
    assert_eq!((&kept["_version"], &kept["_source"]), (&json!(1), &json!({"precious": true})));
}

#[tokio::test]
async fn names_templates_and_other_migrations_that_stand_in_the_way_are_told_before_anything_is_written() {
    if !esferry_lab::wanted(
        "taken names, templates of the target that strip documents, one target for two migrations",
    ) {
        return;
    }
    let sides = Sides::new("schema-way").await.unwrap();
    let index = sides.index("from");
    let body = json!({"aliases": {sides.index("front"): {}}});
    sides.create(&sides.old, "from", &body).await.unwrap();
    sides.load(&sides.old, "from", numbered(9)).await.unwrap();
    both_refuse(
        &sides.ferry("from", "front", "").unwrap(),
        &["the target index is to have this name itself"],
    );
    sides.create(&sides.new, "front", &json!({"aliases": {sides.index("other"): {}}})).await.unwrap();
    both_refuse(&sides.ferry("from", "to", "").unwrap(), &["the target has an index of this name"]);
    both_refuse(&sides.ferry("from", "other", "").unwrap(), &["as an alias of"]);
    sides.new.delete_index(&sides.index("front")).await.unwrap();
    let stripping = json!({"index_patterns": [sides.index("str*")], "mappings": {"_doc": {"_source": {"excludes": ["n"]}}}});
    sides.new.put("/_template/schema-way", &stripping).await.unwrap();
    both_refuse(&sides.ferry("from", "stripped", "").unwrap(), &["index template `schema-way`", "strip"]);
    sides.new.send(reqwest::Method::DELETE, "/_template/schema-way", "", bytes::Bytes::new()).await.unwrap();
    // Two migrations of different indices into one.
    sides.load(&sides.old, "second", numbered(5)).await.unwrap();
    let (second, to) = (sides.index("second"), sides.index("one"));
    let two = sides
        .daemon(&format!(
            "from = {{ cluster = \"old\", indices = [\"{index}\"] }}\nto = {{ cluster = \"new\", index = \"{to}\" }}\n\
             [migrations.again]\nfrom = {{ cluster = \"old\", indices = [\"{second}\"] }}\n\
             to = {{ cluster = \"new\", index = \"{to}\" }}"
        ))
        .unwrap();
    both_refuse(&two, &["is written by the migration `again` too"]);
    let (code, _) = two.run_once().unwrap();
    assert_eq!(code, 2, "a run refuses as well");
}
