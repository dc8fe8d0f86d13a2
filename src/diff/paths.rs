//! Where two documents differ: the places in them, with both values cut to what a person reads.

use serde::{Deserialize, Serialize};

use super::content::Content;
use crate::transform::json::{Kind, Part, below, check_value, elements, members, start, text};

/// Characters of a value that are shown.
const SHOWN: usize = 120;

/// A place at which two documents differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlike {
    /// Names joined by points, elements of arrays as `[0]`; empty for the whole document.
    pub path: String,
    /// The value that should be there, cut; absent when there should be none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The value that is there, cut; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// The places at which `found` differs from `expected`, `most` of them at most, in the order of the expected document.
/// None for documents of the same content.
#[must_use]
pub fn unlike(expected: &[u8], found: &[u8], most: usize) -> Vec<Unlike> {
    let mut places = Vec::new();
    let is_json = |bytes| check_value(bytes, "document").is_ok();
    if is_json(expected) && is_json(found) {
        compare("", expected, found, most, &mut places);
    }
    if places.is_empty() && Content::of(expected) != Content::of(found) {
        // Bytes that are no JSON, or a member that is there more than once.
        places.push(Unlike {
            path: String::new(),
            expected: Some(shown(expected)),
            found: Some(shown(found)),
        });
    }
    places
}

fn compare(path: &str, expected: &[u8], found: &[u8], most: usize, places: &mut Vec<Unlike>) {
    if places.len() >= most || Content::of(expected) == Content::of(found) {
        return;
    }
    let kind = |bytes: &[u8]| Kind::of(&bytes[start(bytes).min(bytes.len())..]);
    match (kind(expected), kind(found)) {
        (Kind::Object, Kind::Object) => {
            let (ours, theirs) = (named(expected), named(found));
            for (name, value) in &ours {
                let other = theirs.iter().find(|(other, _)| other == name).map(|(_, value)| *value);
                each(&below(path, name), Some(value), other, most, places);
            }
            for (name, value) in theirs.iter().filter(|(name, _)| !ours.iter().any(|(our, _)| our == name)) {
                each(&below(path, name), None, Some(value), most, places);
            }
        }
        (Kind::Array, Kind::Array) => {
            let parts = |bytes| elements(bytes, start(bytes)).collect::<Vec<Part>>();
            let (ours, theirs) = (parts(expected), parts(found));
            for at in 0..ours.len().max(theirs.len()) {
                let (our, their) = (ours.get(at), theirs.get(at));
                let path = format!("{path}[{at}]");
                let our = our.map(|part| part.of(expected));
                each(&path, our, their.map(|part| part.of(found)), most, places);
            }
        }
        _ => each(path, Some(expected), Some(found), most, places),
    }
}

fn each(path: &str, expected: Option<&[u8]>, found: Option<&[u8]>, most: usize, places: &mut Vec<Unlike>) {
    if places.len() >= most {
        return;
    }
    match (expected, found) {
        (Some(expected), Some(found)) if nests(expected, found) => {
            compare(path, expected, found, most, places);
        }
        (Some(expected), Some(found)) if Content::of(expected) == Content::of(found) => {}
        _ => places.push(Unlike {
            path: path.to_owned(),
            expected: expected.map(shown),
            found: found.map(shown),
        }),
    }
}

/// Whether both can be looked into, side by side.
fn nests(expected: &[u8], found: &[u8]) -> bool {
    expected.first() == found.first() && matches!(expected.first(), Some(b'{' | b'['))
}

/// The members of an object; the last of those with one name, as servers take it.
fn named(bytes: &[u8]) -> Vec<(String, &[u8])> {
    let mut named: Vec<(String, &[u8])> = Vec::new();
    for member in members(bytes, start(bytes)) {
        let raw = member.key.of(bytes);
        let name = text(raw).map_or_else(|| String::from_utf8_lossy(raw).into_owned(), String::from);
        let value = member.value.of(bytes);
        match named.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => named.push((name, value)),
        }
    }
    named
}

fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value.trim_ascii());
    let mut cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(expected: &str, found: &str) -> String {
        let places = unlike(expected.as_bytes(), found.as_bytes(), 5);
        let side = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
        let lines = places
            .into_iter()
            .map(|Unlike { path, expected, found }| format!("{path}: {} | {}", side(expected), side(found)));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_place_is_named_with_both_values() {
        insta::assert_snapshot!(
            told(
                r#"{"id":7,"tags":[{"k":"a","v":1},{"k":"b"}],"text":"x","gone":null,"n":1.0,"o":{"p":{"q":true}}}"#,
                r#"{"tags":[{"k":"a","v":2},{"k":"b"},3],"id":7,"text":["x"],"n":1,"o":{"p":{"q":false}},"more":{}}"#
            ),
            @r#"
        tags[0].v: 1 | 2
        tags[2]: nothing | 3
        text: "x" | ["x"]
        gone: null | nothing
        o.p.q: true | false
        "#
        );
    }

    #[test]
    fn what_is_the_same_has_no_places_and_what_is_no_json_is_one() {
        assert_eq!(told(r#"{"a":1,"b":2}"#, r#"{"b":2.0,"a":1}"#), "");
        insta::assert_snapshot!(told("{odd}", "{}"), @": {odd} | {}");
        insta::assert_snapshot!(told(r#"{"a":1,"a":2}"#, r#"{"a":2}"#), @r#": {"a":1,"a":2} | {"a":2}"#);
        insta::assert_snapshot!(told("[1]", "{}"), @": [1] | {}");
    }

    #[test]
    fn long_values_are_cut() {
        let long = format!(r#"{{"a":"{}"}}"#, "é".repeat(500));
        let places = unlike(long.as_bytes(), b"{}", 5);
        assert_eq!(places[0].expected.as_ref().unwrap().chars().count(), SHOWN + 1);
    }
}
