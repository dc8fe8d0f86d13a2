//! Answers that are none of the server's: a proxy's page, nothing at all, another kind of JSON.
//!
//! What the headers say of an answer is not looked at: proxies change them, and its first bytes tell.

use serde_json::Value;

use super::failure::{CallError, Refusal};

/// Of an answer that is none, so much is shown.
const SHOWN: usize = 120;

/// True when this cannot be what a server says: every answer of one that matters here is a JSON object.
#[must_use]
pub fn is_foreign(body: &[u8]) -> bool {
    !body.trim_ascii_start().starts_with(b"{")
}

/// An answer that is none in a few words: how it begins, in one line that any terminal can show.
#[must_use]
pub fn describe(body: &[u8]) -> String {
    let body = body.trim_ascii();
    if body.is_empty() {
        return "nothing at all".to_owned();
    }
    let shown = shown(body, SHOWN);
    let rest = if body.len() > SHOWN { "…" } else { "" };
    format!("no JSON object, but `{shown}{rest}`")
}

/// The beginning of any bytes as text in one line: control characters, whatever they would do, become blanks.
#[must_use]
pub fn shown(bytes: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(most)]);
    text.trim().replace(char::is_control, " ")
}

/// Reads the JSON object that an answer has to be.
///
/// # Errors
/// [`CallError::Malformed`], with how it begins where it is no object at all.
pub fn object(body: &[u8]) -> Result<Value, CallError> {
    if is_foreign(body) {
        return Err(CallError::Malformed(describe(body)));
    }
    serde_json::from_slice(body).map_err(|cause| CallError::Malformed(cause.to_string()))
}

/// Why an answer could not be read: how it begins where it is no object at all, otherwise what the reader says.
#[must_use]
pub fn why_unreadable(body: &[u8], cause: &impl ToString) -> String {
    if is_foreign(body) { describe(body) } else { cause.to_string() }
}

/// What is missing in an object, and how that begins.
#[must_use]
pub fn lacking(body: &[u8], place: &str) -> String {
    format!("no `{}` in `{}`", place.trim_start_matches('/').replace('/', "."), shown(body, SHOWN))
}

/// What an answer with an error status means.
///
/// Words of somebody else are not believed to be the server's where the status does not say enough without them: a
/// proxy's 404 does not mean that an index is gone, nor its 400 that a document is wrong.
#[must_use]
pub fn refusal(status: u16, body: &[u8]) -> CallError {
    let speaks_for_itself = matches!(status, 401 | 403 | 413 | 429 | 502..=504);
    // In plain text up to 2.x (measured on 1.7.6).
    let unknown_path = body.starts_with(b"No handler found for uri");
    if is_foreign(body) && !speaks_for_itself && !unknown_path {
        return CallError::Malformed(format!("HTTP {status} with {}", describe(body)));
    }
    CallError::Refused(Refusal::read(status, body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_answer_is_shown_by_its_beginning() {
        let told = |body: &[u8]| object(body).unwrap_err().to_string();
        insta::assert_snapshot!(told(b""), @"unintelligible answer: nothing at all");
        insta::assert_snapshot!(told(b"\r\n "), @"unintelligible answer: nothing at all");
        insta::assert_snapshot!(told(b"<html>\n<h1>\x1b[2JIt works!</h1></html>"), @"unintelligible answer: no JSON object, but `<html> <h1> [2JIt works!</h1></html>`");
        insta::assert_snapshot!(told(b"[{\"a\":1}]"), @r#"unintelligible answer: no JSON object, but `[{"a":1}]`"#);
        insta::assert_snapshot!(told(b"\x1f\x8b\x08\xff"), @"unintelligible answer: no JSON object, but ` � �`");
        insta::assert_snapshot!(told(b"{\"took\":3,"), @"unintelligible answer: EOF while parsing a value at line 1 column 10");
        assert!(told(&[b'x'; 5000]).len() < 250);
        assert_eq!(object(b" {\"a\":1}").unwrap(), serde_json::json!({"a": 1}));
    }

    #[test]
    fn a_refusal_counts_when_it_is_the_servers_or_its_status_says_enough() {
        let foreign =
            |status, body: &str| matches!(refusal(status, body.as_bytes()), CallError::Malformed(_));
        for status in [302, 400, 404, 405, 500] {
            assert!(foreign(status, "<html>no such page</html>") && foreign(status, ""), "{status}");
            assert!(!foreign(status, r#"{"error":"IndexMissingException[[x] missing]"}"#), "{status}");
        }
        for status in [401, 403, 413, 429, 502, 503, 504] {
            assert!(!foreign(status, "<html>no</html>"), "{status}");
        }
        assert!(!foreign(400, "No handler found for uri [/x/_y] and method [GET]"));
        let told = refusal(404, b"404 page not found").to_string();
        insta::assert_snapshot!(told, @"unintelligible answer: HTTP 404 with no JSON object, but `404 page not found`");
    }
}
