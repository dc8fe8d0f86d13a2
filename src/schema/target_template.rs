//! The index templates that match migrated indices, for the indices that will be made on the target later.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use wildmatch::WildMatch;

use super::alias_types::for_one_type;
use super::destination::{Destination, destinations_of, type_field_beside};
use super::limits::set_limits;
use super::query::field_map;
use super::report::Report;
use super::shape::{name_types, requires_routing, take_out_relations};
use super::target::refuse_losses;
use super::template::convert_template;
use super::transformed::{make_good, refuse_touched_names, rename_early, template_names};
use crate::cluster::definitions::template_patterns;
use crate::cluster::dialect::Version;
use crate::cluster::indices::IndexInfo;
use crate::config::{MigrationConfig, Types};
use crate::error::{Error, Result};
use crate::transform::Steps;

/// Stands for `*` where a pattern has to pass for a name.
const ANY: &str = "any-name-at-all";

/// An index template for the target.
#[derive(Debug, Clone, Serialize)]
pub struct TargetTemplate {
    /// Its name there.
    pub name: String,
    /// The body of `PUT _template/NAME`.
    pub body: Value,
    /// Every change that was made to the source's.
    pub report: Report,
}

impl TargetTemplate {
    /// Refuses what is lost unless the configuration accepts it.
    ///
    /// # Errors
    /// `Refused`, naming the paths and the choices.
    pub fn refuse_losses(&self, accepted: &[String]) -> Result<()> {
        refuse_losses(&self.report, &format!("index template `{}`", self.name), accepted)
    }
}

/// The templates of a source that match one of these indices, as the target takes them: for the names, types and
/// documents that the migration makes.
///
/// # Errors
/// As for the indices themselves, naming the template: types that have no target as configured.
pub fn target_templates(
    config: &MigrationConfig,
    templates: &BTreeMap<String, Value>,
    indices: &[String],
    from: Version,
    to: Version,
) -> Result<Vec<TargetTemplate>> {
    let steps = Steps::compile(&config.transform)?;
    let mut converted = Vec::new();
    for (name, template) in templates {
        let patterns = template_patterns(template);
        let config = &without_family(config, template);
        let matching = |pattern: &&str| indices.iter().any(|index| WildMatch::new(pattern).matches(index));
        if !patterns.iter().any(matching) {
            continue;
        }
        // The destinations of each pattern are those of its types, in the same order.
        let mut targets: Vec<(Destination, Vec<String>)> = Vec::new();
        for pattern in &patterns {
            let subject = format!("index template `{name}` (pattern `{pattern}`)");
            let destinations = destinations_of(config, &pretended(pattern, template), &subject);
            for (at, destination) in destinations.map_err(of_template)?.into_iter().enumerate() {
                let target = destination.index.replace(ANY, "*");
                match targets.get_mut(at) {
                    Some((_, targets)) => targets.push(target),
                    None => targets.push((destination, vec![target])),
                }
            }
        }
        let several = targets.len() > 1;
        for (destination, patterns) in targets {
            let doc_type = destination.source.types.first().map(|(name, _)| name.as_str());
            let name = match doc_type {
                Some(doc_type) if several => format!("{name}-{doc_type}"),
                _ => name.clone(),
            };
            refuse_touched_names(config, &destination.shape).map_err(of_template)?;
            let making = Making { config, destination: &destination, steps: &steps, from, to };
            converted.push(making.template(&name, template, &patterns));
        }
    }
    Ok(converted)
}

/// How a template is made for one kind of targets.
struct Making<'a> {
    config: &'a MigrationConfig,
    destination: &'a Destination,
    steps: &'a Steps,
    from: Version,
    to: Version,
}

