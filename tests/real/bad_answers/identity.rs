//! Who a server is, when somebody else answers one of the two questions for it, or both.

use anyhow::{Result, ensure};
use esferry::cluster::Cluster;
use esferry::error::Kind;
use esferry_lab::data::AlertSet;
use esferry_lab::{Gate, Proxy, Rule};

use super::{Fault, behind};
use crate::scene::{PATIENCE, Scene, alert_schema, alerts, old_and_new, phase};

fn on_root() -> Rule {
    Rule::any().when(|seen| seen.path == "/")
}

fn on_nodes() -> Rule {
    Rule::any().when(|seen| seen.path == "/_nodes/http")
}

#[tokio::test]
async fn half_an_identity_makes_no_other_server_of_it() {
    if !esferry_lab::wanted("servers that somebody else answers for") {
        return;
    }
    let (old, _) = old_and_new().await.unwrap();
    let proxy = Proxy::start(old.url()).unwrap();
    let settings = behind(&proxy).unwrap();
    let connect = || Cluster::connect("old", &settings);
    let whole = connect().await.unwrap();
    let strange: [(Fault, &str); 4] = [
        (|rule| rule.html(200), "no JSON object, but `<!DOCTYPE html>"),
        (|rule| rule.answer(200, ""), "nothing at all"),
        (|rule| rule.answer(200, "[1]"), "no JSON object, but `[1]`"),
        (|rule| rule.answer(200, "{\"ok\":true}"), "in `{\"ok\":true}`"),
    ];
    for (fault, words) in strange {
        for on in [on_root, on_nodes] {
            proxy.clear_rules();
            proxy.rule(fault(on()));
            let error = connect().await.unwrap_err();
            let told = error.one_line();
            assert_eq!((error.kind(), error.code()), (Kind::Temporary, "unintelligible"), "{told}");
            assert!(told.starts_with("cluster `old`: asking who it is: ") && told.contains(words), "{told}");
            assert!(error.remedy().is_some(), "{told}");
        }
        proxy.clear_rules();
        proxy.rule(fault(Rule::any()));
        let error = connect().await.unwrap_err();
        let told = error.one_line();
        assert_eq!((error.kind(), error.code()), (Kind::Refused, "not_elasticsearch"), "{told}");
        assert!(told.contains(&proxy.url()) && told.contains(words), "{told}");
    }
    for (on, status) in [(on_root as fn() -> Rule, 502), (on_nodes, 502), (on_nodes, 429)] {
        proxy.clear_rules();
        proxy.rule(on().html(status));
        let error = connect().await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (Kind::Temporary, "overloaded"), "{error}");
    }
    // Forbidden or hidden, by whomever, is no riddle.
    for status in [403, 404] {
        proxy.clear_rules();
        proxy.rule(on_root().html(status));
        let without_root = connect().await.unwrap();
        assert_eq!(without_root.server().version, whole.server().version);
        proxy.clear_rules();
        proxy.rule(on_nodes().html(status));
        let without_nodes = connect().await.unwrap();
        assert_eq!(without_nodes.server().version, whole.server().version);
    }
    proxy.clear_rules();
    proxy.rule(Rule::any().media_type("text/html"));
    assert_eq!(connect().await.unwrap().identity(), whole.identity());
}

/// One side is nothing but a page for people, in the middle and over a restart, and then itself again.
fn comes_back(scene: &Scene, source: bool) -> Result<()> {
    let (proxy, name, side) =
        if source { (&scene.source, "old", "source") } else { (&scene.target, "new", "target") };
    let gate = Gate::new();
    scene.source.rule(Rule::on_pages().skip(3).hold(&gate));
    let running = scene.daemon.start(&[])?;
    ensure!(gate.wait_held(1, PATIENCE), "{}", scene.daemon.log());
    scene.source.clear_rules();
    proxy.rule(Rule::any().html(200));
    gate.release();
    scene.waits_for(&[side, "unintelligible answer", "<!DOCTYPE html>"])?;
    running.kill_nine()?;
    let _running = scene.daemon.start(&[])?;
    scene.waits_for(&[
        &format!("cluster `{name}`"),
        &proxy.url(),
        "does not answer like Elasticsearch",
        "<!DOCTYPE html>",
    ])?;
    proxy.clear_rules();
    scene.daemon.until(PATIENCE, |status| phase(status) == "ready")?;
    Ok(())
}

#[tokio::test]
async fn a_page_for_people_in_the_place_of_a_known_cluster_is_waited_out() {
    if !esferry_lab::wanted("a proxy that speaks for a cluster") {
        return;
    }
    let (index, copies) = ("bad-page", ["bad-page-a", "bad-page-b"]);
    let (old, new, documents) = alerts(index, copies[0], AlertSet::lived(81, 1500)).await.unwrap();
    new.delete_index(copies[1]).await.unwrap();
    let schema = alert_schema().unwrap();
    let settings = format!(
        "{schema}\nslice = {{ docs = 300, parallel = 1, page_docs = 100 }}\nwrite = {{ batch_docs = 50 }}"
    );
    let scenes = copies.map(|copy| Scene::new(&old, &new, index, copy, &settings).unwrap());
    std::thread::scope(|scope| {
        let sides = [(&scenes[0], true), (&scenes[1], false)];
        let at_work = sides.map(|(scene, source)| scope.spawn(move || comes_back(scene, source)));
        for side in at_work {
            side.join().unwrap().unwrap();
        }
    });
    for scene in scenes {
        assert_eq!(scene.arrived().await.unwrap(), documents);
        scene.clear_target().await.unwrap();
    }
    old.delete_index(index).await.unwrap();
}
