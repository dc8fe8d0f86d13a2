//! `esferry schema show|report|diff|templates`

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::config;
use crate::engine::schemas::{IndexSchema, schemas, templates};
use crate::error::{Error, Result};
use crate::schema::report::{Change, Severity};

use super::side_by_side::side_by_side;
use super::{DONE, Global, Paint, output};

/// Paths of a rule that are named, of many.
const NAMED_PATHS: usize = 3;

/// `esferry schema`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry schema report alerts                       # what changes, where, and why\n  \
    esferry schema show alerts > alerts.json           # the create-index body\n  \
    curl -XPUT 'new:9200/alerts?include_type_name=true' -H 'Content-Type: application/json' -d @alerts.json\n  \
    esferry schema diff alerts                         # source and target side by side\n\n\
    Reads from both clusters and writes to neither. `report` ends with exit code 2 when something is lost that\n\
    `accept_lost` does not name.")]
pub struct Schema {
    #[command(subcommand)]
    view: View,
}

/// What to print.
#[derive(Debug, Subcommand)]
enum View {
    /// Print the body that creates the target index
    Show(Wanted),
    /// Print every change, with its reason and what it means
    Report(Wanted),
    /// Print source and target side by side
    Diff(Wanted),
    /// Print the source's index templates that match, for `PUT _template/NAME`
    Templates(Wanted),
}

/// Of which migration and target.
#[derive(Debug, Args)]
struct Wanted {
    /// The migration
    name: String,
    /// Only this target index
    #[arg(long, value_name = "INDEX")]
    target: Option<String>,
}

impl Schema {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let (View::Show(wanted) | View::Report(wanted) | View::Diff(wanted) | View::Templates(wanted)) =
            &self.view;
        let config = config::load(global.config.as_deref(), global.state_dir.as_deref())?;
        let migration = config.migration(&wanted.name)?;
        let chosen = async || choose(schemas(&config, &wanted.name).await?, wanted.target.as_deref());
        match &self.view {
            View::Show(_) => show(global, &chosen().await?),
            View::Report(_) => report(global, &chosen().await?, &migration.accept_lost),
            View::Diff(_) => diff(global, &chosen().await?),
            View::Templates(_) => {
                let templates = templates(&config, &wanted.name).await?;
                let bodies = templates.iter().map(|template| (template.name.as_str(), &template.body));
                output::print_json(&bodies.collect::<BTreeMap<&str, &Value>>())?;
                Ok(DONE)
            }
        }
    }
}

fn choose(all: Vec<IndexSchema>, target: Option<&str>) -> Result<Vec<IndexSchema>> {
    let Some(target) = target else { return Ok(all) };
    let names: Vec<String> = all.iter().map(|schema| schema.target.clone()).collect();
    let chosen: Vec<IndexSchema> = all.into_iter().filter(|schema| schema.target == target).collect();
    if chosen.is_empty() {
        return Err(Error::config("unknown_target", format!("no target index is called `{target}`"))
            .hint(format!("there are: {}", names.join(", "))));
    }
    Ok(chosen)
}

fn show(global: &Global, chosen: &[IndexSchema]) -> Result<u8> {
    let body = |schema: &IndexSchema| {
        schema.schema.body.clone().ok_or_else(|| {
            Error::config(
                "existing",
                format!("`{}` is not created: it is there, or has to be", schema.target),
            )
            .hint("`esferry schema report` says what of the source does not fit it")
        })
    };
    match chosen {
        [alone] => output::print_json(&body(alone)?)?,
        several if global.json => {
            let bodies = several.iter().map(|schema| Ok((schema.target.clone(), body(schema)?)));
            output::print_json(&bodies.collect::<Result<BTreeMap<String, Value>>>()?)?;
        }
        several => {
            let names: Vec<&str> = several.iter().map(|schema| schema.target.as_str()).collect();
            let message = format!("there are {} target indices", several.len());
            return Err(Error::config("several_targets", message)
                .hint(format!("name one with --target ({}), or print all with --json", names.join(", "))));
        }
    }
    Ok(DONE)
}

