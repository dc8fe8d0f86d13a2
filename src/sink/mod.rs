//! Writes documents to the target and settles every single one: written, there already, superseded, or refused.

mod answer;
mod audit;
mod batch;
mod bulk;
mod delivery;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
mod judge;
mod origin;

pub use batch::{Batch, BatchLimits, Cut, cut};
pub use delivery::{Delivery, DeliveryError, Rejection, Sent, Sink};
pub use origin::Identity;
