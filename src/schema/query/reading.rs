//! Reading the text of a search.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::{Error, Result};

/// A search as JSON. A name that stands twice in one object is refused: 1.x reads both (two `must` of a `bool`
/// are one list), and JSON's usual readers keep the last.
///
/// # Errors
/// `Config`, with line and column in `origin`.
pub fn parse(text: &str, origin: &str) -> Result<Value> {
    if text.trim().is_empty() {
        return Err(Error::config("no_query", format!("{origin} holds no search"))
            .hint("give the body of a search: { \"query\": … }"));
    }
    serde_json::from_str::<Strict>(text).map(|strict| strict.0).map_err(|error| {
        let hint = if error.to_string().contains(TWICE) {
            "write both as one list: \"must\": [ …, … ]"
        } else {
            "a search is JSON: { \"query\": … }"
        };
        Error::config("query_not_json", format!("{origin}: the search cannot be read"))
            .hint(hint)
            .because(error)
    })
}

const TWICE: &str = "stands twice";

/// A value without repeated names.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading).map(Strict)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("`{name}` {TWICE} in one object")));
            }
            let Strict(value) = entries.next_value()?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_twice_is_refused_with_its_place() {
        let twice = "{\"query\": {\"bool\": {\n\"must\": [], \"must\": []}}}";
        let error = parse(twice, "query.json").unwrap_err();
        insta::assert_snapshot!(error.one_line(), @"query.json: the search cannot be read: `must` stands twice in one object at line 2 column 18");
        assert_eq!(parse("", "standard input").unwrap_err().code(), "no_query");
    }

    #[test]
    fn numbers_and_texts_are_read_as_they_are() {
        let text = r#"{"a":[1,-2,18446744073709551615,1.5,"x\u00e9",true,null,{}]}"#;
        assert_eq!(parse(text, "x").unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }
}
