//! What the proxy remembers of each request.

use bytes::Bytes;
use serde_json::Value;
use std::time::Duration;

/// Of a larger request only this much of the body is kept.
pub(super) const KEPT: usize = 64 * 1024;

/// One request and what became of it.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// When it came, after the proxy's start.
    pub at: Duration,
    /// How long it took; `None` while it has not been answered.
    pub took: Option<Duration>,
    /// The method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The body, decompressed; of large ones the first 64 KiB.
    pub body: Bytes,
    /// The size of the whole body, as sent.
    pub body_size: usize,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The status that was answered; `None` when nothing was.
    pub status: Option<u16>,
    /// The status of the server behind; `None` when it was not asked.
    pub upstream_status: Option<u16>,
    /// The size of the server's answer.
    pub answer_size: usize,
    /// The fault that was made, by its verb or the name of its rule.
    pub fault: Option<&'static str>,
}

impl Recorded {
    /// True for a search that opens a scroll or a scan.
    pub fn is_open(&self) -> bool {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        path.ends_with("/_search") && query.split('&').any(|part| part.starts_with("scroll="))
    }

    /// True for the next page of a scroll or a scan.
    pub fn is_page(&self) -> bool {
        let path = self.path.split('?').next().unwrap_or_default();
        path.ends_with("/_search/scroll") && self.method != "DELETE"
    }

    /// True for a `_bulk`.
    pub fn is_bulk(&self) -> bool {
        self.path.split('?').next().unwrap_or_default().ends_with("/_bulk")
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON, when it is that.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok()
    }

    /// One line for people: when, what, how it was answered.
    pub fn line(&self) -> String {
        let text = self.text();
        let shown: String = text.chars().take(300).collect();
        format!(
            "{:>9.3} s  {} {}  {} (server {}, {} bytes)  {}  {}",
            self.at.as_secs_f64(),
            self.method,
            self.path,
            self.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string()),
            self.upstream_status.map_or_else(|| "not asked".to_owned(), |status| status.to_string()),
            self.answer_size,
            self.fault.unwrap_or("-"),
            shown.replace('\n', "⏎")
        )
    }

    /// The value of a parameter of the query, as sent.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (_, query) = self.path.split_once('?')?;
        query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
    }

    /// True when it counts documents.
    pub fn is_count(&self) -> bool {
        self.path.split('?').next().unwrap_or_default().ends_with("/_count")
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
impl Recorded {
    /// A request that was made up.
    pub(crate) fn example(method: &str, path: &str, body: String) -> Recorded {
        Recorded {
            at: Duration::ZERO,
            took: None,
            method: method.into(),
            path: path.into(),
            body_size: body.len(),
            body: body.into(),
            headers: Vec::new(),
            status: None,
            upstream_status: None,
            answer_size: 0,
            fault: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, path: &str) -> Recorded {
        Recorded::example(method, path, String::new())
    }

    #[test]
    fn opens_and_pages_are_told_apart() {
        assert!(request("POST", "/a/_search?search_type=scan&scroll=5m&preference=_shards:0").is_open());
        assert!(!request("POST", "/_search/scroll?scroll=5m").is_open());
        assert!(request("POST", "/_search/scroll?scroll=5m").is_page());
        assert!(!request("DELETE", "/_search/scroll").is_page());
        assert!(!request("POST", "/a/_search?search_type=count").is_open());
        assert_eq!(request("POST", "/a?x=1&preference=_shards:0").parameter("preference"), Some("_shards:0"));
    }
}
