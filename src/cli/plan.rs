//! `esferry plan`

use std::io::{self, IsTerminal};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::config;
use crate::control::unknown_migration;
use crate::engine::dry_run::{PlanDocument, PlannedIndex, dry_plan};
use crate::error::{Error, Result};
use crate::telemetry::logs;
use crate::transform::Shape;

use super::{DONE, Global, Paint, numbers, output};

/// `esferry plan [NAME]`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry plan\n  \
    esferry plan alerts --json\n\n\
    Reads from both clusters and writes to neither. Exit code 2 when something cannot be migrated as configured.")]
pub struct Plan {
    /// Only this migration
    name: Option<String>,
}

impl Plan {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let config = config::load(global.config.as_deref(), global.state_dir.as_deref())?;
        let all: Vec<String> = config.migrations.keys().cloned().collect();
        let names = match self.name {
            Some(name) if all.contains(&name) => vec![name],
            Some(name) => return Err(unknown_migration(&name, &all)),
            None => all,
        };
        let mut plans = Vec::new();
        for name in &names {
            let spinner = spinner();
            let plan = dry_plan(&config, name, |at| {
                spinner.set_message(format!(
                    "{}: planning shard {} of {}",
                    at.index,
                    (at.shards_done + 1).min(at.shards),
                    at.shards
                ));
                spinner.tick();
            });
            let plan = plan.await;
            spinner.finish_and_clear();
            plans.push(plan?);
        }
        if global.json {
            output::print_json(&plans)?;
        } else {
            let texts: Vec<String> =
                plans.iter().map(|plan| render(plan, Paint::stdout(global.color))).collect();
            output::print(&texts.join("\n"))?;
        }
        let refusals: usize = plans.iter().map(|plan| plan.refusals.len()).sum();
        if refusals == 0 {
            return Ok(DONE);
        }
        Err(Error::refused(
            "plan_refused",
            format!("{refusals} of the indices cannot be migrated as configured"),
        )
        .hint("the plan names each with its reason"))
    }
}

fn spinner() -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    logs::share_terminal_with(&spinner);
    spinner
}

fn render(plan: &PlanDocument, paint: Paint) -> String {
    let mut lines = vec![
        format!("{}  {} -> {}", paint.bold(&plan.migration), plan.source, plan.target),
        format!("  {} documents in {} slices", numbers::grouped(plan.docs), numbers::grouped(plan.slices)),
    ];
    plan.indices.iter().for_each(|index| lines.extend(index_lines(index, paint)));
    lines.extend(plan.refusals.iter().map(|refusal| format!("  {} {refusal}", paint.red("refused:"))));
    lines.push(String::new());
    lines.join("\n")
}

fn index_lines(index: &PlannedIndex, paint: Paint) -> Vec<String> {
    let types = if index.types.is_empty() { "none".to_owned() } else { index.types.join(", ") };
    let mut lines = vec![
        format!("  {} -> {} ({})", index.source, index.target, index.target_index),
        format!("    sliced by {}: {}", index.strategy, index.why),
        format!(
            "    {} documents, {} shards, {} slices (the largest {}), types: {types}",
            numbers::grouped(index.docs),
            index.shards,
            numbers::grouped(index.slices),
            numbers::grouped(index.largest_slice),
        ),
    ];
    lines.extend(shape(&index.shape).map(|shape| format!("    {shape}")));
    lines.extend(index.remarks.iter().map(|remark| format!("    {} {remark}", paint.yellow("note:"))));
    lines
}

/// What becomes of the types, in words; nothing where nothing does.
fn shape(shape: &Shape) -> Option<String> {
    let ids = if shape.is_prefixed() { "_id becomes TYPE-ID" } else { "ids stay as they are" };
    match shape {
        Shape::Plain => None,
        Shape::Merged { field, .. } => {
            Some(format!("types become one: field `{field}` names the type, {ids}"))
        }
        Shape::Joined { field, parents, type_field, .. } => {
            let families: Vec<String> =
                parents.iter().map(|(child, parent)| format!("{parent} > {child}")).collect();
            let named =
                type_field.as_ref().map_or(String::new(), |name| format!(", field `{name}` names the type"));
            Some(format!("types become one: join field `{field}` ({}){named}, {ids}", families.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_tells_strategy_size_and_refusals() {
        let plan = PlanDocument {
            migration: "alerts".to_owned(),
            source: "old: Elasticsearch 1.7.6 (escape)".to_owned(),
            target: "new: Elasticsearch 6.8.23 (fresh)".to_owned(),
            indices: vec![PlannedIndex {
                source: "alerts-1".to_owned(),
                target: "alerts-1".to_owned(),
                target_index: "create",
                strategy: "uid".to_owned(),
                why: "the best that 1.7.6 supports".to_owned(),
                shards: 5,
                docs: 148_213,
                slices: 35,
                largest_slice: 4990,
                types: vec!["alert".to_owned()],
                shape: Shape::Plain,
                remarks: vec!["`alert`: _ttl is not carried over".to_owned()],
            }],
            docs: 148_213,
            slices: 35,
            refusals: vec!["index `mixed` has several types: a, b".to_owned()],
        };
        insta::assert_snapshot!(render(&plan, Paint::off()), @r"
        alerts  old: Elasticsearch 1.7.6 (escape) -> new: Elasticsearch 6.8.23 (fresh)
          148 213 documents in 35 slices
          alerts-1 -> alerts-1 (create)
            sliced by uid: the best that 1.7.6 supports
            148 213 documents, 5 shards, 35 slices (the largest 4 990), types: alert
            note: `alert`: _ttl is not carried over
          refused: index `mixed` has several types: a, b
        ");
    }
}
