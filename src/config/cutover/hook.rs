//! A hook as it is written: a command, or an HTTP call.

use std::time::Duration;

use reqwest::Url;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::validate::{Checked, Violation, in_range};
use crate::config::{Auth, Span};

/// What may stand in braces in the strings of an HTTP hook's body.
pub const PLACEHOLDERS: [&str; 7] =
    ["migration", "hook", "alias", "source", "target", "indices", "rehearsal"];

/// One hook.
#[derive(Debug, Clone, PartialEq)]
pub enum Hook {
    /// A program with its arguments; no shell.
    Command(CommandHook),
    /// A request.
    Http(HttpHook),
}

/// A program that is run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandHook {
    /// The program, and its arguments.
    pub command: Vec<String>,
    /// It is ended, with all that it started, when it takes longer. Default `30s`.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
}

/// A request that is sent, again while nobody answers.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpHook {
    /// Where to.
    pub url: String,
    /// Default `POST`.
    #[serde(default)]
    pub method: HttpMethod,
    /// What is sent, as JSON; a string as it stands. Default the call: migration, hook, alias, indices and both clusters.
    pub body: Option<Value>,
    /// How to authenticate. Secrets by reference only.
    pub auth: Option<Auth>,
    /// For all tries together. Default `30s`.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
}

/// The method of an HTTP hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// `POST`
    #[default]
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
}

fn default_timeout() -> Span {
    Span(Duration::from_secs(30))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    command: Option<Vec<String>>,
    url: Option<String>,
    method: Option<HttpMethod>,
    body: Option<Value>,
    auth: Option<Auth>,
    timeout: Option<Span>,
}

impl<'de> Deserialize<'de> for Hook {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListOrTable;
        impl<'de> Visitor<'de> for ListOrTable {
            type Value = Hook;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a command such as [\"/etc/esferry/switch\", \"new\"], { command = […] } or { url = \"http://…\" }")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Hook, A::Error> {
                let command = Vec::deserialize(SeqAccessDeserializer::new(list))?;
                Ok(Hook::Command(CommandHook { command, timeout: default_timeout() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Hook, A::Error> {
                let Table { command, url, method, body, auth, timeout } =
                    Table::deserialize(MapAccessDeserializer::new(map))?;
                let timeout = timeout.unwrap_or_else(default_timeout);
                match (command, url) {
                    (Some(command), None) if method.is_none() && body.is_none() && auth.is_none() => {
                        Ok(Hook::Command(CommandHook { command, timeout }))
                    }
                    (Some(_), None) => {
                        Err(de::Error::custom("a command takes no `method`, `body` or `auth`"))
                    }
                    (None, Some(url)) => {
                        let method = method.unwrap_or_default();
                        Ok(Hook::Http(HttpHook { url, method, body, auth, timeout }))
                    }
                    _ => Err(de::Error::custom("a hook has one of `command` and `url`")),
                }
            }
        }
        deserializer.deserialize_any(ListOrTable)
    }
}

impl Hook {
    /// How long it may take.
    #[must_use]
    pub fn timeout(&self) -> Span {
        match self {
            Hook::Command(hook) => hook.timeout,
            Hook::Http(hook) => hook.timeout,
        }
    }

    pub(super) fn check(&self) -> Checked {
        let timeout = self.timeout();
        let seconds = timeout.0.as_secs_f64();
        in_range(&["timeout"], "between 100ms and 1h", (0.1..=3600.0).contains(&seconds), timeout)?;
        match self {
            Hook::Command(hook) => match hook.command.first().map(String::as_str) {
                None | Some("") => Err(Violation::new(&[], "must name a program; given none")
                    .hint("example: before = [\"/etc/esferry/freeze\", \"writers\"]")),
                Some(_) if hook.command.iter().any(|word| word.contains('\0')) => {
                    Err(Violation::new(&[], "must not hold a NUL"))
                }
                Some(_) => Ok(()),
            },
            Hook::Http(hook) => {
                check_url(&hook.url)?;
                hook.body.as_ref().map_or(Ok(()), check_placeholders)
            }
        }
    }
}

fn check_url(text: &str) -> Checked {
    let key = &["url"];
    if text.contains('@') {
        // Not repeated: there may be a password in it.
        return Err(Violation::new(key, "must not hold credentials (or any `@`)")
            .hint("use auth = { bearer = { env = \"NAME\" } } beside `url`"));
    }
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    match url {
        Some(_) => Ok(()),
        None => Err(Violation::new(
            key,
            format!("must be a URL that begins with http:// or https://; given {text:?}"),
        )),
    }
}

/// Words in braces that nobody fills in would be sent as they stand.
fn check_placeholders(body: &Value) -> Checked {
    match body {
        Value::String(text) => match unknown_placeholder(text) {
            Some(word) => {
                let known: Vec<String> = PLACEHOLDERS.iter().map(|word| format!("{{{word}}}")).collect();
                Err(Violation::new(&["body"], format!("holds the unknown placeholder {{{word}}}"))
                    .hint(format!("known: {}", known.join(", "))))
            }
            None => Ok(()),
        },
        Value::Array(items) => items.iter().try_for_each(check_placeholders),
        Value::Object(fields) => fields.values().try_for_each(check_placeholders),
        _ => Ok(()),
    }
}

fn unknown_placeholder(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('{') {
        let (word, behind) = after.split_once('}')?;
        let is_word = !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        let plain = word.trim_end_matches("_base64");
        if is_word && !PLACEHOLDERS.contains(&plain) {
            return Some(word);
        }
        rest = behind;
    }
    None
}
