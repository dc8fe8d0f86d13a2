//! Cuts indices into slices that cover them exactly, and proves it before anything is copied.

mod coverage;
mod fields;
mod numbers;
mod shards;
pub mod slice;
mod strategy;
mod terms;

pub use coverage::{Gap, verify};
pub use shards::{PlanError, ShardPlan, plan_shard};
pub use strategy::{Strategy, choose};
