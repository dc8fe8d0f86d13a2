//! Clusters of two nodes, for tests in which one of them goes away.

use super::node::{Node, NodeSpec, free_port};
use crate::endpoint::Endpoint;
use anyhow::Result;

/// Starts two nodes that form one cluster, and waits until both are in it.
///
/// One of them may die and the other goes on as the master. Works up to 6.x, whose discovery settings it uses.
pub async fn start_pair(spec: NodeSpec) -> Result<(Node, Node)> {
    let (one, two) = (free_port()?, free_port()?);
    let spec = NodeSpec {
        cluster_name: Some(format!("esferry-lab-pair-{one}-{two}")),
        heap: Some(spec.heap.clone().unwrap_or_else(|| "256m".to_owned())),
        ..spec
    }
    .setting(&format!(
        "discovery.zen.ping.unicast.hosts: [\"127.0.0.1:{}\", \"127.0.0.1:{}\"]",
        one + 1000,
        two + 1000
    ))
    .setting("discovery.zen.minimum_master_nodes: 1");
    // the second joins the first, so that there are never two masters
    let first = Node::start(spec.clone().port(one)).await?;
    let second = Node::start(spec.port(two)).await?;
    wait_for_nodes(&first.endpoint(), 2).await?;
    Ok((first, second))
}

/// Waits until this many nodes are in the cluster.
pub async fn wait_for_nodes(endpoint: &Endpoint, nodes: u32) -> Result<()> {
    let path = format!("/_cluster/health?wait_for_nodes={nodes}&timeout=60s");
    let health = endpoint.get(&path).await?;
    if health.get("timed_out").and_then(serde_json::Value::as_bool) != Some(false) {
        anyhow::bail!("the cluster did not get {nodes} nodes: {health}");
    }
    Ok(())
}
