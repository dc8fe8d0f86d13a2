//! What the types cannot say: field, constraint, and what was given.

use reqwest::Url;
use serde_json::Value;

use crate::error::Error;

use super::nearest::{did_you_mean, listed};
use super::place::Source;
use super::{
    Bulks, Bytes, ClusterConfig, Config, FromConfig, MigrationConfig, SliceConfig, StatsdConfig,
    StrategyChoice, Types, WriteConfig,
};

/// A value that breaks a rule.
#[derive(Debug)]
pub struct Violation {
    keys: Vec<String>,
    message: String,
    hint: Option<String>,
}

pub(super) type Checked = Result<(), Violation>;

impl Violation {
    pub(super) fn new(keys: &[&str], message: impl Into<String>) -> Self {
        Violation {
            keys: keys.iter().map(|&key| key.to_owned()).collect(),
            message: message.into(),
            hint: None,
        }
    }
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
    pub(super) fn under(mut self, outer: &[&str]) -> Self {
        self.keys.splice(0..0, outer.iter().map(|&key| key.to_owned()));
        self
    }
    /// The error, with its place in the file.
    pub(super) fn at(self, source: Source<'_>) -> Error {
        let place = source.place(source.find(&self.keys));
        self.error(&format!("{place}: "))
    }
    fn error(self, prefix: &str) -> Error {
        let error =
            Error::config("invalid_value", format!("{prefix}{} {}", self.keys.join("."), self.message));
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

impl Config {
    /// Checks a configuration that was built in memory.
    pub fn validate(&self) -> crate::error::Result<()> {
        self.violation().map_or(Ok(()), |violation| Err(violation.error("")))
    }

    /// The first value that breaks a rule.
    pub(super) fn violation(&self) -> Option<Violation> {
        self.check().err()
    }

    fn check(&self) -> Checked {
        if self.state_dir.as_os_str().is_empty() {
            return Err(Violation::new(&["state_dir"], "must not be empty"));
        }
        if let Some(statsd) = &self.statsd {
            statsd.check()?;
        }
        for (name, cluster) in &self.clusters {
            cluster.check().map_err(|violation| violation.under(&["clusters", name]))?;
        }
        for (name, migration) in &self.migrations {
            if name.is_empty() || !name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-'))
            {
                return Err(Violation::new(
                    &["migrations", name],
                    "is not a name: only a-z, 0-9, _ and - may stand in it",
                ));
            }
            migration.check(self).map_err(|violation| violation.under(&["migrations", name]))?;
        }
        Ok(())
    }

    fn check_cluster_name(&self, key: &[&str], name: &str) -> Checked {
        if self.clusters.contains_key(name) {
            return Ok(());
        }
        let names = || self.clusters.keys().map(String::as_str);
        let near = did_you_mean(name, names());
        Err(Violation::new(key, format!("names the unknown cluster `{name}`{near}"))
            .hint(format!("clusters in this file: {}", listed(names()))))
    }
}

impl StatsdConfig {
    fn check(&self) -> Checked {
        let good = self
            .address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0));
        if good {
            return Ok(());
        }
        let message = format!("must be HOST:PORT, such as localhost:8125; given {:?}", self.address);
        Err(Violation::new(&["statsd", "address"], message))
    }
}

impl ClusterConfig {
    fn check(&self) -> Checked {
        if self.urls.is_empty() {
            return Err(Violation::new(&["urls"], "must name at least one URL; given none"));
        }
        self.urls.iter().try_for_each(|url| check_url(url))?;
        let seconds = self.timeout.0.as_secs_f64();
        in_range(&["timeout"], "between 1s and 1h", (1.0..=3600.0).contains(&seconds), self.timeout)
    }
}

