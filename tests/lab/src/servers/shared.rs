//! Servers that outlive the command that started them, known by a state file in the cache.

use super::cache::Cache;
use super::kafka::{KAFKA, KafkaLayout, SHARED_PORT, answers};
use super::launch::Layout;
use super::node::NodeSpec;
use super::process::ProcessId;
use super::release::Release;
use crate::endpoint::Endpoint;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The versions that are started when none is named.
pub const DEFAULT_VERSIONS: [&str; 2] = ["1.7.6", "6.8.23"];

/// One shared server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunningServer {
    /// Its version.
    pub version: String,
    /// Its address.
    pub url: String,
    /// Its process.
    #[serde(flatten)]
    pub process: ProcessId,
    /// The folder with its settings, logs and data, removed when it is ended.
    pub home: PathBuf,
}

/// The shared servers of this machine and user.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Servers {
    /// All that run.
    pub servers: Vec<RunningServer>,
}

impl Servers {
    /// The shared servers of these versions, started when they do not run yet. For tests.
    pub async fn shared(versions: &[&str]) -> Result<Servers> {
        let versions: Vec<String> = versions.iter().map(|version| (*version).to_owned()).collect();
        let (servers, _) =
            Servers::up(&versions).await.context("the servers that this test needs cannot be had")?;
        Ok(servers)
    }

    /// The address of the shared server of this version.
    pub fn url(&self, version: &str) -> Result<&str> {
        let found = self.servers.iter().find(|server| server.version == version);
        found.map(|server| server.url.as_str()).with_context(|| format!("server {version} does not run"))
    }

    /// A client of the shared server of this version.
    pub fn endpoint(&self, version: &str) -> Result<Endpoint> {
        self.url(version).map(Endpoint::new)
    }

    /// Brings servers up, and says which of them it had to start. Those that run and answer are kept.
    pub async fn up(versions: &[String]) -> Result<(Servers, Vec<String>)> {
        let versions: Vec<String> = match versions {
            [] => DEFAULT_VERSIONS.iter().map(|version| (*version).to_owned()).collect(),
            named => named.to_vec(),
        };
        let kinds = versions.iter().map(|version| Kind::named(version)).collect::<Result<Vec<_>>>()?;
        let (cache, _lock) = locked().await?;
        let mut state = read(&cache)?;
        let mut started = Vec::new();
        for kind in kinds {
            let version = kind.version();
            if let Some(server) = state.servers.iter().find(|server| server.version == version) {
                if server.process.is_alive() && kind.answers_patiently(&server.url).await {
                    continue;
                }
                end(server)?;
                state.servers.retain(|server| server.version != version);
                write(&cache, &state)?;
            }
            let begun = Instant::now();
            let (server, layout) = start(&cache, kind)?;
            // known before it answers: whatever happens to us now, it can be ended later
            state.servers.push(server.clone());
            write(&cache, &state)?;
            if let Err(error) = wait_healthy(&server, kind, &layout).await {
                end(&server)?;
                state.servers.retain(|server| server.version != version);
                write(&cache, &state)?;
                return Err(error);
            }
            eprintln!("lab: {version} answers at {} after {:.1?}", server.url, begun.elapsed());
            started.push(version.to_owned());
        }
        state.servers.retain(|server| versions.contains(&server.version));
        Ok((state, started))
    }

    /// Ends the named servers, or all, of those that were started here. Returns the ended versions.
    pub async fn down(versions: &[String]) -> Result<Vec<String>> {
        let (cache, _lock) = locked().await?;
        let mut state = read(&cache)?;
        let mut ended = Vec::new();
        for server in state.servers.clone() {
            if versions.is_empty() || versions.contains(&server.version) {
                end(&server)?;
                state.servers.retain(|other| other.version != server.version);
                write(&cache, &state)?;
                ended.push(server.version);
            }
        }
        Ok(ended)
    }

    /// The named servers, or all, of those that run.
    pub async fn status(versions: &[String]) -> Result<Servers> {
        let cache = Cache::open()?;
        let mut state = read(&cache)?;
        state.servers.retain(|server| versions.is_empty() || versions.contains(&server.version));
        state.servers.retain(|server| server.process.is_alive());
        Ok(state)
    }
}

