//! From a message to operations, by the program of the configuration.

use jaq_json::Val;

use super::projection::Projection;
use crate::config::ChangeVersion;
use crate::error::Result;
use crate::transform::jq::{Place, Program, value};
use crate::transform::json::{Fault, check_value};

/// What a program may ask about a message besides its value.
const VARIABLES: [&str; 4] = ["$key", "$partition", "$offset", "$timestamp"];
/// What an operation may say.
pub(super) const MEMBERS: [&str; 10] =
    ["op", "index", "type", "id", "routing", "parent", "version", "source", "doc", "upsert"];
/// The longest `_id` that a target takes, in bytes; measured on 6.8.23 (dialects 5.3).
pub(super) const LONGEST_ID: usize = 512;
/// External versions are positive and signed 64-bit numbers for the servers (dialects 8.1).
pub(super) const LARGEST_VERSION: u64 = i64::MAX as u64;

/// A message as the broker has it.
#[derive(Debug, Clone, Copy)]
pub struct MessageParts<'a> {
    /// Partition.
    pub partition: i32,
    /// Offset in it.
    pub offset: i64,
    /// Milliseconds since 1970, where the message has a time.
    pub timestamp: Option<i64>,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value; `None` for a tombstone.
    pub payload: Option<&'a [u8]>,
}

/// A change of one document, as the message asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Source index; `None` where the migration has one only.
    pub index: Option<String>,
    /// Source type.
    pub doc_type: Option<String>,
    /// Id on the source.
    pub id: String,
    /// Routing.
    pub routing: Option<String>,
    /// Parent, which routes too where no routing is given.
    pub parent: Option<String>,
    /// The message's version; always there with `version = "message"`, never otherwise.
    pub version: Option<u64>,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// The document is this, JSON.
    Index {
        /// An object.
        source: Vec<u8>,
    },
    /// Some of its members are these.
    Update {
        /// An object.
        doc: Vec<u8>,
        /// What it is where it is not there yet; an object.
        upsert: Option<Vec<u8>>,
    },
    /// It is no more.
    Delete,
    /// Something: `version = "source"` reads it from the source whatever the message asks for.
    Touch,
}

/// A message that cannot be mapped: a failure of its own, never of the others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Poison {
    /// `message_json`, `message_map` or `message_operation`.
    pub error_type: &'static str,
    /// What is wrong, with the place.
    pub reason: String,
}

impl Poison {
    fn of(error_type: &'static str, fault: Fault) -> Self {
        let Fault { path, reason } = fault;
        let place = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
        Poison { error_type, reason: format!("{place}{reason}") }
    }
}

/// Whether failures of this type are messages that name no document.
#[must_use]
pub fn names_no_document(error_type: &str) -> bool {
    ["message_json", "message_map", "message_operation", "message_index"].contains(&error_type)
}

/// The compiled program of `changes.kafka.map`.
#[derive(Debug)]
pub struct Mapping {
    program: Program,
    /// The same, where it only picks members of the message.
    projection: Option<Projection>,
    version: ChangeVersion,
}

impl Mapping {
    /// Compiles a program.
    ///
    /// # Errors
    /// `Config`, with the place in the program.
    pub fn compile(program: &str, version: ChangeVersion) -> Result<Self> {
        let place = Place {
            what: "changes.kafka.map",
            variables: &VARIABLES,
            advice: "its input is the value of a message, its outputs are operations: docs/changes.md",
        };
        let projection = Projection::recognise(program);
        Ok(Mapping { program: Program::compile(program, &place)?, projection, version })
    }

    /// The changes that a message asks for, in their order; none of a message that does not matter.
    ///
    /// # Errors
    /// [`Poison`] for a message that is no JSON, and for a program that gives no operation.
    pub fn changes(&self, message: &MessageParts<'_>) -> Result<Vec<Change>, Poison> {
        let input = match message.payload {
            None => Val::Null,
            Some(payload) => {
                check_value(payload, "message").map_err(|fault| Poison::of("message_json", fault))?;
                let picked = self.projection.as_ref().and_then(|picked| picked.change(payload, self.version));
                if let Some(change) = picked {
                    return Ok(vec![change]);
                }
                value::read(payload).map_err(|fault| Poison::of("message_json", fault))?
            }
        };
        let key = match message.key.map(std::str::from_utf8) {
            None => Val::Null,
            Some(Ok(key)) => Val::from(key.to_owned()),
            // Not every key is text; a program that needs this one finds null.
            Some(Err(_)) => Val::Null,
        };
        let number = |number: Option<u64>| number.map_or(Val::Null, value::whole_number);
        let values = [
            key,
            number(u64::try_from(message.partition).ok()),
            number(u64::try_from(message.offset).ok()),
            number(message.timestamp.and_then(|millis| u64::try_from(millis).ok())),
        ];
        let outputs = self.program.run(input, values).map_err(|fault| Poison::of("message_map", fault))?;
        let mut changes = Vec::with_capacity(outputs.len());
        for output in &outputs {
            let change = self.change(output);
            changes.extend(change.map_err(|fault| Poison::of("message_operation", fault))?);
        }
        Ok(changes)
    }

