//! Those that are measured, and how each of them is run.

use super::measured::{self, Cost};
use super::{Arena, SOURCE_INDEX, TARGET_INDEX};
use crate::data::action_line;
use crate::endpoint::Endpoint;
use crate::servers::Cache;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Map, Value, json};
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SEED_SCRIPT: &str = include_str!("../../python/seed.py");
const REQUIREMENTS: [&str; 3] = ["elasticsearch==1.9.0", "elasticsearch6==6.4.2", "statsd==3.3.0"];

/// One that copies the documents, or does a part of it as fast as can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contestant {
    /// Ready-made bulks, four at once: what the target can take.
    Floor,
    /// One scan for each shard, its bytes thrown away: what the source can give.
    Reading,
    /// The target's own `_reindex` from remote, pages of 2000.
    Reindex,
    /// The seed's Python script.
    Python,
    /// Ours.
    Esferry,
    /// Our verification of what `Esferry` copied, by what documents say.
    VerifyContent,
    /// The same by ids, routing and versions.
    VerifyIds,
}

impl Contestant {
    /// How it is called in the table.
    pub fn title(self) -> &'static str {
        match self {
            Contestant::Floor => "floor: pre-built bulks of 2000, 4 at once",
            Contestant::Reading => "reading alone: one scan a shard, bytes thrown away",
            Contestant::Reindex => "`_reindex` from remote, size 2000",
            Contestant::Python => "the seed's script (elasticsearch-py `scan` + `parallel_bulk`)",
            Contestant::Esferry => "**esferry**",
            Contestant::VerifyContent => "**esferry** `verify --level content` of the same",
            Contestant::VerifyIds => "**esferry** `verify --level ids` of the same",
        }
    }

    /// Runs it once on an empty target. The clock stops when every document can be found, as it does for esferry, which
    /// refreshes and counts by itself.
    pub(super) async fn run(self, arena: &Arena) -> Result<Cost> {
        match self {
            Contestant::Floor => floor(arena).await,
            Contestant::Reading => reading(arena).await,
            Contestant::Reindex => reindex(arena).await,
            Contestant::Python => python(arena).await,
            Contestant::Esferry => esferry(arena).await,
            Contestant::VerifyContent => verification(arena, "content").await,
            Contestant::VerifyIds => verification(arena, "ids").await,
        }
    }
}

async fn floor(arena: &Arena) -> Result<Cost> {
    let set = arena.set();
    let bulks = tokio::task::spawn_blocking(move || {
        let mut bulks = Vec::new();
        let mut documents = set.documents().peekable();
        while documents.peek().is_some() {
            let mut text = String::new();
            for document in documents.by_ref().take(2000) {
                let mut meta = Map::new();
                for (name, value) in [("_index", TARGET_INDEX), ("_type", "_doc"), ("_id", &document.id)] {
                    meta.insert(name.to_owned(), Value::from(value));
                }
                text.push_str(&action_line("index", &meta));
                text.push_str(&document.source);
                text.push('\n');
            }
            bulks.push(Bytes::from(text));
        }
        bulks
    })
    .await
    .context("making the bulks was given up")?;
    let endpoint = arena.empty_target().await?;
    let begun = Instant::now();
    stream::iter(bulks)
        .map(|body| {
            let endpoint = &endpoint;
            async move {
                let answer = endpoint.send(Method::POST, "/_bulk", "application/x-ndjson", body).await?;
                let text = answer.ok()?;
                // the start tells whether all went well: looking at every item is not what is measured here
                let start = String::from_utf8_lossy(text.get(..100).unwrap_or(text));
                anyhow::ensure!(start.contains("\"errors\":false"), "a bulk was refused: {start}");
                Ok(())
            }
        })
        .buffer_unordered(4)
        .try_collect::<()>()
        .await?;
    arena.check_target().await?;
    let wall = begun.elapsed();
    Ok(Cost { wall, ..Cost::default() })
}

async fn reading(arena: &Arena) -> Result<Cost> {
    let begun = Instant::now();
    let endpoint = arena.source.endpoint();
    futures::future::try_join_all((0..3).map(|shard| scan_away(&endpoint, shard))).await?;
    Ok(Cost { wall: begun.elapsed(), ..Cost::default() })
}

/// Reads a shard and looks at nothing but the scroll id, which is at the start of a page, and the page's size.
async fn scan_away(endpoint: &Endpoint, shard: u32) -> Result<()> {
    let open = format!("/{SOURCE_INDEX}/_search?search_type=scan&scroll=2m&preference=_shards:{shard}");
    let body = json!({"query": {"match_all": {}}, "version": true, "size": 2000}).to_string();
    let mut page = endpoint.send(Method::POST, &open, "application/json", Bytes::from(body)).await?;
    loop {
        let text = page.ok()?;
        let start = String::from_utf8_lossy(text.get(..1000).unwrap_or(text));
        let id = start.split_once("\"_scroll_id\":\"").and_then(|(_, rest)| rest.split_once('"'));
        let Some((id, _)) = id else { bail!("no scroll id in {start}") };
        let id = Bytes::copy_from_slice(id.as_bytes());
        page = endpoint.send(Method::POST, "/_search/scroll?scroll=2m", "text/plain", id).await?;
        if page.ok()?.len() < 500 {
            return Ok(());
        }
    }
}

