//! Esferry beside others that do its job, on the same servers, documents and machine, in one go.

mod changes;
mod contestant;
mod measured;
mod table;

pub use changes::changes_bench;
pub use measured::Cost;

use crate::data::{AlertSet, load_alerts};
use crate::endpoint::Endpoint;
use crate::servers::{Node, NodeSpec};
use anyhow::{Context, Result, bail};
use contestant::Contestant;
use std::cell::Cell;
use std::path::PathBuf;
use tempfile::TempDir;

/// What to measure.
#[derive(Debug, Clone)]
pub struct BenchOptions {
    /// The program; without it only the others are measured.
    pub esferry: Option<PathBuf>,
    /// How many documents.
    pub documents: u64,
    /// How often each.
    pub rounds: u32,
    /// The others are left out: for a quick look at esferry alone.
    pub alone: bool,
}

/// The servers and documents that all contestants use.
struct Arena {
    source: Node,
    target: Node,
    documents: u64,
    esferry: Option<PathBuf>,
    /// Where esferry's state of its last copy is.
    copied: Cell<Option<TempDir>>,
}

const SOURCE_INDEX: &str = "alerts";
const TARGET_INDEX: &str = "copied";

/// Measures, printing what it does to stderr, and prints the table to stdout.
pub async fn bench(options: BenchOptions) -> Result<()> {
    let mut contestants =
        vec![Contestant::Floor, Contestant::Reading, Contestant::Reindex, Contestant::Python];
    if options.alone {
        contestants.clear();
    }
    if options.esferry.is_some() {
        contestants.extend([Contestant::Esferry, Contestant::VerifyContent, Contestant::VerifyIds]);
    }
    eprintln!("bench: starting 1.7.6 and 6.8.23");
    let arena = Arena {
        source: Node::start(NodeSpec::new("1.7.6").heap("512m").full_speed()).await?,
        target: Node::start(NodeSpec::new("6.8.23").heap("1g").full_speed()).await?,
        documents: options.documents,
        esferry: options.esferry.clone(),
        copied: Cell::new(None),
    };
    eprintln!("bench: loading {} documents into the source", options.documents);
    load_alerts(&arena.source.endpoint(), SOURCE_INDEX, arena.set()).await?;
    // The servers compile what they do often while they do it: whoever came first would pay for the others.
    eprintln!("bench: warming the servers up with a round that does not count");
    let mut results: Vec<(Contestant, Vec<Cost>)> =
        contestants.iter().map(|contestant| (*contestant, Vec::new())).collect();
    for round in 0..=options.rounds {
        for (contestant, costs) in &mut results {
            let cost = contestant.run(&arena).await.with_context(|| format!("{contestant:?}"))?;
            eprintln!("bench: round {round}: {contestant:?} took {:.1} s", cost.wall.as_secs_f64());
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    println!("{}", table::render(&results, options.documents));
    Ok(())
}

impl Arena {
    fn set(&self) -> AlertSet {
        AlertSet::plain(68, self.documents)
    }

    /// Makes the target index anew, as a migration would for the load.
    async fn empty_target(&self) -> Result<Endpoint> {
        let endpoint = self.target.endpoint();
        let mut body = crate::data::Body::Alerts.target()?;
        body["settings"]["refresh_interval"] = "-1".into();
        endpoint.recreate_index(TARGET_INDEX, &body).await?;
        Ok(endpoint)
    }

    /// Fails unless every document arrived.
    async fn check_target(&self) -> Result<()> {
        let endpoint = self.target.endpoint();
        endpoint.refresh(TARGET_INDEX).await?;
        let arrived = endpoint.count(TARGET_INDEX).await?;
        if arrived != self.documents {
            bail!("{arrived} documents arrived of {}", self.documents);
        }
        Ok(())
    }
}
