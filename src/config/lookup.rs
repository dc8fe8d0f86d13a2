//! Clusters and migrations by their names.

use super::{ClusterConfig, Config, MigrationConfig, did_you_mean, listed};
use crate::error::{Error, Result};

/// The code of [`unknown_migration`].
pub const UNKNOWN_MIGRATION: &str = "unknown_migration";

impl Config {
    /// The cluster of this name.
    ///
    /// # Errors
    /// `Config` when there is none.
    pub fn cluster(&self, name: &str) -> Result<&ClusterConfig> {
        let missing = || Error::config("unknown_cluster", format!("there is no [clusters.{name}]"));
        self.clusters.get(name).ok_or_else(missing)
    }

    /// The migration of this name.
    ///
    /// # Errors
    /// [`unknown_migration`] when there is none.
    pub fn migration(&self, name: &str) -> Result<&MigrationConfig> {
        let missing = || unknown_migration(name, self.migrations.keys().map(String::as_str));
        self.migrations.get(name).ok_or_else(missing)
    }
}

/// There is no migration of this name; the nearest one is suggested.
#[must_use]
pub fn unknown_migration<'a>(name: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> Error {
    let near = did_you_mean(name, names.clone());
    let error = Error::config(UNKNOWN_MIGRATION, format!("no migration is named `{name}`{near}"));
    error.hint(if names.clone().into_iter().next().is_none() {
        "none was started in this state directory; is it the right --state-dir?".to_owned()
    } else {
        format!("there are: {}", listed(names))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_answered_with_the_nearest() {
        let error = unknown_migration("alert", ["alerts", "cities"]);
        assert_eq!(error.to_string(), "no migration is named `alert`; did you mean `alerts`?");
        assert_eq!(error.remedy(), Some("there are: `alerts` and `cities`"));
    }
}
