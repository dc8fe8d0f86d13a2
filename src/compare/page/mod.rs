//! The report as one HTML page: nothing from outside, for a browser that reads it from a file.

mod plot;
mod searches;

use std::fmt::Write as _;

use super::latency::Percentiles;
use super::report::{Report, ServerSeen, Verdict};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page.
#[must_use]
pub fn render(report: &Report) -> String {
    let title =
        format!("{}: {} searches compared", report.summary.migration, report.summary.queries.searches);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        escape(&title)
    );
    header(&mut html, report);
    totals(&mut html, report);
    latency(&mut html, report);
    searches::section(&mut html, report);
    let _ = write!(
        html,
        "<footer>esferry {} · report format {}</footer>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        report.summary.format
    );
    html
}

/// Text that stands for itself in HTML, in attributes too.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // What no text of HTML may hold.
            character if character.is_control() && !matches!(character, '\n' | '\t') => {
                escaped.push('\u{fffd}')
            }
            plain => escaped.push(plain),
        }
    }
    escaped
}

fn header(html: &mut String, report: &Report) {
    let state = if report.summary.passed { ("pass", "passed") } else { ("fail", "not passed") };
    let server = |seen: &ServerSeen| {
        escape(&format!("{}: {} {} ({})", seen.cluster, seen.distribution, seen.version, seen.identity))
    };
    // Writing to a string does not fail, here and below.
    let _ = write!(
        html,
        "<header>\n<h1>Searches of <b>{}</b> on both sides <span id=\"passed\" class=\"badge {}\" data-passed=\"{}\">{}</span></h1>\n\
         <dl>\n<dt>source</dt><dd>{}</dd>\n<dt>target</dt><dd>{}</dd>\n<dt>searches</dt><dd>{} of {}, SHA-256 <code>{}</code></dd>\n\
         <dt>run</dt><dd>{} to {}; {} measured and {} unmeasured runs on each side, {} at once; scores {}, order by relevance {}</dd>\n</dl>\n</header>\n",
        escape(&report.summary.migration),
        state.0,
        report.summary.passed,
        state.1,
        server(&report.summary.source),
        server(&report.summary.target),
        report.summary.queries.searches,
        escape(&report.summary.queries.file),
        escape(&report.summary.queries.sha256),
        report.summary.started.strftime("%Y-%m-%d %H:%M:%S UTC"),
        report.summary.finished.strftime("%H:%M:%S UTC"),
        report.runs.repeat,
        report.runs.warmup,
        report.runs.concurrency,
        escape(&report.scores),
        escape(&report.relevance),
    );
}

fn totals(html: &mut String, report: &Report) {
    html.push_str("<section>\n<h2>What came of them</h2>\n<ul class=\"totals\">\n");
    for verdict in Verdict::ALL {
        let (name, count) = (verdict.as_str(), report.summary.totals.get(verdict));
        let _ = writeln!(
            html,
            "<li class=\"{name}{}\"><b id=\"total-{name}\" data-value=\"{count}\">{count}</b> {}</li>",
            if count == 0 { " none" } else { "" },
            verdict.in_words()
        );
    }
    let without = report.summary.totals.ids_left_out;
    let _ = writeln!(
        html,
        "</ul>\n<p{}><b id=\"total-ids_left_out\">{without}</b> of the same without the ids of their page, whose order is ignored</p>",
        if without == 0 { " hidden" } else { "" }
    );
    if !report.unused_acceptances.is_empty() {
        html.push_str("<h3>Accepted differences that are none any more</h3>\n<ul>\n");
        for unused in &report.unused_acceptances {
            let _ = writeln!(html, "<li>{}</li>", escape(unused));
        }
        html.push_str("</ul>\n");
    }
    html.push_str("</section>\n");
}

fn latency(html: &mut String, report: &Report) {
    html.push_str(
        "<section>\n<h2>Latency</h2>\n<table id=\"latency\">\n<thead><tr><th>milliseconds</th><th>answers</th>",
    );
    for (name, _) in Percentiles::default().named() {
        let _ = write!(html, "<th>{name}</th>");
    }
    html.push_str("<th>mean</th></tr></thead>\n<tbody>\n");
    let (source, target) = (&report.summary.latency.source, &report.summary.latency.target);
    let rows = [
        ("source", "wall", "source, as the client waits", &source.wall),
        ("target", "wall", "target, as the client waits", &target.wall),
        ("source", "took", "source, as the server says", &source.took),
        ("target", "took", "target, as the server says", &target.took),
    ];
    for (side, kind, words, figures) in rows {
        let _ = write!(
            html,
            "<tr class=\"{side}\"><th>{words}</th><td data-value=\"{0}\" id=\"{side}-{kind}-count\">{0}</td>",
            figures.count
        );
        for (name, value) in figures.named().into_iter().chain([("mean", figures.mean)]) {
            let _ = write!(
                html,
                "<td id=\"{side}-{kind}-{name}\" data-value=\"{value}\">{}</td>",
                milliseconds(value)
            );
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n<div class=\"plots\">\n");
    html.push_str(&plot::percentiles(&source.wall, &target.wall));
    html.push_str(&plot::spread(&report.spread));
    html.push_str("</div>\n</section>\n");
}

/// `12.3`, `0.45`, `1 204`.
pub(crate) fn milliseconds(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests;
