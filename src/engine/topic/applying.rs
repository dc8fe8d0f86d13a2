//! Applies changes to one target index: each of another document, all of them at once.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use jiff::Timestamp;

use crate::changes::ledger::{OperationOutcome, Ticket};
use crate::changes::mapping::{Action, Change, MessageParts, Poison};
use crate::cluster::dialect::writing::{Guard, Verb};
use crate::cluster::failure::Refusal;
use crate::config::ChangeVersion;
use crate::engine::current::{Brought, DocumentKey, send};
use crate::engine::progress::Progress;
use crate::engine::worker::IndexCopy;
use crate::error::Result;
use crate::plan::slice::SliceId;
use crate::sink::{Identity, Rejection, operations};
use crate::source::{Given, Page};
use crate::store::records::{Failure, MessagePlace};
use crate::store::topics::{MessageCounts, Tombstone};
use crate::transform::Transformed;

/// A change with the message that asks for it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) ticket: Ticket,
    pub(super) change: Change,
}

/// How changes are applied.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) topic: String,
    pub(super) version: ChangeVersion,
    pub(super) sole_writer: bool,
    /// Tells whether deletes have to be remembered.
    pub(super) progress: Arc<Progress>,
    /// A failure of a message is listed, or will be: later messages may mend it.
    pub(super) failed: Arc<AtomicBool>,
}

impl Rules {
    /// Applies changes of one index, no two of them of the same id, and returns the outcome of each.
    ///
    /// # Errors
    /// When the target index is gone.
    pub(super) async fn apply(
        &self,
        copy: &IndexCopy,
        ordinal: u32,
        asked: &[Asked],
    ) -> Result<Vec<(Ticket, OperationOutcome)>> {
        let sent = u64::try_from(asked.len()).unwrap_or(u64::MAX);
        self.progress.sends(sent);
        let Brought { written, deleted, unchanged, deletes_of_nothing, rejections } = match self.version {
            ChangeVersion::Source => copy.bring_up(keys(asked), self.sole_writer).await?,
            ChangeVersion::Message => self.write(copy, asked, Guard::Older).await?,
            ChangeVersion::None => self.write(copy, asked, Guard::None).await?,
        };
        let mut refused: HashMap<String, Rejection> = HashMap::new();
        for rejection in rejections {
            refused.insert(rejection.origin.id.clone(), rejection);
        }
        // Which one had which outcome does not matter, the totals do: they go with the first.
        let mut counts =
            MessageCounts { written, deleted, unchanged, deletes_of_nothing, ..MessageCounts::default() };
        self.progress.replays(sent, counts.taken());
        let remember = self.version == ChangeVersion::Message && self.progress.may_bring_back();
        let outcome = |Asked { ticket, change }: &Asked| {
            let failure = refused
                .remove(&change.id)
                .map(|rejection| self.failure(copy, ordinal, *ticket, change, rejection));
            let tombstone = match (&change.action, change.version) {
                (Action::Delete, Some(version)) if remember && failure.is_none() => Some(Tombstone {
                    index: ordinal,
                    doc_type: change.doc_type.clone(),
                    id: change.id.clone(),
                    routing: change.routing.clone().or_else(|| change.parent.clone()),
                    version,
                }),
                _ => None,
            };
            let mends = match &failure {
                Some(_) => {
                    self.failed.store(true, Ordering::Relaxed);
                    None
                }
                None if self.failed.load(Ordering::Relaxed) => {
                    Some(self.failure(copy, ordinal, *ticket, change, nothing(change)))
                }
                None => None,
            };
            (*ticket, OperationOutcome { counts: std::mem::take(&mut counts), failure, mends, tombstone })
        };
        Ok(asked.iter().map(outcome).collect())
    }

