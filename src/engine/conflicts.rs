//! What stands in the way of a target index: other migrations, names that are taken, templates of the target.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::OnceCell;
use wildmatch::WildMatch;

use super::candidate::{Candidate, judge_all};
use super::context::{Context, connect};
use crate::cluster::Cluster;
use crate::cluster::definitions::template_patterns;
use crate::cluster::indices::IndexInfo;
use crate::config::{Config, WriteMode};
use crate::error::{Error, Result};
use crate::schema;

/// A target index that another migration of the configuration writes.
pub(super) struct Claim {
    migration: String,
    index: String,
    source_uuid: String,
}

/// What the other migrations write to the same target cluster. One whose clusters do not answer claims nothing.
pub(super) async fn claims(config: &Config, name: &str) -> Vec<Claim> {
    let mut claims = Vec::new();
    let Some(own) = config.migrations.get(name) else { return claims };
    for (other, migration) in &config.migrations {
        if other == name
            || migration.to.cluster != own.to.cluster
            || migration.write.mode == WriteMode::Create
        {
            continue;
        }
        let Ok((source, target)) = connect(config, migration).await else { continue };
        let Ok(infos) = source.described().await else { continue };
        let judged = judge_all(&source, &target, migration, &infos).unwrap_or_default();
        let candidates = judged.into_iter().flatten().flatten();
        let planned = candidates
            .map(|candidate| (candidate.destination.index.clone(), candidate.source().uuid.clone()));
        let others = migration.to.others.iter().map(|index| (index.clone(), String::new()));
        claims.extend(planned.chain(others).map(|(index, source_uuid)| Claim {
            migration: other.clone(),
            index,
            source_uuid,
        }));
    }
    claims
}

/// Refuses a target that another migration writes from another source: equal ids would overwrite each other.
///
/// # Errors
/// `Config`, naming both.
pub(super) fn refuse_claimed(candidate: &Candidate, claims: &[Claim]) -> Result<()> {
    let (index, uuid) = (&candidate.destination.index, &candidate.source().uuid);
    match claims.iter().find(|claim| claim.index == *index && claim.source_uuid != *uuid) {
        None => Ok(()),
        Some(claim) => Err(claimed(index, &claim.migration)),
    }
}

fn claimed(index: &str, migration: &str) -> Error {
    Error::config(
        "same_target",
        format!("target index `{index}` is written by the migration `{migration}` too: equal ids would overwrite each other"),
    )
    .hint("give one of them another target (`to.index`), or say `write.mode = \"create\"` in one to never overwrite")
}

/// Refuses names that the target has for something else.
///
/// # Errors
/// `Refused`, naming the index and the alias.
pub(super) fn refuse_taken_names(index: &str, body: Option<&Value>, existing: &[IndexInfo]) -> Result<()> {
    if let Some(behind) = behind(existing, index).first() {
        return Err(Error::refused(
            "alias_taken",
            format!("the target has `{index}` as an alias of `{}`: no index can have this name", behind.name),
        )
        .hint("choose another `to.index`, or take the alias away on the target"));
    }
    let aliases = body.and_then(|body| body.get("aliases")).and_then(Value::as_object);
    for (alias, definition) in aliases.into_iter().flatten() {
        let refused = |what: String| {
            Err(Error::refused("alias_taken", format!("alias `{alias}` of the source: {what}")).hint(
                "choose another `to.index`, or take the name away on the target; a body of your own is given by `schema = \"file:PATH\"`",
            ))
        };
        if alias == index {
            return refused("the target index is to have this name itself".to_owned());
        }
        if existing.iter().any(|other| other.name == *alias) {
            return refused("the target has an index of this name".to_owned());
        }
        let writes = definition.get("is_write_index") == Some(&Value::Bool(true));
        if writes && let Some(other) = behind(existing, alias).iter().find(|other| other.name != index) {
            return refused(format!(
                "it is to be written through, and leads to `{}` on the target",
                other.name
            ));
        }
    }
    Ok(())
}

/// The indices that an alias leads to.
fn behind<'a>(existing: &'a [IndexInfo], alias: &str) -> Vec<&'a IndexInfo> {
    existing.iter().filter(|index| index.aliases.iter().any(|known| known == alias)).collect()
}

/// The index templates of a target, which are asked for when an index is to be made, and once.
pub(super) struct TemplatesOfTarget<'a> {
    target: &'a Cluster,
    templates: OnceCell<BTreeMap<String, Value>>,
}

impl<'a> TemplatesOfTarget<'a> {
    pub(super) fn new(target: &'a Cluster) -> Self {
        TemplatesOfTarget { target, templates: OnceCell::new() }
    }

