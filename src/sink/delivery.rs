//! Delivers batches: retries what may succeed later, bisects what is refused as a whole, and hands back one final
//! outcome for each document that went in.

use std::sync::Arc;
use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff as _;
use bytes::{Bytes, BytesMut};

use super::answer::{Answered, Group, judged};
use super::audit::{others, question};
use super::batch::{Batch, BatchLimits, Item};
use super::judge::is_gone;
use super::outcome::Delivery;
use super::pace::Pace;
use crate::cluster::Cluster;
use crate::cluster::dialect::writing::{BulkTarget, Guard, Verb};
use crate::cluster::failure::{CallError, Refusal};
use crate::cluster::waits::{Waiting, Waits};
use crate::error::Error;
use crate::failpoint::Failpoint;

/// Why a batch could not be settled at all.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// No waiting helps; nothing may be written any more.
    #[error(transparent)]
    Fatal(#[from] Error),
}

/// The way into one target index. Cheap to share between slices.
#[derive(Debug, Clone)]
pub struct Sink {
    cluster: Arc<Cluster>,
    index: String,
    target: BulkTarget,
    /// The target was there before: what is "there already" may be somebody else's.
    suspicious: bool,
    pace: Arc<Pace>,
    waits: Waits,
}

impl Sink {
    /// A sink for `index`. `pace` bounds the bulk requests of everybody who shares it.
    #[must_use]
    pub fn new(
        cluster: Arc<Cluster>,
        index: &str,
        target: BulkTarget,
        pace: Arc<Pace>,
        waits: Waits,
    ) -> Self {
        Sink { cluster, index: index.to_owned(), target, suspicious: false, pace, waits }
    }

    /// Looks at every document that the target says it has already, and refuses those that are others.
    #[must_use]
    pub fn suspicious(mut self, suspicious: bool) -> Self {
        self.suspicious = suspicious && self.target.verb() == Verb::Index(Guard::Older);
        self
    }

    /// The same index, at the same pace, with something else done to its documents. What is there already is not looked at.
    #[must_use]
    pub fn with(&self, verb: Verb) -> Self {
        Sink { target: self.target.with(verb), suspicious: false, ..self.clone() }
    }

    /// The action lines and URL of this sink.
    #[must_use]
    pub fn target(&self) -> &BulkTarget {
        &self.target
    }

    /// The cluster that is written.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// How large the next batch may be.
    #[must_use]
    pub fn limits(&self) -> BatchLimits {
        self.pace.limits()
    }

    /// Sends a batch until each of its documents has a final outcome, for as long as that takes.
    ///
    /// # Errors
    /// [`DeliveryError::Fatal`] when the target index is gone.
    pub async fn deliver(&self, batch: Batch) -> Result<Delivery, DeliveryError> {
        let mut delivery = Delivery::default();
        delivery.counts.bytes = batch.source_bytes;
        let mut groups = vec![Group { items: (0..batch.items.len()).collect(), tries: 0 }];
        let mut delays = patience();
        let mut waiting: Option<Waiting> = None;
        let mut present = Vec::new();
        while let Some(mut group) = groups.pop() {
            group.tries += 1;
            let body = batch.body_of(&group.items);
            let (docs, bytes) = (group.items.len(), body.len());
            let flight = self.pace.take_off().await;
            let answer = self.cluster.call(&self.target.request(body)).await;
            let took = flight.took();
            if answer.is_ok() {
                Failpoint::BulkAcknowledged.pass();
            }
            let pause = match answer {
                Ok(answer) => {
                    let answered = judged(&batch, &group, &self.target, &answer, &mut delivery, &mut present);
                    match answered {
                        Answered::Settled => {
                            flight.lands_well(took, docs, bytes);
                            None
                        }
                        Answered::Again { later, reason, overloaded } => {
                            if overloaded {
                                flight.meets_refusal();
                            }
                            Some((later, reason))
                        }
                        Answered::NotOurs(reason) => {
                            // Perhaps a stray answer of a broken connection: nothing of it is believed.
                            self.cluster.transport().renew();
                            Some((group, reason))
                        }
                        Answered::IndexGone(refusal) => {
                            return Err(self.gone(CallError::Refused(refusal)).into());
                        }
                    }
                }
                Err(cause) if concerns_the_request(&cause) => {
                    if cause.refusal().is_some_and(|refusal| refusal.status == 413) {
                        self.pace.too_large(bytes);
                    }
                    self.bisect(&batch, group, &cause, &mut groups, &mut delivery);
                    None
                }
                Err(CallError::Refused(refusal)) if is_gone(&refusal) => {
                    return Err(self.gone(CallError::Refused(refusal)).into());
                }
                Err(cause @ CallError::Timeout) => {
                    flight.times_out(docs, bytes);
                    // Sent again as it is, it might be too much for ever.
                    groups.extend(group.split());
                    Some((group, cause.to_string()))
                }
                Err(cause) => {
                    if cause.refusal().is_some_and(Refusal::is_temporary) {
                        flight.meets_refusal();
                    }
                    Some((group, cause.to_string()))
                }
            };
            match pause {
                None => {
                    delays.reset();
                    waiting = None;
                }
                Some((later, reason)) => {
                    let told = format!("target {}: {reason}", self.index);
                    // Patience may last for days: told the more rarely the longer it lasts. The status always says it.
                    if later.tries.is_power_of_two() {
                        let (docs, tries) = (later.items.len(), later.tries);
                        tracing::warn!(index = self.index, docs, tries, reason, "bulk is sent again");
                    }
                    groups.push(later);
                    drop(waiting.replace(self.waits.begin(told)));
                    tokio::time::sleep(delays.next_backoff().unwrap_or(MAX_PAUSE)).await;
                }
            }
        }
        if self.suspicious && !present.is_empty() {
            self.audit(&batch, &present, &mut delivery).await;
        }
        Ok(delivery)
    }

