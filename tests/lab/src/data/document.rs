//! One document as it is to be stored, and index bodies for both sides.

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// A document with its exact source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: String,
    /// Its routing, where it has one of its own.
    pub routing: Option<String>,
    /// Its version, where it is given from outside.
    pub version: Option<u64>,
    /// The exact bytes of its source.
    pub source: String,
}

impl Document {
    /// A document with an id and a source.
    pub fn new(id: impl Into<String>, source: impl Into<String>) -> Document {
        Document { id: id.into(), routing: None, version: None, source: source.into() }
    }

    /// With its own routing.
    pub fn routed(mut self, routing: impl Into<String>) -> Document {
        self.routing = Some(routing.into());
        self
    }

    /// With a version given from outside.
    pub fn versioned(mut self, version: u64) -> Document {
        self.version = Some(version);
        self
    }
}

/// The index bodies that the lab ships.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// The world's cities.
    Cities,
    /// The seed's alerts.
    Alerts,
    /// Odd documents.
    Odd,
}

impl Body {
    /// The type of the documents on the source.
    pub fn source_type(self) -> &'static str {
        match self {
            Body::Cities => "city",
            Body::Alerts => "alert",
            Body::Odd => "odd",
        }
    }

    /// The create-index body of a 1.x source.
    pub fn source(self) -> Result<Value> {
        let text = match self {
            Body::Cities => include_str!("../../bodies/cities-1.7.json"),
            Body::Alerts => include_str!("../../bodies/alerts-1.7.json"),
            Body::Odd => include_str!("../../bodies/odd-1.7.json"),
        };
        serde_json::from_str(text).context("a shipped body is damaged")
    }

    /// The create-index body of a 6.8 target, which 6.8 also takes for a source.
    pub fn target(self) -> Result<Value> {
        let text = match self {
            Body::Cities => include_str!("../../bodies/cities-6.8.json"),
            Body::Alerts => include_str!("../../bodies/alerts-6.8.json"),
            Body::Odd => include_str!("../../bodies/odd-6.8.json"),
        };
        serde_json::from_str(text).context("a shipped body is damaged")
    }

    /// The create-index body for a server of this major version, and the type of its documents.
    pub fn for_major(self, major: u32) -> Result<(Value, &'static str)> {
        match major {
            0..=2 => Ok((self.source()?, self.source_type())),
            // 5.x takes the new field types and no type name that begins with a line
            5 => {
                let mut body = self.target()?;
                let mapping = body.pointer_mut("/mappings/_doc").map(Value::take);
                body["mappings"] = json!({ self.source_type(): mapping });
                Ok((body, self.source_type()))
            }
            6 => Ok((self.target()?, "_doc")),
            _ => {
                let mut body = self.target()?;
                let mapping = body.pointer_mut("/mappings/_doc").map(Value::take);
                body["mappings"] = json!(mapping);
                Ok((body, "_doc"))
            }
        }
    }
}

/// The shipped target body of a file name such as `cities-6.8.json`.
pub fn target_body(index: &str) -> Result<Value> {
    match index {
        "cities" => Body::Cities.target(),
        "alerts" => Body::Alerts.target(),
        "odd" => Body::Odd.target(),
        _ => anyhow::bail!("no body for an index {index}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_body_is_json_with_three_shards() {
        for body in [Body::Cities, Body::Alerts, Body::Odd] {
            for major in [1, 2, 5, 6, 7] {
                let (json, kind) = body.for_major(major).unwrap();
                assert_eq!(json["settings"]["number_of_shards"], 3, "{body:?} {major}");
                let mappings = if major < 7 { &json["mappings"][kind] } else { &json["mappings"] };
                assert!(mappings["properties"].is_object(), "{body:?} {major}");
            }
        }
    }
}
