//! `esferry plan`

use std::io::{self, IsTerminal};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};

use crate::config;
use crate::engine::dry_run::{DryRun, PlanDocument, PlannedIndex, SchemaSummary, dry_plan};
use crate::engine::sampling::SampleReport;
use crate::error::{Error, Kind, Result};
use crate::telemetry::logs;
use crate::transform::Shape;

use super::{DONE, Global, Paint, numbers, output, remedies};

/// `esferry plan [NAME]`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry plan\n  \
    esferry plan alerts --json\n  \
    esferry plan alerts --sample 2000     # which documents will be refused?\n\n\
    Reads from both clusters and writes to neither, save the throw-away index of a sample on the target, which is\n\
    deleted again. Exit code 2 when something cannot be migrated as configured, 4 when documents of the sample were\n\
    refused.")]
pub struct Plan {
    /// Only this migration
    name: Option<String>,
    /// Send so many documents of each index the whole way into a throw-away index of the target
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sample: Option<u64>,
}

impl Plan {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let config = config::load(global.config.as_deref(), global.state_dir.as_deref())?;
        let names = match self.name {
            Some(name) => {
                config.migration(&name)?;
                vec![name]
            }
            None => config.migrations.keys().cloned().collect(),
        };
        let mut plans = Vec::new();
        for name in &names {
            let spinner = spinner();
            let what = DryRun { sample: self.sample };
            let plan = dry_plan(&config, name, what, |at| {
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
        let samples = plans.iter().flat_map(|plan| &plan.indices).filter_map(|index| index.sample.as_ref());
        let lost = |sample: &SampleReport| {
            sample.overwritten + sample.refused.iter().map(|class| class.count).sum::<u64>()
        };
        let refused: u64 = samples.map(lost).sum();
        if refusals == 0 && refused == 0 {
            return Ok(DONE);
        }
        if refusals == 0 {
            let message = format!("{} documents of the sample did not arrive", numbers::grouped(refused));
            return Err(Error::new(Kind::Differences, "sample_refused", message)
                .hint("the plan names each kind with an example: widen the mapping, or convert the field by a transform"));
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
    lines.extend(plan.topic.iter().map(|topic| format!("  changes: {}", topic.words())));
    plan.indices.iter().for_each(|index| lines.extend(index_lines(index, paint)));
    lines.extend(plan.keeps_fed.iter().map(|fed| format!("  after a switch, feeds the old side: {fed}")));
    lines.extend(
        plan.does_not.iter().map(|not| format!("  after a switch, does not reach the old side: {not}")),
    );
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
    lines.push(format!("    {}", schema(index)));
    lines.extend(index.remarks.iter().map(|remark| format!("    {} {remark}", paint.yellow("note:"))));
    for proposal in &index.proposals {
        lines.push(format!(
            "    {} with this in the configuration they become values:",
            paint.yellow("propose:")
        ));
        lines.extend(proposal.lines().map(|line| format!("      {line}")));
    }
    lines.extend(index.sample.iter().flat_map(|sample| sample_lines(sample, paint)));
    lines
}

/// `schema: 41 changes of the same meaning, 2 by which searches may differ; 41 203 fields become 12`.
fn schema(index: &PlannedIndex) -> String {
    let SchemaSummary { same_meaning, search_may_differ, lost } = index.schema;
    let mut parts = vec![
        format!("{} changes of the same meaning", numbers::grouped(same_meaning as u64)),
        format!("{} by which searches may differ", numbers::grouped(search_may_differ as u64)),
    ];
    if lost > 0 {
        parts.push(format!("{} accepted losses", numbers::grouped(lost as u64)));
    }
    let [before, after] =
        [index.fields.total, index.target_fields].map(|count| numbers::grouped(count as u64));
    format!("schema: {}; {before} fields become {after}", parts.join(", "))
}

fn sample_lines(sample: &SampleReport, paint: Paint) -> Vec<String> {
    let [read, taken, dropped] = [sample.read, sample.taken, sample.dropped].map(numbers::grouped);
    let mut lines = vec![format!("    sample: {read} read, {taken} taken, {dropped} dropped")];
    if sample.overwritten > 0 {
        let told = format!(
            "{} took the place of others: several documents have one id",
            numbers::grouped(sample.overwritten)
        );
        lines.push(format!("      {} {told}", paint.red("lost:")));
    }
    for class in &sample.refused {
        let count = paint.red(&format!("{} refused", numbers::grouped(class.count)));
        lines.push(format!("      {count}  {}: {}", class.error_type, class.example_reason));
        let of = class.example_type.as_ref().map_or(String::new(), |name| format!(" of `{name}`"));
        lines.push(format!("        example  {}{of}", class.example_id));
        lines
            .push(format!("        to do    {}", remedies::remedy(&class.error_type, &class.example_reason)));
    }
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
    use crate::engine::sampling::RefusalClass;
    use crate::schema::FieldCount;

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
                schema: SchemaSummary { same_meaning: 41, search_may_differ: 2, lost: 1 },
                fields: FieldCount { total: 41_203, ..FieldCount::default() },
                target_fields: 41_207,
                proposals: vec![
                    "[[migrations.alerts.transform]]\nkey_value = { field = \"tags\" }".to_owned(),
                ],
                sample: Some(SampleReport {
                    read: 1000,
                    taken: 997,
                    dropped: 0,
                    overwritten: 2,
                    refused: vec![RefusalClass {
                        error_type: "mapper_parsing_exception".to_owned(),
                        count: 3,
                        example_type: Some("alert".to_owned()),
                        example_id: "5d1a7c3e".to_owned(),
                        example_reason: "failed to parse field [open] of type [boolean]: cannot be cast"
                            .to_owned(),
                    }],
                }),
                remarks: vec!["`alert`: _ttl is not carried over".to_owned()],
            }],
            docs: 148_213,
            slices: 35,
            topic: None,
            keeps_fed: Vec::new(),
            does_not: vec!["what writers send to the target itself".to_owned()],
            refusals: vec!["index `mixed` has several types: a, b".to_owned()],
        };
        insta::assert_snapshot!(render(&plan, Paint::off()), @r#"
        alerts  old: Elasticsearch 1.7.6 (escape) -> new: Elasticsearch 6.8.23 (fresh)
          148 213 documents in 35 slices
          alerts-1 -> alerts-1 (create)
            sliced by uid: the best that 1.7.6 supports
            148 213 documents, 5 shards, 35 slices (the largest 4 990), types: alert
            schema: 41 changes of the same meaning, 2 by which searches may differ, 1 accepted losses; 41 203 fields become 41 207
            note: `alert`: _ttl is not carried over
            propose: with this in the configuration they become values:
              [[migrations.alerts.transform]]
              key_value = { field = "tags" }
            sample: 1 000 read, 997 taken, 0 dropped
              lost: 2 took the place of others: several documents have one id
              3 refused  mapper_parsing_exception: failed to parse field [open] of type [boolean]: cannot be cast
                example  5d1a7c3e of `alert`
                to do    the source takes any word for a boolean, the target does not: convert = { field = "…", to = "boolean" } as a transform, then `esferry failures retry`
          after a switch, does not reach the old side: what writers send to the target itself
          refused: index `mixed` has several types: a, b
        "#);
    }
}
