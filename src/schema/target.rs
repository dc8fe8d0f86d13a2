//! The body that creates a target index: the schema of its source, converted, with what types and transforms add to it.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::alias_types::for_one_type;
use super::aliases::{convert_aliases, convert_warmers};
use super::destination::Destination;
use super::given::Given;
use super::limits::{FieldCount, count_fields, set_limits};
use super::mapping::convert_type;
use super::merge::{Clash, merge_types};
use super::query;
use super::report::{Change, Report, Severity};
use super::rules::accept;
use super::settings::convert_settings;
use super::shape::{name_types, requires_routing, take_out_relations};
use super::source::SourceSchema;
use super::transformed::{make_good, refuse_touched_names, rename_early, template_names};
use crate::cluster::Cluster;
use crate::cluster::indices::IndexInfo;
use crate::config::{MigrationConfig, Schema, Types};
use crate::error::{Error, Result};
use crate::transform::{Shape, Steps};

/// Clashes and losses that an error names, of many.
const NAMED: usize = 5;

/// What a target index is made of.
#[derive(Debug, Clone, Default, Serialize)]
pub struct TargetSchema {
    /// The create-index body; `None` when the index has to exist already.
    pub body: Option<Value>,
    /// Every change that was made to the source's.
    pub report: Report,
    /// Fields of the source, over all types that go to this target.
    pub source_fields: FieldCount,
    /// Fields of the body's mapping.
    pub target_fields: FieldCount,
}

impl TargetSchema {
    /// Refuses what is lost unless the configuration accepts it.
    ///
    /// # Errors
    /// `Refused`, naming the paths and the choices.
    pub fn refuse_losses(&self, index: &str, accepted: &[String]) -> Result<()> {
        refuse_losses(&self.report, &format!("index `{index}`"), accepted)
    }
}

/// Refuses the losses of a report that no pattern accepts, on behalf of `what`.
pub(super) fn refuse_losses(report: &Report, what: &str, accepted: &[String]) -> Result<()> {
    let lost = report.unaccepted(accepted);
    let Some(first) = lost.first() else { return Ok(()) };
    let named: Vec<String> =
        lost.iter().take(NAMED).map(|change| format!("`{}`: {}", change.path, change.reason)).collect();
    let more = lost.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    let others = first.choices.iter().filter(|choice| !choice.contains("accept_lost"));
    let choices: Vec<String> = others.map(|choice| format!("; or {choice}")).collect();
    let mut paths: Vec<String> = lost.iter().map(|change| format!("{:?}", change.path)).collect();
    paths.dedup();
    let message = format!("{what}: the target has no counterpart of {}{more}", named.join("; "));
    Err(Error::refused("lost", message).hint(format!(
        "go without: accept_lost = [{}] in the migration{}",
        paths.join(", "),
        choices.concat()
    )))
}

/// The schema of a target index.
///
/// `shape` is the destination's, once it is known whether ids are prefixed; `there` is the target index where it exists
/// already. Losses are in the report; [`TargetSchema::refuse_losses`] judges them.
///
/// # Errors
/// `Config` for an unreadable file, and for transforms that touch the fields that name the types; `Refused` for types
/// that cannot become one; `Temporary` when a cluster does not answer.
pub async fn target_schema(
    config: &MigrationConfig,
    source: &Cluster,
    target: &Cluster,
    destination: &Destination,
    shape: &Shape,
    there: Option<&IndexInfo>,
) -> Result<TargetSchema> {
    refuse_touched_names(config, shape)?;
    let info = &destination.source;
    let doing = format!("reading the aliases of `{}`", info.name);
    let described = SourceSchema::read(source, info).await;
    let described = described.map_err(|cause| cause.during(source.name(), &doing))?;
    let conversion = Conversion { config, source, target, shape };
    let mut report = Report::default();
    let types = conversion.types(&described, &mut report)?;
    let mut schema = match (&config.schema, there) {
        (Schema::File(path), None) => {
            let body = body_of_file(path)?;
            let report = Given::file(root_mapping(&body)).losses(&types, shape);
            let target_fields = count_fields(root_mapping(&body));
            TargetSchema { body: Some(body), report, target_fields, ..TargetSchema::default() }
        }
        // One that is not there has no mapping to speak against.
        (Schema::Existing, None) => TargetSchema::default(),
        // What is there is used as it is, whatever would have been created.
        (_, Some(there)) => {
            let mapping = there.types.first().map_or(&Value::Null, |(_, mapping)| mapping);
            let report = Given::existing(mapping).losses(&types, shape);
            TargetSchema { report, target_fields: count_fields(mapping), ..TargetSchema::default() }
        }
        (Schema::Convert, None) => {
            let mapping = conversion.merged(&described, &types)?;
            let target_fields = count_fields(&mapping);
            let body = conversion.body(&described, mapping, &mut report);
            TargetSchema { body: Some(body), report, target_fields, ..TargetSchema::default() }
        }
    };
    schema.source_fields = source_fields(info);
    for name in &destination.left_behind {
        schema.report.add(left_behind(name));
    }
    Ok(schema)
}

