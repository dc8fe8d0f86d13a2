//! Recorded searches: NDJSON, one a line.

use std::collections::HashMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::request::{Asked, take_apart};
use crate::error::{Error, Result};
use crate::schema::query::{Search, parse};

/// What a line looks like, for hints.
const EXAMPLE: &str = r#"a line is such as {"name": "open alerts", "path": "/alerts/_search", "body": {"query": {"term": {"status": "open"}}}}"#;

/// One recorded search.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// As given, else `line N`.
    pub name: String,
    /// Where it stands in the file, from 1.
    pub line: usize,
    /// GET or POST.
    pub method: Method,
    /// Search or count.
    pub asked: Asked,
    /// For the source.
    pub search: Search,
    /// For the target, where it is given by hand.
    pub target: GivenTarget,
    /// What of the answer does not have to be the same.
    pub expect: Expect,
    /// 16 hexadecimal digits that stand for the search for the source, whatever its name is.
    pub fingerprint: String,
}

impl Recorded {
    /// GET or POST for the search of a side. What has a body is sent as recorded; one that gets a body by the
    /// rewriting only is posted.
    #[must_use]
    pub fn method_for(&self, search: &Search) -> Method {
        if self.search.body.is_null() && !search.body.is_null() { Method::POST } else { self.method.clone() }
    }
}

/// What the target is asked instead of the rewritten search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GivenTarget {
    /// Another path, with the parameters of the URL.
    pub path: Option<(Asked, Search)>,
    /// Another body.
    pub body: Option<Value>,
}

/// What of the answers has to be the same. Everything, by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// Scores.
    pub scores: Option<Scores>,
    /// The order of hits.
    #[serde(default)]
    pub order: Wanted,
    /// Highlighted fragments.
    #[serde(default)]
    pub highlight: Wanted,
    /// Suggestions.
    #[serde(default)]
    pub suggest: Wanted,
}

/// Whether something counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// It does.
    #[default]
    Same,
    /// It does not.
    Ignore,
}

/// How scores are compared.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scores {
    /// Not at all.
    Ignore,
    /// They may differ by this part of the larger one, such as 0.001.
    Within(f64),
}

impl std::str::FromStr for Scores {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "ignore" {
            return Ok(Scores::Ignore);
        }
        match text.parse::<f64>() {
            Ok(tolerance) if (0.0..1.0).contains(&tolerance) => Ok(Scores::Within(tolerance)),
            _ => Err(format!("`{text}` is neither `ignore` nor a part from 0 to below 1, such as 0.001")),
        }
    }
}

