//! Where the state is, and whom to ask: the daemon while one runs, the store itself otherwise.

use std::path::PathBuf;

use crate::config;
use crate::control::Client;
use crate::control::status::IndexStatus;
use crate::engine::status::from_store;
use crate::error::{Error, Result};
use crate::store::{Store, running_pid};
use crate::transform::Shape;

use super::Global;

/// Where `copy` keeps its state, and a configuration that does not say.
const DEFAULT_STATE_DIR: &str = "esferry-state";

/// Who knows about the migrations.
pub enum Source {
    /// A running daemon.
    Daemon(Client),
    /// Nobody runs: the store, opened by this process.
    Store(Store),
    /// Nothing has run in this state directory yet.
    Nothing(PathBuf),
}

impl Source {
    /// Finds it.
    pub fn find(global: &Global) -> Result<Source> {
        let state_dir = state_dir(global)?;
        if let Some(client) = Client::connect(&state_dir)? {
            return Ok(Source::Daemon(client));
        }
        if let Some(pid) = running_pid(&state_dir) {
            return Err(Error::state(
                "daemon_not_listening",
                format!("process {pid} holds {} and does not answer", state_dir.display()),
            )
            .hint("it is starting, leaving, or another command at work: try again in a moment"));
        }
        if !state_dir.join("store").exists() {
            return Ok(Source::Nothing(state_dir));
        }
        Store::open(&state_dir).map(Source::Store)
    }
}

/// The state directory: as given, else the configuration's, else that of an earlier `copy` here.
pub fn state_dir(global: &Global) -> Result<PathBuf> {
    if let Some(state_dir) = &global.state_dir {
        return Ok(state_dir.clone());
    }
    match config::load(global.config.as_deref(), None) {
        Ok(config) => Ok(config.state_dir),
        Err(error) if error.code() == "config_missing" && PathBuf::from(DEFAULT_STATE_DIR).exists() => {
            Ok(PathBuf::from(DEFAULT_STATE_DIR))
        }
        Err(error) if error.code() == "config_missing" => {
            Err(error.hint("name the configuration with --config FILE, or the state with --state-dir DIR"))
        }
        Err(error) => Err(error),
    }
}

/// What types became in a migration, once a plan says so: only it knows whether they share ids. `None` before, and where
/// nothing became of them.
pub async fn planned_shape(global: &Global, name: &str) -> Option<Shape> {
    shape_of(&planned_indices(global, name).await.ok()?)
}

/// What types became in these indices; `None` for nothing.
pub fn shape_of(indices: &[IndexStatus]) -> Option<Shape> {
    indices.iter().map(|index| &index.shape).find(|shape| **shape != Shape::Plain).cloned()
}

/// The indices of a migration, once a plan says where they go; none before.
///
/// # Errors
/// Those of [`Source::find`], and of asking it: there is a state, and it cannot be read.
pub async fn planned_indices(global: &Global, name: &str) -> Result<Vec<IndexStatus>> {
    let status = match Source::find(global)? {
        Source::Daemon(client) => client.status().await?,
        Source::Store(store) => from_store(&store, None)?,
        Source::Nothing(_) => return Ok(Vec::new()),
    };
    let migration = status.migrations.into_iter().find(|migration| migration.name == name);
    Ok(migration.map(|migration| migration.indices).unwrap_or_default())
}

/// Nothing has run in the state directory: there are no migrations to do anything with.
pub fn nothing_ran(state_dir: &std::path::Path) -> Error {
    Error::state("no_state", format!("nothing has run in {} yet", state_dir.display()))
        .hint("start with `esferry run` or `esferry copy`, or give the right --state-dir")
}

/// The migrations that the store knows, or an error that suggests the nearest.
pub fn known(store: &Store, name: &str) -> Result<()> {
    let names: Vec<String> = store.migrations()?.into_iter().map(|record| record.name).collect();
    if names.iter().any(|known| known == name) {
        return Ok(());
    }
    Err(crate::config::unknown_migration(name, names.iter().map(String::as_str)))
}
