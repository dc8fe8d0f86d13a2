//! Brings documents of the target up to what the source holds this moment, whatever has become of them meanwhile.

use std::collections::HashSet;
use std::time::Duration;

use futures::StreamExt as _;
use serde::{Deserialize, Serialize};

use super::worker::IndexCopy;
use crate::cluster::Cluster;
use crate::cluster::dialect::reading::Wanted;
use crate::cluster::dialect::writing::{Guard, Verb};
use crate::cluster::failure::{CallError, Refusal};
use crate::cluster::held::{Asked, Held};
use crate::diff::is_same;
use crate::error::Result;
use crate::sink::{Cut, Delivery, DeliveryError, Identity, Rejection, Sink, operations};
use crate::source::{Given, Page};
use crate::transform::Transformed;

/// Looks at a document that others change at the same time.
const ROUNDS: u32 = 8;
/// Between two tries at a cluster that does not answer.
const PAUSE: Duration = Duration::from_secs(1);
/// The error type of a conflict of versions.
pub(super) const CONFLICT: &str = "version_conflict_engine_exception";

/// A document of the source, by what names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct DocumentKey {
    pub(super) doc_type: Option<String>,
    pub(super) id: String,
    pub(super) routing: Option<String>,
    pub(super) parent: Option<String>,
}

/// What became of documents that were to be brought up to date.
#[derive(Debug, Default)]
#[must_use = "outcomes have to be recorded"]
pub(super) struct Brought {
    pub(super) written: u64,
    pub(super) deleted: u64,
    /// They were up to date, or newer.
    pub(super) unchanged: u64,
    /// Of these, deletes of what was not there: the target has taken an operation for each all the same.
    #[cfg(feature = "kafka")]
    pub(super) deletes_of_nothing: u64,
    pub(super) rejections: Vec<Rejection>,
}

/// A document of the source as it has to be on the target.
struct Wished {
    key: DocumentKey,
    version: u64,
    source: Vec<u8>,
}

impl Wished {
    fn given(&self, version: u64) -> Given<'_> {
        Given { version: Some(version), source: &self.source, ..given(&self.key) }
    }
}

fn given(key: &DocumentKey) -> Given<'_> {
    Given {
        doc_type: key.doc_type.as_deref(),
        id: &key.id,
        routing: key.routing.as_deref(),
        parent: key.parent.as_deref(),
        version: None,
        source: b"{}",
    }
}

impl IndexCopy {
    /// Brings documents up to date; no two of `keys` have the same id.
    ///
    /// The target is looked at first and the source afterwards, so that what is written or deleted on condition of the
    /// target's version was true after that version was there. A version of the source that is lower than the target's
    /// (the document was deleted, forgotten and created anew, dialects 8.3) takes its place with `sole_writer` only.
    ///
    /// # Errors
    /// What no waiting cures: an index that is gone.
    pub(super) async fn bring_up(&self, keys: Vec<DocumentKey>, sole_writer: bool) -> Result<Brought> {
        let mut brought = Brought::default();
        let mut left = keys;
        for round in 1..=ROUNDS {
            left = self.round(left, sole_writer, &mut brought).await?;
            if left.is_empty() {
                return Ok(brought);
            }
            tokio::time::sleep(Duration::from_millis(20) * round).await;
        }
        for key in left {
            brought.reject(
                &key,
                None,
                "restless",
                "the target's document changes faster than it is looked at",
            );
        }
        Ok(brought)
    }

