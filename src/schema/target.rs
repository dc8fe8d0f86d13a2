//! The body that creates a target index, and the report of how it was made.

use serde::Serialize;
use serde_json::Value;

use super::report::Report;
use crate::cluster::Cluster;
use crate::cluster::indices::IndexInfo;
use crate::config::{MigrationConfig, Schema};
use crate::error::{Error, Result};
use crate::transform::Shape;

/// What a target index is made of.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TargetSchema {
    /// The create-index body; `None` when the index has to exist already.
    pub body: Option<Value>,
    /// Every change that was made to the source's.
    pub report: Report,
}

/// The schema of a target index.
///
/// # Errors
/// `Config` for an unreadable file; `Refused` for losses that were not accepted.
pub async fn target_schema(
    config: &MigrationConfig,
    source: &Cluster,
    target: &Cluster,
    info: &IndexInfo,
    shape: &Shape,
) -> Result<TargetSchema> {
    let _ = (source, shape);
    match &config.schema {
        Schema::Existing => Ok(TargetSchema::default()),
        Schema::File(path) => {
            let wrong = |cause: Box<dyn std::error::Error + Send + Sync>| {
                Error::config("schema_file", format!("schema file {} cannot be used", path.display()))
                    .hint("give a JSON file with the create-index body of the target: settings, mappings, aliases")
                    .because(cause)
            };
            let text = std::fs::read(path).map_err(|cause| wrong(cause.into()))?;
            let body = serde_json::from_slice(&text).map_err(|cause| wrong(cause.into()))?;
            Ok(TargetSchema { body: Some(body), report: Report::default() })
        }
        Schema::Convert => {
            let (name, mapping) = info.types.first().cloned().unwrap_or(("doc".to_owned(), Value::Null));
            let body = target.dialect().same_body(&info.settings, Some(&name), &mapping);
            Ok(TargetSchema { body: Some(body), report: Report::default() })
        }
    }
}
