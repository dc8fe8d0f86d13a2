//! Writes documents to the target and settles every single one: written, there already, superseded, or refused.

mod answer;
mod audit;
mod batch;
mod batch_size;
mod bulk;
mod congestion;
mod delivery;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
mod judge;
pub mod operations;
mod origin;
mod outcome;
mod pace;

pub use batch::{Batch, BatchLimits, Cut, cut};
pub use delivery::{DeliveryError, Sink};
pub use origin::Identity;
pub use outcome::{Delivery, Rejection, Sent};
pub use pace::{Pace, PaceNow};
