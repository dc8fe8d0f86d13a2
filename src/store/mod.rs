//! What survives a crash: one sled tree, written in atomic batches, flushed before anything is told to anyone.
//!
//! The order is the same everywhere: the target has acknowledged -> failures and cursor (or `Done`) in one batch ->
//! flushed -> told. `docs/store.md` has the layout.

mod acceptance;
pub mod comparison;
pub mod cutover;
mod failures;
mod keys;
mod lock;
pub mod passes;
pub mod records;
mod settle;
#[cfg(test)]
mod tests;
pub mod topics;
pub mod units;
pub mod verification;
mod whole;
mod witness;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::phase::Standing;
use crate::error::{Error, Result};
use crate::failpoint::Failpoint;
use crate::plan::slice::SliceId;
use keys::Key;
pub use lock::{running_pid, socket_path};
use records::{Failure, FailureGroup, IndexRecord, MigrationRecord, ShardRecord, SliceRecord};
pub use settle::{OutOfOrder, Resolution, SettleError, Settlement};
use units::Purpose;

/// Format of the records; a store with another one is refused.
pub const FORMAT: u32 = 2;

/// Memory that sled may use for its cache.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;

/// What an operator can do about a store that is damaged.
const RESTORE: &str = "restore the state directory from a backup, or start over with another --state-dir";

/// The store of one state directory. Cheap to clone; one process at a time.
#[derive(Debug, Clone)]
pub struct Store {
    db: sled::Db,
    writing: Arc<Mutex<()>>,
    witness: Arc<witness::Witness>,
    state_dir: PathBuf,
    _lock: Arc<lock::StateLock>,
}

impl Store {
    /// Opens the store of a state directory, making both when they are not there.
    ///
    /// # Errors
    /// `State` when another process holds it (named by its pid), when it is of a newer format, torn, or when the
    /// directory cannot be written.
    pub fn open(state_dir: &Path) -> Result<Self> {
        let lock = lock::StateLock::take(state_dir)?;
        let path = state_dir.join("store");
        whole::or_refused(state_dir, || {
            let db = open_sled(&path).map_err(|cause| unusable(&path, cause))?;
            let witness = Arc::new(witness::Witness::of(&db, state_dir)?);
            let store = Store {
                db,
                writing: Arc::new(Mutex::new(())),
                witness,
                state_dir: state_dir.to_owned(),
                _lock: Arc::new(lock),
            };
            store.check_format()?;
            store.finish_resets()?;
            store.check_whole()?;
            Ok(store)
        })
    }

