//! A whole migration in which each kind of question is answered by somebody else once.

use anyhow::{Context, Result, ensure};
use esferry_lab::data::AlertSet;
use esferry_lab::{Proxy, Rule};
use reqwest::Method;

use crate::scene::{PATIENCE, Scene, alert_schema, alerts, phase};

/// A page for people in the place of one answer to each of these.
fn once_each(proxy: &Proxy, questions: &[(Method, &str, u64, u16)]) {
    for (method, part, skip, status) in questions {
        proxy.rule(Rule::on(method.clone(), part).skip(*skip).times(1).html(*status));
    }
}

/// The daemon comes to its end by itself, and every fault was met.
async fn arrives(scene: &Scene, proxy: &Proxy, documents: u64) -> Result<()> {
    scene.daemon.until(PATIENCE, |status| phase(status) == "ready")?;
    let applied = proxy.applied();
    ensure!(applied.iter().all(|times| *times == 1), "{applied:?}\n{}", scene.daemon.log());
    let arrived = scene.arrived().await.with_context(|| scene.daemon.log())?;
    ensure!(arrived == documents, "{arrived} of {documents}");
    let settings = scene.new.get(&format!("/{}/_settings", scene.to)).await?;
    let refresh = settings.pointer(&format!("/{}/settings/index/refresh_interval", scene.to));
    ensure!(refresh.is_none_or(|interval| *interval != "-1"), "not put back: {settings:#}");
    Ok(())
}

#[tokio::test]
async fn every_question_may_be_answered_by_somebody_else_once() {
    if !esferry_lab::wanted("one bad answer to each question of a migration") {
        return;
    }
    let (index, copies) = ("bad-once", ["bad-once-a", "bad-once-b"]);
    let (old, new, documents) = alerts(index, copies[0], AlertSet::lived(88, 600)).await.unwrap();
    new.delete_index(copies[1]).await.unwrap();
    let settings = format!("{}\nslice = {{ docs = 200, page_docs = 100 }}", alert_schema().unwrap());
    let [one, other] = copies.map(|copy| Scene::new(&old, &new, index, copy, &settings).unwrap());
    once_each(
        &one.source,
        &[
            (Method::GET, "/_cluster/state", 0, 200),
            (Method::GET, "/_stats?level=shards", 0, 404),
            (Method::POST, "/_refresh", 0, 200),
            (Method::POST, "/_count?preference", 0, 500),
            (Method::POST, "/_search?scroll=", 0, 400),
            (Method::POST, "/_search/scroll", 0, 200),
        ],
    );
    // The one at the end, of the whole index.
    let counted = Rule::any().when(|seen| seen.path.ends_with("/bad-once/_count"));
    one.source.rule(counted.times(1).html(200));
    once_each(
        &other.target,
        &[
            (Method::PUT, "/bad-once-b?", 0, 200),
            (Method::PUT, "/_settings", 0, 200),
            // Believed, this one would leave the index without refreshes and replicas for ever.
            (Method::PUT, "/_settings", 1, 404),
            (Method::POST, "/_bulk", 0, 404),
        ],
    );
    let _running = [one.daemon.start(&[]).unwrap(), other.daemon.start(&[]).unwrap()];
    arrives(&one, &one.source, documents).await.unwrap();
    arrives(&other, &other.target, documents).await.unwrap();
    one.clear().await.unwrap();
    other.clear_target().await.unwrap();
}
