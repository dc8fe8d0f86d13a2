//! What only real servers can show. Run by `scripts/test`, or with `ESFERRY_LAB=1 cargo test --test real`.

mod bad_answers;
mod bad_input;
mod chaos;
mod client;
mod conversion;
mod copy;
mod crash;
mod daemon;
mod failures;
mod faults;
mod holding;
mod kafka;
mod nodes;
mod pace;
mod plan;
mod queries;
mod refusals;
mod replay;
mod scene;
mod schemas;
mod sides;
mod target_faults;
mod target_states;
mod throttle;
mod transforms;
mod types;
