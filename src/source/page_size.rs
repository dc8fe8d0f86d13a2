//! How many documents a page holds, so that it is neither dear nor large.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::page::Page;

/// Pages are kept near this size: large enough to be cheap, small enough that several fit in memory.
const PAGE_BYTES: u64 = 3_584 * 1024;
/// No page of several documents may be larger: the size of a snapshot's pages is a guess that holds for all of them.
const LARGEST_PAGE: usize = 32 * 1024 * 1024;
/// How much fewer documents there are after a page that was too large.
const SHRINK: u32 = 8;
/// Pages are not halved more often than this for a source that suffers.
const MOST_HALVINGS: u32 = 4;
/// Pages in a row that came, after which they are twice as large again.
const PAGES_TO_GROW: u32 = 32;

/// How big the documents of an index are, learnt while reading.
#[derive(Debug)]
pub struct PageSize {
    most_docs: u32,
    mean_bytes: AtomicU64,
    /// What rates leave of a page.
    limit_docs: AtomicU32,
    limit_bytes: AtomicU64,
    /// What a page that was too large leaves: it stays, for where one large document is there may be others.
    ceiling: AtomicU32,
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

impl PageSize {
    /// At most `most_docs` a page; `mean_bytes` is a first guess of a document's size on the wire.
    #[must_use]
    pub fn new(most_docs: u32, mean_bytes: u64) -> Self {
        PageSize {
            most_docs,
            mean_bytes: AtomicU64::new(mean_bytes.max(1)),
            limit_docs: AtomicU32::new(u32::MAX),
            limit_bytes: AtomicU64::new(PAGE_BYTES),
            ceiling: AtomicU32::new(u32::MAX),
            relief: Mutex::default(),
        }
    }

    /// Documents the next page should hold.
    #[must_use]
    pub fn docs(&self) -> u32 {
        let fitting =
            self.limit_bytes.load(Ordering::Relaxed) / self.mean_bytes.load(Ordering::Relaxed).max(1);
        let limits = self.limit_docs.load(Ordering::Relaxed).min(self.ceiling.load(Ordering::Relaxed));
        let most = self.most_docs.min(limits).max(1);
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

    /// Bytes that there is room for in a page of so many documents. A single document is taken whatever it weighs.
    #[must_use]
    pub(super) fn room(docs: u32) -> usize {
        if docs > 1 { LARGEST_PAGE } else { usize::MAX }
    }

    /// A page of so many documents had no room: from now on there are far fewer in one.
    pub(super) fn is_too_large(&self, docs: u32) {
        self.ceiling.fetch_min((docs / SHRINK).max(1), Ordering::Relaxed);
    }

    /// The source lost an attempt: an overload, a circuit breaker, a shard, a snapshot. The next attempts ask for
    /// smaller pages, until enough of them came.
    pub fn suffers(&self) {
        let mut relief = self.relief();
        *relief = Relief { halvings: (relief.halvings + 1).min(MOST_HALVINGS), pages: 0 };
    }

    fn relief(&self) -> MutexGuard<'_, Relief> {
        self.relief.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A better guess, before the first page is read.
    pub fn expect(&self, mean_bytes: u64) {
        self.mean_bytes.fetch_max(mean_bytes, Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn pages_that_were_too_large_shrink_for_good_down_to_one_document_of_any_size() {
        let size = PageSize::new(2000, 100);
        let mut asked = Vec::new();
        loop {
            let docs = size.docs();
            asked.push(docs);
            if PageSize::room(docs) == usize::MAX {
                break;
            }
            assert_eq!(PageSize::room(docs), LARGEST_PAGE);
            size.is_too_large(docs);
        }
        assert_eq!(asked, [2000, 250, 31, 3, 1]);
        size.is_too_large(800);
        size.limit(None, None);
        assert_eq!(size.docs(), 1);
    }

    #[test]
    fn a_source_that_suffers_gives_smaller_pages_until_enough_of_them_came() {
        let size = PageSize::new(2000, 100);
        let asked: Vec<u32> = (0..6)
            .map(|_| {
                size.suffers();
                size.docs()
            })
            .collect();
        assert_eq!(asked, [1000, 500, 250, 125, 125, 125]);
        let page = Page::read(Bytes::from_static(br#"{"hits":{"total":0,"hits":[]}}"#)).unwrap();
        (1..PAGES_TO_GROW).for_each(|_| size.learn(&page));
        assert_eq!(size.docs(), 125);
        size.learn(&page);
        assert_eq!(size.docs(), 250);
        (0..PAGES_TO_GROW * 3).for_each(|_| size.learn(&page));
        assert_eq!(size.docs(), 2000);
    }
}
