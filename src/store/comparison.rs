//! The last comparison of searches: what a switch looks at, and the final report keeps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Store;
use super::keys::Key;
use crate::compare::Summary;
use crate::error::{Error, Result};

/// A comparison, without its searches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ComparisonRecord {
    /// When it was over.
    pub at: Timestamp,
    /// SHA-256 of the whole report as JSON, so that a report somebody kept can be recognised.
    pub digest: String,
    /// What came of it.
    pub summary: Summary,
}

impl Store {
    /// The last comparison of a migration.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn comparison(&self, name: &str) -> Result<Option<ComparisonRecord>> {
        self.get(&Key::comparison(name))
    }

    /// Stores a comparison in place of the one before, durably.
    ///
    /// # Errors
    /// `State` when the store has no such migration, or the disk refuses.
    pub fn save_comparison(&self, name: &str, record: &ComparisonRecord) -> Result<()> {
        let _guard = self.guard();
        if self.migration(name)?.is_none() {
            return Err(Error::state("unknown_migration", format!("the store holds no migration `{name}`")));
        }
        self.put(&Key::comparison(name), record)?;
        self.flush()
    }
}