    /// One output; `None` where it asks for nothing.
    fn change(&self, output: &Val) -> Result<Option<Change>, Fault> {
        let object = match output {
            Val::Null => return Ok(None),
            Val::Obj(object) => object,
            other => {
                let reason = format!("map gives {}, which is no operation", value::words(other));
                return Err(Fault::new("", reason));
            }
        };
        let member =
            |name: &str| object.get(&Val::from(name.to_owned())).filter(|value| **value != Val::Null);
        for key in object.keys() {
            let known =
                matches!(key, Val::TStr(key) if MEMBERS.iter().any(|name| name.as_bytes() == &key[..]));
            if !known {
                let reason = format!("map gives {key}; an operation has only {}", MEMBERS.join(", "));
                return Err(Fault::new("", reason));
            }
        }
        let op = member("op").map(|op| text("op", op)).transpose()?;
        let op = op.ok_or_else(|| Fault::new("op", "is missing: index, update, delete or noop"))?;
        if op == "noop" {
            return Ok(None);
        }
        let body = |name: &str| {
            let Some(body) = member(name) else { return Ok(None) };
            match body {
                Val::Obj(_) => value::write(body).map(Some),
                other => Err(Fault::new(name, format!("is {} instead of an object", value::words(other)))),
            }
        };
        let needed = |name: &str| {
            body(name)?.ok_or_else(|| Fault::new(name, format!("is missing: op {op:?} needs it")))
        };
        let action = match (op.as_str(), self.version) {
            ("index" | "update" | "delete", ChangeVersion::Source) => Action::Touch,
            ("index", _) => Action::Index { source: needed("source")? },
            ("delete", _) => Action::Delete,
            ("update", ChangeVersion::None) => {
                Action::Update { doc: needed("doc")?, upsert: body("upsert")? }
            }
            ("update", _) => {
                let reason = "an update of a part cannot be ordered by a version of the message: \
                              use version = \"source\" or \"none\"";
                return Err(Fault::new("op", reason));
            }
            (other, _) => {
                let reason = format!("is {other:?}; it is index, update, delete or noop");
                return Err(Fault::new("op", reason));
            }
        };
        let words = |name: &str| member(name).map(|value| text(name, value)).transpose();
        let index = words("index")?;
        let id = words("id")?.ok_or_else(|| Fault::new("id", "is missing"))?;
        if id.is_empty() || id.len() > LONGEST_ID {
            let reason = format!("has {} bytes; the target takes 1 to {LONGEST_ID}", id.len());
            return Err(Fault::new("id", reason));
        }
        let version = match self.version {
            ChangeVersion::Message => Some(version(member("version"))?),
            ChangeVersion::Source | ChangeVersion::None => None,
        };
        let (doc_type, routing, parent) = (words("type")?, words("routing")?, words("parent")?);
        Ok(Some(Change { index, doc_type, id, routing, parent, version, action }))
    }
}

/// A text; numbers are taken by their digits, as servers take them for ids.
fn text(name: &str, value: &Val) -> Result<String, Fault> {
    match value {
        Val::TStr(bytes) => {
            String::from_utf8(bytes.to_vec()).map_err(|_| Fault::new(name, "is a string that is not UTF-8"))
        }
        Val::Num(number) => Ok(number.to_string()),
        other => Err(Fault::new(name, format!("is {} instead of a string", value::words(other)))),
    }
}