struct Conversion<'a> {
    config: &'a MigrationConfig,
    source: &'a Cluster,
    target: &'a Cluster,
    shape: &'a Shape,
}

impl Conversion<'_> {
    fn versions(
        &self,
        described: &SourceSchema,
    ) -> (crate::cluster::dialect::Version, crate::cluster::dialect::Version) {
        (described.created.unwrap_or(self.source.dialect().version), self.target.dialect().version)
    }

    /// The mapping of each type, converted and transformed.
    fn types(&self, described: &SourceSchema, report: &mut Report) -> Result<Vec<(String, Value)>> {
        let (from, to) = self.versions(described);
        let steps = Steps::compile(&self.config.transform)?;
        let fields = query::field_map(self.config);
        let nothing = vec![("doc".to_owned(), json!({}))];
        let types = if described.types.is_empty() { &nothing } else { &described.types };
        let routed = types.iter().filter(|(_, mapping)| requires_routing(mapping)).count();
        let mut converted = Vec::new();
        for (name, mapping) in types {
            let path = format!("mappings.{name}");
            let mut mapping = mapping.clone();
            take_out_relations(self.shape, name, &mut mapping, routed < types.len(), report);
            rename_early(self.config, &path, &mut mapping, report);
            let mut of_type = Report::default();
            let mut mapping = convert_type(name, &mapping, from, to, &mut of_type);
            let mut gone = template_names(&mapping);
            let mut reshaped = Report::default();
            if let Some(root) = mapping.as_object_mut() {
                steps.reshape(root, &mut reshaped);
            }
            let left = template_names(&mapping);
            gone.retain(|name| !left.contains(name));
            make_good(&fields, &path, &gone, &mut of_type);
            report.append(of_type);
            report.append(reshaped);
            converted.push((name.clone(), mapping));
        }
        Ok(converted)
    }

    /// The one mapping of the target.
    fn merged(&self, described: &SourceSchema, types: &[(String, Value)]) -> Result<Value> {
        let mut merged = merge_types(types).map_err(|clashes| clashing(&described.name, &clashes))?;
        name_types(self.shape, &mut merged);
        Ok(merged)
    }

    fn body(&self, described: &SourceSchema, mapping: Value, report: &mut Report) -> Value {
        let (from, to) = self.versions(described);
        let settings = convert_settings(&described.settings, from, to, report);
        let mut context = query::Context::of(self.config, from, to);
        if *self.shape != Shape::Plain {
            context.types = query::TypesBecame::from(self.shape);
        }
        let split = self.config.types == Types::Split;
        let aliases = match described.types.as_slice() {
            [(only, _)] if *self.shape == Shape::Plain => {
                for_one_type(&described.aliases, only, split, report)
            }
            _ => described.aliases.clone(),
        };
        let aliases = convert_aliases(&aliases, &context, report);
        convert_warmers(&described.warmers, from, to, report);
        let doc_type = described.types.first().map(|(name, _)| name.as_str());
        let mut body = self.target.dialect().create_body(&settings, doc_type, &mapping, &aliases);
        set_limits(&mut body, report);
        body
    }
}

