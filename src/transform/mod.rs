//! What happens to a document between source and target: nothing, or the configured steps.
//!
//! A built-in step finds its fields in the raw bytes (`path.rs`) and replaces them there (`json.rs`); `steps.rs` has the
//! list. What the steps mean for mapping and field names is in `reshape.rs` and `effects.rs`.

mod convert;
mod date;
mod document;
mod drop_if;
mod effects;
mod flatten;
mod jq;
mod json;
mod key_value;
mod mapped;
mod number;
mod path;
mod pretty;
mod remove;
mod rename;
mod reshape;
mod set;
mod steps;

#[cfg(test)]
mod documented;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use document::{Document, Origin, StepError, Transformed};
pub use effects::FieldEffect;
pub use pretty::pretty;
pub use steps::Steps;

use crate::source::{Hit, Page};

/// The steps of a migration, decided once and not once a document.
#[derive(Debug, Clone, Copy, Default)]
pub enum Pipeline {
    /// Every document goes as it came.
    #[default]
    Untouched,
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
                index: None,
                id: Cow::Borrowed(hit.id.of(bytes)),
                routing: hit.routing.map(|span| Cow::Borrowed(span.of(bytes))),
                version: hit.version,
                source: Cow::Borrowed(hit.source.ok_or(DocumentError::NoSource)?.of(bytes)),
            }),
        }
    }
}
