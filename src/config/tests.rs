use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::error::Error;

mod changes;
mod throttle;

const CLUSTERS: &str =
    "[clusters.old]\nurls = [\"http://old:9200\"]\n[clusters.new]\nurls = [\"http://new:9200\"]\n";
const ALERTS: &str =
    "[migrations.alerts]\nfrom = { cluster = \"old\", indices = [\"alerts\"] }\nto = { cluster = \"new\" }\n";

fn with(rest: &str) -> String {
    format!("{CLUSTERS}{ALERTS}{rest}")
}

fn shown(error: &Error) -> String {
    let hint = error.remedy().map_or(String::new(), |hint| format!("\n  hint: {hint}"));
    format!("[{}] {error}{hint}", error.code())
}

fn error_of(text: &str) -> String {
    shown(&parse(text, "migrations.toml").unwrap_err())
}

#[test]
fn defaults_are_as_documented() {
    let config = parse(&with(""), "x").unwrap();
    let alerts = &config.migrations["alerts"];
    assert_eq!(config.state_dir, PathBuf::from("esferry-state"));
    assert_eq!(config.clusters["old"].timeout.0, Duration::from_secs(180));
    assert!(!config.clusters["old"].gzip);
    assert_eq!(alerts.schema, Schema::Convert);
    assert_eq!(alerts.target_index("alerts", "alert"), "alerts");
    assert_eq!((alerts.slice.docs, alerts.slice.parallel, alerts.slice.page_docs), (50_000, 2, 5000));
    assert_eq!(
        (alerts.write.batch_docs, alerts.write.batch_bytes, alerts.write.bulks),
        (5000, Bytes(15 << 20), Bulks::AUTO)
    );
    assert_eq!(alerts.write.mode, WriteMode::External);
}

