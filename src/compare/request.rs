//! What may be sent: searches and counts, nothing else.

use reqwest::{Method, Url};
use serde::Serialize;
use serde_json::Value;

use crate::cluster::path::{decode, encode};
use crate::cluster::transport::Request;
use crate::schema::query::{Address, Search};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// `_search`.
    Search,
    /// `_count`.
    Count,
}

impl Asked {
    /// The last part of the path.
    #[must_use]
    pub fn endpoint(self) -> &'static str {
        match self {
            Asked::Search => "_search",
            Asked::Count => "_count",
        }
    }
}

/// Takes a path such as `/alerts/_search?routing=7` apart, into a search without a body. Nothing but `_search` and `_count` comes through.
///
/// # Errors
/// What is wrong with it, in words.
pub fn take_apart(path: &str) -> Result<(Asked, Search), String> {
    if !path.starts_with('/') {
        return Err(format!("the path `{path}` does not begin with `/`"));
    }
    if path.contains('#') {
        return Err(format!("the path `{path}` holds a `#`, of which no server hears: write it as %23"));
    }
    let (before, query) = path.split_once('?').unwrap_or((path, ""));
    let mut parts = Vec::new();
    for part in before.split('/').filter(|part| !part.is_empty()) {
        let part = decode(part).ok_or_else(|| format!("`{part}` in the path is not percent-encoded text"))?;
        if part == "." || part == ".." || part.contains('/') && !part.starts_with('<') {
            return Err(format!("`{part}` in the path is no name"));
        }
        parts.push(part);
    }
    let asked = match parts.pop().as_deref() {
        Some("_search") => Asked::Search,
        Some("_count") => Asked::Count,
        _ => {
            return Err(format!(
                "`{before}` is no search: paths end in `_search` or `_count`, and nothing else is sent"
            ));
        }
    };
    let (indices, types) = match parts.as_slice() {
        [] => ("", ""),
        [indices] => (indices.as_str(), ""),
        [indices, types] => (indices.as_str(), types.as_str()),
        _ => {
            return Err(format!(
                "`{before}` has more than indices and types in front of {}",
                asked.endpoint()
            ));
        }
    };
    let names = |list: &str| -> Vec<String> {
        list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let address = Address { indices: names(indices), types: names(types) };
    let strange = address
        .indices
        .iter()
        .chain(&address.types)
        .find(|name| name.starts_with('_') && *name != "_all" && *name != "_doc");
    if let Some(name) = strange {
        return Err(format!("`{name}` in the path is no index and no type"));
    }
    let url = Url::parse(&format!("http://x/?{query}")).map_err(|error| format!("`?{query}`: {error}"))?;
    let parameters: Vec<(String, String)> =
        url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    if parameters.iter().any(|(name, value)| name == "scroll" || name == "search_type" && value == "scan") {
        return Err(
            "a scroll leaves something open on the servers; a search without `scroll` can be compared"
                .to_owned(),
        );
    }
    Ok((asked, Search { address, parameters, body: Value::Null }))
}

/// The path of a search, percent-encoded.
#[must_use]
pub fn path_of(asked: Asked, search: &Search) -> String {
    let list = |names: &[String]| names.iter().map(|name| encode_name(name)).collect::<Vec<_>>().join(",");
    let mut path = String::from("/");
    if !search.address.indices.is_empty() {
        path.push_str(&format!("{}/", list(&search.address.indices)));
        if !search.address.types.is_empty() {
            path.push_str(&format!("{}/", list(&search.address.types)));
        }
    } else if !search.address.types.is_empty() {
        path.push_str(&format!("_all/{}/", list(&search.address.types)));
    }
    path.push_str(asked.endpoint());
    let parameters: Vec<String> =
        search.parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    if !parameters.is_empty() {
        path.push_str(&format!("?{}", parameters.join("&")));
    }
    path
}

/// Wildcards stay readable.
fn encode_name(name: &str) -> String {
    encode(name).replace("%2A", "*")
}

/// The request itself.
#[must_use]
pub fn request_of(asked: Asked, method: &Method, search: &Search) -> Request {
    let path = path_of(asked, search);
    match &search.body {
        Value::Null => Request { method: method.clone(), path, body: None },
        body => Request::json(method.clone(), path, body),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_of_searches_are_taken_apart_and_put_together_again() {
        let again = |path: &str| {
            let (asked, search) = take_apart(path).unwrap();
            path_of(asked, &search)
        };
        for path in [
            "/_search",
            "/alerts/_search",
            "/alerts-*,-alerts-tmp/alert,memo/_search?routing=7&q=a%20b",
            "/alerts/_count?q=x%26y",
            "/%3Clogs-%7Bnow%2Fd%7D%3E/_search",
        ] {
            assert_eq!(again(path), path);
        }
        assert_eq!(again("//alerts//_search?q=a+b"), "/alerts/_search?q=a%20b");
    }

    #[test]
    fn nothing_but_searches_and_counts_is_sent() {
        let mut told = String::new();
        for path in [
            "alerts/_search",
            "/",
            "/alerts",
            "/alerts/_delete_by_query",
            "/alerts/_msearch",
            "/alerts/_search/template",
            "/alerts/_search/../_delete_by_query",
            "/alerts/_search/%2e%2e/_all",
            "/a%2F_delete_by_query%3Fx/_search",
            "/_search/scroll",
            "/a/b/c/_search",
            "/_cluster/_search",
            "/alerts/_search?scroll=5m",
            "/alerts/_search#/_all",
            "/%zz/_search",
        ] {
            told.push_str(&format!("{path}: {}\n", take_apart(path).unwrap_err()));
        }
        insta::assert_snapshot!(told, @r"
        alerts/_search: the path `alerts/_search` does not begin with `/`
        /: `/` is no search: paths end in `_search` or `_count`, and nothing else is sent
        /alerts: `/alerts` is no search: paths end in `_search` or `_count`, and nothing else is sent
        /alerts/_delete_by_query: `/alerts/_delete_by_query` is no search: paths end in `_search` or `_count`, and nothing else is sent
        /alerts/_msearch: `/alerts/_msearch` is no search: paths end in `_search` or `_count`, and nothing else is sent
        /alerts/_search/template: `/alerts/_search/template` is no search: paths end in `_search` or `_count`, and nothing else is sent
        /alerts/_search/../_delete_by_query: `..` in the path is no name
        /alerts/_search/%2e%2e/_all: `..` in the path is no name
        /a%2F_delete_by_query%3Fx/_search: `a/_delete_by_query?x` in the path is no name
        /_search/scroll: `/_search/scroll` is no search: paths end in `_search` or `_count`, and nothing else is sent
        /a/b/c/_search: `/a/b/c/_search` has more than indices and types in front of _search
        /_cluster/_search: `_cluster` in the path is no index and no type
        /alerts/_search?scroll=5m: a scroll leaves something open on the servers; a search without `scroll` can be compared
        /alerts/_search#/_all: the path `/alerts/_search#/_all` holds a `#`, of which no server hears: write it as %23
        /%zz/_search: `%zz` in the path is not percent-encoded text
        ");
    }

    proptest! {
        #[test]
        fn whatever_comes_through_ends_in_search_or_count(path in "/[a-z_./%?&=,*#<>{}0-9A-Z-]{0,40}") {
            if let Ok((asked, search)) = take_apart(&path) {
                let sent = path_of(asked, &search);
                let before = sent.split('?').next().unwrap();
                prop_assert!(before.ends_with("/_search") || before.ends_with("/_count"));
                let url = Url::parse(&format!("http://x{sent}")).unwrap();
                prop_assert_eq!(url.path(), before, "the URL is not what was written");
            }
        }
    }
}
