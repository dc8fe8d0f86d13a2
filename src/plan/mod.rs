//! Cuts indices into slices that cover them exactly, and proves it before anything is copied.

mod coverage;
mod fields;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
mod numbers;
mod shards;
mod shared_ids;
pub mod slice;
mod strategy;
mod terms;

pub use coverage::{Gap, verify};
pub use shards::{PlanError, Planner, ShardPlan};
pub use shared_ids::shared_id;
pub use strategy::{Strategy, choose};
