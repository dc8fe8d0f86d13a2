use std::borrow::Cow;

use super::*;

fn run(program: &str, source: &str) -> Result<Vec<String>, String> {
    let jq = Jq::compile(program, 0).unwrap();
    let document = Document {
        index: None,
        id: Cow::Borrowed(br#""d\"1""#),
        routing: Some(Cow::Borrowed(b"\"r\"")),
        version: Some(u64::MAX),
        source: Cow::Borrowed(source.as_bytes()),
    };
    let origin = Origin { index: "alerts", doc_type: Some(b"\"alert\""), parent: None };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let shown = |made: Document<'_>| {
        let index = made.index.as_deref().map_or(String::new(), |index| format!("{index} "));
        let routing = made.routing.as_deref().map_or("-".to_owned(), text);
        format!("{index}{} {routing} {}", text(&made.id), text(&made.source))
    };
    match jq.run(&document, &origin) {
        Ok(made) => Ok(made.into_iter().map(shown).collect()),
        Err(fault) => Err(format!("{}: {}", fault.path, fault.reason)),
    }
}

fn source(program: &str, source: &str) -> String {
    match run(program, source) {
        Ok(made) => made.join("\n").replace(r#""d\"1" "r" "#, ""),
        Err(error) => error,
    }
}

#[test]
fn what_a_program_only_moves_keeps_its_literals_and_order() {
    let text = r#"{"z":1234567890123456789012345678901234567890,"a":1.10,"m":1e400,"n":-0.0,"o":-0,"p":-1E+2,"q":[1.0,{"b":null,"a":true}],"s":"é\u0000\u001f\u007f/\"\\"}"#;
    assert_eq!(source(".", text), text.replace(r"\u007f", "\u{7f}"));
    assert_eq!(source(".x = .a | del(.a)", r#"{"b":1,"a":1.10}"#), r#"{"b":1,"x":1.10}"#);
    assert_eq!(
        source(".a += 1", r#"{"a":1234567890123456789012345678901234567890}"#),
        r#"{"a":1234567890123456789012345678901234567891}"#
    );
}

#[test]
fn deleting_keeps_the_order_of_what_is_left() {
    let text = r#"{"a":1,"b":{"x":1,"y":2,"z":3},"c":[0,1,2,3],"d":4,"e":5}"#;
    assert_eq!(
        source("del(.a, .b.x, .nothing.at.all)", text),
        r#"{"b":{"y":2,"z":3},"c":[0,1,2,3],"d":4,"e":5}"#
    );
    assert_eq!(source("del(.c[0, -1, 3, 9], .a, .b)", text), r#"{"c":[1,2],"d":4,"e":5}"#);
    assert_eq!(
        source("del(.c[] | select(. > 0)) | del(.b[\"x\"])", text),
        r#"{"a":1,"b":{"y":2,"z":3},"c":[0],"d":4,"e":5}"#
    );
    assert_eq!(
        source("to_entries | map(select(.key != \"b\")) | from_entries", text),
        r#"{"a":1,"c":[0,1,2,3],"d":4,"e":5}"#
    );
    insta::assert_snapshot!(source("del(.a.b)", text), @": jq: cannot index 1 with \"b\"");
    insta::assert_snapshot!(source("del(.c[1:])", text), @r#": jq: cannot delete {"start":1} of [0,1,2,3]"#);
}

#[test]
fn what_jq_cannot_hold_or_json_cannot_say_is_a_failure_with_its_path() {
    insta::assert_snapshot!(source(".", r#"{"a":{"b":1,"\u0062":2}}"#), @"a.b: stands there twice; jq would lose one of them, and the target refuses both");
    insta::assert_snapshot!(source(".", r#"{"a":["\ud800"]}"#), @"a: holds half of a surrogate pair, which jq cannot hold");
    insta::assert_snapshot!(source(".", r#"{"a":{"\udc00":1}}"#), @r"a.\udc00: holds half of a surrogate pair, which jq cannot hold");
    insta::assert_snapshot!(source(".a.b = infinite", r#"{"a":{}}"#), @"a.b: jq gives Infinity, which JSON cannot say");
    insta::assert_snapshot!(source(".a = {(1 | tostring): nan}", "{}"), @"a.1: jq gives NaN, which JSON cannot say");
    insta::assert_snapshot!(source(".a = (\"x\" | tobytes)", "{}"), @"a: jq gives bytes instead of a string");
}

#[test]
fn outputs_are_documents_envelopes_or_errors() {
    let lines =
        |program: &str| run(program, r#"{"a":[1,2]}"#).map_or_else(|error| error, |made| made.join("\n"));
    insta::assert_snapshot!(lines("empty"), @"");
    insta::assert_snapshot!(lines("{_id: $id, _source: {$type, $index, $routing, $version, $parent}}"), @r#""d\"1" "r" {"type":"alert","index":"alerts","routing":"r","version":18446744073709551615,"parent":null}"#);
    insta::assert_snapshot!(lines("{_index: \"b\", _routing: null, _source: .}"), @r#"b "d\"1" - {"a":[1,2]}"#);
    insta::assert_snapshot!(lines(".a[] as $n | {_id: \"\\($id)-\\($n)\", _source: {$n}}"), @r#"
    "d\"1-1" "r" {"n":1}
    "d\"1-2" "r" {"n":2}
    "#);
    insta::assert_snapshot!(lines(".a[] | {n: .}"), @"_id: jq makes several documents; each needs an `_id` of its own, as in {_id: …, _source: …}");
    insta::assert_snapshot!(lines(".a[] | {_source: {n: .}}"), @"_id: jq makes several documents; each needs an `_id` of its own");
    insta::assert_snapshot!(lines(".a"), @": jq gives an array, which is no document; it has to give objects");
    insta::assert_snapshot!(lines("{_source: 1}"), @"_source: jq gives a number instead of an object");
    insta::assert_snapshot!(lines("{_source: {}, x: 1}"), @r#": jq gives "x" beside `_source`; only _index, _id, _routing and _source may stand there"#);
    insta::assert_snapshot!(lines("{_id: 1, _source: {}}"), @"_id: jq gives a number instead of a string");
    insta::assert_snapshot!(lines("{_id: \"\", _source: {}}"), @"_id: jq gives one of 0 bytes; the target takes 1 to 512");
    insta::assert_snapshot!(lines("{_index: \"A\", _source: {}}"), @r#"_index: jq gives "A": the name of an index must be lower case"#);
    insta::assert_snapshot!(lines(".a.b"), @r#": jq: cannot index [1,2] with "b""#);
    insta::assert_snapshot!(lines("error(\"no\")"), @": jq: no");
    insta::assert_snapshot!(lines("repeat({_id: \"x\", _source: .})"), @": jq gives more than 10000 values for one");
}

#[test]
fn a_program_that_does_not_compile_is_shown_with_the_place() {
    let error = |program: &str| {
        let error = Jq::compile(program, 1).unwrap_err();
        assert_eq!(error.code(), "jq");
        error.to_string()
    };
    insta::assert_snapshot!(error("del(.a) |\n  .b |= tonumbr"), @r"
    transform 2: jq, line 2, column 9: no filter `tonumbr` with 0 arguments
          .b |= tonumbr
                ^^^^^^^
    ");
    insta::assert_snapshot!(error(".a | (.b"), @r#"
    transform 2: jq, line 1, column 9: expected closing parenthesis
        .a | (.b
                ^
    "#);
    insta::assert_snapshot!(error(". = $x"), @r#"
    transform 2: jq, line 1, column 5: undefined variable `$x`
        . = $x
            ^^
    "#);
    insta::assert_snapshot!(error(".t = now"), @r#"
    transform 2: jq, line 1, column 6: `now` is not available: the same document has to become the same at any time
        .t = now
             ^^^
    "#);
    insta::assert_snapshot!(error("import \"x\" as x; ."), @r#"
    transform 2: jq, line 1, column 9: modules cannot be loaded here
        import "x" as x; .
                ^
    "#);
    insta::assert_snapshot!(error(".a = }"), @r#"
    transform 2: jq, line 1, column 6: this does not belong here
        .a = }
             ^
    "#);
}
