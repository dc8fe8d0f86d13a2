//! How a migration follows its source, as the status shows it.

use super::Progress;
use crate::control::changes::ChangesStatus;

impl Progress {
    /// Changes what the status says of the changes.
    pub fn changes(&self, change: impl FnOnce(&mut ChangesStatus)) {
        change(self.inner().changes.get_or_insert_default());
    }
}
