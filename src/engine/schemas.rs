//! The schemas of a migration's targets, for those who want to read them: nothing is stored or written.

use serde::Serialize;
use serde_json::{Value, json};

use super::candidate::judge_all;
use super::context::connect;
use super::templates::templates_for;
use crate::cluster::Cluster;
use crate::cluster::indices::{IndexInfo, choose};
use crate::config::Config;
use crate::error::Result;
use crate::schema::{TargetSchema, TargetTemplate};
use crate::transform::Shape;

/// The schema of one target index.
#[derive(Debug, Clone, Serialize)]
pub struct IndexSchema {
    /// The source index.
    pub source: String,
    /// The target index.
    pub target: String,
    /// What becomes of the types.
    pub shape: Shape,
    /// Settings and mappings of the source, as it reports them.
    pub before: Value,
    /// What the target is made of.
    pub schema: TargetSchema,
}

/// The index templates of a migration, whether it is configured to create them or not.
///
/// # Errors
/// As [`schemas`].
pub async fn templates(config: &Config, name: &str) -> Result<Vec<TargetTemplate>> {
    let migration = config.migration(name)?;
    let (source, target) = connect(config, migration).await?;
    let infos = source.described().await?;
    let chosen = choose(&infos, &migration.from.indices, source.name())?;
    let indices: Vec<String> = chosen.into_iter().map(|info| info.name.clone()).collect();
    templates_for(migration, &source, &target, &indices).await
}

/// The schema of every target of a migration.
///
/// # Errors
/// `Config` and `Refused` for what cannot be migrated as configured, save losses: these are in the reports.
pub async fn schemas(config: &Config, name: &str) -> Result<Vec<IndexSchema>> {
    let (source, target) = connect(config, config.migration(name)?).await?;
    let existing = target.described().await?;
    schemas_over(config, name, (&source, &target), &existing).await
}

/// What was changed for the targets when they were created, now that they are there.
///
/// # Errors
/// As [`schemas`].
pub(super) async fn schemas_as_created(config: &Config, name: &str) -> Result<Vec<IndexSchema>> {
    let (source, target) = connect(config, config.migration(name)?).await?;
    schemas_over(config, name, (&source, &target), &[]).await
}

async fn schemas_over(
    config: &Config,
    name: &str,
    (source, target): (&Cluster, &Cluster),
    existing: &[IndexInfo],
) -> Result<Vec<IndexSchema>> {
    let migration = config.migration(name)?;
    let infos = source.described().await?;
    let mut schemas = Vec::new();
    for judged in judge_all(source, target, migration, &infos)? {
        for candidate in judged? {
            let info = candidate.source();
            let shape = candidate.destination.shape(false);
            let index = &candidate.destination.index;
            let schema = candidate.schema(migration, source, target, existing).await?;
            let mappings: Value = info.types.iter().cloned().collect::<serde_json::Map<_, _>>().into();
            schemas.push(IndexSchema {
                source: info.name.clone(),
                target: index.clone(),
                shape,
                before: json!({"settings": info.settings, "mappings": mappings}),
                schema,
            });
        }
    }
    Ok(schemas)
}
