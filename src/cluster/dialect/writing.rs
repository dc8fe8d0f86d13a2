//! Requests that write documents: the bulk URL and its action lines.

use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};
use reqwest::Method;

use super::{BulkType, Dialect};
use crate::cluster::path::encode;
use crate::cluster::transport::{Body, Request};
use crate::config::WriteMode;

/// What every bulk request of one target index shares.
#[derive(Debug, Clone)]
pub struct BulkTarget {
    path: String,
    verb: Verb,
}

/// What is done with every document of a bulk request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Written whole.
    Index(Guard),
    /// Written whole where there is none.
    Create,
    /// Changed in part, or written where there is none and the request says what it is then.
    Update,
    /// Deleted.
    Delete(Guard),
}

/// What has to hold for a document of the target before it is written or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Nothing.
    None,
    /// It is older: its version is lower than the one given, which becomes its own.
    Older,
    /// It has this very version. Understood by 5.x and 6.x (internal versions; dialects 8.1).
    Unchanged,
}

impl From<WriteMode> for Verb {
    fn from(mode: WriteMode) -> Self {
        match mode {
            WriteMode::External => Verb::Index(Guard::Older),
            WriteMode::Create => Verb::Create,
            WriteMode::Index => Verb::Index(Guard::None),
        }
    }
}

impl Verb {
    /// What has to hold for the document that is there.
    #[must_use]
    pub fn guard(self) -> Guard {
        match self {
            Verb::Index(guard) | Verb::Delete(guard) => guard,
            Verb::Create | Verb::Update => Guard::None,
        }
    }
}

impl Dialect {
    /// Prepares the bulk requests for an index. Index and type stand in the URL, once, not in every action line.
    ///
    /// The answer is narrowed to what is judged: status, id, result and error of each item.
    #[must_use]
    pub fn bulk_target(
        &self,
        index: &str,
        doc_type: Option<&str>,
        mode: WriteMode,
        pipeline: Option<&str>,
    ) -> BulkTarget {
        let mut path = format!("/{}", encode(index));
        match (self.bulk_type, doc_type) {
            (BulkType::Untyped, _) => {}
            (BulkType::Doc, _) => path.push_str("/_doc"),
            (BulkType::Named, Some(doc_type)) => {
                path.push('/');
                path.push_str(&encode(doc_type));
            }
            (BulkType::Named, None) => path.push_str("/doc"),
        }
        path.push_str("/_bulk?filter_path=errors,items.*._id,items.*.status,items.*.result,items.*.error");
        match pipeline {
            Some(pipeline) => path.push_str(&format!("&pipeline={}", encode(pipeline))),
            None if self.default_pipeline => path.push_str("&pipeline=_none"),
            None => {}
        }
        BulkTarget { path, verb: mode.into() }
    }
}

impl Dialect {
    /// Asks for documents by their ids: `{"docs": [{"_id", "routing", "_index"}]}`.
    #[must_use]
    pub fn get_many(&self, index: &str, docs: &serde_json::Value) -> Request {
        let level = if self.bulk_type == BulkType::Untyped { "" } else { "/_all" };
        Request::json(Method::POST, format!("/{}{level}/_mget", encode(index)), docs)
    }
}

impl BulkTarget {
    /// The request for a finished body.
    #[must_use]
    pub fn request(&self, body: Bytes) -> Request {
        Request { method: Method::POST, path: self.path.clone(), body: Some(Body::Ndjson(body)) }
    }

    /// The same index, with something else done to its documents.
    #[must_use]
    pub fn with(&self, verb: Verb) -> Self {
        BulkTarget { path: self.path.clone(), verb }
    }

    /// What is done with the documents.
    #[must_use]
    pub fn verb(&self) -> Verb {
        self.verb
    }

    /// Whether a document without a version must not be written: it would take the place of a newer one.
    #[must_use]
    pub fn needs_version(&self) -> bool {
        self.verb.guard() != Guard::None
    }

    /// Whether a line follows each action.
    #[must_use]
    pub fn has_source(&self) -> bool {
        !matches!(self.verb, Verb::Delete(_))
    }

    /// Where the `_id` of an action line begins.
    #[must_use]
    pub fn id_offset(&self) -> usize {
        self.opening().len()
    }

    fn opening(&self) -> &'static [u8] {
        match self.verb {
            Verb::Create => b"{\"create\":{\"_id\":",
            Verb::Index(_) => b"{\"index\":{\"_id\":",
            Verb::Update => b"{\"update\":{\"_id\":",
            Verb::Delete(_) => b"{\"delete\":{\"_id\":",
        }
    }

    /// Appends an action line. `id` and `routing` are JSON strings with their quotes, as the source wrote them.
    ///
    /// `routing`, `version` and `version_type` without underscore are understood by every version (dialects 4.1).
    /// `index` is named where it is not that of the URL.
    pub fn action(
        &self,
        body: &mut BytesMut,
        id: &[u8],
        routing: Option<&[u8]>,
        version: Option<u64>,
        index: Option<&str>,
    ) {
        body.extend_from_slice(self.opening());
        body.extend_from_slice(id);
        if let Some(index) = index {
            // A valid index name holds nothing that JSON would escape.
            let _ = write!(body, ",\"_index\":\"{index}\"");
        }
        if let Some(routing) = routing {
            body.extend_from_slice(b",\"routing\":");
            body.extend_from_slice(routing);
        }
        if let Some(version) = version {
            // Writing to a growing buffer does not fail.
            let _ = match self.verb.guard() {
                Guard::None => Ok(()),
                Guard::Older => write!(body, ",\"version\":{version},\"version_type\":\"external\""),
                Guard::Unchanged => write!(body, ",\"version\":{version}"),
            };
        }
        body.extend_from_slice(b"}}\n");
    }
}
