//! A connected cluster: one HTTP client that knows which server it talks to, and offers what the others need by
//! meaning. Versions are the business of [`dialect`] alone.

pub mod counting;
pub mod definitions;
pub mod dialect;
pub mod failure;
pub mod indices;
pub mod load;
pub mod path;
pub mod selection;
pub mod transport;
pub mod waits;

use bytes::Bytes;
use serde_json::Value;

use crate::config::ClusterConfig;
use crate::error::{Error, Kind, Result};
use dialect::{Dialect, Distribution, Version};
use failure::{CallError, Refusal};
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
        let server = identify(&transport).await?;
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

    /// Sends a request and parses the answer.
    ///
    /// # Errors
    /// Every [`CallError`]; [`CallError::Malformed`] when the answer is no JSON.
    pub async fn ask(&self, request: &Request) -> Result<Value, CallError> {
        let body = self.call(request).await?;
        serde_json::from_slice(&body).map_err(|cause| CallError::Malformed(cause.to_string()))
    }

    /// [`ask`](Self::ask) for a caller that gives up on any error: names the cluster and what was being done.
    ///
    /// # Errors
    /// As [`CallError::during`] puts it.
    pub async fn demand(&self, request: &Request, doing: &str) -> Result<Value> {
        self.ask(request).await.map_err(|cause| cause.during(self.name(), doing))
    }
}

/// What a node says for the cluster's uuid before it has seen a cluster state with a master.
const NO_UUID_YET: &str = "_na_";

async fn identify(transport: &Transport) -> Result<Server> {
    let name = transport.name();
    let doing = "asking who it is";
    let root = match transport.exchange(&Request::get("/")).await {
        Ok((status, body)) => {
            let root = serde_json::from_slice::<Value>(&body)
                .ok()
                .filter(|root| root.pointer("/version/number").is_some());
            let refusal = Refusal::read(status.as_u16(), &body);
            if root.is_none() && !status.is_success() && refusal.is_temporary() {
                return Err(CallError::Refused(refusal).during(name, doing));
            }
            root
        }
        Err(cause) => return Err(cause.during(name, doing)),
    };
    // `GET /` may be forbidden or missing; `_nodes` tells the versions of all nodes, and what a body may weigh.
    let nodes = match transport.call(&Request::get("/_nodes/http")).await {
        Ok(body) => serde_json::from_slice::<Value>(&body).ok(),
        // A server that is not well might seem another one, or a new one, without what it would have told.
        Err(cause) if cause.is_temporary() => return Err(cause.during(name, doing)),
        // Rights; any other refusal is not what an Elasticsearch would say.
        Err(CallError::Refused(refusal)) if root.is_none() && matches!(refusal.status, 401 | 403) => {
            return Err(CallError::Refused(refusal).during(name, doing));
        }
        Err(_) => None,
    };
    let nodes = nodes.as_ref();
    let members = nodes.and_then(|nodes| nodes.get("nodes")).and_then(Value::as_object);
    let said = root.as_ref().and_then(|root| root.pointer("/version/number")).and_then(Value::as_str);
    let versions = members
        .into_iter()
        .flat_map(|members| members.values())
        .filter_map(|node| node.get("version"))
        .filter_map(Value::as_str);
    let lowest = versions.chain(said).filter_map(|text| text.parse::<Version>().ok()).min();
    let Some(version) = lowest else {
        return Err(Error::new(
            Kind::Refused,
            "not_elasticsearch",
            format!("cluster `{name}`: {} does not answer like Elasticsearch", transport.urls().join(", ")),
        )
        .hint("give the base URL of the HTTP interface, such as http://es-a:9200"));
    };
    let text = |pointer: &str| {
        root.as_ref().and_then(|root| root.pointer(pointer)).and_then(Value::as_str).map(ToOwned::to_owned)
    };
    let distribution = match text("/version/distribution").as_deref() {
        Some("opensearch") => Distribution::OpenSearch,
        _ => Distribution::Elasticsearch,
    };
    if text("/cluster_uuid").as_deref() == Some(NO_UUID_YET) {
        let why = format!("cluster `{name}`: {doing}: it has no master yet");
        return Err(Error::temporary("no_master", why).hint("see its log, and `GET /_cat/health`"));
    }
    let cluster_name = text("/cluster_name")
        .or_else(|| {
            nodes.and_then(|nodes| nodes.get("cluster_name")).and_then(Value::as_str).map(ToOwned::to_owned)
        })
        .unwrap_or_default();
    Ok(Server {
        version,
        distribution,
        cluster_name,
        cluster_uuid: text("/cluster_uuid"),
        nodes: members.map(|members| members.keys().cloned().collect()).unwrap_or_default(),
        max_body: members
            .into_iter()
            .flat_map(|members| members.values())
            .filter_map(|node| node.pointer("/http/max_content_length_in_bytes").and_then(Value::as_u64))
            .min(),
    })
}
