//! The folders of private servers, swept when those who made them died without doing so.

use super::cache::Cache;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const PREFIX: &str = "private-";
const OWNED: &str = "owned.lock";

/// A folder that is removed when dropped, and by the next comer when we die before.
#[derive(Debug)]
pub(super) struct PrivateFolder {
    folder: tempfile::TempDir,
    /// Locked for as long as we live: the kernel gives it back whatever our end is like.
    _owned: File,
}

impl PrivateFolder {
    /// A new folder, whose name begins with `name`.
    pub(super) fn create(cache: &Cache, name: &str) -> Result<PrivateFolder> {
        let run = cache.dir("run")?;
        let _lock = cache.lock("private")?;
        sweep(&run)?;
        let folder = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{name}-"))
            .tempdir_in(&run)
            .context("cannot create a folder for the server")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))
            .context("cannot open the server's folder")?;
        let owned = File::create(folder.path().join(OWNED)).context("cannot mark the server's folder")?;
        owned.lock().context("cannot lock the server's folder")?;
        Ok(PrivateFolder { folder, _owned: owned })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the folders whose owners are gone; their servers went with them.
fn sweep(run: &Path) -> Result<()> {
    for entry in fs::read_dir(run).with_context(|| format!("cannot list {}", run.display()))? {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let abandoned = match File::open(entry.path().join(OWNED)) {
            Ok(owned) => owned.try_lock().is_ok(),
            // its owner died between making and marking it, or is removing it
            Err(_) => true,
        };
        if abandoned {
            // another may be removing it, too
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn abandoned_folders_go_and_owned_ones_stay() {
        let run = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let folder = run.path().join(name);
            fs::create_dir(&folder).unwrap();
            let owned = File::create(folder.join(OWNED)).unwrap();
            owned.lock().unwrap();
            owned
        };
        let held = make("private-held");
        drop(make("private-left"));
        drop(make("shared-1.7.6"));
        sweep(run.path()).unwrap();
        assert!(run.path().join("private-held").exists());
        assert!(!run.path().join("private-left").exists());
        assert!(run.path().join("shared-1.7.6").exists());
        drop(held);
    }
}
