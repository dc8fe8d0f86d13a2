//! The binary under test, run as the lab runs it.

use std::ops::Deref;
use std::path::Path;

use anyhow::Result;
pub use esferry_lab::daemon::Running;

/// [`esferry_lab::Daemon`] with the binary that was built for these tests.
pub struct Daemon(esferry_lab::Daemon);

impl Daemon {
    /// `migration` is what stands below `[migrations.NAME]`, `from` and `to` included (clusters `old` and `new`).
    pub fn new(old: &str, new: &str, name: &str, migration: &str) -> Result<Self> {
        Self::with_config(&format!(
            "[clusters.old]\nurls = [\"{old}\"]\n[clusters.new]\nurls = [\"{new}\"]\n[migrations.{name}]\n{migration}\n"
        ))
    }

    /// Any configuration file.
    pub fn with_config(text: &str) -> Result<Self> {
        esferry_lab::Daemon::with_config(Path::new(env!("CARGO_BIN_EXE_esferry")), text).map(Daemon)
    }
}

impl Deref for Daemon {
    type Target = esferry_lab::Daemon;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
