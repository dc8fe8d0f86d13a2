//! `esferry copy`: one index, with a configuration built in memory. There is no second engine.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use reqwest::Url;
use serde_json::Value;

use crate::config::{
    Auth, ClusterConfig, Config, FromConfig, MigrationConfig, Schema, SecretRef, SliceConfig, ToConfig,
    Types, VerifyConfig, VerifyLevel, WriteConfig, WriteMode, load_transforms,
};
use crate::engine::RunOptions;
use crate::error::{Error, Result};

use super::progress::Reporter;
use super::{Global, run, service};

/// `esferry copy FROM TO`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry copy http://old:9200/alerts http://new:9200/alerts\n  \
    esferry copy http://old:9200/alerts https://new:9200/alerts --to-user esferry --to-password-env ES_PASSWORD\n  \
    esferry copy http://old:9200/alerts http://new:9200/alerts --query '{\"term\":{\"status\":\"open\"}}'\n  \
    esferry copy http://old:9200/zoo http://new:9200 --types split         # zoo-cat, zoo-dog\n  \
    esferry copy http://old:9200/alerts http://new:9200 --transform tags.toml\n  \
    esferry copy 'http://old:9200/logs-*' http://new:9200/ --schema existing\n\n\
    Progress is kept in ./esferry-state (or --state-dir): interrupted and called again, it goes on where it was.\n\
    A password is never part of a URL or an argument: name the environment variable that holds it.")]
pub struct Copy {
    /// The index to read: http://host:9200/INDEX
    #[arg(value_name = "FROM")]
    from: String,
    /// Where it goes: http://host:9200/INDEX; without INDEX it keeps its name
    #[arg(value_name = "TO")]
    to: String,
    /// Copy only what matches this query, in the source's own language
    #[arg(long, value_name = "JSON", value_parser = query)]
    query: Option<Value>,
    /// Target mapping: convert, existing or file:PATH
    #[arg(long, default_value_t, value_parser = schema)]
    schema: Schema,
    /// What becomes of an index of several types: refuse, split, merge or join
    #[arg(long, value_name = "TYPES", default_value = "refuse", value_parser = types)]
    types: Types,
    /// A file with the steps that documents go through: tables [[transform]] as in migrations.toml
    #[arg(long, value_name = "FILE")]
    transform: Option<PathBuf>,
    /// Go without what has no counterpart on the target, by its path in the report; may be given several times
    #[arg(long, value_name = "PATH")]
    accept_lost: Vec<String>,
    /// Documents a slice aims at
    #[arg(long, value_name = "N", default_value_t = SliceConfig::default().docs)]
    slice_docs: u64,
    /// Slices read side by side
    #[arg(long, value_name = "N", default_value_t = SliceConfig::default().parallel)]
    parallel: usize,
    /// Which document wins when the target has one already
    #[arg(long, value_enum, value_name = "MODE", default_value_t)]
    write_mode: Mode,
    /// What is compared once everything is copied
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t)]
    verify: VerifyLevel,
    /// Go on with options that changed since the copy was begun
    #[arg(long)]
    accept_drift: bool,
    #[command(flatten)]
    credentials: Credentials,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Credentials")]
struct Credentials {
    /// User on the source
    #[arg(long, value_name = "USER", requires = "from_password_env")]
    from_user: Option<String>,
    /// Environment variable with the password on the source
    #[arg(long, value_name = "VARIABLE", requires = "from_user")]
    from_password_env: Option<String>,
    /// Environment variable with an API key of the source
    #[arg(long, value_name = "VARIABLE", conflicts_with = "from_user")]
    from_api_key_env: Option<String>,
    /// PEM file of authorities to trust for the source
    #[arg(long, value_name = "FILE")]
    from_ca: Option<PathBuf>,
    /// User on the target
    #[arg(long, value_name = "USER", requires = "to_password_env")]
    to_user: Option<String>,
    /// Environment variable with the password on the target
    #[arg(long, value_name = "VARIABLE", requires = "to_user")]
    to_password_env: Option<String>,
    /// Environment variable with an API key of the target
    #[arg(long, value_name = "VARIABLE", conflicts_with = "to_user")]
    to_api_key_env: Option<String>,
    /// PEM file of authorities to trust for the target
    #[arg(long, value_name = "FILE")]
    to_ca: Option<PathBuf>,
}

