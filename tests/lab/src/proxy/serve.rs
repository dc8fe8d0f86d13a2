//! Takes connections, forwards requests, makes the faults.

use super::record::{KEPT, Recorded};
use super::rule::{Fault, Rule, Seen};
use super::{Mode, Shared, locked};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use flate2::read::GzDecoder;
use futures::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue,
    TRANSFER_ENCODING,
};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::collections::HashMap;
use std::io::Read;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

type Answer = Response<BoxBody<Bytes, anyhow::Error>>;

/// What all connections use.
struct Hall {
    shared: Arc<Shared>,
    client: Client<HttpConnector, Full<Bytes>>,
    /// The last answer by method and path.
    previous: Mutex<HashMap<String, Bytes>>,
}

/// Serves until the owner ends it.
pub(super) async fn run(listener: std::net::TcpListener, address: SocketAddr, shared: Arc<Shared>) {
    let client = Client::builder(TokioExecutor::new()).pool_idle_timeout(Duration::from_secs(5)).build_http();
    let hall = Arc::new(Hall { shared: Arc::clone(&shared), client, previous: Mutex::default() });
    let mut mode = shared.mode.subscribe();
    let mut listener =
        listener.set_nonblocking(true).ok().and_then(|()| TcpListener::from_std(listener).ok());
    let mut connections = JoinSet::new();
    loop {
        let now = *mode.borrow_and_update();
        match now {
            Mode::Ended => return,
            Mode::Refusing => {
                listener = None;
                connections.shutdown().await;
                if mode.changed().await.is_err() {
                    return;
                }
            }
            Mode::Serving | Mode::Frozen => {
                let Some(open) = &listener else {
                    listener = TcpListener::bind(address).await.ok();
                    if listener.is_none() {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    continue;
                };
                tokio::select! {
                    changed = mode.changed() => if changed.is_err() { return },
                    _ = connections.join_next(), if !connections.is_empty() => {}
                    accepted = open.accept() => if let Ok((stream, _)) = accepted {
                        let hall = Arc::clone(&hall);
                        connections.spawn(async move {
                            let service = service_fn(move |request| Arc::clone(&hall).serve(request));
                            let io = TokioIo::new(stream);
                            // cut connections end in errors, and that is what they are for
                            let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
                        });
                    },
                }
            }
        }
    }
}

impl Hall {
    /// Answers one request; an error closes the connection.
    async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Result<Answer> {
        let begun = Instant::now();
        let (parts, incoming) = request.into_parts();
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let sent = incoming.collect().await.context("the request broke off")?.to_bytes();
        let body = plain(&parts.headers, &sent);
        let rule = self.choose(&parts.method, &path, &parts.headers, &body);
        let record = self.remember(&parts.method, &path, &body, &sent, &parts.headers, rule.as_ref());
        self.thawed().await;
        let outcome = self.answer(&parts.method, &path, parts.headers, sent, rule, record).await;
        self.thawed().await;
        let status = outcome.as_ref().ok().map(|answer| answer.status().as_u16());
        self.note(record, |record| {
            record.status = status;
            record.took = Some(begun.elapsed());
        });
        outcome
    }

    fn choose(&self, method: &Method, path: &str, headers: &HeaderMap, body: &Bytes) -> Option<Rule> {
        let seen = Seen { method, path, headers, body };
        locked(&self.shared.rules).iter_mut().find_map(|armed| armed.take(&seen))
    }

    fn remember(
        &self,
        method: &Method,
        path: &str,
        body: &Bytes,
        sent: &Bytes,
        headers: &HeaderMap,
        rule: Option<&Rule>,
    ) -> usize {
        let headers = headers.iter().map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let mut records = locked(&self.shared.records);
        records.push(Recorded {
            at: self.shared.begun.elapsed(),
            took: None,
            method: method.to_string(),
            path: path.to_owned(),
            body: Bytes::copy_from_slice(body.get(..KEPT).unwrap_or(body)),
            body_size: sent.len(),
            headers: headers.collect(),
            status: None,
            upstream_status: None,
            answer_size: 0,
            fault: rule.map(Rule::verb),
        });
        records.len() - 1
    }

    /// The record may have been cleared meanwhile.
    fn note(&self, record: usize, change: impl FnOnce(&mut Recorded)) {
        if let Some(record) = locked(&self.shared.records).get_mut(record) {
            change(record);
        }
    }

    /// Waits while the proxy is frozen.
    async fn thawed(&self) {
        let mut mode = self.shared.mode.subscribe();
        // the sender lives in what we hold: waiting cannot fail
        let _ = mode.wait_for(|mode| *mode != Mode::Frozen).await;
    }

    async fn answer(
        &self,
        method: &Method,
        path: &str,
        headers: HeaderMap,
        sent: Bytes,
        rule: Option<Rule>,
        record: usize,
    ) -> Result<Answer> {
        let fault = match rule {
            Some(rule) => {
                if let Some(delay) = rule.delay {
                    tokio::time::sleep(delay).await;
                }
                if let Some(gate) = &rule.gate {
                    gate.pass().await;
                }
                rule.fault
            }
            None => Fault::None,
        };
        match &fault {
            Fault::Answer(status, media_type, body) => return canned(*status, media_type, body.clone()),
            Fault::DropBefore => bail!("dropped before the server was asked"),
            _ => {}
        }
        let changes = !matches!(fault, Fault::None | Fault::DropAfter | Fault::Cut(_));
        let response = self.forward(method, path, headers, sent, changes).await?;
        let (mut parts, incoming) = response.into_parts();
        let body = incoming.collect().await.context("the server's answer broke off")?.to_bytes();
        self.note(record, |record| {
            record.upstream_status = Some(parts.status.as_u16());
            record.answer_size = body.len();
        });
        // what is framed anew must not keep its old frame; the length stays where HEAD has no body to tell it
        for name in [CONNECTION, TRANSFER_ENCODING] {
            parts.headers.remove(name);
        }
        if *method != Method::HEAD {
            parts.headers.remove(CONTENT_LENGTH);
        }
        let before = {
            let key = format!("{method} {path}");
            locked(&self.previous).insert(key, body.clone())
        };
        let body = match fault {
            Fault::DropAfter => bail!("dropped after the server was asked"),
            Fault::Cut(hundredths) => {
                parts.headers.insert(CONTENT_LENGTH, body.len().into());
                return Ok(Response::from_parts(parts, broken(body.slice(..body.len() * hundredths / 100))));
            }
            Fault::Truncate(hundredths) => body.slice(..body.len() * hundredths / 100),
            Fault::Rewrite(change) => change(body),
            Fault::MediaType(media_type) => {
                parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
                body
            }
            Fault::Previous => before.unwrap_or(body),
            _ => body,
        };
        Ok(Response::from_parts(parts, whole(body)))
    }

    async fn forward(
        &self,
        method: &Method,
        path: &str,
        mut headers: HeaderMap,
        sent: Bytes,
        changes: bool,
    ) -> Result<Response<Incoming>> {
        for name in [HOST, CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
            headers.remove(name);
        }
        if changes {
            headers.remove(ACCEPT_ENCODING);
        }
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.shared.upstream))
            .body(Full::new(sent))
            .context("a request that cannot be forwarded")?;
        *request.headers_mut() = headers;
        match self.client.request(request).await {
            Ok(response) => Ok(response),
            Err(error) => bail!("the server cannot be asked: {error}"),
        }
    }
}

/// The body of a request without its compression.
fn plain(headers: &HeaderMap, sent: &Bytes) -> Bytes {
    if headers.get(CONTENT_ENCODING).is_some_and(|value| value == "gzip") {
        let mut plain = Vec::new();
        if GzDecoder::new(sent.as_ref()).read_to_end(&mut plain).is_ok() {
            return Bytes::from(plain);
        }
    }
    sent.clone()
}

fn whole(body: Bytes) -> BoxBody<Bytes, anyhow::Error> {
    Full::new(body).map_err(|never| match never {}).boxed()
}

/// A body that breaks off: the connection is closed where more was promised.
fn broken(start: Bytes) -> BoxBody<Bytes, anyhow::Error> {
    let sent = stream::once(async move { Ok(Frame::data(start)) });
    let pause = stream::once(async {
        // lets the first part reach the client
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(anyhow::anyhow!("cut in the middle"))
    });
    StreamBody::new(futures::StreamExt::chain(sent, pause)).boxed()
}

fn canned(status: u16, media_type: &'static str, body: Bytes) -> Result<Answer> {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, media_type)
        .body(whole(body))
        .context("an answer that cannot be given")
}
