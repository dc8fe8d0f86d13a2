//! What goes to the terminal: results on stdout, everything else on stderr, colours only where wanted.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use crate::error::{Error, Kind, Result};

use super::Colour;

/// The code of an error that is only the reader's leaving, as in `esferry failures export | head`.
const READER_GONE: &str = "reader_gone";

/// Writes `text` to stdout.
pub fn print(text: &str) -> Result<()> {
    write(text.as_bytes())
}

/// Writes bytes to stdout.
pub fn write(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| unwritten("stdout", error))
}

/// Writes a value to stdout as JSON for people and programs.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| {
        Error::unexpected("not_json", "the result cannot be written as JSON").because(error)
    })?;
    print(&format!("{text}\n"))
}

/// An output that does not take what is written.
pub fn unwritten(what: &str, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Error::new(Kind::Interrupted, READER_GONE, format!("nobody reads {what} any more"));
    }
    Error::unexpected("output", format!("cannot write to {what}")).because(error)
}

/// Says something that is not the result.
pub fn note(text: &str) {
    // A closed stderr leaves nobody to tell.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Says what went wrong, why, and what to do, on stderr.
pub fn report(error: &Error, paint: Paint) {
    if error.code() == READER_GONE {
        return;
    }
    note(&describe(error, paint));
}

fn describe(error: &Error, paint: Paint) -> String {
    let mut text = format!("{}: {error}", paint.red(&format!("error[{}]", error.code())));
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text.push_str(&format!("\n  caused by: {}", next.to_string().replace('\n', "\n    ")));
        cause = next.source();
    }
    if let Some(hint) = error.remedy() {
        text.push_str(&format!("\n  {} {hint}", paint.bold("hint:")));
    }
    text
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub struct Paint(bool);

impl Paint {
    /// For what goes to stderr.
    #[must_use]
    pub fn stderr(colour: Colour) -> Paint {
        Paint::on(colour, io::stderr().is_terminal())
    }

    /// For what goes to stdout.
    #[must_use]
    pub fn stdout(colour: Colour) -> Paint {
        Paint::on(colour, io::stdout().is_terminal())
    }

    /// None at all.
    #[must_use]
    pub fn off() -> Paint {
        Paint(false)
    }

    fn on(colour: Colour, terminal: bool) -> Paint {
        Paint(match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        })
    }

    /// Whether there are any.
    #[must_use]
    pub fn is_on(self) -> bool {
        self.0
    }

    /// Emphasis.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }
    /// What failed.
    #[must_use]
    pub fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }
    /// What waits for something or somebody.
    #[must_use]
    pub fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }
    /// What is well.
    #[must_use]
    pub fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes_and_its_hint() {
        let inner = Error::temporary("inner", "connection refused");
        let error = Error::temporary("unreachable", "cluster `old` does not answer")
            .because(inner)
            .hint("check the URL");
        insta::assert_snapshot!(describe(&error, Paint::off()), @r"
        error[unreachable]: cluster `old` does not answer
          caused by: connection refused
          hint: check the URL
        ");
        assert!(describe(&error, Paint(true)).starts_with("\x1b[1;31merror[unreachable]\x1b[0m: "));
    }
}
