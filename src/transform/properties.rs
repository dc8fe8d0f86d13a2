//! What holds for any document: nothing untouched changes, and `key_value` can be taken back.

use proptest::prelude::*;

use super::tests::{ORIGIN, apply, document, done, steps, steps_of};
use super::*;
use crate::config::TransformConfig;

/// Objects with unicode, huge numbers, keys that look like each other and white space, as text.
fn object(depth: u32) -> impl Strategy<Value = String> {
    let string = prop_oneof![
        "[a-zé:. ]{0,8}".prop_map(|text| serde_json::Value::from(text).to_string()),
        Just(r#""\u0061\ud83d\ude00\/""#.to_owned()),
        Just(r#""\ud800""#.to_owned()),
    ];
    let leaf = prop_oneof![
        string,
        "-?[1-9][0-9]{0,40}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        Just("null".to_owned()),
        Just("-0.0".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
    ];
    let value = leaf.prop_recursive(depth, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|values| format!("[ {} ]", values.join(" ,"))),
            members(inner),
        ]
    });
    members(value)
}

fn members(value: impl Strategy<Value = String> + 'static) -> impl Strategy<Value = String> {
    let key = prop_oneof![
        r#"[ab]{1,2}"#,
        Just(r"\u0061".to_owned()),
        Just("t".to_owned()),
        Just(r"\u0074".to_owned())
    ];
    prop::collection::vec((key, value), 0..4).prop_map(|members| {
        let members: Vec<String> =
            members.into_iter().map(|(key, value)| format!("\"{key}\" :{value}")).collect();
        format!("{{{}\n}}", members.join(", "))
    })
}

/// A map of scalars and arrays of scalars, whose keys are distinct and hold no separator.
fn map() -> impl Strategy<Value = String> {
    let scalar = || {
        prop_oneof![
            "[a-zé:. ]{0,8}".prop_map(|text| serde_json::Value::from(text).to_string()),
            Just(r#""\ud800:\n""#.to_owned()),
            "-?[1-9][0-9]{0,40}(\\.[0-9]{1,20})?",
            Just("null".to_owned()),
            Just("true".to_owned()),
        ]
    };
    let value = prop_oneof![
        3 => scalar(),
        1 => prop::collection::vec(scalar(), 0..4).prop_map(|values| format!("[{}]", values.join(","))),
    ];
    let key = prop_oneof![
        "[a-zé. ]{0,6}",
        Just(r"\ud83d\ude00".to_owned()),
        Just(r"\n".to_owned()),
        Just(r"\ud800".to_owned())
    ];
    prop::collection::btree_map(key, value, 0..6).prop_map(|members| {
        let members: Vec<String> =
            members.into_iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    })
}

proptest! {
    #[test]
    fn key_value_and_its_inverse_give_the_same_bytes(before in object(3), map in map(), after in object(3), kept: bool) {
        let into = if kept { ", into = { key = \"key\" }" } else { "" };
        let configs = steps_of(&format!("[[migrations.m.transform]]\nkey_value = {{ field = \"x.map\"{into} }}\n"));
        let TransformConfig::KeyValue(config) = &configs[0] else { unreachable!() };
        let source = format!("{{ \"before\" :{before}, \"x\": {{\"map\":{map} , \"rest\":{after}}}}}");
        let steps = Steps::compile(&configs).unwrap();
        let forth = apply(&steps, &source).unwrap();
        prop_assert_ne!(&forth, &source);
        prop_assert_eq!(&apply(&steps, &forth).unwrap(), &forth, "a second run changes nothing");
        let back = key_value::KeyValue::new(config).inverse(forth.as_bytes()).unwrap();
        prop_assert_eq!(String::from_utf8(back).unwrap(), source);
    }

    #[test]
    fn built_in_steps_leave_valid_json_and_never_panic(source in object(5)) {
        for line in [
            "key_value = { field = \"a\" }", "rename = { from = \"a.b\", to = \"c.d\" }", "rename = { from = \"a\", to = \"zz\" }",
            "remove = [\"a\", \"b.t\"]", "set = { field = \"a.b\", value = 1 }", "convert = { field = \"a\", to = \"long\", on_error = \"remove\" }",
            "convert = { field = \"t\", to = \"date\", on_error = \"null\" }", "flatten = { field = \"a\" }", "drop_if = { field = \"a.b\", exists = true }",
        ] {
            if let Ok(Transformed::One(document)) = steps(&[line]).apply(document(source.as_bytes()), &ORIGIN) {
                prop_assert!(json::check(&document.source).is_ok(), "{line}: {source}");
            }
        }
    }

    #[test]
    fn a_step_for_a_field_that_is_not_there_changes_no_byte(source in object(5)) {
        for line in [
            "key_value = { field = \"q\" }", "rename = { from = \"q\", to = \"c.d\" }", "remove = [\"q\", \"a.q\"]",
            "convert = { field = \"q\", to = \"long\" }", "flatten = { field = \"a.q\" }",
        ] {
            prop_assert_eq!(done(line, &source), source.clone());
        }
    }
}
