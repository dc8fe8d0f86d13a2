//! Lines of an access log in the common or combined format: the request stands in the first pair of quotes.

use serde_json::Value;

use super::{CUT, FAILED, Found, Held, NO_BODY, NOT_JSON, NOT_PLAIN, SCROLL, UNREADABLE};
use crate::compare::request::{Asked, path_of, take_apart};
use crate::schema::query::{Search, parse};

/// Reads a line.
pub(super) fn line(line: &str) -> Held {
    let Some((_, quoted)) = line.split_once('"') else { return Held::Unusable(UNREADABLE) };
    let Some((request, rest)) = until_quote(quoted) else { return Held::Unusable(CUT) };
    let mut words = request.split(' ');
    let (Some(method), Some(target), Some(protocol), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Held::Unusable(UNREADABLE);
    };
    if !protocol.starts_with("HTTP/") {
        return Held::Unusable(UNREADABLE);
    }
    let before = target.split('?').next().unwrap_or_default().trim_end_matches('/');
    if before.ends_with("/_msearch") || before.contains("/_search/") {
        let scroll = before.ends_with("/scroll");
        return Held::Unusable(if scroll { SCROLL } else { NOT_PLAIN });
    }
    if !before.ends_with("/_search") && !before.ends_with("/_count") || !matches!(method, "GET" | "POST") {
        return Held::Other;
    }
    let status = rest.split_whitespace().next().and_then(|status| status.parse::<u16>().ok());
    match status {
        Some(200..300) => {}
        Some(_) => return Held::Unusable(FAILED),
        None => return Held::Unusable(CUT),
    }
    search(target)
}

fn search(target: &str) -> Held {
    if target.contains("scroll=") || target.contains("search_type=scan") {
        return Held::Unusable(SCROLL);
    }
    let Ok((asked, Search { address, parameters, .. })) = take_apart(target) else {
        return Held::Unusable(NOT_PLAIN);
    };
    let (sources, parameters): (Vec<_>, Vec<_>) =
        parameters.into_iter().partition(|(name, _)| name == "source" || name == "source_content_type");
    let source = sources.into_iter().find(|(name, _)| name == "source");
    let body = match &source {
        Some((_, text)) => match parse(text, "source") {
            Ok(body) if body.is_object() => body,
            _ => return Held::Unusable(NOT_JSON),
        },
        None => Value::Null,
    };
    if source.is_none() && !parameters.iter().any(|(name, _)| name == "q") {
        return Held::Unusable(NO_BODY);
    }
    found(asked, Search { address, parameters, body })
}

fn found(asked: Asked, search: Search) -> Held {
    let path = path_of(asked, &search);
    Held::Search(Found { path, body: search.body })
}

/// The text in front of the next quote that is not escaped, unescaped, and what follows it.
fn until_quote(text: &str) -> Option<(String, &str)> {
    let mut unescaped = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((unescaped, text.get(at + 1..)?)),
            '\\' => match characters.next()? {
                // nginx writes bytes so.
                (_, 'x') => {
                    let digits = [characters.next()?.1, characters.next()?.1];
                    let (high, low) = (digits[0].to_digit(16)?, digits[1].to_digit(16)?);
                    unescaped.push_str(&format!("%{:02X}", high * 16 + low));
                }
                (_, other) => unescaped.push(other),
            },
            other => unescaped.push(other),
        }
    }
    None
}
