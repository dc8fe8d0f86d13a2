//! What can go wrong with a request, told apart by what may be done about it.

use serde_json::Value;

use super::answer;
use crate::error::{Error, Kind};

/// A server's refusal: status, type and reason, from any version's error body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status of the answer or of the bulk item.
    pub status: u16,
    /// `snake_case_exception` from 2.0 on; the class name on 1.x; empty when the body says nothing.
    pub error_type: String,
    /// The reason with its causes joined.
    pub reason: String,
}

impl Refusal {
    /// Reads the body of an answer that is not 2xx: `{"error": {...} | "...", "status": N}` or anything else.
    #[must_use]
    pub fn read(status: u16, body: &[u8]) -> Self {
        let parsed: Option<Value> = serde_json::from_slice(body).ok();
        match parsed.as_ref().and_then(|value| value.get("error")) {
            Some(error) => Refusal::of_error(status, error),
            None => Refusal { status, error_type: String::new(), reason: answer::shown(body, 300) },
        }
    }

    /// Reads an `error` value: an object from 2.0 on, `ClassName[reason]` on 1.x.
    #[must_use]
    pub fn of_error(status: u16, error: &Value) -> Self {
        match error {
            Value::Object(_) => {
                let error_type = error.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
                let mut reasons: Vec<String> = Vec::new();
                let mut at = Some(error);
                while let Some(level) = at {
                    if let Some(reason) = level.get("reason").and_then(Value::as_str)
                        && !reasons.iter().any(|known| known == reason)
                    {
                        reasons.push(reason.to_owned());
                    }
                    at = level.get("caused_by");
                }
                if let Some(root) = error.pointer("/root_cause/0/reason").and_then(Value::as_str)
                    && !reasons.iter().any(|known| known.contains(root))
                {
                    reasons.push(root.to_owned());
                }
                Refusal { status, error_type, reason: reasons.join(": ") }
            }
            other => {
                let text = other.as_str().map_or_else(|| other.to_string(), ToOwned::to_owned);
                let class = text.split(['[', ':', ';']).next().unwrap_or_default().trim();
                let is_class = !class.contains(' ') && class.ends_with("Exception");
                let error_type = if is_class { class.to_owned() } else { String::new() };
                Refusal { status, error_type, reason: text }
            }
        }
    }

    /// True when the type, or the class name anywhere in a 1.x text, is this one.
    #[must_use]
    pub fn is(&self, snake_case: &str, class: &str) -> bool {
        self.error_type == snake_case || self.error_type == class || self.reason.contains(class)
    }

    /// True when the same request may succeed later without anybody changing it.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self.status, 429 | 502 | 503 | 504)
            || matches!(
                self.error_type.as_str(),
                "node_disconnected_exception"
                    | "node_not_connected_exception"
                    | "node_closed_exception"
                    | "connect_transport_exception"
                    | "receive_timeout_transport_exception"
                    | "es_rejected_execution_exception"
                    | "circuit_breaking_exception"
                    | "process_cluster_event_timeout_exception"
                    | "RemoteTransportException"
            )
    }

    /// True when the index that was asked for is not there.
    #[must_use]
    pub fn is_of_missing_index(&self) -> bool {
        self.is("index_not_found_exception", "IndexMissingException")
    }

    /// True when the shard that was asked for cannot answer now: it moves, recovers, or its node is away.
    #[must_use]
    pub fn is_of_missing_shard(&self) -> bool {
        [
            ("no_shard_available_action_exception", "NoShardAvailableActionException"),
            ("unavailable_shards_exception", "UnavailableShardsException"),
            ("shard_not_found_exception", "IndexShardMissingException"),
            ("illegal_index_shard_state_exception", "IllegalIndexShardStateException"),
            ("node_disconnected_exception", "NodeDisconnectedException"),
            ("node_not_connected_exception", "NodeNotConnectedException"),
            ("cluster_block_exception", "ClusterBlockException"),
            ("index_closed_exception", "IndexClosedException"),
        ]
        .iter()
        .any(|(snake_case, class)| self.is(snake_case, class))
    }

    /// One line: status, type, reason.
    #[must_use]
    pub fn one_line(&self) -> String {
        let text = match (self.error_type.as_str(), self.reason.as_str()) {
            ("", "") => format!("HTTP {}", self.status),
            ("", reason) => format!("HTTP {}: {reason}", self.status),
            (kind, reason) if reason.starts_with(kind) => format!("HTTP {}: {reason}", self.status),
            (kind, reason) => format!("HTTP {}: {kind}: {reason}", self.status),
        };
        text.replace(['\n', '\r'], " ")
    }
}

/// Why a request brought no usable answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// No connection: nothing was sent.
    #[error("{url} cannot be reached: {reason}")]
    Unreachable {
        /// The URL that was tried last.
        url: String,
        /// The cause.
        reason: String,
    },
    /// No answer in time; the request may have been carried out.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke or the answer was cut; the request may have been carried out.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// The server said no.
    #[error("{}", .0.one_line())]
    Refused(Refusal),
    /// Not every shard answered, so what is asked for is not known.
    #[error("{0}")]
    Incomplete(String),
    /// The answer was larger than the asker has room for.
    #[error("the answer is larger than {}", bytesize::ByteSize(u64::try_from(*.most).unwrap_or(u64::MAX)))]
    TooLarge {
        /// What there is room for, in bytes.
        most: usize,
    },
    /// The answer is not what such a server says. Somebody between may have given it, for the server was known before.
    #[error("unintelligible answer: {0}")]
    Malformed(String),
}

