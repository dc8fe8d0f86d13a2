//! `lab`: the command line that `scripts/*` use.

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use esferry_lab::bench::{BenchOptions, bench, changes_bench};
use esferry_lab::chaos::{ChaosOptions, chaos};
use esferry_lab::data::{AlertSet, load_alerts, load_cities, load_events, load_odd_documents};
use esferry_lab::demo::{DemoOptions, Way, demo, live_demo};
use esferry_lab::{Endpoint, Node, NodeSpec, Servers, compare};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Real clusters, data and measurements for esferry
#[derive(Debug, Parser)]
#[command(name = "lab", max_term_width = 110)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start, end or list real servers on loopback; prints JSON
    #[command(subcommand)]
    Servers(ServersCommand),
    /// Make an index anew and load documents into it
    Load {
        /// Which documents
        #[command(subcommand)]
        set: LoadCommand,
    },
    /// Compare two indices document by document: id, routing, version and source bytes. Exit code 1 when they differ
    Compare {
        /// Address and index, such as http://127.0.0.1:9217/cities
        source: String,
        /// Address and index
        target: String,
    },
    /// A migration from 1.7 to 6.8, killed in the middle and gone on
    Demo {
        /// The program
        #[arg(long)]
        esferry: PathBuf,
        /// Its configuration
        #[arg(long, default_value = "migrations.toml")]
        config: PathBuf,
        /// Leave everything as it is at the end, and say what to try next
        #[arg(long)]
        keep: bool,
        /// How many alerts are generated
        #[arg(long, default_value_t = 100_000)]
        alerts: u64,
        /// Another one: of a source that is written all the while
        #[arg(long, value_name = "WAY", num_args = 0..=1, default_missing_value = "kafka", conflicts_with = "keep")]
        live: Option<Way>,
    },
    /// Migrations through random faults, kills and freezes. Exit code 1 when one of them is not exact
    #[command(after_help = "Examples:\n  \
        scripts/chaos --rounds 50 --seed 7\n  \
        scripts/chaos --seed 7 --round 31        # that round again, alone")]
    Chaos {
        /// The program
        #[arg(long)]
        esferry: PathBuf,
        /// How many rounds
        #[arg(long, default_value_t = 10)]
        rounds: u64,
        /// The same seed makes the same choices
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Only this round
        #[arg(long, conflicts_with = "rounds")]
        round: Option<u64>,
        /// Print the summary as JSON
        #[arg(long)]
        json: bool,
    },
    /// Measure esferry beside `_reindex` and the seed's script
    Bench {
        /// The program; without it only the others are measured
        #[arg(long)]
        esferry: Option<PathBuf>,
        /// How many documents
        #[arg(long, default_value_t = 500_000)]
        documents: u64,
        /// How often each
        #[arg(long, default_value_t = 2)]
        rounds: u32,
        /// Leave the others out
        #[arg(long)]
        alone: bool,
        /// Instead: what it costs to follow a source, by passes and by a replay of so many messages
        #[arg(long, value_name = "MESSAGES", num_args = 0..=1, default_missing_value = "500000", requires = "esferry")]
        changes: Option<u64>,
    },
}