fn report(global: &Global, chosen: &[IndexSchema], accepted: &[String]) -> Result<u8> {
    if global.json {
        output::print_json(&chosen)?;
    } else {
        let paint = Paint::stdout(global.color);
        let texts: Vec<String> = chosen.iter().map(|schema| render(schema, accepted, paint)).collect();
        output::print(&texts.join("\n"))?;
    }
    let lost: usize = chosen.iter().map(|schema| schema.schema.report.unaccepted(accepted).len()).sum();
    if lost == 0 {
        return Ok(DONE);
    }
    Err(Error::refused("lost", format!("{lost} things of the source have no counterpart on the target"))
        .hint(
            "name those that may go in `accept_lost`, or write the target yourself: `schema = \"file:PATH\"`",
        ))
}

/// The changes of an index: what is lost first, then what may matter, then the mere wording.
fn render(schema: &IndexSchema, accepted: &[String], paint: Paint) -> String {
    let mut lines = vec![paint.bold(&format!("{} -> {}", schema.source, schema.target))];
    let report = &schema.schema.report;
    let unaccepted = report.unaccepted(accepted);
    for severity in [Severity::Lost, Severity::SearchMayDiffer, Severity::SameMeaning] {
        let mut by_rule: BTreeMap<(&str, &str), Vec<&Change>> = BTreeMap::new();
        for change in report.changes.iter().filter(|change| change.severity == severity) {
            by_rule.entry((change.rule, &change.reason)).or_default().push(change);
        }
        if by_rule.is_empty() {
            continue;
        }
        lines.push(format!("  {} ({})", coloured(severity, paint), report.count(severity)));
        for ((rule, reason), changes) in by_rule {
            lines.push(format!("    {rule}: {reason}"));
            for change in changes.iter().take(NAMED_PATHS) {
                lines.push(format!("      {}{}", change.path, values(change)));
            }
            if changes.len() > NAMED_PATHS {
                lines.push(format!("      and {} more", changes.len() - NAMED_PATHS));
            }
            let open = changes.iter().any(|change| unaccepted.contains(change));
            match (severity, open, changes.first()) {
                (Severity::Lost, true, Some(first)) => {
                    lines.extend(
                        first.choices.iter().map(|choice| format!("      {} {choice}", paint.yellow("or:"))),
                    );
                }
                (Severity::Lost, false, _) => lines.push(format!("      {}", paint.green("accepted"))),
                _ => {}
            }
        }
    }
    if report.changes.is_empty() {
        lines.push("  nothing changes".to_owned());
    }
    lines.push(String::new());
    lines.join("\n")
}

fn coloured(severity: Severity, paint: Paint) -> String {
    match severity {
        Severity::Lost => paint.red(severity.as_str()),
        Severity::SearchMayDiffer => paint.yellow(severity.as_str()),
        Severity::SameMeaning => paint.green(severity.as_str()),
    }
}

/// `: "string" -> "text"`, cut where it is long.
fn values(change: &Change) -> String {
    let shown = |value: &Option<Value>| {
        let text = value.as_ref().map_or_else(|| "nothing".to_owned(), Value::to_string);
        match text.char_indices().nth(60) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    };
    format!(": {} -> {}", shown(&change.before), shown(&change.after))
}

fn diff(global: &Global, chosen: &[IndexSchema]) -> Result<u8> {
    let paint = Paint::stdout(global.color);
    let mut texts = Vec::new();
    for schema in chosen {
        let pretty = |value: &Value| {
            serde_json::to_string_pretty(value)
                .map_err(|error| Error::unexpected("json", "cannot print the schema").because(error))
        };
        let after = pretty(schema.schema.body.as_ref().unwrap_or(&Value::Null))?;
        let title = (format!("{} (source)", schema.source), format!("{} (target)", schema.target));
        texts.push(side_by_side((&title.0, &pretty(&schema.before)?), (&title.1, &after), paint));
    }
    output::print(&texts.join("\n"))?;
    Ok(DONE)
}
