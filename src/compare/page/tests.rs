//! The page holds what the report says, and nothing of a query runs in it.

use super::super::report::tests::report;
use super::*;

#[test]
fn what_stands_in_queries_and_answers_is_text() {
    let mut report = report();
    let evil = "<script>alert('1')</script><img src=x onerror=\"alert(2)\">";
    report.summary.migration = evil.to_owned();
    report.summary.queries.file = evil.to_owned();
    report.summary.source.identity = evil.to_owned();
    report.unused_acceptances = vec![evil.to_owned()];
    for outcome in &mut report.searches {
        outcome.name = evil.to_owned();
        outcome.reasons = vec![evil.to_owned()];
        outcome.announced = vec![evil.to_owned()];
        outcome.note = Some(evil.to_owned());
        outcome.source.path = evil.to_owned();
        outcome.source.body = serde_json::json!({ evil: evil, "</script>": "]]>\u{0}" });
        for difference in &mut outcome.differences {
            (difference.at, difference.source, difference.target) =
                (evil.to_owned(), evil.to_owned(), evil.to_owned());
        }
    }
    let page = render(&report);
    assert_eq!(page.matches("<script").count(), 1, "only the page's own");
    assert_eq!(page.matches("</script").count(), 1);
    assert!(!page.contains("<img") && !page.contains("onerror=\"") && !page.contains('\u{0}'));
    assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"));
}

#[test]
fn nothing_comes_from_outside() {
    let page = render(&report());
    for outside in ["http://", "https://", "@import", "url(", "src=", "<link"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn every_search_stands_on_the_page_with_its_verdict_and_its_differences() {
    let report = report();
    let page = render(&report);
    for outcome in &report.searches {
        let row = format!("data-verdict=\"{}\" data-name=\"{}\"", outcome.verdict.as_str(), outcome.name);
        assert!(page.contains(&row), "{row}");
        for difference in &outcome.differences {
            assert!(page.contains(&format!("<tr><th>{}</th><td>{}</td>", difference.at, difference.source)));
        }
        for line in outcome.reasons.iter().chain(&outcome.announced).chain(&outcome.note) {
            assert!(page.contains(&escape(line)), "{line}");
        }
    }
    for verdict in Verdict::ALL {
        assert!(page.contains(&format!("id=\"total-{}\" data-value=\"1\"", verdict.as_str())));
    }
    assert!(page.contains("data-passed=\"false\"") && page.contains(&report.summary.queries.sha256));
}

#[test]
fn a_report_without_a_measured_answer_has_a_page() {
    let mut report = report();
    report.summary.latency = Default::default();
    report.spread = Default::default();
    report.searches.clear();
    let page = render(&report);
    assert_eq!(page.matches("no answers were measured").count(), 2);
    assert!(!page.contains("NaN") && !page.contains("inf"));
}
