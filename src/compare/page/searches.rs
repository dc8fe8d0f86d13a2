//! The list of searches, the open ones first, to be filtered.

use std::fmt::Write as _;

use super::super::report::{Outcome, Report, Side, Verdict};
use super::{escape, milliseconds};

/// With more searches than this, those that are the same come without their bodies.
const MOST_WHOLE: usize = 1000;
/// Of the body of a search, so much is shown.
const MOST_CHARACTERS: usize = 20_000;

pub(super) fn section(html: &mut String, report: &Report) {
    html.push_str(
        "<section>\n<h2>Searches</h2>\n<p class=\"filter\">\n\
         <input id=\"filter\" type=\"search\" placeholder=\"name, place, text …\" aria-label=\"filter searches\">\n",
    );
    for verdict in Verdict::ALL {
        let count = report.summary.totals.get(verdict);
        // What is well is not shown at first, unless there is nothing else.
        let checked = verdict != Verdict::Same || report.summary.totals.same == report.searches.len();
        let _ = writeln!(
            html,
            "<label><input type=\"checkbox\" name=\"verdict\" value=\"{}\"{}> {} ({count})</label>",
            verdict.as_str(),
            if checked { " checked" } else { "" },
            verdict.in_words()
        );
    }
    let _ = write!(html, "<span id=\"shown\"></span></p>\n<div id=\"searches\">\n");
    let mut ordered: Vec<&Outcome> = report.searches.iter().collect();
    ordered.sort_by_key(|outcome| (rank(outcome.verdict), outcome.line));
    for outcome in ordered {
        one(html, outcome, outcome.verdict != Verdict::Same || report.searches.len() <= MOST_WHOLE);
    }
    html.push_str("</div>\n</section>\n");
}

fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Different => 0,
        Verdict::NotComparable => 1,
        Verdict::Unsteady => 2,
        Verdict::BothRefuse => 3,
        Verdict::Accepted => 4,
        Verdict::Same => 5,
    }
}

fn one(html: &mut String, outcome: &Outcome, whole: bool) {
    let verdict = outcome.verdict.as_str();
    let (source, target) = (&outcome.source.latency.wall, &outcome.target.latency.wall);
    let _ = write!(
        html,
        "<details class=\"search {verdict}\" data-verdict=\"{verdict}\" data-name=\"{}\" data-differences=\"{}\">\n\
         <summary><span class=\"badge {verdict}\">{}</span> <b>{}</b> <small>line {} · {} | {} ms (p50)</small>{}</summary>\n",
        escape(&outcome.name),
        outcome.differences.len() + outcome.more_differences,
        outcome.verdict.in_words(),
        escape(&outcome.name),
        outcome.line,
        milliseconds(source.p50),
        milliseconds(target.p50),
        outcome
            .differences
            .first()
            .map_or(String::new(), |first| format!(" <small>{}</small>", escape(&first.at)))
    );
    if let Some(note) = &outcome.note {
        let _ =
            writeln!(html, "<p class=\"note\">accepted ({}): {}</p>", outcome.found.in_words(), escape(note));
    }
    list(html, "Why", &outcome.reasons);
    if !outcome.differences.is_empty() {
        html.push_str("<table class=\"differences\"><thead><tr><th>where</th><th>source</th><th>target</th></tr></thead>\n<tbody>\n");
        for difference in &outcome.differences {
            let _ = writeln!(
                html,
                "<tr><th>{}</th><td>{}</td><td>{}</td></tr>",
                escape(&difference.at),
                escape(&cut(&difference.source)),
                escape(&cut(&difference.target))
            );
        }
        html.push_str("</tbody></table>\n");
        if outcome.more_differences > 0 {
            let _ = writeln!(html, "<p>and {} more</p>", outcome.more_differences);
        }
    }
    list(html, "The rewriting said that this may differ", &outcome.announced);
    list(html, "Not compared", &outcome.left_out);
    html.push_str("<div class=\"sides\">\n");
    side(html, "source", &outcome.source, whole);
    side(html, "target", &outcome.target, whole);
    let _ = write!(
        html,
        "</div>\n<p><small>fingerprint <code>{}</code></small></p>\n</details>\n",
        escape(&outcome.fingerprint)
    );
}

fn side(html: &mut String, name: &str, side: &Side, whole: bool) {
    let body = if side.body.is_null() || !whole {
        String::new()
    } else {
        // Values of JSON are always written.
        let text = serde_json::to_string_pretty(&side.body).unwrap_or_default();
        format!("<pre>{}</pre>", escape(&cut(&text)))
    };
    let wall = side.latency.wall;
    let _ = writeln!(
        html,
        "<div class=\"{name}\"><h4>{name}</h4><p><code>{}</code></p>{body}<p><small>{} answers, p50 {} ms, p99 {} ms, max {} ms</small></p></div>",
        escape(&side.path),
        wall.count,
        milliseconds(wall.p50),
        milliseconds(wall.p99),
        milliseconds(wall.max)
    );
}

fn list(html: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = write!(html, "<p class=\"list\">{title}</p>\n<ul>\n");
    for line in lines {
        let _ = writeln!(html, "<li>{}</li>", escape(&cut(line)));
    }
    html.push_str("</ul>\n");
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
