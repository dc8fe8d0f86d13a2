//! What the target index is made of: the source's schema in the target's words, with a report of every change.
//!
//! [`all_rules`] is the conversion table. A newer server is more rows in it: one [`Rule`] value each, in the list of its
//! part, with the versions that it is for and an example that is run on real servers.

mod aliases;
mod clash;
mod difference;
mod limits;
mod mapping;
mod merge;
pub mod report;
mod rule;
mod rules;
mod settings;
mod source;
#[cfg(test)]
mod table;
mod template;
#[cfg(test)]
mod tests;

pub use aliases::{convert_aliases, convert_warmers};
pub use clash::existing_clashes;
pub use limits::{FieldCount, count_fields, set_limits};
pub use mapping::convert_type;
pub use merge::{Clash, merge_types, types_mapping_clashes};
pub use rule::{Otherwise, Part, Place, Proof, Rule, Site, Versions};
pub use rules::{Rules, all as all_rules, known_settings};
pub use settings::convert_settings;
pub use source::SourceSchema;
pub use template::convert_template;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::indices::IndexInfo;
use crate::config::Schema;
use crate::error::{Error, Result};

/// The body that creates the target of an index; `None` when it has to exist already.
///
/// # Errors
/// `Config` for an unreadable file, `Refused` when the target is known not to take the source's mapping, naming
/// the paths.
pub fn target_body(schema: &Schema, source: &IndexInfo, target: &Cluster) -> Result<Option<Value>> {
    match schema {
        Schema::Existing => Ok(None),
        Schema::File(path) => {
            let wrong = |cause: Box<dyn std::error::Error + Send + Sync>| {
                Error::config("schema_file", format!("schema file {} cannot be used", path.display()))
                    .hint("give a JSON file with the create-index body of the target: settings, mappings, aliases")
                    .because(cause)
            };
            let text = std::fs::read(path).map_err(|cause| wrong(cause.into()))?;
            serde_json::from_slice(&text).map(Some).map_err(|cause| wrong(cause.into()))
        }
        Schema::Same => {
            let (doc_type, mapping) = single_type(source)?;
            let refused = target.dialect().refused_paths(doc_type, mapping);
            if refused.is_empty() {
                return Ok(Some(target.dialect().same_body(&source.settings, Some(doc_type), mapping)));
            }
            let shown: Vec<String> =
                refused.iter().take(5).map(|(path, why)| format!("`{path}`: {why}")).collect();
            let more = refused.len().saturating_sub(shown.len());
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            let message = format!(
                "index `{}`: {} {} does not take its mapping: {}{more}",
                source.name,
                target.server().distribution,
                target.server().version,
                shown.join("; ")
            );
            Err(Error::refused("mapping", message).hint(
                "write the target's mapping yourself: `schema = \"file:PATH\"`, or create the index and say `schema = \"existing\"`",
            ))
        }
    }
}

/// Refuses to write an index of several types, or with parents, to a target that has one type an index.
///
/// # Errors
/// `Refused`, naming the types.
pub fn writable_types(source: &IndexInfo, target: &Cluster) -> Result<()> {
    if !target.dialect().single_type {
        return Ok(());
    }
    let server = target.server();
    if source.types.len() > 1 {
        let message = format!(
            "index `{}` has {} types ({}), an index of {} {} has one",
            source.name,
            source.types.len(),
            source.type_names().join(", "),
            server.distribution,
            server.version
        );
        return Err(Error::refused("several_types", message)
            .hint("leave the index out (\"-name\"): esferry does not give several types a target yet"));
    }
    if let Some((doc_type, _)) = source.types.iter().find(|(_, mapping)| mapping.get("_parent").is_some()) {
        let message = format!(
            "index `{}`: type `{doc_type}` has a parent, which {} {} does not know",
            source.name, server.distribution, server.version
        );
        return Err(Error::refused("parent", message)
            .hint("leave the index out (\"-name\"): esferry does not turn parents into join fields yet"));
    }
    Ok(())
}

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

fn single_type(source: &IndexInfo) -> Result<(&str, &Value)> {
    const NO_MAPPING: &Value = &Value::Null;
    match source.types.as_slice() {
        [] => Ok(("doc", NO_MAPPING)),
        [(name, mapping)] => Ok((name, mapping)),
        _ => Err(Error::refused(
            "several_types",
            format!("index `{}` has the types {}", source.name, source.type_names().join(", ")),
        )
        .hint("`schema = \"file:PATH\"` gives the target's mapping")),
    }
}

fn is_false(value: &Value) -> bool {
    matches!(value, Value::Bool(false)) || matches!(value.as_str(), Some("false" | "no" | "off" | "0"))
}
