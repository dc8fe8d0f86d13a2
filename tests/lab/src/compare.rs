//! Two indices, document by document: id, routing, version and the exact bytes of the source.

use crate::endpoint::Endpoint;
use crate::reader::{Stored, read_all};
use anyhow::Result;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;

/// What makes a document one: ids are unique only within a shard, and the routing chooses the shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The type, when types are compared; empty otherwise.
    pub kind: String,
    /// The id.
    pub id: String,
    /// The routing.
    pub routing: Option<String>,
}

/// What is wrong with a document that is on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The versions differ.
    Version {
        /// On the source.
        source: u64,
        /// On the target.
        target: u64,
    },
    /// The sources differ, in more than newlines outside strings.
    Source,
    /// More than one document has this key on the source.
    TwiceOnSource,
    /// More than one document has this key on the target.
    TwiceOnTarget,
}

/// How to compare.
#[derive(Debug, Clone, Copy)]
pub struct Criteria {
    /// Types must be the same, and are a part of the key. Not so when a 1.x type becomes `_doc`.
    pub types: bool,
    /// Versions must be the same.
    pub versions: bool,
}

impl Default for Criteria {
    fn default() -> Criteria {
        Criteria { types: false, versions: true }
    }
}

/// The outcome of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// How many documents are the same on both sides.
    pub same: u64,
    /// Documents of the source that the target does not have.
    pub missing: Vec<Key>,
    /// Documents of the target that the source does not have.
    pub extra: Vec<Key>,
    /// Documents that both have, and what is wrong with them.
    pub different: Vec<(Key, Difference)>,
}

/// Of each document only this is kept: the memory needed does not depend on the size of documents.
struct Print {
    version: u64,
    source: [u8; 16],
}

/// Compares an index of one server with an index of another.
pub async fn compare(source: (&Endpoint, &str), target: (&Endpoint, &str)) -> Result<Comparison> {
    compare_by(source, target, Criteria::default()).await
}

/// Compares by other criteria than the usual ones.
pub async fn compare_by(
    source: (&Endpoint, &str),
    target: (&Endpoint, &str),
    criteria: Criteria,
) -> Result<Comparison> {
    let mut matcher = Matcher::new(criteria);
    read_all(source.0, source.1, |document| matcher.source(document)).await?;
    read_all(target.0, target.1, |document| matcher.target(document)).await?;
    Ok(matcher.finish())
}

/// Takes all documents of the source, then all of the target.
struct Matcher {
    criteria: Criteria,
    expected: HashMap<Key, (Print, bool)>,
    outcome: Comparison,
}

impl Matcher {
    fn new(criteria: Criteria) -> Matcher {
        Matcher { criteria, expected: HashMap::new(), outcome: Comparison::default() }
    }

    fn key(&self, document: Stored<'_>) -> Key {
        Key {
            kind: if self.criteria.types { document.kind.to_owned() } else { String::new() },
            id: document.id.to_owned(),
            routing: document.routing.map(str::to_owned),
        }
    }

    fn source(&mut self, document: Stored<'_>) {
        let key = self.key(document);
        let print = Print { version: document.version, source: print(document.source) };
        if self.expected.insert(key.clone(), (print, false)).is_some() {
            self.outcome.different.push((key, Difference::TwiceOnSource));
        }
    }

    fn target(&mut self, document: Stored<'_>) {
        let key = self.key(document);
        let Some((expected, seen)) = self.expected.get_mut(&key) else {
            self.outcome.extra.push(key);
            return;
        };
        if std::mem::replace(seen, true) {
            self.outcome.different.push((key, Difference::TwiceOnTarget));
        } else if self.criteria.versions && expected.version != document.version {
            let difference = Difference::Version { source: expected.version, target: document.version };
            self.outcome.different.push((key, difference));
        } else if expected.source != print(document.source) {
            self.outcome.different.push((key, Difference::Source));
        } else {
            self.outcome.same += 1;
        }
    }

    fn finish(mut self) -> Comparison {
        let missing = self.expected.into_iter().filter(|(_, (_, seen))| !seen).map(|(key, _)| key);
        self.outcome.missing.extend(missing);
        self.outcome.missing.sort();
        self.outcome.extra.sort();
        self.outcome
    }
}

