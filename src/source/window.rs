//! A slice read by windows of sequence numbers: no snapshot on the server, and a position to resume from.
//!
//! Sequence numbers are unique in a shard, so a window of width W holds at most W documents (dialects 11.8).
//! Windows are no snapshot: a document updated before its window is read is found above it instead. So the slice with an
//! open end is read last: windows up to what is processed, as often as that is worth while, and what lies above them by
//! one snapshot, which ends however fast others write.

use super::page::Page;
use super::scroll::ScrollReader;
use super::{Beginning, ReadError, SlicePage, SourceIndex, accept, place, unreadable, while_opening};
use crate::cluster::failure::CallError;
use crate::cluster::selection::{HalfOpen, Selection, SliceRange};
use crate::plan::slice::Cursor;

/// How much wider than a page a window may get over sparse numbers.
const WIDEST: u64 = 1 << 20;

/// Looks at what came meanwhile, before the rest is read as one snapshot: what a crash would not read again grows with them.
const MOST_LOOKS: u32 = 8;

/// One attempt at a slice.
#[derive(Debug)]
pub struct WindowReader {
    index: SourceIndex,
    selection: Selection,
    next: u64,
    end: End,
    width: u64,
    beginning: Beginning,
}

#[derive(Debug)]
enum End {
    At(u64),
    /// Open: read up to what was processed when the last look was taken, then look again.
    Looking {
        upto: u64,
        looks: u32,
    },
    /// The rest: everything above the windows, as it was at one moment.
    Rest(Box<ScrollReader>),
}

impl WindowReader {
    pub(super) fn new(index: SourceIndex, selection: Selection, from: u64, to: Option<u64>) -> Self {
        let width = u64::from(index.page_size.docs());
        let end = to.map_or(End::Looking { upto: from, looks: 0 }, End::At);
        WindowReader { index, selection, next: from, end, width, beginning: Beginning::default() }
    }

    pub(super) async fn next_page(&mut self) -> Result<Option<SlicePage>, ReadError> {
        loop {
            let size = self.index.page_size.docs();
            let end = match &mut self.end {
                End::At(end) => *end,
                End::Looking { upto, .. } if self.next < *upto => *upto,
                End::Looking { looks, .. } => {
                    let looks = *looks + 1;
                    let upto = self.look().await?;
                    if upto < self.next.saturating_add(u64::from(size)) || looks > MOST_LOOKS {
                        let range = SliceRange::SeqNo(HalfOpen { from: Some(self.next), to: None });
                        let rest = ScrollReader::new(self.index.clone(), self.selection.with_range(range));
                        self.end = End::Rest(Box::new(rest));
                        continue;
                    }
                    self.end = End::Looking { upto, looks };
                    upto
                }
                End::Rest(rest) => {
                    // Until all of it is there, whoever begins again begins below it.
                    let upto = Cursor::SeqNo(self.next);
                    return Ok(rest.next_page().await?.map(|next| SlicePage { upto, ..next }));
                }
            };
            if self.next >= end {
                return Ok(None);
            }
            let to = self.next.saturating_add(self.width.max(1)).min(end);
            let page = self.window(to, size).await?;
            let place = place(&self.selection);
            let Some(total) = page.total else {
                return Err(ReadError::Restart(format!("{place}: an answer without an exact total")));
            };
            let received = page.hits.len() as u64;
            if total > u64::from(size) {
                // More than a page: a window no wider than the page holds no more than the page.
                self.width = u64::from(size);
                continue;
            }
            if total != received {
                return Err(ReadError::Restart(format!(
                    "{place}: {received} documents came where {total} were promised"
                )));
            }
            if !self.beginning.is_new(&page) {
                return Err(ReadError::Restart(format!("{place}: the same page came twice")));
            }
            self.next = to;
            self.width =
                if received * 2 < u64::from(size) { (self.width * 2).min(WIDEST) } else { self.width };
            if received == 0 {
                continue;
            }
            self.index.page_size.learn(&page);
            return Ok(Some(SlicePage { page, upto: Cursor::SeqNo(to) }));
        }
    }

    async fn window(&self, to: u64, size: u32) -> Result<Page, ReadError> {
        let range = SliceRange::SeqNo(HalfOpen { from: Some(self.next), to: Some(to) });
        let request =
            self.index.cluster.dialect().search(&self.selection.with_range(range), size, self.index.wanted);
        let body = self.index.ask(&request, size).await.map_err(|cause| self.refused(cause))?;
        let place = place(&self.selection);
        let page = Page::read(body.clone()).map_err(|cause| unreadable(&cause, &body, &place))?;
        accept(&page, &self.selection).map_err(ReadError::Wait)?;
        if page.shards.map(|[total, ..]| total) != Some(1) {
            return Err(ReadError::Wait(format!("{place}: the shard is not there")));
        }
        Ok(page)
    }

    /// The first number above everything that is processed now, visible to searches when this returns.
    async fn look(&self) -> Result<u64, ReadError> {
        let (cluster, index) = (&self.index.cluster, &self.selection.index);
        let shard = self.selection.shard.unwrap_or(0);
        let processed = cluster.processed_seq_no(index, shard).await.map_err(|cause| self.refused(cause))?;
        cluster.refresh(index).await.map_err(|cause| self.refused(cause))?;
        Ok(processed.map_or(0, |processed| processed + 1))
    }

    pub(super) fn holds_snapshot(&self) -> bool {
        matches!(&self.end, End::Rest(rest) if rest.is_open())
    }

    pub(super) async fn abandon(self) {
        if let End::Rest(rest) = self.end {
            rest.abandon().await;
        }
    }

    fn refused(&self, cause: CallError) -> ReadError {
        while_opening(cause, &self.selection, self.index.cluster.name())
    }
}
