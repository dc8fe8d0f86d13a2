//! `esferry completions`

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::error::Result;

use super::{Cli, DONE, output};

/// `esferry completions SHELL`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry completions bash > /etc/bash_completion.d/esferry\n  \
    esferry completions zsh > ~/.zfunc/_esferry\n  \
    esferry completions fish > ~/.config/fish/completions/esferry.fish")]
pub struct Completions {
    /// For which shell
    shell: Shell,
}

impl Completions {
    pub(super) fn execute(self) -> Result<u8> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "esferry", &mut script);
        output::write(&script)?;
        Ok(DONE)
    }
}