async fn locked() -> Result<(Cache, super::cache::Lock)> {
    tokio::task::spawn_blocking(|| {
        let cache = Cache::open()?;
        let lock = cache.lock("servers")?;
        Ok((cache, lock))
    })
    .await
    .context("waiting for the lock was given up")?
}

/// What runs.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Search(&'static Release),
    Kafka,
}

/// The folder of what runs.
enum Place {
    Search(Layout),
    Kafka(KafkaLayout),
}

impl Kind {
    fn named(version: &str) -> Result<Kind> {
        if version == KAFKA { Ok(Kind::Kafka) } else { Release::named(version).map(Kind::Search) }
    }

    fn version(self) -> &'static str {
        match self {
            Kind::Search(release) => release.version,
            Kind::Kafka => KAFKA,
        }
    }

    fn port(self) -> u16 {
        match self {
            Kind::Search(release) => release.port,
            Kind::Kafka => SHARED_PORT,
        }
    }

    async fn answers(self, url: &str) -> bool {
        match self {
            Kind::Search(_) => Endpoint::new(url).is_healthy().await,
            Kind::Kafka => answers(url).await,
        }
    }

    /// A busy server may let one question wait.
    async fn answers_patiently(self, url: &str) -> bool {
        for _ in 0..3 {
            if self.answers(url).await {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        false
    }
}

fn start(cache: &Cache, kind: Kind) -> Result<(RunningServer, Place)> {
    let (version, port) = (kind.version(), kind.port());
    if TcpStream::connect(("127.0.0.1", port)).is_ok() {
        bail!("port {port} of server {version} is taken by something that was not started here");
    }
    let home = cache.dir("run")?.join(format!("shared-{version}"));
    if home.exists() {
        fs::remove_dir_all(&home).with_context(|| format!("cannot clear {}", home.display()))?;
    }
    let (mut command, url, place) = match kind {
        Kind::Search(release) => {
            let layout =
                Layout::create(cache, &NodeSpec::new(release.version).port(port), home.clone(), port)?;
            (layout.command(false)?, format!("http://127.0.0.1:{port}"), Place::Search(layout))
        }
        Kind::Kafka => {
            let layout = KafkaLayout::create(cache, home.clone(), port, None)?;
            (layout.command(false)?, format!("127.0.0.1:{port}"), Place::Kafka(layout))
        }
    };
    let child = command.spawn().with_context(|| format!("cannot start {version}"))?;
    let process = ProcessId::of(child.id())?;
    Ok((RunningServer { version: version.to_owned(), url, process, home }, place))
}

async fn wait_healthy(server: &RunningServer, kind: Kind, place: &Place) -> Result<()> {
    let until = Instant::now() + Duration::from_secs(120);
    while !kind.answers(&server.url).await {
        if !server.process.is_alive() || Instant::now() >= until {
            let words = match place {
                Place::Search(layout) => layout.last_words(),
                Place::Kafka(layout) => layout.last_words(),
            };
            bail!("server {} does not answer:\n{words}", server.version);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn end(server: &RunningServer) -> Result<()> {
    server
        .process
        .end(Duration::from_secs(15))
        .with_context(|| format!("cannot end server {}", server.version))?;
    if server.home.exists() {
        fs::remove_dir_all(&server.home)
            .with_context(|| format!("cannot remove {}", server.home.display()))?;
    }
    Ok(())
}

fn read(cache: &Cache) -> Result<Servers> {
    let path = cache.path("servers.json");
    match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).with_context(|| format!("{} is damaged", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Servers::default()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write(cache: &Cache, state: &Servers) -> Result<()> {
    let path = cache.path("servers.json");
    let staged = cache.path("servers.json.new");
    fs::write(&staged, serde_json::to_vec_pretty(state)?)
        .with_context(|| format!("cannot write {}", staged.display()))?;
    fs::rename(&staged, &path).with_context(|| format!("cannot write {}", path.display()))
}