/// A hash of the source in which newlines outside strings are blanks: `_bulk` cannot carry them, and nothing else
/// may change.
fn print(source: &[u8]) -> [u8; 16] {
    let digest = if source.contains(&b'\n') || source.contains(&b'\r') {
        Sha256::digest(newlines_as_blanks(source))
    } else {
        Sha256::digest(source)
    };
    let mut print = [0; 16];
    for (to, from) in print.iter_mut().zip(digest) {
        *to = from;
    }
    print
}

fn newlines_as_blanks(source: &[u8]) -> Vec<u8> {
    let mut in_string = false;
    let mut escaped = false;
    let outside = |byte: u8| if byte == b'\n' || byte == b'\r' { b' ' } else { byte };
    source
        .iter()
        .map(|&byte| {
            if !in_string {
                in_string = byte == b'"';
                return outside(byte);
            }
            if escaped {
                escaped = false;
            } else if byte == b'\\' {
                escaped = true;
            } else if byte == b'"' {
                in_string = false;
            }
            byte
        })
        .collect()
}

impl Comparison {
    /// True when both sides hold the same documents.
    pub fn is_equal(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.different.is_empty()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.id)?;
        if !self.kind.is_empty() {
            write!(f, " of type {:?}", self.kind)?;
        }
        match &self.routing {
            Some(routing) => write!(f, " routed by {routing:?}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Version { source, target } => write!(f, "version {source} became {target}"),
            Difference::Source => write!(f, "the bytes of the source differ"),
            Difference::TwiceOnSource => write!(f, "is there twice on the source"),
            Difference::TwiceOnTarget => write!(f, "is there twice on the target"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 10;
        write!(
            f,
            "{} the same, {} missing, {} extra, {} different",
            self.same,
            self.missing.len(),
            self.extra.len(),
            self.different.len()
        )?;
        for key in self.missing.iter().take(SHOWN) {
            write!(f, "\n  missing: {key}")?;
        }
        for key in self.extra.iter().take(SHOWN) {
            write!(f, "\n  extra: {key}")?;
        }
        for (key, difference) in self.different.iter().take(SHOWN) {
            write!(f, "\n  different: {key}: {difference}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored<'a>(id: &'a str, routing: Option<&'a str>, version: u64, source: &'a str) -> Stored<'a> {
        Stored { id, kind: "t", routing, version, source: source.as_bytes() }
    }

    #[test]
    fn only_newlines_outside_strings_are_forgiven() {
        assert_eq!(print(b"{\n\"a\":\r\n1}"), print(b"{ \"a\":  1}"));
        assert_ne!(print(b"{\"a\": 1}"), print(b"{\"a\":1}"));
        assert_ne!(print(b"{\"a\":\t1}"), print(b"{\"a\": 1}"));
        assert_eq!(newlines_as_blanks(b"\"x\\\"\n\"\n"), b"\"x\\\"\n\" ");
        assert_eq!(newlines_as_blanks(b"\"\\\\\"\n\"\n\""), b"\"\\\\\" \"\n\"");
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let mut matcher = Matcher::new(Criteria::default());
        for id in ["same", "lost", "version", "source"] {
            matcher.source(stored(id, None, 3, "{\"a\":1.0}"));
        }
        matcher.source(stored("twin", Some("a"), 1, "{}"));
        matcher.source(stored("twin", Some("b"), 1, "{}"));
        matcher.target(stored("same", None, 3, "{\"a\":1.0}"));
        matcher.target(stored("same", None, 3, "{\"a\":1.0}"));
        matcher.target(stored("version", None, 1, "{\"a\":1.0}"));
        matcher.target(stored("source", None, 3, "{\"a\":1}"));
        matcher.target(stored("twin", Some("a"), 1, "{}"));
        matcher.target(stored("twin", None, 1, "{}"));
        let outcome = matcher.finish();
        assert!(!outcome.is_equal());
        assert_eq!(outcome.same, 2);
        let text = outcome.to_string();
        assert!(text.contains("missing: \"lost\""), "{text}");
        assert!(text.contains("missing: \"twin\" routed by \"b\""), "{text}");
        assert!(text.contains("extra: \"twin\"\n"), "{text}");
        assert!(text.contains("\"same\": is there twice on the target"), "{text}");
        assert!(text.contains("\"version\": version 3 became 1"), "{text}");
        assert!(text.contains("\"source\": the bytes of the source differ"), "{text}");
    }
}
