//! What happens to a document between source and target: nothing, or the configured steps.

mod document;
mod types;

use std::borrow::Cow;
use std::collections::BTreeSet;

pub use document::{Document, Origin, StepError, Transformed};
pub use types::Shape;

use crate::source::{Hit, Page};

/// The way of an index's documents, decided once an index and not once a document.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    /// The source index.
    pub index: String,
    /// Types that the plan knows, as JSON strings. Empty: the source has none, or they do not matter.
    pub types: BTreeSet<Vec<u8>>,
    /// What the types became.
    pub shape: Shape,
}

/// Why a document cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The source did not give it out: `_source` is switched off, or a security rule strips it. No document of the
    /// page may be written.
    #[error("the hit has no _source")]
    NoSource,
    /// This document alone: its type appeared after the index was planned.
    #[error("type {0} is not in the plan: it appeared on the source since")]
    UnplannedType(String),
    /// This document alone: it cannot get the shape of its target.
    #[error("{0}")]
    Types(String),
    /// This document alone: a transform does not apply to it.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl DocumentError {
    /// The error type of the failure that the document becomes.
    #[must_use]
    pub fn error_type(&self) -> &'static str {
        match self {
            DocumentError::NoSource => "no_source",
            DocumentError::UnplannedType(_) => "unplanned_type",
            DocumentError::Types(_) => "types",
            DocumentError::Step(_) => "transform",
        }
    }
}

impl Pipeline {
    /// True when documents go as they came: their bytes are copied once and never looked at.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.shape == Shape::Plain
    }

    /// A step in words, for what it left out.
    #[must_use]
    pub fn describe(&self, step: usize) -> String {
        format!("transform {}", step + 1)
    }

    /// The documents that a hit becomes.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn apply<'page>(
        &'page self,
        hit: &Hit,
        page: &'page Page,
    ) -> Result<Transformed<'page>, DocumentError> {
        let bytes: &'page [u8] = &page.body;
        let doc_type = hit.doc_type.map(|span| span.of(bytes));
        let document = Document {
            index: None,
            id: Cow::Borrowed(hit.id.of(bytes)),
            routing: hit.routing.map(|span| Cow::Borrowed(span.of(bytes))),
            version: hit.version,
            source: Cow::Borrowed(hit.source.ok_or(DocumentError::NoSource)?.of(bytes)),
        };
        if let Some(doc_type) = doc_type
            && !self.types.is_empty()
            && !self.types.contains(doc_type)
        {
            return Err(DocumentError::UnplannedType(String::from_utf8_lossy(doc_type).into_owned()));
        }
        if self.is_untouched() {
            return Ok(Transformed::One(document));
        }
        let parent = hit.parent.map(|span| span.of(bytes));
        let origin = Origin { index: &self.index, doc_type, parent };
        self.shape.apply(document, &origin).map(Transformed::One).map_err(DocumentError::Types)
    }
}
