//! The status as people read it: state, reason and time to go are separate things; `n/a` where a number means nothing.

use std::fmt::Write;
use std::time::Duration;

use crate::control::status::{IndexStatus, MigrationStatus, OthersStatus, SliceTally};
use crate::engine::phase::{Phase, Standing};
use crate::store::records::{Counted, FailureGroup};

use super::Paint;
use super::numbers::{NOTHING, documents, duration, grouped, percent, rate};
use super::tune::words;

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
    lines.extend(failures(migration));
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
    let line = format!("besides {}: {} docs expected", others.targets.join(", "), grouped(others.expected));
    match others.counted {
        None => line,
        Some(counted) if counted == others.expected => {
            paint.green(&format!("{line}, {} there", grouped(counted)))
        }
        Some(counted) => paint.yellow(&format!("{line}, {} there: they differ", grouped(counted))),
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

/// `zoo (cat) -> zoo-cat`, or one name where both sides have the same.
fn both_names(index: &IndexStatus) -> String {
    match index.types.as_slice() {
        [] if index.source == index.target => index.source.clone(),
        [] => format!("{} -> {}", index.source, index.target),
        types => format!("{} ({}) -> {}", index.source, types.join(", "), index.target),
    }
}

/// What transforms did to the count of an index, in words.
fn changed_counts(counted: &Counted) -> String {
    let parts =
        [(counted.dropped, "dropped"), (counted.derived, "derived"), (counted.elsewhere, "in other indices")];
    let named: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(*count)))
        .collect();
    if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) }
}

fn counts(index: &IndexStatus, counted: &Counted, all_accepted: bool, paint: Paint) -> String {
    let line = format!(
        "counts {}: source {}, target {}{}",
        both_names(index),
        grouped(counted.source),
        grouped(counted.target),
        changed_counts(counted)
    );
    match &counted.explanation {
        None if counted.agrees() && counted.source != counted.target => {
            paint.green(&format!("{line}: as expected"))
        }
        None if counted.agrees() => paint.green(&format!("{line}: equal")),
        Some(_) if all_accepted && counted.lacks_only_failures() => {
            paint.green(&format!("{line}: what is missing is accepted"))
        }
        None => paint.red(&format!("{line}: they differ, and nothing that is known explains it")),
        Some(explanation) => paint.yellow(&format!("{line}: {explanation}")),
    }
}

fn arrow(index: &IndexStatus) -> String {
    match index.types.as_slice() {
        [] => format!("{} -> {}", index.source, index.target),
        _ => both_names(index),
    }
}

