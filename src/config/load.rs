//! From the file to a checked [`Config`], with errors that name line, column and the nearest valid word.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::transform::Steps;

use super::nearest::{did_you_mean, listed};
use super::place::Source;
use super::secret::PLAIN_SECRET;
use super::{Config, Schema, TransformConfig};

/// Where the configuration is looked for when none is named.
const DEFAULT_PATHS: [&str; 2] = ["migrations.toml", "/etc/esferry/migrations.toml"];

/// Reads and checks the configuration at `path`, else `migrations.toml`, else `/etc/esferry/migrations.toml`.
/// `state_dir` replaces the one in the file. Schema and certificate files are relative to the file that names
/// them; the state directory is relative to the working directory.
pub fn load(path: Option<&Path>, state_dir: Option<&Path>) -> Result<Config> {
    let path = match path {
        Some(path) => path.to_owned(),
        None => DEFAULT_PATHS.iter().map(PathBuf::from).find(|path| path.exists()).ok_or_else(|| {
            Error::config("config_missing", format!("no configuration: neither {} is there", DEFAULT_PATHS.join(" nor ")))
                .hint("name one with --config FILE; a single index needs none: esferry copy http://old:9200/INDEX http://new:9200/INDEX")
        })?,
    };
    let origin = path.display().to_string();
    let bytes = std::fs::read(&path).map_err(|error| {
        Error::config("config_unreadable", format!("cannot read the configuration {origin}")).because(error)
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to();
        Error::config("config_syntax", format!("{origin}: not UTF-8 text (byte {place})"))
    })?;
    let mut config = parse(&text, &origin)?;
    if let Some(state_dir) = state_dir {
        config.state_dir = state_dir.to_owned();
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    resolve_paths(&mut config, folder);
    check_files(&config, Source { origin: &origin, text: &text })?;
    Ok(config)
}

/// Parses and checks the text of a configuration; `origin` names it in errors. Paths are left as they are.
pub fn parse(text: &str, origin: &str) -> Result<Config> {
    let source = Source { origin, text };
    let config: Config = toml::from_str(text).map_err(|error| explain(&error, source))?;
    config.violation().map_or(Ok(config), |violation| Err(violation.at(source)))
}

/// Reads a file that holds nothing but the steps of a migration: tables `[[transform]]`.
///
/// # Errors
/// `Config` for an unreadable file, an unknown step and a program that does not compile, with the place.
pub fn load_transforms(path: &Path) -> Result<Vec<TransformConfig>> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        transform: Vec<TransformConfig>,
    }
    let origin = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::config("transform_file", format!("cannot read the transforms of {origin}"))
            .because(error)
            .hint("write the steps as tables [[transform]], as in docs/transforms.md")
    })?;
    let source = Source { origin: &origin, text: &text };
    let file: File = toml::from_str(&text).map_err(|error| explain(&error, source))?;
    Steps::compile(&file.transform)?;
    Ok(file.transform)
}

fn resolve_paths(config: &mut Config, folder: &Path) {
    for cluster in config.clusters.values_mut() {
        if let Some(ca) = &mut cluster.ca {
            *ca = folder.join(&*ca);
        }
    }
    for migration in config.migrations.values_mut() {
        if let Schema::File(path) = &mut migration.schema {
            *path = folder.join(&*path);
        }
    }
}

/// What to do about a file that is not there.
const BESIDE: &str =
    "check that it is there and may be read; a relative name is looked up beside the configuration";

fn check_files(config: &Config, source: Source<'_>) -> Result<()> {
    let wrong = |keys: [&str; 3], message: String| {
        let place = source.place(source.find(&keys.map(str::to_owned)));
        Error::config("file_unreadable", format!("{place}: {} {message}", keys.join(".")))
    };
    for (name, cluster) in &config.clusters {
        if let Some(ca) = &cluster.ca {
            std::fs::metadata(ca).map_err(|error| {
                wrong(["clusters", name, "ca"], format!("names {}, which cannot be read", ca.display()))
                    .because(error)
                    .hint(BESIDE)
            })?;
        }
    }
    for (name, migration) in &config.migrations {
        check_programs(name, &migration.transform, source)?;
        let Schema::File(path) = &migration.schema else { continue };
        let keys = ["migrations", name, "schema"];
        let body = std::fs::read(path).map_err(|error| {
            wrong(keys, format!("names {}, which cannot be read", path.display())).because(error).hint(BESIDE)
        })?;
        serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&body).map_err(|error| {
            wrong(keys, format!("names {}, which is not a JSON object", path.display()))
                .because(error)
                .hint("it is the body of a create-index request: { \"settings\": …, \"mappings\": … }")
        })?;
    }
    Ok(())
}