async fn reindex(arena: &Arena) -> Result<Cost> {
    let endpoint = arena.empty_target().await?;
    let body = json!({
        "source": {"remote": {"host": arena.source.url()}, "index": SOURCE_INDEX, "size": 2000},
        "dest": {"index": TARGET_INDEX, "type": "_doc"},
    });
    let begun = Instant::now();
    let task = endpoint.post("/_reindex?wait_for_completion=false", &body).await?;
    let task = task.get("task").and_then(Value::as_str).context("no task")?.to_owned();
    let outcome = loop {
        // waiting in the server sees the end at once; the client's own patience is shorter than a long run
        let answer = endpoint.get(&format!("/_tasks/{task}?wait_for_completion=true&timeout=60s")).await;
        match answer {
            Ok(answer) if answer.get("completed") == Some(&json!(true)) => break answer,
            _ if begun.elapsed() > Duration::from_secs(3600) => bail!("_reindex does not end"),
            _ => {}
        }
    };
    if outcome.pointer("/response/failures").is_none_or(|failures| failures != &json!([])) {
        bail!("_reindex failed: {outcome}");
    }
    arena.check_target().await?;
    Ok(Cost { wall: begun.elapsed(), ..Cost::default() })
}

async fn python(arena: &Arena) -> Result<Cost> {
    let interpreter = interpreter()?;
    let folder = tempfile::tempdir().context("no folder for the script")?;
    let script = folder.path().join("seed.py");
    fs::write(&script, SEED_SCRIPT).context("cannot write the script")?;
    arena.empty_target().await?;
    let mut command = Command::new(interpreter);
    command.arg(script).args([arena.source.url(), arena.target.url()]).args([SOURCE_INDEX, TARGET_INDEX]);
    command.stdout(Stdio::null());
    let cost = measured::run(&mut command).await?;
    let begun = Instant::now();
    arena.check_target().await?;
    Ok(Cost { wall: cost.wall + begun.elapsed(), ..cost })
}

/// A Python with the seed's libraries, made once.
fn interpreter() -> Result<PathBuf> {
    let cache = Cache::open()?;
    let _lock = cache.lock("python")?;
    let place = cache.path("python-seed");
    let interpreter = place.join("bin/python");
    let ready = place.join("ready");
    if !ready.exists() {
        eprintln!("bench: installing {}", REQUIREMENTS.join(", "));
        run_quietly(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&place))?;
        run_quietly(Command::new(&interpreter).args(["-m", "pip", "install", "--quiet"]).args(REQUIREMENTS))?;
        fs::write(&ready, "").context("cannot finish the Python environment")?;
    }
    Ok(interpreter)
}

fn run_quietly(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    if !output.status.success() {
        bail!("{:?} failed: {}", command.get_program(), String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

async fn esferry(arena: &Arena) -> Result<Cost> {
    arena.empty_target().await?;
    let folder = tempfile::tempdir().context("no folder for the state")?;
    let slowest = Cell::new(Duration::ZERO);
    let mut run = command(arena, folder.path(), &["run", "--once"])?;
    let cost = tokio::select! {
        cost = measured::run(&mut run) => cost,
        failed = ask_for_status(arena, folder.path(), &slowest) => Err(failed),
    };
    let cost = cost.inspect_err(|_| {
        eprintln!("{}", fs::read_to_string(folder.path().join("log")).unwrap_or_default());
    })?;
    arena.check_target().await?;
    let output = command(arena, folder.path(), &["status", "--json"])?.stdout(Stdio::piped()).output()?;
    let status: Value = serde_json::from_slice(&output.stdout).context("no status")?;
    let planning = status.pointer("/migrations/0/planning_seconds").and_then(Value::as_f64);
    let planning = planning.context("no planning_seconds in the status")?;
    arena.copied.replace(Some(folder));
    let planning = Some(Duration::try_from_secs_f64(planning)?);
    Ok(Cost { slowest_status: Some(slowest.get()), planning, ..cost })
}

/// Verifies the last copy, reading everything.
async fn verification(arena: &Arena, level: &str) -> Result<Cost> {
    let folder = arena.copied.take().context("nothing was copied before")?;
    let mut verify = command(arena, folder.path(), &["verify", "bench", "--level", level, "--anew"])?;
    let cost = measured::run(&mut verify).await;
    let cost = cost.inspect_err(|_| {
        eprintln!("{}", fs::read_to_string(folder.path().join("log")).unwrap_or_default());
    })?;
    arena.copied.replace(Some(folder));
    Ok(cost)
}

/// Asks a running daemon as an operator would, twice a second, and keeps the longest time that an answer took.
async fn ask_for_status(arena: &Arena, folder: &Path, slowest: &Cell<Duration>) -> anyhow::Error {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let begun = Instant::now();
        match command(arena, folder, &["status", "--json"]).map(|mut ask| ask.stderr(Stdio::null()).status())
        {
            Ok(Ok(_)) => slowest.set(slowest.get().max(begun.elapsed())),
            Ok(Err(error)) => return error.into(),
            Err(error) => return error,
        }
    }
}

fn command(arena: &Arena, folder: &Path, words: &[&str]) -> Result<Command> {
    let program = arena.esferry.as_ref().context("no esferry to run")?;
    let config = folder.join("migrations.toml");
    let text = format!(
        "[clusters.old]\nurls = [\"{}\"]\n\n[clusters.new]\nurls = [\"{}\"]\n\n[migrations.bench]\n\
         from = {{ cluster = \"old\", indices = [\"{SOURCE_INDEX}\"] }}\n\
         to = {{ cluster = \"new\", index = \"{TARGET_INDEX}\" }}\nschema = \"existing\"\n",
        arena.source.url(),
        arena.target.url()
    );
    fs::write(&config, text).context("cannot write the configuration")?;
    let log = fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))
        .context("cannot make a log")?;
    let mut command = Command::new(program);
    command.args(words).arg("--config").arg(config).arg("--state-dir").arg(folder.join("state"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Ok(command)
}
