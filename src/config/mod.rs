//! The typed `migrations.toml`: clusters, migrations, and how they are read, written and limited.
//!
//! Every key carries its unit, default and an example here; `docs/configuration.md` says the same for readers.

mod bulks;
mod changes;
mod cutover;
mod fingerprint;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
mod hours;
mod load;
mod lookup;
mod nearest;
mod place;
mod schema;
mod secret;
mod throttle;
mod transform;
mod transform_rules;
mod types;
mod units;
mod validate;
mod verify;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

pub use bulks::Bulks;
pub use changes::{
    ChangeVersion, ChangesConfig, ChangesFrom, ChangesThen, KafkaConfig, Property, ReconcileConfig,
};
pub use cutover::{CommandHook, CutoverConfig, GatesConfig, Hook, HooksConfig, HttpHook, HttpMethod};
pub use fingerprint::Fingerprint;
pub use hours::Hours;
pub use load::{load, load_transforms, parse};
pub use lookup::{UNKNOWN_MIGRATION, unknown_migration};
pub use nearest::{did_you_mean, listed};
pub use secret::{Auth, SecretRef};
pub use throttle::ThrottleConfig;
pub use transform::{
    ConvertConfig, ConvertTo, DropIfConfig, FlattenConfig, KeyValueConfig, KeyValueNames, OnError,
    RenameConfig, SetConfig, TransformConfig,
};
pub use types::{PrefixIds, Types};
pub use units::{Bytes, Span};
pub use validate::index_name_flaw;
pub use verify::{VerifyConfig, VerifyLevel};

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the store and the control socket live. Default `./esferry-state`.
    #[serde(default = "default_state_dir")]
    pub state_dir: PathBuf,
    /// The clusters by the names that migrations refer to.
    pub clusters: BTreeMap<String, ClusterConfig>,
    /// The seed's statsd counters; off when absent.
    pub statsd: Option<StatsdConfig>,
    /// The migrations by name.
    #[serde(default)]
    pub migrations: BTreeMap<String, MigrationConfig>,
}

/// One cluster: where it is and how to be let in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterConfig {
    /// Base URLs; the next one is tried when one does not answer. Example `["http://es-a:9200", "http://es-b:9200"]`.
    pub urls: Vec<String>,
    /// How to authenticate. Default none. Secrets by reference only.
    pub auth: Option<Auth>,
    /// A PEM file of certificate authorities to trust besides the system's. Default none.
    pub ca: Option<PathBuf>,
    /// How long one request may take. Default `180s`; keep it above 90 s, for so long a frozen node holds a page.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// gzip requests and answers: pays on slow lines, costs CPU on fast ones. Refused for servers before 5.0,
    /// which close the connection on it. Default `false`.
    #[serde(default)]
    pub gzip: bool,
}

/// Where the counters of the seed's script go.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatsdConfig {
    /// UDP address, example `localhost:8125`.
    pub address: String,
}

/// One migration: what goes where, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationConfig {
    /// What to read.
    pub from: FromConfig,
    /// Where to write.
    pub to: ToConfig,
    /// The target index: `convert` (created from the source's settings, mapping and aliases, converted to what the
    /// target takes), `existing` (must be there), `file:PATH` (created from that JSON body). Default `convert`.
    #[serde(default)]
    pub schema: Schema,
    /// Paths of the conversion report whose loss is accepted; `*` stands for anything. What has no counterpart on
    /// the target stops the plan otherwise. Default none. Example `["mappings.*._timestamp"]`.
    #[serde(default)]
    pub accept_lost: Vec<String>,
    /// Creates the source's index templates that match the migrated indices on the target too, converted, unless
    /// there is one of the same name. Default `false`.
    #[serde(default)]
    pub templates: bool,
    /// What becomes of an index of several types: `refuse` (default) | `split` (an index a type) | `merge` (one type
    /// with a field that names it) | `join` (the same, parents become a join field). Example
    /// `{ merge = { field = "kind" } }`.
    #[serde(default)]
    pub types: Types,
    /// What is done to each document on its way, in this order. Default nothing.
    #[serde(default)]
    pub transform: Vec<TransformConfig>,
    /// How the source is cut and read.
    #[serde(default)]
    pub slice: SliceConfig,
    /// How the target is written.
    #[serde(default)]
    pub write: WriteConfig,
    /// What holds it back: rates, the load of both clusters, hours. Default nothing.
    #[serde(default)]
    pub throttle: ThrottleConfig,
    /// How changes made during the copy reach the target. Default not at all.
    #[serde(default)]
    pub changes: ChangesConfig,
    /// How it is proven that everything arrived. Default: both sides are counted.
    #[serde(default)]
    pub verify: VerifyConfig,
    /// How users are switched over to the target. Nothing of it happens before `esferry cutover`.
    #[serde(default)]
    pub cutover: CutoverConfig,
    /// Pause when more than this share of the documents is rejected (after 10 000). Default `0.001`.
    #[serde(default = "default_max_failure_ratio")]
    pub max_failure_ratio: f64,
}

/// What is read.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromConfig {
    /// A name from `[clusters]`.
    pub cluster: String,
    /// Index names and wildcards; `-name` takes out again. Example `["alerts-*", "-alerts-tmp"]`.
    pub indices: Vec<String>,
    /// A query in the source's own language; only matching documents are copied. Default all.
    pub query: Option<serde_json::Value>,
}

