//! `esferry compare`: the same searches on both sides, and whether they answer the same.

mod import;
mod view;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::cluster::Cluster;
use crate::compare::accepted::{Accepted, Judged, template};
use crate::compare::page;
use crate::compare::recorded::{self, Scores, Wanted};
use crate::compare::report::{
    FORMAT, Latencies, Outcome, Queries, Report, Runs, ServerSeen, Spread, Summary, Totals,
};
use crate::compare::running::{Between, Options, default_scores, run};
use crate::config::{self, Config, MigrationConfig, PrefixIds, Types};
use crate::error::{Error, Kind, Result};
use crate::schema::query::{Context, Planned, TypesBecame};
use crate::store::comparison::ComparisonRecord;

use super::locate::{Source, planned_indices, shape_of};
use super::progress::SearchCounter;
use super::{DONE, Global, Paint, output};

/// Upper bounds of the bars in the plot of latencies, in milliseconds.
const BARS: [f64; 11] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0];

/// `esferry compare NAME QUERIES`
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:\n  \
    esferry compare alerts searches.ndjson                       # the same answers? how fast?\n  \
    esferry compare alerts searches.ndjson --repeat 50 --concurrency 4 --html report.html\n  \
    esferry compare alerts searches.ndjson --relevance ignore    # TF/IDF became BM25\n  \
    esferry compare alerts searches.ndjson --accept known.toml   # with differences that are known\n  \
    esferry compare alerts searches.ndjson --write-accept known.toml\n  \
    esferry compare import /var/log/elasticsearch/es_index_search_slowlog.log > searches.ndjson\n\n\
    A line of QUERIES is a search: {\"name\": …, \"path\": \"/alerts/_search?routing=7\", \"body\": {…}}. It is rewritten for\n\
    the target as `esferry query` does it, unless the line gives \"target\". Only searches and counts are sent.\n\
    Exit code 0: every search answers the same, or its difference is accepted; 4: one does not, or cannot be compared.\n\
    See docs/compare.md."
)]
pub struct Compare {
    #[command(subcommand)]
    command: Option<Other>,
    /// The migration between whose clusters the searches are compared
    #[arg(required = true)]
    name: Option<String>,
    /// Recorded searches, one JSON object a line; `-` for standard input
    #[arg(required = true)]
    queries: Option<PathBuf>,
    /// Runs of each search on each side that are not measured
    #[arg(long, value_name = "N", default_value_t = 1)]
    warmup: u32,
    /// Runs of each search on each side that are; also shows answers that change by themselves
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Searches at once
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = places)]
    concurrency: usize,
    /// Compare scores within this part of them, or `ignore` them [default: 0.0001 between versions that score alike,
    /// ignore between others]
    #[arg(long, value_name = "TOLERANCE")]
    scores: Option<Scores>,
    /// Whether hits that are ordered by relevance have to come in the same order
    #[arg(long, value_enum, value_name = "WHETHER", default_value_t)]
    relevance: Relevance,
    /// Differences that are known, with their reasons
    #[arg(long, value_name = "FILE")]
    accept: Option<PathBuf>,
    /// Write what differs to a new file for `--accept`, with reasons to be filled in
    #[arg(long, value_name = "FILE")]
    write_accept: Option<PathBuf>,
    /// Write the report as one HTML page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Relevance {
    /// Yes
    #[default]
    Same,
    /// No: what is found counts, where a page holds all of it
    Ignore,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Turn a slow log or an access log into recorded searches
    Import(import::Import),
}

fn places(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..=1024) => Ok(number),
        _ => Err("from 1 to 1024".to_owned()),
    }
}

