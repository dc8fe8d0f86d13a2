//! Where the documents of a source index go: one target index, or one a type, and what becomes of the types there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::refusals::{
    PERCOLATOR, refuse_ambiguous_ids, refuse_parents, refuse_percolator, refuse_several, refuse_taken,
};
use crate::cluster::indices::IndexInfo;
use crate::config::{MigrationConfig, PrefixIds, Types, index_name_flaw};
use crate::error::{Error, Result};
use crate::transform::Shape;

/// One target index of a source index.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The source index, with the types that go here and no others.
    pub source: IndexInfo,
    /// The target index.
    pub index: String,
    /// Types that have to be asked for by name, since the source has others besides; empty for all.
    pub only_types: Vec<String>,
    /// Types of the source that no target gets, since their loss is accepted.
    pub left_behind: Vec<String>,
    /// What becomes of the types. Whether ids are prefixed is decided by [`look_for_shared_ids`](Self::look_for_shared_ids).
    pub shape: Shape,
    prefix_ids: PrefixIds,
}

impl Destination {
    /// The target of a plan that is made already. What was left behind was accepted then.
    #[must_use]
    pub fn planned(source: IndexInfo, index: String, shape: Shape) -> Self {
        let (only_types, left_behind) = (Vec::new(), Vec::new());
        Destination { source, index, only_types, left_behind, shape, prefix_ids: PrefixIds::Auto }
    }

    /// True when ids have to be compared before the shape is known.
    #[must_use]
    pub fn look_for_shared_ids(&self) -> bool {
        self.shape != Shape::Plain && self.prefix_ids == PrefixIds::Auto && self.source.types.len() > 1
    }

    /// The shape, once it is known whether two types share an id.
    #[must_use]
    pub fn shape(&self, shared_ids: bool) -> Shape {
        let mut shape = self.shape.clone();
        if let Shape::Merged { prefixed, .. } | Shape::Joined { prefixed, .. } = &mut shape {
            *prefixed = shared_ids || self.prefix_ids == PrefixIds::Always;
        }
        shape
    }
}

/// Every target index of a source index.
///
/// # Errors
/// `Refused` for types that have no target as configured, naming them; `Config` for an illegal name of a target.
pub fn destinations(config: &MigrationConfig, info: &IndexInfo) -> Result<Vec<Destination>> {
    destinations_of(config, info, &format!("index `{}`", info.name))
}

/// [`destinations`] with another name for `info` in errors.
pub(super) fn destinations_of(
    config: &MigrationConfig,
    info: &IndexInfo,
    subject: &str,
) -> Result<Vec<Destination>> {
    let kept: Vec<(String, Value)> =
        info.types.iter().filter(|(name, _)| !stays_behind(config, name)).cloned().collect();
    if config.types == Types::Refuse {
        refuse_several(subject, &kept)?;
    }
    refuse_percolator(subject, &kept)?;
    let whole = |shape: Shape, prefix_ids: PrefixIds| -> Result<Vec<Destination>> {
        // A hidden type needs no filter: no search sees it.
        Ok(vec![destination(config, info, subject, kept.clone(), Vec::new(), shape, prefix_ids)?])
    };
    match &config.types {
        Types::Refuse => {
            refuse_parents(
                subject,
                &kept,
                "say types = \"join\", which keeps parents and children together",
            )?;
            whole(Shape::Plain, PrefixIds::Auto)
        }
        Types::Split => {
            refuse_parents(
                subject,
                &kept,
                "say types = \"join\": children in an index of their own could not be searched by their parents",
            )?;
            if kept.is_empty() {
                return whole(Shape::Plain, PrefixIds::Auto);
            }
            let alone = kept.len() == 1;
            let split = kept.iter().map(|(name, mapping)| {
                let only = if alone { Vec::new() } else { vec![name.clone()] };
                let types = vec![(name.clone(), mapping.clone())];
                destination(config, info, subject, types, only, Shape::Plain, PrefixIds::Auto)
            });
            split.collect()
        }
        Types::Merge { field, prefix_ids } => {
            refuse_parents(
                subject,
                &kept,
                "say types = \"join\", which keeps parents and children together",
            )?;
            refuse_taken(subject, &kept, field, "merge")?;
            refuse_ambiguous_ids(subject, &kept)?;
            whole(Shape::Merged { field: field.clone(), prefixed: false }, *prefix_ids)
        }
        Types::Join { field, prefix_ids } => {
            refuse_taken(subject, &kept, field, "join")?;
            refuse_ambiguous_ids(subject, &kept)?;
            whole(joined(subject, &kept, field)?, *prefix_ids)
        }
    }
}

