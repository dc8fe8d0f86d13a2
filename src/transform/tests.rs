use std::borrow::Cow;

use serde_json::json;

use super::*;
use crate::config::{self, TransformConfig};

/// The steps of a `[[transform]]` list in TOML.
pub(super) fn steps_of(toml: &str) -> Vec<TransformConfig> {
    let text = format!(
        "[clusters.old]\nurls = [\"http://old:9200\"]\n[clusters.new]\nurls = [\"http://new:9200\"]\n\
         [migrations.m]\nfrom = {{ cluster = \"old\", indices = [\"a\"] }}\nto = {{ cluster = \"new\" }}\n{toml}"
    );
    config::parse(&text, "x").unwrap().migrations["m"].transform.clone()
}

pub(super) fn steps(lines: &[&str]) -> Steps {
    let toml: String = lines.iter().map(|line| format!("[[migrations.m.transform]]\n{line}\n")).collect();
    Steps::compile(&steps_of(&toml)).unwrap()
}

pub(super) fn document(source: &[u8]) -> Document<'_> {
    Document {
        index: None,
        id: Cow::Borrowed(b"\"1\""),
        routing: Some(Cow::Borrowed(b"\"r\"")),
        version: Some(7),
        source: Cow::Borrowed(source),
    }
}

pub(super) const ORIGIN: Origin<'static> =
    Origin { index: "alerts", doc_type: Some(b"\"alert\""), parent: None };

