//! esferry moves Elasticsearch indices from an old cluster to a new one while both serve users.
//!
//! The folders mirror the way of the data: `config -> cluster -> plan -> source -> transform -> sink -> store`,
//! orchestrated by `engine`, watched by `control` and `telemetry`, called by `cli`. `ARCHITECTURE.md` is the map.

pub mod changes;
pub mod cli;
pub mod cluster;
pub mod compare;
pub mod config;
pub mod control;
pub mod cutover;
pub mod diff;
pub mod engine;
pub mod error;
pub mod failpoint;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod plan;
pub mod schema;
pub mod sink;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod transform;
