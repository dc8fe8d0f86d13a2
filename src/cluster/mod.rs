//! A connected cluster: one HTTP client that knows which server it talks to, and offers what the others need by
//! meaning. Versions are the business of [`dialect`] alone.

pub mod aliases;
pub mod answer;
pub mod condition;
pub mod counting;
pub mod definitions;
pub mod dialect;
pub mod failure;
pub mod held;
mod identity;
pub mod indices;
pub mod load;
pub mod path;
pub mod selection;
pub mod transport;
pub mod waits;

use bytes::Bytes;
use serde_json::Value;

use crate::config::ClusterConfig;
use crate::error::{Error, Result};
use dialect::{Dialect, Distribution, Version};
use failure::CallError;
use transport::{Request, Transport};

/// What a server says of itself.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its version; the lowest of the cluster's nodes, since any of them may answer.
    pub version: Version,
    /// Who made it.
    pub distribution: Distribution,
    /// The cluster's own name.
    pub cluster_name: String,
    /// The cluster's uuid, from 2.x on.
    pub cluster_uuid: Option<String>,
    /// Ids of its nodes: two connections to one cluster share some, whatever the URLs are.
    pub nodes: Vec<String>,
    /// The smallest `http.max_content_length` of the nodes, in bytes of uncompressed body.
    pub max_body: Option<u64>,
}

impl Server {
    /// The version of Elasticsearch whose searches the server understands: OpenSearch is a fork of 7.10.
    #[must_use]
    pub fn search_language(&self) -> Version {
        match self.distribution {
            Distribution::Elasticsearch => self.version,
            Distribution::OpenSearch => Version::new(7, 10, 2),
        }
    }
}

/// A connected cluster.
#[derive(Debug)]
pub struct Cluster {
    transport: Transport,
    server: Server,
    dialect: Dialect,
}

impl Cluster {
    /// Connects: asks who the server is, and picks its dialect.
    ///
    /// # Errors
    /// `Config` for unusable settings, `Temporary` when nothing answers, `Refused` when the credentials are wrong,
    /// when it is no Elasticsearch, or one that is not supported.
    pub async fn connect(name: &str, config: &ClusterConfig) -> Result<Self> {
        let transport = Transport::new(name, config)?;
        let server = identity::identify(&transport).await?;
        let dialect = Dialect::of(server.version, server.distribution)?;
        if config.gzip && !dialect.gzip {
            return Err(Error::config(
                "gzip",
                format!(
                    "clusters.{name}.gzip: {} {} closes the connection on compressed requests",
                    server.distribution, server.version
                ),
            )
            .hint("take `gzip = true` out of this cluster"));
        }
        tracing::debug!(cluster = name, version = %server.version, distribution = %server.distribution, "connected");
        Ok(Cluster { transport, server, dialect })
    }

    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        self.transport.name()
    }

    /// What the server said of itself.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// How it wants to be asked.
    #[must_use]
    pub fn dialect(&self) -> &Dialect {
        &self.dialect
    }

    /// The HTTP client.
    #[must_use]
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// Name and uuid, as the store keeps them.
    #[must_use]
    pub fn identity(&self) -> String {
        let uuid = self.server.cluster_uuid.as_deref().map_or(String::new(), |uuid| format!(" ({uuid})"));
        format!("{}{uuid}", self.server.cluster_name)
    }

    /// True when both connections lead to the same cluster.
    #[must_use]
    pub fn is_same_as(&self, other: &Cluster) -> bool {
        self.server.nodes.iter().any(|node| other.server.nodes.contains(node))
    }

    /// Sends a request and returns the body of a 2xx answer.
    ///
    /// # Errors
    /// Every [`CallError`].
    pub async fn call(&self, request: &Request) -> Result<Bytes, CallError> {
        self.transport.call(request).await
    }

    /// [`call`](Self::call) for an answer that has to fit into so many bytes.
    ///
    /// # Errors
    /// Every [`CallError`]; [`CallError::TooLarge`] for a larger one.
    pub async fn call_within(&self, request: &Request, most: usize) -> Result<Bytes, CallError> {
        self.transport.call_within(request, most).await
    }

    /// Sends a request and parses the answer, which is an object.
    ///
    /// # Errors
    /// Every [`CallError`]; [`CallError::Malformed`] when the answer is no JSON object.
    pub async fn ask(&self, request: &Request) -> Result<Value, CallError> {
        answer::object(&self.call(request).await?)
    }

    /// Sends a request that changes something, and believes only a server's own word that it is done.
    ///
    /// # Errors
    /// Every [`CallError`]; [`CallError::Malformed`] when nothing is acknowledged: it may or may not be done then.
    pub async fn change(&self, request: &Request) -> Result<(), CallError> {
        // `false`: decided, and not every node has said so in time.
        match self.ask(request).await?.get("acknowledged") {
            Some(Value::Bool(_)) => Ok(()),
            _ => Err(CallError::Malformed("a change that is not acknowledged".to_owned())),
        }
    }

    /// [`ask`](Self::ask) for a caller that gives up on any error: names the cluster and what was being done.
    ///
    /// # Errors
    /// As [`CallError::during`] puts it.
    pub async fn demand(&self, request: &Request, doing: &str) -> Result<Value> {
        self.ask(request).await.map_err(|cause| cause.during(self.name(), doing))
    }
}
