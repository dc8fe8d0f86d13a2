//! Credentials: always by reference, never in the file, the store, the logs or the arguments.

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::{Error, Result};

/// Said when a secret stands in the file itself; the loader adds the hint.
pub(super) const PLAIN_SECRET: &str = "a secret is given by reference, never in the file itself";

/// Where systemd puts the credentials of a unit.
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// How to authenticate at a cluster. Example `auth = { username = "esferry", password = { env = "ES_PASSWORD" } }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// `{ username = "…", password = REFERENCE }`: HTTP basic.
    Basic {
        /// Not a secret.
        username: String,
        /// Read when the client is built.
        password: SecretRef,
    },
    /// `{ api_key = REFERENCE }`: sent as `Authorization: ApiKey …`, in the base64 form the server gave.
    ApiKey(SecretRef),
    /// `{ bearer = REFERENCE }`: sent as `Authorization: Bearer …`.
    Bearer(SecretRef),
}

/// Where a secret is found. Holds no secret, and may be printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `{ env = "ES_PASSWORD" }`: an environment variable.
    Env(String),
    /// `{ file = "/run/secrets/es" }`: the content of a file.
    File(PathBuf),
    /// `{ credential = "es-password" }`: a systemd credential (`LoadCredential=` in the unit).
    Credential(String),
}

impl SecretRef {
    /// The secret, without one line break at its end. Errors name the reference, never the content.
    pub fn read(&self) -> Result<SecretString> {
        match self {
            SecretRef::Env(name) => match std::env::var(name) {
                Ok(value) => self.trimmed(value),
                Err(std::env::VarError::NotPresent) => {
                    Err(Error::config("secret_missing", format!("{self} is not set"))
                        .hint(format!("set it for this process, for example `{name}=… esferry run`")))
                }
                Err(std::env::VarError::NotUnicode(_)) => {
                    Err(Error::config("secret_unreadable", format!("{self} is not valid UTF-8"))
                        .hint("give the secret as text, as the server gave it"))
                }
            },
            SecretRef::File(path) => self.read_file(path),
            SecretRef::Credential(name) => match std::env::var_os(CREDENTIALS_DIRECTORY) {
                Some(directory) => self.read_file(&Path::new(&directory).join(name)),
                None => Err(Error::config(
                    "secret_missing",
                    format!("{self} cannot be read outside a systemd unit"),
                )
                .hint(format!("add `LoadCredential={name}:/path` to the unit, or refer to `env` or `file`"))),
            },
        }
    }

    fn read_file(&self, path: &Path) -> Result<SecretString> {
        match std::fs::read_to_string(path) {
            Ok(content) => self.trimmed(content),
            Err(error) => Err(Error::config("secret_unreadable", format!("{self} cannot be read"))
                .because(error)
                .hint("check the path, and that the user of the daemon may read it")),
        }
    }

