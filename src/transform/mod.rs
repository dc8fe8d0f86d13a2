//! What happens to a document between source and target. Today nothing: the bytes go through untouched.

use crate::source::{Hit, Page};

/// The steps of a migration, decided once and not once a document.
#[derive(Debug, Clone, Copy, Default)]
pub enum Pipeline {
    /// Every document goes as it came.
    #[default]
    Untouched,
}

/// A document on its way to the target. Strings keep their quotes and escapes.
#[derive(Debug, Clone, Copy)]
pub struct Document<'page> {
    /// `_id`, as a JSON string.
    pub id: &'page [u8],
    /// Routing, as a JSON string.
    pub routing: Option<&'page [u8]>,
    /// The source's version.
    pub version: Option<u64>,
    /// The body.
    pub source: &'page [u8],
}

/// Why a document cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The source did not give it out: `_source` is switched off, or a security rule strips it.
    #[error("the hit has no _source")]
    NoSource,
}

impl Pipeline {
    /// The documents that a hit becomes.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn apply<'page>(&self, hit: &Hit, page: &'page Page) -> Result<Document<'page>, DocumentError> {
        let bytes: &'page [u8] = &page.body;
        match self {
            Pipeline::Untouched => Ok(Document {
                id: hit.id.of(bytes),
                routing: hit.routing.map(|span| span.of(bytes)),
                version: hit.version,
                source: hit.source.ok_or(DocumentError::NoSource)?.of(bytes),
            }),
        }
    }
}
