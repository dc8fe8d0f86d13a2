//! A broker of Kafka: one node that is its own controller (KRaft), on loopback.

use super::account::Account;
use super::artifact::sha256;
use super::cache::Cache;
use super::folder::PrivateFolder;
use super::java::Java;
use super::node::{free_port, spawn};
use super::process::{self, ProcessId};
use crate::tls::Identity;
use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What the shared broker is called beside the versions of the other servers.
pub const KAFKA: &str = "kafka";
/// Where the shared broker listens; its controller 1000 above.
pub(super) const SHARED_PORT: u16 = 9392;
const PATIENCE: Duration = Duration::from_secs(90);
const HEAP: &str = "-Xmx256m";

/// The broker with everything it needs, as Maven resolves it.
const PROJECT: &str = r#"<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>esferry</groupId><artifactId>kafka</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>3.9.1</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-nop</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"#;
/// The SHA-256 of the lines `SHA-256  FILE` of all its files, sorted by name.
const LIBRARIES_SHA256: &str = "4aab7d29aab8165f503a299cf3eb819010f83e444ed3a2c4712aebebe1124ac1";

/// A broker's folder, ready to be launched, again and again on the same data.
#[derive(Debug, Clone)]
pub(super) struct KafkaLayout {
    pub(super) home: PathBuf,
    libraries: PathBuf,
    java: Java,
    account: Account,
}

impl KafkaLayout {
    /// Makes the folder of a broker and formats its log.
    pub(super) fn create(
        cache: &Cache,
        home: PathBuf,
        port: u16,
        secured: Option<&Secured>,
    ) -> Result<KafkaLayout> {
        let layout = KafkaLayout {
            home,
            libraries: libraries(cache)?,
            java: Java::find(cache)?,
            account: Account::resolve()?,
        };
        fs::create_dir_all(layout.home.join("data")).context("cannot create the broker's folder")?;
        fs::write(layout.settings(), settings(port, secured, &layout.home.join("data")))
            .context("cannot write the broker's settings")?;
        layout.account.give(&layout.home)?;
        let mut format = layout.java("kafka.tools.StorageTool", true);
        format.arg("format").args(["-t", "AAAAAAAAAAAAAAAAAAAAAA", "-c"]).arg(layout.settings());
        process::output(&mut format).context("cannot format the broker's log")?;
        Ok(layout)
    }

    fn settings(&self) -> PathBuf {
        self.home.join("server.properties")
    }

    fn java(&self, class: &str, dies_with_us: bool) -> Command {
        let mut command = self.account.command(&self.java.program(), dies_with_us);
        command.args([HEAP, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp"]);
        command.arg(format!("{}/*", self.libraries.display())).arg(class).current_dir(&self.home);
        command
    }

    /// The command that becomes the broker.
    pub(super) fn command(&self, dies_with_us: bool) -> Result<Command> {
        let log = self.log();
        let out = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot open {}", log.display()))?;
        let mut command = self.java("kafka.Kafka", dies_with_us);
        command.arg(self.settings());
        command.stdin(Stdio::null()).stdout(out.try_clone().context("cannot share the log")?).stderr(out);
        Ok(command)
    }

    fn log(&self) -> PathBuf {
        self.home.join("printed.log")
    }

    /// What the broker printed last.
    pub(super) fn last_words(&self) -> String {
        let text = fs::read(self.log()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
    }
}

/// The broker's jars, fetched and checked when they are not there yet.
fn libraries(cache: &Cache) -> Result<PathBuf> {
    let place = cache.path("servers/kafka-3.9.1");
    if place.exists() {
        return Ok(place);
    }
    let _lock = cache.lock("download-kafka")?;
    if place.exists() {
        return Ok(place);
    }
    let staging = cache.staging()?;
    let (project, jars) = (staging.path().join("pom.xml"), staging.path().join("jars"));
    fs::write(&project, PROJECT).context("cannot write the broker's project")?;
    eprintln!("lab: fetching kafka 3.9.1");
    let mut mvn = Command::new("mvn");
    mvn.args(["-q", "-B", "-f"])
        .arg(&project)
        .args(["dependency:copy-dependencies", "-DincludeScope=runtime"]);
    mvn.arg(format!("-DoutputDirectory={}", jars.display())).current_dir(staging.path());
    process::output(&mut mvn).context("cannot fetch kafka")?;
    let found = digest(&jars)?;
    if found != LIBRARIES_SHA256 {
        bail!(
            "the jars of kafka are not those that were pinned: the SHA-256 of their sums is {found}, expected \
             {LIBRARIES_SHA256}. Nothing was kept"
        );
    }
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    }
    fs::rename(&jars, &place).context("cannot put the jars of kafka in their place")?;
    Ok(place)
}

fn digest(folder: &Path) -> Result<String> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).context("cannot list the jars of kafka")? {
        files.push(entry?.path());
    }
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        hash.update(format!("{}  {name}\n", sha256(&file)?));
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A broker alone, which forgets a dead predecessor soon, deletes old records at once, and makes no topic by itself.
fn settings(port: u16, secured: Option<&Secured>, data: &Path) -> String {
    let controller = port + 1000;
    let secure =
        |listener: fn(u16) -> String| secured.map_or(String::new(), |secured| listener(secured.port));
    let mut lines = vec![
        "process.roles=broker,controller".to_owned(),
        "node.id=1".to_owned(),
        format!("controller.quorum.voters=1@127.0.0.1:{controller}"),
        format!(
            "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{}",
            secure(|port| format!(",SECURE://127.0.0.1:{port}"))
        ),
        format!(
            "advertised.listeners=PLAINTEXT://127.0.0.1:{port}{}",
            secure(|port| format!(",SECURE://127.0.0.1:{port}"))
        ),
        "controller.listener.names=CONTROLLER".to_owned(),
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL".to_owned(),
        format!("log.dirs={}", data.display()),
        "offsets.topic.replication.factor=1".to_owned(),
        "offsets.topic.num.partitions=1".to_owned(),
        "transaction.state.log.replication.factor=1".to_owned(),
        "transaction.state.log.min.isr=1".to_owned(),
        "transaction.state.log.num.partitions=1".to_owned(),
        "group.initial.rebalance.delay.ms=0".to_owned(),
        "auto.create.topics.enable=false".to_owned(),
        "log.retention.check.interval.ms=1000".to_owned(),
        "log.cleaner.backoff.ms=500".to_owned(),
        "broker.session.timeout.ms=2000".to_owned(),
        "broker.heartbeat.interval.ms=500".to_owned(),
    ];
    lines.extend(secured.into_iter().flat_map(Secured::settings));
    lines.join("\n") + "\n"
}

/// A second listener, by TLS, for one user with a password (SASL PLAIN).
#[derive(Debug)]
pub(super) struct Secured {
    port: u16,
    pem: [String; 2],
    user: String,
    password: String,
}

impl Secured {
    fn settings(&self) -> Vec<String> {
        let in_a_line = |pem: &str| pem.trim().replace('\n', "\\n");
        let [chain, key] = &self.pem;
        let settings = [
            "sasl.enabled.mechanisms=PLAIN".to_owned(),
            format!(
                "plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_{}=\"{}\";",
                self.user, self.password
            ),
            "ssl.keystore.type=PEM".to_owned(),
            format!("ssl.keystore.certificate.chain={}", in_a_line(chain)),
            format!("ssl.keystore.key={}", in_a_line(key)),
        ];
        settings.iter().map(|setting| format!("listener.name.secure.{setting}")).collect()
    }
}

/// A private broker of one test. It is killed, and its folder removed, when dropped.
#[derive(Debug)]
pub struct Broker {
    layout: KafkaLayout,
    port: u16,
    secure_port: Option<u16>,
    child: Child,
    id: ProcessId,
    folder: Option<PrivateFolder>,
}

impl Broker {
    /// Starts a broker and waits until it answers.
    pub async fn start() -> Result<Broker> {
        Broker::launch(None).await
    }