impl<'de> Deserialize<'de> for Scores {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    name: Option<String>,
    method: Option<String>,
    path: String,
    #[serde(default)]
    body: Value,
    target: Option<TargetLine>,
    #[serde(default)]
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TargetLine {
    path: Option<String>,
    body: Option<Value>,
}

/// Reads a file of recorded searches, of which `origin` is the name.
///
/// # Errors
/// `Config`, which names file and line, for a line that cannot be read or asks for anything but a search, for a name
/// that stands twice, and for a file without searches.
pub fn read(text: &str, origin: &str) -> Result<Vec<Recorded>> {
    let mut all: Vec<Recorded> = Vec::new();
    let mut names: HashMap<String, usize> = HashMap::new();
    for (at, line) in text.lines().enumerate() {
        let number = at + 1;
        if line.trim().is_empty() {
            continue;
        }
        let bad =
            |what: String| Error::config("bad_search", format!("{origin}:{number}: {what}")).hint(EXAMPLE);
        let recorded = one(line, number).map_err(bad)?;
        if let Some(first) = names.insert(recorded.name.clone(), number) {
            let what = format!("the name `{}` stands on line {first}, too", recorded.name);
            return Err(bad(what).hint("names tell searches apart in the report: give each its own"));
        }
        all.push(recorded);
    }
    if all.is_empty() {
        return Err(Error::config("no_searches", format!("{origin} holds no search")).hint(EXAMPLE));
    }
    Ok(all)
}

fn one(line: &str, number: usize) -> Result<Recorded, String> {
    // One line is all there is.
    let value =
        parse(line, "the line").map_err(|error| error.one_line().replace("at line 1 column", "at column"))?;
    if !value.is_object() {
        return Err("the line is JSON, but no object".to_owned());
    }
    let line: Line = serde_json::from_value(value).map_err(|error| error.to_string())?;
    let (asked, search) = take_apart(&line.path)?;
    let search = with_body_of_url(Search { body: line.body, ..search })?;
    let method = match line.method.as_deref() {
        None if search.body.is_null() => Method::GET,
        None | Some("POST") => Method::POST,
        Some("GET") => Method::GET,
        Some(other) => return Err(format!("the method `{other}` is not sent: searches are GET or POST")),
    };
    let mut target = GivenTarget::default();
    if let Some(given) = line.target {
        if let Some(path) = given.path {
            let (asked, search) = take_apart(&path).map_err(|reason| format!("target.path: {reason}"))?;
            target.path = Some((asked, with_body_of_url(search)?));
        }
        if let Some(body) = given.body {
            is_a_body(&body).map_err(|reason| format!("target.{reason}"))?;
            target.body = Some(body);
        }
    }
    if target.path.as_ref().is_some_and(|(other, _)| *other != asked) {
        return Err("`path` and `target.path` ask for different things: a search and a count".to_owned());
    }
    let fingerprint = fingerprint(asked, &search);
    let name = line.name.unwrap_or_else(|| format!("line {number}"));
    if name.trim().is_empty() {
        return Err("the name is empty".to_owned());
    }
    Ok(Recorded { name, line: number, method, asked, search, target, expect: line.expect, fingerprint })
}

/// The body may stand in the URL, as `source`.
fn with_body_of_url(search: Search) -> Result<Search, String> {
    let Search { address, parameters, body } = search;
    is_a_body(&body)?;
    let (sources, parameters): (Vec<_>, Vec<_>) =
        parameters.into_iter().partition(|(name, _)| name == "source" || name == "source_content_type");
    let Some((_, source)) = sources.into_iter().find(|(name, _)| name == "source") else {
        return Ok(Search { address, parameters, body });
    };
    if !body.is_null() {
        return Err("there is a body, and another one in the URL's `source`: give one".to_owned());
    }
    let body = parse(&source, "the URL's `source`").map_err(|error| error.one_line())?;
    is_a_body(&body)?;
    Ok(Search { address, parameters, body })
}

fn is_a_body(body: &Value) -> Result<(), String> {
    match body {
        Value::Null | Value::Object(_) => Ok(()),
        _ => Err("body: a search is a JSON object".to_owned()),
    }
}

/// Stands for a search: the same one has the same, however its keys and parameters are ordered.
fn fingerprint(asked: Asked, search: &Search) -> String {
    let mut parameters = search.parameters.clone();
    parameters.sort();
    let whole = serde_json::json!([
        asked.endpoint(),
        search.address.indices,
        search.address.types,
        parameters,
        sorted(&search.body)
    ]);
    let digest = Sha256::digest(whole.to_string());
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let mut all: Vec<(&String, Value)> =
                entries.iter().map(|(key, value)| (key, sorted(value))).collect();
            all.sort_by_key(|(key, _)| *key);
            Value::Object(all.into_iter().map(|(key, value)| (key.clone(), value)).collect::<Map<_, _>>())
        }
        Value::Array(list) => list.iter().map(sorted).collect(),
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bad_lines_are_named_with_file_and_line_and_what_is_wrong() {
        let mut told = String::new();
        for line in [
            "{",
            "[1]",
            r#"{"name": "x"}"#,
            r#"{"path": "/a/_search", "bodi": {}}"#,
            r#"{"path": "/a/_search", "body": [1]}"#,
            r#"{"path": "/a/_search", "body": {"query": {"bool": {"must": [], "must": []}}}}"#,
            r#"{"path": "/a/_search", "method": "DELETE"}"#,
            r#"{"path": "/a/_delete_by_query", "body": {}}"#,
            r#"{"path": "/a/_search", "expect": {"scores": 2}}"#,
            r#"{"path": "/a/_search", "expect": {"order": "any"}}"#,
            r#"{"path": "/a/_search", "target": {"path": "/a/_bulk"}}"#,
            r#"{"path": "/a/_search", "target": {"path": "/a/_count"}}"#,
            r#"{"path": "/a/_search?source=%7B", "name": "x"}"#,
            r#"{"path": "/a/_search", "name": " "}"#,
        ] {
            let file = format!("{{\"path\": \"/ok/_search\"}}\n\n{line}\n");
            told.push_str(&format!("{}\n", read(&file, "searches.ndjson").unwrap_err().one_line()));
        }
        let twice =
            "{\"path\": \"/a/_search\", \"name\": \"x\"}\n{\"path\": \"/b/_search\", \"name\": \"x\"}";
        told.push_str(&format!("{}\n", read(twice, "searches.ndjson").unwrap_err().one_line()));
        told.push_str(&read("\n", "searches.ndjson").unwrap_err().one_line());
        insta::assert_snapshot!(told, @r"
        searches.ndjson:3: the line: the search cannot be read: EOF while parsing an object at column 1
        searches.ndjson:3: the line is JSON, but no object
        searches.ndjson:3: missing field `path`
        searches.ndjson:3: unknown field `bodi`, expected one of `name`, `method`, `path`, `body`, `target`, `expect`
        searches.ndjson:3: body: a search is a JSON object
        searches.ndjson:3: the line: the search cannot be read: `must` stands twice in one object at column 69
        searches.ndjson:3: the method `DELETE` is not sent: searches are GET or POST
        searches.ndjson:3: `/a/_delete_by_query` is no search: paths end in `_search` or `_count`, and nothing else is sent
        searches.ndjson:3: `2` is neither `ignore` nor a part from 0 to below 1, such as 0.001
        searches.ndjson:3: unknown variant `any`, expected `same` or `ignore`
        searches.ndjson:3: target.path: `/a/_bulk` is no search: paths end in `_search` or `_count`, and nothing else is sent
        searches.ndjson:3: `path` and `target.path` ask for different things: a search and a count
        searches.ndjson:3: the URL's `source`: the search cannot be read: EOF while parsing an object at line 1 column 1
        searches.ndjson:3: the name is empty
        searches.ndjson:2: the name `x` stands on line 1, too
        searches.ndjson holds no search
        ");
    }

    #[test]
    fn a_search_is_the_same_however_it_is_written() {
        let read = |line: &str| read(line, "x").unwrap().remove(0);
        let body = read(
            r#"{"path": "/a/_search?routing=1&size=3", "body": {"from": 0, "query": {"match_all": {}}}}"#,
        );
        let url = read(
            r#"{"path": "/a/_search?size=3&source=%7B%22query%22%3A%7B%22match_all%22%3A%7B%7D%7D%2C%22from%22%3A0%7D&routing=1", "name": "y"}"#,
        );
        assert_eq!(body.fingerprint, url.fingerprint);
        assert_eq!((body.method, url.method), (Method::POST, Method::POST));
        assert_eq!((body.name.as_str(), body.fingerprint.len()), ("line 1", 16));
        assert_ne!(
            read(r#"{"path": "/a/_count"}"#).fingerprint,
            read(r#"{"path": "/a/_search"}"#).fingerprint
        );
    }

    #[test]
    fn what_is_expected_is_read() {
        let line = r#"{"path": "/a/_search", "expect": {"scores": 0.01, "order": "ignore"}}"#;
        let expect = read(line, "x").unwrap()[0].expect;
        assert_eq!(
            (expect.scores, expect.order, expect.highlight),
            (Some(Scores::Within(0.01)), Wanted::Ignore, Wanted::Same)
        );
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "(\\PC|\n){0,200}") {
            let _ = read(&text, "x");
        }
    }
}
