//! What a source index is made of, as far as its target has to be made like it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::dialect::Version;
use crate::cluster::failure::CallError;
use crate::cluster::indices::IndexInfo;

/// The schema of one source index, in the words of the server that reported it.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceSchema {
    /// The index.
    pub name: String,
    /// The version that created it; decides its defaults, and which rules apply.
    pub created: Option<Version>,
    /// Its settings, nested or flat, with or without the level `index`; values as strings.
    pub settings: Value,
    /// Its types with their mappings.
    pub types: Vec<(String, Value)>,
    /// Aliases with `filter`, `index_routing`, `search_routing`.
    pub aliases: BTreeMap<String, Value>,
    /// Warmers by name; 1.x and 2.x only.
    pub warmers: BTreeMap<String, Value>,
}

impl SourceSchema {
    /// Completes what the cluster state tells of an index with its aliases and warmers.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn read(cluster: &Cluster, index: &IndexInfo) -> Result<Self, CallError> {
        Ok(SourceSchema {
            name: index.name.clone(),
            created: index.created,
            settings: index.settings.clone(),
            types: index.types.clone(),
            aliases: cluster.aliases_of(&index.name).await?,
            warmers: cluster.warmers_of(&index.name).await?,
        })
    }
}