fn version(given: Option<&Val>) -> Result<u64, Fault> {
    let refuse = |reason: String| Fault::new("version", reason);
    match given {
        None => Err(refuse("is missing: with version = \"message\" every operation needs one".to_owned())),
        Some(Val::Num(number)) => match number.to_string().parse::<u64>() {
            Ok(version) if version <= LARGEST_VERSION => Ok(version),
            _ => Err(refuse(format!("is {number}; it is a whole number from 0 to 2^63 - 1"))),
        },
        Some(other) => Err(refuse(format!("is {} instead of a number", value::words(other)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str =
        "{op: .type, index: .index, id: .id, routing: .routing, source: .body, version: .version}";

    fn mapped(map: &str, version: ChangeVersion, payload: Option<&str>) -> Result<Vec<Change>, String> {
        let mapping = Mapping::compile(map, version).unwrap();
        let message = MessageParts {
            partition: 3,
            offset: 41,
            timestamp: Some(1_500_000_000_000),
            key: Some(b"k1"),
            payload: payload.map(str::as_bytes),
        };
        mapping.changes(&message).map_err(|poison| format!("{}: {poison}", poison.error_type))
    }

    fn refused(map: &str, version: ChangeVersion, payload: &str) -> String {
        mapped(map, version, Some(payload)).unwrap_err()
    }

    #[test]
    fn a_message_becomes_what_the_program_says_with_every_digit() {
        let payload = r#"{"type":"index","id":7,"routing":"r","version":9007199254740993,"body":{"b":1.10,"a":12345678901234567890}}"#;
        let changes = mapped(MAP, ChangeVersion::Message, Some(payload)).unwrap();
        let expected = Change {
            index: None,
            doc_type: None,
            id: "7".to_owned(),
            routing: Some("r".to_owned()),
            parent: None,
            version: Some(9_007_199_254_740_993),
            action: Action::Index { source: br#"{"b":1.10,"a":12345678901234567890}"#.to_vec() },
        };
        assert_eq!(changes, [expected]);
    }

    #[test]
    fn several_none_and_those_of_tombstones() {
        let several = ".ids[] | {op: \"delete\", id: ., version: $offset}";
        let ids = |changes: Vec<Change>| {
            changes.into_iter().map(|change| (change.id, change.version)).collect::<Vec<_>>()
        };
        let changes = mapped(several, ChangeVersion::Message, Some(r#"{"ids":["a","b"]}"#)).unwrap();
        assert_eq!(ids(changes), [("a".to_owned(), Some(41)), ("b".to_owned(), Some(41))]);
        assert_eq!(mapped(several, ChangeVersion::Message, Some(r#"{"ids":[]}"#)).unwrap(), []);
        assert_eq!(mapped("empty, null, {op: \"noop\"}", ChangeVersion::None, Some("1")).unwrap(), []);
        let tombstone = "if . == null then {op: \"delete\", id: $key} else empty end";
        let changes = mapped(tombstone, ChangeVersion::None, None).unwrap();
        assert_eq!(
            (ids(changes.clone()), &changes[0].action),
            (vec![("k1".to_owned(), None)], &Action::Delete)
        );
    }

    #[test]
    fn with_the_sources_version_the_rest_of_a_message_does_not_matter() {
        let changes =
            mapped(MAP, ChangeVersion::Source, Some(r#"{"type":"update","id":"x","version":"?"}"#)).unwrap();
        assert_eq!((changes[0].version, &changes[0].action), (None, &Action::Touch));
    }

    #[test]
    fn what_cannot_be_mapped_is_told_with_its_place() {
        use ChangeVersion::{Message, None, Source};
        let long = format!(r#"{{"type":"delete","id":"{}"}}"#, "x".repeat(600));
        let told = [
            refused(MAP, Message, "{"),
            refused(MAP, Message, "3"),
            refused(MAP, None, "{}"),
            refused(MAP, None, r#"{"type":"upsert","id":"x"}"#),
            refused(MAP, None, r#"{"type":"delete"}"#),
            refused(MAP, Source, &long),
            refused(MAP, None, r#"{"type":"index","id":"x","body":[1]}"#),
            refused(MAP, None, r#"{"type":"index","id":"x"}"#),
            refused(MAP, Message, r#"{"type":"delete","id":"x"}"#),
            refused(MAP, Message, r#"{"type":"delete","id":"x","version":-1}"#),
            refused(MAP, Message, r#"{"type":"delete","id":"x","version":9223372036854775808}"#),
            refused(MAP, Message, r#"{"type":"update","id":"x","version":1}"#),
            refused("{op: \"delete\", id: \"x\", verison: 1}", Message, "{}"),
            refused("\"delete\"", None, "{}"),
        ];
        insta::assert_snapshot!(told.join("\n"), @r#"
        message_json: the message is not JSON: EOF while parsing an object at line 1 column 1
        message_map: jq: cannot index 3 with "type"
        message_operation: `op`: is missing: index, update, delete or noop
        message_operation: `op`: is "upsert"; it is index, update, delete or noop
        message_operation: `id`: is missing
        message_operation: `id`: has 600 bytes; the target takes 1 to 512
        message_operation: `source`: is an array instead of an object
        message_operation: `source`: is missing: op "index" needs it
        message_operation: `version`: is missing: with version = "message" every operation needs one
        message_operation: `version`: is -1; it is a whole number from 0 to 2^63 - 1
        message_operation: `version`: is 9223372036854775808; it is a whole number from 0 to 2^63 - 1
        message_operation: `op`: an update of a part cannot be ordered by a version of the message: use version = "source" or "none"
        message_operation: map gives "verison"; an operation has only op, index, type, id, routing, parent, version, source, doc, upsert
        message_operation: map gives a string, which is no operation
        "#);
    }

    #[test]
    fn a_program_that_does_not_compile_names_its_key() {
        let error = Mapping::compile("{op: .type,, }", ChangeVersion::None).unwrap_err();
        assert_eq!(error.code(), "jq");
        assert!(error.to_string().starts_with("changes.kafka.map: jq, line 1, column 12"), "{error}");
    }
}