/// Compiles the jq programs, so that one that does not compile is told with its place before anything is planned.
fn check_programs(migration: &str, steps: &[TransformConfig], source: Source<'_>) -> Result<()> {
    for (at, step) in steps.iter().enumerate() {
        if !matches!(step, TransformConfig::Jq(_)) {
            continue;
        }
        Steps::compile(&steps[..=at]).map_err(|error| {
            let position = (at + 1).to_string();
            let keys = ["migrations", migration, "transform", &position, "jq"].map(str::to_owned);
            let place = source.place(source.find(&keys));
            let told = Error::config(error.code(), format!("{place}: migrations.{migration}: {error}"));
            told.hint(error.remedy().unwrap_or_default())
        })?;
    }
    Ok(())
}

/// Puts an error of the TOML reader into words, with its place and the nearest valid one.
fn explain(error: &toml::de::Error, source: Source<'_>) -> Error {
    let offset = error.span().map_or(0, |span| span.start);
    let place = source.place(offset);
    let message = error.message();
    let mut keys = source.keys_at(offset);
    if let Some((given, valid)) = unknown("unknown field ", message) {
        if let Some(depth) = keys.iter().rposition(|key| key == given) {
            keys.truncate(depth);
        }
        let table = table_name(&keys);
        let near = did_you_mean(given, valid.iter().copied());
        return Error::config("unknown_key", format!("{place}: unknown key `{given}` {table}{near}"))
            .hint(format!("valid {table}: {}", listed(valid)));
    }
    if let Some((given, valid)) = unknown("unknown variant ", message) {
        // A step of `transform` is named by its key.
        if keys.last().is_some_and(|key| key == given) {
            keys.pop();
            let table = table_name(&keys);
            let near = did_you_mean(given, valid.iter().copied());
            return Error::config("unknown_key", format!("{place}: unknown key `{given}` {table}{near}"))
                .hint(format!("valid {table}: {}", listed(valid)));
        }
        let near = did_you_mean(given, valid.iter().copied());
        let key = keys.join(".");
        return Error::config("unknown_value", format!("{place}: {key} cannot be `{given}`{near}"))
            .hint(format!("valid for {key}: {}", listed(valid)));
    }
    if let Some(missing) = message.strip_prefix("missing field ") {
        let table =
            if error.span().is_none_or(|span| source.is_whole(&span)) { &[] } else { keys.as_slice() };
        let table = table_name(table);
        return Error::config("missing_key", format!("{place}: the key {missing} is missing {table}"));
    }
    if message.starts_with("wanted exactly 1 element") {
        return Error::config(
            "invalid_value",
            format!("{place}: a step of `transform` must have exactly one key"),
        )
        .hint("begin each step with its own [[migrations.NAME.transform]]");
    }
    if message == PLAIN_SECRET {
        return Error::config("plain_secret", format!("{place}: {}: {message}", keys.join("."))).hint(
            "write { env = \"NAME\" }, { file = \"/path\" } or { credential = \"name\" } (systemd) in its place",
        );
    }
    if keys.is_empty() {
        return Error::config("config_syntax", format!("{place}: {message}"));
    }
    let message = wrong_type(message).unwrap_or_else(|| message.to_owned());
    Error::config("invalid_value", format!("{place}: {}: {message}", keys.join(".")))
}

/// Serde's ``invalid type: string "x", expected u64`` in plain words. Strings are not repeated: a URL with a
/// password may stand where a list is wanted.
fn wrong_type(message: &str) -> Option<String> {
    let (given, expected) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))?
        .rsplit_once(", expected ")?;
    let given = if given.starts_with("string ") { "a string" } else { given };
    let expected = match expected {
        "u64" | "u32" | "usize" => "a whole number, 0 or more",
        "f64" => "a number",
        "a sequence" => "a list",
        structure if structure.starts_with("struct ") => "a table",
        other => other,
    };
    Some(format!("must be {expected}; given {given}"))
}

/// Given and valid words of serde's ``unknown field `x`, expected one of `a`, `b` ``.
fn unknown<'a>(prefix: &str, message: &'a str) -> Option<(&'a str, Vec<&'a str>)> {
    let (given, expected) = match message.strip_prefix(prefix)?.rsplit_once(", expected ") {
        Some((given, expected)) => (given, expected),
        None => (message.strip_prefix(prefix)?.split(", there are no").next()?, ""),
    };
    let given = given.strip_prefix('`')?.strip_suffix('`')?;
    Some((given, expected.split('`').skip(1).step_by(2).collect()))
}

fn table_name(keys: &[String]) -> String {
    if keys.is_empty() { "at the top level".to_owned() } else { format!("in [{}]", keys.join(".")) }
}