/// The fields of all types that go to a target; one that stands in several types counts in each.
fn source_fields(info: &IndexInfo) -> FieldCount {
    let mut all = FieldCount::default();
    for (_, mapping) in &info.types {
        let count = count_fields(mapping);
        all.total += count.total;
        all.nested += count.nested;
        all.depth = all.depth.max(count.depth);
        all.growth.extend(count.growth);
    }
    all.growth.sort_by_key(|(_, fields)| std::cmp::Reverse(*fields));
    all.growth.dedup_by(|one, other| one.0 == other.0);
    all
}

fn body_of_file(path: &Path) -> Result<Value> {
    let wrong = |cause: Box<dyn std::error::Error + Send + Sync>| {
        Error::config("schema_file", format!("schema file {} cannot be used", path.display()))
            .hint("give a JSON file with the create-index body of the target: settings, mappings, aliases; `esferry schema show` prints one to begin with")
            .because(cause)
    };
    let text = std::fs::read(path).map_err(|cause| wrong(cause.into()))?;
    serde_json::from_slice(&text).map_err(|cause| wrong(cause.into()))
}

/// The mapping of a create-index body, below its type where there is one.
fn root_mapping(body: &Value) -> &Value {
    const NOTHING: &Value = &Value::Null;
    let mappings = body.get("mappings").unwrap_or(NOTHING);
    let untyped = mappings.get("properties").is_some_and(Value::is_object);
    let types = mappings.as_object().filter(|_| !untyped);
    types.and_then(|types| types.values().next()).unwrap_or(mappings)
}

/// A type whose documents are not copied, since the configuration accepts that.
fn left_behind(doc_type: &str) -> Change {
    let path = format!("mappings.{doc_type}");
    Change {
        rule: "type_left_behind",
        before: Some(json!(doc_type)),
        after: None,
        reason: "no target since 5.0 has percolator queries of this kind: its documents are not copied"
            .to_owned(),
        severity: Severity::Lost,
        choices: vec![
            accept(&path),
            "store the queries anew in an index with a field of type `percolator`".to_owned(),
        ],
        path,
    }
}

fn clashing(index: &str, clashes: &[Clash]) -> Error {
    let named: Vec<String> = clashes
        .iter()
        .take(NAMED)
        .map(|Clash { field, a, b }| {
            let (one, other) = disagreement(&a.1, &b.1);
            format!("`{field}` is {one} in `{}` and {other} in `{}`", a.0, b.0)
        })
        .collect();
    let more = clashes.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    Error::refused("types_clash", format!("index `{index}`: its types cannot become one: {}{more}", named.join("; ")))
        .hint("give each type an index of its own (types = \"split\"), rename or convert the field by a transform, or write the mapping yourself (`schema = \"file:PATH\"`)")
}

/// The types of two fields, or where they have the same, the parameters that differ.
fn disagreement(a: &Value, b: &Value) -> (String, String) {
    let (Some(one), Some(other)) = (a.as_object(), b.as_object()) else {
        return (a.to_string(), b.to_string());
    };
    let kind = |field: &Map<String, Value>| field.get("type").cloned();
    if let (Some(one), Some(other)) = (kind(one), kind(other))
        && one != other
    {
        return (one.to_string(), other.to_string());
    }
    let rest = |field: &Map<String, Value>, known: &Map<String, Value>| {
        let differs = |(key, value): &(&String, &Value)| {
            known.get(*key) != Some(value) && !["properties", "fields"].contains(&key.as_str())
        };
        let rest = field.iter().filter(differs).map(|(key, value)| (key.clone(), value.clone()));
        Value::Object(rest.collect()).to_string()
    };
    (rest(one, other), rest(other, one))
}