    /// Those that the server would mix into an index of this name: a remark for each.
    ///
    /// # Errors
    /// `Refused` for one that would strip documents of fields; `Temporary` when the target does not answer.
    pub(super) async fn meddling_with(&self, index: &str) -> Result<Vec<String>> {
        let templates = self.templates.get_or_try_init(|| self.target.templates()).await;
        let templates =
            templates.map_err(|cause| cause.during(self.target.name(), "reading the index templates"))?;
        meddling(templates, index)
    }
}

fn meddling(templates: &BTreeMap<String, Value>, index: &str) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    for (name, template) in templates {
        let patterns = template_patterns(template);
        let matches = patterns.iter().any(|pattern| WildMatch::new(pattern).matches(index));
        // One for every index is how defaults such as the number of replicas are set; ours are explicit.
        if !matches || (patterns == ["*"] && template.get("mappings").is_none_or(is_empty)) {
            continue;
        }
        if template.get("mappings").is_some_and(strips_source) {
            return Err(Error::refused(
                "template",
                format!(
                    "index template `{name}` of the target would strip the documents of `{index}` (`_source`)"
                ),
            )
            .hint(format!("delete or change it (DELETE /_template/{name}), or choose another `to.index`")));
        }
        remarks.push(format!("index template `{name}` of the target applies to `{index}` too: the server mixes its mappings, settings and aliases in"));
    }
    Ok(remarks)
}

fn is_empty(mappings: &Value) -> bool {
    mappings.as_object().is_none_or(serde_json::Map::is_empty)
}

/// Mappings, with or without types, that keep less than the whole document.
pub(super) fn strips_source(mappings: &Value) -> bool {
    let strips = |root: &Value| schema::what_strips(root).is_some();
    strips(mappings) || mappings.as_object().into_iter().flat_map(serde_json::Map::values).any(strips)
}

impl Context {
    /// Refuses targets that another migration of this store writes from another source.
    ///
    /// # Errors
    /// `Config`, naming both.
    pub(super) fn refuse_claimed_targets(&self) -> Result<()> {
        let Some(own) = self.store.migration(&self.name)? else { return Ok(()) };
        let records = self.store.indices(&self.name)?;
        let target = |record: &crate::store::records::MigrationRecord| {
            record.clusters.as_ref().map(|clusters| clusters.target.clone())
        };
        for other in self.store.migrations()? {
            if other.name == self.name || target(&other) != target(&own) {
                continue;
            }
            for theirs in self.store.indices(&other.name)? {
                let same = records.iter().find(|record| {
                    record.target == theirs.target && record.source_uuid != theirs.source_uuid
                });
                if let Some(record) = same.filter(|_| self.config.write.mode != WriteMode::Create) {
                    return Err(claimed(&record.target, &other.name));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn index(name: &str, aliases: &[&str]) -> IndexInfo {
        IndexInfo {
            name: name.to_owned(),
            uuid: String::new(),
            open: true,
            shards: 1,
            created: None,
            settings: json!({}),
            types: Vec::new(),
            aliases: aliases.iter().map(ToString::to_string).collect(),
        }
    }

    fn told(name: &str, aliases: Value) -> String {
        let existing = [index("old", &["front"]), index("taken", &[])];
        let body = json!({"aliases": aliases});
        refuse_taken_names(name, Some(&body), &existing)
            .map_or_else(|error| error.to_string(), |()| "ok".to_owned())
    }

    #[test]
    fn names_that_the_target_has_for_something_else_are_refused() {
        assert_eq!(told("new", json!({"front": {}})), "ok");
        insta::assert_snapshot!(told("front", json!({})), @"the target has `front` as an alias of `old`: no index can have this name");
        insta::assert_snapshot!(told("new", json!({"new": {}})), @"alias `new` of the source: the target index is to have this name itself");
        insta::assert_snapshot!(told("new", json!({"taken": {}})), @"alias `taken` of the source: the target has an index of this name");
        insta::assert_snapshot!(told("new", json!({"front": {"is_write_index": true}})), @"alias `front` of the source: it is to be written through, and leads to `old` on the target");
    }

    #[test]
    fn mappings_that_strip_documents_are_seen_with_and_without_types() {
        for stripping in [
            json!({"_source": {"enabled": false}}),
            json!({"_doc": {"_source": {"excludes": ["a"]}}}),
            json!({"thing": {"_source": {"includes": ["a"]}}}),
        ] {
            assert!(strips_source(&stripping), "{stripping}");
        }
        assert!(!strips_source(&json!({"_doc": {"_source": {"enabled": true, "excludes": []}}})));
    }
}
