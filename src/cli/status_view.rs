//! The status as people read it: state, reason and time to go are separate things; `n/a` where a number means nothing.

mod changes;
mod indices;

use std::fmt::Write;
use std::time::Duration;

use crate::config::Bytes;
use crate::control::status::{MigrationStatus, OthersStatus, SliceTally};
use crate::engine::phase::{Phase, Standing};
use crate::sink::PaceNow;
use crate::store::records::FailureGroup;

use super::Paint;
use super::cutover_view::{self, gates_line};
use super::numbers::{NOTHING, documents, duration, grouped, percent, rate};
use super::tune::words;
use super::verify_view::line;
use changes::{passes_lines, topic_lines};
use indices::{counts, index_lines};

/// Error types that are named in the line of failures.
const NAMED_TYPES: usize = 3;

/// A block for each migration.
pub fn render(migrations: &[MigrationStatus], paint: Paint) -> String {
    blocks(migrations, paint, false)
}

/// The same, with every index.
pub fn render_with_indices(migrations: &[MigrationStatus], paint: Paint) -> String {
    blocks(migrations, paint, true)
}

fn blocks(migrations: &[MigrationStatus], paint: Paint, with_indices: bool) -> String {
    if migrations.is_empty() {
        return "no migrations\n".to_owned();
    }
    let heads: Vec<[String; 6]> = migrations.iter().map(head).collect();
    let mut widths = [0; 6];
    for head in &heads {
        for (width, cell) in widths.iter_mut().zip(head) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let indent = " ".repeat(widths[0].max(8) + 2);
    let mut text = String::new();
    for (migration, head) in migrations.iter().zip(&heads) {
        text.push_str(&head_line(head, &widths, paint));
        for line in details(migration, paint, with_indices) {
            // Writing into a String does not fail.
            let _ = writeln!(text, "{indent}{line}");
        }
    }
    text
}

/// Name, phase, percent, documents, rate, time to go.
fn head(migration: &MigrationStatus) -> [String; 6] {
    let settled = documents(migration.docs_settled);
    let docs = migration
        .docs_total
        .map_or_else(|| NOTHING.to_owned(), |total| format!("{settled} / {}", documents(total)));
    let eta = match (migration.eta_seconds, &migration.standing) {
        (Some(seconds), Standing::Running | Standing::Waiting(_)) => duration(Duration::from_secs(seconds)),
        _ => NOTHING.to_owned(),
    };
    let took = Duration::try_from_secs_f64(migration.copying_seconds).unwrap_or_default();
    let copied =
        !matches!(migration.phase, Phase::Planning | Phase::Planned | Phase::Preparing | Phase::Copying);
    let time = if copied { format!("took {}", duration(took)) } else { format!("ETA {eta}") };
    [
        migration.name.clone(),
        migration.phase.to_string(),
        percent(migration.fraction),
        format!("{docs} docs"),
        format!("{} (avg {})", rate(migration.rate_now), rate(migration.rate_average)),
        time,
    ]
}

fn head_line(head: &[String; 6], widths: &[usize; 6], paint: Paint) -> String {
    let padded = |cell: usize| {
        let missing = widths[cell].saturating_sub(head[cell].chars().count());
        format!("{}{}", head[cell], " ".repeat(missing))
    };
    let right = |cell: usize| {
        let missing = widths[cell].saturating_sub(head[cell].chars().count());
        format!("{}{}", " ".repeat(missing), head[cell])
    };
    let name = format!("{:8}", padded(0));
    let line = format!(
        "{}  {}  {}   {}   {}   {}",
        paint.bold(&name),
        padded(1),
        right(2),
        right(3),
        padded(4),
        head[5]
    );
    format!("{}\n", line.trim_end())
}

fn details(migration: &MigrationStatus, paint: Paint, with_indices: bool) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(
        migration.planning.map(|plan| format!("planned {} of {} shards", plan.shards_done, plan.shards)),
    );
    let open = match migration.docs_open {
        0 => String::new(),
        docs => format!(" (+{} docs in open slices)", documents(docs)),
    };
    lines.push(format!("slices {}{open}", tally(&migration.slices)));
    lines.extend(migration.pace.map(pace));
    if let Some(changes) = &migration.changes {
        let passes = changes.reconcile.iter().flat_map(|passes| passes_lines(passes, changes.caught_up));
        lines.extend(passes);
        lines.extend(changes.topic.iter().flat_map(|topic| topic_lines(topic, changes.caught_up)));
    }
    lines.extend(migration.verification.as_ref().map(|verification| line(verification, paint)));
    lines.extend(failures(migration));
    if let Some(gates) = migration.gates.as_ref().filter(|_| migration.phase == Phase::Ready) {
        lines.push(gates_line(gates, paint));
        if with_indices {
            lines.extend(gates.gates.iter().flat_map(|gate| cutover_view::gate_lines(gate, paint)));
        }
    }
    lines.extend(migration.cutover.as_ref().map(|record| cutover_view::line(record, paint)));
    for (step, count) in &migration.dropped {
        lines.push(format!("dropped {}  ({step})", grouped(*count)));
    }
    if let Some(tuned) = &migration.tuned {
        lines.push(format!("tuned: {} (until `esferry tune {} --reset`)", words(tuned), migration.name));
    }
    match &migration.standing {
        Standing::Running => {}
        Standing::Waiting(reason) => lines.push(paint.yellow(&format!("waiting: {reason}"))),
        Standing::Paused(reason) => lines.push(paint.yellow(&format!("paused: {reason}"))),
        Standing::Failed(reason) => lines.push(paint.red(&format!("failed: {reason}"))),
    }
    let all_accepted = migration.accepted_failures() > 0 && migration.open_failures() == 0;
    for index in &migration.indices {
        if with_indices {
            lines.extend(index_lines(index, all_accepted, paint));
        } else if let Some(counted) = &index.counted {
            lines.push(counts(index, counted, all_accepted, paint));
        }
    }
    lines.extend(migration.others.as_ref().map(|others| other_targets(others, paint)));
    lines
}

