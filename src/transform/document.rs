//! A document on its way to the target, and what the transforms of a migration make of it.

use std::borrow::Cow;
use std::sync::Arc;

/// Where a document comes from: what a transform may look at besides the document itself.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'page> {
    /// The source index.
    pub index: &'page str,
    /// `_type`, as a JSON string with its quotes, where the source has types.
    pub doc_type: Option<&'page [u8]>,
    /// `_parent`, as a JSON string, where the document has one.
    pub parent: Option<&'page [u8]>,
}

/// A document on its way to the target. Strings are JSON strings: they keep their quotes and escapes.
#[derive(Debug, Clone)]
pub struct Document<'page> {
    /// Another target index than the one that was planned; it has to be among `to.others`.
    pub index: Option<Arc<str>>,
    /// `_id`, as a JSON string.
    pub id: Cow<'page, [u8]>,
    /// Routing, as a JSON string.
    pub routing: Option<Cow<'page, [u8]>>,
    /// The source's version.
    pub version: Option<u64>,
    /// The body, as JSON bytes.
    pub source: Cow<'page, [u8]>,
}

/// What becomes of one source document.
#[derive(Debug, Clone)]
pub enum Transformed<'page> {
    /// One document, as nearly always.
    One(Document<'page>),
    /// Several, each with an id of its own.
    Several(Vec<Document<'page>>),
    /// None: left out by the step with this position, counted as dropped.
    Dropped {
        /// Position of the step in the configuration, from 0.
        step: usize,
    },
}

/// Why a step could not be applied to a document: a failure of that document, never of the page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("transform {}: {}{reason}", .step + 1, if .path.is_empty() { String::new() } else { format!("`{}`: ", .path) })]
pub struct StepError {
    /// Position of the step in the configuration, from 0.
    pub step: usize,
    /// The place in the document, such as `actions.tags.name`; empty for the whole document.
    pub path: String,
    /// What is wrong there.
    pub reason: String,
}