impl CallError {
    pub(super) fn of(url: &str, cause: &reqwest::Error) -> Self {
        let reason = innermost(cause);
        if cause.is_connect() {
            CallError::Unreachable { url: url.to_owned(), reason }
        } else if cause.is_timeout() {
            CallError::Timeout
        } else {
            CallError::Broken(reason)
        }
    }

    pub(super) fn outcome_unknown(self) -> Self {
        match self {
            CallError::Unreachable { reason, .. } => CallError::Broken(reason),
            other => other,
        }
    }

    /// True when waiting may cure it.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            CallError::Unreachable { .. } | CallError::Timeout | CallError::Broken(_) => true,
            CallError::Refused(refusal) => refusal.is_temporary(),
            CallError::Incomplete(_) | CallError::TooLarge { .. } | CallError::Malformed(_) => true,
        }
    }

    /// The server's refusal, when it is one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            CallError::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The error for a person: names the cluster and what was being done.
    #[must_use]
    pub fn during(self, cluster: &str, doing: &str) -> Error {
        let message = format!("cluster `{cluster}`: {doing}");
        let status = self.refusal().map(|refusal| refusal.status);
        let (kind, code, hint) = match &self {
            CallError::Unreachable { reason, .. } if reason.contains("peer certificate") => (
                Kind::Refused,
                "certificate",
                "name the PEM file of the authority that signed it as `ca` of the cluster, and use a URL whose host stands in it",
            ),
            CallError::Unreachable { reason, .. } if speaks_no_tls(reason) => (
                Kind::Temporary,
                "unreachable",
                "what answers there speaks no TLS: http and https, or a port, may be mixed up in the URL",
            ),
            CallError::Unreachable { .. } => (
                Kind::Temporary,
                "unreachable",
                "check the URL, that the server runs, and that this machine may connect to it",
            ),
            CallError::Timeout => (
                Kind::Temporary,
                "timeout",
                "the server is overloaded or frozen; `timeout` of the cluster sets the limit",
            ),
            CallError::Broken(_) => (
                Kind::Temporary,
                "connection",
                "if it happens always: http and https, or a proxy, may be mixed up in the URL",
            ),
            CallError::Refused(_) if status == Some(401) => (
                Kind::Refused,
                "credentials",
                "the server refuses the credentials: check `auth` of the cluster",
            ),
            CallError::Refused(refusal) if status == Some(403) && !refusal.reason.contains("blocked") => {
                (Kind::Refused, "rights", "the user lacks the rights for this: see docs/operating.md")
            }
            CallError::Refused(_) if status == Some(403) => (
                Kind::Temporary,
                "blocked",
                "see why the block is there (a full disk sets read_only_allow_delete), then take it away: PUT /INDEX/_settings {\"index.blocks.read_only_allow_delete\": null}",
            ),
            CallError::Refused(refusal) if refusal.is_temporary() => {
                (Kind::Temporary, "overloaded", "the server asks to come back later")
            }
            CallError::Refused(refusal) if refusal.is_of_missing_index() => (
                Kind::Refused,
                "index_gone",
                "it was deleted or renamed: `esferry reset` the migration and plan it again",
            ),
            CallError::Refused(_) => (Kind::Refused, "refused", "the server's own words are above"),
            CallError::Incomplete(_) => (
                Kind::Temporary,
                "shard_missing",
                "every shard has to be there: see `GET /_cat/shards`; a red index cannot be copied whole",
            ),
            CallError::TooLarge { .. } => {
                (Kind::Temporary, "too_large", "ask for fewer documents at once: `slice.page_docs`")
            }
            CallError::Malformed(_) => (
                Kind::Temporary,
                "unintelligible",
                "a proxy may answer in the server's place: ask its URL yourself (curl), and go round the proxy if it stays",
            ),
        };
        Error::new(kind, code, message).hint(hint).because(self)
    }
}

/// What a TLS client says of a server that speaks plain HTTP: it answers in HTTP, or closes the connection.
fn speaks_no_tls(reason: &str) -> bool {
    reason.contains("corrupt message") || reason.contains("tls handshake eof")
}

fn innermost(cause: &reqwest::Error) -> String {
    let mut at: &dyn std::error::Error = cause;
    while let Some(next) = at.source() {
        at = next;
    }
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_bodies_of_all_versions_are_read() {
        let old = Refusal::read(
            404,
            br#"{"error":"SearchContextMissingException[No search context found for id [1]]","status":404}"#,
        );
        assert!(old.is("search_context_missing_exception", "SearchContextMissingException"));
        assert_eq!(old.error_type, "SearchContextMissingException");
        let new = Refusal::read(
            400,
            br#"{"error":{"root_cause":[{"type":"mapper_parsing_exception","reason":"failed to parse"}],"type":"mapper_parsing_exception","reason":"failed to parse","caused_by":{"type":"x","reason":"For input string: \"a\""}},"status":400}"#,
        );
        assert_eq!(new.reason, "failed to parse: For input string: \"a\"");
        let plain =
            Refusal::read(406, br#"{"error":"Content-Type header [] is not supported","status":406}"#);
        assert_eq!(plain.error_type, "");
        assert_eq!(
            Refusal::read(502, b"<html>Bad gateway</html>").one_line(),
            "HTTP 502: <html>Bad gateway</html>"
        );
        assert_eq!(Refusal::read(413, b"").one_line(), "HTTP 413");
    }
}
