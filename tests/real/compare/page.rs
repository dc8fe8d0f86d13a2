//! The page in a real browser: its numbers are those of the report, and nothing of a search runs in it.

use esferry_lab::Browser;
use serde_json::{Value, json};

use super::{compare, migrated, search};

const EVIL: &str = "<script>document.title = 'run'</script><img src=x onerror=\"document.title = 'run'\">";

#[tokio::test]
async fn a_browser_shows_the_numbers_of_the_report() {
    if !esferry_lab::wanted("the report's page in a real browser") {
        return;
    }
    let (sides, daemon) = migrated("compare-page").await.unwrap();
    sides.new.delete(&format!("/{}/_doc/15", sides.index("to"))).await.unwrap();
    sides.new.refresh(&sides.index("to")).await.unwrap();
    let mut searches: Vec<Value> = super::WORDS
        .iter()
        .map(|word| {
            search(&sides, word, json!({"query": {"term": {"tag": word}}, "sort": ["n"], "size": 100}))
        })
        .collect();
    searches.push(search(
        &sides,
        EVIL,
        json!({"query": {"match": {"title": EVIL}}, "sort": ["n"], "size": 100}),
    ));
    searches.push(search(&sides, "now", json!({"query": {"range": {"created": {"lt": "now"}}}, "size": 0})));
    let page = daemon.folder().join("report.html");
    let compared = compare(&daemon, &searches, &["--html", page.to_str().unwrap()]).unwrap();
    assert_eq!(compared.code, 4, "{}", compared.told());
    let report = compared.report;

    tokio::task::spawn_blocking(move || {
        let mut browser = Browser::start().unwrap();
        let mut shown = browser.open(&format!("file://{}", page.display())).unwrap();
        let mut value = |expression: &str| shown.evaluate(expression).unwrap();
        let number = |value: Value| value.as_str().and_then(|text| text.parse::<f64>().ok());
        for (name, count) in report["totals"].as_object().unwrap() {
            let found = value(&format!("document.getElementById('total-{name}').textContent"));
            assert_eq!(number(found), count.as_f64(), "{name}");
        }
        assert_eq!(value("document.getElementById('passed').dataset.passed"), "false");
        for side in ["source", "target"] {
            for kind in ["wall", "took"] {
                for (name, figure) in report["latency"][side][kind].as_object().unwrap() {
                    let found = value(&format!("document.getElementById('{side}-{kind}-{name}').dataset.value"));
                    assert_eq!(number(found), figure.as_f64(), "{side} {kind} {name}");
                }
            }
            let points = value(&format!(
                "[...document.querySelectorAll('#plot-percentiles circle.{side}')].map(point => Number(point.dataset.value))"
            ));
            let wall = &report["latency"][side]["wall"];
            assert_eq!(points, json!([wall["p50"], wall["p90"], wall["p95"], wall["p99"], wall["max"]]));
            let bars = value(&format!(
                "[...document.querySelectorAll('#plot-spread rect.{side}')].map(bar => Number(bar.dataset.count))"
            ));
            assert_eq!(bars, report["spread"][side]);
        }
        for outcome in report["searches"].as_array().unwrap() {
            let found = value(&format!(
                "[...document.querySelectorAll('.search')].filter(search => search.dataset.name === {}).map(search => [search.dataset.verdict, Number(search.dataset.differences)])",
                outcome["name"]
            ));
            let differences = outcome["differences"].as_array().map_or(0, Vec::len);
            assert_eq!(found, json!([[outcome["verdict"], differences]]), "{}", outcome["name"]);
        }

        // What is the same is hidden until it is asked for; the text filters, too.
        let visible = "document.querySelectorAll('.search:not([hidden])').length";
        let open = report["searches"].as_array().unwrap().iter().filter(|search| search["verdict"] != "same").count();
        assert_eq!(value(visible), open);
        value("document.querySelector('input[value=same]').click()");
        assert_eq!(value(visible), report["searches"].as_array().unwrap().len());
        value("{ const filter = document.getElementById('filter'); filter.value = 'ONERROR'; filter.dispatchEvent(new Event('input')); }");
        assert_eq!(value(visible), 1);

        assert_ne!(value("document.title"), "run", "a search ran");
        assert_eq!(value("document.querySelectorAll('script').length"), 1);
        assert_eq!(value("document.querySelectorAll('img').length"), 0);
        assert_eq!(value("performance.getEntriesByType('resource').length"), 0, "something was fetched");

        let back = "getComputedStyle(document.body).backgroundColor";
        let light = shown.evaluate(back).unwrap();
        shown.prefer_dark(true).unwrap();
        assert_ne!(shown.evaluate(back).unwrap(), light);
        assert!(shown.picture().unwrap().len() > 1000);
    })
    .await
    .unwrap();
}
