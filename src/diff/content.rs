//! What a document says, as one number: the same for the same content, however it is written.

use serde::{Deserialize, Serialize};
use twox_hash::XxHash3_128;

use crate::source::nesting::end_of_string;
use crate::transform::json::{check_value, text};

/// The content of a document: equal for documents that say the same, and, but for an accident of one in 2^128, for no
/// others.
///
/// The order of an object's members, blanks, and the way in which characters are escaped say nothing. Numbers are equal
/// when their literals have the same value, to the last digit: `1.50` is `15e-1`, and `9007199254740993` is not
/// `9007199254740992`. Bytes that are no JSON are the same when they are the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content(pub u128);

/// What is hashed, so that no value of one kind is taken for one of another.
#[derive(Clone, Copy)]
enum Tag {
    Null = 1,
    True,
    False,
    Number,
    Text,
    /// A string that is no text, such as a lone surrogate.
    Raw,
    Array,
    Object,
    Member,
    NotJson,
}

impl Content {
    /// The content of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Content {
        let bytes = bytes.trim_ascii();
        if check_value(bytes, "document").is_err() {
            return Content(hash(Tag::NotJson, bytes));
        }
        let mut walk = Walk { bytes, at: 0, scratch: Vec::new() };
        Content(walk.value())
    }
}

/// Whether two documents say the same.
#[must_use]
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.trim_ascii() == other.trim_ascii() || Content::of(one) == Content::of(other)
}

fn hash(tag: Tag, bytes: &[u8]) -> u128 {
    XxHash3_128::oneshot_with_seed(tag as u64, bytes)
}

/// A walk through bytes that are JSON, no deeper than [`check_value`] lets them be.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Where elements wait for their array.
    scratch: Vec<u8>,
}

impl Walk<'_> {
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn value(&mut self) -> u128 {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => {
                let raw = self.string();
                string(raw)
            }
            Some(b't') => self.word(4, Tag::True),
            Some(b'f') => self.word(5, Tag::False),
            Some(b'n') => self.word(4, Tag::Null),
            _ => self.number(),
        }
    }

    fn word(&mut self, length: usize, tag: Tag) -> u128 {
        self.at += length;
        hash(tag, &[])
    }

    /// Its members in any order: their sum does not depend on it.
    fn object(&mut self) -> u128 {
        self.at += 1;
        let (mut members, mut sum) = (0_u64, 0_u128);
        loop {
            match self.peek() {
                Some(b'"') => {
                    let key = self.string();
                    let key = string(key);
                    self.peek();
                    self.at += 1;
                    let value = self.value();
                    let mut member = [0; 32];
                    member[..16].copy_from_slice(&key.to_le_bytes());
                    member[16..].copy_from_slice(&value.to_le_bytes());
                    sum = sum.wrapping_add(hash(Tag::Member, &member));
                    members += 1;
                }
                Some(b',') => self.at += 1,
                _ => break,
            }
        }
        self.at += 1;
        let mut object = [0; 24];
        object[..8].copy_from_slice(&members.to_le_bytes());
        object[8..].copy_from_slice(&sum.to_le_bytes());
        hash(Tag::Object, &object)
    }

    fn array(&mut self) -> u128 {
        self.at += 1;
        let begin = self.scratch.len();
        loop {
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') | None => break,
                Some(_) => {
                    let element = self.value();
                    self.scratch.extend_from_slice(&element.to_le_bytes());
                }
            }
        }
        self.at += 1;
        let array = hash(Tag::Array, &self.scratch[begin..]);
        self.scratch.truncate(begin);
        array
    }

    fn string(&mut self) -> &[u8] {
        let start = self.at;
        self.at = end_of_string(self.bytes, start + 1).unwrap_or(self.bytes.len());
        &self.bytes[start..self.at]
    }

    fn number(&mut self) -> u128 {
        let rest = &self.bytes[self.at..];
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
        let literal = &rest[..rest.iter().position(ends).unwrap_or(rest.len())];
        self.at += literal.len();
        number(literal)
    }
}

fn string(raw: &[u8]) -> u128 {
    match text(raw) {
        Some(text) => hash(Tag::Text, text.as_bytes()),
        None => hash(Tag::Raw, raw),
    }
}