fn check_url(text: &str) -> Checked {
    let key = &["urls"];
    let example = "such as http://es-a:9200";
    if text.contains('@') {
        // Not repeated: there may be a password in it.
        return Err(Violation::new(key, "must not hold credentials (or any `@`)")
            .hint("use auth = { username = \"…\", password = { env = \"NAME\" } } beside `urls`"));
    }
    let url = Url::parse(text).map_err(|error| {
        Violation::new(key, format!("holds {text:?}, which is not a URL {example}: {error}"))
    })?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Violation::new(
            key,
            format!("holds {text:?}: must begin with http:// or https://, {example}"),
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Violation::new(key, format!("holds {text:?}: must end before `?` and `#`, {example}")));
    }
    Ok(())
}

impl MigrationConfig {
    fn check(&self, config: &Config) -> Checked {
        config.check_cluster_name(&["from", "cluster"], &self.from.cluster)?;
        config.check_cluster_name(&["to", "cluster"], &self.to.cluster)?;
        self.from.check()?;
        let name = self.target_index("x", "x");
        index_name_flaw(&name).map_or(Ok(()), |flaw| {
            Err(Violation::new(&["to", "index"], format!("{flaw}; given {:?}", self.to.index)))
        })?;
        for other in &self.to.others {
            index_name_flaw(other).map_or(Ok(()), |flaw| {
                Err(Violation::new(&["to", "others"], format!("{flaw}; given {other:?}")))
            })?;
        }
        if self.to.index.contains("{type}") && self.types != Types::Split {
            let message = format!("may hold {{type}} only with types = \"split\"; given {:?}", self.to.index);
            return Err(
                Violation::new(&["to", "index"], message).hint("add types = \"split\", or leave {type} out")
            );
        }
        if let Types::Merge { field, .. } | Types::Join { field, .. } = &self.types
            && (field.is_empty() || field.starts_with('_') || field.contains('.'))
        {
            let message = format!("needs a field name without dots that begins with no _; given {field:?}");
            return Err(Violation::new(&["types"], message));
        }
        let same_index = self.to.index == "{index}" || self.from.indices.contains(&self.to.index);
        if self.from.cluster == self.to.cluster && same_index {
            let message =
                format!("must differ from the source: both are {:?} of `{}`", self.to.index, self.to.cluster);
            return Err(
                Violation::new(&["to", "index"], message).hint("name another index, such as \"{index}-new\"")
            );
        }
        super::transform_rules::check(&self.transform)?;
        self.slice.check()?;
        self.write.check()?;
        self.throttle.check()?;
        self.changes.check(&self.write, self.from.query.is_some())?;
        self.cutover.check()?;
        let ratio = self.max_failure_ratio;
        in_range(&["max_failure_ratio"], "between 0 and 1", (0.0..=1.0).contains(&ratio), ratio)
    }
}

impl FromConfig {
    fn check(&self) -> Checked {
        let key = &["from", "indices"];
        if !self.indices.iter().any(|pattern| !pattern.starts_with('-')) {
            return Err(Violation::new(key, "must name at least one index or wildcard"));
        }
        for pattern in &self.indices {
            let name = pattern.strip_prefix('-').unwrap_or(pattern);
            if name.is_empty()
                || name.contains([',', ' ', '/', '\\', '#', '?', '"', '<', '>', '|'])
                || name.starts_with('_')
            {
                return Err(Violation::new(
                    key,
                    format!("holds {pattern:?}, which is no index name or wildcard"),
                )
                .hint("one name a string: [\"alerts-*\", \"-alerts-tmp\"]"));
            }
        }
        match &self.query {
            None => Ok(()),
            Some(Value::Object(query)) if query.len() == 1 => {
                check_query(&mut Vec::new(), self.query.as_ref())
            }
            Some(_) => Err(Violation::new(&["from", "query"], "must be a table with one query in it")
                .hint("example: query = { range = { created = { gte = \"2017-01-01\" } } }")),
        }
    }
}