fn destination(
    config: &MigrationConfig,
    info: &IndexInfo,
    subject: &str,
    types: Vec<(String, Value)>,
    only_types: Vec<String>,
    shape: Shape,
    prefix_ids: PrefixIds,
) -> Result<Destination> {
    let doc_type = types.first().map_or("doc", |(name, _)| name.as_str());
    let index = config.target_index(&info.name, doc_type);
    if let Some(flaw) = index_name_flaw(&index) {
        let message = format!("{subject} would become `{index}`, which is no index name: it {flaw}");
        return Err(Error::config("index_name", message).hint(format!(
            "to.index = {:?} makes it: choose another, or migrate this index by itself",
            config.to.index
        )));
    }
    let left_behind = left_behind(config, info);
    let source = IndexInfo { types, ..info.clone() };
    Ok(Destination { source, index, only_types, left_behind, shape, prefix_ids })
}

/// Types whose documents no target gets.
fn left_behind(config: &MigrationConfig, info: &IndexInfo) -> Vec<String> {
    info.types.iter().map(|(name, _)| name).filter(|name| stays_behind(config, name)).cloned().collect()
}

/// True for a type that no target knows and whose loss is accepted: its documents are not copied.
#[must_use]
pub fn stays_behind(config: &MigrationConfig, doc_type: &str) -> bool {
    let path = format!("mappings.{doc_type}");
    doc_type == PERCOLATOR
        && config.accept_lost.iter().any(|pattern| wildmatch::WildMatch::new(pattern).matches(&path))
}

/// The field that names types outside of any family, beside this join field.
pub(super) fn type_field_beside(join_field: &str) -> String {
    if join_field == "type" { "doc_type" } else { "type" }.to_owned()
}

