//! The gates and the switch of a migration, as the status shows them.

use super::Progress;
use crate::cutover::gates::Gates;
use crate::store::comparison::ComparisonRecord;
use crate::store::cutover::CutoverRecord;

impl Progress {
    /// The gates as they were looked at just now.
    pub fn gates_are(&self, gates: Gates) {
        self.inner().gates = Some(gates);
    }

    /// The last comparison of searches is this now.
    pub fn comparison_is(&self, record: ComparisonRecord) {
        self.inner().comparison = Some(record);
    }

    /// The switch is this now.
    pub fn cutover_is(&self, record: CutoverRecord) {
        self.inner().cutover = Some(record);
    }
}
