//! Whole migrations through random faults of both clusters, kills, freezes and terminations of the daemon.
//!
//! Every round draws its choices from the seed and its own number, so that each can be played again alone. What the
//! machine does with them is not drawn: the same round may take another way, and has to end as well.

mod dice;
mod evidence;
mod freight;
mod life;
mod retrying;
mod round;
mod settings;
mod stage;
mod summary;
mod weather;

pub use summary::Summary;

use crate::endpoint::Endpoint;
use anyhow::{Context, Result, ensure};
use evidence::Sides;
use freight::Freight;
use round::Script;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

/// What a run is.
#[derive(Debug, Clone)]
pub struct ChaosOptions {
    /// The program.
    pub esferry: PathBuf,
    /// How many rounds.
    pub rounds: u64,
    /// What all choices come from.
    pub seed: u64,
    /// Play this round alone.
    pub only: Option<u64>,
}

/// Plays the rounds from `old`, a 1.x, to `new`, a 6.x; says on stderr how far it is.
///
/// # Errors
/// The first violation of what has to be true, with the round and the folder where everything about it is kept.
pub async fn chaos(options: &ChaosOptions, old: &Endpoint, new: &Endpoint) -> Result<Summary> {
    ensure!(options.esferry.exists(), "{} is not there", options.esferry.display());
    let prefix = format!("chaos-{}", std::process::id());
    let outcome = tokio::select! {
        outcome = play(options, &prefix, old, new) => outcome,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("no signals").and(Err(anyhow::anyhow!("interrupted")))
        }
    };
    for side in [old, new] {
        let cleared = side.delete_index(&format!("{prefix}-*")).await;
        if outcome.is_ok() {
            cleared?;
        }
    }
    outcome
}

async fn play(options: &ChaosOptions, prefix: &str, old: &Endpoint, new: &Endpoint) -> Result<Summary> {
    let begun = Instant::now();
    let mut sum = Summary { seed: options.seed, ..Summary::default() };
    let mut loaded: BTreeSet<Freight> = BTreeSet::new();
    let rounds = match options.only {
        Some(round) => round..=round,
        None => 1..=options.rounds,
    };
    for round in rounds {
        let at = Instant::now();
        let script = Script::draw(options.seed, round);
        let from = format!("{prefix}-{}", script.freight.name());
        if loaded.insert(script.freight) {
            script.freight.load(old, &from).await.context("loading the source")?;
        }
        let to = format!("{prefix}-to-{round}");
        let sides = Sides { old, from: &from, new, to: &to };
        let told = script.play(&options.esferry, sides).await?;
        new.delete_index(&to).await?;
        eprintln!(
            "chaos: round {round}: {}, {} processes, {} kills, {} faults in {} requests, {:.1} s",
            script.freight.name(),
            told.processes,
            told.kills,
            told.faults_made(),
            told.requests,
            at.elapsed().as_secs_f64()
        );
        sum.add(told);
    }
    sum.seconds = begun.elapsed().as_secs_f64();
    Ok(sum)
}
