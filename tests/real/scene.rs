//! What most scenarios need: an index to copy, a proxy in front of either cluster, and the daemon between them.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use esferry::store::Store;
use esferry::store::records::SliceRecord;
use esferry_lab::data::{AlertSet, load_alerts};
use esferry_lab::{Endpoint, Proxy, Servers, compare};
use serde_json::Value;

use crate::daemon::Daemon;

/// The migration of every scene.
pub const NAME: &str = "move";
/// For things that come within seconds, on a machine that others use too.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// An index `from` of `old`, to be copied into the index `to` of `new`.
pub struct Scene {
    pub old: Endpoint,
    pub new: Endpoint,
    pub from: String,
    pub to: String,
    /// In front of the old cluster.
    pub source: Proxy,
    /// In front of the new cluster.
    pub target: Proxy,
    pub daemon: Daemon,
}

impl Scene {
    /// `settings` are lines of the migration's table, `from` and `to` left out.
    pub fn new(old: &Endpoint, new: &Endpoint, from: &str, to: &str, settings: &str) -> Result<Self> {
        Self::with_clusters(old, new, from, to, "", settings)
    }

    /// With more lines in the tables of both clusters.
    pub fn with_clusters(
        old: &Endpoint,
        new: &Endpoint,
        from: &str,
        to: &str,
        clusters: &str,
        settings: &str,
    ) -> Result<Self> {
        let (source, target) = (Proxy::start(old.url())?, Proxy::start(new.url())?);
        let daemon = Daemon::with_config(&format!(
            "[clusters.old]\nurls = [\"{}\"]\n{clusters}\n[clusters.new]\nurls = [\"{}\"]\n{clusters}\n\
             [migrations.{NAME}]\nfrom = {{ cluster = \"old\", indices = [\"{from}\"] }}\n\
             to = {{ cluster = \"new\", index = \"{to}\" }}\n{settings}\n",
            source.url(),
            target.url()
        ))?;
        let (old, new) = (old.clone(), new.clone());
        Ok(Scene { old, new, from: from.to_owned(), to: to.to_owned(), source, target, daemon })
    }

    /// Both sides compared document by document, and the numbers that `status` tells; returns how many there are.
    pub async fn arrived(&self) -> Result<u64> {
        self.new.refresh(&self.to).await?;
        let compared = compare((&self.old, &self.from), (&self.new, &self.to)).await?;
        ensure!(compared.is_equal(), "{compared}\n{}", self.daemon.log());
        let status = self.daemon.migration()?;
        let count = |name: &str| status.pointer(&format!("/counts/{name}")).and_then(Value::as_u64);
        let (read, written, present) = (count("read"), count("written"), count("present"));
        ensure!(
            read == Some(compared.same)
                && written.unwrap_or(0) + present.unwrap_or(0) == compared.same
                && (count("superseded"), count("rejected")) == (Some(0), Some(0)),
            "{} documents are there, counted were: {status:#}",
            compared.same
        );
        ensure!(phase(&status) == "ready", "{status:#}");
        Ok(compared.same)
    }

    /// Waits until a daemon answers, and not the store that the last one left.
    pub fn until_it_listens(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.daemon.status().is_ok_and(|status| status["daemon"].is_object()) {
            ensure!(Instant::now() < deadline, "no daemon answers:\n{}", self.daemon.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Waits until the migration says that it waits, with each of these words in its reason.
    pub fn waits_for(&self, words: &[&str]) -> Result<Value> {
        self.daemon.until(PATIENCE, |status| {
            standing(status) == "waiting" && words.iter().all(|word| reason(status).contains(word))
        })
    }

    /// Waits until so many bulks have come, and all of them are answered. A bulk that is under way when its index is
    /// deleted is held by the server for a minute.
    pub fn bulks_come_to_rest(&self, count: usize) -> Result<()> {
        let rest = self.target.wait_until(PATIENCE, |requests| {
            let mut bulks = requests.iter().filter(|request| request.is_bulk());
            bulks.clone().count() >= count && bulks.all(|bulk| bulk.status.is_some())
        });
        ensure!(rest, "the bulks do not come to rest:\n{}", self.daemon.log());
        Ok(())
    }

    /// The slices as the store has them while no daemon runs. Reads a copy: the store itself is left alone.
    pub fn slices(&self) -> Result<Vec<SliceRecord>> {
        let copy = self.daemon.copy_of_state()?;
        let store = Store::open(copy.path())?;
        let slices: esferry::error::Result<Vec<SliceRecord>> = store.slices(NAME).collect();
        Ok(slices?)
    }

    /// Takes the target index away.
    pub async fn clear_target(&self) -> Result<()> {
        self.new.delete_index(&self.to).await
    }

    /// Takes both indices away.
    pub async fn clear(&self) -> Result<()> {
        self.old.delete_index(&self.from).await?;
        self.clear_target().await
    }
}

/// The shared 1.7 and 6.8.
pub async fn old_and_new() -> Result<(Endpoint, Endpoint)> {
    let servers = Servers::shared(&["1.7.6", "6.8.23"]).await?;
    Ok((servers.endpoint("1.7.6")?, servers.endpoint("6.8.23")?))
}

/// Loads alerts with a history into `index` of the shared 1.7, and makes sure that the 6.8 has no index `to`.
pub async fn alerts(index: &str, to: &str, set: AlertSet) -> Result<(Endpoint, Endpoint, u64)> {
    let (old, new) = old_and_new().await?;
    let loaded = load_alerts(&old, index, set).await?;
    new.delete_index(to).await?;
    Ok((old, new, loaded.documents))
}

/// The configuration line that has the target created from the lab's body for alerts.
pub fn alert_schema() -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/bodies/alerts-6.8.json");
    ensure!(file.exists(), "{} is gone", file.display());
    Ok(format!("schema = \"file:{}\"", file.display()))
}

/// `planning`, `copying`, …
pub fn phase(status: &Value) -> &str {
    text(status, "phase")
}

/// `running`, `waiting`, `paused` or `failed`.
pub fn standing(status: &Value) -> &str {
    text(status, "standing")
}

/// Why it is not running.
pub fn reason(status: &Value) -> &str {
    text(status, "reason")
}

/// How many slices are `done`, `running`, `waiting` or `set_aside`.
pub fn tally(status: &Value, state: &str) -> u64 {
    status.pointer(&format!("/slices/{state}")).and_then(Value::as_u64).unwrap_or(0)
}

fn text<'a>(status: &'a Value, name: &str) -> &'a str {
    status.get(name).and_then(Value::as_str).unwrap_or_default()
}