impl Making<'_> {
    fn template(&self, name: &str, template: &Value, patterns: &[String]) -> TargetTemplate {
        let mut template = template.clone();
        let mut report = Report::default();
        let shape = self.destination.shape(false);
        let types = self.destination.source.type_names();
        let path = |kind: &str| format!("templates.{name}.mappings.{kind}");
        if let Some(mappings) = template.get_mut("mappings").and_then(Value::as_object_mut) {
            mappings.retain(|name, _| name == "_default_" || types.contains(name));
            let unrouted = mappings.values().any(|mapping| !requires_routing(mapping));
            for (name, mapping) in mappings.iter_mut() {
                take_out_relations(&shape, name, mapping, unrouted, &mut report);
                rename_early(self.config, &path(name), mapping, &mut report);
            }
        }
        if let (Types::Split, [only], Some(Value::Object(aliases))) =
            (&self.config.types, types.as_slice(), template.get_mut("aliases"))
        {
            let given = std::mem::take(aliases).into_iter().collect();
            let mut of_aliases = Report::default();
            *aliases = for_one_type(&given, only, true, &mut of_aliases).into_iter().collect();
            for mut change in of_aliases.changes {
                change.path = format!("templates.{name}.{}", change.path);
                report.add(change);
            }
        }
        let (mut body, mut converted) = convert_template(name, &template, self.from, self.to);
        let mut reshaped = Report::default();
        let mut gone = Vec::new();
        if let Some(template) = body.as_object_mut() {
            template.shift_remove("template");
            template.insert("index_patterns".to_owned(), json!(patterns));
            let mappings = template.get_mut("mappings").and_then(Value::as_object_mut);
            for root in mappings.into_iter().flat_map(serde_json::Map::values_mut) {
                name_types(&shape, root);
                gone = template_names(root);
                if let Some(root) = root.as_object_mut() {
                    self.steps.reshape(root, &mut reshaped);
                }
                let left = template_names(root);
                gone.retain(|name| !left.contains(name));
            }
        }
        let fields = field_map(self.config);
        for kind in types.iter().map(String::as_str).chain(["_default_"]) {
            make_good(&fields, &path(kind), &gone, &mut converted);
        }
        report.append(converted);
        report.append(reshaped);
        set_limits(&mut body, &mut report);
        TargetTemplate { name: name.to_owned(), body, report }
    }
}

/// The configuration for a template whose types have no parents among types that are joined: the indices that it will
/// make get the field that names the type, and no join field.
fn without_family(config: &MigrationConfig, template: &Value) -> MigrationConfig {
    let mut config = config.clone();
    let mappings = template.get("mappings").and_then(Value::as_object).into_iter().flatten();
    let is_family = mappings.into_iter().any(|(_, mapping)| mapping.get("_parent").is_some());
    if let (Types::Join { field, prefix_ids }, false) = (&config.types, is_family) {
        config.types = Types::Merge { field: type_field_beside(field), prefix_ids: *prefix_ids };
    }
    config
}

/// Says in an error how to do without the templates.
fn of_template(error: Error) -> Error {
    let message = error.to_string().replace(ANY, "*");
    let remedy = error.remedy().map(|remedy| format!("{remedy}; ")).unwrap_or_default();
    let hint = format!(
        "{remedy}or leave the templates of the source alone (templates = false), and make those of the target yourself"
    );
    Error::new(error.kind(), error.code(), message).hint(hint)
}