    /// Writes what the messages say.
    async fn write(&self, copy: &IndexCopy, asked: &[Asked], guard: Guard) -> Result<Brought> {
        let (mut index, mut update, mut upsert, mut delete) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for Asked { change, .. } in asked {
            match &change.action {
                Action::Index { source } if leaves_out(copy, change, source) => {
                    delete.push(given(change, b"{}"))
                }
                Action::Index { source } => index.push(given(change, source)),
                Action::Update { doc, upsert: whole } => {
                    update.push(given(change, doc));
                    upsert.push(given(change, whole.as_deref().unwrap_or_default()));
                }
                Action::Delete | Action::Touch => delete.push(given(change, b"{}")),
            }
        }
        let mut brought = Brought::default();
        let sink = copy.sink.with(Verb::Index(guard));
        let indexed = async {
            if index.is_empty() {
                return Ok(None);
            }
            copy.cut_for(Page::of(index), &sink).await?.deliver(&sink).await.map(Some)
        };
        let deleting = copy.sink.with(Verb::Delete(guard));
        let deleted = async {
            if delete.is_empty() {
                return Ok(None);
            }
            let page = Page::of(delete);
            let cut = operations::deletes(&page, &copy.pipeline, deleting.target(), &deleting.limits());
            send(&deleting, cut).await.map(Some)
        };
        let updating = copy.sink.with(Verb::Update);
        let updated = async {
            if update.is_empty() {
                return Ok(None);
            }
            let (page, upserts) = (Page::of(update), Page::of(upsert));
            let (target, limits) = (updating.target(), updating.limits());
            send(&updating, operations::updates(&page, &upserts, &copy.pipeline, target, &limits))
                .await
                .map(Some)
        };
        let (indexed, deleted, updated) = tokio::try_join!(indexed, deleted, updated)?;
        for delivery in [indexed, updated].into_iter().flatten() {
            brought.written += delivery.counts.written;
            brought.unchanged += delivery.counts.present + delivery.counts.superseded;
            brought.rejections.extend(delivery.rejections);
        }
        if let Some(delivery) = deleted {
            brought.deleted += delivery.counts.written;
            brought.deletes_of_nothing += delivery.counts.present;
            brought.unchanged += delivery.counts.present + delivery.counts.superseded;
            brought.rejections.extend(delivery.rejections);
        }
        Ok(brought)
    }

    fn failure(
        &self,
        copy: &IndexCopy,
        ordinal: u32,
        ticket: Ticket,
        change: &Change,
        rejection: Rejection,
    ) -> Failure {
        let version = rejection.version.or(change.version);
        Failure {
            doc_type: change.doc_type.clone().or_else(|| copy.doc_type.clone()),
            id: change.id.clone(),
            routing: change.routing.clone().or_else(|| change.parent.clone()),
            version,
            message: Some(self.place(ticket)),
            ..copy.failure_of(SliceId::of_changes(ordinal), rejection, Timestamp::now())
        }
    }

    fn place(&self, Ticket { partition, offset }: Ticket) -> MessagePlace {
        MessagePlace { topic: self.topic.clone(), partition, offset, payload: None }
    }

    /// A message that cannot be mapped, as a failure.
    pub(super) fn poisoned(&self, message: &MessageParts<'_>, poison: &Poison, keep: bool) -> Failure {
        let MessageParts { partition, offset, key, payload, .. } = *message;
        let payload =
            payload.filter(|_| keep).map(|payload| base64::prelude::BASE64_STANDARD.encode(payload));
        let key = key.map(String::from_utf8_lossy).map_or(String::new(), |key| format!(" (key {key})"));
        let now = Timestamp::now();
        Failure {
            slice: SliceId::of_messages(),
            index: self.topic.clone(),
            doc_type: None,
            id: format!("{}/{partition}/{offset}", self.topic),
            routing: None,
            version: None,
            target_id: None,
            target_index: None,
            status: 0,
            error_type: poison.error_type.to_owned(),
            reason: format!("{}{key}", poison.reason),
            attempts: 1,
            first: now,
            last: now,
            message: Some(MessagePlace { payload, ..self.place(Ticket { partition, offset }) }),
        }
    }
}

/// For the key of a failure that would be.
fn nothing(change: &Change) -> Rejection {
    Rejection {
        origin: Identity { doc_type: None, id: change.id.clone(), routing: None },
        sent: None,
        version: None,
        refusal: Refusal { status: 0, error_type: String::new(), reason: String::new() },
        attempts: 0,
    }
}

fn keys(asked: &[Asked]) -> Vec<DocumentKey> {
    let key = |Asked { change, .. }: &Asked| DocumentKey {
        doc_type: change.doc_type.clone(),
        id: change.id.clone(),
        routing: change.routing.clone(),
        parent: change.parent.clone(),
    };
    asked.iter().map(key).collect()
}

fn given<'a>(change: &'a Change, source: &'a [u8]) -> Given<'a> {
    Given {
        doc_type: change.doc_type.as_deref(),
        id: &change.id,
        routing: change.routing.as_deref(),
        parent: change.parent.as_deref(),
        version: change.version,
        source,
    }
}

/// Whether a transform leaves the document out: then the one that is there goes.
fn leaves_out(copy: &IndexCopy, change: &Change, source: &[u8]) -> bool {
    if !copy.pipeline.may_drop() {
        return false;
    }
    let page = Page::of([given(change, source)]);
    let dropped = |hit| matches!(copy.pipeline.apply(hit, &page), Ok(Transformed::Dropped { .. }));
    page.hits.first().is_some_and(dropped)
}
