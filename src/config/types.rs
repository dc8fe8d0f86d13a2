//! `types`: what becomes of an index of several types, as a word or as a table with one key.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

/// What becomes of the types of an index.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Types {
    /// An index of more than one type stops the plan.
    #[default]
    Refuse,
    /// Each type gets an index of its own, named by `to.index` with `{type}` in it.
    Split,
    /// All types become one, and a field of each document names its type.
    Merge {
        /// The field. Default `type`.
        field: String,
        /// Whether ids get their type in front. Default `auto`.
        prefix_ids: PrefixIds,
    },
    /// As `Merge`, and the field is a join field that keeps parents and children together.
    Join {
        /// The join field, which holds the type and the parent. Default `join`.
        field: String,
        /// Whether ids get their type in front. Default `auto`.
        prefix_ids: PrefixIds,
    },
}

/// Whether `_id` becomes `type-id` when types become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrefixIds {
    /// Where two types share an id: the plan looks every id up, save those of the largest type.
    #[default]
    Auto,
    /// Always, without looking.
    Always,
}

impl Types {
    /// As it is written in the file.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Types::Refuse => "refuse",
            Types::Split => "split",
            Types::Merge { .. } => "merge",
            Types::Join { .. } => "join",
        }
    }
}

impl FromStr for Types {
    type Err = de::value::Error;

    /// One of the words; `merge` and `join` with their defaults.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let prefix_ids = PrefixIds::Auto;
        Ok(match Word::deserialize(de::value::StrDeserializer::new(text))? {
            Word::Refuse => Types::Refuse,
            Word::Split => Types::Split,
            Word::Merge => Types::Merge { field: type_field(), prefix_ids },
            Word::Join => Types::Join { field: join_field(), prefix_ids },
        })
    }
}

impl fmt::Display for Types {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())?;
        let (Types::Merge { field, prefix_ids } | Types::Join { field, prefix_ids }) = self else {
            return Ok(());
        };
        let always = if *prefix_ids == PrefixIds::Always { ", ids always prefixed" } else { "" };
        write!(f, " in `{field}`{always}")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merged {
    #[serde(default = "type_field")]
    field: String,
    #[serde(default)]
    prefix_ids: PrefixIds,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Joined {
    #[serde(default = "join_field")]
    field: String,
    #[serde(default)]
    prefix_ids: PrefixIds,
}

/// Exactly one of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    merge: Option<Merged>,
    join: Option<Joined>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Refuse,
    Split,
    Merge,
    Join,
}

fn type_field() -> String {
    "type".to_owned()
}

fn join_field() -> String {
    "join".to_owned()
}

impl<'de> Deserialize<'de> for Types {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrTable;
        impl<'de> Visitor<'de> for WordOrTable {
            type Value = Types;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"refuse\", \"split\", \"merge\", \"join\" or a table such as { merge = { field = \"kind\" } }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Types, E> {
                // The words of serde, so that the nearest one is suggested as for every other value.
                text.parse().map_err(|error: de::value::Error| E::custom(error))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Types, A::Error> {
                match Table::deserialize(MapAccessDeserializer::new(map))? {
                    Table { merge: Some(Merged { field, prefix_ids }), join: None } => {
                        Ok(Types::Merge { field, prefix_ids })
                    }
                    Table { merge: None, join: Some(Joined { field, prefix_ids }) } => {
                        Ok(Types::Join { field, prefix_ids })
                    }
                    _ => Err(de::Error::custom("a table of `types` holds either `merge` or `join`")),
                }
            }
        }
        deserializer.deserialize_any(WordOrTable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Holder {
        types: Types,
    }

    fn read(text: &str) -> Result<Types, String> {
        toml::from_str::<Holder>(&format!("types = {text}"))
            .map(|held| held.types)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_word_or_a_table_says_what_becomes_of_types() {
        assert_eq!(read("\"split\"").unwrap(), Types::Split);
        assert_eq!(read("\"merge\"").unwrap().to_string(), "merge in `type`");
        assert_eq!(
            read("{ join = { field = \"relation\", prefix_ids = \"always\" } }").unwrap().to_string(),
            "join in `relation`, ids always prefixed"
        );
    }

    #[test]
    fn anything_else_is_refused_with_what_there_is() {
        insta::assert_snapshot!(read("\"splitt\"").unwrap_err(), @"unknown variant `splitt`, expected one of `refuse`, `split`, `merge`, `join`");
        assert!(read("{ merge = { fields = \"a\" } }").unwrap_err().contains("unknown field `fields`"));
        assert!(read("{ merge = {}, join = {} }").is_err());
        assert!(read("3").unwrap_err().contains("\"refuse\", \"split\""));
    }
}