/// An index that a template would make.
fn pretended(pattern: &str, template: &Value) -> IndexInfo {
    let types = template.get("mappings").and_then(Value::as_object).into_iter().flatten();
    IndexInfo {
        name: pattern.replace('*', ANY),
        uuid: String::new(),
        open: true,
        shards: 1,
        created: None,
        settings: json!({}),
        types: types
            .filter(|(name, _)| name.as_str() != "_default_")
            .map(|(name, mapping)| (name.clone(), mapping.clone()))
            .collect(),
        aliases: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(types: Types, to: &str, template: Value) -> Result<Vec<TargetTemplate>> {
        let mut config = MigrationConfig { types, ..MigrationConfig::default() };
        config.to.index = to.to_owned();
        let templates = BTreeMap::from([("t".to_owned(), template)]);
        let (from, to) = (Version::new(1, 7, 6), Version::new(6, 8, 23));
        target_templates(&config, &templates, &["zoo-1".to_owned()], from, to)
    }

    fn converted(types: Types, to: &str, template: Value) -> String {
        let all = targets(types, to, template).unwrap();
        let shown: Vec<String> = all
            .iter()
            .map(|one| {
                format!(
                    "{} {} {}",
                    one.name, one.body["index_patterns"], one.body["mappings"]["_doc"]["properties"]
                )
            })
            .collect();
        shown.join("\n")
    }

    #[test]
    fn templates_follow_the_names_and_types_of_the_migration() {
        let zoo = json!({"template": "zoo-*", "order": 0, "mappings": {
            "cat": {"properties": {"lives": {"type": "long"}}}, "dog": {"properties": {"barks": {"type": "boolean"}}}
        }});
        insta::assert_snapshot!(converted(Types::Split, "{index}-{type}", zoo.clone()), @r#"
        t-cat ["zoo-*-cat"] {"lives":{"type":"long"}}
        t-dog ["zoo-*-dog"] {"barks":{"type":"boolean"}}
        "#);
        let merge = Types::Merge { field: "kind".to_owned(), prefix_ids: crate::config::PrefixIds::Auto };
        insta::assert_snapshot!(converted(merge.clone(), "{index}-v2", zoo), @r#"t ["zoo-*-v2"] {"lives":{"type":"long"},"barks":{"type":"boolean"},"kind":{"type":"keyword"}}"#);
        assert_eq!(converted(merge, "{index}", json!({"template": "other-*", "mappings": {}})), "");
    }

    #[test]
    fn a_template_without_a_target_is_named_and_can_be_left_alone() {
        let zoo = json!({"template": "zoo-*", "mappings": {"cat": {}, "dog": {}}});
        let error = targets(Types::Refuse, "{index}", zoo).unwrap_err();
        insta::assert_snapshot!(error, @"index template `t` (pattern `zoo-*`) has 2 types (cat, dog), an index of the target has one");
        assert!(error.remedy().unwrap().contains("templates = false"));
        let upper = json!({"template": "zoo-*", "mappings": {"Cat": {}}});
        let error = targets(Types::Split, "{index}-{type}", upper).unwrap_err();
        insta::assert_snapshot!(error, @"index template `t` (pattern `zoo-*`) would become `zoo-*-Cat`, which is no index name: it must be lower case");
    }

    #[test]
    fn a_template_without_parents_gets_the_field_that_names_types_outside_of_families() {
        let join = Types::Join { field: "join".to_owned(), prefix_ids: crate::config::PrefixIds::Auto };
        let zoo = json!({"template": "zoo-*", "mappings": {"cat": {}, "dog": {"properties": {"n": {"type": "long"}}}}});
        insta::assert_snapshot!(converted(join.clone(), "{index}", zoo), @r#"t ["zoo-*"] {"n":{"type":"long"},"type":{"type":"keyword"}}"#);
        let family =
            json!({"template": "zoo-*", "mappings": {"cat": {}, "dog": {"_parent": {"type": "cat"}}}});
        insta::assert_snapshot!(converted(join, "{index}", family), @r#"t ["zoo-*"] {"join":{"type":"join","relations":{"cat":["dog"]}}}"#);
    }

    #[test]
    fn types_of_a_template_that_clash_are_lost_and_named() {
        let merge = Types::Merge { field: "kind".to_owned(), prefix_ids: crate::config::PrefixIds::Auto };
        let zoo = json!({"template": "zoo-*", "mappings": {
            "cat": {"properties": {"n": {"type": "long"}}}, "dog": {"properties": {"n": {"type": "date"}}}
        }});
        let all = targets(merge, "{index}", zoo).unwrap();
        let error = all[0].refuse_losses(&[]).unwrap_err();
        insta::assert_snapshot!(error, @"index template `t`: the target has no counterpart of `templates.t.mappings`: an index has one type, and these do not agree on n: the mapping of dog is dropped");
    }
}
