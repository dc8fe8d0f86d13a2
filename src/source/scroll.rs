//! A slice read by scan (1.x) or scroll: one shard, one snapshot, every page judged, the total kept as a promise.

use super::page::Page;
use super::{
    Beginning, ReadError, SlicePage, SourceIndex, accept, accept_next, place, unreadable, while_opening,
};
use crate::cluster::dialect::Opening;
use crate::cluster::selection::Selection;
use crate::plan::slice::Cursor;

/// One attempt at a slice.
#[derive(Debug)]
pub struct ScrollReader {
    index: SourceIndex,
    selection: Selection,
    open: Option<Snapshot>,
}

#[derive(Debug)]
struct Snapshot {
    /// Taken from the last accepted page only: the id in a refused one leads to a perfect-looking end (dialects 2.2).
    scroll_id: String,
    /// `hits.total` of the first answer.
    promised: u64,
    received: u64,
    /// Documents that each of its pages may hold.
    docs: u32,
    beginning: Beginning,
}

impl ScrollReader {
    pub(super) fn new(index: SourceIndex, selection: Selection) -> Self {
        ScrollReader { index, selection, open: None }
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    pub(super) async fn next_page(&mut self) -> Result<Option<SlicePage>, ReadError> {
        let page = match &self.open {
            Some(snapshot) => self.continued(&snapshot.scroll_id, snapshot.docs).await?,
            None => self.opened().await?,
        };
        let place = place(&self.selection);
        let Some(snapshot) = &mut self.open else {
            return Err(ReadError::Restart(format!("{place}: no snapshot is open")));
        };
        if page.hits.is_empty() {
            // The shape of the last page proves nothing; the number of documents does (dialects 3.2, rule 6).
            return if snapshot.received == snapshot.promised {
                Ok(None)
            } else {
                let (received, promised) = (snapshot.received, snapshot.promised);
                Err(ReadError::Restart(format!(
                    "{place}: the scroll ended after {received} of {promised} documents"
                )))
            };
        }
        if !snapshot.beginning.is_new(&page) {
            return Err(ReadError::Restart(format!("{place}: the same page came twice")));
        }
        snapshot.received += page.hits.len() as u64;
        if snapshot.received > snapshot.promised {
            let (received, promised) = (snapshot.received, snapshot.promised);
            return Err(ReadError::Restart(format!(
                "{place}: {received} documents came where {promised} were promised"
            )));
        }
        if let Some(id) = page.scroll_id.clone() {
            snapshot.scroll_id = id;
        }
        self.index.page_size.learn(&page);
        Ok(Some(SlicePage { page, upto: Cursor::Start }))
    }

    /// Opens the snapshot and returns the first page that can hold documents.
    async fn opened(&mut self) -> Result<Page, ReadError> {
        let dialect = *self.index.cluster.dialect();
        let docs = self.index.page_size.docs();
        let request = dialect.open(&self.selection, docs, self.index.wanted);
        let name = self.index.cluster.name();
        let answer = self.index.ask(&request, docs).await;
        let body = answer.map_err(|cause| while_opening(cause, &self.selection, name))?;
        let place = place(&self.selection);
        let page = Page::read(body.clone()).map_err(|cause| unreadable(&cause, &body, &place))?;
        // A shard that is not there answers 200 with fewer shards than asked, or with none at all.
        accept(&page, &self.selection).map_err(ReadError::Wait)?;
        if page.shards.map(|[total, ..]| total) != Some(1) {
            return Err(ReadError::Wait(format!("{place}: the shard is not there")));
        }
        let Some(promised) = page.total else {
            return Err(ReadError::Restart(format!("{place}: an answer without an exact total")));
        };
        match &page.scroll_id {
            Some(id) => {
                self.open = Some(Snapshot {
                    scroll_id: id.clone(),
                    promised,
                    received: 0,
                    docs,
                    beginning: Beginning::default(),
                });
            }
            None => return Err(ReadError::Restart(format!("{place}: an answer without a scroll id"))),
        }
        if dialect.opening == Opening::Scan && promised > 0 {
            let id = page.scroll_id.unwrap_or_default();
            return self.continued(&id, docs).await;
        }
        Ok(page)
    }

    async fn continued(&self, scroll_id: &str, docs: u32) -> Result<Page, ReadError> {
        let place = place(&self.selection);
        let lost = |why: String| ReadError::Restart(format!("{place}: {why}"));
        let request = self.index.cluster.dialect().next_page(scroll_id);
        let body = self.index.ask(&request, docs).await.map_err(|cause| lost(cause.to_string()))?;
        let page = Page::read(body.clone()).map_err(|cause| {
            // The snapshot is lost in any case, and a page that never comes is no reason to open it for ever.
            ReadError::Restart(unreadable(&cause, &body, &place).to_string())
        })?;
        accept_next(&page, &self.selection).map_err(ReadError::Restart)?;
        let shards = page.shards.map_or(-1, |[total, ..]| total);
        // One shard on every page with hits, one or none on the empty last one (dialects 2.2).
        if shards != 1 && !(page.hits.is_empty() && shards == 0) {
            return Err(lost(format!("{shards} shards answered where one was asked")));
        }
        Ok(page)
    }

    pub(super) async fn abandon(self) {
        if let Some(snapshot) = self.open {
            // Left alone it ends by itself when its keep-alive runs out.
            let _ = self.index.cluster.call(&self.index.cluster.dialect().clear(&snapshot.scroll_id)).await;
        }
    }
}
