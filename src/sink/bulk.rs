//! Reads the answer to a bulk request: as many items as were sent, in their order, or it is no answer.

use serde::Deserialize;
use serde_json::value::RawValue;

/// The items of an answer.
#[derive(Debug, Deserialize)]
pub(super) struct BulkAnswer<'a> {
    #[serde(borrow, default)]
    pub(super) items: Vec<Action<'a>>,
}

impl<'a> BulkAnswer<'a> {
    /// Reads an answer. As one text: then no string in it is looked at for its UTF-8 once more.
    pub(super) fn read(answer: &'a [u8]) -> serde_json::Result<Self> {
        match std::str::from_utf8(answer) {
            Ok(text) => serde_json::from_str(text),
            Err(_) => serde_json::from_slice(answer),
        }
    }
}

/// One item, under the name of its action.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Action<'a> {
    Index(#[serde(borrow)] ItemAnswer<'a>),
    Create(#[serde(borrow)] ItemAnswer<'a>),
    Update(#[serde(borrow)] ItemAnswer<'a>),
    Delete(#[serde(borrow)] ItemAnswer<'a>),
}

/// What became of one document.
#[derive(Debug, Deserialize)]
pub(super) struct ItemAnswer<'a> {
    #[serde(rename = "_id", borrow)]
    pub(super) id: Option<&'a RawValue>,
    pub(super) status: u16,
    #[serde(borrow)]
    pub(super) result: Option<&'a str>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
}

impl<'a> Action<'a> {
    pub(super) fn answer(&self) -> &ItemAnswer<'a> {
        match self {
            Action::Index(answer)
            | Action::Create(answer)
            | Action::Update(answer)
            | Action::Delete(answer) => answer,
        }
    }
}

/// Whether two JSON strings mean the same id. Both sides mostly escape alike, so the bytes decide first.
pub(super) fn same_id(sent: &[u8], answered: Option<&RawValue>) -> bool {
    let Some(answered) = answered.map(|raw| raw.get().as_bytes()) else { return false };
    let text = |json: &[u8]| serde_json::from_slice::<String>(json).ok();
    sent == answered || (text(sent).is_some() && text(sent) == text(answered))
}

/// What an action line says of its document.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    #[serde(rename = "_id")]
    pub(super) id: String,
    #[serde(rename = "_index")]
    pub(super) index: Option<String>,
    pub(super) routing: Option<String>,
    pub(super) version: Option<u64>,
}

/// Reads an action line of our own.
pub(super) fn sent_metadata(action: &[u8]) -> Option<Metadata> {
    #[derive(Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Line {
        Index(Metadata),
        Create(Metadata),
        Update(Metadata),
        Delete(Metadata),
    }
    let (Line::Index(metadata) | Line::Create(metadata) | Line::Update(metadata) | Line::Delete(metadata)) =
        serde_json::from_slice(action).ok()?;
    Some(metadata)
}