    /// One look at both sides; returns those that changed on the target between look and deed.
    async fn round(
        &self,
        keys: Vec<DocumentKey>,
        sole_writer: bool,
        brought: &mut Brought,
    ) -> Result<Vec<DocumentKey>> {
        let (keys, on_target) = self.on_target(keys, Wanted::Ids, brought).await?;
        let on_source = self.on_source(&keys).await?;
        let (mut write, mut delete, mut restarted) = (Vec::new(), Vec::new(), Vec::new());
        for ((key, there), now) in keys.into_iter().zip(on_target).zip(on_source) {
            let there = match there {
                Held::Refused(why) => {
                    brought.reject(&key, None, "unreadable", &format!("on the target: {why}"));
                    continue;
                }
                Held::Absent => None,
                Held::There { version, .. } => Some(version),
            };
            match (now, there) {
                (Held::Refused(why), _) => {
                    brought.reject(&key, None, "unreadable", &format!("on the source: {why}"));
                }
                (Held::Absent, None) => brought.unchanged += 1,
                (Held::Absent, Some(there)) => delete.push((key, there)),
                (Held::There { version, source, routing, parent }, there) => {
                    let key = DocumentKey {
                        routing: routing.or(key.routing),
                        parent: parent.or(key.parent),
                        ..key
                    };
                    let wished = Wished { key, version, source };
                    match there {
                        Some(there) if self.leaves_out(&wished) => delete.push((wished.key, there)),
                        None if self.leaves_out(&wished) => brought.unchanged += 1,
                        // An equal version may be that of a document that was there before it (dialects 8.3).
                        Some(there) if there >= version => restarted.push((wished, there)),
                        _ => write.push(wished),
                    }
                }
            }
        }
        let mut again = self.delete_unchanged(delete, brought).await?;
        self.write_newer(write, sole_writer, brought).await?;
        again.extend(self.replace_restarted(restarted, sole_writer, brought).await?);
        Ok(again)
    }

    /// Whether a transform leaves the document out.
    fn leaves_out(&self, wished: &Wished) -> bool {
        if !self.pipeline.may_drop() {
            return false;
        }
        let page = Page::of([wished.given(wished.version)]);
        let dropped = |hit| matches!(self.pipeline.apply(hit, &page), Ok(Transformed::Dropped { .. }));
        page.hits.first().is_some_and(dropped)
    }

    async fn delete_unchanged(
        &self,
        delete: Vec<(DocumentKey, u64)>,
        brought: &mut Brought,
    ) -> Result<Vec<DocumentKey>> {
        if delete.is_empty() {
            return Ok(Vec::new());
        }
        let page = Page::of(delete.iter().map(|(key, there)| Given { version: Some(*there), ..given(key) }));
        let sink = self.sink.with(Verb::Delete(Guard::Unchanged));
        let cut = operations::deletes(&page, &self.pipeline, sink.target(), &sink.limits());
        let delivery = send(&sink, cut).await?;
        brought.deleted += delivery.counts.written;
        brought.unchanged += delivery.counts.present;
        let (lost, others) = conflicts(delivery.rejections);
        brought.rejections.extend(others);
        let keys = delete.into_iter().map(|(key, _)| key);
        Ok(keys.filter(|key| lost.contains(&key.id)).collect())
    }

    async fn write_newer(&self, write: Vec<Wished>, sole_writer: bool, brought: &mut Brought) -> Result<()> {
        if write.is_empty() {
            return Ok(());
        }
        let page = Page::of(write.iter().map(|wished| wished.given(wished.version)));
        let delivery = self.cut(page).await?.deliver(&self.sink).await?;
        brought.written += delivery.counts.written;
        brought.unchanged += delivery.counts.present;
        brought.rejections.extend(delivery.rejections);
        if delivery.counts.superseded == 0 {
            return Ok(());
        }
        // Newer ones are there by now, or a delete that the target remembers, under a higher version, and no document.
        let versions: Vec<u64> = write.iter().map(|wished| wished.version).collect();
        let keys = write.iter().map(|wished| wished.key.clone()).collect();
        let (_, there) = self.on_target(keys, Wanted::Ids, &mut Brought::default()).await?;
        let newer = there.iter().zip(&versions).filter(
            |(there, version)| matches!(there, Held::There { version: there, .. } if there > version),
        );
        brought.unchanged += (newer.count() as u64).min(delivery.counts.superseded);
        let absent = write.iter().zip(&there).filter(|(_, there)| **there == Held::Absent);
        let absent: Vec<&Wished> = absent.map(|(wished, _)| wished).collect();
        if !sole_writer {
            for wished in absent {
                let reason = format!(
                    "the target has deleted it under a version above the source's {}; {SOLE_WRITER}",
                    wished.version
                );
                brought.reject(&wished.key, Some(wished.version), "version_restart", &reason);
            }
            return Ok(());
        }
        if absent.is_empty() {
            return Ok(());
        }
        let page = Page::of(absent.iter().map(|wished| wished.given(wished.version)));
        let delivery = self.deliver_by(page, Verb::Create).await?;
        brought.written += delivery.counts.written;
        brought.unchanged += delivery.counts.present;
        brought.rejections.extend(delivery.rejections);
        Ok(())
    }

