//! Documents that came otherwise than by a page of their source, as a page: what is done with pages is done with them.

use bytes::{BufMut as _, BytesMut};

use super::page::{Hit, Page};
use super::scan::Span;

/// A document that was given, by parts.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// Its type, where the source has types.
    pub doc_type: Option<&'a str>,
    /// Its id.
    pub id: &'a str,
    /// Its routing.
    pub routing: Option<&'a str>,
    /// Its parent, which routes it where no routing is given.
    pub parent: Option<&'a str>,
    /// Its version.
    pub version: Option<u64>,
    /// Its body, JSON.
    pub source: &'a [u8],
}

impl Page {
    /// A page of these documents.
    pub fn of<'a>(documents: impl IntoIterator<Item = Given<'a>>) -> Page {
        let mut body = BytesMut::new();
        let mut hits = Vec::new();
        for Given { doc_type, id, routing, parent, version, source } in documents {
            let text = |text: &str, body: &mut BytesMut| {
                let start = body.len();
                body.put_slice(serde_json::Value::from(text).to_string().as_bytes());
                Span::between(start, body.len())
            };
            let id = text(id, &mut body);
            let doc_type = doc_type.map(|doc_type| text(doc_type, &mut body));
            let parent = parent.map(|parent| text(parent, &mut body));
            let routing = routing.map(|routing| text(routing, &mut body)).or(parent);
            let start = body.len();
            body.put_slice(source);
            let source = Some(Span::between(start, body.len()));
            hits.push(Hit { index: None, id, doc_type, routing, parent, version, source });
        }
        let total = Some(hits.len() as u64);
        Page {
            body: body.freeze(),
            hits,
            scroll_id: None,
            total,
            shards: None,
            timed_out: false,
            terminated_early: false,
        }
    }
}