pub(super) fn apply(steps: &Steps, source: &str) -> Result<String, String> {
    let text = |document: Document<'_>| String::from_utf8(document.source.into_owned()).unwrap();
    match steps.apply(document(source.as_bytes()), &ORIGIN) {
        Ok(Transformed::One(document)) => Ok(text(document)),
        Ok(Transformed::Several(documents)) => {
            let line = |document: Document<'_>| {
                let id = String::from_utf8_lossy(&document.id).into_owned();
                format!("{id} {}", text(document))
            };
            Ok(documents.into_iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        Ok(Transformed::Dropped { step }) => Ok(format!("dropped by {}", steps.describe(step))),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn done(line: &str, source: &str) -> String {
    apply(&steps(&[line]), source).unwrap_or_else(|error| format!("failed: {error}"))
}

#[test]
fn steps_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Steps>();
}

#[test]
fn without_steps_any_bytes_pass() {
    assert!(Steps::default().is_empty());
    assert!(
        matches!(Steps::default().apply(document(b"\xff{"), &ORIGIN), Ok(Transformed::One(document)) if &document.source[..] == b"\xff{")
    );
}

#[test]
fn what_is_no_json_object_is_a_failure_with_its_place() {
    let steps = steps(&["remove = [\"x\"]"]);
    insta::assert_snapshot!(apply(&steps, "{a:1}").unwrap_err(), @"transform 1: the document is not JSON: key must be a string at line 1 column 2");
    insta::assert_snapshot!(apply(&steps, "{\"a\":1").unwrap_err(), @"transform 1: the document is not JSON: EOF while parsing an object at line 1 column 6");
    insta::assert_snapshot!(apply(&steps, "[1]").unwrap_err(), @"transform 1: the document is not an object");
    insta::assert_snapshot!(steps.apply(document(b"{\"a\":\"\xff\"}"), &ORIGIN).unwrap_err(), @"transform 1: the document is not UTF-8 at byte 6");
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(600), "]".repeat(600));
    insta::assert_snapshot!(apply(&steps, &deep).unwrap_err(), @"transform 1: the document is nested deeper than 512 levels");
    let wide = format!("{{\"a\":[{}{{}}]}}", "{},".repeat(600));
    assert_eq!(apply(&steps, &wide).unwrap(), wide);
}

#[test]
fn the_seeds_tags_become_entries() {
    let line = "key_value = { field = \"actions.tags\" }";
    insta::assert_snapshot!(done(line, r#"{"actions": {"tags" : { "name": "John", "lname" : "Smith" }, "n": 1.10}}"#), @r#"{"actions": {"tags" : [{"keyToValue":"name:John","value":"John"},{"keyToValue":"lname:Smith","value":"Smith"}], "n": 1.10}}"#);
    // Found in arrays, under names with dots and under escaped names; elsewhere nothing is touched.
    insta::assert_snapshot!(done(line, r#"{"actions":[{"tags":{"a":"b"}},{"tags":{}},{"x":1}]}"#), @r#"{"actions":[{"tags":[{"keyToValue":"a:b","value":"b"}]},{"tags":[]},{"x":1}]}"#);
    insta::assert_snapshot!(done(line, r#"{"actions.tags":{"a":"b"}}"#), @r#"{"actions.tags":[{"keyToValue":"a:b","value":"b"}]}"#);
    insta::assert_snapshot!(done(line, r#"{"\u0061ctions":{"tags":{"\u00e9\"":"\n"}}}"#), @r#"{"\u0061ctions":{"tags":[{"keyToValue":"\u00e9\":\n","value":"\n"}]}}"#);
    for untouched in [r#"{"tags":{"a":"b"}}"#, r#"{"actions":5}"#, r#"{"actions":{"tags":null}}"#, "{}"] {
        assert_eq!(done(line, untouched), untouched);
    }
}

#[test]
fn values_of_every_kind_have_their_rule() {
    let line = "key_value = { field = \"t\" }";
    insta::assert_snapshot!(done(line, r#"{"t":{"n":1.10,"b":true,"z":null,"e":""}}"#), @r#"{"t":[{"keyToValue":"n:1.10","value":1.10},{"keyToValue":"b:true","value":true},{"keyToValue":"z:","value":null},{"keyToValue":"e:","value":""}]}"#);
    insta::assert_snapshot!(done(line, r#"{"t":{"a":["x",1,null],"none":[]}}"#), @r#"{"t":[{"keyToValue":["a:x","a:1"],"value":["x",1,null]},{"keyToValue":"none:","value":[]}]}"#);
    insta::assert_snapshot!(done(line, r#"{"t":{"a":{"b":"x","c":{}},"l":[{"m":1},{"m":2},"s"]}}"#), @r#"{"t":[{"keyToValue":"a.b:x","value":"x"},{"keyToValue":"a.c:","value":null},{"keyToValue":"l.m:1","value":1},{"keyToValue":"l.m:2","value":2},{"keyToValue":"l:s","value":"s"}]}"#);
}

#[test]
fn what_is_no_map_is_left_or_a_failure() {
    let line = "key_value = { field = \"t\" }";
    let again = r#"{"t":[{"keyToValue":"a:b","value":"b"}]}"#;
    assert_eq!(done(line, again), again);
    insta::assert_snapshot!(done(line, r#"{"t":"x"}"#), @"failed: transform 1: `t`: is a string where a map is expected");
    insta::assert_snapshot!(done(line, r#"{"t":[{"a":"b"}]}"#), @"failed: transform 1: `t`: is an array where a map is expected, and not of the entries that this step makes");
}

#[test]
fn a_key_that_holds_the_separator_is_a_failure_unless_the_key_is_kept() {
    let held = "failed: transform 1: `t.a:b`: the separator \":\" occurs in the key";
    for key in ["a:b", r"a\u003ab"] {
        let source = format!(r#"{{"t":{{"{key}":"c"}}}}"#);
        assert!(done("key_value = { field = \"t\" }", &source).starts_with(held), "{key}");
        let kept = "key_value = { field = \"t\", into = { key = \"key\" } }";
        assert_eq!(
            done(kept, &source),
            format!(r#"{{"t":[{{"key":"{key}","keyToValue":"{key}:c","value":"c"}}]}}"#)
        );
    }
    // Not held, but begun at the end of the key: `a:` and `::` would read back as `a`.
    assert!(
        done("key_value = { field = \"t\", separator = \"::\" }", r#"{"t":{"a:":"c"}}"#)
            .starts_with("failed")
    );
    assert!(
        !done("key_value = { field = \"t\", separator = \"u00\" }", r#"{"t":{"\u00e9":"c"}}"#)
            .starts_with("failed")
    );
}

#[test]
fn rename_moves_a_value_with_its_bytes() {
    insta::assert_snapshot!(done("rename = { from = \"a.b\", to = \"a.c\" }", r#"{"a":[{ "b" : 1.10 },{"b":2}],"b":3}"#), @r#"{"a":[{ "c" : 1.10 },{"c":2}],"b":3}"#);
    insta::assert_snapshot!(done("rename = { from = \"a.b\", to = \"a.c\" }", r#"{"a.b":1}"#), @r#"{"a.c":1}"#);
    insta::assert_snapshot!(done("rename = { from = \"a.b\", to = \"x.y.z\" }", r#"{"a":{"b":{"k": 1e400},"c":1},"x":{}}"#), @r#"{"a":{"c":1},"x":{"y":{"z":{"k": 1e400}}}}"#);
    insta::assert_snapshot!(done("rename = { from = \"a\", to = \"b\" }", r#"{"a":1,"b":2}"#), @"failed: transform 1: `a`: cannot become `b`, which is there already");
    insta::assert_snapshot!(done("rename = { from = \"a.b\", to = \"c\" }", r#"{"a":[{"b":1},{"b":2}]}"#), @"failed: transform 1: `a.b`: occurs 2 times in the document and cannot be moved to the one place `c`");
    insta::assert_snapshot!(done("rename = { from = \"a\", to = \"x.y\" }", r#"{"a":1,"x":"s"}"#), @"failed: transform 1: `x`: is a string and cannot hold `y`");
    insta::assert_snapshot!(done("rename = { from = \"a\", to = \"b\" }", r#"{"c":1}"#), @r#"{"c":1}"#);
}

#[test]
fn remove_takes_the_comma_with_it() {
    let line = "remove = [\"a\", \"m.d\"]";
    for (before, after) in [
        (r#"{"a":1}"#, "{}"),
        (r#"{ "a" : 1, "b" : 2 }"#, r#"{ "b" : 2 }"#),
        (r#"{"b":2,"a":1}"#, r#"{"b":2}"#),
        (r#"{"b":2, "a":1 ,"c":3}"#, r#"{"b":2 ,"c":3}"#),
        (r#"{"a":1,"a":2,"b":3,"a":4}"#, r#"{"b":3}"#),
        (r#"{"m":[{"d":1,"e":2},{"d":{"a":1}}],"x":{"a":1}}"#, r#"{"m":[{"e":2},{}],"x":{"a":1}}"#),
        (r#"{"m.d":1,"\u0061":2}"#, "{}"),
        (r#"{"b":"a"}"#, r#"{"b":"a"}"#),
    ] {
        assert_eq!(done(line, before), after);
    }
}

#[test]
fn set_replaces_or_adds() {
    let line = "set = { field = \"a.b\", value = \"x\" }";
    insta::assert_snapshot!(done(line, r#"{"a":{"b":1,"c":2}}"#), @r#"{"a":{"b":"x","c":2}}"#);
    insta::assert_snapshot!(done(line, r#"{ "a" : [{},{"b":1}] }"#), @r#"{ "a" : [{"b":"x"},{"b":"x"}] }"#);
    insta::assert_snapshot!(done(line, "{}"), @r#"{"a":{"b":"x"}}"#);
    insta::assert_snapshot!(done(line, r#"{"a":1}"#), @"failed: transform 1: `a`: is a number and cannot hold `b`");
    insta::assert_snapshot!(done("set = { field = \"a\", value = [1.5, true, { k = \"v\" }], if_absent = true }", r#"{"a":1}"#), @r#"{"a":1}"#);
    insta::assert_snapshot!(done("set = { field = \"a\", value = [1.5, true, { k = \"v\" }], if_absent = true }", r#"{"b":1}"#), @r#"{"b":1,"a":[1.5,true,{"k":"v"}]}"#);
}

#[test]
fn convert_reads_values_as_1_x_did() {
    let to = |to: &str, value: &str| {
        let line = format!("convert = {{ field = \"f\", to = \"{to}\" }}");
        let out = done(&line, &format!("{{\"f\":{value}}}"));
        out.strip_prefix("{\"f\":").map_or(out.clone(), |rest| rest.trim_end_matches('}').to_owned())
    };
    for (value, expected) in [
        ("\"on\"", "true"),
        ("\"off\"", "false"),
        ("\"no\"", "false"),
        ("\"\"", "false"),
        ("\"0\"", "false"),
        ("0", "false"),
        ("0.0e5", "false"),
        ("1", "true"),
        ("-0.5", "true"),
        ("\"yes\"", "true"),
        ("[\"on\",0,null]", "[true,false,null]"),
        ("true", "true"),
        ("null", "null"),
    ] {
        assert_eq!(to("boolean", value), expected, "{value}");
    }
    for (value, expected) in [
        ("1.9", "1"),
        ("-1.9", "-1"),
        ("1e3", "1000"),
        ("\"\"", "null"),
        ("\" 12 \"", "12"),
        ("\"+007\"", "7"),
        ("9223372036854775807", "9223372036854775807"),
        ("12345e-3", "12"),
        ("0.00001e6", "10"),
        ("1e-99999999999999999999", "0"),
    ] {
        assert_eq!(to("long", value), expected, "{value}");
    }
    for (value, expected) in
        [("1.10", "1.10"), ("\".5\"", "0.5"), ("\"1.10\"", "1.10"), ("\"\"", "null"), ("1e38", "1e38")]
    {
        assert_eq!(to("float", value), expected, "{value}");
    }
    for (value, expected) in [
        ("0", "\"1970-01-01T00:00:00Z\""),
        ("\"2015-1-1\"", "\"2015-01-01\""),
        ("\"2015\"", "\"2015\""),
        ("1420070400001", "\"2015-01-01T00:00:00.001Z\""),
        ("\"1420070400000\"", "\"2015-01-01T00:00:00Z\""),
        ("\"2015-01-01T9:00:00.5+01:00\"", "\"2015-01-01T09:00:00.5+01:00\""),
        ("\"\"", "null"),
        ("\"2015-01-01T00:00:00Z\"", "\"2015-01-01T00:00:00Z\""),
    ] {
        assert_eq!(to("date", value), expected, "{value}");
    }
    assert_eq!(to("string", "1.10"), "\"1.10\"");
    assert_eq!(to("string", "[true,\"x\"]"), "[\"true\",\"x\"]");
    insta::assert_snapshot!(to("integer", "2147483648"), @"failed: transform 1: `f`: 2147483648 is out of range: -2147483648 to 2147483647");
    insta::assert_snapshot!(to("long", "1e999999999999"), @"failed: transform 1: `f`: 1e999999999999 is out of range");
    insta::assert_snapshot!(to("long", "\"12x\""), @r#"failed: transform 1: `f`: "12x" is not a number"#);
    insta::assert_snapshot!(to("float", "1e39"), @"failed: transform 1: `f`: 1e39 is out of range");
    insta::assert_snapshot!(to("double", "\"NaN\""), @r#"failed: transform 1: `f`: "NaN" is not a number"#);
    insta::assert_snapshot!(to("boolean", "{}"), @"failed: transform 1: `f`: {} cannot become a boolean");
    insta::assert_snapshot!(to("date", "\"2015-02-30\""), @r#"failed: transform 1: `f`: "2015-02-30" is not a date"#);
}

#[test]
fn what_cannot_be_converted_goes_the_configured_way() {
    let on_error = |way: &str, source: &str| {
        done(&format!("convert = {{ field = \"f.n\", to = \"long\", on_error = \"{way}\" }}"), source)
    };
    let source = r#"{"f":[{"n":"x","m":1},{"n":["1","x",2]},{"n":"3"}]}"#;
    insta::assert_snapshot!(on_error("null", source), @r#"{"f":[{"n":null,"m":1},{"n":[1,null,2]},{"n":3}]}"#);
    insta::assert_snapshot!(on_error("keep", source), @r#"{"f":[{"n":"x","m":1},{"n":[1,"x",2]},{"n":3}]}"#);
    insta::assert_snapshot!(on_error("remove", source), @r#"{"f":[{"m":1},{"n":[1,2]},{"n":3}]}"#);
}

#[test]
fn flatten_joins_names() {
    let line = "flatten = { field = \"l\", separator = \"_\" }";
    insta::assert_snapshot!(done(line, r#"{"l":{"a":{"b":1.10,"c":{"d":[{"e":1}]}},"x":{}}, "y":1}"#), @r#"{"l":{"a_b":1.10,"a_c_d":[{"e":1}],"x":{}}, "y":1}"#);
    insta::assert_snapshot!(done(line, r#"{"l":{ "a" : 1 }}"#), @r#"{"l":{ "a" : 1 }}"#);
    insta::assert_snapshot!(done(line, r#"{"l":{"a":{"b":1},"a_b":2}}"#), @"failed: transform 1: `l.a_b`: would stand there twice in the flat object");
    insta::assert_snapshot!(done("flatten = { field = \"l\", into = \"flat\" }", r#"{"l":{"a":{"b":1}}}"#), @r#"{"flat":{"a.b":1}}"#);
}

#[test]
fn drop_if_leaves_documents_out() {
    let drops = |condition: &str, source: &str| {
        done(&format!("drop_if = {{ field = \"a.s\", {condition} }}"), source).starts_with("dropped")
    };
    assert!(drops("equals = \"test\"", r#"{"a":{"s":"t\u0065st"}}"#));
    assert!(drops("equals = 1", r#"{"a":[{"s":2},{"s":[1.0]}]}"#));
    assert!(drops("in = [\"x\", true]", r#"{"a":{"s":true}}"#));
    assert!(!drops("equals = \"1\"", r#"{"a":{"s":1}}"#));
    assert!(!drops("equals = 9007199254740993", r#"{"a":{"s":9007199254740992}}"#));
    assert!(drops("exists = false", r#"{"a":{"s":[]}}"#) && drops("exists = false", r#"{"a":{"s":null}}"#));
    assert!(drops("exists = true", r#"{"a":{"s":""}}"#) && !drops("exists = true", "{}"));
    insta::assert_snapshot!(done("drop_if = { field = \"s\", in = [\"test\", 1] }", r#"{"s":1}"#), @r#"dropped by transform 1: drop_if s in "test", 1"#);
}

#[test]
fn steps_follow_each_other_and_errors_name_theirs() {
    let steps = steps(&["rename = { from = \"a\", to = \"b\" }", "set = { field = \"b.c\", value = 1 }"]);
    assert_eq!(apply(&steps, r#"{"a":{}}"#).unwrap(), r#"{"b":{"c":1}}"#);
    insta::assert_snapshot!(apply(&steps, r#"{"a":"x"}"#).unwrap_err(), @"transform 2: `b`: is a string and cannot hold `c`");
    assert_eq!(steps.describe(1), "transform 2: set b.c = 1");
}

#[test]
fn the_mapping_follows_the_steps() {
    let steps = steps(&[
        "key_value = { field = \"actions.tags\" }",
        "rename = { from = \"title\", to = \"meta.title\" }",
        "remove = [\"internal\"]",
        "set = { field = \"kind\", value = \"alert\" }",
        "convert = { field = \"created\", to = \"date\" }",
        "jq = '.'",
    ]);
    let mut mapping = json!({
        "dynamic_templates": [{"tags": {"path_match": "actions.tags.*", "mapping": {"type": "text"}}}],
        "properties": {
            "actions": {"properties": {"tags": {"properties": {"name": {"type": "text"}}}}},
            "title": {"type": "text"}, "internal": {"type": "long"}, "created": {"type": "date", "format": "epoch_millis"},
        },
    });
    let mut report = crate::schema::report::Report::default();
    steps.reshape(mapping.as_object_mut().unwrap(), &mut report);
    insta::assert_snapshot!(mapping, @r#"{"properties":{"actions":{"properties":{"tags":{"properties":{"keyToValue":{"type":"keyword","ignore_above":8191},"value":{"type":"keyword","ignore_above":8191}}}}},"meta":{"properties":{"title":{"type":"text"}}},"kind":{"type":"keyword","ignore_above":8191},"created":{"type":"date","format":"epoch_millis||strict_date_optional_time"}}}"#);
    let lines: Vec<String> = report
        .changes
        .iter()
        .map(|change| format!("{} {}: {}", change.rule, change.path, change.reason))
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    transform_key_value mappings.properties.actions.properties.tags: the keys below `actions.tags` are values now: ask for `actions.tags.keyToValue` = "KEY:VALUE" or `actions.tags.value` = "VALUE", as exact terms
    transform_key_value mappings.dynamic_templates.tags: nothing is mapped below `actions.tags` any more
    transform_rename mappings.properties.title: `title` is `meta.title` on the target
    transform_remove mappings.properties.internal: `internal` is left out of the documents
    transform_set mappings.properties.kind: `kind` is set to "alert"
    transform_convert mappings.properties.created: the values of `created` are converted to date
    transform_jq mappings: transform 6: jq .: the mapping does not follow jq; fields that it makes are mapped dynamically, unless the schema names them: use schema = "file:PATH" or "existing" for a mapping of your own
    "#);
    assert_eq!(
        field_effects(steps.configs()),
        [
            FieldEffect::KeyValue {
                field: "actions.tags".to_owned(),
                key_value: "actions.tags.keyToValue".to_owned(),
                value: "actions.tags.value".to_owned(),
                separator: ":".to_owned(),
            },
            FieldEffect::Renamed { from: "title".to_owned(), to: "meta.title".to_owned() },
            FieldEffect::Removed { field: "internal".to_owned() },
        ]
    );
}

#[test]
fn fields_that_are_copied_are_copied_on_by_the_values_or_named() {
    let told = |mapping: serde_json::Value| {
        let mut mapping = mapping;
        let mut report = crate::schema::report::Report::default();
        let steps = steps(&["key_value = { field = \"tags\" }"]);
        steps.reshape(mapping.as_object_mut().unwrap(), &mut report);
        let copies = mapping["properties"]["tags"]["properties"]["value"].get("copy_to").cloned();
        let lost: Vec<String> = report.unaccepted(&[]).iter().map(|lost| lost.path.clone()).collect();
        format!("{} {}", json!(copies), lost.join(", "))
    };
    let below = |fields: serde_json::Value| json!({"properties": {"tags": {"properties": fields}}});
    let copied = json!({"type": "text", "copy_to": ["all"]});
    assert_eq!(
        told(below(json!({"a": copied, "o": {"properties": {"b": {"type": "text", "copy_to": "all"}}}}))),
        "[\"all\"] "
    );
    assert_eq!(told(below(json!({"a": {"type": "text"}, "o": {"type": "object"}}))), "null ");
    let lost = "null mappings.properties.tags.copy_to";
    assert_eq!(told(below(json!({"a": copied, "b": {"type": "text"}}))), lost);
    assert_eq!(told(below(json!({"a": {"type": "text", "copy_to": "tags.all"}}))), lost);
    let mut with_template = below(json!({"a": copied}));
    with_template["dynamic_templates"] =
        json!([{"t": {"path_match": "tags.*", "mapping": {"type": "text"}}}]);
    assert_eq!(told(with_template), lost);
    assert_eq!(told(json!({"properties": {"all": {"type": "text"}}})), "null ");
}