    fn trimmed(&self, mut secret: String) -> Result<SecretString> {
        if secret.ends_with('\n') {
            secret.pop();
            if secret.ends_with('\r') {
                secret.pop();
            }
        }
        if secret.is_empty() {
            return Err(Error::config("secret_empty", format!("{self} is empty"))
                .hint("put the secret there, or take `auth` out of the cluster"));
        }
        if secret.contains(['\n', '\r', '\0']) {
            return Err(Error::config("secret_invalid", format!("{self} holds more than one line"))
                .hint("only the secret itself belongs there; one line break at its end is cut off"));
        }
        Ok(SecretString::from(secret))
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretRef::Env(name) => write!(f, "the secret in the environment variable {name}"),
            SecretRef::File(path) => write!(f, "the secret in the file {}", path.display()),
            SecretRef::Credential(name) => write!(f, "the secret in the systemd credential {name}"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuthTable {
    username: Option<String>,
    password: Option<SecretRef>,
    api_key: Option<SecretRef>,
    bearer: Option<SecretRef>,
}

impl TryFrom<AuthTable> for Auth {
    type Error = &'static str;

    fn try_from(table: AuthTable) -> std::result::Result<Self, &'static str> {
        match (table.username, table.password, table.api_key, table.bearer) {
            (Some(username), Some(password), None, None) => Ok(Auth::Basic { username, password }),
            (None, None, Some(key), None) => Ok(Auth::ApiKey(key)),
            (None, None, None, Some(token)) => Ok(Auth::Bearer(token)),
            (Some(_), None, None, None) => Err("`username` needs a `password` beside it"),
            (None, Some(_), None, None) => Err("`password` needs a `username` beside it"),
            _ => Err("one of `username` with `password`, `api_key`, or `bearer` is needed, and no more"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReferenceTable {
    env: Option<String>,
    file: Option<PathBuf>,
    credential: Option<String>,
}

impl TryFrom<ReferenceTable> for SecretRef {
    type Error = &'static str;

    fn try_from(table: ReferenceTable) -> std::result::Result<Self, &'static str> {
        // The text is not repeated: whoever confuses the two may have written the secret here.
        let name = |text: &str| {
            !text.is_empty()
                && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
        };
        match (table.env, table.file, table.credential) {
            (Some(env), None, None) if name(&env) => Ok(SecretRef::Env(env)),
            (Some(_), None, None) => Err("`env` is not the name of an environment variable"),
            (None, Some(path), None) => Ok(SecretRef::File(path)),
            (None, None, Some(credential)) if name(&credential) => Ok(SecretRef::Credential(credential)),
            (None, None, Some(_)) => Err("`credential` is not the name of a systemd credential"),
            _ => Err("one of `env`, `file` and `credential` is needed, and no more"),
        }
    }
}

/// Takes a table and refuses everything else without repeating it: it may be a secret.
struct OnlyTable<Table, Value>(PhantomData<(Table, Value)>);

impl<'de, Table, Value> Visitor<'de> for OnlyTable<Table, Value>
where
    Table: Deserialize<'de>,
    Value: TryFrom<Table, Error = &'static str>,
{
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Value, A::Error> {
        Value::try_from(Table::deserialize(MapAccessDeserializer::new(map))?).map_err(de::Error::custom)
    }
    fn visit_str<E: de::Error>(self, _: &str) -> std::result::Result<Value, E> {
        Err(E::custom(PLAIN_SECRET))
    }
    fn visit_i64<E: de::Error>(self, _: i64) -> std::result::Result<Value, E> {
        Err(E::custom(PLAIN_SECRET))
    }
    fn visit_u64<E: de::Error>(self, _: u64) -> std::result::Result<Value, E> {
        Err(E::custom(PLAIN_SECRET))
    }
    fn visit_i128<E: de::Error>(self, _: i128) -> std::result::Result<Value, E> {
        Err(E::custom(PLAIN_SECRET))
    }
    fn visit_u128<E: de::Error>(self, _: u128) -> std::result::Result<Value, E> {
        Err(E::custom(PLAIN_SECRET))
    }
    fn visit_f64<E: de::Error>(self, _: f64) -> std::result::Result<Value, E> {
        Err(E::custom(PLAIN_SECRET))
    }
    fn visit_bool<E: de::Error>(self, _: bool) -> std::result::Result<Value, E> {
        Err(E::custom(PLAIN_SECRET))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> std::result::Result<Value, A::Error> {
        Err(de::Error::custom(PLAIN_SECRET))
    }
}

impl<'de> Deserialize<'de> for Auth {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(OnlyTable::<AuthTable, Auth>(PhantomData))
    }
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        deserializer.deserialize_any(OnlyTable::<ReferenceTable, SecretRef>(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn parse(text: &str) -> std::result::Result<Auth, String> {
        #[derive(Deserialize)]
        struct Cluster {
            auth: Auth,
        }
        toml::from_str::<Cluster>(&format!("auth = {text}"))
            .map(|cluster| cluster.auth)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn the_three_ways_to_authenticate_are_read() {
        let env = || SecretRef::Env("X".to_owned());
        assert_eq!(
            parse("{ username = \"u\", password = { env = \"X\" } }"),
            Ok(Auth::Basic { username: "u".to_owned(), password: env() })
        );
        assert_eq!(parse("{ api_key = { env = \"X\" } }"), Ok(Auth::ApiKey(env())));
        assert_eq!(
            parse("{ bearer = { file = \"/run/x\" } }"),
            Ok(Auth::Bearer(SecretRef::File(PathBuf::from("/run/x"))))
        );
    }

    #[test]
    fn a_secret_in_the_file_is_refused_and_not_repeated() {
        for text in [
            "\"user:hunter2\"",
            "[\"hunter2\"]",
            "12345",
            "{ bearer = \"hunter2\" }",
            "{ bearer = 12345 }",
            "{ bearer = 1.2345 }",
            "{ username = \"u\", password = \"hunter2\" }",
            "{ username = \"u\", password = [\"hunter2\"] }",
            "{ username = \"u\", password = { env = \"hunter2!\" } }",
        ] {
            let error = parse(text).unwrap_err();
            assert!(!error.contains("hunter2") && !error.contains("2345"), "{text}: {error}");
        }
    }

    #[test]
    fn half_and_double_answers_are_refused() {
        assert_eq!(parse("{ username = \"u\" }").unwrap_err(), "`username` needs a `password` beside it");
        assert!(parse("{ bearer = { env = \"X\" }, api_key = { env = \"X\" } }").is_err());
        assert!(parse("{ bearer = {} }").is_err());
        assert!(parse("{}").is_err());
    }

    #[test]
    fn a_file_is_read_without_its_last_line_break_and_named_in_errors() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        let secret = SecretRef::File(path.clone());
        assert_eq!(secret.read().unwrap_err().code(), "secret_unreadable");
        std::fs::write(&path, "s3cret \n").unwrap();
        assert_eq!(secret.read().unwrap().expose_secret(), "s3cret ");
        std::fs::write(&path, "s3cret\nmore\n").unwrap();
        let error = secret.read().unwrap_err();
        assert_eq!(error.code(), "secret_invalid");
        assert!(
            error.to_string().contains(&path.display().to_string()) && !error.to_string().contains("s3cret")
        );
        std::fs::write(&path, "\n").unwrap();
        assert_eq!(secret.read().unwrap_err().code(), "secret_empty");
    }

    #[test]
    fn a_missing_variable_is_named() {
        let error = SecretRef::Env("ESFERRY_TEST_NOT_SET".to_owned()).read().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the secret in the environment variable ESFERRY_TEST_NOT_SET is not set"
        );
    }
}
