//! Reads the documents of one slice, page by page, and proves at the end that it got all of them.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
pub(crate) mod nesting;
mod page;
mod scroll;
mod window;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use page::{Hit, Page, PageError, Span};

use crate::cluster::Cluster;
use crate::cluster::dialect::reading::Wanted;
use crate::cluster::failure::CallError;
use crate::cluster::selection::{HalfOpen, Selection, SliceRange};
use crate::error::Error;
use crate::plan::slice::Cursor;

/// Pages are kept near this size: large enough to be cheap, small enough that several fit in memory.
const PAGE_BYTES: u64 = 4 * 1024 * 1024;

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

/// How big the documents of an index are, learnt while reading.
#[derive(Debug)]
pub struct PageSize {
    most_docs: u32,
    mean_bytes: AtomicU64,
    /// What rates leave of a page.
    limit_docs: AtomicU32,
    limit_bytes: AtomicU64,
    relief: Mutex<Relief>,
}

/// Smaller pages for a source that lost attempts.
#[derive(Debug, Default)]
struct Relief {
    /// Pages are halved so often.
    halvings: u32,
    /// Pages that came since the last loss or growth.
    pages: u32,
}

/// Pages are not halved more often than this for a source that suffers.
const MOST_HALVINGS: u32 = 4;
/// Pages in a row that came, after which they are twice as large again.
const PAGES_TO_GROW: u32 = 32;

impl PageSize {
    /// At most `most_docs` a page; `mean_bytes` is a first guess of a document's size on the wire.
    #[must_use]
    pub fn new(most_docs: u32, mean_bytes: u64) -> Self {
        PageSize {
            most_docs,
            mean_bytes: AtomicU64::new(mean_bytes.max(1)),
            limit_docs: AtomicU32::new(u32::MAX),
            limit_bytes: AtomicU64::new(PAGE_BYTES),
            relief: Mutex::default(),
        }
    }

    /// Documents the next page should hold.
    #[must_use]
    pub fn docs(&self) -> u32 {
        let fitting =
            self.limit_bytes.load(Ordering::Relaxed) / self.mean_bytes.load(Ordering::Relaxed).max(1);
        let most = self.most_docs.min(self.limit_docs.load(Ordering::Relaxed)).max(1);
        let docs = u32::try_from(fitting).unwrap_or(u32::MAX).clamp(1, most);
        (docs >> self.relief().halvings).max(1)
    }

    /// Bytes that such a page will have.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::from(self.docs()).saturating_mul(self.mean_bytes.load(Ordering::Relaxed))
    }

    /// Makes pages smaller than they need to be; `None` lets them be as large as ever. Snapshots that are open keep
    /// the size of their pages.
    pub fn limit(&self, docs: Option<u64>, bytes: Option<u64>) {
        let docs = docs.and_then(|docs| u32::try_from(docs).ok()).unwrap_or(u32::MAX);
        self.limit_docs.store(docs, Ordering::Relaxed);
        self.limit_bytes.store(bytes.unwrap_or(PAGE_BYTES).min(PAGE_BYTES), Ordering::Relaxed);
    }

    /// A better guess, before the first page is read.
    pub fn expect(&self, mean_bytes: u64) {
        self.mean_bytes.fetch_max(mean_bytes, Ordering::Relaxed);
    }

    fn relief(&self) -> MutexGuard<'_, Relief> {
        self.relief.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The source lost an attempt: an overload, a circuit breaker, a shard, a snapshot. The next attempts ask for
    /// smaller pages, until enough of them came.
    pub fn suffers(&self) {
        let mut relief = self.relief();
        *relief = Relief { halvings: (relief.halvings + 1).min(MOST_HALVINGS), pages: 0 };
    }

    /// A page came: the next ones follow what its documents weigh.
    pub fn learn(&self, page: &Page) {
        if let Some(mean) =
            u64::try_from(page.body.len()).unwrap_or(u64::MAX).checked_div(page.hits.len() as u64)
        {
            let known = self.mean_bytes.load(Ordering::Relaxed);
            // Quick to shrink the pages, slow to grow them.
            let next = if mean > known { mean } else { (known * 7 + mean) / 8 };
            self.mean_bytes.store(next.max(1), Ordering::Relaxed);
        }
        let mut relief = self.relief();
        relief.pages += 1;
        if relief.pages >= PAGES_TO_GROW {
            *relief = Relief { halvings: relief.halvings.saturating_sub(1), pages: 0 };
        }
    }
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
        matches!(self, SliceReader::Scroll(reader) if reader.is_open())
    }

    /// Frees what the server holds for an attempt that is given up.
    pub async fn abandon(self) {
        if let SliceReader::Scroll(reader) = self {
            reader.abandon().await;
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
fn accept(page: &Page, what: &str) -> Result<(), String> {
    if page.terminated_early {
        return Err(format!("{what}: the server ended the search early"));
    }
    accept_next(page, what)
}

/// The rules of acceptance for every page of a scroll.
///
/// `terminated_early` is no fault there: a server that continues a scroll sorted by `_doc` collects no more than the
/// page, and says so on every page (measured on 2.4.6, 5.6.16 and 6.8.23). The total proves completeness.
fn accept_next(page: &Page, what: &str) -> Result<(), String> {
    match page.shards {
        Some([total, successful, failed]) if failed == 0 && successful == total => {}
        Some([total, successful, failed]) => {
            return Err(format!("{what}: {successful} of {total} shards answered, {failed} failed"));
        }
        None => return Err(format!("{what}: an answer without _shards")),
    }
    if page.timed_out {
        return Err(format!("{what}: the server ran out of time"));
    }
    Ok(())
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
