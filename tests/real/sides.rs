//! Two shared servers, and the indices of one test on them: gone when the test is over, however it ends.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use esferry_lab::data::{BulkWriter, Document};
use esferry_lab::{Endpoint, Servers, compare};
use reqwest::Method;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::scene::phase;

/// The migration of most tests.
pub const NAME: &str = "move";

/// Where a test reads and writes. Its indices are called `PREFIX_…`, on both sides.
pub struct Sides {
    pub old: Endpoint,
    pub new: Endpoint,
    prefix: &'static str,
}

impl Sides {
    /// The shared 1.7 and 6.8, without indices of this prefix. No prefix is the beginning of another one and `_`.
    pub async fn new(prefix: &'static str) -> Result<Self> {
        Self::between("1.7.6", "6.8.23", prefix).await
    }

    /// Shared servers of other versions.
    pub async fn between(old: &str, new: &str, prefix: &'static str) -> Result<Self> {
        let servers = Servers::shared(&[old, new]).await?;
        let sides = Sides { old: servers.endpoint(old)?, new: servers.endpoint(new)?, prefix };
        for side in [&sides.old, &sides.new] {
            clear(side, prefix).await?;
        }
        Ok(sides)
    }

    /// The name of an index of this test.
    pub fn index(&self, part: &str) -> String {
        format!("{}_{part}", self.prefix)
    }

    /// A daemon for one migration, `migration` being what stands below its table's name.
    pub fn daemon(&self, migration: &str) -> Result<Daemon> {
        Daemon::new(self.old.url(), self.new.url(), NAME, migration)
    }

    /// From one index to another, with more lines.
    pub fn ferry(&self, from: &str, to: &str, more: &str) -> Result<Daemon> {
        self.daemon(&route(&self.index(from), &self.index(to), more))
    }

    /// Compares document by document, demands that all is equal, and returns how many there are.
    pub async fn equal(&self, from: &str, to: &str) -> Result<u64> {
        let (from, to) = (self.index(from), self.index(to));
        let compared = compare((&self.old, &from), (&self.new, &to)).await?;
        ensure!(compared.is_equal(), "{from} and {to}: {compared}");
        Ok(compared.same)
    }

    /// Runs to the end, demands success, equal sides, and true numbers in the status; returns the status.
    pub async fn carry(&self, daemon: &Daemon, from: &str, to: &str) -> Result<Value> {
        let (code, log) = daemon.run_once()?;
        ensure!(code == 0, "exit code {code}\n{log}");
        let status = daemon.migration()?;
        ensure!(phase(&status) == "ready", "{status:#}");
        let same = self.equal(from, to).await?;
        let counted = status.pointer("/indices/0/counted").context("not counted")?;
        ensure!(
            number(counted, "/source") == same && number(counted, "/target") == same,
            "{same} documents are there: {counted:#}"
        );
        ensure!(settled(&status) == number(&status, "/counts/read"), "{status:#}");
        ensure!(number(&status, "/docs_settled") == settled(&status), "{status:#}");
        Ok(status)
    }

    /// Makes an index anew.
    pub async fn create(&self, side: &Endpoint, part: &str, body: &Value) -> Result<String> {
        let index = self.index(part);
        side.recreate_index(&index, body).await?;
        Ok(index)
    }

    /// Loads documents into an index of a side, which is made by them where it is not there.
    pub async fn load(
        &self,
        side: &Endpoint,
        part: &str,
        documents: impl IntoIterator<Item = Document>,
    ) -> Result<u64> {
        let index = self.index(part);
        let written = BulkWriter::new(side, &index, Some(kind(side).await?)).index(documents).await?;
        side.refresh(&index).await?;
        Ok(written)
    }
}

impl Drop for Sides {
    fn drop(&mut self) {
        let sides = [self.old.url().to_owned(), self.new.url().to_owned()];
        let prefix = self.prefix;
        // On a thread and a runtime of its own: this may run in the middle of a panic, inside another runtime.
        let clearing = std::thread::spawn(move || {
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
                return;
            };
            runtime.block_on(async {
                for url in sides {
                    if let Err(error) = clear(&Endpoint::new(&url), prefix).await {
                        eprintln!("indices {prefix}_* are left at {url}: {error:#}");
                    }
                }
            });
        });
        // It has said what there is to say.
        let _ = clearing.join();
    }
}

async fn clear(side: &Endpoint, prefix: &str) -> Result<()> {
    let answer = side.send(Method::DELETE, &format!("/{prefix}_*"), "", Bytes::new()).await?;
    ensure!(answer.status == 404 || answer.ok().is_ok(), "status {}", answer.status);
    Ok(())
}

/// The type of the documents that these tests make.
pub async fn kind(side: &Endpoint) -> Result<&'static str> {
    Ok(if side.major().await? >= 6 { "_doc" } else { "thing" })
}

/// `from` and `to` of a migration, with more lines.
pub fn route(from: &str, to: &str, more: &str) -> String {
    format!(
        "from = {{ cluster = \"old\", indices = [\"{from}\"] }}\nto = {{ cluster = \"new\", index = \"{to}\" }}\n{more}"
    )
}

/// The configuration line for a target made from the lab's body.
pub fn lab_schema(body: &str) -> String {
    format!("schema = \"file:{}/tests/lab/bodies/{body}-6.8.json\"", env!("CARGO_MANIFEST_DIR"))
}

/// Documents `0` to `count - 1` with `n`, their number. A mapping of theirs is the same in 1.7 and in 6.8.
pub fn numbered(count: u64) -> impl Iterator<Item = Document> {
    (0..count).map(|n| Document::new(n.to_string(), json!({"n": n}).to_string()))
}

/// A number in a JSON value; a missing one is like no number that is.
pub fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(u64::MAX)
}

/// Documents of a status with a final outcome.
pub fn settled(status: &Value) -> u64 {
    ["written", "present", "superseded", "rejected"]
        .iter()
        .map(|name| number(status, &format!("/counts/{name}")))
        .fold(0, u64::saturating_add)
}

/// The text at a place in a JSON value.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
