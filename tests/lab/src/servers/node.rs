//! A private server of one test, ended when dropped.

use super::cache::Cache;
use super::folder::PrivateFolder;
use super::launch::Layout;
use super::process::ProcessId;
use crate::endpoint::Endpoint;
use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(120);

/// What a private server is to be like.
#[derive(Debug, Clone)]
pub struct NodeSpec {
    /// Its version, as in [`super::RELEASES`].
    pub version: String,
    /// Its HTTP port, transport 1000 above; a free one when absent.
    pub http_port: Option<u16>,
    /// Its heap, as Java writes it; the release's own when absent.
    pub heap: Option<String>,
    /// The name of a cluster of several nodes; when absent the node is one of its own.
    pub cluster_name: Option<String>,
    /// More lines of its settings file.
    pub extra_settings: Vec<String>,
    /// Where its data are; in its own folder when absent.
    pub data_dir: Option<PathBuf>,
    /// Compile little and start sooner: right for tests, wrong for measurements.
    pub fast_start: bool,
}

impl NodeSpec {
    /// A server of this version, alone, on a free port.
    pub fn new(version: &str) -> NodeSpec {
        NodeSpec {
            version: version.to_owned(),
            http_port: None,
            heap: None,
            cluster_name: None,
            extra_settings: Vec::new(),
            data_dir: None,
            fast_start: true,
        }
    }

    /// With this heap, such as `256m`.
    pub fn heap(mut self, heap: &str) -> NodeSpec {
        self.heap = Some(heap.to_owned());
        self
    }

    /// With this HTTP port.
    pub fn port(mut self, port: u16) -> NodeSpec {
        self.http_port = Some(port);
        self
    }

    /// With this line more in its settings file.
    pub fn setting(mut self, line: &str) -> NodeSpec {
        self.extra_settings.push(line.to_owned());
        self
    }

    /// With the full compiler and the default collector, for measurements.
    pub fn full_speed(mut self) -> NodeSpec {
        self.fast_start = false;
        self
    }
}

/// A running private server. It is killed, and its folder removed, when dropped.
#[derive(Debug)]
pub struct Node {
    layout: Layout,
    port: u16,
    child: Child,
    id: ProcessId,
    folder: Option<PrivateFolder>,
}

impl Node {
    /// Starts a server and waits until it answers.
    pub async fn start(spec: NodeSpec) -> Result<Node> {
        let mut node = Node::launch(spec).await?;
        node.wait_healthy().await?;
        Ok(node)
    }

    /// Starts a server and does not wait, for those of a cluster that need each other.
    pub async fn launch(spec: NodeSpec) -> Result<Node> {
        tokio::task::spawn_blocking(move || Node::launch_now(&spec))
            .await
            .context("the launch was given up")?
    }

    fn launch_now(spec: &NodeSpec) -> Result<Node> {
        let cache = Cache::open()?;
        let port = match spec.http_port {
            Some(port) => port,
            None => free_port()?,
        };
        let folder = PrivateFolder::create(&cache, &format!("{}-{port}", spec.version))?;
        let layout = Layout::create(&cache, spec, folder.path().to_owned(), port)?;
        let (child, id) = spawn(layout.command(true)?)?;
        Ok(Node { layout, port, child, id, folder: Some(folder) })
    }

