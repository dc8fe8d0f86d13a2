//! The command line as a person meets it: bad lines, bad files, no daemon. No servers are needed.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use assert_cmd::Command;
use esferry::engine::phase::{Phase, Standing};
use esferry::store::Store;
use esferry::store::records::{MigrationRecord, Tuned};
use jiff::Timestamp;
use tempfile::TempDir;

const CONFIG: &str = "\
[clusters.old]
urls = [\"http://127.0.0.1:9\"]
[clusters.new]
urls = [\"http://127.0.0.1:9\"]
[migrations.alerts]
from = { cluster = \"old\", indices = [\"alerts\"] }
to = { cluster = \"new\" }
";

/// Exit code, stdout and stderr of `esferry ARGS`, called in `folder`.
fn esferry(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_esferry")).current_dir(folder).args(args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[cfg(not(feature = "failpoints"))]
#[test]
fn a_binary_without_the_feature_has_no_failpoints() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_esferry"));
    // With the feature, this would not be understood, and the process would die.
    command.env("FAILPOINTS", "FlushCounted=no such action").arg("--version").assert().success();
}

fn folder_with(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("migrations.toml"), config).unwrap();
    folder
}

/// A state directory in `folder` that knows one migration, as an earlier run left it.
fn with_state(folder: &Path) {
    let store = Store::open(&folder.join("esferry-state")).unwrap();
    let record = MigrationRecord {
        name: "alerts".to_owned(),
        phase: Phase::Planned,
        standing: Standing::Running,
        fingerprint: BTreeMap::new(),
        clusters: None,
        created: Timestamp::UNIX_EPOCH,
        copy_started: None,
        copy_finished: None,
        others: Vec::new(),
        planning_ms: 0,
        copying_ms: 0,
        drifted: std::collections::BTreeSet::new(),
        tuned: Tuned::default(),
    };
    store.save_migration(&record).unwrap();
    store.flush().unwrap();
}

#[test]
fn a_mistyped_command_or_option_is_answered_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = esferry(folder.path(), &["stauts"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("'status'"), "{stderr}");
    let (code, _, stderr) = esferry(folder.path(), &["run", "--onec"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("'--once'"), "{stderr}");
}

#[test]
fn a_missing_configuration_says_where_it_was_looked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = esferry(folder.path(), &["run"]);
    assert_eq!(code, 2);
    assert!(
        stderr.starts_with("error[config_missing]: no configuration: neither migrations.toml nor /etc/"),
        "{stderr}"
    );
    let (code, _, stderr) = esferry(folder.path(), &["run", "--config", "other.toml"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(stderr, @r"
    error[config_unreadable]: cannot read the configuration other.toml
      caused by: No such file or directory (os error 2)
    ");
}

#[test]
fn a_wrong_configuration_is_named_by_line_and_column() {
    let folder = folder_with(&format!("{CONFIG}slice = {{ paralel = 4 }}\n"));
    for command in [&["run"] as &[&str], &["plan"], &["check"], &["status"]] {
        let (code, stdout, stderr) = esferry(folder.path(), command);
        assert_eq!((code, stdout.as_str()), (2, ""), "{command:?}");
        insta::allow_duplicates! { insta::assert_snapshot!(stderr, @r"
        error[unknown_key]: migrations.toml:8:11: unknown key `paralel` in [migrations.alerts.slice]; did you mean `parallel`?
          hint: valid in [migrations.alerts.slice]: `strategy`, `field`, `docs`, `parallel` and `page_docs`
        "); }
    }
}

#[test]
fn a_configuration_without_migrations_does_nothing() {
    let folder = folder_with("[clusters]\n");
    let (code, _, stderr) = esferry(folder.path(), &["run", "--once"]);
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error[no_migrations]"), "{stderr}");
}

#[test]
fn unknown_migrations_are_answered_with_the_nearest() {
    let folder = folder_with(CONFIG);
    with_state(folder.path());
    let commands: [&[&str]; 7] = [
        &["status", "alert"],
        &["plan", "alert"],
        &["pause", "alert"],
        &["resume", "alert"],
        &["reset", "alert", "--yes"],
        &["failures", "list", "alert"],
        &["failures", "export", "alert"],
    ];
    for command in commands {
        let (code, stdout, stderr) = esferry(folder.path(), command);
        assert_eq!((code, stdout.as_str()), (2, ""), "{command:?}: {stderr}");
        insta::allow_duplicates! { insta::assert_snapshot!(stderr, @r"
        error[unknown_migration]: no migration is named `alert`; did you mean `alerts`?
          hint: there are: `alerts`
        "); }
    }
}

#[test]
fn status_without_a_daemon_says_so_and_reads_the_store() {
    let folder = folder_with(CONFIG);
    let (code, stdout, stderr) = esferry(folder.path(), &["status"]);
    assert_eq!((code, stdout.as_str()), (0, "no migrations\n"));
    assert!(stderr.contains("nothing has run in esferry-state yet"), "{stderr}");
    assert!(!folder.path().join("esferry-state").exists(), "asking must not make a state directory");

    with_state(folder.path());
    let (code, stdout, stderr) = esferry(folder.path(), &["status"]);
    assert_eq!(code, 0);
    assert_eq!(stderr, "no daemon is running: this is what the store holds\n");
    insta::assert_snapshot!(stdout, @r"
    alerts    planned  n/a   0 / 0 docs   n/a (avg n/a)   ETA n/a
              slices 0 done · 0 running · 0 waiting · 0 set aside
    ");

    let (code, stdout, _) = esferry(folder.path(), &["status", "alerts", "--json"]);
    let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &document["version"], &document["daemon"]), (0, &1.into(), &serde_json::Value::Null));
    assert_eq!(document["migrations"][0]["standing"], "running");
}

#[test]
fn with_a_state_directory_no_configuration_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    with_state(folder.path());
    let elsewhere = tempfile::tempdir().unwrap();
    let state = folder.path().join("esferry-state").display().to_string();
    for command in
        [&["status"] as &[&str], &["pause", "alerts"], &["resume", "alerts"], &["failures", "list", "alerts"]]
    {
        let mut line = command.to_vec();
        line.extend(["--state-dir", &state]);
        let (code, _, stderr) = esferry(elsewhere.path(), &line);
        assert_eq!(code, 0, "{command:?}: {stderr}");
    }
    // An earlier `copy` in this folder is found without being told.
    assert_eq!(esferry(folder.path(), &["status"]).0, 0);
}

#[test]
fn a_pause_is_stored_for_the_next_daemon() {
    let folder = folder_with(CONFIG);
    with_state(folder.path());
    let (code, stdout, stderr) = esferry(folder.path(), &["pause", "alerts", "--reason", "lunch"]);
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert!(esferry(folder.path(), &["status"]).1.contains("paused: lunch"));
    assert_eq!(esferry(folder.path(), &["resume", "alerts"]).0, 0);
    assert!(!esferry(folder.path(), &["status"]).1.contains("lunch"));
}

#[test]
fn a_reset_asks_or_is_told() {
    let folder = folder_with(CONFIG);
    let (code, _, stderr) = esferry(folder.path(), &["reset", "alerts", "--yes"]);
    assert_eq!(code, 3);
    assert!(stderr.starts_with("error[no_state]"), "{stderr}");
    with_state(folder.path());
    let (code, _, stderr) = esferry(folder.path(), &["reset", "alerts"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("hint: add --yes"), "{stderr}");
    assert_eq!(esferry(folder.path(), &["reset", "alerts", "--yes"]).0, 0);
    assert_eq!(esferry(folder.path(), &["status"]).1, "no migrations\n");
}

#[test]
fn a_state_directory_in_use_is_left_alone() {
    let folder = folder_with(CONFIG);
    with_state(folder.path());
    let store = Store::open(&folder.path().join("esferry-state")).unwrap();
    for command in [&["status"] as &[&str], &["reset", "alerts", "--yes"], &["run", "--once"]] {
        let (code, _, stderr) = esferry(folder.path(), command);
        assert_eq!(code, 3, "{command:?}: {stderr}");
        assert!(stderr.contains(&std::process::id().to_string()), "{command:?}: {stderr}");
    }
    drop(store);
}

#[test]
fn failures_are_listed_exported_and_shown() {
    let folder = folder_with(CONFIG);
    with_state(folder.path());
    let (code, stdout, _) = esferry(folder.path(), &["failures", "list", "alerts"]);
    assert_eq!((code, stdout.as_str()), (0, "`alerts` has no failures\n"));
    let (code, stdout, _) = esferry(folder.path(), &["failures", "list", "alerts", "--json"]);
    assert_eq!((code, stdout.as_str()), (0, ""));
    let (code, _, stderr) = esferry(folder.path(), &["failures", "show", "alerts", "x"]);
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error[unknown_failure]"), "{stderr}");
    let (code, _, stderr) =
        esferry(folder.path(), &["failures", "export", "alerts", "--output", "no/such/folder.ndjson"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("cannot write no/such/folder.ndjson"), "{stderr}");
}

#[test]
fn copy_refuses_what_it_cannot_do_before_it_does_anything() {
    let folder = tempfile::tempdir().unwrap();
    let refused: [(&[&str], &str); 5] = [
        (&["copy", "http://o/a"], "<TO>"),
        (&["copy", "o:9200/a", "http://n/a"], "http://host:9200/INDEX"),
        (&["copy", "http://o/", "http://n/a"], "names no index"),
        (&["copy", "http://o/a", "http://n/A"], "must be lower case"),
        (&["copy", "http://o/a", "http://n/a", "--query", "{"], "not JSON"),
    ];
    for (line, expected) in refused {
        let (code, _, stderr) = esferry(folder.path(), line);
        assert_eq!(code, 2, "{line:?}: {stderr}");
        assert!(stderr.contains(expected), "{line:?}: {stderr}");
    }
    assert!(!folder.path().join("esferry-state").exists());
}

#[test]
fn a_password_in_a_url_is_refused_and_never_repeated() {
    let folder = folder_with(&CONFIG.replace("http://127.0.0.1:9", "http://user:hunter2@127.0.0.1:9"));
    for line in [&["run"] as &[&str], &["copy", "http://user:hunter2@o/a", "http://n/a"]] {
        let (code, stdout, stderr) = esferry(folder.path(), line);
        assert_eq!(code, 2, "{line:?}");
        assert!(
            stderr.contains("credentials") && !stderr.contains("hunter2") && !stdout.contains("hunter2"),
            "{stderr}"
        );
    }
}

#[test]
fn clusters_that_do_not_answer_are_a_temporary_failure() {
    let folder = folder_with(CONFIG);
    let (code, stdout, stderr) = esferry(folder.path(), &["plan"]);
    assert_eq!((code, stdout.as_str()), (5, ""), "{stderr}");
    assert!(stderr.contains("`old`"), "{stderr}");
    let (code, stdout, _) = esferry(folder.path(), &["check", "--json"]);
    let lines: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, 2);
    assert!(lines.as_array().unwrap().iter().any(|line| line["level"] == "fail"));
}

#[test]
fn completions_are_printed_for_every_shell() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let (code, stdout, stderr) = esferry(folder.path(), &["completions", shell]);
        assert_eq!((code, stderr.as_str()), (0, ""));
        assert!(stdout.contains("failures"), "{shell}");
    }
}

/// `esferry query` in `folder` with a search on its standard input.
fn query(folder: &Path, args: &[&str], search: &str) -> (i32, String, String) {
    let mut line = vec!["query", "alerts", "--from-version", "1.7.6", "--to-version", "6.8.23"];
    line.extend(args);
    let mut command = Command::new(env!("CARGO_BIN_EXE_esferry"));
    let output = command.current_dir(folder).args(line).write_stdin(search).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_search_is_rewritten_without_reaching_a_cluster() {
    let folder = folder_with(CONFIG);
    let search = r#"{"query": {"filtered": {"filter": {"missing": {"field": "closed"}}}}}"#;
    let (code, stdout, stderr) = query(folder.path(), &[], search);
    assert_eq!(code, 0, "{stderr}");
    let body: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    let closed = serde_json::json!({"bool": {"must_not": [{"exists": {"field": "closed"}}]}});
    assert_eq!(body, serde_json::json!({"query": {"constant_score": {"filter": closed}}}));
    insta::assert_snapshot!(stderr, @r"
    changed, same meaning
      query.filtered.filter.missing: `missing` is gone (missing_filter)
      query.filtered: filters are clauses of `bool` (filtered)
    ");
    let (code, stdout, stderr) = query(folder.path(), &[], &stdout);
    assert_eq!((code, stderr.as_str()), (0, "nothing had to be changed\n"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&stdout).unwrap(), body);
}

#[test]
fn what_of_a_search_is_refused_is_named_and_the_exit_code_is_2() {
    let folder = folder_with(CONFIG);
    let search = r#"{"query": {"flt": {"like_text": "x"}}}"#;
    let (code, stdout, stderr) = query(folder.path(), &[], search);
    assert_eq!(code, 2);
    assert!(stdout.contains("\"flt\""), "the refused part stays: {stdout}");
    insta::assert_snapshot!(stderr, @r"
    refused, left as it was
      query.flt: the query is gone since 2.0 (fuzzy_like_this)
        - `more_like_this` finds documents with the same terms
        - `match` with `fuzziness` finds documents with similar terms
    error[query_refused]: one part of the search cannot be rewritten
      hint: each is named with its path and what can be done
    ");
    let (code, stdout, _) = query(folder.path(), &["--json", "--url", "search_type=count"], search);
    let document: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &document["body"]["size"]), (2, &serde_json::json!(0)));
    assert_eq!(document["refused"][0]["path"], "query.flt");
    assert_eq!(document["changes"][0]["rule"], "search_type_count");
}

#[test]
fn a_search_that_cannot_be_read_is_refused_with_its_place() {
    let folder = folder_with(CONFIG);
    let (code, stdout, stderr) = query(folder.path(), &[], "{\"query\": {\"a\": 1, \"a\": 2}}");
    assert_eq!((code, stdout.as_str()), (2, ""));
    insta::assert_snapshot!(stderr, @r#"
    error[query_not_json]: standard input: the search cannot be read
      caused by: `a` stands twice in one object at line 1 column 22
      hint: write both as one list: "must": [ …, … ]
    "#);
    let (code, _, stderr) = query(folder.path(), &["absent.json"], "");
    assert_eq!(code, 2);
    assert!(stderr.contains("cannot read the search from absent.json"), "{stderr}");
    let (code, _, stderr) = esferry(folder.path(), &["query", "alrets"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("did you mean `alerts`"), "{stderr}");
}

#[test]
fn the_page_about_queries_shows_what_the_command_prints() {
    let folder = folder_with(CONFIG);
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/queries.md")).unwrap();
    let examples: Vec<&str> = page.split("```console\n$ cat ").skip(1).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let (example, _) = example.split_once("```").unwrap();
        let (search, shown) = example.split_once("\n$ esferry query alerts ").unwrap();
        let (_, search) = search.split_once('\n').unwrap();
        let (_, shown) = shown.split_once('\n').unwrap();
        let (_, stdout, stderr) = query(folder.path(), &[], search);
        let body: serde_json::Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(format!("{body}\n{stderr}"), shown);
    }
}

#[test]
fn recorded_searches_are_refused_by_line_before_a_cluster_is_asked() {
    let folder = folder_with(CONFIG);
    let file = folder.path().join("searches.ndjson");
    std::fs::write(&file, "{\"path\": \"/alerts/_search\"}\n{\"path\": \"/alerts/_bulk\"}\n").unwrap();
    let (code, stdout, stderr) = esferry(folder.path(), &["compare", "alerts", "searches.ndjson"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    insta::assert_snapshot!(stderr, @r#"
    error[bad_search]: searches.ndjson:2: `/alerts/_bulk` is no search: paths end in `_search` or `_count`, and nothing else is sent
      hint: a line is such as {"name": "open alerts", "path": "/alerts/_search", "body": {"query": {"term": {"status": "open"}}}}
    "#);
    std::fs::write(&file, b"{\"path\": \"/alerts/_search\"}\n\xff\n").unwrap();
    let (code, _, stderr) = esferry(folder.path(), &["compare", "alerts", "searches.ndjson"]);
    assert_eq!(code, 2);
    assert!(stderr.starts_with("error[bad_search]: searches.ndjson:2: not text in UTF-8"), "{stderr}");
    for (arguments, code, told) in [
        (&["alerts"] as &[&str], 2, "QUERIES"),
        (&["alerts", "nowhere.ndjson"], 2, "cannot read the searches from nowhere.ndjson"),
        (&["alerts", "searches.ndjson", "--repeat", "0"], 2, "repeat"),
        (&["alerts", "searches.ndjson", "--scores", "x"], 2, "neither `ignore` nor a part"),
        (&["alert", "searches.ndjson"], 2, "did you mean `alerts`?"),
        (&["alerts", "searches.ndjson", "--write-accept", "migrations.toml"], 2, "is there already"),
    ] {
        let mut line = vec!["compare"];
        line.extend(arguments);
        let (found, stdout, stderr) = esferry(folder.path(), &line);
        assert_eq!((found, stdout.as_str()), (code, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(told), "{arguments:?}: {stderr}");
    }
    // Nobody answers at these clusters: that is no difference.
    std::fs::write(&file, "{\"path\": \"/alerts/_search\"}\n").unwrap();
    let (code, stdout, stderr) = esferry(folder.path(), &["compare", "alerts", "searches.ndjson"]);
    assert_eq!((code, stdout.as_str()), (5, ""), "{stderr}");
}

#[test]
fn the_page_about_compare_shows_what_the_import_prints() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compare.md")).unwrap();
    let block = |after: &str| {
        let rest = page.split_once(after).unwrap().1;
        rest.split_once("\n```").unwrap().0.to_owned()
    };
    let log = block("```text slow log\n");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("slow.log"), &log).unwrap();
    let (code, stdout, stderr) = esferry(folder.path(), &["compare", "import", "slow.log"]);
    assert_eq!(code, 0, "{stderr}");
    assert_eq!(format!("{stdout}{stderr}").trim_end(), block("$ esferry compare import slow.log\n"));
    let (code, stdout, stderr) =
        esferry(folder.path(), &["compare", "import", "slow.log", "--format", "access"]);
    assert_eq!((code, stdout.as_str()), (2, ""), "{stderr}");
    assert!(stderr.contains("error[no_searches]"), "{stderr}");
}

#[test]
fn transform_shows_documents_of_a_file_without_any_cluster() {
    let steps = "[[migrations.alerts.transform]]\nkey_value = { field = \"tags\" }\n";
    let folder = folder_with(&format!("{CONFIG}{steps}"));
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("one.json", "{\"tags\": {\"name\": \"John\"}, \"n\": 1.10}");
    let (code, stdout, stderr) = esferry(folder.path(), &["transform", "alerts", "one.json"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    insta::assert_snapshot!(stdout, @r#"
    alerts "1"
        {
      -   "tags": {
      -     "name": "John"
      -   },
      +   "tags": [
      +     {
      +       "keyToValue": "name:John",
      +       "value": "John"
      +     }
      +   ],
          "n": 1.10
        }
    "#);
    write("two.ndjson", "{\"tags\":{}}\n{\"_id\":\"x\",\"_source\":{\"tags\":5}}\n");
    let (code, stdout, _) = esferry(folder.path(), &["transform", "alerts", "two.ndjson", "--json"]);
    assert_eq!(code, 4, "a document failed");
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].contains(r#""source":{"tags":[]}"#) && lines[0].ends_with(r#""error":null}"#),
        "{stdout}"
    );
    assert!(lines[1].contains(r#""id":"x""#) && lines[1].contains("where a map is expected"), "{stdout}");
    let (code, _, stderr) = esferry(folder.path(), &["transform", "alert", "one.json"]);
    assert!(code == 2 && stderr.contains("alerts"), "{stderr}");
}

#[test]
fn transform_refuses_a_jq_program_that_does_not_compile() {
    let folder = folder_with(&format!("{CONFIG}[[migrations.alerts.transform]]\njq = '.a |= tonumbr'\n"));
    std::fs::write(folder.path().join("one.json"), "{}").unwrap();
    let (code, _, stderr) = esferry(folder.path(), &["transform", "alerts", "one.json"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("line 1, column 7: no filter `tonumbr`"), "{stderr}");
    assert!(stderr.contains("migrations.toml:9:6: migrations.alerts: transform 1: jq"), "{stderr}");
    for command in ["check", "plan"] {
        let (code, _, told) = esferry(folder.path(), &[command]);
        assert_eq!((code, told), (2, stderr.clone()), "{command}");
    }
}

#[test]
fn tune_is_noted_without_a_daemon_and_shown_until_it_is_reset() {
    let folder = folder_with(CONFIG);
    with_state(folder.path());
    let (code, _, stderr) = esferry(folder.path(), &["tune", "alerts", "--rate", "5_000/s", "--bulks", "8"]);
    assert_eq!(code, 0, "{stderr}");
    insta::assert_snapshot!(stderr, @"
    no daemon is running: the next one will work with it
    `alerts` is tuned: bulks 8, at most 5 000 docs/s
    ");
    let shown = || esferry(folder.path(), &["status"]).1;
    let line = "tuned: bulks 8, at most 5 000 docs/s (until `esferry tune alerts --reset`)";
    assert!(shown().contains(line), "{}", shown());
    let (code, _, stderr) = esferry(folder.path(), &["tune", "alerts", "--parallel", "100"]);
    assert_eq!(code, 2);
    insta::assert_snapshot!(stderr, @"error[invalid_value]: parallel must be between 1 and 64; given 100");
    assert!(shown().contains(line), "{}", shown());
    let (code, _, stderr) = esferry(folder.path(), &["tune", "alerts", "--reset"]);
    assert_eq!(code, 0);
    insta::assert_snapshot!(stderr, @"
    no daemon is running: the next one will work with it
    `alerts` works with the limits of its configuration
    ");
    assert!(!shown().contains("tuned"), "{}", shown());
    for line in [&["tune", "alerts"][..], &["tune", "alerts", "--reset", "--bulks", "2"]] {
        assert_eq!(esferry(folder.path(), line).0, 2, "{line:?}");
    }
    assert_eq!(esferry(folder.path(), &["tune", "alert", "--bulks", "2"]).0, 2);
}
