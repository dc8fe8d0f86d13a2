//! The index templates that match migrated indices, for the indices that will be made on the target later.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};
use wildmatch::WildMatch;

use super::destination::{Destination, destinations};
use super::limits::set_limits;
use super::report::Report;
use super::shape::{name_types, requires_routing, take_out_relations};
use super::target::refuse_losses;
use super::template::convert_template;
use crate::cluster::dialect::Version;
use crate::cluster::indices::IndexInfo;
use crate::config::MigrationConfig;
use crate::error::Result;
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
/// As for the indices themselves: types that have no target as configured.
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
        let patterns = patterns_of(template);
        let matching = |pattern: &String| indices.iter().any(|index| WildMatch::new(pattern).matches(index));
        if !patterns.iter().any(matching) {
            continue;
        }
        // The destinations of each pattern are those of its types, in the same order.
        let mut targets: Vec<(Destination, Vec<String>)> = Vec::new();
        for pattern in &patterns {
            for (at, destination) in
                destinations(config, &pretended(pattern, template))?.into_iter().enumerate()
            {
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
            converted.push(one(&name, template, &destination, &patterns, &steps, (from, to)));
        }
    }
    Ok(converted)
}

fn one(
    name: &str,
    template: &Value,
    destination: &Destination,
    patterns: &[String],
    steps: &Steps,
    (from, to): (Version, Version),
) -> TargetTemplate {
    let mut template = template.clone();
    let mut report = Report::default();
    let shape = destination.shape(false);
    let types = destination.source.type_names();
    if let Some(mappings) = template.get_mut("mappings").and_then(Value::as_object_mut) {
        mappings.retain(|name, _| name == "_default_" || types.contains(name));
        let unrouted = mappings.values().any(|mapping| !requires_routing(mapping));
        for (name, mapping) in mappings.iter_mut() {
            take_out_relations(&shape, name, mapping, unrouted, &mut report);
        }
    }
    let (mut body, converted) = convert_template(name, &template, from, to);
    report.append(converted);
    if let Some(template) = body.as_object_mut() {
        template.shift_remove("template");
        template.insert("index_patterns".to_owned(), json!(patterns));
        let mappings = template.get_mut("mappings").and_then(Value::as_object_mut);
        for root in mappings.into_iter().flat_map(serde_json::Map::values_mut) {
            name_types(&shape, root);
            if let Some(root) = root.as_object_mut() {
                steps.reshape(root, &mut report);
            }
        }
    }
    set_limits(&mut body, &mut report);
    TargetTemplate { name: name.to_owned(), body, report }
}

/// `template` up to 5.x, `index_patterns` from 6.0 on.
fn patterns_of(template: &Value) -> Vec<String> {
    let given = template.get("index_patterns").or_else(|| template.get("template"));
    match given {
        Some(Value::String(pattern)) => vec![pattern.clone()],
        Some(Value::Array(patterns)) => {
            patterns.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
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
    use crate::config::Types;

    fn converted(types: Types, to: &str, template: Value) -> String {
        let mut config = MigrationConfig { types, ..MigrationConfig::default() };
        config.to.index = to.to_owned();
        let templates = BTreeMap::from([("t".to_owned(), template)]);
        let versions = (Version::new(1, 7, 6), Version::new(6, 8, 23));
        let all =
            target_templates(&config, &templates, &["zoo-1".to_owned()], versions.0, versions.1).unwrap();
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
}