    /// Documents whose version is not higher on the source than on the target.
    async fn replace_restarted(
        &self,
        restarted: Vec<(Wished, u64)>,
        sole_writer: bool,
        brought: &mut Brought,
    ) -> Result<Vec<DocumentKey>> {
        if restarted.is_empty() {
            return Ok(Vec::new());
        }
        let keys = restarted.iter().map(|(wished, _)| wished.key.clone()).collect();
        let whole = Wanted::Documents { routing: false, parent: false };
        let (_, there) = self.on_target(keys, whole, &mut Brought::default()).await?;
        let mut replace = Vec::new();
        for ((wished, version), there) in restarted.into_iter().zip(there) {
            let page = Page::of([wished.given(version)]);
            let made = page.hits.first().map(|hit| self.pipeline.apply(hit, &page));
            let same = match (&made, &there) {
                (Some(Ok(Transformed::One(document))), Held::There { source, .. }) => {
                    is_same(&document.source, source)
                }
                _ => false,
            };
            if same {
                brought.unchanged += 1;
            } else if sole_writer {
                replace.push((wished, version));
            } else {
                let reason = format!(
                    "it has version {} on the source and {version} on the target; {SOLE_WRITER}",
                    wished.version
                );
                brought.reject(&wished.key, Some(wished.version), "version_restart", &reason);
            }
        }
        if replace.is_empty() {
            return Ok(Vec::new());
        }
        let page = Page::of(replace.iter().map(|(wished, version)| wished.given(*version)));
        let delivery = self.deliver_by(page, Verb::Index(Guard::Unchanged)).await?;
        brought.written += delivery.counts.written;
        let (lost, others) = conflicts(delivery.rejections);
        brought.rejections.extend(others);
        let keys = replace.into_iter().map(|(wished, _)| wished.key);
        Ok(keys.filter(|key| lost.contains(&key.id)).collect())
    }

    async fn deliver_by(&self, page: Page, verb: Verb) -> Result<Delivery> {
        let sink = self.sink.with(verb);
        self.cut_for(page, &sink).await?.deliver(&sink).await
    }

    /// The documents on the target; keys that cannot have a place there are refused, and left out of both lists.
    async fn on_target(
        &self,
        keys: Vec<DocumentKey>,
        wanted: Wanted,
        brought: &mut Brought,
    ) -> Result<(Vec<DocumentKey>, Vec<Held>)> {
        let page = Page::of(keys.iter().map(given));
        let (mut kept, mut places) = (Vec::new(), Vec::new());
        for (key, hit) in keys.into_iter().zip(&page.hits) {
            let text = |json: &[u8]| serde_json::from_slice::<String>(json).unwrap_or_default();
            match self.pipeline.place_of(hit, &page) {
                Ok(document) => {
                    places.push((text(&document.id), document.routing.as_deref().map(text)));
                    kept.push(key);
                }
                Err(error) => brought.reject(&key, None, error.error_type(), &error.to_string()),
            }
        }
        let asked: Vec<Asked<'_>> = places
            .iter()
            .map(|(id, routing)| Asked { doc_type: None, id, routing: routing.as_deref() })
            .collect();
        let held = self.held(self.sink.cluster(), &self.target_name, &asked, wanted).await?;
        Ok((kept, held))
    }

