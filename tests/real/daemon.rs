//! The real binary on a configuration and a state directory of its own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A configuration with one migration, a state directory, and the binary to run on them.
pub struct Daemon {
    dir: tempfile::TempDir,
    config: PathBuf,
}

impl Daemon {
    /// `migration` is what stands below `[migrations.NAME]`, `from` and `to` included (clusters `old` and `new`).
    pub fn new(old: &str, new: &str, name: &str, migration: &str) -> Result<Self> {
        Self::with_config(&format!(
            "[clusters.old]\nurls = [\"{old}\"]\n[clusters.new]\nurls = [\"{new}\"]\n[migrations.{name}]\n{migration}\n"
        ))
    }

    /// Any configuration file.
    pub fn with_config(text: &str) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let config = dir.path().join("migrations.toml");
        std::fs::write(&config, text)?;
        Ok(Daemon { dir, config })
    }

    /// Where its store and socket are.
    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The configuration file, to be changed by a test.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// `esferry ARGS --config … --state-dir …`, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_esferry"));
        command.args(args).arg("--config").arg(&self.config).arg("--state-dir").arg(self.state_dir());
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn output(&self, args: &[&str]) -> Result<Output> {
        self.command(args).output().context("the binary cannot be started")
    }

    /// Runs `run --once` to its end and returns exit code and stderr.
    pub fn run_once(&self) -> Result<(i32, String)> {
        let output = self.output(&["run", "--once"])?;
        let code = output.status.code().context("ended by a signal")?;
        Ok((code, String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Starts `run ARGS` in the background; its log goes to `log` in the state directory's parent.
    pub fn start(&self, args: &[&str]) -> Result<Running> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log"))?;
        let mut all = vec!["run"];
        all.extend(args);
        let child = self.command(&all).stdout(Stdio::null()).stderr(log).spawn()?;
        Ok(Running { child })
    }

    /// What the daemons of [`start`](Self::start) logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// `status --json`, from the daemon or from the store.
    pub fn status(&self) -> Result<Value> {
        let output = self.output(&["status", "--json"])?;
        ensure!(output.status.success(), "status: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// The status of the only migration.
    pub fn migration(&self) -> Result<Value> {
        self.status()?.pointer("/migrations/0").cloned().context("no migration in the status")
    }

    /// Asks for the migration's status until `reached` says so.
    pub fn until(&self, patience: Duration, reached: impl Fn(&Value) -> bool) -> Result<Value> {
        let deadline = Instant::now() + patience;
        loop {
            let last = self.migration();
            if let Ok(status) = &last
                && reached(status)
            {
                return last;
            }
            ensure!(Instant::now() < deadline, "not reached within {patience:?}: {last:?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// A daemon in the background; killed when dropped.
pub struct Running {
    child: Child,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `kill -9`, and waits for the end.
    pub fn kill_nine(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM.
    pub fn terminate(&self) -> Result<()> {
        let done = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(done.success(), "kill -TERM failed");
        Ok(())
    }

    /// Its exit code, once it has ended by itself.
    pub fn exit_code(&mut self, patience: Duration) -> Result<i32> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return status.code().context("ended by a signal");
            }
            ensure!(Instant::now() < deadline, "still running after {patience:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// True while it runs.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone is just as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
