//! Changes that are made while documents are copied: messages of a topic, and what they ask for.

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod ledger;
pub mod mapping;
mod projection;
pub mod retention;
