//! Writes documents to the target and settles every single one: written, there already, superseded, or refused.

mod batch;
mod bulk;
mod delivery;
mod judge;

pub use batch::{Batch, BatchLimits, cut};
pub use delivery::{Delivery, DeliveryError, Rejection, Sink};
