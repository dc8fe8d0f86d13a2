//! The `esferry` command: parse, run, exit code. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use esferry::cli::{Cli, Paint, report};

fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _failpoints = fail::FailScenario::setup();
    let cli = Cli::parse();
    let paint = Paint::stderr(cli.global.color);
    match cli.execute() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            report(&error, paint);
            ExitCode::from(error.kind().exit_code())
        }
    }
}
