//! The daemon's HTTP API on `<state>/control.sock`, and the client that every other command talks through.
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /v1/status` | [`status::StatusDocument`] |
//! | `GET /v1/migrations/{name}` | [`status::MigrationStatus`] |
//! | `GET /v1/migrations/{name}/slices?state=` | one [`SliceRecord`](crate::store::records::SliceRecord) a line |
//! | `GET /v1/migrations/{name}/failures` | a list of [`FailureGroup`](crate::store::records::FailureGroup) |
//! | `GET /v1/migrations/{name}/failures/records?type=&id=` | one [`Failure`](crate::store::records::Failure) a line |
//! | `POST /v1/migrations/{name}/pause` `{"reason": …}` | nothing: it is stored |
//! | `POST /v1/migrations/{name}/resume` `{"slice": …}` | nothing: it is stored |
//! | `POST /v1/migrations/{name}/tune` some of [`Tuned`](crate::store::records::Tuned) | all of it, as it stands now |
//! | `DELETE /v1/migrations/{name}/tune` | the same: nothing of it stands |
//! | `POST /v1/migrations/{name}/failures/accept` `{"type": …, "acceptance": …}` | its [`FailureGroup`](crate::store::records::FailureGroup) |
//! | `POST /v1/migrations/{name}/failures/retry` `{"type": …}` | lines of [`RetryLine`](server::RetryLine) |
//! | `POST /v1/migrations/{name}/verify` [`VerifyOptions`](crate::engine::verification::VerifyOptions) | lines of [`VerifyLine`](verifying::VerifyLine) |
//! | `GET /v1/migrations/{name}/verification/differences` | one [`Difference`](crate::store::verification::Difference) a line |
//! | `POST /v1/migrations/{name}/comparison` [`ComparisonRecord`](crate::store::comparison::ComparisonRecord) | nothing: it is stored |
//! | `GET /v1/migrations/{name}/gates` | [`DryRun`](crate::engine::cutover::DryRun) |
//! | `POST /v1/migrations/{name}/cutover` [`CutoverOptions`](crate::engine::cutover::CutoverOptions) | lines of [`SwitchLine`](switching::SwitchLine) |
//! | `POST /v1/migrations/{name}/rollback` `{"because": …}` | the same |
//! | `GET /v1/migrations/{name}/recovery` | [`RecoveryPlan`](crate::engine::cutover::recovery::RecoveryPlan) |
//! | `POST /v1/migrations/{name}/complete` `{"by": …}` | [`FinalReport`](crate::engine::cutover::report::FinalReport) |
//!
//! Errors are `{kind, code, message, hint}`. A list that ends without its last chunk is incomplete.

pub mod changes;
pub mod client;
pub mod fault;
pub mod lines;
pub mod server;
pub mod socket;
pub mod status;
pub mod switching;
pub mod verification;
pub mod verifying;

pub use client::{Client, StateName, Wanted, WantedSlices};
pub use server::{AcceptRequest, ControlServer};

/// The reason of a pause for which the operator gave none.
pub const BY_OPERATOR: &str = "by the operator";

#[cfg(test)]
mod tests;
