//! Parts of both sides that are read into sorted runs, for a pass or for a verification.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::keys::Key;
use super::{Store, unusable};
use crate::cluster::counting::ShardMark;
use crate::error::Result;

/// What units are read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A pass of `changes.reconcile`.
    Pass,
    /// A verification.
    Verification,
}

/// What is read as one: all of it, or again from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UnitName {
    /// What it is a part of.
    pub part: Part,
    /// Ordinal of the index.
    pub index: u32,
    /// Shard of the side it is on.
    pub shard: u32,
    /// Number of its first slice.
    pub number: u32,
}

/// What a unit is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Slices of the source.
    Source,
    /// A shard of the target.
    Target,
    /// The list of failures.
    Failures,
}

impl Part {
    pub(super) fn letter(self) -> u8 {
        match self {
            Part::Source => b's',
            Part::Target => b't',
            Part::Failures => b'f',
        }
    }
}

impl std::fmt::Display for UnitName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let UnitName { part, index, shard, number } = self;
        write!(f, "{}-{index}-{shard}-{number}", char::from(part.letter()))
    }
}

/// A unit that is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// Its name.
    pub name: UnitName,
    /// Sorted runs it became.
    pub runs: u32,
    /// Documents in it.
    pub docs: u64,
    /// What they come to, by the ordinal of the target's index.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sums: BTreeMap<u32, Sum>,
    /// Where its shard stood before it was read; absent where the server has no sequence numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mark: Option<ShardMark>,
    /// It is that of an earlier verification, whose runs are gone: its sums alone hold, as long as its shard stands there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub kept: bool,
}

/// Documents, and one number that is the same for the same documents, in whatever order they were seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many.
    pub docs: u64,
    /// The sum of what each of them comes to, as 32 hexadecimal digits.
    #[serde(with = "hexadecimal")]
    pub digest: u128,
}

impl Sum {
    /// One more document, which comes to this.
    pub fn take(&mut self, one: u128) {
        self.docs += 1;
        self.digest = self.digest.wrapping_add(one);
    }

    /// All of another.
    pub fn add(&mut self, other: Sum) {
        self.docs += other.docs;
        self.digest = self.digest.wrapping_add(other.digest);
    }
}

mod hexadecimal {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(digest: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{digest:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

impl Store {
    /// The units that are read.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn units(&self, purpose: Purpose, name: &str) -> Result<Vec<UnitRecord>> {
        self.scan(&Key::units(purpose, name)).collect()
    }

    /// Stores that a unit is read, durably. Its runs have to be on the disk.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn save_unit(&self, purpose: Purpose, name: &str, unit: &UnitRecord) -> Result<()> {
        self.put(&Key::unit(purpose, name, unit.name), unit)?;
        self.flush()
    }

    /// Where the runs of units are, in files that belong to nobody else.
    #[must_use]
    pub fn units_dir(&self, purpose: Purpose, name: &str) -> PathBuf {
        match purpose {
            Purpose::Pass => self.state_dir.join("sightings").join(name),
            Purpose::Verification => self.verification_dir(name).join("runs"),
        }
    }

    /// Takes all units off the store, and their files off the disk.
    pub(super) fn forget_units(&self, purpose: Purpose, name: &str) -> Result<()> {
        // The records first: a unit without its files would be missed.
        for key in self.db.scan_prefix(Key::units(purpose, name).bytes()).keys() {
            let key = key.map_err(|cause| self.broken(cause))?;
            self.db.remove(key).map_err(|cause| self.broken(cause))?;
        }
        self.flush()?;
        delete_all(&self.units_dir(purpose, name))
    }

    /// Takes units off the store, so that they are read anew.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn forget_some(&self, purpose: Purpose, name: &str, units: &[UnitName]) -> Result<()> {
        for unit in units {
            let key = Key::unit(purpose, name, *unit);
            self.db.remove(key.bytes()).map_err(|cause| self.broken(cause))?;
        }
        self.flush()
    }
}

/// Deletes a directory, where there is one.
pub(super) fn delete_all(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(unusable(dir, sled::Error::Io(cause)))
        }
        _ => Ok(()),
    }
}