/// Where it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToConfig {
    /// A name from `[clusters]`.
    pub cluster: String,
    /// The target index; `{index}` stands for the source's name, `{type}` for the type's under `types = "split"`.
    /// Default `{index}`.
    #[serde(default = "default_target_index")]
    pub index: String,
    /// Further target indices that a jq transform may send documents to by `_index`. They are prepared and counted
    /// like the planned ones. Default none. Example `["alerts-archive"]`.
    #[serde(default)]
    pub others: Vec<String>,
}

/// Where the target's mapping comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Schema {
    /// Created from the source's settings, mapping and aliases, converted to what the target takes.
    #[default]
    Convert,
    /// The target index exists and is left as it is.
    Existing,
    /// Created from this file: a create-index body in the target's language.
    File(PathBuf),
}

/// How a source index is cut into slices.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SliceConfig {
    /// `auto` | `uid` | `seq_no` | `shard` | `field`. Default `auto`: the best that the index supports.
    pub strategy: StrategyChoice,
    /// The field for `field`: a date, number or keyword that never changes. Required with it, refused without.
    pub field: Option<String>,
    /// Documents a slice aims at. Default 50 000.
    pub docs: u64,
    /// Slices read side by side. Default 2; more for a source of many nodes.
    pub parallel: usize,
    /// Documents a page, at most. Default 5000; lowered so that a page stays near 3.5 MiB.
    pub page_docs: u32,
}

/// The configured strategy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrategyChoice {
    /// The best that the index supports; the plan says which and why.
    Auto,
    /// Ranges of `_uid` terms (1.x, 2.x).
    Uid,
    /// Windows of `_seq_no` (6.0 and later).
    SeqNo,
    /// Whole shards, or sliced scrolls of them (5.x and later).
    Shard,
    /// Ranges of a field.
    Field,
}

/// How the target is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WriteConfig {
    /// `external` (default: the source's version decides, a re-run changes nothing) | `create` (never
    /// overwrites) | `index` (always overwrites, as the seed's script did).
    pub mode: WriteMode,
    /// Documents a bulk request, at most. Default 5000. Fewer while the target takes long for them.
    pub batch_docs: usize,
    /// Bytes a bulk request, at most. Default `15MiB`.
    pub batch_bytes: Bytes,
    /// Bulk requests in flight: `"auto"` (default: from 1 to 16, as many as the target takes well), a number, or bounds
    /// such as `{ min = 2, max = 8 }`; up to 64.
    pub bulks: Bulks,
    /// An ingest pipeline of the target. Default none: default pipelines are switched off, they could drop documents.
    pub pipeline: Option<String>,
}

/// Which document wins when the target has one already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteMode {
    /// The source's `_version` as external version.
    External,
    /// `create`: what is there stays.
    Create,
    /// `index`: what comes wins.
    Index,
}

impl Default for SliceConfig {
    fn default() -> Self {
        SliceConfig {
            strategy: StrategyChoice::Auto,
            field: None,
            docs: 50_000,
            parallel: 2,
            page_docs: 5000,
        }
    }
}

impl Default for WriteConfig {
    fn default() -> Self {
        WriteConfig {
            mode: WriteMode::External,
            batch_docs: 5000,
            batch_bytes: Bytes(15 * 1024 * 1024),
            bulks: Bulks::AUTO,
            pipeline: None,
        }
    }
}

impl StrategyChoice {
    /// As it is written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            StrategyChoice::Auto => "auto",
            StrategyChoice::Uid => "uid",
            StrategyChoice::SeqNo => "seq_no",
            StrategyChoice::Shard => "shard",
            StrategyChoice::Field => "field",
        }
    }
}

impl WriteMode {
    /// As it is written in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            WriteMode::External => "external",
            WriteMode::Create => "create",
            WriteMode::Index => "index",
        }
    }
}

impl Default for MigrationConfig {
    fn default() -> Self {
        MigrationConfig {
            from: FromConfig { cluster: String::new(), indices: Vec::new(), query: None },
            to: ToConfig { cluster: String::new(), index: default_target_index(), others: Vec::new() },
            schema: Schema::default(),
            accept_lost: Vec::new(),
            templates: false,
            types: Types::default(),
            transform: Vec::new(),
            slice: SliceConfig::default(),
            write: WriteConfig::default(),
            throttle: ThrottleConfig::default(),
            changes: ChangesConfig::default(),
            verify: VerifyConfig::default(),
            cutover: CutoverConfig::default(),
            max_failure_ratio: default_max_failure_ratio(),
        }
    }
}

impl Default for ClusterConfig {
    fn default() -> Self {
        ClusterConfig { urls: Vec::new(), auth: None, ca: None, timeout: default_timeout(), gzip: false }
    }
}

impl MigrationConfig {
    /// Whether a document has the source's version on the target, so that the two can be compared.
    #[must_use]
    pub fn keeps_versions(&self) -> bool {
        let others = self.changes.kafka.as_ref().is_some_and(|kafka| {
            kafka.then == ChangesThen::Handover || kafka.version == Some(ChangeVersion::None)
        });
        self.write.mode == WriteMode::External && !self.changes.sole_writer && !others
    }

    /// The target index of a source index, and of one of its types where the name depends on it.
    #[must_use]
    pub fn target_index(&self, source: &str, doc_type: &str) -> String {
        self.to.index.replace("{index}", source).replace("{type}", doc_type)
    }
}

fn default_state_dir() -> PathBuf {
    PathBuf::from("esferry-state")
}

fn default_timeout() -> Span {
    Span(Duration::from_secs(180))
}

fn default_target_index() -> String {
    "{index}".to_owned()
}

fn default_max_failure_ratio() -> f64 {
    0.001
}
