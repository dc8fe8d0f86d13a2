//! Writes documents to the target and settles every single one: written, there already, superseded, or refused.

mod audit;
mod batch;
mod bulk;
mod delivery;
mod judge;
mod origin;

pub use batch::{Batch, BatchLimits, Cut, cut};
pub use delivery::{Delivery, DeliveryError, Rejection, Sent, Sink};
pub use origin::Identity;