impl Compare {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        if let Some(Other::Import(import)) = self.command {
            return import.execute();
        }
        let (Some(name), Some(queries)) = (self.name.as_deref(), self.queries.as_deref()) else {
            return Err(Error::config("usage", "give a migration and a file of searches"));
        };
        if let Some(file) = self.write_accept.as_deref().filter(|file| file.exists()) {
            return Err(Error::config("file_exists", format!("{} is there already", file.display()))
                .hint("name a new file, and move the entries over by hand"));
        }
        let config = config::load(global.config.as_deref(), global.state_dir.as_deref())?;
        let migration = config.migration(name)?;
        let (bytes, origin) = read(queries)?;
        let searches = recorded::read(&text_of(&bytes, &origin)?, &origin)?;
        let accepted = self.accept.as_deref().map(known).transpose()?;
        let queries = Queries { file: origin, sha256: hex(&bytes), searches: searches.len() };
        let between = Arc::new(between(global, name, &config, migration).await?);
        let options = Options {
            warmup: self.warmup,
            repeat: self.repeat,
            concurrency: self.concurrency,
            scores: self.scores,
            relevance: match self.relevance {
                Relevance::Same => Wanted::Same,
                Relevance::Ignore => Wanted::Ignore,
            },
        };
        let started = Timestamp::now();
        let counter = SearchCounter::new(searches.len());
        let ran = run(Arc::clone(&between), searches, options, |done| counter.show(done)).await;
        drop(counter);
        let mut ran = ran?;
        let unused = accepted.map_or_else(Vec::new, |accepted| accepted.apply(&mut ran.judged));
        let outcomes: Vec<Outcome> = ran.judged.into_iter().map(|Judged { outcome, .. }| outcome).collect();
        let totals = Totals::of(&outcomes);
        let report = Report {
            summary: Summary {
                format: FORMAT,
                migration: name.to_owned(),
                queries,
                started,
                finished: Timestamp::now(),
                source: seen(&between.source),
                target: seen(&between.target),
                totals,
                passed: totals.passed(),
                latency: Latencies { source: ran.source.figures(), target: ran.target.figures() },
            },
            runs: Runs { warmup: options.warmup, repeat: options.repeat, concurrency: options.concurrency },
            scores: in_words(
                options.scores.unwrap_or_else(|| default_scores(between.context.from, between.context.to)),
            ),
            relevance: if options.relevance == Wanted::Same { "counts" } else { "ignored" }.to_owned(),
            unused_acceptances: unused,
            spread: Spread {
                within_ms: BARS.to_vec(),
                source: ran.source.spread(&BARS),
                target: ran.target.spread(&BARS),
            },
            searches: outcomes,
        };
        keep(global, name, &report).await?;
        self.hand_over(&report, global)
    }

    fn hand_over(&self, report: &Report, global: &Global) -> Result<u8> {
        if let Some(file) = &self.html {
            write(file, &page::render(report))?;
            output::note(&format!("the page is in {}", file.display()));
        }
        if let Some(file) = &self.write_accept {
            write(file, &template(&report.searches))?;
            output::note(&format!("{}: fill in the reasons", file.display()));
        }
        for unused in &report.unused_acceptances {
            output::note(unused);
        }
        if global.json {
            output::print_json(report)?;
        } else {
            output::print(&view::render(report, Paint::stdout(global.color)))?;
        }
        Ok(if report.summary.passed { DONE } else { Kind::Differences.exit_code() })
    }
}

/// Keeps what came of it where the migration is known: a gate of its switch.
async fn keep(global: &Global, name: &str, report: &Report) -> Result<()> {
    let whole = serde_json::to_vec(report).map_err(|error| {
        Error::unexpected("not_json", "the report cannot be written as JSON").because(error)
    })?;
    let record = ComparisonRecord {
        at: report.summary.finished,
        digest: hex(&whole),
        summary: report.summary.clone(),
    };
    match Source::find(global)? {
        Source::Daemon(client) => client.save_comparison(name, &record).await,
        Source::Store(store) if store.migration(name)?.is_some() => store.save_comparison(name, &record),
        Source::Store(_) | Source::Nothing(_) => Ok(()),
    }
}

fn read(path: &Path) -> Result<(Vec<u8>, String)> {
    let unreadable = |origin: &str, error: std::io::Error| {
        Error::config("searches_unreadable", format!("cannot read the searches from {origin}")).because(error)
    };
    if path == Path::new("-") {
        let (mut bytes, origin) = (Vec::new(), "standard input");
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(|error| unreadable(origin, error))?;
        return Ok((bytes, origin.to_owned()));
    }
    let origin = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| unreadable(&origin, error))?;
    Ok((bytes, origin))
}

/// The text of a file, without the mark that some editors put in front of it.
fn text_of(bytes: &[u8], origin: &str) -> Result<String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::config("bad_search", format!("{origin}:{line}: not text in UTF-8")).because(error)
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
}

fn known(path: &Path) -> Result<Accepted> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::config("bad_acceptance", format!("cannot read {}", path.display())).because(error)
    })?;
    Accepted::read(&text, &path.display().to_string())
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).map_err(|error| {
        Error::config("unwritable", format!("cannot write {}", path.display())).because(error)
    })
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn between(
    global: &Global,
    name: &str,
    config: &Config,
    migration: &MigrationConfig,
) -> Result<Between> {
    let (from, to) = (&migration.from.cluster, &migration.to.cluster);
    let source = Cluster::connect(from, config.cluster(from)?).await?;
    let target = Cluster::connect(to, config.cluster(to)?).await?;
    let mut context =
        Context::of(migration, source.server().search_language(), target.server().search_language());
    let indices = planned_indices(global, name).await?;
    if let Some(shape) = shape_of(&indices) {
        context.types = TypesBecame::from(&shape);
    } else if indices.is_empty() && may_prefix(&migration.types) {
        output::note(
            "nothing is planned yet: whether ids get their type in front is not known, and they are taken to stay",
        );
    }
    let planned = indices.into_iter().map(|index| Planned {
        source: index.source,
        types: index.types,
        target: index.target,
    });
    Ok(Between { source, target, context, planned: planned.collect() })
}

/// Whether the plan decides what becomes of ids.
fn may_prefix(types: &Types) -> bool {
    let (Types::Merge { prefix_ids, .. } | Types::Join { prefix_ids, .. }) = types else { return false };
    *prefix_ids == PrefixIds::Auto
}

fn seen(cluster: &Cluster) -> ServerSeen {
    let server = cluster.server();
    ServerSeen {
        cluster: cluster.name().to_owned(),
        identity: cluster.identity(),
        version: server.version.to_string(),
        distribution: server.distribution.to_string(),
    }
}

fn in_words(scores: Scores) -> String {
    match scores {
        Scores::Ignore => "ignored".to_owned(),
        Scores::Within(part) => format!("compared within {part} of the larger one"),
    }
}
