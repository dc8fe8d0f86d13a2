//! Places where a test lets the process die: the boundaries between two things of which the second must not be true
//! before the first. A build without the feature `failpoints`, such as every release, has nothing of this.

/// Makes the names and the list of them one thing: no boundary is missing from the list that the tests go through.
macro_rules! failpoints {
    ($($(#[$meta:meta])* $name:ident,)*) => {
        /// A boundary.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Failpoint {
            $($(#[$meta])* $name,)*
        }

        #[cfg(feature = "failpoints")]
        impl Failpoint {
            /// Every one.
            pub const ALL: &[Failpoint] = &[$(Failpoint::$name,)*];

            /// Its name in `FAILPOINTS`.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Failpoint::$name => stringify!($name),)*
                }
            }
        }
    };
}

failpoints! {
    /// A flush is counted in the database, and nothing is on the disk.
    FlushCounted,
    /// Everything is on the disk, and the file beside the database does not know of it.
    FlushUntold,
    /// A migration is in another phase, and nothing was done there.
    PhaseStored,

    /// Planning: an index is chosen, and none of its shards is planned.
    IndexStored,
    /// Planning: a shard's slices are written, not flushed.
    ShardWritten,
    /// Planning: between two shards.
    ShardStored,

    /// Preparing: the target index stands, and the store does not know of it.
    TargetCreated,
    /// Preparing: the settings of the target are stored, and not changed yet.
    OriginalsStored,
    /// Preparing: the settings of the target are changed, and the store does not know of it.
    TargetTuned,
    /// Preparing: a target is prepared and stored as such.
    TargetPrepared,

    /// Copying: a worker begins a slice.
    SliceBegun,
    /// Copying: the target has acknowledged a bulk, and nobody knows of it.
    BulkAcknowledged,
    /// Copying: a page is settled, and no checkpoint holds it.
    PageSettled,
    /// Copying: failures, counts and cursor (or `done`) are written as one batch, not flushed.
    SettlementWritten,
    /// Copying: they are flushed, and told to nobody.
    SettlementStored,

    /// Verifying: the settings of the target are put back, and the store does not know of it.
    SettingsRestored,
    /// Verifying: that is stored.
    RestoreStored,
    /// Verifying: both sides of an index are counted and stored.
    CountStored,

    /// Replaying: operations are acknowledged by the target, and nobody knows of it.
    MessagesAcknowledged,
    /// Replaying: failures, counts, tombstones and positions are written as one batch, not flushed.
    MessagesWritten,
    /// Replaying: they are flushed, and told to nobody.
    MessagesStored,

    /// Reconciling or verifying: a unit is read and stored.
    UnitStored,
    /// Reconciling: compared places with what became of them are written as one batch, not flushed.
    ComparisonWritten,
    /// Reconciling: they are flushed, and told to nobody.
    ComparisonStored,

    /// Verifying: candidates are on the disk, and the store does not know of them.
    CandidatesWritten,
    /// Verifying: differences are on the disk, and the store does not know of them.
    DifferencesWritten,
    /// Verifying: they are stored, and told to nobody.
    DifferencesStored,
    /// Repairing: the target has answered, and nobody knows of it.
    RepairAnswered,

    /// Switching: the switch is stored, and nothing is done.
    SwitchBegun,
    /// Switching, both ways: a step is stored, and not begun.
    SwitchStepStored,
    /// Switching, both ways: a step is taken, and the store does not know of it.
    SwitchStepTaken,

    /// Trying failures again: the target has answered, and nothing is stored.
    RetryAnswered,
    /// Trying failures again: what became of them is written as one batch, not flushed.
    RetryWritten,
    /// Trying failures again: that is flushed, and told to nobody.
    RetryStored,

    /// Forgetting a migration: it is marked, and everything is there.
    ResetMarked,
    /// Forgetting a migration: between two records.
    ResetHalf,
    /// Forgetting a migration: every record is gone, not flushed.
    ResetWritten,
}

impl Failpoint {
    /// Dies here, at once, where `FAILPOINTS` says so; otherwise nothing.
    #[cfg(feature = "failpoints")]
    pub(crate) fn pass(self) {
        fail::fail_point!(self.name(), |_| std::process::abort());
    }

    #[cfg(not(feature = "failpoints"))]
    pub(crate) fn pass(self) {}
}
