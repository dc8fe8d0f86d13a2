//! Index templates of the source that match migrated indices, made on the target for the indices of later days.

use super::context::Context;
use crate::cluster::Cluster;
use crate::config::MigrationConfig;
use crate::error::Result;
use crate::schema::{TargetTemplate, target_templates};

/// The templates of a migration, as the target takes them.
///
/// # Errors
/// `Temporary` when the source does not answer; `Refused` for types that have no target as configured.
pub(super) async fn templates_for(
    config: &MigrationConfig,
    source: &Cluster,
    target: &Cluster,
    indices: &[String],
) -> Result<Vec<TargetTemplate>> {
    let templates = source.templates().await;
    let templates = templates.map_err(|cause| cause.during(source.name(), "reading the index templates"))?;
    target_templates(config, &templates, indices, source.dialect().version, target.dialect().version)
}

/// Judges the templates of a migration before anything is written; nothing where none are to be made.
///
/// # Errors
/// `Refused` for a loss that was not accepted and for types that have no target as configured, naming the template.
pub(super) async fn judge_templates(
    config: &MigrationConfig,
    source: &Cluster,
    target: &Cluster,
    indices: &[String],
) -> Result<()> {
    if !config.templates {
        return Ok(());
    }
    let templates = templates_for(config, source, target, indices).await?;
    templates.iter().try_for_each(|template| template.refuse_losses(&config.accept_lost))
}

impl Context {
    /// Creates the templates that the target does not have. After the indices themselves, which they would meddle with.
    ///
    /// # Errors
    /// `Refused` for a loss that was not accepted, and for what the target does not take.
    pub(super) async fn prepare_templates(&self) -> Result<()> {
        if !self.config.templates {
            return Ok(());
        }
        let indices: Vec<String> =
            self.store.indices(&self.name)?.into_iter().map(|record| record.source).collect();
        let target = &self.target;
        let there = target.templates().await;
        let there = there.map_err(|cause| cause.during(target.name(), "reading the index templates"))?;
        for template in templates_for(&self.config, &self.source, target, &indices).await? {
            template.refuse_losses(&self.config.accept_lost)?;
            if there.contains_key(&template.name) {
                tracing::info!(
                    template = template.name,
                    "the target has a template of this name: it is left alone"
                );
                continue;
            }
            tracing::info!(template = template.name, "creating the index template");
            let doing = format!("creating the index template `{}`", template.name);
            let created = target.put_template(&template.name, &template.body).await;
            created.map_err(|cause| cause.during(target.name(), &doing))?;
        }
        Ok(())
    }
}
