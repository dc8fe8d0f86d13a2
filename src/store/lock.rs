//! One process a state directory: a lock file that names its holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, Result};

/// Commands without a daemon hold the lock for moments, perhaps again and again: a starting daemon waits that long.
const TRIES: u32 = 150;
const PAUSE: Duration = Duration::from_millis(100);

/// Held as long as the store is open; the kernel lets go of it when the process dies.
#[derive(Debug)]
pub(super) struct StateLock {
    _file: File,
}

/// Where the daemon of a state directory listens.
#[must_use]
pub fn socket_path(state_dir: &Path) -> PathBuf {
    state_dir.join("control.sock")
}

/// The pid of the process that holds the state directory now, if any.
#[must_use]
pub fn running_pid(state_dir: &Path) -> Option<u32> {
    let mut file = File::open(lock_path(state_dir)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => read_pid(&mut file),
        _ => None,
    }
}

fn lock_path(state_dir: &Path) -> PathBuf {
    state_dir.join("lock")
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

impl StateLock {
    pub(super) fn take(state_dir: &Path) -> Result<Self> {
        let unwritable = |cause: std::io::Error| {
            Error::state("state_dir", format!("the state directory {} cannot be used", state_dir.display()))
                .hint("give a directory that this user may write, with --state-dir or `state_dir`")
                .because(cause)
        };
        make_private(state_dir).map_err(unwritable)?;
        let path = lock_path(state_dir);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(unwritable)?;
        for turn in 0..TRIES {
            match file.try_lock() {
                Ok(()) => {
                    file.set_len(0).and_then(|()| file.rewind()).map_err(unwritable)?;
                    writeln!(file, "{}", std::process::id()).map_err(unwritable)?;
                    return Ok(StateLock { _file: file });
                }
                // A daemon stays.
                Err(TryLockError::WouldBlock) if turn + 1 < TRIES && !somebody_listens(state_dir) => {
                    std::thread::sleep(PAUSE);
                }
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(cause)) => return Err(unwritable(cause)),
            }
        }
        let holder =
            read_pid(&mut file).map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
        Err(Error::state("locked", format!("{} is in use by {holder}", state_dir.display()))
            .hint("talk to the running daemon (`esferry status`), or give another --state-dir"))
    }
}

#[cfg(unix)]
fn somebody_listens(state_dir: &Path) -> bool {
    std::os::unix::net::UnixStream::connect(socket_path(state_dir)).is_ok()
}

#[cfg(unix)]
fn make_private(state_dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(state_dir)
}