#[derive(Debug, Subcommand)]
enum ServersCommand {
    /// Start servers, unless they run (1.7.6 and 6.8.23 when none is named)
    Up {
        /// Such as 1.7.6, 2.4.6, 5.6.16, 6.8.23, kafka
        versions: Vec<String>,
    },
    /// End servers that `up` started (all when none is named)
    Down {
        /// Which of them
        versions: Vec<String>,
    },
    /// Start servers, run a command, and end the servers that were not there before
    During {
        /// Which servers
        versions: Vec<String>,
        /// The command and its arguments; its exit code becomes ours
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// List the servers that run
    Status {
        /// Which of them
        versions: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
enum LoadCommand {
    /// About 150 000 cities of GeoNames
    Cities {
        /// Address and index
        into: String,
    },
    /// Events with tags of free keys, each of which becomes a field
    Events {
        /// Address and index
        into: String,
        /// How many
        #[arg(long, default_value_t = 1500)]
        count: u64,
    },
    /// Generated alerts of about 700 bytes
    Alerts {
        /// Address and index
        into: String,
        /// How many
        #[arg(long, default_value_t = 100_000)]
        count: u64,
        /// The same seed gives the same documents
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// With routed, updated and deleted documents
        #[arg(long)]
        lived: bool,
    },
    /// Odd documents of every kind
    Odd {
        /// Address and index
        into: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    match arguments.command {
        Command::Servers(ServersCommand::During { versions, command }) => {
            return during(&versions, &command).await;
        }
        Command::Servers(command) => servers(command).await?,
        Command::Load { set } => load(set).await?,
        Command::Compare { source, target } => {
            let (source, source_index) = place(&source)?;
            let (target, target_index) = place(&target)?;
            let outcome = compare((&source, &source_index), (&target, &target_index)).await?;
            println!("{outcome}");
            if !outcome.is_equal() {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Demo { esferry, live: Some(way), .. } => live_demo(&esferry, way).await?,
        Command::Demo { esferry, config, keep, alerts, live: None } => {
            demo(DemoOptions { esferry, config, keep, alerts }).await?;
        }
        Command::Chaos { esferry, rounds, seed, round, json } => {
            let options = ChaosOptions { esferry, rounds, seed, only: round };
            return survive(&options, json).await;
        }
        Command::Bench { esferry: Some(esferry), documents, changes: Some(messages), .. } => {
            changes_bench(&esferry, documents, messages).await?;
        }
        Command::Bench { esferry, documents, rounds, alone, .. } => {
            bench(BenchOptions { esferry, documents, rounds, alone }).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn survive(options: &ChaosOptions, json: bool) -> Result<ExitCode> {
    // Servers of its own: one that somebody else ends meanwhile would look like a loss.
    eprintln!("lab: starting 1.7.6 and 6.8.23");
    let old = Node::start(NodeSpec::new("1.7.6")).await?;
    let new = Node::start(NodeSpec::new("6.8.23")).await?;
    match chaos(options, &old.endpoint(), &new.endpoint()).await {
        Ok(summary) if json => println!("{}", serde_json::to_string_pretty(&summary)?),
        Ok(summary) => println!("{summary}"),
        Err(violation) => {
            eprintln!("chaos: {violation:#}");
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn servers(command: ServersCommand) -> Result<()> {
    let servers = match command {
        ServersCommand::Up { versions } => Servers::up(&versions).await?.0,
        ServersCommand::During { versions, .. } | ServersCommand::Status { versions } => {
            Servers::status(&versions).await?
        }
        ServersCommand::Down { versions } => {
            let ended = Servers::down(&versions).await?;
            eprintln!(
                "lab: ended {}",
                if ended.is_empty() { "nothing".to_owned() } else { ended.join(", ") }
            );
            Servers::status(&[]).await?
        }
    };
    println!("{}", serde_json::to_string_pretty(&servers)?);
    Ok(())
}

/// Runs a command with servers, and ends those that were not there before, also when it is interrupted.
async fn during(versions: &[String], command: &[String]) -> Result<ExitCode> {
    let before = Servers::status(&[]).await?;
    let ran = run_with(versions, command).await;
    let after = Servers::status(&[]).await?;
    let ours: Vec<String> = after
        .servers
        .into_iter()
        .filter(|server| before.servers.iter().all(|known| known.process != server.process))
        .map(|server| server.version)
        .collect();
    if !ours.is_empty() {
        Servers::down(&ours).await?;
    }
    ran
}

async fn run_with(versions: &[String], command: &[String]) -> Result<ExitCode> {
    let mut terminated = signal(SignalKind::terminate()).context("no signals")?;
    Servers::up(versions).await?;
    let (program, words) = command.split_first().context("no command")?;
    let mut child = tokio::process::Command::new(program)
        .args(words)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {program}"))?;
    let status = tokio::select! {
        status = child.wait() => status.with_context(|| format!("cannot wait for {program}"))?,
        // the terminal has told the command, too: let it end in its own time
        _ = tokio::signal::ctrl_c() => child.wait().await.context("cannot wait")?,
        _ = terminated.recv() => return Ok(ExitCode::FAILURE),
    };
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

async fn load(set: LoadCommand) -> Result<()> {
    match set {
        LoadCommand::Cities { into } => {
            let (endpoint, index) = place(&into)?;
            println!("{} cities", load_cities(&endpoint, &index).await?);
        }
        LoadCommand::Alerts { into, count, seed, lived } => {
            let (endpoint, index) = place(&into)?;
            let set = if lived { AlertSet::lived(seed, count) } else { AlertSet::plain(seed, count) };
            let loaded = load_alerts(&endpoint, &index, set).await?;
            println!("{} alerts ({} updates, {} deletes)", loaded.documents, loaded.updates, loaded.deletes);
        }
        LoadCommand::Events { into, count } => {
            let (endpoint, index) = place(&into)?;
            println!("{} events", load_events(&endpoint, &index, count).await?);
        }
        LoadCommand::Odd { into } => {
            let (endpoint, index) = place(&into)?;
            println!("{} odd documents", load_odd_documents(&endpoint, &index).await?);
        }
    }
    Ok(())
}

/// The server and the index of `http://host:port/index`.
fn place(text: &str) -> Result<(Endpoint, String)> {
    let (url, index) = text.rsplit_once('/').with_context(|| format!("{text} names no index"))?;
    if index.is_empty() || url.ends_with('/') {
        anyhow::bail!("{text} names no index: it should be like http://127.0.0.1:9217/cities");
    }
    Ok((Endpoint::new(url), index.to_owned()))
}
