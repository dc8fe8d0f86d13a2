//! A document as one side has it, without its body.

use serde::{Deserialize, Serialize};

use super::Content;
use crate::error::{Error, Result};

/// A document as one side has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// `_version`; absent where it is not known.
    pub version: Option<u64>,
    /// What names it on the source, for a sighting there.
    pub origin: Option<Origin>,
    /// What it says, where that was read.
    pub content: Option<Content>,
    /// The key of its failure in the store, for a sighting in the list of failures.
    pub failure: Option<Vec<u8>>,
}

/// What names a document on the source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Ordinal of its index, where a transform sends it to another target than that index has.
    pub from: Option<u32>,
    /// Its type; absent for the only one that its index has.
    pub doc_type: Option<String>,
    /// Its id and routing, where they are others than on the target.
    pub own: Option<(String, Option<String>)>,
    /// Its parent.
    pub parent: Option<String>,
}

impl Sighting {
    /// As bytes.
    ///
    /// # Errors
    /// Never for what this program makes.
    pub fn encode(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(self)
            .map_err(|cause| Error::unexpected("encode", "a sighting cannot be written").because(cause))
    }

    /// From its bytes.
    ///
    /// # Errors
    /// `State` for bytes that are none.
    pub fn decode(bytes: &[u8]) -> Result<Sighting> {
        postcard::from_bytes(bytes).map_err(|cause| damaged().because(cause))
    }
}

/// Where a document stands: index (by its ordinal in the migration), id and routing on the target. Equal bytes are equal
/// places, and both sides order them in the same way.
///
/// # Errors
/// Never for what this program makes.
pub fn place(index: u32, id: &str, routing: Option<&str>) -> Result<Vec<u8>> {
    postcard::to_stdvec(&(index, id, routing))
        .map_err(|cause| Error::unexpected("encode", "a place cannot be written").because(cause))
}

/// The parts of a place.
///
/// # Errors
/// `State` for bytes that are none.
pub(super) fn parts(place: &[u8]) -> Result<(u32, String, Option<String>)> {
    postcard::from_bytes(place).map_err(|cause| damaged().because(cause))
}

pub(super) fn damaged() -> Error {
    Error::state("sightings", "a file of sightings is damaged").hint(
        "delete the directory `sightings` in the state directory, and start again: the pass begins anew",
    )
}
