//! A migration with both its clusters connected: what every phase works with.

use std::sync::Arc;

use super::progress::Progress;
use super::reading::AbortOnDrop;
use super::throttle::Throttle;
use crate::cluster::Cluster;
use crate::config::{Config, MigrationConfig};
use crate::cutover::hooks::Redaction;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::records::{ClusterPair, IndexRecord, MigrationRecord};
use crate::telemetry::statsd::Counters;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub(super) name: String,
    pub(super) config: Arc<MigrationConfig>,
    pub(super) source: Arc<Cluster>,
    pub(super) target: Arc<Cluster>,
    pub(super) store: Store,
    pub(super) progress: Arc<Progress>,
    pub(super) counters: Arc<Counters>,
    pub(super) throttle: Arc<Throttle>,
    /// What hooks print and nobody may read.
    pub(super) redaction: Arc<Redaction>,
}

/// Both clusters of a migration, connected.
///
/// # Errors
/// As [`Cluster::connect`]; `Config` when both are one cluster and an index would be copied onto itself.
pub(super) async fn connect(config: &Config, migration: &MigrationConfig) -> Result<(Cluster, Cluster)> {
    let connect = async |name: &str| Cluster::connect(name, config.cluster(name)?).await;
    let (source, target) = (connect(&migration.from.cluster).await?, connect(&migration.to.cluster).await?);
    if !target.dialect().is_target() {
        let message = format!(
            "cluster `{}` is {}: esferry writes to 5.0 and later",
            target.name(),
            target.dialect().version
        );
        return Err(Error::config("target_version", message).hint("check `to.cluster` and the URLs"));
    }
    Ok((source, target))
}

/// Refuses to copy an index onto itself.
///
/// # Errors
/// `Config`, naming the index.
pub(super) fn apart(source: &Cluster, target: &Cluster, from: &str, to: &str) -> Result<()> {
    if from == to && source.is_same_as(target) {
        return Err(Error::config(
            "same_index",
            format!(
                "`{from}` would be copied onto itself: `{}` and `{}` are one cluster",
                source.name(),
                target.name()
            ),
        )
        .hint("give another target index (`to.index`) or another target cluster"));
    }
    Ok(())
}

impl Context {
    /// Checks that the clusters are those that the migration was planned for, and remembers them the first time.
    ///
    /// # Errors
    /// `State` when one of them is another cluster now.
    pub(super) fn recognise(&self, record: &MigrationRecord) -> Result<()> {
        let now = ClusterPair { source: self.source.identity(), target: self.target.identity() };
        match &record.clusters {
            None => self.store.update_migration(&self.name, |record| record.clusters = Some(now)).map(drop),
            Some(stored) if *stored == now => Ok(()),
            Some(stored) => Err(Error::state(
                "other_cluster",
                format!(
                    "migration `{}` was planned from {} to {}, the URLs lead from {} to {} now",
                    self.name, stored.source, stored.target, now.source, now.target
                ),
            )
            .hint("correct the URLs, or `esferry reset` the migration")),
        }
    }

    /// Looks at clock and load of both clusters for as long as what it returns is kept.
    pub(super) fn watch_load(&self) -> Option<AbortOnDrop> {
        self.throttle.watch(&self.source, &self.target).map(|watch| AbortOnDrop(tokio::spawn(watch)))
    }

    /// The stored indices, each still the index that was planned.
    ///
    /// # Errors
    /// `State` when an index was deleted and made anew on the source since; `Temporary` when it cannot be asked.
    pub(super) async fn indices(&self) -> Result<Vec<IndexRecord>> {
        let records = self.store.indices(&self.name)?;
        let now = self.source.described().await?;
        for record in &records {
            let same =
                now.iter().any(|index| index.name == record.source && index.uuid == record.source_uuid);
            if !same {
                return Err(Error::state(
                    "other_index",
                    format!(
                        "index `{}` is not the one that was planned: it was deleted, or made anew",
                        record.source
                    ),
                )
                .hint("`esferry reset` the migration and delete its target index to copy the new one"));
            }
        }
        Ok(records)
    }
}
