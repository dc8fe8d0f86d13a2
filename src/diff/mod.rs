//! What stands on both sides, told apart without holding either in memory: sightings in sorted runs on the disk, met in
//! the order of their places.

mod content;
mod meeting;
mod paths;
mod runs;
mod sighting;

pub use content::{Content, is_same};
pub use meeting::{Meeting, meet};
pub use paths::{Unlike, unlike};
pub use runs::{RunWriter, Runs};
pub use sighting::{Origin, Sighting, place};

/// Who saw a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// The source: what should be on the target.
    Source,
    /// The target.
    Target,
    /// The list of failures: what is known not to be there.
    Failures,
}
