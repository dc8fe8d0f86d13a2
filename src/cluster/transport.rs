//! HTTP to one cluster: several URLs with failover, keep-alive, TLS, credentials, timeouts.
//!
//! Nothing here knows what a request means, so nothing is sent twice by itself, except to the next URL when a
//! connection could not even be made.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Certificate, Client, Method, StatusCode};
use secrecy::ExposeSecret as _;

use super::answer::refusal;
use super::failure::CallError;
use crate::config::{Auth, ClusterConfig};
use crate::error::{Error, Result};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// What an answer may promise at once; a larger one is read all the same, in growing steps.
const LARGEST_RESERVE: u64 = 64 * 1024 * 1024;

/// What `ca` is for.
const AUTHORITY: &str = "give the PEM file of the authority that signed the cluster's certificate";

/// A request: method, path with query string, body.
#[derive(Debug, Clone)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Path and query string, beginning with a slash, already percent-encoded.
    pub path: String,
    /// Body, if any.
    pub body: Option<Body>,
}

/// A request body with its media type.
#[derive(Debug, Clone)]
pub enum Body {
    /// `application/json`.
    Json(Bytes),
    /// `application/x-ndjson`.
    Ndjson(Bytes),
    /// `text/plain`: scroll ids of 1.x.
    Text(Bytes),
}

impl Request {
    /// GET without a body.
    #[must_use]
    pub fn get(path: impl Into<String>) -> Self {
        Request { method: Method::GET, path: path.into(), body: None }
    }
    /// POST without a body.
    #[must_use]
    pub fn post(path: impl Into<String>) -> Self {
        Request { method: Method::POST, path: path.into(), body: None }
    }
    /// Any method with a JSON body.
    #[must_use]
    pub fn json(method: Method, path: impl Into<String>, body: &serde_json::Value) -> Self {
        Request { method, path: path.into(), body: Some(Body::Json(Bytes::from(body.to_string()))) }
    }
}

/// A connected client of one cluster, cheap to share.
#[derive(Debug)]
pub struct Transport {
    name: String,
    urls: Vec<String>,
    preferred: AtomicUsize,
    client: RwLock<Client>,
    settings: Arc<Settings>,
}

#[derive(Debug)]
struct Settings {
    headers: HeaderMap,
    /// Whether any URL is https.
    tls: bool,
    /// The file of the authorities, for messages.
    ca: PathBuf,
    authorities: Vec<Certificate>,
    timeout: Duration,
    gzip: bool,
}

impl Settings {
    fn client(&self, name: &str) -> Result<Client> {
        let mut builder = Client::builder()
            .user_agent(concat!("esferry/", env!("CARGO_PKG_VERSION")))
            .default_headers(self.headers.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(self.timeout)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .gzip(self.gzip);
        builder = if self.tls {
            builder.tls_certs_merge(self.authorities.clone())
        } else {
            // The system's authorities are not even looked for: a machine without any can talk plain HTTP.
            builder.tls_certs_only([])
        };
        builder.build().map_err(|cause| match self.authorities.is_empty() {
            true => Error::config("http_client", format!("cluster `{name}`: no HTTP client can be made"))
                .hint(
                    "https needs authorities to trust: install the system's (ca-certificates), or give `ca`",
                )
                .because(cause),
            false => {
                let message = format!("clusters.{name}.ca: {} is not usable", self.ca.display());
                Error::config("ca", message).hint(AUTHORITY).because(cause)
            }
        })
    }
}

impl Transport {
    /// Reads the secrets and the certificate, and makes the client. Sends nothing.
    ///
    /// # Errors
    /// `Config` when a secret or the certificate cannot be read or used.
    pub fn new(name: &str, config: &ClusterConfig) -> Result<Self> {
        let mut headers = HeaderMap::new();
        if let Some(auth) = &config.auth {
            headers.insert(AUTHORIZATION, authorization(name, auth)?);
        }
        let authorities = match &config.ca {
            Some(path) => authorities(name, path)?,
            None => Vec::new(),
        };
        let settings = Settings {
            headers,
            tls: config.urls.iter().any(|url| !url.starts_with("http://")),
            ca: config.ca.clone().unwrap_or_default(),
            authorities,
            timeout: config.timeout.0,
            gzip: config.gzip,
        };
        Ok(Transport {
            name: name.to_owned(),
            urls: config.urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect(),
            preferred: AtomicUsize::new(0),
            client: RwLock::new(settings.client(name)?),
            settings: Arc::new(settings),
        })
    }

    /// The cluster's name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The configured URLs.
    #[must_use]
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// True when bodies may be compressed.
    #[must_use]
    pub fn gzip(&self) -> bool {
        self.settings.gzip
    }

    /// Sends a request and returns the body of a 2xx answer.
    ///
    /// # Errors
    /// Every [`CallError`]; what may be done about it depends on the request.
    pub async fn call(&self, request: &Request) -> Result<Bytes, CallError> {
        self.call_within(request, usize::MAX).await
    }

