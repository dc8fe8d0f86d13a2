//! What the target index is made of: the source's settings, mapping and aliases in the words of the target.

mod destination;
pub mod query;
pub mod report;
mod target;

pub use destination::{Destination, destinations, stays_behind};
pub use target::{TargetSchema, target_schema};

use serde_json::Value;

use crate::cluster::indices::IndexInfo;
use crate::error::{Error, Result};

/// Documents that a source does not give out whole cannot be copied.
///
/// # Errors
/// `Refused`, naming the type and what strips its documents.
pub fn readable_sources(source: &IndexInfo) -> Result<()> {
    for (doc_type, mapping) in &source.types {
        let stripped = match mapping.get("_source") {
            Some(settings) if settings.get("enabled").is_some_and(is_false) => Some("_source.enabled: false"),
            Some(settings)
                if ["includes", "excludes"].iter().any(|key| {
                    settings.get(key).and_then(Value::as_array).is_some_and(|list| !list.is_empty())
                }) =>
            {
                Some("_source.includes or excludes")
            }
            _ => None,
        };
        if let Some(what) = stripped {
            let message = format!(
                "index `{}`: type `{doc_type}` does not keep its documents whole ({what})",
                source.name
            );
            return Err(Error::refused("no_source", message)
                .hint("these documents exist only in the system that wrote them: index them from there"));
        }
    }
    Ok(())
}

fn is_false(value: &Value) -> bool {
    matches!(value, Value::Bool(false)) || matches!(value.as_str(), Some("false" | "no" | "off" | "0"))
}
