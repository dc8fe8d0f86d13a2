//! Logs on stderr: for people on a terminal, one JSON object a line otherwise.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, OnceLock, PoisonError};

use indicatif::ProgressBar;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::error::{Error, Result};

/// What is logged unless asked otherwise: everything of esferry worth an operator's eye, warnings of the rest.
const DEFAULT_FILTER: &str = "warn,esferry=info";

/// Sets the process up to log.
///
/// `log` is `human` or `json`, a filter such as `debug` or `esferry=trace,warn`, or both: `json,debug`.
/// Each `verbose` is one level more for esferry itself. A second call changes nothing.
pub fn init(log: Option<&str>, verbose: u8, colour: bool) -> Result<()> {
    let (json, directives) = choose(log.unwrap_or(""), verbose, io::stderr().is_terminal());
    let filter = EnvFilter::try_new(&directives).map_err(|error| {
        Error::config("log_filter", format!("--log {:?} is no format and no filter", log.unwrap_or_default()))
            .because(error)
            .hint("examples: --log json, --log debug, --log esferry=trace, --log json,warn")
    })?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Terminal);
    // Refused only when a subscriber is set already, as in tests: then that one stays.
    let _ = if json {
        subscriber.json().flatten_event(true).with_current_span(false).try_init()
    } else {
        subscriber.with_ansi(colour).with_target(false).try_init()
    };
    Ok(())
}

/// Lets log lines appear above `bar` instead of through it.
pub fn share_terminal_with(bar: &ProgressBar) {
    let mut shared = shared_bar().lock().unwrap_or_else(PoisonError::into_inner);
    *shared = Some(bar.clone());
}

/// Format and filter directives.
fn choose(log: &str, verbose: u8, terminal: bool) -> (bool, String) {
    let mut json = !terminal;
    let mut directives: Vec<&str> = Vec::new();
    for word in log.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        match word {
            "json" => json = true,
            "human" => json = false,
            directive => directives.push(directive),
        }
    }
    if directives.is_empty() {
        directives.push(DEFAULT_FILTER);
    }
    match verbose {
        0 => {}
        1 => directives.push("esferry=debug"),
        _ => directives.push("esferry=trace"),
    }
    (json, directives.join(","))
}

fn shared_bar() -> &'static Mutex<Option<ProgressBar>> {
    static BAR: OnceLock<Mutex<Option<ProgressBar>>> = OnceLock::new();
    BAR.get_or_init(Mutex::default)
}

struct Terminal;

struct Line;

impl<'a> MakeWriter<'a> for Terminal {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bar = shared_bar().lock().unwrap_or_else(PoisonError::into_inner).clone();
        match bar.filter(|bar| !bar.is_finished()) {
            Some(bar) => bar.suspend(|| io::stderr().write_all(bytes)),
            None => io::stderr().write_all(bytes),
        }?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_and_filter_are_chosen_apart() {
        assert_eq!(choose("", 0, true), (false, "warn,esferry=info".to_owned()));
        assert_eq!(choose("", 0, false), (true, "warn,esferry=info".to_owned()));
        assert_eq!(choose("human", 1, false), (false, "warn,esferry=info,esferry=debug".to_owned()));
        assert_eq!(choose("json,debug", 0, true), (true, "debug".to_owned()));
        assert_eq!(choose("esferry=trace, warn", 0, true), (false, "esferry=trace,warn".to_owned()));
    }

    #[test]
    fn a_filter_that_is_none_is_refused() {
        assert_eq!(init(Some("esferry=loud"), 0, false).unwrap_err().code(), "log_filter");
    }
}