    /// [`call`](Self::call) for an answer that has to fit into so many bytes.
    ///
    /// # Errors
    /// Every [`CallError`]; [`CallError::TooLarge`] for a larger one, of which no more is read.
    pub async fn call_within(&self, request: &Request, most: usize) -> Result<Bytes, CallError> {
        let (status, body) = self.exchange_within(request, most).await?;
        if status.is_success() { Ok(body) } else { Err(refusal(status.as_u16(), &body)) }
    }

    /// Sends a request and returns status and body whatever the status is.
    ///
    /// # Errors
    /// [`CallError::Unreachable`], [`CallError::Timeout`] and [`CallError::Broken`].
    pub async fn exchange(&self, request: &Request) -> Result<(StatusCode, Bytes), CallError> {
        self.exchange_within(request, usize::MAX).await
    }

    /// [`exchange`](Self::exchange) for an answer that has to fit into so many bytes.
    ///
    /// # Errors
    /// As there, and [`CallError::TooLarge`].
    pub async fn exchange_within(
        &self,
        request: &Request,
        most: usize,
    ) -> Result<(StatusCode, Bytes), CallError> {
        let first = self.preferred.load(Ordering::Relaxed);
        let mut unreachable = None;
        for turn in 0..self.urls.len() {
            let position = (first + turn) % self.urls.len();
            match self.send(&self.urls[position], request, most).await {
                Err(CallError::Unreachable { url, reason }) => {
                    unreachable = Some(CallError::Unreachable { url, reason });
                }
                answer => {
                    self.preferred.store(position, Ordering::Relaxed);
                    if answer.is_err() {
                        self.preferred.store((position + 1) % self.urls.len(), Ordering::Relaxed);
                    }
                    return answer;
                }
            }
        }
        Err(unreachable.unwrap_or(CallError::Unreachable { url: String::new(), reason: "no URL".to_owned() }))
    }

    async fn send(
        &self,
        base: &str,
        request: &Request,
        most: usize,
    ) -> Result<(StatusCode, Bytes), CallError> {
        let client = self.client.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut builder = client.request(request.method.clone(), format!("{base}{}", request.path));
        if let Some(body) = &request.body {
            let (media_type, bytes) = match body {
                Body::Json(bytes) => ("application/json", bytes),
                Body::Ndjson(bytes) => ("application/x-ndjson", bytes),
                Body::Text(bytes) => ("text/plain", bytes),
            };
            builder = builder.header(CONTENT_TYPE, HeaderValue::from_static(media_type));
            builder = if self.settings.gzip {
                builder.header(CONTENT_ENCODING, "gzip").body(compress(bytes)?)
            } else {
                builder.body(bytes.clone())
            };
        }
        let mut response = builder.send().await.map_err(|cause| CallError::of(base, &cause))?;
        let status = response.status();
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            // 6.8 goes on reading the refused body as requests, so later answers on this connection would belong
            // to other questions (dialects 4.5): the pool is dropped with its connections.
            self.renew();
        }
        let promised = response.content_length().unwrap_or(16 * 1024).min(LARGEST_RESERVE);
        let mut body = BytesMut::with_capacity(usize::try_from(promised).unwrap_or(0));
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if chunk.len() > most - body.len() => {
                    return Err(CallError::TooLarge { most });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return Ok((status, body.freeze())),
                Err(cause) => return Err(CallError::of(base, &cause).outcome_unknown()),
            }
        }
    }

    /// Forgets every open connection; requests under way finish on the old ones.
    pub fn renew(&self) {
        if let Ok(fresh) = self.settings.client(&self.name) {
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }
}

fn compress(bytes: &Bytes) -> Result<Vec<u8>, CallError> {
    use std::io::Write;
    let mut encoder =
        flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 4), flate2::Compression::fast());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .map_err(|cause| CallError::Broken(cause.to_string()))
}

/// The certificates of a PEM file, one at least.
fn authorities(name: &str, path: &Path) -> Result<Vec<Certificate>> {
    let unusable = |what: &str| {
        Error::config("ca", format!("clusters.{name}.ca: {} {what}", path.display())).hint(AUTHORITY)
    };
    let pem = std::fs::read(path).map_err(|cause| unusable("cannot be read").because(cause))?;
    let found = Certificate::from_pem_bundle(&pem).map_err(|cause| unusable("is damaged").because(cause))?;
    if found.is_empty() {
        return Err(unusable("holds no certificate in PEM form"));
    }
    Ok(found)
}

fn authorization(name: &str, auth: &Auth) -> Result<HeaderValue> {
    let text = match auth {
        Auth::Basic { username, password } => {
            let pair = format!("{username}:{}", password.read()?.expose_secret());
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        }
        Auth::ApiKey(key) => format!("ApiKey {}", key.read()?.expose_secret()),
        Auth::Bearer(token) => format!("Bearer {}", token.read()?.expose_secret()),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| {
        Error::config(
            "secret",
            format!("clusters.{name}.auth: the secret holds characters that no header can carry"),
        )
        .hint("check the variable or file for line breaks")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
