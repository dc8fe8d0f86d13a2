//! Source indices that are judged before they are planned: where they go, how they are sliced, what speaks against it.

use super::context::apart;
use super::foreign::Suspect;
use crate::cluster::Cluster;
use crate::cluster::indices::{IndexInfo, choose as choose_indices};
use crate::config::MigrationConfig;
use crate::error::{Error, Result};
use crate::plan::{Strategy, choose as choose_strategy};
use crate::schema::{self, Destination, TargetSchema};
use crate::transform::Shape;

/// A target index that can be planned, and how.
pub(super) struct Candidate {
    pub(super) destination: Destination,
    pub(super) strategy: Strategy,
    pub(super) why: String,
}

impl Candidate {
    /// The source index, with the types that go to this target.
    pub(super) fn source(&self) -> &IndexInfo {
        &self.destination.source
    }

    /// What the target is made of, where its cluster has the indices `existing`. Whether ids are prefixed makes no
    /// difference to it.
    ///
    /// # Errors
    /// As [`schema::target_schema`].
    pub(super) async fn schema(
        &self,
        config: &MigrationConfig,
        source: &Cluster,
        target: &Cluster,
        existing: &[IndexInfo],
    ) -> Result<TargetSchema> {
        self.schema_of(config, source, target, existing, &self.destination.shape(false)).await
    }

    /// The same, once it is known whether ids are prefixed.
    ///
    /// # Errors
    /// As [`schema::target_schema`].
    pub(super) async fn schema_of(
        &self,
        config: &MigrationConfig,
        source: &Cluster,
        target: &Cluster,
        existing: &[IndexInfo],
        shape: &Shape,
    ) -> Result<TargetSchema> {
        let there = existing.iter().find(|known| known.name == self.destination.index);
        schema::target_schema(config, source, target, &self.destination, shape, there).await
    }

    /// Refuses a target that is there already and holds somebody else's documents.
    ///
    /// # Errors
    /// As [`Suspect::refuse_foreign`].
    pub(super) async fn refuse_foreign(
        &self,
        config: &MigrationConfig,
        source: &Cluster,
        target: &Cluster,
    ) -> Result<()> {
        let types = self.source().type_names();
        let suspect = Suspect {
            source,
            target,
            from: &self.source().name,
            to: &self.destination.index,
            types: &types,
            prefixed: self.destination.shape != Shape::Plain,
        };
        suspect.refuse_foreign(config).await
    }

    pub(super) fn remarks(&self, source: &Cluster) -> Vec<String> {
        let unstored = |(doc_type, mapping): &(String, serde_json::Value)| {
            (!source.dialect().stores(mapping, "_routing"))
                .then(|| format!("`{doc_type}`: routing is not stored, and is not carried over"))
        };
        self.source().types.iter().filter_map(unstored).collect()
    }
}

/// Everything that the configured indices become, or why one of them cannot.
///
/// The outer error concerns the choice of indices; the inner ones an index each.
///
/// # Errors
/// `Config` for names that match nothing; `Refused` and `Config` for what cannot be migrated as configured.
pub(super) fn judge_all(
    source: &Cluster,
    target: &Cluster,
    config: &MigrationConfig,
    infos: &[IndexInfo],
) -> Result<Vec<Result<Vec<Candidate>>>> {
    let chosen = choose_indices(infos, &config.from.indices, source.name())?;
    Ok(chosen.into_iter().map(|info| judge(source, target, config, info)).collect())
}

fn judge(
    source: &Cluster,
    target: &Cluster,
    config: &MigrationConfig,
    info: &IndexInfo,
) -> Result<Vec<Candidate>> {
    schema::readable_sources(info)?;
    let mut candidates = Vec::new();
    for destination in schema::destinations(config, info)? {
        apart(source, target, &info.name, &destination.index)?;
        let (strategy, why) = choose_strategy(source.dialect(), &destination.source, &config.slice)?;
        candidates.push(Candidate { destination, strategy, why });
    }
    Ok(candidates)
}

/// Refuses two source indices, or types, that would be written to one target, and one that transforms send documents of
/// others to: nobody could tell those from documents that should not be there.
///
/// # Errors
/// `Config`, naming both.
pub(super) fn distinct_targets<'a>(
    candidates: impl IntoIterator<Item = &'a Candidate>,
    others: &[String],
) -> Result<()> {
    let mut seen: Vec<&Candidate> = Vec::new();
    for candidate in candidates {
        let target = &candidate.destination.index;
        if others.contains(target) {
            let message =
                format!("{} is written to `{target}`, which `to.others` names as well", named(candidate));
            return Err(Error::config("same_target", message).hint(
                "documents that a transform moves need an index of their own: name another one in `to.others` and in the transform, or give this index another `to.index`",
            ));
        }
        if let Some(other) = seen.iter().find(|other| other.destination.index == *target) {
            let message = format!(
                "{} and {} would both be written to `{target}`: equal ids would overwrite each other",
                named(other),
                named(candidate)
            );
            return Err(Error::config("same_target", message).hint(
                "keep `{index}` (and `{type}` where types are split) in `to.index`, or make a migration of each",
            ));
        }
        seen.push(candidate);
    }
    Ok(())
}

/// The source indices of these candidates.
pub(super) fn names_of(candidates: &[Candidate]) -> Vec<String> {
    let mut names: Vec<String> = candidates.iter().map(|candidate| candidate.source().name.clone()).collect();
    names.dedup();
    names
}

fn named(candidate: &Candidate) -> String {
    match candidate.destination.only_types.as_slice() {
        [] => format!("`{}`", candidate.source().name),
        types => format!("`{}` ({})", candidate.source().name, types.join(", ")),
    }
}