    /// Compares documents that were there already with those that were to be written; others are refused.
    async fn audit(&self, batch: &Batch, present: &[usize], delivery: &mut Delivery) {
        let mut delays = patience();
        let request = self.cluster.dialect().get_many(&self.index, &question(batch, present));
        let others = loop {
            let answer = self.cluster.call(&request).await;
            let cause = match answer.and_then(|answer| others(batch, present, &answer)) {
                Ok(others) => break others,
                Err(cause) => cause,
            };
            let _waiting = self.waits.begin(format!("target {}: {cause}", self.index));
            tokio::time::sleep(delays.next_backoff().unwrap_or(MAX_PAUSE)).await;
        };
        for position in others {
            delivery.counts.present -= 1;
            let refusal = Refusal {
                status: 409,
                error_type: "other_document".to_owned(),
                reason: "the target holds another document under this id and version".to_owned(),
            };
            delivery.reject(batch, position, refusal, 1);
        }
    }

    /// A request refused as a whole is halved until the guilty document stands alone.
    fn bisect(
        &self,
        batch: &Batch,
        mut group: Group,
        cause: &CallError,
        groups: &mut Vec<Group>,
        delivery: &mut Delivery,
    ) {
        if let [alone] = group.items[..] {
            let refusal = cause.refusal().cloned().unwrap_or(Refusal {
                status: 0,
                error_type: String::new(),
                reason: cause.to_string(),
            });
            let refusal = if refusal.status == 413 && refusal.error_type.is_empty() {
                let size = batch.items[alone].end - batch.items[alone].start;
                Refusal {
                    status: 413,
                    error_type: "too_large".to_owned(),
                    reason: format!("the target takes no request of {size} bytes"),
                }
            } else {
                refusal
            };
            delivery.reject(batch, alone, refusal, group.tries);
            return;
        }
        tracing::info!(index = self.index, docs = group.items.len(), cause = %cause, "bulk is halved");
        groups.extend(group.split());
        groups.push(group);
    }

    fn gone(&self, cause: CallError) -> Error {
        let message = format!("cluster `{}`: the target index `{}` is gone", self.cluster.name(), self.index);
        Error::refused("target_gone", message)
            .hint("what was copied into it is lost: `esferry reset` the migration and start again")
            .because(cause)
    }
}

impl Batch {
    pub(super) fn source(&self, position: usize) -> &[u8] {
        let Item { source, end, .. } = self.items[position];
        &self.body[source..end]
    }

    pub(super) fn action(&self, position: usize) -> &[u8] {
        let Item { start, source, .. } = self.items[position];
        &self.body[start..source]
    }

    /// The `_id` of an item, as the JSON string that was sent.
    pub(super) fn id(&self, position: usize, target: &BulkTarget) -> &[u8] {
        let Item { start, id, .. } = self.items[position];
        let from = start + target.id_offset();
        &self.body[from..from + id]
    }

    fn body_of(&self, items: &[usize]) -> Bytes {
        if items.len() == self.items.len() {
            return self.body.clone();
        }
        let size = items.iter().map(|&item| self.items[item].end - self.items[item].start).sum();
        let mut body = BytesMut::with_capacity(size);
        for &item in items {
            body.extend_from_slice(&self.body[self.items[item].start..self.items[item].end]);
        }
        body.freeze()
    }
}

/// Longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(10);

fn patience() -> ExponentialBackoff {
    ExponentialBackoff {
        initial_interval: Duration::from_millis(200),
        max_interval: MAX_PAUSE,
        multiplier: 2.0,
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    }
}

/// True when something in the request itself is refused, so that sending it again would be refused again: a 400, a
/// 413, or a 500 that says the body could not be parsed (dialects 4.3).
fn concerns_the_request(cause: &CallError) -> bool {
    match cause.refusal() {
        Some(refusal) if matches!(refusal.status, 400 | 413) => true,
        Some(refusal) if refusal.status == 500 => {
            matches!(
                refusal.error_type.as_str(),
                "json_e_o_f_exception" | "json_parse_exception" | "parse_exception"
            )
        }
        _ => false,
    }
}
