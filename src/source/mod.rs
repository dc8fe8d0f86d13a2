//! Reads the documents of one slice, page by page, and proves at the end that it got all of them.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
mod given;
pub(crate) mod nesting;
mod page;
mod page_size;
mod scan;
mod scroll;
mod window;

use std::sync::Arc;

use bytes::Bytes;
pub use given::Given;
pub use page::{Hit, Page};
pub use page_size::PageSize;
pub use scan::{PageError, Span};

use crate::cluster::Cluster;
use crate::cluster::answer::{describe, is_foreign};
use crate::cluster::dialect::reading::Wanted;
use crate::cluster::failure::CallError;
use crate::cluster::selection::{HalfOpen, Selection, SliceRange};
use crate::cluster::transport::Request;
use crate::error::Error;
use crate::plan::slice::Cursor;

/// Why a page did not come, and what may be done about it. There is no "send that page again".
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// This attempt is lost; the slice is read again from its cursor.
    #[error("{0}")]
    Restart(String),
    /// The cluster cannot serve the slice now; it is read again when it can.
    #[error("{0}")]
    Wait(String),
    /// No waiting helps.
    #[error(transparent)]
    Fatal(#[from] Error),
}

/// A page of documents and how far the slice is read with it.
#[derive(Debug)]
pub struct SlicePage {
    /// The documents.
    pub page: Page,
    /// Where a later attempt may begin once these documents are settled.
    pub upto: Cursor,
}

/// What a reader needs to know of its index.
#[derive(Debug, Clone)]
pub struct SourceIndex {
    /// The cluster that is read.
    pub cluster: Arc<Cluster>,
    /// What is asked of each hit.
    pub wanted: Wanted,
    /// How many documents a page.
    pub page_size: Arc<PageSize>,
}

impl SourceIndex {
    /// Asks for a page of `docs` documents. One that is far too large is not read to its end, and the next ones hold
    /// fewer.
    async fn ask(&self, request: &Request, docs: u32) -> Result<Bytes, CallError> {
        let answer = self.cluster.call_within(request, PageSize::room(docs)).await;
        if let Err(CallError::TooLarge { .. }) = answer {
            self.page_size.is_too_large(docs);
        }
        answer
    }
}

/// Reads one slice. `None` from [`next_page`](Self::next_page) means *proven complete*.
#[derive(Debug)]
pub enum SliceReader {
    /// By scan or scroll.
    Scroll(scroll::ScrollReader),
    /// By windows of sequence numbers.
    Window(window::WindowReader),
}

impl SliceReader {
    /// A reader of the selection that begins at `cursor`. Sends nothing yet.
    #[must_use]
    pub fn new(index: SourceIndex, selection: Selection, cursor: Cursor) -> Self {
        match selection.range.clone() {
            SliceRange::SeqNo(HalfOpen { from, to }) => {
                let from = match cursor {
                    Cursor::Start => from.unwrap_or(0),
                    Cursor::SeqNo(next) => next,
                };
                SliceReader::Window(window::WindowReader::new(index, selection, from, to))
            }
            _ => SliceReader::Scroll(scroll::ScrollReader::new(index, selection)),
        }
    }

    /// The next page; `None` once it is proven that there is none.
    ///
    /// # Errors
    /// [`ReadError`]. The reader is of no use after one.
    pub async fn next_page(&mut self) -> Result<Option<SlicePage>, ReadError> {
        match self {
            SliceReader::Scroll(reader) => reader.next_page().await,
            SliceReader::Window(reader) => reader.next_page().await,
        }
    }

    /// Whether the server keeps a snapshot for it, which ends by itself when no page is asked for.
    #[must_use]
    pub fn holds_snapshot(&self) -> bool {
        match self {
            SliceReader::Scroll(reader) => reader.is_open(),
            SliceReader::Window(reader) => reader.holds_snapshot(),
        }
    }

    /// Frees what the server holds for an attempt that is given up.
    pub async fn abandon(self) {
        match self {
            SliceReader::Scroll(reader) => reader.abandon().await,
            SliceReader::Window(reader) => reader.abandon().await,
        }
    }
}

