//! The command line: clap types here, one file a command, and the terminal is owned by nobody else.

mod at_work;
mod check;
mod compare;
mod complete;
mod completions;
mod copy;
mod cutover;
mod cutover_view;
mod failures;
mod locate;
mod numbers;
mod output;
mod pause;
mod plan;
mod progress;
mod query;
mod remedies;
mod reset;
mod rollback;
mod run;
mod schema;
mod service;
mod side_by_side;
mod slices;
mod status;
mod status_view;
mod transform;
mod tune;
mod verify;
mod verify_view;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};

use crate::error::{Error, Result};
use crate::telemetry::logs;

pub use output::{Paint, report};

/// Exit code of a run that did everything it was asked for.
pub const DONE: u8 = 0;

/// Move Elasticsearch indices from an old cluster to a new one: sliced, checkpointed, resumable.
#[derive(Debug, Parser)]
#[command(
    name = "esferry",
    version,
    max_term_width = 110,
    after_help = "Examples:\n  \
        esferry copy http://old:9200/alerts http://new:9200/alerts   # one index, no configuration\n  \
        esferry check && esferry plan                                # what would happen\n  \
        esferry run --once                                           # do it, and leave\n  \
        esferry status --watch                                       # from another terminal\n\n\
        Exit codes:\n  \
        0 done · 1 unexpected · 2 usage, configuration or refusal · 3 state (drift, locked, corrupt)\n  \
        4 finished with failures or differences · 5 temporary, try again · 130 interrupted"
)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Configuration file [default: migrations.toml, then /etc/esferry/migrations.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where progress is kept and the daemon listens [default: `state_dir` of the configuration]
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Log format and filter: human, json, debug, esferry=trace, or several: json,debug
    #[arg(long, global = true, value_name = "LOG")]
    pub log: Option<String>,
    /// Log more (-vv: everything)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// When to use colours
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value_t,
        hide_possible_values = false
    )]
    pub color: Colour,
}

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Also into files and pipes.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Copy one index, without a configuration file; called again it goes on where it was
    Copy(Box<copy::Copy>),
    /// Work through the configured migrations, then stay for status and control
    Run(run::Run),
    /// Show everything that a run would do, and do nothing of it
    Plan(plan::Plan),
    /// Show what the target indices are made of, and what was changed for it
    Schema(schema::Schema),
    /// Validate the configuration and ask both clusters whether a run can succeed
    Check(check::Check),
    /// Show documents before and after the transforms of a migration
    Transform(transform::Transform),
    /// Show how the migrations are doing
    Status(status::Status),
    /// Show the slices of a migration, and why some were set aside
    Slices(slices::Slices),
    /// Look at the documents that did not arrive, and try them again
    Failures(failures::Failures),
    /// Prove that everything arrived, and repair what did not
    Verify(verify::Verify),
    /// Rewrite a search written for the source into one for the target
    Query(query::Query),
    /// Ask recorded searches on both sides, and compare their answers and latencies
    Compare(Box<compare::Compare>),
    /// Switch users over to the target, when every gate is open
    Cutover(cutover::Cutover),
    /// Go back to the source from a switch that was done, or is under way
    Rollback(rollback::Rollback),
    /// Print the way back from where a migration is, and what would be lost by it
    Recovery(rollback::Recovery),
    /// End the watch on the old side, and write the final report
    Complete(complete::Complete),
    /// Hold a migration; stored, so a restart keeps it
    Pause(pause::Pause),
    /// Let a paused migration go on, and take up again what was set aside
    Resume(pause::Resume),
    /// Give a migration at work other limits; stored, so a restart keeps them
    Tune(tune::Tune),
    /// Forget the progress of a migration; never touches a cluster
    Reset(reset::Reset),
    /// Print a completion script for a shell
    Completions(completions::Completions),
}

impl Cli {
    /// Does what was asked for; returns the exit code of a command that came to its end.
    pub fn execute(self) -> Result<u8> {
        let quiet = !matches!(self.command, Command::Copy(_) | Command::Run(_));
        let log = self.global.log.as_deref().or(quiet.then_some("human,warn"));
        logs::init(log, self.global.verbose, Paint::stderr(self.global.color).is_on())?;
        let global = &self.global;
        match self.command {
            Command::Copy(command) => busy(command.execute(global)),
            Command::Run(command) => busy(command.execute(global)),
            Command::Plan(command) => brief(command.execute(global)),
            Command::Schema(command) => brief(command.execute(global)),
            Command::Check(command) => brief(command.execute(global)),
            Command::Transform(command) => brief(command.execute(global)),
            Command::Status(command) => brief(command.execute(global)),
            Command::Slices(command) => brief(command.execute(global)),
            Command::Verify(command) => busy(command.execute(global)),
            Command::Query(command) => brief(command.execute(global)),
            Command::Compare(command) => busy(command.execute(global)),
            Command::Cutover(command) => busy(command.execute(global)),
            Command::Rollback(command) => busy(command.execute(global)),
            Command::Recovery(command) => busy(command.execute(global)),
            Command::Complete(command) => busy(command.execute(global)),
            Command::Failures(command) => brief(command.execute(global)),
            Command::Pause(command) => brief(command.execute(global)),
            Command::Resume(command) => brief(command.execute(global)),
            Command::Tune(command) => brief(command.execute(global)),
            Command::Reset(command) => command.execute(global),
            Command::Completions(command) => command.execute(),
        }
    }
}