/// `--write-mode`.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Mode {
    /// The source's version decides; a re-run changes nothing
    #[default]
    External,
    /// What is there stays
    Create,
    /// What comes wins
    Index,
}

/// A cluster and an index, in one URL.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Endpoint {
    cluster: String,
    index: Option<String>,
}

impl FromStr for Endpoint {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.contains('@') {
            // Not repeated: there may be a password in it. That is why clap does not parse it either.
            return Err(Error::config("bad_url", "a URL must not hold credentials (or any `@`)")
                .hint("use --from-user NAME --from-password-env VARIABLE, or the same with --to"));
        }
        let wrong = |why: &str| {
            Error::config("bad_url", format!("{text:?} is no URL of an index: {why}"))
                .hint("write http://host:9200/INDEX")
        };
        let mut url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(wrong("it must begin with http:// or https://"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it must end before `?` and `#`"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        let (folder, index) = path.rsplit_once('/').unwrap_or(("", ""));
        url.set_path(folder);
        Ok(Endpoint {
            cluster: url.as_str().trim_end_matches('/').to_owned(),
            index: (!index.is_empty()).then(|| index.to_owned()),
        })
    }
}

impl Copy {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let options = RunOptions { once: true, accept_drift: self.accept_drift };
        let config = self.config(global)?;
        let reporter = Reporter::for_terminal(Reporter::Lines);
        service::serve(config, options, reporter, |status| run::print_result(status, global)).await
    }

    /// What the same copy would be in a file.
    fn config(self, global: &Global) -> Result<Config> {
        let (from, to): (Endpoint, Endpoint) = (self.from.parse()?, self.to.parse()?);
        let index = from.index.ok_or_else(|| {
            Error::config("no_index", format!("{} names no index", from.cluster)).hint(
                "write http://host:9200/INDEX; wildcards and several migrations: see docs/configuration.md",
            )
        })?;
        let name = migration_name(&index);
        let ends = self.credentials;
        let old = ClusterConfig {
            urls: vec![from.cluster],
            auth: auth(ends.from_user, ends.from_password_env, ends.from_api_key_env),
            ca: ends.from_ca,
            ..ClusterConfig::default()
        };
        let new = ClusterConfig {
            urls: vec![to.cluster],
            auth: auth(ends.to_user, ends.to_password_env, ends.to_api_key_env),
            ca: ends.to_ca,
            ..ClusterConfig::default()
        };
        // Types that get an index each are told apart by its name.
        let target = if self.types == Types::Split { "{index}-{type}" } else { "{index}" };
        let migration = MigrationConfig {
            from: FromConfig { cluster: "from".to_owned(), indices: vec![index], query: self.query },
            to: ToConfig {
                others: Vec::new(),
                cluster: "to".to_owned(),
                index: to.index.unwrap_or_else(|| target.to_owned()),
            },
            schema: self.schema,
            types: self.types,
            accept_lost: self.accept_lost,
            transform: self.transform.as_deref().map_or(Ok(Vec::new()), load_transforms)?,
            slice: SliceConfig { docs: self.slice_docs, parallel: self.parallel, ..SliceConfig::default() },
            write: WriteConfig { mode: self.write_mode.into(), ..WriteConfig::default() },
            verify: VerifyConfig { level: self.verify },
            ..MigrationConfig::default()
        };
        let config = Config {
            state_dir: global.state_dir.clone().unwrap_or_else(|| PathBuf::from("esferry-state")),
            clusters: BTreeMap::from([("from".to_owned(), old), ("to".to_owned(), new)]),
            statsd: None,
            migrations: BTreeMap::from([(name, migration)]),
        };
        config.validate()?;
        Ok(config)
    }
}