#[test]
fn the_shipped_example_loads() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let config = parse(&text, "migrations.toml").unwrap();
    assert_eq!(config.migrations.keys().collect::<Vec<_>>(), ["alerts", "cities", "events"]);
    assert_eq!(config.migrations["alerts"].slice.docs, 5000);
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest() {
    insta::assert_snapshot!(error_of(&with("[migrations.alerts.slice]\nparalel = 4\n")), @r"
    [unknown_key] migrations.toml:9:1: unknown key `paralel` in [migrations.alerts.slice]; did you mean `parallel`?
      hint: valid in [migrations.alerts.slice]: `strategy`, `field`, `docs`, `parallel` and `page_docs`
    ");
    insta::assert_snapshot!(error_of(&with("slice = { docs = 4, paralel = 4 }\n")), @r"
    [unknown_key] migrations.toml:8:21: unknown key `paralel` in [migrations.alerts.slice]; did you mean `parallel`?
      hint: valid in [migrations.alerts.slice]: `strategy`, `field`, `docs`, `parallel` and `page_docs`
    ");
    insta::assert_snapshot!(error_of(&format!("state_dirr = \"x\"\n{CLUSTERS}")), @r"
    [unknown_key] migrations.toml:1:1: unknown key `state_dirr` at the top level; did you mean `state_dir`?
      hint: valid at the top level: `state_dir`, `clusters`, `statsd` and `migrations`
    ");
    insta::assert_snapshot!(error_of(&format!("{CLUSTERS}[migration.alerts]\nfrom = 1\n")), @r"
    [unknown_key] migrations.toml:5:2: unknown key `migration` at the top level; did you mean `migrations`?
      hint: valid at the top level: `state_dir`, `clusters`, `statsd` and `migrations`
    ");
    insta::assert_snapshot!(error_of(&format!("{CLUSTERS}[statsd]\nhost = \"x\"\n")), @r"
    [unknown_key] migrations.toml:6:1: unknown key `host` in [statsd]
      hint: valid in [statsd]: `address`
    ");
    insta::assert_snapshot!(error_of(&format!("{CLUSTERS}password = \"hunter2\"\n")), @r"
    [unknown_key] migrations.toml:5:1: unknown key `password` in [clusters.new]
      hint: valid in [clusters.new]: `urls`, `auth`, `ca`, `timeout` and `gzip`
    ");
}

#[test]
fn an_unknown_value_is_answered_with_the_nearest() {
    insta::assert_snapshot!(error_of(&with("slice = { strategy = \"seqno\" }\n")), @r"
    [unknown_value] migrations.toml:8:22: migrations.alerts.slice.strategy cannot be `seqno`; did you mean `seq_no`?
      hint: valid for migrations.alerts.slice.strategy: `auto`, `uid`, `seq_no`, `shard` and `field`
    ");
    insta::assert_snapshot!(error_of(&with("write = { mode = \"upsert\" }\n")), @r"
    [unknown_value] migrations.toml:8:18: migrations.alerts.write.mode cannot be `upsert`
      hint: valid for migrations.alerts.write.mode: `external`, `create` and `index`
    ");
    insta::assert_snapshot!(error_of(&with("schema = \"exsting\"\n")), @r"
    [unknown_value] migrations.toml:8:10: migrations.alerts.schema cannot be `exsting`; did you mean `existing`?
      hint: valid for migrations.alerts.schema: `convert`, `existing` and `file:PATH`
    ");
    insta::assert_snapshot!(error_of(&with("[migrations.b]\nfrom = { cluster = \"odl\", indices = [\"a\"] }\nto = { cluster = \"new\" }\n")), @r"
    [invalid_value] migrations.toml:9:20: migrations.b.from.cluster names the unknown cluster `odl`; did you mean `old`?
      hint: clusters in this file: `new` and `old`
    ");
}

#[test]
fn wrong_types_missing_keys_and_bad_syntax_have_a_place() {
    insta::assert_snapshot!(error_of(&with("slice = { docs = \"many\" }\n")), @"[invalid_value] migrations.toml:8:18: migrations.alerts.slice.docs: must be a whole number, 0 or more; given a string");
    insta::assert_snapshot!(error_of(&with("slice = { docs = -1 }\n")), @"[invalid_value] migrations.toml:8:18: migrations.alerts.slice.docs: must be a whole number, 0 or more; given integer `-1`");
    insta::assert_snapshot!(error_of("[clusters.old]\nurls = [\"http://old:9200\"]\ntimeout = 180\n"), @r#"[invalid_value] migrations.toml:3:11: clusters.old.timeout: must be a duration with its unit, such as "180s"; given integer `180`"#);
    insta::assert_snapshot!(error_of("[clusters.old]\nurls = [\"http://old:9200\"]\ntimeout = \"180\"\n"), @r#"[invalid_value] migrations.toml:3:11: clusters.old.timeout: "180" is not a duration such as "180s" or "3m": time unit needed, for example 180sec or 180ms"#);
    insta::assert_snapshot!(error_of(&with("write = { batch_bytes = \"15 apples\" }\n")), @r#"[invalid_value] migrations.toml:8:25: migrations.alerts.write.batch_bytes: "15 apples" is not a size such as "15MiB""#);
    insta::assert_snapshot!(error_of(&format!("{CLUSTERS}[migrations.alerts]\nto = {{ cluster = \"new\" }}\n")), @"[missing_key] migrations.toml:5:1: the key `from` is missing in [migrations.alerts]");
    insta::assert_snapshot!(error_of("state_dir = \"x\"\n"), @"[missing_key] migrations.toml:1:1: the key `clusters` is missing at the top level");
    insta::assert_snapshot!(error_of("[clusters.old]\nurls = \"http://u:hunter2@old:9200\"\n"), @"[invalid_value] migrations.toml:2:8: clusters.old.urls: must be a list; given a string");
    insta::assert_snapshot!(error_of("[clusters]\nold = 5\n"), @"[invalid_value] migrations.toml:2:7: clusters.old: must be a table; given integer `5`");
    insta::assert_snapshot!(error_of("[clusters.old\n"), @"[config_syntax] migrations.toml:1:14: unclosed table, expected `]`");
    insta::assert_snapshot!(error_of("a = 1\na = 2\n"), @"[config_syntax] migrations.toml:2:1: duplicate key");
}

#[test]
fn secrets_are_references() {
    let auth =
        |auth: &str| error_of(&format!("[clusters.old]\nurls = [\"http://old:9200\"]\nauth = {auth}\n"));
    insta::assert_snapshot!(auth("{ username = \"u\", password = \"hunter2\" }"), @r#"
    [plain_secret] migrations.toml:3:37: clusters.old.auth.password: a secret is given by reference, never in the file itself
      hint: write { env = "NAME" }, { file = "/path" } or { credential = "name" } (systemd) in its place
    "#);
    insta::assert_snapshot!(auth("\"u:hunter2\""), @r#"
    [plain_secret] migrations.toml:3:8: clusters.old.auth: a secret is given by reference, never in the file itself
      hint: write { env = "NAME" }, { file = "/path" } or { credential = "name" } (systemd) in its place
    "#);
    insta::assert_snapshot!(auth("{ username = \"u\" }"), @"[invalid_value] migrations.toml:3:8: clusters.old.auth: `username` needs a `password` beside it");
    insta::assert_snapshot!(auth("{ username = \"u\", password = { evn = \"X\" } }"), @r"
    [unknown_key] migrations.toml:3:39: unknown key `evn` in [clusters.old.auth.password]; did you mean `env`?
      hint: valid in [clusters.old.auth.password]: `env`, `file` and `credential`
    ");
    insta::assert_snapshot!(auth("{ api_key = { env = \"a b\" } }"), @"[invalid_value] migrations.toml:3:20: clusters.old.auth.api_key: `env` is not the name of an environment variable");
    insta::assert_snapshot!(error_of("[clusters.old]\nurls = [\"http://u:hunter2@old:9200\"]\n"), @r#"
    [invalid_value] migrations.toml:2:8: clusters.old.urls must not hold credentials (or any `@`)
      hint: use auth = { username = "…", password = { env = "NAME" } } beside `urls`
    "#);
}

#[test]
fn constraints_name_field_rule_and_what_was_given() {
    let wrong = [
        with("slice = { docs = 0 }"),
        with("slice = { parallel = 0 }"),
        with("slice = { parallel = 65 }"),
        with("slice = { page_docs = 10001 }"),
        with("slice = { strategy = \"field\" }"),
        with("slice = { field = \"created\" }"),
        with("write = { batch_docs = 0 }"),
        with("write = { batch_bytes = \"101MiB\" }"),
        with("write = { bulks = 0 }"),
        with("write = { bulks = { min = 1, max = 65 } }"),
        with("write = { bulks = { min = 9, max = 8 } }"),
        with("write = { pipeline = \"\" }"),
        with("max_failure_ratio = 1.5"),
        with("max_failure_ratio = nan"),
        with(
            "[migrations.\"B x\"]\nfrom = { cluster = \"old\", indices = [\"a\"] }\nto = { cluster = \"new\" }",
        ),
        with("[statsd]\naddress = \"localhost\""),
        with("[clusters.c]\nurls = []"),
        with("[clusters.c]\nurls = [\"old:9200\"]"),
        with("[clusters.c]\nurls = [\"old\"]"),
        with("[clusters.c]\nurls = [\"http://a:9200\", \"http://b:9200/?pretty\"]"),
        with("[clusters.c]\nurls = [\"http://a:9200\"]\ntimeout = \"5ms\""),
    ];
    let errors: Vec<String> = wrong.iter().map(|text| error_of(text)).collect();
    insta::assert_snapshot!(errors.join("\n"), @r#"
    [invalid_value] migrations.toml:8:18: migrations.alerts.slice.docs must be greater than 0; given 0
    [invalid_value] migrations.toml:8:22: migrations.alerts.slice.parallel must be between 1 and 64; given 0
    [invalid_value] migrations.toml:8:22: migrations.alerts.slice.parallel must be between 1 and 64; given 65
    [invalid_value] migrations.toml:8:23: migrations.alerts.slice.page_docs must be between 1 and 10000; given 10001
    [invalid_value] migrations.toml:8:1: migrations.alerts.slice.field is required with strategy = "field"
      hint: a date, number or keyword field whose value never changes, such as field = "created"
    [invalid_value] migrations.toml:8:19: migrations.alerts.slice.field is only for strategy = "field"; given "created" with "auto"
    [invalid_value] migrations.toml:8:24: migrations.alerts.write.batch_docs must be between 1 and 100000; given 0
    [invalid_value] migrations.toml:8:25: migrations.alerts.write.batch_bytes must be between 1 byte and 100 MiB; given 101.0 MiB
      hint: servers refuse requests above 100 MiB; about 15MiB is a good size
    [invalid_value] migrations.toml:8:19: migrations.alerts.write.bulks must be between 1 and 64; given 0
    [invalid_value] migrations.toml:8:11: migrations.alerts.write.bulks must be between 1 and 64; given 65
    [invalid_value] migrations.toml:8:11: migrations.alerts.write.bulks must be bounds with a min that is not above its max; given 9 to 8
    [invalid_value] migrations.toml:8:22: migrations.alerts.write.pipeline must not be empty; leave it out for none
    [invalid_value] migrations.toml:8:21: migrations.alerts.max_failure_ratio must be between 0 and 1; given 1.5
    [invalid_value] migrations.toml:8:21: migrations.alerts.max_failure_ratio must be between 0 and 1; given NaN
    [invalid_value] migrations.toml:8:13: migrations.B x is not a name: only a-z, 0-9, _ and - may stand in it
    [invalid_value] migrations.toml:9:11: statsd.address must be HOST:PORT, such as localhost:8125; given "localhost"
    [invalid_value] migrations.toml:9:8: clusters.c.urls must name at least one URL; given none
    [invalid_value] migrations.toml:9:8: clusters.c.urls holds "old:9200": must begin with http:// or https://, such as http://es-a:9200
    [invalid_value] migrations.toml:9:8: clusters.c.urls holds "old", which is not a URL such as http://es-a:9200: relative URL without a base
    [invalid_value] migrations.toml:9:8: clusters.c.urls holds "http://b:9200/?pretty": must end before `?` and `#`, such as http://es-a:9200
    [invalid_value] migrations.toml:10:11: clusters.c.timeout must be between 1s and 1h; given 5ms
    "#);
}

#[test]
fn source_and_target_of_a_migration_are_checked() {
    let migration =
        |from: &str, to: &str| error_of(&format!("{CLUSTERS}[migrations.a]\nfrom = {from}\nto = {to}\n"));
    let old = "{ cluster = \"old\", indices = [\"a\"] }";
    let query = |query: &str| format!("{{ cluster = \"old\", indices = [\"a\"], query = {query} }}");
    let new = "{ cluster = \"new\" }";
    let errors = [
        migration("{ cluster = \"old\", indices = [] }", new),
        migration("{ cluster = \"old\", indices = [\"-a\"] }", new),
        migration("{ cluster = \"old\", indices = [\"a,b\"] }", new),
        migration(&query("\"status:open\""), new),
        migration(&query("{}"), new),
        migration(&query("{ range = { created = { gte = 2017-01-01 } } }"), new),
        migration(&query("{ range = { created = { gte = inf } } }"), new),
        migration(old, "{ cluster = \"old\" }"),
        migration(old, "{ cluster = \"old\", index = \"a\" }"),
        migration(old, "{ cluster = \"new\", index = \"\" }"),
        migration(old, "{ cluster = \"new\", index = \"A-{index}\" }"),
        migration(old, "{ cluster = \"new\", index = \"_{index}\" }"),
        migration(old, "{ cluster = \"new\", index = \"{name}\" }"),
        migration(old, "{ cluster = \"new\", index = \"a b\" }"),
    ];
    insta::assert_snapshot!(errors.join("\n"), @r#"
    [invalid_value] migrations.toml:6:37: migrations.a.from.indices must name at least one index or wildcard
    [invalid_value] migrations.toml:6:37: migrations.a.from.indices must name at least one index or wildcard
    [invalid_value] migrations.toml:6:37: migrations.a.from.indices holds "a,b", which is no index name or wildcard
      hint: one name a string: ["alerts-*", "-alerts-tmp"]
    [invalid_value] migrations.toml:6:52: migrations.a.from.query must be a table with one query in it
      hint: example: query = { range = { created = { gte = "2017-01-01" } } }
    [invalid_value] migrations.toml:6:44: migrations.a.from.query must be a table with one query in it
      hint: example: query = { range = { created = { gte = "2017-01-01" } } }
    [invalid_value] migrations.toml:6:82: migrations.a.from.query.range.created.gte must be quoted: JSON has no dates
    [invalid_value] migrations.toml:6:82: migrations.a.from.query.range.created.gte must be a finite number
    [invalid_value] migrations.toml:7:1: migrations.a.to.index must differ from the source: both are "{index}" of `old`
      hint: name another index, such as "{index}-new"
    [invalid_value] migrations.toml:7:33: migrations.a.to.index must differ from the source: both are "a" of `old`
      hint: name another index, such as "{index}-new"
    [invalid_value] migrations.toml:7:33: migrations.a.to.index must not be empty; given ""
    [invalid_value] migrations.toml:7:33: migrations.a.to.index must be lower case; given "A-{index}"
    [invalid_value] migrations.toml:7:33: migrations.a.to.index must not begin with -, _ or +; given "_{index}"
    [invalid_value] migrations.toml:7:33: migrations.a.to.index knows no placeholder but {index} and {type}; given "{name}"
    [invalid_value] migrations.toml:7:33: migrations.a.to.index must not hold any of \ / * ? " < > | , # : or blanks; given "a b"
    "#);
}

#[test]
fn paths_are_relative_to_the_file_and_the_state_directory_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.toml");
    std::fs::write(&path, with("schema = \"file:body.json\"\n")).unwrap();
    let error = load(Some(&path), None).unwrap_err();
    assert_eq!(error.code(), "file_unreadable");
    assert!(error.to_string().contains(":8:10: migrations.alerts.schema names "), "{error}");
    std::fs::write(folder.path().join("body.json"), "[]").unwrap();
    assert!(load(Some(&path), None).unwrap_err().to_string().ends_with("which is not a JSON object"));
    std::fs::write(folder.path().join("body.json"), "{\"settings\":{}}").unwrap();
    let config = load(Some(&path), None).unwrap();
    assert_eq!(config.migrations["alerts"].schema, Schema::File(folder.path().join("body.json")));
    assert_eq!(config.state_dir, PathBuf::from("esferry-state"));
    assert_eq!(load(Some(&path), Some("/x".as_ref())).unwrap().state_dir, PathBuf::from("/x"));
    assert_eq!(load(Some(&folder.path().join("no.toml")), None).unwrap_err().code(), "config_unreadable");
}

#[test]
fn the_fingerprint_follows_what_matters_and_nothing_else() {
    let of = |text: &str| parse(text, "x").unwrap().migrations["alerts"].fingerprint();
    let plain = of(&with(""));
    assert_eq!(plain, of(&with("slice = { parallel = 9, page_docs = 7 }\nmax_failure_ratio = 0.5\n")));
    assert_eq!(plain.drift(&plain.0), []);
    let keys: Vec<&str> = plain.0.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "from.cluster",
            "from.indices",
            "schema",
            "slice.docs",
            "slice.strategy",
            "to.cluster",
            "to.index",
            "types",
            "write.mode"
        ]
    );
    let other = of(&with("slice = { docs = 7 }\nwrite = { pipeline = \"p\" }\n"));
    let drift = [
        ("slice.docs".to_owned(), "50000".to_owned(), "7".to_owned()),
        ("write.pipeline".to_owned(), "(absent)".to_owned(), "p".to_owned()),
    ];
    assert_eq!(other.drift(&plain.0), drift);
    assert_eq!(plain.drift(&BTreeMap::new()).len(), keys.len());
}

#[test]
fn the_fingerprint_of_a_query_ignores_the_order_of_keys_and_of_a_schema_file_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let of = |query: &str, file: &str| {
        let path = folder.path().join(file);
        std::fs::write(&path, "{}").unwrap();
        let text = format!(
            "{CLUSTERS}[migrations.a]\nschema = \"file:{}\"\nto = {{ cluster = \"new\" }}\nfrom = {{ cluster = \"old\", indices = [\"a\"], query = {query} }}\n",
            path.display()
        );
        parse(&text, "x").unwrap().migrations["a"].fingerprint()
    };
    let one = of("{ range = { a = { gte = 1, lt = 2 } } }", "one.json");
    assert_eq!(one, of("{ range = { a = { lt = 2, gte = 1 } } }", "two.json"));
    assert_ne!(one, of("{ range = { a = { lt = 3, gte = 1 } } }", "two.json"));
    assert!(one.0["schema"].starts_with("file sha256:44136fa355b3"));
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        let _ = parse(&text, "x");
    }

    #[test]
    fn no_mutation_of_a_good_file_makes_it_panic(at in 0usize..200, insert in "\\PC{0,4}", cut in 0usize..8) {
        let good: Vec<char> = with("slice = { docs = 5, parallel = 4 }\n").chars().collect();
        let text: String = good.iter().take(at).copied().chain(insert.chars()).chain(good.iter().skip(at + cut).copied()).collect();
        if let Err(error) = parse(&text, "x") {
            proptest::prop_assert!(error.to_string().starts_with("x:"), "{}", error);
        }
    }
}

/// The `toml` blocks of a page that are whole files.
fn examples(page: &str) -> impl Iterator<Item = &str> {
    page.split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .filter(|text| text.contains("[clusters"))
}

#[test]
fn every_example_of_the_reference_parses_and_every_key_is_in_it() {
    let page = include_str!("../../docs/configuration.md");
    assert!(examples(page).count() > 0);
    for example in examples(page) {
        parse(example, "docs/configuration.md").unwrap();
    }
    let tables = [
        format!("{CLUSTERS}[x]\n"),
        format!("{CLUSTERS}x = 1\n"),
        format!("{CLUSTERS}[statsd]\nx = 1\n"),
        with("x = 1\n"),
        with("slice = { x = 1 }\n"),
        with("write = { x = 1 }\n"),
        format!("{CLUSTERS}[migrations.a]\nfrom = {{ x = 1 }}\n"),
        format!(
            "{CLUSTERS}[migrations.a]\nfrom = {{ cluster = \"old\", indices = [\"a\"] }}\nto = {{ x = 1 }}\n"
        ),
    ];
    for table in &tables {
        let error = parse(table, "x").unwrap_err();
        let (_, keys) = error.remedy().unwrap().split_once(": ").unwrap();
        for key in keys.split('`').skip(1).step_by(2) {
            assert!(page.contains(&format!("| `{key}` |")), "{key} is not in the reference ({error})");
        }
    }
}

fn transform_error(step: &str) -> String {
    error_of(&with(&format!(
        "[[migrations.alerts.transform]]\nremove = [\"x\"]\n[[migrations.alerts.transform]]\n{step}\n"
    )))
}

#[test]
fn steps_that_cannot_be_meant_are_refused_with_their_place() {
    for (step, expected) in [
        (
            "key_valeu = { field = \"a\" }",
            "[unknown_key] migrations.toml:11:1: unknown key `key_valeu` in [migrations.alerts.transform]; did you mean `key_value`?",
        ),
        (
            "key_value = { feild = \"a\" }",
            "[unknown_key] migrations.toml:11:15: unknown key `feild` in [migrations.alerts.transform.key_value]; did you mean `field`?",
        ),
        (
            "convert = { field = \"a\", to = \"bool\" }",
            "[unknown_value] migrations.toml:11:31: migrations.alerts.transform.convert.to cannot be `bool`; did you mean `boolean`?",
        ),
        (
            "set = { field = \"a\", value = 1 }\njq = \".\"",
            "[invalid_value] migrations.toml:10:1: a step of `transform` must have exactly one key",
        ),
        (
            "rename = { from = \"a.b\", to = \"a.b\" }",
            "[invalid_value] migrations.toml:11:31: migrations.alerts.transform.2.rename.to must differ from the field itself; given \"a.b\"",
        ),
        (
            "rename = { from = \"a\", to = \"a.b\" }",
            "[invalid_value] migrations.toml:11:29: migrations.alerts.transform.2.rename.to must not lie inside or around the field itself: \"a\" and \"a.b\"",
        ),
        (
            "remove = [\"a.b\", \"a\"]",
            "[invalid_value] migrations.toml:11:10: migrations.alerts.transform.2.remove names `a.b`, which is removed with `a` already",
        ),
        (
            "set = { field = \"a..b\", value = 1 }",
            "[invalid_value] migrations.toml:11:17: migrations.alerts.transform.2.set.field must be names joined by single dots; given \"a..b\"",
        ),
        (
            "key_value = { field = \"a\", into = { value = \"keyToValue\" } }",
            "[invalid_value] migrations.toml:11:45: migrations.alerts.transform.2.key_value.into.value must differ from the other names in `into`; given \"keyToValue\"",
        ),
        (
            "drop_if = { field = \"a\" }",
            "[invalid_value] migrations.toml:11:1: migrations.alerts.transform.2.drop_if must have exactly one of `equals`, `in` and `exists`",
        ),
        (
            "jq = \" \"",
            "[invalid_value] migrations.toml:11:6: migrations.alerts.transform.2.jq must hold a jq program; `.` changes nothing, `empty` drops everything",
        ),
    ] {
        let error = transform_error(step);
        assert_eq!(error.lines().next().unwrap(), expected, "{step}");
    }
}

#[test]
fn steps_are_part_of_the_fingerprint_and_none_leave_it_as_it_was() {
    let of = |rest: &str| parse(&with(rest), "x").unwrap().migrations["alerts"].fingerprint();
    assert!(!of("").0.contains_key("transform"));
    let a = of("[[migrations.alerts.transform]]\nkey_value = { field = \"a\", separator = \":\" }\n");
    let b = of("[[migrations.alerts.transform]]\nkey_value = { field = \"a\" }\n");
    assert_eq!(a, b, "a default that is written out is no drift");
    assert_eq!(
        a.0["transform"],
        r#"[{"key_value":{"field":"a","into":{"key_value":"keyToValue","value":"value"},"separator":":"}}]"#
    );
}
