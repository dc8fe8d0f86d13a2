//! The folder outside the repository that keeps downloads, unpacked servers and their data.

use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A folder outside the repository, shared by every run of the lab on this machine.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

/// An exclusive lock between processes, given back when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Cache {
    /// `$ESFERRY_LAB_CACHE`, else `$XDG_CACHE_HOME/esferry-lab`, else `~/.cache/esferry-lab`.
    ///
    /// Root starts servers as another user, so for root a home that others may not enter is replaced by
    /// `/var/cache/esferry-lab`.
    pub fn open() -> Result<Cache> {
        let root_user = rustix::process::geteuid().is_root();
        let root = match std::env::var_os("ESFERRY_LAB_CACHE") {
            Some(named) => {
                let named = PathBuf::from(named);
                fs::create_dir_all(&named).with_context(|| format!("cannot create {}", named.display()))?;
                if root_user && !open_to_others(&named)? {
                    bail!(
                        "ESFERRY_LAB_CACHE={} cannot be entered by other users, and servers do not run as root: \
                         name another folder or open its parents with chmod o+x",
                        named.display()
                    );
                }
                named
            }
            None => {
                let home = personal_cache();
                match home {
                    Some(dir) if !root_user || open_to_others(&dir)? => dir,
                    _ if root_user => PathBuf::from("/var/cache/esferry-lab"),
                    _ => bail!("neither HOME nor XDG_CACHE_HOME is set: set ESFERRY_LAB_CACHE to a folder"),
                }
            }
        };
        fs::create_dir_all(&root).with_context(|| format!("cannot create {}", root.display()))?;
        let root = root.canonicalize().with_context(|| format!("cannot resolve {}", root.display()))?;
        if root_user {
            fs::set_permissions(&root, fs::Permissions::from_mode(0o755))
                .with_context(|| format!("cannot open {} to others", root.display()))?;
        }
        Ok(Cache { root })
    }

    /// The path of `name` in the cache, which need not exist.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.join(name)
    }

    /// The folder `name` in the cache, created when absent.
    pub fn dir(&self, name: impl AsRef<Path>) -> Result<PathBuf> {
        let dir = self.path(name);
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        Ok(dir)
    }

    /// A new folder on the cache's file system, removed when dropped, to be renamed into its place when whole.
    pub fn staging(&self) -> Result<tempfile::TempDir> {
        let staging = tempfile::Builder::new()
            .prefix("staging-")
            .tempdir_in(&self.root)
            .with_context(|| format!("cannot create a folder in {}", self.root.display()))?;
        fs::set_permissions(staging.path(), fs::Permissions::from_mode(0o755))
            .context("cannot open the staging folder to others")?;
        Ok(staging)
    }

    /// Waits for the lock `name` and holds it.
    pub fn lock(&self, name: &str) -> Result<Lock> {
        let path = self.path(format!("{name}.lock"));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
        Ok(Lock { _file: file })
    }
}

fn personal_cache() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()) {
        return Some(PathBuf::from(dir).join("esferry-lab"));
    }
    std::env::var_os("HOME")
        .filter(|home| !home.is_empty())
        .map(|home| PathBuf::from(home).join(".cache/esferry-lab"))
}

/// True when every existing folder on the way to `path` may be entered by any user.
pub(crate) fn open_to_others(path: &Path) -> Result<bool> {
    for dir in path.ancestors().filter(|dir| dir.exists()) {
        let mode = fs::metadata(dir)
            .with_context(|| format!("cannot look at {}", dir.display()))?
            .permissions()
            .mode();
        if mode & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_parent_is_seen() {
        let outer = tempfile::tempdir().unwrap();
        let inner = outer.path().join("inner");
        fs::create_dir(&inner).unwrap();
        fs::set_permissions(outer.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert!(!open_to_others(&inner).unwrap());
        fs::set_permissions(outer.path(), fs::Permissions::from_mode(0o711)).unwrap();
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o711)).unwrap();
        assert_eq!(open_to_others(&inner).unwrap(), open_to_others(outer.path().parent().unwrap()).unwrap());
    }

    #[test]
    fn a_lock_keeps_others_out_until_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache { root: dir.path().to_owned() };
        let held = cache.lock("x").unwrap();
        let other = File::options().write(true).open(cache.path("x.lock")).unwrap();
        assert!(other.try_lock().is_err());
        drop(held);
        assert!(other.try_lock().is_ok());
    }
}
