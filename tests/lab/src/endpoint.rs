//! A plain client of one server, for setting up and looking at: every answer but 2xx is an error.

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

/// Everything but the characters that need no escape in a URL.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A server's HTTP side.
#[derive(Debug, Clone)]
pub struct Endpoint {
    base: String,
    client: reqwest::Client,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON, or an error when the status is not 2xx.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(self.ok()?).context("the answer is not JSON")
    }

    /// The body, or an error when the status is not 2xx.
    pub fn ok(&self) -> Result<&Bytes> {
        if !(200..300).contains(&self.status) {
            let text: String = String::from_utf8_lossy(&self.body).chars().take(2000).collect();
            bail!("status {}: {text}", self.status);
        }
        Ok(&self.body)
    }
}

impl Endpoint {
    /// A client of the server at this address.
    pub fn new(url: &str) -> Endpoint {
        Endpoint { base: url.trim_end_matches('/').to_owned(), client: reqwest::Client::new() }
    }

    /// The server's address.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Sends a request and returns whatever is answered. `path` begins with a slash and is escaped already.
    pub async fn send(&self, method: Method, path: &str, kind: &str, body: Bytes) -> Result<Answer> {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method.clone(), &url).timeout(Duration::from_secs(180));
        if !body.is_empty() {
            request = request.header("content-type", kind).body(body);
        }
        let response = request.send().await.with_context(|| format!("{method} {url}"))?;
        let status = response.status().as_u16();
        let body = response.bytes().await.with_context(|| format!("{method} {url}: reading the answer"))?;
        Ok(Answer { status, body })
    }

    async fn json(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let body = body.map_or_else(Bytes::new, |value| Bytes::from(value.to_string()));
        let answer = self.send(method.clone(), path, "application/json", body).await?;
        answer.json().with_context(|| format!("{method} {}{path}", self.base))
    }

    /// GET, answered by JSON.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.json(Method::GET, path, None).await
    }

    /// POST of JSON, answered by JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.json(Method::POST, path, Some(body)).await
    }

    /// PUT of JSON, answered by JSON.
    pub async fn put(&self, path: &str, body: &Value) -> Result<Value> {
        self.json(Method::PUT, path, Some(body)).await
    }

    /// DELETE, answered by JSON.
    pub async fn delete(&self, path: &str) -> Result<Value> {
        self.json(Method::DELETE, path, None).await
    }

    /// True when the server answers `_cluster/health` with 200 within three seconds.
    pub async fn is_healthy(&self) -> bool {
        let url = format!("{}/_cluster/health", self.base);
        let answer = self.client.get(url).timeout(Duration::from_secs(3)).send().await;
        answer.is_ok_and(|response| response.status().is_success())
    }

    /// The version number that the server tells.
    pub async fn version(&self) -> Result<String> {
        let root = self.get("/").await?;
        let number = root.pointer("/version/number").and_then(Value::as_str);
        number.map(str::to_owned).with_context(|| format!("{} tells no version", self.base))
    }

    /// The dialect that the server speaks, as a major version of Elasticsearch: OpenSearch counts as 7.
    pub async fn major(&self) -> Result<u32> {
        let root = self.get("/").await?;
        if root.pointer("/version/distribution").is_some() {
            return Ok(7);
        }
        let number = root.pointer("/version/number").and_then(Value::as_str).context("no version")?;
        number.split('.').next().and_then(|major| major.parse().ok()).context("no version")
    }

    /// Creates an index from a whole body, after deleting the one that is there.
    pub async fn recreate_index(&self, index: &str, body: &Value) -> Result<()> {
        self.delete_index(index).await?;
        self.put(&format!("/{index}"), body).await?;
        let health = format!("/_cluster/health/{index}?wait_for_status=yellow&timeout=30s");
        self.get(&health).await?;
        Ok(())
    }

    /// Deletes an index, if it is there.
    pub async fn delete_index(&self, index: &str) -> Result<()> {
        let answer = self.send(Method::DELETE, &format!("/{index}"), "", Bytes::new()).await?;
        if answer.status != 404 {
            answer.ok().with_context(|| format!("deleting {index}"))?;
        }
        Ok(())
    }

    /// Makes what was written visible to searches.
    pub async fn refresh(&self, index: &str) -> Result<()> {
        let answer = self.send(Method::POST, &format!("/{index}/_refresh"), "", Bytes::new()).await?;
        complete(&answer.json()?)
    }

    /// Makes what was written survive a crash.
    pub async fn flush(&self, index: &str) -> Result<()> {
        let answer = self.send(Method::POST, &format!("/{index}/_flush"), "", Bytes::new()).await?;
        complete(&answer.json()?)
    }

    /// How many documents a search would find; refuses to guess when a shard did not answer.
    pub async fn count(&self, index: &str) -> Result<u64> {
        let answer = self.get(&format!("/{index}/_count")).await?;
        complete(&answer)?;
        if answer.pointer("/_shards/successful") != answer.pointer("/_shards/total") {
            bail!("not every shard was counted: {answer}");
        }
        answer.get("count").and_then(Value::as_u64).with_context(|| format!("no count in {answer}"))
    }
}

/// Fails when a shard failed.
fn complete(answer: &Value) -> Result<()> {
    let failed = answer.pointer("/_shards/failed").and_then(Value::as_u64);
    if failed != Some(0) {
        bail!("shards failed: {answer}");
    }
    Ok(())
}

/// An id, type or routing as a part of a path.
pub fn escape(part: &str) -> String {
    utf8_percent_encode(part, ESCAPED).to_string()
}
