//! A hook that is a request, sent again while nobody answers.

use std::time::Instant;

use backoff::ExponentialBackoffBuilder;
use backoff::backoff::Backoff as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use std::time::Duration;

use super::{HookCall, Ran};
use crate::config::{Auth, HttpHook, HttpMethod};
use crate::error::{Error, Result};

/// Bytes of an answer that are read.
const MOST: usize = 64 * 1024;

/// A client, and a request without body; reads the secrets.
pub(super) fn client(hook: &HttpHook) -> Result<(Client, RequestBuilder)> {
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| Error::unexpected("hook_client", "no HTTP client for a hook").because(error))?;
    let method = match hook.method {
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
    };
    let mut request = client.request(method, &hook.url).header("content-type", "application/json");
    request = match &hook.auth {
        None => request,
        Some(Auth::Basic { username, password }) => {
            request.basic_auth(username, Some(password.read()?.expose_secret()))
        }
        Some(Auth::ApiKey(key)) => {
            request.header("authorization", format!("ApiKey {}", key.read()?.expose_secret()))
        }
        Some(Auth::Bearer(token)) => request.bearer_auth(token.read()?.expose_secret()),
    };
    Ok((client, request))
}

pub(super) async fn send(hook: &HttpHook, call: &HookCall) -> Result<Ran> {
    let body = match &hook.body {
        // Key stores take any text as a value.
        Some(Value::String(text)) => fill(text, call),
        Some(body) => filled(body, call).to_string(),
        None => serde_json::json!(call).to_string(),
    };
    let (client, request) = client(hook)?;
    let begun = Instant::now();
    let mut pauses = ExponentialBackoffBuilder::new()
        .with_initial_interval(Duration::from_millis(200))
        .with_max_interval(Duration::from_secs(2))
        .with_max_elapsed_time(None)
        .build();
    let mut ran = Ran { attempts: 0, ended: String::new(), succeeded: false, output: Vec::new() };
    loop {
        let left = hook.timeout.0.saturating_sub(begun.elapsed());
        ran.attempts += 1;
        let Some(request) = request.try_clone().and_then(|request| request.body(body.clone()).build().ok())
        else {
            ran.ended = "the request cannot be built".to_owned();
            return Ok(ran);
        };
        let again = match tokio::time::timeout(left, answer(&client, request)).await {
            Err(_) => {
                ran.ended = format!("no answer within {}", hook.timeout);
                return Ok(ran);
            }
            Ok(Err(error)) => {
                ran.ended = innermost(&error);
                true
            }
            Ok(Ok((status, output))) => {
                ran.ended = format!("HTTP {}", status.as_u16());
                ran.output = output;
                ran.succeeded = status.is_success();
                status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
            }
        };
        let pause = pauses.next_backoff().unwrap_or(Duration::from_secs(2));
        if !again || begun.elapsed() + pause >= hook.timeout.0 {
            return Ok(ran);
        }
        tokio::time::sleep(pause).await;
    }
}

async fn answer(client: &Client, request: reqwest::Request) -> reqwest::Result<(StatusCode, Vec<u8>)> {
    let mut response = client.execute(request).await?;
    let mut output = Vec::new();
    while let Some(piece) = response.chunk().await? {
        let room = MOST.saturating_sub(output.len()).min(piece.len());
        output.extend_from_slice(&piece[..room]);
        if room < piece.len() {
            break;
        }
    }
    Ok((response.status(), output))
}

/// A body with every `{placeholder}` of its strings filled in; `{target_base64}` and the like in base64.
fn filled(body: &Value, call: &HookCall) -> Value {
    match body {
        Value::String(text) => Value::String(fill(text, call)),
        Value::Array(items) => items.iter().map(|item| filled(item, call)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(key, value)| (key.clone(), filled(value, call))).collect()
        }
        other => other.clone(),
    }
}

fn fill(text: &str, call: &HookCall) -> String {
    let first = |urls: &[String]| urls.first().cloned().unwrap_or_default();
    let words = [
        ("migration", call.migration.clone()),
        ("hook", call.hook.to_string()),
        ("alias", call.alias.clone().unwrap_or_default()),
        ("source", first(&call.source.urls)),
        ("target", first(&call.target.urls)),
        ("indices", call.indices.join(",")),
        ("rehearsal", call.rehearsal.to_string()),
    ];
    let mut text = text.to_owned();
    for (name, value) in words {
        text = text.replace(&format!("{{{name}}}"), &value);
        text = text.replace(&format!("{{{name}_base64}}"), &BASE64_STANDARD.encode(value));
    }
    text
}

fn innermost(error: &reqwest::Error) -> String {
    let mut deepest: &dyn std::error::Error = error;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    format!("no answer: {deepest}")
}
