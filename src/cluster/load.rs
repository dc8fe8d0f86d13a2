//! How busy the nodes of a cluster are.

use std::collections::HashMap;

use super::Cluster;
use super::failure::CallError;

/// One node at one moment. What it does not tell is `None`, which is not the same as nothing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeLoad {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Use of its machine's processors, in percent.
    pub cpu: Option<u64>,
    /// Use of its heap, in percent.
    pub heap: Option<u64>,
    /// Its queue of searches.
    pub searches: Option<Queue>,
    /// Its queue of bulk requests.
    pub writes: Option<Queue>,
}

/// A thread pool's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Requests that wait.
    pub waiting: u64,
    /// Requests that found it full, since the node started.
    pub rejected: u64,
}

/// How many requests a node's queues hold; `None` for one without a bound.
#[derive(Debug, Clone, Default)]
pub struct QueueSizes {
    /// Of searches and of writes, by the node's id.
    by_node: HashMap<String, [Option<u64>; 2]>,
}

impl QueueSizes {
    /// Whether they are known of this node.
    #[must_use]
    pub fn know(&self, node: &NodeLoad) -> bool {
        self.by_node.contains_key(&node.id)
    }

    /// The size of its queue of searches.
    #[must_use]
    pub fn searches(&self, node: &NodeLoad) -> Option<u64> {
        self.by_node.get(&node.id)?[0]
    }

    /// The size of its queue of bulk requests.
    #[must_use]
    pub fn writes(&self, node: &NodeLoad) -> Option<u64> {
        self.by_node.get(&node.id)?[1]
    }
}

impl Cluster {
    /// The load of every node now.
    ///
    /// # Errors
    /// Any [`CallError`]; [`CallError::Incomplete`] when not every node answered.
    pub async fn loads(&self) -> Result<Vec<NodeLoad>, CallError> {
        let answer = self.ask(&self.dialect().node_statistics()).await?;
        self.dialect().node_loads(&answer).map_err(CallError::Incomplete)
    }

    /// The sizes of the queues of every node.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn queue_sizes(&self) -> Result<QueueSizes, CallError> {
        let answer = self.ask(&self.dialect().node_queues()).await?;
        Ok(QueueSizes { by_node: self.dialect().queue_sizes(&answer) })
    }
}