fn index_lines(index: &IndexStatus, all_accepted: bool, paint: Paint) -> Vec<String> {
    let mut lines = vec![
        format!("index {}: {} docs", arrow(index), documents(index.docs_total)),
        format!("  by {}", index.strategy),
        format!("  slices {}", tally(&index.slices)),
    ];
    lines.extend(index.remarks.iter().map(|remark| format!("  note: {remark}")));
    lines.extend(
        index.counted.as_ref().map(|counted| format!("  {}", counts(index, counted, all_accepted, paint))),
    );
    lines
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::control::status::PlanningStatus;
    use crate::store::records::{Acceptance, Counts, Tuned};
    use crate::transform::Shape;

    fn copying() -> MigrationStatus {
        MigrationStatus {
            name: "alerts".to_owned(),
            phase: Phase::Copying,
            standing: Standing::Waiting("target write queue 54 % of 200".to_owned()),
            docs_total: Some(500_000_000),
            planning: None,
            docs_settled: 306_400_000,
            docs_open: 212_000,
            fraction: Some(0.6128),
            rate_now: Some(41_200.0),
            rate_average: Some(39_870.0),
            eta_seconds: Some(4698),
            slices: SliceTally { done: 6131, running: 8, waiting: 3861, set_aside: 0 },
            counts: Counts::default(),
            failures: vec![group("version", 3), group("mapper_parsing_exception", 209)],
            dropped: BTreeMap::from([("transform 2: drop_if status = \"test\"".to_owned(), 1204)]),
            others: None,
            tuned: None,
            indices: Vec::new(),
            planning_seconds: 3.0,
            copying_seconds: 7000.0,
        }
    }

    fn group(error_type: &str, count: u64) -> FailureGroup {
        FailureGroup {
            error_type: error_type.to_owned(),
            count,
            example_id: "1".to_owned(),
            example_reason: "because".to_owned(),
            accepted: None,
        }
    }

    fn ready() -> MigrationStatus {
        let index = |name: &str, source, target, explanation: Option<&str>| IndexStatus {
            source: name.to_owned(),
            types: Vec::new(),
            shape: Shape::Plain,
            target: format!("{name}-v2"),
            strategy: "uid: the best that 1.7.6 supports".to_owned(),
            slices: SliceTally { done: 31, ..SliceTally::default() },
            docs_total: 148_213,
            remarks: vec!["`city`: _ttl is not carried over".to_owned()],
            counted: Some(Counted {
                source,
                target,
                failures: source - target,
                dropped: 0,
                derived: 0,
                elsewhere: 0,
                unplanned_types: Vec::new(),
                explanation: explanation.map(str::to_owned),
                at: Timestamp::UNIX_EPOCH,
            }),
        };
        MigrationStatus {
            name: "cities-of-the-world".to_owned(),
            phase: Phase::Ready,
            standing: Standing::Running,
            docs_total: Some(148_213),
            docs_settled: 148_213,
            docs_open: 0,
            fraction: Some(1.0),
            rate_now: None,
            rate_average: Some(51_000.4),
            eta_seconds: None,
            slices: SliceTally { done: 31, ..SliceTally::default() },
            failures: Vec::new(),
            dropped: BTreeMap::new(),
            others: None,
            indices: vec![
                index("cities", 148_213, 148_213, None),
                index("towns", 100, 98, Some("2 documents are in the failure list")),
                index("hamlets", 10, 9, None),
            ],
            copying_seconds: 2.9,
            ..copying()
        }
    }

    fn planning() -> MigrationStatus {
        MigrationStatus {
            name: "logs".to_owned(),
            phase: Phase::Planning,
            standing: Standing::Failed("cluster `old` does not answer: connection refused".to_owned()),
            docs_total: None,
            planning: Some(PlanningStatus { shards_done: 4, shards: 12 }),
            docs_settled: 0,
            docs_open: 0,
            fraction: None,
            rate_now: None,
            rate_average: None,
            eta_seconds: None,
            slices: SliceTally::default(),
            failures: Vec::new(),
            dropped: BTreeMap::new(),
            others: None,
            ..copying()
        }
    }

    #[test]
    fn a_migration_that_waits_says_why() {
        insta::assert_snapshot!(render(&[copying()], Paint::off()), @r#"
        alerts    copying  61.2 %   306.4 M / 500.0 M docs   41 200/s (avg 39 870/s)   ETA 1 h 18 min
                  slices 6 131 done · 8 running · 3 861 waiting · 0 set aside (+212 000 docs in open slices)
                  failures 212  (mapper_parsing 209, version 3)
                  dropped 1 204  (transform 2: drop_if status = "test")
                  waiting: target write queue 54 % of 200
        "#);
    }

    #[test]
    fn several_migrations_stand_in_columns() {
        insta::assert_snapshot!(render(&[copying(), ready(), planning()], Paint::off()), @r#"
        alerts               copying    61.2 %   306.4 M / 500.0 M docs   41 200/s (avg 39 870/s)   ETA 1 h 18 min
                             slices 6 131 done · 8 running · 3 861 waiting · 0 set aside (+212 000 docs in open slices)
                             failures 212  (mapper_parsing 209, version 3)
                             dropped 1 204  (transform 2: drop_if status = "test")
                             waiting: target write queue 54 % of 200
        cities-of-the-world  ready     100.0 %   148 213 / 148 213 docs   n/a (avg 51 000/s)        took 2 s
                             slices 31 done · 0 running · 0 waiting · 0 set aside
                             counts cities -> cities-v2: source 148 213, target 148 213: equal
                             counts towns -> towns-v2: source 100, target 98: 2 documents are in the failure list
                             counts hamlets -> hamlets-v2: source 10, target 9: they differ, and nothing that is known explains it
        logs                 planning      n/a                 n/a docs   n/a (avg n/a)             ETA n/a
                             planned 4 of 12 shards
                             slices 0 done · 0 running · 0 waiting · 0 set aside
                             failed: cluster `old` does not answer: connection refused
        "#);
    }

    #[test]
    fn one_migration_is_shown_with_its_indices() {
        insta::assert_snapshot!(render_with_indices(&[ready()], Paint::off()), @r"
        cities-of-the-world  ready  100.0 %   148 213 / 148 213 docs   n/a (avg 51 000/s)   took 2 s
                             slices 31 done · 0 running · 0 waiting · 0 set aside
                             index cities -> cities-v2: 148 213 docs
                               by uid: the best that 1.7.6 supports
                               slices 31 done · 0 running · 0 waiting · 0 set aside
                               note: `city`: _ttl is not carried over
                               counts cities -> cities-v2: source 148 213, target 148 213: equal
                             index towns -> towns-v2: 148 213 docs
                               by uid: the best that 1.7.6 supports
                               slices 31 done · 0 running · 0 waiting · 0 set aside
                               note: `city`: _ttl is not carried over
                               counts towns -> towns-v2: source 100, target 98: 2 documents are in the failure list
                             index hamlets -> hamlets-v2: 148 213 docs
                               by uid: the best that 1.7.6 supports
                               slices 31 done · 0 running · 0 waiting · 0 set aside
                               note: `city`: _ttl is not carried over
                               counts hamlets -> hamlets-v2: source 10, target 9: they differ, and nothing that is known explains it
        ");
    }

    #[test]
    fn what_is_accepted_stands_beside_what_is_not() {
        let accepted = FailureGroup {
            accepted: Some(Acceptance {
                note: "test data".to_owned(),
                by: "anna".to_owned(),
                at: Timestamp::UNIX_EPOCH,
                count: 2,
            }),
            ..group("strict_dynamic_mapping_exception", 2)
        };
        let both = MigrationStatus { failures: vec![accepted.clone(), group("version", 1)], ..ready() };
        let all = MigrationStatus { failures: vec![FailureGroup { count: 5, ..accepted }], ..ready() };
        insta::assert_snapshot!(render(&[both, all], Paint::off()), @"
        cities-of-the-world  ready  100.0 %   148 213 / 148 213 docs   n/a (avg 51 000/s)   took 2 s
                             slices 31 done · 0 running · 0 waiting · 0 set aside
                             failures 1  (version 1)
                             accepted 2  (strict_dynamic_mapping 2)
                             counts cities -> cities-v2: source 148 213, target 148 213: equal
                             counts towns -> towns-v2: source 100, target 98: 2 documents are in the failure list
                             counts hamlets -> hamlets-v2: source 10, target 9: they differ, and nothing that is known explains it
        cities-of-the-world  ready  100.0 %   148 213 / 148 213 docs   n/a (avg 51 000/s)   took 2 s
                             slices 31 done · 0 running · 0 waiting · 0 set aside
                             accepted 5  (strict_dynamic_mapping 5, 3 of them later)
                             counts cities -> cities-v2: source 148 213, target 148 213: equal
                             counts towns -> towns-v2: source 100, target 98: what is missing is accepted
                             counts hamlets -> hamlets-v2: source 10, target 9: they differ, and nothing that is known explains it
        ");
    }

    #[test]
    fn limits_of_an_operator_are_told() {
        let tuned = Tuned { bulks: Some(8), max_docs_per_second: Some(5000), ..Tuned::default() };
        let text = render(&[MigrationStatus { tuned: Some(tuned), ..copying() }], Paint::off());
        insta::assert_snapshot!(text, @r#"
        alerts    copying  61.2 %   306.4 M / 500.0 M docs   41 200/s (avg 39 870/s)   ETA 1 h 18 min
                  slices 6 131 done · 8 running · 3 861 waiting · 0 set aside (+212 000 docs in open slices)
                  failures 212  (mapper_parsing 209, version 3)
                  dropped 1 204  (transform 2: drop_if status = "test")
                  tuned: bulks 8, at most 5 000 docs/s (until `esferry tune alerts --reset`)
                  waiting: target write queue 54 % of 200
        "#);
    }

    #[test]
    fn a_paused_one_has_no_time_to_go() {
        let paused = MigrationStatus { standing: Standing::Paused("lunch".to_owned()), ..copying() };
        let text = render(&[paused], Paint::off());
        assert!(text.contains("ETA n/a") && text.contains("paused: lunch"), "{text}");
    }

    #[test]
    fn nothing_is_said_plainly() {
        assert_eq!(render(&[], Paint::off()), "no migrations\n");
    }
}
