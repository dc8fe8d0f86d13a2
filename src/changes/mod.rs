//! Changes that are made while documents are copied: messages of a topic, and what they ask for.

#[cfg(feature = "kafka")]
pub mod kafka;
pub mod ledger;
pub mod mapping;
pub mod retention;
