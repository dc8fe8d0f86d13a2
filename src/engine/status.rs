//! The status document, from a running engine's progress or from the store alone.

use jiff::Timestamp;

use super::progress::Progress;
use super::reconcile::stored_passes;
use super::topic::stored_topic;
use crate::control::status::{DaemonStatus, STATUS_VERSION, StatusDocument};
use crate::control::verification::VerificationStatus;
use crate::error::Result;
use crate::store::Store;
use crate::store::records::MigrationRecord;

/// Fills a progress with everything that the store knows of a migration.
///
/// # Errors
/// `State` for unreadable records.
pub(super) fn take_over(progress: &Progress, store: &Store, record: &MigrationRecord) -> Result<()> {
    progress.take_migration(record);
    progress.forget_slices();
    for index in store.indices(&record.name)? {
        progress.take_index(&index);
    }
    for slice in store.slices(&record.name) {
        progress.take_slice(&slice?);
    }
    progress.take_failures(store.failure_groups(&record.name)?);
    if let Some(passes) = stored_passes(store, &record.name)? {
        progress.changes(|changes| {
            changes.reconcile.get_or_insert(passes);
        });
    }
    if let Some(verification) = store.verification(&record.name)? {
        progress.verification_was(VerificationStatus::of(&verification));
    }
    if let Some(comparison) = store.comparison(&record.name)? {
        progress.comparison_is(comparison);
    }
    if let Some(cutover) = store.cutover(&record.name)? {
        progress.cutover_is(cutover);
    }
    if let Some(topic) = stored_topic(store, record)? {
        progress.replay_begins(topic.counts.taken());
        progress.changes(|changes| {
            changes.topic.get_or_insert(topic);
        });
    }
    Ok(())
}

/// The status as the store has it, for when no daemon is running.
///
/// # Errors
/// `State` for unreadable records.
pub fn from_store(store: &Store, daemon: Option<DaemonStatus>) -> Result<StatusDocument> {
    let mut migrations = Vec::new();
    for record in store.migrations()? {
        let progress = Progress::new(&record.name);
        take_over(&progress, store, &record)?;
        progress.tunes(record.tuned);
        migrations.push(progress.status());
    }
    Ok(StatusDocument { version: STATUS_VERSION, at: Timestamp::now(), daemon, migrations })
}
