//! A page on its way to the target: cut into bulks, sent, and every hit of it settled.

use crate::cluster::dialect::writing::BulkTarget;
use crate::error::{Error, Result};
use crate::sink::{BatchLimits, Cut, Delivery, DeliveryError, Sink, cut};
use crate::source::Page;
use crate::transform::Pipeline;

/// A page cut into bulks, and how many hits it had.
#[derive(Debug)]
pub(super) struct PageCut {
    read: usize,
    cut: Cut,
}

impl PageCut {
    /// The bulks of a page of the source index `index`.
    ///
    /// # Errors
    /// `Refused` for a document without its `_source`.
    pub(super) fn of(
        index: &str,
        page: &Page,
        pipeline: &Pipeline,
        target: &BulkTarget,
        limits: &BatchLimits,
    ) -> Result<Self> {
        let cut = cut(page, pipeline, target, limits).map_err(|cause| {
            Error::refused("no_source", format!("index `{index}`: a document came without its _source"))
                .hint("the source does not give the documents out: check `_source` in the mapping and field-level security")
                .because(cause)
        })?;
        Ok(PageCut { read: page.hits.len(), cut })
    }

    /// Sends the bulks side by side, and settles every hit.
    ///
    /// # Errors
    /// When the target index is gone.
    pub(super) async fn deliver(self, sink: &Sink) -> Result<Delivery> {
        let Cut { batches, refused, dropped, derived } = self.cut;
        let mut all = Delivery::unsent(self.read, refused, dropped, derived);
        let sent = batches.into_iter().map(|batch| sink.deliver(batch));
        let sent = futures::future::try_join_all(sent).await.map_err(|DeliveryError::Fatal(error)| error)?;
        sent.into_iter().for_each(|delivery| all.absorb(delivery));
        Ok(all)
    }
}
