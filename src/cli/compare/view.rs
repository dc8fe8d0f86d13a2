//! The report on a terminal: totals, the first searches that are not the same, latencies.

use std::fmt::Write as _;

use crate::compare::latency::Percentiles;
use crate::compare::report::{Outcome, Report, Verdict};

use super::super::{Paint, numbers};

/// Searches that are shown, and of each so many differences.
const MOST_SEARCHES: usize = 20;
const MOST_DIFFERENCES: usize = 5;
/// Characters of a value.
const MOST_CHARACTERS: usize = 160;

pub(super) fn render(report: &Report, paint: Paint) -> String {
    let mut text = format!(
        "{}: {} searches on {} {} and {} {}\n",
        paint.bold(&report.summary.migration),
        numbers::grouped(u64::try_from(report.summary.queries.searches).unwrap_or(u64::MAX)),
        report.summary.source.distribution,
        report.summary.source.version,
        report.summary.target.distribution,
        report.summary.target.version
    );
    for verdict in Verdict::ALL {
        let count = report.summary.totals.get(verdict);
        if count == 0 && !matches!(verdict, Verdict::Same | Verdict::Different) {
            continue;
        }
        let line = format!("  {:<15} {count}", verdict.in_words());
        let line = match verdict {
            Verdict::Same | Verdict::Accepted => paint.green(&line),
            _ if count == 0 => line,
            Verdict::Different => paint.red(&line),
            _ => paint.yellow(&line),
        };
        // Writing to a string does not fail, here and below.
        let _ = writeln!(text, "{line}");
        if verdict == Verdict::Same && report.summary.totals.ids_left_out > 0 {
            let without = report.summary.totals.ids_left_out;
            let line = format!("    {without} of them without the ids of their page, whose order is ignored");
            let _ = writeln!(text, "{}", paint.yellow(&line));
        }
    }
    let open: Vec<&Outcome> = Verdict::ALL
        .iter()
        .filter(|verdict| !matches!(verdict, Verdict::Same | Verdict::Accepted))
        .flat_map(|verdict| report.searches.iter().filter(|outcome| outcome.verdict == *verdict))
        .collect();
    for outcome in open.iter().take(MOST_SEARCHES) {
        one(&mut text, outcome, paint);
    }
    if open.len() > MOST_SEARCHES {
        let _ =
            writeln!(text, "\nand {} more: see them with --json or --html FILE", open.len() - MOST_SEARCHES);
    }
    latency(&mut text, report, paint);
    text
}

fn one(text: &mut String, outcome: &Outcome, paint: Paint) {
    let verdict = outcome.verdict.in_words();
    let verdict =
        if outcome.verdict == Verdict::Different { paint.red(verdict) } else { paint.yellow(verdict) };
    let _ = writeln!(text, "\n{} (line {}) {verdict}", paint.bold(&line(&outcome.name)), outcome.line);
    for reason in &outcome.reasons {
        let _ = writeln!(text, "  {}", line(reason));
    }
    for difference in outcome.differences.iter().take(MOST_DIFFERENCES) {
        let _ = writeln!(
            text,
            "  {}\n    source: {}\n    target: {}",
            line(&difference.at),
            line(&difference.source),
            line(&difference.target)
        );
    }
    let shown = outcome.differences.len().min(MOST_DIFFERENCES);
    let more = outcome.differences.len() - shown + outcome.more_differences;
    if more > 0 {
        let _ = writeln!(text, "  and {more} more differences");
    }
    let told = if outcome.verdict == Verdict::Different { outcome.announced.as_slice() } else { &[] };
    for announced in told {
        let _ = writeln!(text, "  the rewriting said: {}", line(announced));
    }
}

fn latency(text: &mut String, report: &Report, paint: Paint) {
    let (source, target) = (&report.summary.latency.source, &report.summary.latency.target);
    if source.wall.count == 0 && target.wall.count == 0 {
        return;
    }
    let _ = writeln!(
        text,
        "\n{}",
        paint.bold(&format!(
            "{:<22}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}",
            "milliseconds", "p50", "p90", "p95", "p99", "max", "mean"
        ))
    );
    let rows = [
        ("source, client", &source.wall),
        ("target, client", &target.wall),
        ("source, took", &source.took),
        ("target, took", &target.took),
    ];
    for (name, figures) in rows {
        let _ = writeln!(text, "{name:<22}{}", row(figures));
    }
}

fn row(figures: &Percentiles) -> String {
    if figures.count == 0 {
        return format!("{:>9}", numbers::NOTHING);
    }
    let values = figures.named().into_iter().map(|(_, value)| value).chain([figures.mean]);
    values.map(|value| format!("{value:>9.2}")).collect()
}

/// What comes from queries and servers, in one line that any terminal can show.
fn line(text: &str) -> String {
    let cut = match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    };
    cut.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::report::tests::report;

    #[test]
    fn a_report_is_a_table_and_its_differences() {
        insta::assert_snapshot!(render(&report(), Paint::off()), @r"
        alerts: 6 searches on Elasticsearch 1.7.6 and Elasticsearch 6.8.23
          same            1
          different       1
          not comparable  1
          unsteady        1
          both refuse     1
          accepted        1

        hosts (line 2) different
          hits.total
            source: 10
            target: 9
          aggregations.hosts.buckets[web-1].doc_count
            source: 4
            target: 3
          the rewriting said: aggs.hosts: keys carry the key in front (agg_key_value)

        scripted (line 3) not comparable
          query.script: scripts are not translated (script_language); write it in painless

        today (line 4) unsteady
          query.range.created.gte: `now-1d` depends on the moment, and changes all the time

        broken (line 5) both refuse
          source: HTTP 400
          target: HTTP 400

        milliseconds                p50      p90      p95      p99      max     mean
        source, client            10.01    18.02    20.02    20.02    20.02    11.00
        target, client             5.00     9.01    10.01    10.01    10.01     5.50
        source, took               2.00     2.00     2.00     2.00     2.00     2.00
        target, took               1.00     1.00     1.00     1.00     1.00     1.00
        ");
    }

    #[test]
    fn what_was_not_judged_is_told_beside_what_is_the_same() {
        let mut report = report();
        report.summary.totals.ids_left_out = 1;
        let text = render(&report, Paint::off());
        let told =
            "  same            1\n    1 of them without the ids of their page, whose order is ignored\n";
        assert!(text.contains(told), "{text}");
    }

    #[test]
    fn what_queries_hold_does_not_reach_the_terminal_as_it_is() {
        let mut report = report();
        report.searches[1].name = "\u{1b}[2Jx\n".repeat(100);
        let text = render(&report, Paint::off());
        assert!(!text.contains('\u{1b}') && text.contains('…'));
    }
}
