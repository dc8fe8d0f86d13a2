//! What the target refused, as it stands in the list of failures.

use jiff::Timestamp;

use super::worker::IndexCopy;
use crate::plan::slice::SliceId;
use crate::sink::{Rejection, Sent};
use crate::store::records::Failure;

impl IndexCopy {
    /// A document that is refused for the first time.
    pub(super) fn failure_of(&self, slice: SliceId, rejection: Rejection, now: Timestamp) -> Failure {
        let (target_id, target_index) = match rejection.sent {
            Some(Sent { id, index }) => (Some(id), index),
            None => (None, None),
        };
        Failure {
            slice,
            index: self.source_name.clone(),
            doc_type: rejection.origin.doc_type.or_else(|| self.doc_type.clone()),
            id: rejection.origin.id,
            routing: rejection.origin.routing,
            version: rejection.version,
            target_id,
            target_index,
            status: rejection.refusal.status,
            error_type: rejection.refusal.error_type,
            reason: rejection.refusal.reason,
            attempts: rejection.attempts,
            first: now,
            last: now,
            message: None,
        }
    }
}

/// A failure that is refused again.
pub(super) fn refused_again(failure: &Failure, rejection: Rejection) -> Failure {
    Failure {
        version: rejection.version,
        status: rejection.refusal.status,
        error_type: rejection.refusal.error_type,
        reason: rejection.refusal.reason,
        attempts: rejection.attempts.max(1),
        last: Timestamp::now(),
        ..failure.clone()
    }
}
