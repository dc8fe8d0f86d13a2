//! What the target index is made of: the source's schema in the target's words, with a report of every change.
//!
//! [`all_rules`] is the conversion table. A newer server is more rows in it: one [`Rule`] value each, in the list of its
//! part, with the versions that it is for and an example that is run on real servers.

mod alias_types;
mod aliases;
mod clash;
mod destination;
mod difference;
mod given;
mod limits;
mod mapping;
mod merge;
pub mod query;
mod refusals;
pub mod report;
mod rule;
mod rules;
mod settings;
mod shape;
mod source;
#[cfg(test)]
mod table;
mod target;
mod target_template;
mod template;
#[cfg(test)]
mod tests;
mod transformed;

pub use aliases::{convert_aliases, convert_warmers};
pub use clash::existing_clashes;
pub use destination::{Destination, destinations, stays_behind};
pub use limits::{FieldCount, count_fields, set_limits};
pub use mapping::convert_type;
pub use merge::{Clash, merge_types, types_mapping_clashes};
pub use rule::{Otherwise, Part, Place, Proof, Rule, Site, Versions};
pub(crate) use rules::accept;
pub use rules::{Rules, all as all_rules, known_settings};
pub use settings::convert_settings;
pub use source::SourceSchema;
pub use target::{TargetSchema, target_schema};
pub use target_template::{TargetTemplate, target_templates};
pub use template::convert_template;

use serde_json::Value;

use crate::cluster::indices::IndexInfo;
use crate::error::{Error, Result};

/// Documents that a source does not give out whole cannot be copied.
///
/// # Errors
/// `Refused`, naming the type and what strips its documents.
pub fn readable_sources(source: &IndexInfo) -> Result<()> {
    for (doc_type, mapping) in &source.types {
        if let Some(what) = what_strips(mapping) {
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

/// What in the mapping of a type makes documents come back as less than was written; `None` when they come back whole.
#[must_use]
pub fn what_strips(mapping: &Value) -> Option<&'static str> {
    let settings = mapping.get("_source")?;
    let lists = |key: &&str| settings.get(key).and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if settings.get("enabled").is_some_and(is_false) {
        Some("_source.enabled: false")
    } else if ["includes", "excludes"].iter().any(lists) {
        Some("_source.includes or excludes")
    } else {
        None
    }
}

fn is_false(value: &Value) -> bool {
    matches!(value, Value::Bool(false)) || matches!(value.as_str(), Some("false" | "no" | "off" | "0"))
}