fn other_targets(others: &OthersStatus, paint: Paint) -> String {
    let line = others.between();
    match others.counted {
        None => line,
        Some(_) if others.agrees() => paint.green(&line),
        Some(_) => paint.yellow(&format!("{line}: they differ")),
    }
}

impl OthersStatus {
    /// What should be there and what is, in a line.
    #[must_use]
    pub fn between(&self) -> String {
        let line = format!("besides {}: {} docs expected", self.targets.join(", "), grouped(self.expected));
        match self.counted {
            None => line,
            Some(counted) => format!("{line}, {} there", grouped(counted)),
        }
    }
}

fn tally(slices: &SliceTally) -> String {
    let SliceTally { done, running, waiting, set_aside } = *slices;
    format!(
        "{} done · {} running · {} waiting · {} set aside",
        grouped(done),
        grouped(running),
        grouped(waiting),
        grouped(set_aside)
    )
}

fn pace(pace: PaceNow) -> String {
    let PaceNow { bulks, batch_docs, batch_bytes } = pace;
    let bytes = Bytes(u64::try_from(batch_bytes).unwrap_or(u64::MAX));
    format!("writing {bulks} bulks at once, each of up to {} docs and {bytes}", grouped(batch_docs as u64))
}

/// Open failures in a line, and accepted ones in another.
fn failures(migration: &MigrationStatus) -> Vec<String> {
    let (accepted, open): (Vec<_>, Vec<_>) =
        migration.failures.iter().filter(|group| group.count > 0).partition(|group| group.accepted.is_some());
    [("failures", open), ("accepted", accepted)]
        .into_iter()
        .filter(|(_, groups)| !groups.is_empty())
        .map(|(word, groups)| by_type(word, groups))
        .collect()
}

fn by_type(word: &str, mut groups: Vec<&FailureGroup>) -> String {
    let total: u64 = groups.iter().map(|group| group.count).sum();
    groups.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.error_type.cmp(&b.error_type)));
    let mut named: Vec<String> = groups
        .iter()
        .take(NAMED_TYPES)
        .map(|group| {
            let since = match group.since_accepted() {
                0 => String::new(),
                more => format!(", {} of them later", grouped(more)),
            };
            format!("{} {}{since}", group.error_type.trim_end_matches("_exception"), grouped(group.count))
        })
        .collect();
    if groups.len() > NAMED_TYPES {
        named.push(format!("{} more types", groups.len() - NAMED_TYPES));
    }
    format!("{word} {}  ({})", grouped(total), named.join(", "))
}

#[cfg(test)]
mod tests;
