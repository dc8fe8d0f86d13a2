//! The lab against real servers. Run with `ESFERRY_LAB=1`, as `scripts/test` does.

use esferry_lab::data::{
    AlertSet, Body, BulkWriter, Document, load_alerts, load_odd_documents, load_refused_documents,
    odd_documents, refused_documents,
};
use esferry_lab::servers::start_pair;
use esferry_lab::{Endpoint, Node, NodeSpec, Servers, compare, wanted};
use serde_json::json;
use std::time::Duration;

async fn both() -> anyhow::Result<(Endpoint, Endpoint)> {
    let servers = Servers::shared(&["1.7.6", "6.8.23"]).await?;
    Ok((servers.endpoint("1.7.6")?, servers.endpoint("6.8.23")?))
}

#[tokio::test]
async fn odd_documents_are_stored_as_they_are_on_both_sides() {
    if !wanted("lab: odd documents are stored as they are on both sides") {
        return;
    }
    let (old, new) = both().await.unwrap();
    let count = u64::try_from(odd_documents().len()).unwrap();
    assert_eq!(load_odd_documents(&old, "lab-odd").await.unwrap(), count);
    assert_eq!(load_odd_documents(&new, "lab-odd").await.unwrap(), count);
    let outcome = compare((&old, "lab-odd"), (&new, "lab-odd")).await.unwrap();
    assert!(outcome.is_equal(), "{outcome}");
    assert_eq!(outcome.same, count);
    for server in [old, new] {
        server.delete_index("lab-odd").await.unwrap();
    }
}

#[tokio::test]
async fn a_lived_set_has_what_it_says_and_one_lost_document_shows() {
    if !wanted("lab: a lived set has what it says and one lost document shows") {
        return;
    }
    let (old, new) = both().await.unwrap();
    let set = AlertSet::lived(9, 3000);
    let loaded = load_alerts(&old, "lab-alerts", set).await.unwrap();
    assert_eq!(load_alerts(&new, "lab-alerts", set).await.unwrap(), loaded);
    assert!(loaded.updates > 0 && loaded.deletes > 0);
    assert_eq!(old.count("lab-alerts").await.unwrap(), loaded.documents);
    let whole = compare((&old, "lab-alerts"), (&new, "lab-alerts")).await.unwrap();
    assert!(whole.is_equal(), "{whole}");
    let lost = set.documents().next().unwrap();
    BulkWriter::new(&new, "lab-alerts", Some("_doc")).delete([lost.clone()]).await.unwrap();
    let outcome = compare((&old, "lab-alerts"), (&new, "lab-alerts")).await.unwrap();
    assert_eq!(outcome.missing.len(), 1, "{outcome}");
    assert_eq!(outcome.missing[0].id, lost.id);
    for server in [old, new] {
        server.delete_index("lab-alerts").await.unwrap();
    }
}

#[tokio::test]
async fn refused_documents_are_refused_for_the_reason_they_name() {
    if !wanted("lab: refused documents are refused for the reason they name") {
        return;
    }
    let (old, new) = both().await.unwrap();
    let count = load_refused_documents(&old, &new, "lab-refused", 5).await.unwrap();
    assert_eq!(count, 5 + u64::try_from(refused_documents().len()).unwrap());
    for refused in refused_documents() {
        let writer = BulkWriter::new(&new, "lab-refused", Some("_doc"));
        let error = format!("{:#}", writer.index([refused.document]).await.unwrap_err());
        assert!(error.contains(refused.error_type), "{error} instead of {}", refused.error_type);
    }
    for server in [old, new] {
        server.delete_index("lab-refused").await.unwrap();
    }
}

#[tokio::test]
async fn a_private_node_is_killed_and_comes_back_with_its_data() {
    if !wanted("lab: a private node is killed and comes back with its data") {
        return;
    }
    let mut node = Node::start(NodeSpec::new("1.7.6").heap("256m")).await.unwrap();
    let endpoint = node.endpoint();
    endpoint.recreate_index("i", &Body::Odd.source().unwrap()).await.unwrap();
    let writer = BulkWriter::new(&endpoint, "i", Some("odd"));
    writer.index((0..100).map(|n| Document::new(n.to_string(), "{}"))).await.unwrap();
    endpoint.refresh("i").await.unwrap();
    endpoint.flush("i").await.unwrap();
    node.kill_nine().unwrap();
    assert!(!endpoint.is_healthy().await);
    node.restart_on_same_data().await.unwrap();
    endpoint.get("/_cluster/health/i?wait_for_status=green&timeout=30s").await.unwrap();
    assert_eq!(endpoint.count("i").await.unwrap(), 100);
    node.freeze().unwrap();
    assert!(!endpoint.is_healthy().await);
    node.thaw().unwrap();
    assert!(endpoint.is_healthy().await);
    let process = node.process();
    let home = node.home().to_owned();
    drop(node);
    assert!(process.wait_gone(Duration::from_secs(5)));
    assert!(!home.exists());
}

#[tokio::test]
async fn two_nodes_form_a_cluster_and_one_survives_the_other() {
    if !wanted("lab: two nodes form a cluster and one survives the other") {
        return;
    }
    for version in ["1.7.6", "6.8.23"] {
        let (first, mut second) = start_pair(NodeSpec::new(version).heap("384m")).await.unwrap();
        let endpoint = first.endpoint();
        let body = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}});
        endpoint.recreate_index("i", &body).await.unwrap();
        endpoint.get("/_cluster/health/i?wait_for_status=green&timeout=30s").await.unwrap();
        second.kill_nine().unwrap();
        let gone = endpoint.get("/_cluster/health?wait_for_nodes=1&timeout=60s").await.unwrap();
        assert_eq!(gone["number_of_nodes"], 1, "{version}: {gone}");
        endpoint.count("i").await.unwrap_err();
    }
}