/// How the last page began. An answer that is given twice, by a confused proxy or connection, passes every count, and
/// would hide the documents in whose place it comes; a snapshot of one shard never holds a document twice.
#[derive(Debug, Default)]
struct Beginning(Vec<u8>);

impl Beginning {
    /// False when this page begins as the one before.
    fn is_new(&mut self, page: &Page) -> bool {
        let Some(first) = page.hits.first() else { return true };
        let mut begins = first.doc_type.map_or_else(Vec::new, |name| name.of(&page.body).to_vec());
        begins.extend_from_slice(first.id.of(&page.body));
        let new = begins != self.0;
        self.0 = begins;
        new
    }
}

/// The rules of acceptance for an answer that begins something (dialects 3.2, rules 1 to 4).
fn accept(page: &Page, selection: &Selection) -> Result<(), String> {
    if page.terminated_early {
        return Err(format!("{}: the server ended the search early", place(selection)));
    }
    accept_next(page, selection)
}

/// The rules of acceptance for every page of a scroll.
///
/// `terminated_early` is no fault there: a server that continues a scroll sorted by `_doc` collects no more than the
/// page, and says so on every page (measured on 2.4.6, 5.6.16 and 6.8.23). The total proves completeness.
fn accept_next(page: &Page, selection: &Selection) -> Result<(), String> {
    let refused = |why: String| Err(format!("{}: {why}", place(selection)));
    match page.shards {
        Some([total, successful, failed]) if failed == 0 && successful == total => {}
        Some([total, successful, failed]) => {
            return refused(format!("{successful} of {total} shards answered, {failed} failed"));
        }
        None => return refused("an answer without _shards".to_owned()),
    }
    if page.timed_out {
        return refused("the server ran out of time".to_owned());
    }
    // An answer to somebody else's question, by a confused proxy or connection, may pass every count.
    if let Some(index) = page.hits.first().and_then(|hit| hit.index).map(|index| index.of(&page.body))
        && index != format!("\"{}\"", selection.index).as_bytes()
        && serde_json::from_slice::<String>(index).ok().as_deref() != Some(&selection.index)
    {
        return refused(format!("an answer with documents of {}", String::from_utf8_lossy(index)));
    }
    Ok(())
}

/// A page that cannot be read. Where the answer is no JSON object at all, nothing in the documents can be the reason:
/// somebody else answered, and that is waited out.
fn unreadable(cause: &PageError, body: &[u8], place: &str) -> ReadError {
    if is_foreign(body) {
        ReadError::Wait(format!("{place}: {}", CallError::Malformed(describe(body))))
    } else {
        ReadError::Restart(format!("{place}: {cause}"))
    }
}

/// What an error means for a request that begins an attempt: nothing is lost yet.
fn while_opening(cause: CallError, selection: &Selection, cluster: &str) -> ReadError {
    let place = place(selection);
    match &cause {
        CallError::Refused(refusal) if refusal.status == 404 => ReadError::Fatal(
            Error::refused(
                "index_gone",
                format!("cluster `{cluster}`: index `{}` is gone from the source", selection.index),
            )
            .hint("`esferry reset` the migration, and plan it again without this index")
            .because(cause),
        ),
        CallError::Refused(refusal) if refusal.status == 400 => ReadError::Fatal(
            Error::refused("query_refused", format!("cluster `{cluster}`: {place} cannot be searched"))
                .hint("a 400 comes from the query: check `from.query`")
                .because(cause),
        ),
        CallError::Refused(refusal) if refusal.status == 500 => {
            ReadError::Restart(format!("{place}: {cause}"))
        }
        _ => ReadError::Wait(format!("{place}: {cause}")),
    }
}

/// `alerts shard 2`, for reasons.
fn place(selection: &Selection) -> String {
    match selection.shard {
        Some(shard) => format!("{} shard {shard}", selection.index),
        None => selection.index.clone(),
    }
}