fn auth(user: Option<String>, password_env: Option<String>, api_key_env: Option<String>) -> Option<Auth> {
    match (user, password_env, api_key_env) {
        (Some(username), Some(password), _) => {
            Some(Auth::Basic { username, password: SecretRef::Env(password) })
        }
        (_, _, Some(key)) => Some(Auth::ApiKey(SecretRef::Env(key))),
        _ => None,
    }
}

/// A migration is named after its index, in the letters that a name may have.
fn migration_name(index: &str) -> String {
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c.to_ascii_lowercase() } else { '-' }
    };
    index.chars().map(allowed).collect()
}

fn query(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

fn types(text: &str) -> Result<Types, String> {
    text.parse().map_err(|_| "expected refuse, split, merge or join".to_owned())
}

fn schema(text: &str) -> Result<Schema, String> {
    text.parse().map_err(|_| "expected convert, existing or file:PATH".to_owned())
}

impl From<Mode> for WriteMode {
    fn from(mode: Mode) -> WriteMode {
        match mode {
            Mode::External => WriteMode::External,
            Mode::Create => WriteMode::Create,
            Mode::Index => WriteMode::Index,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command};
    use super::*;

    fn config(arguments: &[&str]) -> Result<Config> {
        let line = ["esferry", "copy"].iter().chain(arguments);
        let cli = Cli::try_parse_from(line).unwrap();
        let Command::Copy(copy) = cli.command else { panic!("not copy") };
        copy.config(&cli.global)
    }

    fn endpoint(text: &str) -> (String, Option<String>) {
        let endpoint: Endpoint = text.parse().unwrap();
        (endpoint.cluster, endpoint.index)
    }

    #[test]
    fn a_url_is_a_cluster_and_an_index() {
        assert_eq!(
            endpoint("http://old:9200/alerts"),
            ("http://old:9200".to_owned(), Some("alerts".to_owned()))
        );
        assert_eq!(
            endpoint("https://old/es/alerts/"),
            ("https://old/es".to_owned(), Some("alerts".to_owned()))
        );
        assert_eq!(endpoint("http://old:9200/"), ("http://old:9200".to_owned(), None));
        assert_eq!(endpoint("http://old:9200"), ("http://old:9200".to_owned(), None));
        for wrong in ["old:9200/alerts", "alerts", "ftp://old/alerts", "http://old:9200/a?pretty"] {
            assert!(wrong.parse::<Endpoint>().is_err(), "{wrong}");
        }
        assert!(!"http://u:hunter2@old/a".parse::<Endpoint>().unwrap_err().to_string().contains("hunter2"));
    }

    #[test]
    fn it_is_the_configuration_of_one_migration() {
        let config =
            config(&["http://old:9200/Alerts.2017", "http://new:9200/alerts", "--slice-docs", "7"]).unwrap();
        let migration = &config.migrations["alerts-2017"];
        assert_eq!(migration.from.indices, ["Alerts.2017"]);
        assert_eq!((migration.to.index.as_str(), migration.slice.docs), ("alerts", 7));
        assert_eq!(config.clusters["from"].urls, ["http://old:9200"]);
        assert_eq!(config.state_dir, PathBuf::from("esferry-state"));
        assert!(config.clusters["to"].auth.is_none());
    }

    #[test]
    fn credentials_are_named_and_never_given() {
        let config =
            config(&["http://o/a", "http://n/a", "--to-user", "u", "--to-password-env", "PW"]).unwrap();
        let expected = Auth::Basic { username: "u".to_owned(), password: SecretRef::Env("PW".to_owned()) };
        assert_eq!(config.clusters["to"].auth, Some(expected));
    }

    #[test]
    fn what_the_file_would_refuse_is_refused() {
        assert_eq!(config(&["http://o/", "http://n/a"]).unwrap_err().code(), "no_index");
        assert_eq!(config(&["http://o/a", "http://n/A"]).unwrap_err().code(), "invalid_value");
        assert_eq!(
            config(&["http://o/a", "http://n/a", "--slice-docs", "0"]).unwrap_err().code(),
            "invalid_value"
        );
        assert_eq!(
            config(&["http://o/a", "http://n/a", "--query", "[]"]).unwrap_err().code(),
            "invalid_value"
        );
    }
}
