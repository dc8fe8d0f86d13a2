//! Bulk requests that are refused, lost or answered wrongly: every document is settled, exactly once.

use esferry_lab::data::AlertSet;
use esferry_lab::proxy::last_item_left_out;
use esferry_lab::{Gate, Rule};
use reqwest::Method;

use crate::scene::{PATIENCE, Scene, alert_schema, alerts, standing};

fn on_bulks() -> Rule {
    Rule::on(Method::POST, "/_bulk")
}

#[tokio::test]
async fn every_document_arrives_through_a_target_that_fails_in_every_way() {
    if !esferry_lab::wanted("bulk requests that are refused, lost or answered wrongly") {
        return;
    }
    let (index, copy) = ("faults-bulk", "faults-bulk-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(21, 6000)).await.unwrap();
    let schema = alert_schema().unwrap();
    let settings = format!("{schema}\nslice = {{ parallel = 1 }}\nwrite = {{ bulks = 1, batch_docs = 200 }}");
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    let unparsable = r#"{"error":{"type":"json_parse_exception","reason":"made up"},"status":500}"#;
    let rules = [
        // An answer to another question: that of the bulk before.
        on_bulks().skip(2).times(1).previous_answer(),
        on_bulks().times(3).status(429),
        on_bulks().times(2).status(503),
        on_bulks().times(1).status(502),
        on_bulks().times(1).drop_before(),
        // Applied, and nobody knows.
        on_bulks().times(2).drop_after(),
        on_bulks().times(1).cut(),
        on_bulks().times(1).truncate_at(50),
        on_bulks().times(1).rewrite(last_item_left_out),
        on_bulks().times(1).answer(200, "{}"),
        on_bulks().times(1).answer(200, r#"{"took":1,"errors":false,"items":[]}"#),
        on_bulks().times(1).answer(200, "<html>Bad gateway</html>"),
        // Refused as a whole: halved, and the halves are taken.
        on_bulks().times(2).status(413),
        on_bulks().times(1).status(400),
        on_bulks().times(1).answer(500, unparsable),
    ];
    let expected: Vec<u64> = vec![1, 3, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1];
    for rule in rules {
        scene.target.rule(rule);
    }
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    assert_eq!(scene.target.applied(), expected, "{log}");
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn faults_of_both_sides_at_random_leave_the_copy_exact() {
    if !esferry_lab::wanted("random faults on both sides") {
        return;
    }
    let (index, copy) = ("faults-random", "faults-random-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(22, 12_000)).await.unwrap();
    let schema = alert_schema().unwrap();
    let slice = "slice = { docs = 800, parallel = 4, page_docs = 200 }";
    let settings = format!("{schema}\n{slice}\nwrite = {{ batch_docs = 100 }}");
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    scene.source.rule(Rule::on_pages().probability(0.03, 1).times(9).cut());
    scene.source.rule(Rule::on_pages().probability(0.03, 2).times(9).drop_after());
    scene.source.rule(Rule::on_opens().probability(0.1, 3).times(9).status(503));
    scene.target.rule(on_bulks().probability(0.1, 4).times(20).status(429));
    scene.target.rule(on_bulks().probability(0.1, 5).times(20).drop_after());
    scene.target.rule(on_bulks().probability(0.05, 6).times(20).rewrite(last_item_left_out));
    let (code, log) = scene.daemon.run_once().unwrap();
    assert_eq!(code, 0, "{log}");
    let faults = [scene.source.applied(), scene.target.applied()].concat();
    assert!(faults.iter().sum::<u64>() > 10, "{faults:?}");
    assert_eq!(scene.arrived().await.unwrap(), documents);
    scene.clear().await.unwrap();
}

#[tokio::test]
async fn the_status_names_what_is_waited_for_as_long_as_it_lasts() {
    if !esferry_lab::wanted("the reason of a wait in the status") {
        return;
    }
    let (index, copy) = ("faults-reason", "faults-reason-copy");
    let (old, new, documents) = alerts(index, copy, AlertSet::lived(23, 2000)).await.unwrap();
    let settings = format!("{}\nslice = {{ parallel = 2, page_docs = 100 }}", alert_schema().unwrap());
    let scene = Scene::new(&old, &new, index, copy, &settings).unwrap();
    scene.target.rule(on_bulks().status(429));
    let mut running = scene.daemon.start(&["--once"]).unwrap();
    scene.waits_for(&["target", copy, "429"]).unwrap();

    // The reason goes with its cause: the target is well again, and no page comes.
    let gate = Gate::new();
    scene.source.rule(Rule::on_pages().hold(&gate));
    scene.target.clear_rules();
    scene.daemon.until(PATIENCE, |status| standing(status) == "running").unwrap();
    assert!(gate.wait_held(2, PATIENCE), "{}", scene.daemon.log());

    // The pages come, and the third slice cannot be opened.
    scene.source.clear_rules();
    scene.source.rule(Rule::on_opens().status(503));
    gate.release();
    scene.waits_for(&["source", index, "503"]).unwrap();
    scene.source.clear_rules();
    assert_eq!(running.exit_code(PATIENCE).unwrap(), 0, "{}", scene.daemon.log());
    assert_eq!(scene.arrived().await.unwrap(), documents);
    let status = scene.daemon.migration().unwrap();
    assert_eq!(standing(&status), "running", "{status:#}");
    scene.clear().await.unwrap();
}