    /// The directory it is in.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    fn check_format(&self) -> Result<()> {
        match self.get::<u32>(&Key::format())? {
            Some(FORMAT) => self.mark(),
            Some(other) => Err(Error::state(
                "format",
                format!("{} is of format {other}, this esferry reads {FORMAT}", self.state_dir.display()),
            )
            .hint("use the esferry that wrote it, or another --state-dir")),
            None if self.db.is_empty() && !self.marker().exists() => {
                self.put(&Key::format(), &FORMAT)?;
                self.flush()?;
                self.mark()
            }
            // sled takes a log that it cannot read for one that was never written.
            None => Err(Error::state(
                "corrupt",
                format!("the store in {} has lost its records", self.state_dir.display()),
            )
            .hint(RESTORE)),
        }
    }

    /// Stands beside a store that has been written: an empty one is not a new one then.
    fn marker(&self) -> PathBuf {
        self.state_dir.join("format")
    }

    fn mark(&self) -> Result<()> {
        if self.marker().exists() {
            return Ok(());
        }
        std::fs::write(self.marker(), format!("{FORMAT}\n"))
            .map_err(|cause| unusable(&self.state_dir, sled::Error::Io(cause)))
    }

    /// Waits until everything written so far is on the disk.
    ///
    /// # Errors
    /// `State` when the disk refuses; nothing since the last flush may be believed then.
    pub fn flush(&self) -> Result<()> {
        let flush = self.witness.count().map_err(|cause| self.broken(cause))?;
        Failpoint::FlushCounted.pass();
        self.db.flush().map_err(|cause| self.broken(cause))?;
        Failpoint::FlushUntold.pass();
        self.witness.tell(flush)
    }

    /// Every migration, by name.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn migrations(&self) -> Result<Vec<MigrationRecord>> {
        self.scan(&Key::migrations()).collect()
    }

    /// One migration.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn migration(&self, name: &str) -> Result<Option<MigrationRecord>> {
        self.get(&Key::migration(name))
    }

    /// Stores a migration, durably.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn save_migration(&self, record: &MigrationRecord) -> Result<()> {
        self.put(&Key::migration(&record.name), record)?;
        self.flush()
    }

    /// Changes a migration's record in one step, durably, and returns it.
    ///
    /// # Errors
    /// `State` when there is none of that name, or the disk refuses.
    pub fn update_migration(
        &self,
        name: &str,
        change: impl FnOnce(&mut MigrationRecord),
    ) -> Result<MigrationRecord> {
        let record = {
            let _guard = self.guard();
            let mut record = self.migration(name)?.ok_or_else(|| {
                Error::state("unknown_migration", format!("the store holds no migration `{name}`"))
                    .hint("`esferry status` lists those it holds")
            })?;
            change(&mut record);
            self.put(&Key::migration(name), &record)?;
            record
        };
        self.flush()?;
        Ok(record)
    }

    /// Notes the time spent copying, without waiting for the disk.
    ///
    /// # Errors
    /// `State` when the store fails.
    pub fn note_copying(&self, name: &str, copying_ms: u64) -> Result<()> {
        let _guard = self.guard();
        let Some(mut record) = self.migration(name)? else { return Ok(()) };
        record.copying_ms = copying_ms;
        self.put(&Key::migration(name), &record)
    }

    /// Stores how a migration stands, for `pause` and `resume` with or without a daemon.
    ///
    /// # Errors
    /// As [`update_migration`](Self::update_migration).
    pub fn set_standing(&self, name: &str, standing: &Standing) -> Result<()> {
        self.update_migration(name, |record| record.standing = standing.clone()).map(drop)
    }

    /// The indices of a migration, by ordinal.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn indices(&self, name: &str) -> Result<Vec<IndexRecord>> {
        self.scan(&Key::indices(name)).collect()
    }

    /// Stores an index, durably.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn save_index(&self, name: &str, record: &IndexRecord) -> Result<()> {
        self.put(&Key::index(name, record.ordinal), record)?;
        self.flush()
    }

    /// The plan of one shard, once it is made.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn shard(&self, name: &str, index: u32, shard: u32) -> Result<Option<ShardRecord>> {
        self.get(&Key::shard(name, index, shard))
    }

    /// Stores the plan of one shard with all its slices, durably and at once: a crash leaves all or nothing.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn save_shard(
        &self,
        name: &str,
        index: u32,
        shard: u32,
        record: &ShardRecord,
        slices: &[SliceRecord],
    ) -> Result<()> {
        let mut batch = sled::Batch::default();
        for slice in slices {
            batch.insert(Key::slice(name, slice.slice.id).bytes(), encode(slice)?);
        }
        batch.insert(Key::shard(name, index, shard).bytes(), encode(record)?);
        self.db.apply_batch(batch).map_err(|cause| self.broken(cause))?;
        Failpoint::ShardWritten.pass();
        self.flush()
    }

    /// The slices of a migration, in the order of their names.
    pub fn slices(&self, name: &str) -> impl Iterator<Item = Result<SliceRecord>> + Send + 'static {
        self.scan(&Key::slices(name))
    }

    /// One slice.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn slice(&self, name: &str, id: SliceId) -> Result<Option<SliceRecord>> {
        self.get(&Key::slice(name, id))
    }

    /// The failures of a migration; streams, however many there are.
    pub fn failures(&self, name: &str) -> impl Iterator<Item = Result<Failure>> + Send + 'static {
        self.scan(&Key::failures(name))
    }

    /// The failures that come after one in the order of the list; all of them without one.
    pub fn failures_after(
        &self,
        name: &str,
        after: Option<&Failure>,
    ) -> impl Iterator<Item = Result<Failure>> + Send + 'static {
        let first = after.map_or_else(Vec::new, |failure| Key::failure(name, failure).after());
        self.failures_from(name, first)
    }

    /// The failures whose keys are not below `first`.
    fn failures_from(
        &self,
        name: &str,
        first: Vec<u8>,
    ) -> impl Iterator<Item = Result<Failure>> + Send + 'static {
        let prefix = Key::failures(name);
        let first = first.max(prefix.bytes().to_vec());
        let path = self.state_dir.clone();
        let entries = self.db.range(first..);
        entries
            .map_while(move |entry| match entry {
                Ok((key, _)) if !key.starts_with(prefix.bytes()) => None,
                entry => Some(entry),
            })
            .map(move |entry| {
                let (key, value) = entry.map_err(|cause| unusable(&path, cause))?;
                decode(&key, &value)
            })
    }

    /// The failures by error type, kept incrementally. An accepted type stays when it has none any more.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn failure_groups(&self, name: &str) -> Result<Vec<FailureGroup>> {
        self.scan(&Key::groups(name)).collect()
    }

    /// Forgets everything about a migration. No cluster is touched.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn reset(&self, name: &str) -> Result<()> {
        let _guard = self.guard();
        self.put(&Key::reset(name), &name)?;
        Failpoint::ResetMarked.pass();
        for prefix in [
            Key::failures(name),
            Key::groups(name),
            Key::slices(name),
            Key::shards(name),
            Key::indices(name),
            Key::positions(name),
            Key::tombstones(name),
            Key::topic(name),
            Key::units(Purpose::Pass, name),
            Key::units(Purpose::Verification, name),
            Key::verification(name),
            Key::pass(name),
            Key::cutovers(name),
            Key::comparison(name),
        ] {
            for key in self.db.scan_prefix(prefix.bytes()).keys() {
                let key = key.map_err(|cause| self.broken(cause))?;
                self.db.remove(key).map_err(|cause| self.broken(cause))?;
                Failpoint::ResetHalf.pass();
            }
        }
        self.forget_units(Purpose::Pass, name)?;
        self.forget_verification(name)?;
        for key in [Key::migration(name), Key::reset(name)] {
            self.db.remove(key.bytes()).map_err(|cause| self.broken(cause))?;
        }
        Failpoint::ResetWritten.pass();
        self.flush()
    }

    /// A crash in the middle of a reset leaves half of a migration: the rest of it goes when the store is opened.
    fn finish_resets(&self) -> Result<()> {
        for name in self.scan::<String>(&Key::resets()).collect::<Result<Vec<_>>>()? {
            self.reset(&name)?;
        }
        Ok(())
    }

    fn guard(&self) -> std::sync::MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn get<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<T>> {
        let value = self.db.get(key.bytes()).map_err(|cause| self.broken(cause))?;
        value.map(|value| decode(key.bytes(), &value)).transpose()
    }

    fn put<T: Serialize>(&self, key: &Key, record: &T) -> Result<()> {
        self.db.insert(key.bytes(), encode(record)?).map(drop).map_err(|cause| self.broken(cause))
    }

    fn scan<T: DeserializeOwned>(&self, prefix: &Key) -> impl Iterator<Item = Result<T>> + Send + use<T> {
        let path = self.state_dir.clone();
        self.db.scan_prefix(prefix.bytes()).map(move |entry| {
            let (key, value) = entry.map_err(|cause| unusable(&path, cause))?;
            decode(&key, &value)
        })
    }

    fn broken(&self, cause: sled::Error) -> Error {
        unusable(&self.state_dir, cause)
    }
}

fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(record)
        .map_err(|cause| Error::unexpected("encode", "a record cannot be written as JSON").because(cause))
}

fn decode<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T> {
    serde_json::from_slice(value).map_err(|cause| {
        Error::state("corrupt", format!("the record {} cannot be read", key.escape_ascii()))
            .hint("restore the state directory from a backup, or `esferry reset` the migration")
            .because(cause)
    })
}

/// Opens the database, patiently: this process owns the state directory by its own lock, but for a moment sled's may
/// still be held by threads of a store that was just dropped, or by a child between fork and exec.
fn open_sled(path: &Path) -> sled::Result<sled::Db> {
    const PAUSE: Duration = Duration::from_millis(20);
    let mut tries = 0;
    loop {
        // Flushed by hand, at every checkpoint: a timer in between would only spend the disk's time.
        match sled::Config::new().path(path).cache_capacity(CACHE_BYTES).flush_every_ms(None).open() {
            Err(sled::Error::Io(cause)) if cause.to_string().contains("acquire lock") && tries < 100 => {
                tries += 1;
                std::thread::sleep(PAUSE);
            }
            opened => return opened,
        }
    }
}

/// The disk is full, or a quota or a limit on the size of files is reached.
fn no_room(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(kind, StorageFull | QuotaExceeded | FileTooLarge)
}

/// A file of sled's is shorter than it was, or holds what it cannot have written.
fn is_torn(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind::{InvalidData, UnexpectedEof};
    matches!(kind, UnexpectedEof | InvalidData)
}

fn unusable(path: &Path, cause: sled::Error) -> Error {
    let (code, hint) = match &cause {
        sled::Error::Io(io) if no_room(io.kind()) => {
            ("disk_full", "make room on the disk and start again: nothing is lost")
        }
        sled::Error::Io(io) if is_torn(io.kind()) => ("corrupt", RESTORE),
        sled::Error::Io(_) => ("store_io", "check that the directory is writable and the disk healthy"),
        _ => ("corrupt", RESTORE),
    };
    Error::state(code, format!("the store in {} cannot be used", path.display())).hint(hint).because(cause)
}
