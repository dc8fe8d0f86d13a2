//! A migration and its topic: offsets recorded before the plan is made, watched during the copy, and applied or handed
//! over after it.

mod applying;
mod handing_over;
mod lanes;
mod looking;
mod recording;
mod replaying;
mod tombstones;

pub(super) use looking::look_at_topic;
pub(super) use recording::stored_topic;
