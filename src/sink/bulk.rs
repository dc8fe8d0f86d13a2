//! Reads the answer to a bulk request: as many items as were sent, in their order, or it is no answer.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The items of an answer.
#[derive(Debug, Deserialize)]
pub(super) struct BulkAnswer<'a> {
    #[serde(borrow, default)]
    pub(super) items: Vec<Action<'a>>,
}

/// One item, under the name of its action.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action<'a> {
    Index(#[serde(borrow)] ItemAnswer<'a>),
    Create(#[serde(borrow)] ItemAnswer<'a>),
}

/// What became of one document.
#[derive(Debug, Deserialize)]
pub(super) struct ItemAnswer<'a> {
    #[serde(rename = "_id", borrow)]
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) status: u16,
    #[serde(borrow)]
    pub(super) result: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

impl<'a> Action<'a> {
    pub(super) fn answer(&self) -> &ItemAnswer<'a> {
        match self {
            Action::Index(answer) | Action::Create(answer) => answer,
        }
    }
}

/// The id of an action line, `{"index":{"_id":"…"…`, as text.
pub(super) fn sent_id(action: &[u8]) -> Option<Cow<'_, str>> {
    let start = memchr::memmem::find(action, b"\"_id\":")? + 6;
    let mut values = serde_json::Deserializer::from_slice(&action[start..]).into_iter::<&RawValue>();
    let raw: &str = values.next()?.ok()?.get();
    if raw.contains('\\') {
        serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(raw.trim_matches('"')))
    }
}

/// Id, routing and version of an action line.
pub(super) fn sent_metadata(action: &[u8]) -> Option<(String, Option<String>, Option<u64>)> {
    #[derive(Deserialize)]
    struct Metadata {
        #[serde(rename = "_id")]
        id: String,
        routing: Option<String>,
        version: Option<u64>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Line {
        Index(Metadata),
        Create(Metadata),
    }
    let (Line::Index(metadata) | Line::Create(metadata)) = serde_json::from_slice(action).ok()?;
    Some((metadata.id, metadata.routing, metadata.version))
}