/// Runs a command that does many things at once.
fn busy(command: impl Future<Output = Result<u8>>) -> Result<u8> {
    drive(tokio::runtime::Builder::new_multi_thread(), command)
}

/// Runs a command that asks and answers.
fn brief(command: impl Future<Output = Result<u8>>) -> Result<u8> {
    drive(tokio::runtime::Builder::new_current_thread(), command)
}

fn drive(mut builder: tokio::runtime::Builder, command: impl Future<Output = Result<u8>>) -> Result<u8> {
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| Error::unexpected("no_runtime", "cannot start the runtime").because(error))?;
    let outcome = runtime.block_on(command);
    // A thread that waits for the disk or for a slow reader must not hold the exit.
    runtime.shutdown_background();
    outcome
}

/// User name of whoever gave the command, as its environment has it.
fn operator() -> String {
    let named = ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "somebody".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn help(path: &[&str]) -> String {
        let mut command = Cli::command().term_width(100);
        command.build();
        let mut command = &mut command;
        for name in path {
            command = command.find_subcommand_mut(name).unwrap();
        }
        command.render_help().to_string()
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_of_everything() {
        insta::assert_snapshot!(help(&[]), @"
        Move Elasticsearch indices from an old cluster to a new one: sliced, checkpointed, resumable

        Usage: esferry [OPTIONS] <COMMAND>

        Commands:
          copy         Copy one index, without a configuration file; called again it goes on where it was
          run          Work through the configured migrations, then stay for status and control
          plan         Show everything that a run would do, and do nothing of it
          schema       Show what the target indices are made of, and what was changed for it
          check        Validate the configuration and ask both clusters whether a run can succeed
          transform    Show documents before and after the transforms of a migration
          status       Show how the migrations are doing
          slices       Show the slices of a migration, and why some were set aside
          failures     Look at the documents that did not arrive, and try them again
          verify       Prove that everything arrived, and repair what did not
          query        Rewrite a search written for the source into one for the target
          compare      Ask recorded searches on both sides, and compare their answers and latencies
          cutover      Switch users over to the target, when every gate is open
          rollback     Go back to the source from a switch that was done, or is under way
          recovery     Print the way back from where a migration is, and what would be lost by it
          complete     End the watch on the old side, and write the final report
          pause        Hold a migration; stored, so a restart keeps it
          resume       Let a paused migration go on, and take up again what was set aside
          tune         Give a migration at work other limits; stored, so a restart keeps them
          reset        Forget the progress of a migration; never touches a cluster
          completions  Print a completion script for a shell
          help         Print this message or the help of the given subcommand(s)

        Options:
          -h, --help     Print help (see more with '--help')
          -V, --version  Print version

        Global options:
              --config <FILE>    Configuration file [default: migrations.toml, then
                                 /etc/esferry/migrations.toml]
              --state-dir <DIR>  Where progress is kept and the daemon listens [default: `state_dir` of the
                                 configuration]
              --json             Print the result as JSON
              --log <LOG>        Log format and filter: human, json, debug, esferry=trace, or several:
                                 json,debug
          -v, --verbose...       Log more (-vv: everything)
              --color <WHEN>     When to use colours [default: auto] [possible values: auto, always, never]

        Examples:
          esferry copy http://old:9200/alerts http://new:9200/alerts   # one index, no configuration
          esferry check && esferry plan                                # what would happen
          esferry run --once                                           # do it, and leave
          esferry status --watch                                       # from another terminal

        Exit codes:
          0 done · 1 unexpected · 2 usage, configuration or refusal · 3 state (drift, locked, corrupt)
          4 finished with failures or differences · 5 temporary, try again · 130 interrupted
        ");
    }

    #[test]
    fn help_of_the_commands() {
        let commands: Vec<String> =
            Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
        for name in commands {
            let text = help(&[&name]);
            assert!(text.contains("Examples:"), "`{name}` has no examples:\n{text}");
        }
        insta::assert_snapshot!(help(&["copy"]), @r#"
        Copy one index, without a configuration file; called again it goes on where it was

        Usage: esferry copy [OPTIONS] <FROM> <TO>

        Arguments:
          <FROM>  The index to read: http://host:9200/INDEX
          <TO>    Where it goes: http://host:9200/INDEX; without INDEX it keeps its name

        Options:
              --query <JSON>        Copy only what matches this query, in the source's own language
              --schema <SCHEMA>     Target mapping: convert, existing or file:PATH [default: convert]
              --types <TYPES>       What becomes of an index of several types: refuse, split, merge or join
                                    [default: refuse]
              --transform <FILE>    A file with the steps that documents go through: tables [[transform]] as
                                    in migrations.toml
              --accept-lost <PATH>  Go without what has no counterpart on the target, by its path in the
                                    report; may be given several times
              --slice-docs <N>      Documents a slice aims at [default: 50000]
              --parallel <N>        Slices read side by side [default: 2]
              --write-mode <MODE>   Which document wins when the target has one already [default: external]
                                    [possible values: external, create, index]
              --verify <LEVEL>      What is compared once everything is copied [default: count] [possible
                                    values: count, ids, content]
              --accept-drift        Go on with options that changed since the copy was begun
          -h, --help                Print help (see more with '--help')

        Credentials:
              --from-user <USER>              User on the source
              --from-password-env <VARIABLE>  Environment variable with the password on the source
              --from-api-key-env <VARIABLE>   Environment variable with an API key of the source
              --from-ca <FILE>                PEM file of authorities to trust for the source
              --to-user <USER>                User on the target
              --to-password-env <VARIABLE>    Environment variable with the password on the target
              --to-api-key-env <VARIABLE>     Environment variable with an API key of the target
              --to-ca <FILE>                  PEM file of authorities to trust for the target

        Global options:
              --config <FILE>    Configuration file [default: migrations.toml, then
                                 /etc/esferry/migrations.toml]
              --state-dir <DIR>  Where progress is kept and the daemon listens [default: `state_dir` of the
                                 configuration]
              --json             Print the result as JSON
              --log <LOG>        Log format and filter: human, json, debug, esferry=trace, or several:
                                 json,debug
          -v, --verbose...       Log more (-vv: everything)
              --color <WHEN>     When to use colours [default: auto] [possible values: auto, always, never]

        Examples:
          esferry copy http://old:9200/alerts http://new:9200/alerts
          esferry copy http://old:9200/alerts https://new:9200/alerts --to-user esferry --to-password-env
          ES_PASSWORD
          esferry copy http://old:9200/alerts http://new:9200/alerts --query '{"term":{"status":"open"}}'
          esferry copy http://old:9200/zoo http://new:9200 --types split         # zoo-cat, zoo-dog
          esferry copy http://old:9200/alerts http://new:9200 --transform tags.toml
          esferry copy 'http://old:9200/logs-*' http://new:9200/ --schema existing

        Progress is kept in ./esferry-state (or --state-dir): interrupted and called again, it goes on where
        it was.
        A password is never part of a URL or an argument: name the environment variable that holds it.
        "#);
        insta::assert_snapshot!(help(&["failures"]), @"
        Look at the documents that did not arrive, and try them again

        Usage: esferry failures [OPTIONS] <COMMAND>

        Commands:
          list    Show them by error type: how many, one example, what to do
          show    Show everything that is known of one document
          retry   Read the documents again from the source and write them
          accept  Do without the documents of an error type, on the record
          export  Write all of them as lines of JSON
          help    Print this message or the help of the given subcommand(s)

        Options:
          -h, --help  Print help (see more with '--help')

        Global options:
              --config <FILE>    Configuration file [default: migrations.toml, then
                                 /etc/esferry/migrations.toml]
              --state-dir <DIR>  Where progress is kept and the daemon listens [default: `state_dir` of the
                                 configuration]
              --json             Print the result as JSON
              --log <LOG>        Log format and filter: human, json, debug, esferry=trace, or several:
                                 json,debug
          -v, --verbose...       Log more (-vv: everything)
              --color <WHEN>     When to use colours [default: auto] [possible values: auto, always, never]

        Examples:
          esferry failures list alerts                  # by error type: how many, an example, what to do
          esferry failures list alerts --json           # every one, a line of JSON each
          esferry failures show alerts 5d1a7c3e         # the whole answer of the server
          esferry failures retry alerts --type mapper_parsing_exception
          esferry failures accept alerts --type id_too_long --note 'test data, agreed with sales'
          esferry failures export alerts --output failures.ndjson
        ");
    }
}