fn joined(subject: &str, kept: &[(String, Value)], field: &str) -> Result<Shape> {
    let mut parents = BTreeMap::new();
    for (name, mapping) in kept {
        if let Some(parent) = mapping.pointer("/_parent/type").and_then(Value::as_str) {
            parents.insert(name.clone(), parent.to_owned());
        }
    }
    if parents.is_empty() {
        return Err(Error::refused(
            "no_parent",
            format!("{subject}: no type has a parent, there is nothing to join"),
        )
        .hint("say types = \"merge\", or leave `types` out for an index of one type"));
    }
    let family = |name: &str| parents.contains_key(name) || parents.values().any(|parent| parent == name);
    let strangers = kept.iter().any(|(name, _)| !family(name));
    let type_field = strangers.then(|| type_field_beside(field));
    if let Some(type_field) = &type_field {
        refuse_taken(subject, kept, type_field, "join")?;
    }
    Ok(Shape::Joined { field: field.to_owned(), prefixed: false, parents, type_field })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn index(types: Value) -> IndexInfo {
        IndexInfo {
            name: "zoo".to_owned(),
            uuid: String::new(),
            open: true,
            shards: 1,
            created: None,
            settings: json!({}),
            types: types
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, mapping)| (name.clone(), mapping.clone()))
                .collect(),
            aliases: Vec::new(),
        }
    }

    fn told(types: Types, to: &str, accept_lost: &[&str], info: &IndexInfo) -> String {
        let mut config = MigrationConfig { types, ..MigrationConfig::default() };
        config.to.index = to.to_owned();
        config.accept_lost = accept_lost.iter().map(ToString::to_string).collect();
        match destinations(&config, info) {
            Err(error) => format!("{error}"),
            Ok(all) => {
                let shown: Vec<String> = all
                    .iter()
                    .map(|one| format!("{} of {:?}: {:?}", one.index, one.only_types, one.shape))
                    .collect();
                shown.join("\n")
            }
        }
    }

    fn merge() -> Types {
        Types::Merge { field: "type".to_owned(), prefix_ids: PrefixIds::Auto }
    }

    fn join() -> Types {
        Types::Join { field: "join".to_owned(), prefix_ids: PrefixIds::Auto }
    }

    #[test]
    fn several_types_need_a_word_from_the_operator() {
        let zoo = index(json!({"cat": {}, "dog": {"properties": {"kind": {}}}}));
        insta::assert_snapshot!(told(Types::Refuse, "{index}", &[], &zoo), @"index `zoo` has 2 types (cat, dog), an index of the target has one");
        insta::assert_snapshot!(told(Types::Split, "{index}-{type}", &[], &zoo), @r#"
        zoo-cat of ["cat"]: Plain
        zoo-dog of ["dog"]: Plain
        "#);
        insta::assert_snapshot!(told(merge(), "{index}", &[], &zoo), @r#"zoo of []: Merged { field: "type", prefixed: false }"#);
        let kind = Types::Merge { field: "kind".to_owned(), prefix_ids: PrefixIds::Auto };
        insta::assert_snapshot!(told(kind, "{index}", &[], &zoo), @"index `zoo`: type `dog` has a field `kind` of its own, which is to name the type");
        insta::assert_snapshot!(told(join(), "{index}", &[], &zoo), @"index `zoo`: no type has a parent, there is nothing to join");
    }

    #[test]
    fn families_are_joined_and_nothing_else() {
        let zoo = index(json!({"cat": {"_parent": {"type": "owner"}}, "owner": {}, "note": {}}));
        for types in [Types::Split, merge()] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(told(types, "{index}-x", &[], &zoo), @"index `zoo`: type `cat` has the parent `owner`, a relation that the target knows as a join field only");
            }
        }
        insta::assert_snapshot!(told(join(), "{index}", &[], &zoo), @r#"zoo of []: Joined { field: "join", prefixed: false, parents: {"cat": "owner"}, type_field: Some("type") }"#);
    }

    #[test]
    fn names_of_types_that_are_no_names_of_indices_are_refused() {
        let zoo = index(json!({"Cat": {}, "dog": {}}));
        insta::assert_snapshot!(told(Types::Split, "{index}-{type}", &[], &zoo), @"index `zoo` would become `zoo-Cat`, which is no index name: it must be lower case");
    }

    #[test]
    fn percolator_queries_stay_behind_only_when_that_is_said() {
        let zoo = index(json!({"cat": {}, ".percolator": {}}));
        insta::assert_snapshot!(told(Types::Refuse, "{index}", &[], &zoo), @"index `zoo` has 2 types (cat, .percolator), an index of the target has one");
        insta::assert_snapshot!(told(Types::Refuse, "{index}", &["mappings..percolator"], &zoo), @"zoo of []: Plain");
    }

    #[test]
    fn ids_that_could_become_one_are_refused() {
        let zoo = index(json!({"a": {}, "a-b": {}}));
        insta::assert_snapshot!(told(merge(), "{index}", &[], &zoo), @"index `zoo`: types `a` and `a-b` cannot share an index: ids get their type in front, and `b-1` of `a` and `1` of `a-b` would both become `a-b-1`");
        let family = index(json!({"a": {}, "a-b": {"_parent": {"type": "a"}}}));
        assert!(told(join(), "{index}", &[], &family).contains("would both become `a-b-1`"));
        assert!(!told(Types::Split, "{index}-{type}", &[], &zoo).contains("would both"));
        assert!(!told(merge(), "{index}", &[], &index(json!({"a": {}, "ab-c": {}}))).contains("would both"));
    }
}
