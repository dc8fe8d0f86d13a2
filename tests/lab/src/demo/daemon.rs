//! The esferry program as the demo runs it.

use crate::daemon::Running;
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the program, its configuration and its state are.
#[derive(Debug)]
pub struct Installation {
    /// The program.
    pub program: PathBuf,
    /// Its configuration.
    pub config: PathBuf,
    /// The folder of its state.
    pub state: PathBuf,
    /// What it prints.
    pub log: PathBuf,
}

impl Installation {
    /// The command line, for showing and for running.
    pub fn words(&self, words: &[&str]) -> Vec<String> {
        let mut all: Vec<String> = vec![self.program.display().to_string()];
        all.extend(words.iter().map(|word| (*word).to_owned()));
        all.extend(["--config".to_owned(), self.config.display().to_string()]);
        all.extend(["--state-dir".to_owned(), self.state.display().to_string()]);
        all
    }

    /// Starts `run --once`, printing into the log.
    pub fn run_once(&self) -> Result<Running> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(&self.log)
            .with_context(|| format!("cannot open {}", self.log.display()))?;
        let mut command = self.command(&["run", "--once"]);
        Running::start(command.stdout(log.try_clone().context("cannot share the log")?).stderr(log))
    }

    /// What a command prints on stdout; its complaint is an error.
    pub fn ask(&self, words: &[&str]) -> Result<String> {
        let output =
            self.command(words).output().with_context(|| format!("cannot run {}", self.program.display()))?;
        if !output.status.success() {
            bail!("esferry {} failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// The last lines of the log.
    pub fn last_words(&self) -> String {
        last_lines(&self.log, 25)
    }

    fn command(&self, words: &[&str]) -> Command {
        let words = self.words(words);
        let mut command = Command::new(&self.program);
        command.args(words.iter().skip(1)).stdin(Stdio::null());
        command
    }
}

fn last_lines(file: &Path, count: usize) -> String {
    let text = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_names_configuration_and_state() {
        let installation = Installation {
            program: "bin/esferry".into(),
            config: "m.toml".into(),
            state: "s".into(),
            log: "l".into(),
        };
        let line = installation.words(&["status", "--json"]).join(" ");
        assert_eq!(line, "bin/esferry status --json --config m.toml --state-dir s");
    }

    #[test]
    fn the_last_lines_are_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x");
        fs::write(&file, "1\n2\n3\n").unwrap();
        assert_eq!(last_lines(&file, 2), "2\n3");
        assert_eq!(last_lines(&dir.path().join("absent"), 2), "");
    }
}
