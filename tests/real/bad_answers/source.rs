//! Pages that no source sends.

use anyhow::{Context, Result};
use esferry_lab::Rule;
use esferry_lab::data::{AlertSet, load_alerts};
use esferry_lab::proxy::{
    hits_of_another_index, invalid_utf8_in_an_id, negative_numbers, numbers_as_strings,
};
use reqwest::Method;

use super::{Fault, stands_still};
use crate::scene::{PATIENCE, Scene, alert_schema, alerts, old_and_new};

/// Each of them is found out on the page itself, but for the last one, which is none.
const PAGES: [Fault; 12] = [
    |rule| rule.html(200),
    |rule| rule.html(404),
    |rule| rule.html(500),
    |rule| rule.answer(200, ""),
    |rule| rule.answer(200, "{}"),
    |rule| rule.rewrite(numbers_as_strings("total")),
    |rule| rule.rewrite(numbers_as_strings("_version")),
    |rule| rule.rewrite(negative_numbers("total")),
    |rule| rule.rewrite(negative_numbers("_version")),
    |rule| rule.rewrite(invalid_utf8_in_an_id),
    |rule| rule.rewrite(hits_of_another_index),
    |rule| rule.media_type("text/html"),
];

const OPENS: [Fault; 8] = [
    |rule| rule.html(200),
    |rule| rule.html(404),
    |rule| rule.html(400),
    |rule| rule.answer(200, ""),
    |rule| rule.answer(200, "{}"),
    |rule| rule.rewrite(numbers_as_strings("total")),
    |rule| rule.rewrite(negative_numbers("total")),
    |rule| rule.media_type("text/plain"),
];

/// Everything arrives, through every fault once.
async fn survive(scene: &Scene, documents: u64) -> Result<()> {
    let faults = scene.source.applied().len();
    let (code, log) = scene.daemon.run_once()?;
    anyhow::ensure!(code == 0, "exit code {code}\n{log}");
    anyhow::ensure!(scene.source.applied() == vec![1; faults], "{:?}\n{log}", scene.source.applied());
    let arrived = scene.arrived().await.context(log)?;
    anyhow::ensure!(arrived == documents, "{arrived} of {documents}");
    scene.clear_target().await
}

#[tokio::test]
async fn pages_that_no_source_sends_are_read_again() {
    if !esferry_lab::wanted("pages with numbers, ids and bodies of no source") {
        return;
    }
    let (index, copy) = ("bad-pages", "bad-pages-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(82, 2400)).await.unwrap();
    // Every slice meets one fault: several in a row would be patience, and not the point.
    let slices = "slice = { docs = 100, parallel = 20, page_docs = 50 }";
    let settings = format!("{}\n{slices}", alert_schema().unwrap());
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    for fault in PAGES {
        scene.source.rule(fault(Rule::on_pages().times(1)));
    }
    for fault in OPENS {
        scene.source.rule(fault(Rule::on_opens().times(1)));
    }
    survive(&scene, documents).await.unwrap();
    old.delete_index(index).await.unwrap();

    let documents = load_alerts(&new, index, AlertSet::lived(82, 2400)).await.unwrap().documents;
    let settings = "slice = { strategy = \"seq_no\", docs = 150, parallel = 20, page_docs = 50 }";
    let scene = Scene::new(&new, &new, index, copy, settings).unwrap();
    for fault in PAGES {
        scene.source.rule(fault(Rule::on(Method::POST, "/_search?version=true").times(1)));
    }
    survive(&scene, documents).await.unwrap();
    new.delete_index(index).await.unwrap();
}

#[tokio::test]
async fn a_source_that_never_sends_anything_else_is_named_with_what_it_sends() {
    if !esferry_lab::wanted("the reason in the status for pages of no source") {
        return;
    }
    let (index, copy) = ("bad-pages-ever", "bad-pages-ever-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(83, 600)).await.unwrap();
    let settings = format!("{}\nslice = {{ parallel = 1, page_docs = 100 }}", alert_schema().unwrap());
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    scene.source.rule(Rule::on_opens().html(200));
    let mut running = scene.daemon.start(&["--once"]).unwrap();
    let ever: [(Fault, &str); 6] = [
        (|rule| rule.answer(200, ""), "unintelligible answer: nothing at all"),
        (|rule| rule.rewrite(numbers_as_strings("_version")), "expected a whole number"),
        (|rule| rule.rewrite(negative_numbers("_version")), "expected a number that is not negative"),
        (|rule| rule.rewrite(negative_numbers("total")), "expected a number that is not negative"),
        (|rule| rule.rewrite(invalid_utf8_in_an_id), "expected text in UTF-8"),
        (|rule| rule.rewrite(hits_of_another_index), "an answer with documents of \"others-bad-pages-ever\""),
    ];
    for (fault, words) in ever {
        // A page for people in between: it is waited out for as long as it takes, and attempts count anew after it.
        stands_still(&scene, &["source bad-pages-ever shard ", "no JSON object, but `<!DOCTYPE html>"])
            .unwrap();
        scene.source.clear_rules();
        scene.source.rule(fault(Rule::on_pages()));
        stands_still(&scene, &["source bad-pages-ever shard ", words]).unwrap();
        scene.source.clear_rules();
        scene.source.rule(Rule::on_opens().html(200));
    }
    scene.source.clear_rules();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn documents_whose_version_is_left_out_are_failures_that_a_retry_heals() {
    if !esferry_lab::wanted("pages without versions") {
        return;
    }
    let (_, new) = old_and_new().await.unwrap();
    let (index, copy) = ("bad-versionless", "bad-versionless-copy");
    let documents = load_alerts(&new, index, AlertSet::plain(84, 200)).await.unwrap().documents;
    new.delete_index(copy).await.unwrap();
    let scene = Scene::new(&new, &new, index, copy, "slice = { strategy = \"shard\" }").unwrap();
    scene.source.rule(Rule::on_opens().rewrite(without_versions));
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 4, "{log}");
    let listed = scene.daemon.output(&["failures", "list", crate::scene::NAME]).unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("no_version") && listed.contains("strips `_version`"), "{listed}");
    new.refresh(copy).await.unwrap();
    assert_eq!(new.count(copy).await.unwrap(), 0, "nothing is written that could overwrite something newer");
    scene.source.clear_rules();
    let retried = scene.daemon.output(&["failures", "retry", crate::scene::NAME]).unwrap();
    assert_eq!(retried.status.code(), Some(0), "{}", String::from_utf8_lossy(&retried.stderr));
    assert_eq!(scene.daemon.run_once().unwrap().0, 0);
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

/// A page whose hits tell no versions.
fn without_versions(page: bytes::Bytes) -> bytes::Bytes {
    let text = String::from_utf8_lossy(&page);
    let mut parts = text.split("\"_version\":");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once(',').map_or("", |(_, rest)| rest));
    bytes::Bytes::from(rest.fold(first, |page, part| page + part))
}