    /// The same, which listens by TLS too, with this identity and for one user.
    pub async fn start_secured(identity: &Identity, user: &str, password: &str) -> Result<Broker> {
        let (user, password) = (user.to_owned(), password.to_owned());
        Broker::launch(Some(Secured { port: free_port()?, pem: identity.pem().clone(), user, password }))
            .await
    }

    async fn launch(secured: Option<Secured>) -> Result<Broker> {
        let started = tokio::task::spawn_blocking(move || {
            let cache = Cache::open()?;
            let port = free_port()?;
            let folder = PrivateFolder::create(&cache, &format!("kafka-{port}"))?;
            let layout = KafkaLayout::create(&cache, folder.path().to_owned(), port, secured.as_ref())?;
            let (child, id) = spawn(layout.command(true)?)?;
            let secure_port = secured.map(|secured| secured.port);
            Ok::<_, anyhow::Error>(Broker { layout, port, secure_port, child, id, folder: Some(folder) })
        });
        let mut broker = started.await.context("the launch was given up")??;
        broker.wait_healthy().await?;
        Ok(broker)
    }

    /// Host and port, as clients take them.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The same of the listener by TLS, where there is one.
    pub fn secure_address(&self) -> Option<String> {
        self.secure_port.map(|port| format!("127.0.0.1:{port}"))
    }

    async fn wait_healthy(&mut self) -> Result<()> {
        let until = Instant::now() + PATIENCE;
        while !answers(&self.address()).await {
            if let Some(status) = self.child.try_wait().context("cannot ask for the broker's state")? {
                bail!("the broker ended ({status}):\n{}", self.layout.last_words());
            }
            if Instant::now() >= until {
                bail!("the broker did not answer for {PATIENCE:?}:\n{}", self.layout.last_words());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// `kill -9`, and waits until it is gone.
    pub fn kill_nine(&mut self) -> Result<()> {
        self.child.kill().context("cannot kill the broker")?;
        self.child.wait().context("cannot wait for the killed broker")?;
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

    /// Starts it again on the data it had, at the same address; kills it before if it still runs.
    pub async fn restart_on_same_data(&mut self) -> Result<()> {
        if self.id.is_alive() {
            self.kill_nine()?;
        }
        let command = self.layout.command(true)?;
        let (child, id) = tokio::task::spawn_blocking(move || spawn(command)).await.context("given up")??;
        self.child = child;
        self.id = id;
        self.wait_healthy().await
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // nothing sensible can be done about a failure here; the kernel kills the broker when this process ends
        let _ = self.child.kill();
        let _ = self.child.wait();
        drop(self.folder.take());
    }
}

/// Whether the broker at this address says that it is there.
pub(super) async fn answers(address: &str) -> bool {
    crate::kafka::Topics::of(address).answers().await
}