/// TOML can say two things that a JSON query cannot.
fn check_query(path: &mut Vec<String>, value: Option<&Value>) -> Checked {
    let refuse = |path: &[String], what: &str| {
        let mut keys = vec!["from", "query"];
        keys.extend(path.iter().map(String::as_str));
        Err(Violation::new(&keys, what))
    };
    match value {
        Some(Value::Null) => refuse(path, "must be a finite number"),
        Some(Value::Object(object)) => object.iter().try_for_each(|(key, inner)| {
            if key.starts_with("$__toml_private") {
                return refuse(path, "must be quoted: JSON has no dates");
            }
            path.push(key.clone());
            check_query(path, Some(inner))?;
            path.pop();
            Ok(())
        }),
        Some(Value::Array(items)) => items.iter().try_for_each(|item| check_query(path, Some(item))),
        _ => Ok(()),
    }
}

impl SliceConfig {
    fn check(&self) -> Checked {
        in_range(&["slice", "docs"], "greater than 0", self.docs > 0, self.docs)?;
        in_range(
            &["slice", "parallel"],
            "between 1 and 64",
            (1..=64).contains(&self.parallel),
            self.parallel,
        )?;
        in_range(
            &["slice", "page_docs"],
            "between 1 and 10000",
            (1..=10_000).contains(&self.page_docs),
            self.page_docs,
        )?;
        let key = &["slice", "field"];
        match (self.strategy, self.field.as_deref()) {
            (StrategyChoice::Field, None | Some("")) => {
                Err(Violation::new(key, "is required with strategy = \"field\"").hint(
                    "a date, number or keyword field whose value never changes, such as field = \"created\"",
                ))
            }
            (StrategyChoice::Field, Some(_)) | (_, None) => Ok(()),
            (other, Some(field)) => Err(Violation::new(
                key,
                format!("is only for strategy = \"field\"; given {field:?} with {:?}", other.as_str()),
            )),
        }
    }
}

impl WriteConfig {
    fn check(&self) -> Checked {
        let limit = Bytes(100 * 1024 * 1024);
        let docs = self.batch_docs;
        in_range(&["write", "batch_docs"], "between 1 and 100000", (1..=100_000).contains(&docs), docs)?;
        let bytes = self.batch_bytes;
        in_range(
            &["write", "batch_bytes"],
            "between 1 byte and 100 MiB",
            bytes.0 > 0 && bytes <= limit,
            bytes,
        )
        .map_err(|violation| {
            violation.hint("servers refuse requests above 100 MiB; about 15MiB is a good size")
        })?;
        let Bulks { min, max } = self.bulks;
        for bulks in [min, max] {
            in_range(&["write", "bulks"], "between 1 and 64", (1..=64).contains(&bulks), bulks)?;
        }
        in_range(&["write", "bulks"], "bounds with a min that is not above its max", min <= max, self.bulks)?;
        match self.pipeline.as_deref() {
            Some("") => {
                Err(Violation::new(&["write", "pipeline"], "must not be empty; leave it out for none"))
            }
            _ => Ok(()),
        }
    }
}

pub(super) fn in_range(
    key: &[&str],
    constraint: &str,
    holds: bool,
    given: impl std::fmt::Display,
) -> Checked {
    if holds { Ok(()) } else { Err(Violation::new(key, format!("must be {constraint}; given {given}"))) }
}

/// What is wrong with the name of an index to be created, in the words of the servers' own rules.
#[must_use]
pub fn index_name_flaw(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("must not be empty")
    } else if name.contains(['{', '}']) {
        Some("knows no placeholder but {index} and {type}")
    } else if name.to_lowercase() != name {
        Some("must be lower case")
    } else if name.starts_with(['-', '_', '+']) {
        Some("must not begin with -, _ or +")
    } else if name == "." || name == ".." {
        Some("must not be . or ..")
    } else if name.contains(['\\', '/', '*', '?', '"', '<', '>', '|', ' ', ',', '#', ':'])
        || name.contains(char::is_control)
    {
        Some("must not hold any of \\ / * ? \" < > | , # : or blanks")
    } else if name.len() > 255 {
        Some("must not be longer than 255 bytes")
    } else {
        None
    }
}
