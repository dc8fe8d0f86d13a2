//! The real binary on a configuration and a state directory of its own.

use crate::servers::ProcessId;
use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A configuration, a state directory, and the binary to run on them. The folder of all goes when it is dropped.
#[derive(Debug)]
pub struct Daemon {
    program: PathBuf,
    dir: TempDir,
    config: PathBuf,
}

impl Daemon {
    /// `program` on any configuration file.
    pub fn with_config(program: &Path, text: &str) -> Result<Self> {
        let dir = tempfile::tempdir().context("no folder for the daemon")?;
        let config = dir.path().join("migrations.toml");
        fs::write(&config, text).context("the configuration cannot be written")?;
        Ok(Daemon { program: program.to_owned(), dir, config })
    }

    /// The folder of configuration, state and log.
    pub fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Where its store and socket are.
    pub fn state_dir(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The configuration file, to be changed by a test.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Leaves the folder where it is, for somebody to look at.
    pub fn keep(self) -> PathBuf {
        self.dir.keep()
    }

    /// `esferry ARGS --config … --state-dir …`, not started yet.
    pub fn command(&self, args: &[&str]) -> Command {
        self.command_on(args, &self.state_dir())
    }

    fn command_on(&self, args: &[&str], state: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).arg("--config").arg(&self.config).arg("--state-dir").arg(state);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub fn output(&self, args: &[&str]) -> Result<Output> {
        self.command(args).output().context("the binary cannot be started")
    }

    /// Runs a command on another state directory.
    pub fn output_on(&self, args: &[&str], state: &Path) -> Result<Output> {
        self.command_on(args, state).output().context("the binary cannot be started")
    }

    /// Runs `run --once` to its end and returns exit code and stderr.
    pub fn run_once(&self) -> Result<(i32, String)> {
        let output = self.output(&["run", "--once"])?;
        let code = output.status.code().context("ended by a signal")?;
        Ok((code, String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    /// Starts `run ARGS` in the background; its log goes to `log` in the state directory's parent.
    pub fn start(&self, args: &[&str]) -> Result<Running> {
        let mut all = vec!["run"];
        all.extend(args);
        self.start_command(&all)
    }

    /// Starts any command in the background, logging to the same place.
    pub fn start_command(&self, args: &[&str]) -> Result<Running> {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log"));
        let log = log.context("no log")?;
        Running::start(self.command(args).stdout(Stdio::null()).stderr(log))
    }

    /// What the daemons of [`start`](Self::start) logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
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

    /// The same for those who do other things meanwhile, asking that often.
    pub async fn comes_to(
        &self,
        patience: Duration,
        every: Duration,
        reached: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Ok(status) = self.migration()
                && reached(&status)
            {
                return Ok(status);
            }
            tokio::time::sleep(every).await;
        }
        bail!("it does not come that far:\n{}", self.log())
    }

    /// The state as it lies on the disk while no daemon runs, copied: a look at it leaves the original alone.
    pub fn copy_of_state(&self) -> Result<TempDir> {
        let copy = tempfile::tempdir().context("no folder for a copy of the state")?;
        copy_folder(&self.state_dir(), copy.path())?;
        Ok(copy)
    }
}

/// A process in the background; killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
}

impl Running {
    /// Starts any command in the background.
    pub fn start(command: &mut Command) -> Result<Running> {
        let child = command.spawn();
        let child = child.with_context(|| format!("cannot run {}", command.get_program().display()))?;
        Ok(Running { child })
    }

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
        ensure!(self.signal(Signal::TERM)?, "the daemon is gone");
        Ok(())
    }

    /// Any signal; false when it is gone.
    pub fn signal(&self, signal: Signal) -> Result<bool> {
        match ProcessId::of(self.child.id()) {
            Ok(process) => process.signal(signal),
            Err(_) => Ok(false),
        }
    }

    /// Its exit code, once it has ended by itself.
    pub fn exit_code(&mut self, patience: Duration) -> Result<i32> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.ended()? {
                return status.code().context("ended by a signal");
            }
            ensure!(Instant::now() < deadline, "still running after {patience:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("the daemon cannot be waited for")
    }

    /// True while it runs.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.ended()?.is_none())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone is just as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| from.display().to_string())? {
        let entry = entry?;
        let (kind, place) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy_folder(&entry.path(), &place)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), place)?;
        }
    }
    Ok(())
}
