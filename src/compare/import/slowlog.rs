//! Lines of the slow log: `key[value]` after the index and the shard, of which `source` holds the body.

use serde_json::{Map, Value};

use super::{CUT, Found, Held, NOT_JSON, NOT_PLAIN, SCROLL};
use crate::cluster::path::encode;
use crate::compare::request::take_apart;
use crate::schema::query::parse;

/// Reads a line.
pub(super) fn line(line: &str) -> Held {
    if !line.contains("slowlog") && !line.contains("took_millis[") {
        return Held::Other;
    }
    // The index and its shard stand in front of the first key.
    let Some((before, rest)) = line.split_once(" took[") else { return Held::Unusable(CUT) };
    let Some(index) = index(before) else { return Held::Unusable(CUT) };
    let Some((of_url, of_source)) = rest.split_once("source[") else { return Held::Unusable(CUT) };
    let scanned = of_url.contains("search_type[SCAN]");
    if scanned {
        return Held::Unusable(SCROLL);
    }
    let (source, rest) = match body(of_source) {
        Ok(read) => read,
        Err(why) => return Held::Unusable(why),
    };
    let extra = match rest.split_once("extra_source[") {
        Some((_, extra)) => match body(extra) {
            Ok((extra, _)) => extra,
            Err(why) => return Held::Unusable(why),
        },
        // 5.x on has none; a line of 1.x that ends here may have lost it.
        None if rest.contains("extra") || rest.trim_matches([' ', ',']).is_empty() && is_old(line) => {
            return Held::Unusable(CUT);
        }
        None => Value::Null,
    };
    let Some(types) = key(of_url, "types[") else { return Held::Unusable(CUT) };
    let search_type = match key(of_url, "search_type[") {
        Some("COUNT") => "?search_type=count",
        Some("DFS_QUERY_THEN_FETCH") => "?search_type=dfs_query_then_fetch",
        Some("QUERY_AND_FETCH") => "?search_type=query_and_fetch",
        Some("DFS_QUERY_AND_FETCH") => "?search_type=dfs_query_and_fetch",
        Some(_) => "",
        None => return Held::Unusable(CUT),
    };
    let types: Vec<String> =
        types.split(',').map(str::trim).filter(|name| !name.is_empty()).map(encode).collect();
    let types = if types.is_empty() { String::new() } else { format!("{}/", types.join(",")) };
    let path = format!("/{}/{types}_search{search_type}", encode(index));
    if take_apart(&path).is_err() {
        return Held::Unusable(NOT_PLAIN);
    }
    Held::Search(Found { path, body: merged(source, extra) })
}

/// Dates of log4j 1, up to 2.x: `2015-05-05 10:11:12,123`, with a blank.
fn is_old(line: &str) -> bool {
    line.as_bytes().get(11) == Some(&b' ')
}

/// `… [alerts][0]`
fn index(before: &str) -> Option<&str> {
    let (before, _shard) = before.strip_suffix(']')?.rsplit_once("][")?;
    let (_, index) = before.rsplit_once('[')?;
    (!index.is_empty()).then_some(index)
}

fn key<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    // `types[` is the end of no other key; `search_type[` neither.
    let (_, value) = text.split_once(name)?;
    value.split_once(']').map(|(value, _)| value)
}

/// The body that begins here and ends with a bracket, and what follows it. Brackets may stand in it, too.
fn body(text: &str) -> Result<(Value, &str), &'static str> {
    if let Some(rest) = text.strip_prefix(']') {
        return Ok((Value::Null, rest));
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Box<serde_json::value::RawValue>>();
    match values.next() {
        Some(Ok(raw)) => {
            let end = values.byte_offset();
            let rest = text.get(end..).and_then(|rest| rest.trim_start().strip_prefix(']')).ok_or(CUT)?;
            let body = parse(raw.get(), "source").map_err(|_| NOT_JSON)?;
            if body.is_object() { Ok((body, rest)) } else { Err(NOT_JSON) }
        }
        Some(Err(error)) if error.is_eof() => Err(CUT),
        Some(Err(_)) => Err(NOT_JSON),
        None => Err(CUT),
    }
}

/// What stood in the URL wins over the body, as it does on the server.
fn merged(source: Value, extra: Value) -> Value {
    match (source, extra) {
        (Value::Object(mut source), Value::Object(extra)) => {
            source.extend(extra);
            nothing_to_null(source)
        }
        (Value::Null, Value::Object(only)) | (Value::Object(only), _) => nothing_to_null(only),
        _ => Value::Null,
    }
}

fn nothing_to_null(body: Map<String, Value>) -> Value {
    if body.is_empty() { Value::Null } else { Value::Object(body) }
}