    /// Documents that are asked for by their ids at once: as many as a page has.
    pub(super) fn at_once(&self) -> usize {
        usize::try_from(self.source.page_size.docs()).unwrap_or(usize::MAX).max(1)
    }

    pub(super) async fn on_source(&self, keys: &[DocumentKey]) -> Result<Vec<Held>> {
        let asked: Vec<Asked<'_>> = keys
            .iter()
            .map(|key| Asked {
                doc_type: key.doc_type.as_deref().or(self.doc_type.as_deref()),
                id: &key.id,
                routing: key.routing.as_deref().or(key.parent.as_deref()),
            })
            .collect();
        let mut held = Vec::with_capacity(asked.len());
        for asked in asked.chunks(self.at_once()) {
            let answers = self.held(&self.source.cluster, &self.source_name, asked, self.source.wanted);
            held.extend(answers.await?);
        }
        Ok(held)
    }

    /// Asks for as long as it takes. An answer that cannot be read is asked for document by document, so that one of them
    /// does not hide the others.
    pub(super) async fn held(
        &self,
        cluster: &Cluster,
        index: &str,
        asked: &[Asked<'_>],
        wanted: Wanted,
    ) -> Result<Vec<Held>> {
        loop {
            let cause = match cluster.held(index, asked, wanted).await {
                Ok(held) => return Ok(held),
                Err(cause) => cause,
            };
            match &cause {
                CallError::Malformed(_) if asked.len() > 1 => {
                    let ones = futures::stream::iter(asked.chunks(1));
                    let mut ones = ones.then(|one| Box::pin(self.held(cluster, index, one, wanted)));
                    let mut held = Vec::with_capacity(asked.len());
                    while let Some(one) = ones.next().await {
                        held.extend(one?);
                    }
                    return Ok(held);
                }
                CallError::Malformed(why) => return Ok(vec![Held::Refused(why.clone())]),
                cause if cause.is_temporary() => {}
                _ => return Err(cause.during(cluster.name(), &format!("reading documents of `{index}`"))),
            }
            let _waiting = self.progress.waits.begin(format!("{}: {cause}", cluster.name()));
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What an operator can do about versions that began anew.
const SOLE_WRITER: &str = "with changes.sole_writer = true the source's document takes its place";

impl Brought {
    fn reject(&mut self, key: &DocumentKey, version: Option<u64>, error_type: &str, reason: &str) {
        let DocumentKey { doc_type, id, routing, .. } = key.clone();
        self.rejections.push(Rejection {
            origin: Identity { doc_type, id, routing },
            sent: None,
            version,
            refusal: Refusal { status: 0, error_type: error_type.to_owned(), reason: reason.to_owned() },
            attempts: 1,
        });
    }
}

/// The documents that changed meanwhile, and the refusals of another kind.
fn conflicts(rejections: Vec<Rejection>) -> (HashSet<String>, Vec<Rejection>) {
    let (lost, others): (Vec<_>, Vec<_>) =
        rejections.into_iter().partition(|rejection| rejection.refusal.error_type == CONFLICT);
    (lost.into_iter().map(|rejection| rejection.origin.id).collect(), others)
}

/// Sends bulks side by side.
///
/// # Errors
/// When the target index is gone.
pub(super) async fn send(sink: &Sink, cut: Cut) -> Result<Delivery> {
    let Cut { batches, refused, .. } = cut;
    let mut all = Delivery::unsent(0, refused, std::collections::BTreeMap::new(), 0);
    let sent = batches.into_iter().map(|batch| sink.deliver(batch));
    let sent = futures::future::try_join_all(sent).await.map_err(|DeliveryError::Fatal(error)| error)?;
    sent.into_iter().for_each(|delivery| all.absorb(delivery));
    Ok(all)
}
