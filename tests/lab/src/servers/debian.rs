//! Servers out of Debian's packages: taken out of the package into the cache, so that nothing is installed, nothing is
//! started by the system, and nobody has to be root.

use super::cache::Cache;
use super::process;
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program that a package of Debian holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packaged {
    /// The package.
    pub(super) package: &'static str,
    /// Where the program is in it.
    pub(super) program: &'static str,
    /// What makes the program tell its version and end.
    pub(super) version: &'static str,
}

impl Packaged {
    /// The program that is installed here, else the one of the package, fetched in the version that Debian has now.
    pub(super) fn find(&self, cache: &Cache) -> Result<PathBuf> {
        let installed = Path::new("/").join(self.program);
        if installed.exists() {
            return Ok(installed);
        }
        let place = cache.path(format!("debian/{}", self.package));
        if !place.exists() {
            self.fetch(cache, &place)?;
        }
        let program = place.join(self.program);
        // It needs libraries of the system, which a package that is only unpacked does not bring.
        process::output(Command::new(&program).arg(self.version))
            .with_context(|| format!("the fetched {0} does not run here: install {0}", self.package))?;
        Ok(program)
    }

    fn fetch(&self, cache: &Cache, place: &Path) -> Result<()> {
        let package = self.package;
        let _lock = cache.lock(&format!("debian-{package}"))?;
        if place.exists() {
            return Ok(());
        }
        let staging = cache.staging()?;
        eprintln!("lab: fetching Debian's {package}");
        // Lists of its own: those of the system may be old, or missing, and are root's.
        let own = ["state/lists/partial", "cache/archives/partial", "package"];
        for folder in own {
            fs::create_dir_all(staging.path().join(folder)).context("no folder for apt")?;
        }
        let apt = || {
            let mut apt = Command::new("apt-get");
            apt.args(["-q", "-o", "APT::Sandbox::User=", "-o"])
                .arg(format!("Dir::State={}", staging.path().join("state").display()))
                .arg("-o")
                .arg(format!("Dir::Cache={}", staging.path().join("cache").display()))
                .current_dir(staging.path());
            apt
        };
        let hint = || format!("cannot fetch Debian's {package}: where there is no apt, install it");
        process::output(apt().arg("update")).with_context(hint)?;
        process::output(apt().args(["download", package])).with_context(hint)?;
        let unpacked = staging.path().join("package");
        process::output(Command::new("dpkg-deb").arg("-x").arg(downloaded(staging.path())?).arg(&unpacked))
            .with_context(|| format!("cannot unpack {package}"))?;
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        fs::rename(&unpacked, place).with_context(|| format!("cannot put {package} in its place"))
    }
}

/// The only package in a folder.
fn downloaded(folder: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(folder).context("cannot list what was fetched")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            return Ok(path);
        }
    }
    bail!("apt-get download left no package in {}", folder.display())
}