/// A number by its value: sign, digits without zeros at either end, and the power of ten behind them.
fn number(literal: &[u8]) -> u128 {
    let (negative, digits) = match literal {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, literal),
    };
    let (mantissa, exponent) = match memchr::memchr2(b'e', b'E', digits) {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &b"0"[..]),
    };
    let mut kept = Vec::with_capacity(mantissa.len() + 9);
    let mut behind_point = 0_i64;
    let mut point = false;
    for &byte in mantissa {
        match byte {
            b'.' => point = true,
            // Zeros in front say nothing.
            b'0' if kept.is_empty() => behind_point += i64::from(point),
            digit => {
                kept.push(digit);
                behind_point += i64::from(point);
            }
        }
    }
    let mut power = match std::str::from_utf8(exponent).ok().and_then(|text| text.parse::<i64>().ok()) {
        Some(exponent) => exponent.saturating_sub(behind_point),
        // Beyond what anybody can count to: it says what it says.
        None => return hash(Tag::Number, literal),
    };
    while kept.last() == Some(&b'0') {
        kept.pop();
        power = power.saturating_add(1);
    }
    if kept.is_empty() {
        return hash(Tag::Number, b"0");
    }
    kept.push(if negative { b'-' } else { b'+' });
    kept.extend_from_slice(&power.to_le_bytes());
    hash(Tag::Number, &kept)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    #[test]
    fn the_way_in_which_it_is_written_makes_no_other_content() {
        for (one, other) in [
            (r#"{"a":1,"b":[2,{"c":"d"}]}"#, r#" { "b" : [ 2 , {"c":"d"} ], "a" : 1 } "#),
            (r#"{"a":1.50}"#, r#"{"a":15e-1}"#),
            (r#"{"a":100}"#, r#"{"a":1E+2}"#),
            (r#"{"a":0.0}"#, r#"{"a":-0}"#),
            (r#"{"a":0.0012}"#, r#"{"a":12e-4}"#),
            (r#"{"é":"\u00e9\/\n"}"#, r#"{"\u00e9":"é/\u000a"}"#),
            ("{odd}\n", "{odd}"),
        ] {
            assert!(is_same(one.as_bytes(), other.as_bytes()), "{one} {other}");
        }
    }

    #[test]
    fn what_says_something_else_is_another() {
        for (one, other) in [
            (r#"{"a":1}"#, r#"{"a":2}"#),
            (r#"{"a":9007199254740993}"#, r#"{"a":9007199254740992}"#),
            (r#"{"a":0.1}"#, r#"{"a":0.10000000000000001}"#),
            (r#"{"a":1}"#, r#"{"a":-1}"#),
            (r#"{"a":1}"#, r#"{"a":10}"#),
            (r#"{"a":1}"#, r#"{"a":"1"}"#),
            (r#"{"a":null}"#, "{}"),
            (r#"{"a":[]}"#, r#"{"a":{}}"#),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
            (r#"{"a":[[1],2]}"#, r#"{"a":[1,[2]]}"#),
            (r#"{"a":"\ud800"}"#, r#"{"a":"\ud801"}"#),
            (r#"{"a":{"b":1},"c":{"d":2}}"#, r#"{"a":{"d":2},"c":{"b":1}}"#),
            (r#"{"a":1,"a":1}"#, r#"{"a":1}"#),
            ("{odd}", "{}"),
        ] {
            assert!(!is_same(one.as_bytes(), other.as_bytes()), "{one} {other}");
        }
    }

    fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<bool>().prop_map(|value| json!(value)),
            any::<i64>().prop_map(|value| json!(value)),
            (-1e9..1e9_f64).prop_map(|value| json!(value)),
            ".{0,8}".prop_map(|value| json!(value)),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(|values| json!(values)),
                prop::collection::btree_map("[a-d]{1,2}", inner, 0..4).prop_map(|members| json!(members)),
            ]
        })
    }

    /// The same with the members of all objects the other way round.
    fn reversed(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let members = members.iter().rev().map(|(key, value)| (key.clone(), reversed(value)));
                Value::Object(members.collect::<Map<_, _>>())
            }
            Value::Array(elements) => elements.iter().map(reversed).collect(),
            leaf => leaf.clone(),
        }
    }

    proptest! {
        #[test]
        fn documents_are_the_same_exactly_when_their_values_are(one in document(), other in document()) {
            let (bytes, others) = (one.to_string(), other.to_string());
            prop_assert_eq!(is_same(bytes.as_bytes(), others.as_bytes()), one == other);
            let pretty = serde_json::to_string_pretty(&reversed(&one)).unwrap();
            prop_assert!(is_same(bytes.as_bytes(), pretty.as_bytes()));
        }

        #[test]
        fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(is_same(&bytes, &bytes));
        }
    }
}
