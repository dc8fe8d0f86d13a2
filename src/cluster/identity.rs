//! Who a server is: its version, its maker, its nodes.

use reqwest::StatusCode;
use serde_json::Value;

use super::answer::{object, refusal};
use super::dialect::{Distribution, Version};
use super::failure::{CallError, Refusal};
use super::transport::{Request, Transport};
use super::{Server, answer};
use crate::error::{Error, Kind, Result};

/// What a node says for the cluster's uuid before it has seen a cluster state with a master.
const NO_UUID_YET: &str = "_na_";

/// Asks a server who it is.
///
/// # Errors
/// `Refused` for wrong credentials and for what is no Elasticsearch. `Temporary` when nothing answers, and when one
/// question is answered by an Elasticsearch and the other one by something else: half of what a server says of itself
/// would make it another one.
pub(super) async fn identify(transport: &Transport) -> Result<Server> {
    let name = transport.name();
    let failed = |cause: CallError| cause.during(name, "asking who it is");
    let (root_status, body) = transport.exchange(&Request::get("/")).await.map_err(failed)?;
    let root = said(root_status, &body, "/version/number");
    // `GET /` may be forbidden or missing; `_nodes` tells the versions of all nodes, and what a body may weigh.
    let (nodes_status, body) = transport.exchange(&Request::get("/_nodes/http")).await.map_err(failed)?;
    let nodes = match (said(nodes_status, &body, "/nodes"), &root) {
        (Ok(_), Err(strange)) if !root_status.is_client_error() || is_overload(strange) => {
            return Err(failed(strange.clone()));
        }
        (Ok(nodes), _) => Some(nodes),
        (Err(CallError::Refused(refusal)), _) if refusal.is_temporary() => {
            return Err(failed(CallError::Refused(refusal)));
        }
        (Err(CallError::Refused(refusal)), Err(_)) if matches!(refusal.status, 401 | 403) => {
            return Err(failed(CallError::Refused(refusal)));
        }
        (Err(strange), Ok(_)) if nodes_status.is_success() => return Err(failed(strange)),
        (Err(_), _) => None,
    };
    let (root, strange) = match root {
        Ok(root) => (Some(root), None),
        Err(strange) => (None, Some(strange)),
    };
    let members = nodes.as_ref().and_then(|nodes| nodes.get("nodes")).and_then(Value::as_object);
    let number = root.as_ref().and_then(|root| root.pointer("/version/number")).and_then(Value::as_str);
    let versions = members
        .into_iter()
        .flat_map(|members| members.values())
        .filter_map(|node| node.get("version"))
        .filter_map(Value::as_str);
    let lowest = versions.chain(number).filter_map(|text| text.parse::<Version>().ok()).min();
    let Some(version) = lowest else { return Err(no_elasticsearch(transport, strange)) };
    let text = |pointer: &str| {
        root.as_ref().and_then(|root| root.pointer(pointer)).and_then(Value::as_str).map(ToOwned::to_owned)
    };
    if text("/cluster_uuid").as_deref() == Some(NO_UUID_YET) {
        let why = format!("cluster `{name}`: it has no master yet");
        return Err(Error::temporary("no_master", why).hint("see its log, and `GET /_cat/health`"));
    }
    let distribution = match text("/version/distribution").as_deref() {
        Some("opensearch") => Distribution::OpenSearch,
        _ => Distribution::Elasticsearch,
    };
    let of_nodes = || nodes.as_ref()?.get("cluster_name")?.as_str().map(ToOwned::to_owned);
    let cluster_name = text("/cluster_name").or_else(of_nodes).unwrap_or_default();
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

fn is_overload(strange: &CallError) -> bool {
    strange.refusal().is_some_and(Refusal::is_temporary)
}

/// An answer that has something at this place, whatever its status: 1.x without a master says 503, and who it is.
fn said(status: StatusCode, body: &[u8], place: &str) -> Result<Value, CallError> {
    match object(body) {
        Ok(answer) if answer.pointer(place).is_some() => Ok(answer),
        _ if !status.is_success() => Err(refusal(status.as_u16(), body)),
        Ok(_) => Err(CallError::Malformed(answer::lacking(body, place))),
        Err(cause) => Err(cause),
    }
}

fn no_elasticsearch(transport: &Transport, strange: Option<CallError>) -> Error {
    let (name, urls) = (transport.name(), transport.urls().join(", "));
    let message = format!("cluster `{name}`: {urls} does not answer like Elasticsearch");
    let error = Error::new(Kind::Refused, "not_elasticsearch", message)
        .hint("give the base URL of the HTTP interface, such as http://es-a:9200");
    match strange {
        Some(cause) => error.because(cause),
        None => error,
    }
}