    /// The address of its HTTP side.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A client for it.
    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new(&self.url())
    }

    /// The port of its HTTP side.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process of the server itself.
    pub fn process(&self) -> ProcessId {
        self.id
    }

    /// The folder with its settings, logs and, unless placed elsewhere, data.
    pub fn home(&self) -> &Path {
        &self.layout.home
    }

    /// Waits until `_cluster/health` answers.
    pub async fn wait_healthy(&mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        let endpoint = self.endpoint();
        loop {
            if endpoint.is_healthy().await {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait().context("cannot ask for the server's state")? {
                bail!(
                    "server {} ended ({status}):\n{}",
                    self.layout.release.version,
                    self.layout.last_words()
                );
            }
            if Instant::now() >= until {
                bail!(
                    "server {} did not answer for {PATIENCE:?}:\n{}",
                    self.layout.release.version,
                    self.layout.last_words()
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// `kill -9`, and waits until it is gone. A 1.x server loses acknowledged documents unless flushed before.
    pub fn kill_nine(&mut self) -> Result<()> {
        self.child.kill().context("cannot kill the server")?;
        self.child.wait().context("cannot wait for the killed server")?;
        Ok(())
    }

    /// Freezes it (SIGSTOP): connections are taken by the kernel, and nothing is answered.
    pub fn freeze(&self) -> Result<()> {
        self.id.signal(Signal::STOP).map(|_| ())
    }

    /// Lets it go on (SIGCONT).
    pub fn thaw(&self) -> Result<()> {
        self.id.signal(Signal::CONT).map(|_| ())
    }

    /// Asks it to stop, as an operator would, and waits until it has.
    pub fn stop(&mut self) -> Result<()> {
        self.id.end(Duration::from_secs(30))?;
        self.child.wait().context("cannot wait for the stopped server")?;
        Ok(())
    }

    /// Starts it again on the data it had, at the same address; kills it before if it still runs.
    pub async fn restart_on_same_data(&mut self) -> Result<()> {
        self.relaunch_on_same_data().await?;
        self.wait_healthy().await
    }

    /// As [`Node::restart_on_same_data`], without waiting until it answers.
    pub async fn relaunch_on_same_data(&mut self) -> Result<()> {
        if self.id.is_alive() {
            self.kill_nine()?;
        }
        let command = self.layout.command(true)?;
        let (child, id) = tokio::task::spawn_blocking(move || spawn(command)).await.context("given up")??;
        self.child = child;
        self.id = id;
        Ok(())
    }

    /// What it printed last.
    pub fn last_words(&self) -> String {
        self.layout.last_words()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // nothing sensible can be done about a failure here; the kernel kills the server when this process ends
        let _ = self.child.kill();
        let _ = self.child.wait();
        drop(self.folder.take());
    }
}

type Start = (Command, mpsc::Sender<Result<(Child, ProcessId)>>);

/// Starts a process from a thread that lives as long as we do.
///
/// The kernel kills it when the thread that started it ends, and a test's own thread ends too soon.
pub(super) fn spawn(command: Command) -> Result<(Child, ProcessId)> {
    static NURSERY: OnceLock<mpsc::Sender<Start>> = OnceLock::new();
    let nursery = NURSERY.get_or_init(|| {
        let (sender, receiver) = mpsc::channel::<Start>();
        std::thread::spawn(move || {
            for (mut command, answer) in receiver {
                let started = command.spawn().context("cannot start the server").and_then(|child| {
                    let id = ProcessId::of(child.id())?;
                    Ok((child, id))
                });
                // whoever asked may have given up
                let _ = answer.send(started);
            }
        });
        sender
    });
    let (sender, receiver) = mpsc::channel();
    nursery.send((command, sender)).ok().context("the thread that starts servers has ended")?;
    receiver.recv().context("the thread that starts servers has ended")?
}

/// An HTTP port that is free together with its transport port, 1000 above.
pub(super) fn free_port() -> Result<u16> {
    use std::sync::atomic::{AtomicU16, Ordering};
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // processes begin at different places, and never look at a port twice
    let offset = u16::try_from(std::process::id() % 400).unwrap_or(0) * 7;
    for _ in 0..900 {
        let port = 12_000 + (offset + NEXT.fetch_add(1, Ordering::Relaxed)) % 4000;
        // transport ports lie 1000 above: use only thousands that leave room for them
        let port = if (port / 1000).is_multiple_of(2) { port } else { port + 3000 };
        let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 1000) {
            return Ok(port);
        }
    }
    bail!("no free port between 12000 and 19000")
}
