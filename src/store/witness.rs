//! A count of flushes, in the database and in a file beside it: a log that lost its end is told from an older state.
//!
//! sled takes a damaged log for one that ends before the damage, and goes on from there without a word. What a store
//! forgets in this way, such as the original settings of a target, is not found again by copying once more.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};

const TREE: &str = "flushes";
const KEY: &str = "count";
/// Digits of the count in the file: always as many, so that writing it never truncates.
const DIGITS: usize = 20;

/// Knows how many flushes there were, and that none of them was lost.
#[derive(Debug)]
pub(super) struct Witness {
    tree: sled::Tree,
    file: File,
    path: PathBuf,
    /// The number in the file.
    told: Mutex<u64>,
}

impl Witness {
    /// Compares the database with the file; makes the file where neither knows of any flush.
    ///
    /// # Errors
    /// `State` `corrupt` when the database has lost flushes that the file knows of, or the file is gone or unreadable.
    pub(super) fn of(db: &sled::Db, state_dir: &Path) -> Result<Self> {
        let path = state_dir.join(TREE);
        let broken = |cause| super::unusable(state_dir, cause);
        let tree = db.open_tree(TREE).map_err(broken)?;
        let stored = tree.get(KEY).map_err(broken)?.map_or(Some(0), |bytes| parsed(&bytes));
        let told = match std::fs::read(&path) {
            Ok(bytes) => parsed(&bytes),
            Err(cause) if cause.kind() == ErrorKind::NotFound && stored == Some(0) => {
                create(&path).map_err(|cause| broken(sled::Error::Io(cause)))?;
                Some(0)
            }
            Err(cause) if cause.kind() == ErrorKind::NotFound => None,
            Err(cause) => return Err(broken(sled::Error::Io(cause))),
        };
        match (stored, told) {
            (Some(stored), Some(told)) if stored >= told => {}
            (Some(stored), Some(told)) => {
                return Err(corrupt(format!(
                    "the store in {} has lost what was written last: it stands at flush {stored} of {told}",
                    state_dir.display()
                )));
            }
            _ => {
                return Err(corrupt(format!(
                    "nothing tells whether the store in {} is whole: its file `{TREE}` is gone or damaged",
                    state_dir.display()
                )));
            }
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|cause| broken(sled::Error::Io(cause)))?;
        let told = Mutex::new(stored.unwrap_or(0));
        Ok(Witness { tree, file, path, told })
    }

    /// Counts one more flush, in the database; returns its number.
    pub(super) fn count(&self) -> sled::Result<u64> {
        let next = |old: Option<&[u8]>| {
            Some(digits(old.and_then(parsed).unwrap_or(0).saturating_add(1)).into_bytes())
        };
        let now = self.tree.update_and_fetch(KEY, next)?;
        Ok(now.and_then(|bytes| parsed(&bytes)).unwrap_or(0))
    }

    /// The flush of this number is on the disk.
    ///
    /// The file is not synced: after a loss of power it may know of fewer flushes than there were, never of more.
    pub(super) fn tell(&self, flush: u64) -> Result<()> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if flush > *told {
            self.file
                .write_all_at(digits(flush).as_bytes(), 0)
                .map_err(|cause| super::unusable(&self.path, sled::Error::Io(cause)))?;
            *told = flush;
        }
        Ok(())
    }
}

fn create(path: &Path) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(digits(0).as_bytes())?;
    file.sync_all()
}

fn digits(flush: u64) -> String {
    format!("{flush:0DIGITS$}\n")
}

fn parsed(bytes: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    (text.len() == DIGITS).then(|| text.parse().ok()).flatten()
}

fn corrupt(message: String) -> Error {
    Error::state("corrupt", message).hint(super::RESTORE)
}
