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
pub(crate) mod jq;
pub(crate) mod json;
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
mod types;

#[cfg(test)]
mod documented;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

pub use document::{Document, Origin, StepError, Transformed};
pub use effects::{FieldEffect, field_effects, touched};
pub(crate) use mapped::put;
pub use pretty::pretty;
pub use steps::Steps;
pub use types::Shape;

use crate::source::{Hit, Page};

/// The way of an index's documents, decided once an index and not once a document.
#[derive(Debug, Clone, Default)]
pub struct Pipeline {
    /// The source index.
    pub index: String,
    /// The target index.
    pub target: String,
    /// Further target indices that a step may send documents to.
    pub others: BTreeSet<String>,
    /// All documents go to the target, also those that a step sends to another one: for samples.
    pub gathered: bool,
    /// Every document has to stay one of its own id: what follows the source could not delete others after it.
    pub one_to_one: bool,
    /// Types that the plan knows, as JSON strings. Empty: the source has none, or they do not matter.
    pub types: BTreeSet<Vec<u8>>,
    /// What the types became.
    pub shape: Shape,
    /// The configured steps, which see a document in its new shape.
    pub steps: Arc<Steps>,
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
    /// This document alone: a step sends it to an index that nobody prepares.
    #[error("a transform sends it to `{0}`, which is neither the planned target nor in `to.others`")]
    UndeclaredIndex(String),
    /// This document alone: what follows the source could not delete what it becomes.
    #[error(
        "a transform {0}, which cannot be followed while the source changes: a delete names the id on the source alone"
    )]
    NotOneToOne(&'static str),
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
            DocumentError::UndeclaredIndex(_) => "undeclared_index",
            DocumentError::NotOneToOne(_) => "not_one_to_one",
            DocumentError::Step(_) => "transform",
        }
    }
}

impl Pipeline {
    /// True when documents go as they came: their bytes are copied once and never looked at.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.shape == Shape::Plain && self.steps.is_empty()
    }

    /// A step in words, for what it left out.
    #[must_use]
    pub fn describe(&self, step: usize) -> String {
        self.steps.describe(step)
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
        let shaped = self.shape.apply(document, &origin).map_err(DocumentError::Types)?;
        let id = self.one_to_one.then(|| shaped.id.clone());
        let mut transformed = self.steps.apply(shaped, &origin)?;
        if let Some(id) = id {
            stays_one(&id, &transformed)?;
        }
        match &mut transformed {
            Transformed::One(document) => self.place(document)?,
            Transformed::Several(documents) => {
                documents.iter_mut().try_for_each(|document| self.place(document))?;
            }
            Transformed::Dropped { .. } => {}
        }
        Ok(transformed)
    }

    /// What a delete of a hit, whose source does not matter, has to name on the target.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub fn place_of<'page>(
        &'page self,
        hit: &Hit,
        page: &'page Page,
    ) -> Result<Document<'page>, DocumentError> {
        let bytes: &'page [u8] = &page.body;
        let document = Document {
            index: None,
            id: Cow::Borrowed(hit.id.of(bytes)),
            routing: hit.routing.map(|span| Cow::Borrowed(span.of(bytes))),
            version: hit.version,
            source: Cow::Borrowed(b"{}"),
        };
        let (doc_type, parent) =
            (hit.doc_type.map(|span| span.of(bytes)), hit.parent.map(|span| span.of(bytes)));
        let origin = Origin { index: &self.index, doc_type, parent };
        self.shape.apply(document, &origin).map_err(DocumentError::Types)
    }

    /// Ids that a document of the source could have whose id on the target is this one.
    pub fn source_ids<'a>(&'a self, target_id: &'a str) -> impl Iterator<Item = &'a str> {
        let prefixed = self.shape.is_prefixed();
        let without_type = move |doc_type: &'a Vec<u8>| {
            let name: String = serde_json::from_slice(doc_type).ok()?;
            target_id.strip_prefix(&name)?.strip_prefix('-')
        };
        let of_types = self.types.iter().filter(move |_| prefixed).filter_map(without_type);
        of_types.chain((!prefixed).then_some(target_id))
    }

    /// Whether the plan knows a type of this name.
    #[must_use]
    pub fn knows_type(&self, name: &str) -> bool {
        serde_json::to_vec(name).is_ok_and(|name| self.types.contains(&name))
    }

    /// Whether a step may leave documents out.
    #[must_use]
    pub fn may_drop(&self) -> bool {
        self.steps.may_drop()
    }

    /// Lets a document go to the planned index or to one of the declared ones, and nowhere else: the server would make
    /// an index of any other name by itself.
    fn place(&self, document: &mut Document<'_>) -> Result<(), DocumentError> {
        match document.index.as_deref() {
            None => Ok(()),
            Some(index) if index == self.target => {
                document.index = None;
                Ok(())
            }
            Some(index) if self.others.contains(index) => {
                if self.gathered {
                    document.index = None;
                }
                Ok(())
            }
            Some(index) => Err(DocumentError::UndeclaredIndex(index.to_owned())),
        }
    }
}

fn stays_one(id: &[u8], transformed: &Transformed<'_>) -> Result<(), DocumentError> {
    match transformed {
        Transformed::Dropped { .. } => Ok(()),
        Transformed::Several(several) if several.len() != 1 => {
            Err(DocumentError::NotOneToOne("makes several documents of one"))
        }
        Transformed::One(document) if document.index.is_some() => {
            Err(DocumentError::NotOneToOne("sends it to an index of its choice"))
        }
        Transformed::One(document) if *document.id != *id => {
            Err(DocumentError::NotOneToOne("gives it another id"))
        }
        Transformed::One(_) | Transformed::Several(_) => Ok(()),
    }
}
