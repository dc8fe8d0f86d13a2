//! Hooks: commands and HTTP calls of the operator, on both ways of a switch.

mod command;
mod http;
mod redaction;
#[cfg(test)]
mod tests;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Hook;
use crate::error::{Error, Result};
pub use redaction::Redaction;

/// Bytes of an answer that are kept: half from its beginning, half from its end.
const KEPT: usize = 4096;

/// Which hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookName {
    /// The first step of the switch.
    Before,
    /// The last one: the front end moves.
    After,
    /// Undoes `After`.
    UndoAfter,
    /// Undoes `Before`.
    UndoBefore,
}

/// What a hook is told.
#[derive(Debug, Clone, Serialize)]
pub struct HookCall {
    /// Which one it is.
    pub hook: HookName,
    /// The migration.
    pub migration: String,
    /// The alias that moves, where one does.
    pub alias: Option<String>,
    /// Indices of the target.
    pub indices: Vec<String>,
    /// The old side.
    pub source: Side,
    /// The new side.
    pub target: Side,
    /// Nothing of it is meant for users.
    pub rehearsal: bool,
}

/// One side, without credentials.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    /// The cluster's name in the configuration.
    pub cluster: String,
    /// Its URLs.
    pub urls: Vec<String>,
}

/// What became of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HookAnswer {
    /// Which hook it was.
    pub hook: HookName,
    /// When it was over.
    pub at: Timestamp,
    /// Milliseconds that it took, all tries together.
    pub took_ms: u64,
    /// How often it was tried.
    pub attempts: u32,
    /// How it ended, such as `exit code 0`, `HTTP 200` or `killed after 30s`.
    pub ended: String,
    /// Whether it did what it is for.
    pub succeeded: bool,
    /// What it printed or answered, without secrets, cut.
    pub answer: String,
}

/// How a command or a request ended.
struct Ran {
    attempts: u32,
    ended: String,
    succeeded: bool,
    output: Vec<u8>,
}

impl HookName {
    /// As it is written in the configuration and in the environment of a hook.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            HookName::Before => "before",
            HookName::After => "after",
            HookName::UndoAfter => "undo_after",
            HookName::UndoBefore => "undo_before",
        }
    }
}

impl std::fmt::Display for HookName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Calls a hook and waits for its end. One that fails or hangs is an answer, too.
///
/// # Errors
/// `Config` for what cannot even be begun: a secret that cannot be read, no client.
pub async fn call(hook: &Hook, call: &HookCall, redaction: &Redaction) -> Result<HookAnswer> {
    let begun = Instant::now();
    let ran = match hook {
        Hook::Command(command) => command::run(command, call, redaction).await,
        Hook::Http(request) => http::send(request, call).await?,
    };
    Ok(HookAnswer {
        hook: call.hook,
        at: Timestamp::now(),
        took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        attempts: ran.attempts,
        ended: redaction.redact(&ran.ended),
        succeeded: ran.succeeded,
        answer: cut(&redaction.redact(String::from_utf8_lossy(&ran.output).trim())),
    })
}

/// Looks whether a hook could be begun, without beginning it.
///
/// # Errors
/// `Config` for a program that is not there or may not be run, and for secrets that cannot be read.
pub fn stands(hook: &Hook, name: HookName) -> Result<()> {
    let refused = |what: String| {
        Err(Error::config("hook_missing", format!("hook `{name}`: {what}"))
            .hint("give the whole path of a program that the user of the daemon may run"))
    };
    match hook {
        Hook::Command(command) => {
            let program = command.command.first().map_or("", String::as_str);
            if !program.contains('/') {
                return Ok(());
            }
            match std::fs::metadata(Path::new(program)) {
                Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => Ok(()),
                Ok(_) => refused(format!("{program} is no program that can be run")),
                Err(error) => refused(format!("{program} cannot be found: {error}")),
            }
        }
        Hook::Http(request) => http::client(request).map(drop),
    }
}

impl HookAnswer {
    /// A hook that failed, as an error.
    #[must_use]
    pub fn into_error(self) -> Error {
        let HookAnswer { hook, ended, answer, .. } = self;
        let said =
            if answer.is_empty() { "it said nothing".to_owned() } else { format!("it said: {answer}") };
        Error::refused("hook_failed", format!("hook `{hook}` failed ({ended}); {said}"))
            .hint("run it by hand with the ESFERRY_ variables of docs/hooks.md, mend it, and try again")
    }
}

/// Beginning and end of a text that is too long.
fn cut(text: &str) -> String {
    if text.len() <= KEPT {
        return text.to_owned();
    }
    let floor = |at: usize| (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{} […] {}", &text[..floor(KEPT / 2)], &text[floor(text.len() - KEPT / 2)..])
}
