//! The reading side of an attempt: a task of its own, one page ahead, no faster than the throttle lets it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::progress::Progress;
use super::throttle::{Reads, Throttle, held_until};
use crate::source::{PageSize, ReadError, SlicePage, SliceReader};

/// How long a source may take to free a snapshot that is given up.
const FREE_WITHIN: Duration = Duration::from_secs(5);

/// Why no more pages come.
pub(super) enum Broken {
    /// It was held back for longer than the source keeps a snapshot.
    Held,
    /// What the source said, or did not say.
    Lost(ReadError),
}

impl Broken {
    /// The channel closed without a last word.
    pub(super) fn vanished() -> Broken {
        Broken::Lost(ReadError::Restart("the reader ended in the middle".to_owned()))
    }
}

/// Ends a task with whoever started it.
pub(super) struct AbortOnDrop(pub(super) tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Reads ahead by one page, so that source and target work at the same time, and no faster than the throttle lets it.
/// `None` comes last, once it is proven that there is no more: a channel that closes without it proves nothing.
pub(super) async fn read(
    mut reader: SliceReader,
    pages: mpsc::Sender<Result<Option<SlicePage>, Broken>>,
    page_size: Arc<PageSize>,
    (throttle, reads): (Arc<Throttle>, Reads),
    progress: Arc<Progress>,
) {
    let mut last_page = Instant::now();
    loop {
        // Room for it first: a page that is read before there is any is one more in memory.
        let Ok(room) = pages.reserve().await else { break };
        let turn = throttle.turn(&page_size, reads, &progress.waits);
        let charged = if reader.holds_snapshot() {
            match tokio::time::timeout_at(held_until(last_page), turn).await {
                Ok(charged) => charged,
                Err(_) => {
                    // Before it is told, for whoever is told ends this task. A source that is too busy even for this
                    // frees it by itself.
                    let _ = tokio::time::timeout(FREE_WITHIN, reader.abandon()).await;
                    room.send(Err(Broken::Held));
                    return;
                }
            }
        } else {
            turn.await
        };
        let next = match reader.next_page().await {
            Ok(Some(page)) => {
                throttle.settle(charged, page.page.hits.len(), page.page.body.len());
                Ok(Some(page))
            }
            Ok(None) => Ok(None),
            Err(lost) => Err(Broken::Lost(lost)),
        };
        last_page = Instant::now();
        let more = matches!(next, Ok(Some(_)));
        room.send(next);
        if !more {
            break;
        }
    }
    reader.abandon().await;
}
