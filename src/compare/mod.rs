//! The same answers to the same questions: recorded searches are asked on both sides of a migration, and their answers
//! and latencies compared.
//!
//! [`recorded`] and [`import`](mod@import) give the searches, [`running`] asks them, [`judging`] compares two answers,
//! [`unsteady`] knows which answers prove nothing, [`accepted`] which differences are known; [`report`] is what came of
//! it, and [`page`] shows it.

pub mod accepted;
pub mod import;
pub mod judging;
pub mod latency;
pub mod page;
pub mod recorded;
pub mod report;
mod request;
pub mod running;
pub mod unsteady;

pub use report::{Report, Summary, Verdict};
