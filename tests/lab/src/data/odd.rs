//! Documents of every kind that has ever broken a migration, all of which 6.8 takes.

use super::bulk::BulkWriter;
use super::document::{Body, Document};
use crate::endpoint::{Endpoint, escape};
use anyhow::{Context, Result};
use bytes::Bytes;
use reqwest::Method;

/// Sources whose bytes must survive: parts of it are names for what is odd about the document.
const SOURCES: &[(&str, &str)] = &[
    ("empty", "{}"),
    ("blanks", "{  \"kind\" :\t\"blanks\" , \"raw\" : { \"a\" : [ 1 , 2 ] } }"),
    ("key-order", r#"{"z":1,"a":2,"m":3,"raw":{"z":1,"b":{"y":1,"x":2},"a":0}}"#),
    ("trailing-zeros", r#"{"raw":{"a":1.0,"b":1.10,"c":100.00,"d":0.0}}"#),
    ("exponents", r#"{"raw":{"a":1e5,"b":1E5,"c":1e+5,"d":1.5e-7,"e":1e400}}"#),
    ("negative-zero", r#"{"raw":{"a":-0.0,"b":-0}}"#),
    (
        "integers-of-20-digits",
        r#"{"raw":{"a":12345678901234567890,"b":-9223372036854775809,"c":9007199254740993}}"#,
    ),
    ("integers-of-40-digits", r#"{"raw":{"a":1234567890123456789012345678901234567890}}"#),
    (
        "long-fractions",
        r#"{"raw":{"a":0.1000000000000000055511151231257827,"b":3.14159265358979323846264338327950288}}"#,
    ),
    ("escaped-letters", r#"{"raw":{"a":"caf\u00e9","b":"\u0041","c":"\u00E9"}}"#),
    ("escaped-slashes", r#"{"raw":{"a":"http:\/\/example\/"}}"#),
    ("escapes", r#"{"raw":{"a":"\"\\\b\f\n\r\t\u0000\u001f\u007f"}}"#),
    ("lone-surrogates", r#"{"raw":{"a":"\ud83d","b":"\udc00 \ud800","c":"\ude00\ud83d"}}"#),
    ("surrogate-pairs", r#"{"raw":{"a":"\ud83d\ude00","b":"😀"}}"#),
    ("line-separators", "{\"raw\":{\"a\":\"x\u{2028}y\u{2029}z\u{85}\"}}"),
    (
        "unicode",
        "{\"raw\":{\"a\":\"日本語 Ελληνικά עברית e\u{301} \u{feff}\u{fffd}\u{10ffff}\",\"ключ\":1,\"\":2}}",
    ),
    ("pretty", "{\n  \"kind\": \"pretty\",\n  \"raw\": {\n    \"a\": [\n      1,\n      2\n    ]\n  }\n}"),
    ("pretty-windows", "{\r\n\t\"kind\": \"pretty\",\r\n\t\"raw\": {\"a\": \"x\\ny\"}\r\n}\r\n"),
    ("blanks-around", "  {\"raw\":{\"a\":1}}  "),
    ("scalars", r#"{"raw":{"a":null,"b":true,"c":false,"d":[],"e":{},"f":[[[]]],"g":[null,1,"x",{}]}}"#),
    ("braces-in-strings", r#"{"raw":{"a":"}]{[\"_source\":{\"","b":"\\\\\"","c":",\"hits\":["}}"#),
    (
        "names-like-metadata",
        r#"{"raw":{"_id":"x","_source":{"_routing":"y"},"_version":3,"hits":{"total":0}}}"#,
    ),
    ("deep", r#"{"raw":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}}}}}}"#),
    ("number-as-text", r#"{"kind":"number-as-text","number":"42","raw":{}}"#),
];

/// The documents, each with the exact bytes of its source. Two have one id and different routings.
pub fn odd_documents() -> Vec<Document> {
    let mut documents: Vec<Document> =
        SOURCES.iter().map(|(kind, source)| Document::new(format!("source-{kind}"), *source)).collect();
    for (number, id) in odd_ids().into_iter().enumerate() {
        documents
            .push(Document::new(id, format!(r#"{{"kind":"id","number":{number},"raw":{{"n":{number}}}}}"#)));
    }
    for (number, routing) in
        ["r", "a b", "ключ", "😀", "x#y", "q\"\\", "0", "a/b?c&d=e%20+", "A,B"].iter().enumerate()
    {
        let source = format!(r#"{{"kind":"routing","number":{number}}}"#);
        documents.push(Document::new(format!("routed-{number}"), source).routed(*routing));
    }
    for routing in twins() {
        let source = format!(r#"{{"kind":"twin","raw":{{"routing":"{routing}"}}}}"#);
        documents.push(Document::new("twin", source).routed(routing));
    }
    for version in [
        1,
        2,
        1000,
        (1 << 31),
        (1 << 53) - 1,
        (1 << 53) + 1,
        9_000_000_000_000_000_001,
        i64::MAX.unsigned_abs(),
    ] {
        let source = format!(r#"{{"kind":"version","raw":{{"version":{version}}}}}"#);
        documents.push(Document::new(format!("version-{version}"), source).versioned(version));
    }
    documents
        .push(Document::new("routed-and-versioned", "{\"kind\":\"both\"}").routed("rv").versioned(1 << 60));
    documents
}

/// Ids of every kind that both sides take.
fn odd_ids() -> Vec<String> {
    let mut ids: Vec<String> = [
        "0",
        "1",
        "9",
        "x",
        "é",
        "#",
        "a#b",
        "odd#a",
        "#a#",
        "007",
        "-1",
        "1.0",
        "12345678901234567890",
        "1e5",
        "true",
        "null",
        "a b",
        " a",
        "a ",
        "a\tb",
        "a\"b",
        "a'b",
        "a\\b",
        "\\\\",
        "a/b",
        "/",
        "//",
        "http://x.example/a?b=c&d=%41#e",
        "a%2Fb",
        "%",
        "a+b",
        "a,b",
        "*",
        "a*",
        "?",
        "_",
        "_id",
        "_all",
        ".",
        "..",
        "a.b",
        "[x]",
        "{x}",
        "<x>",
        "a|b",
        "a:b",
        "日本語",
        "Ελληνικά",
        "ключ",
        "e\u{301}",
        "é\u{301}",
        "\u{feff}x",
        "\u{e000}",
        "\u{ffff}",
        "\u{10000}",
        "😀",
        "😀#😀",
        "\u{10ffff}",
        "a\u{7f}",
        "\u{80}",
        "\u{2028}",
        "a\nb",
        "a\u{1}b",
        "5e6f7a8b9c0d1e2f3a4b5c6d",
        "AVx1cQvZ8h0kF2nJ3lMq",
        "550e8400-e29b-41d4-a716-446655440000",
        "zzzz",
        "ZZZZ",
        "~",
    ]
    .iter()
    .map(|id| (*id).to_owned())
    .collect();
    ids.push("a".repeat(512));
    ids.push("é".repeat(256));
    ids.push("😀".repeat(128));
    ids.push(format!("{}#", "b".repeat(511)));
    ids
}

/// Two routings that lead to different shards of three, by the hash of 1.x and by that of 2.0 and later.
fn twins() -> [&'static str; 2] {
    ["first", "third"]
}

/// Makes the index anew and loads the odd documents, some of which are updated; returns how many are there.
pub async fn load_odd_documents(endpoint: &Endpoint, index: &str) -> Result<u64> {
    let major = endpoint.major().await?;
    let (body, kind) = Body::Odd.for_major(major)?;
    endpoint.recreate_index(index, &body).await?;
    let documents = odd_documents();
    // a bulk cannot carry a source with newlines: such documents are stored one by one, as they were in life
    let (single, bulk): (Vec<_>, Vec<_>) =
        documents.into_iter().partition(|document| document.source.contains('\n'));
    let writer = BulkWriter::new(endpoint, index, (major < 7).then_some(kind)).sized(20, 1);
    for document in &single {
        put(endpoint, index, kind, document).await?;
    }
    let mut updates = Vec::new();
    for (number, document) in bulk.iter().filter(|document| document.version.is_none()).enumerate() {
        if number % 5 == 0 {
            updates.push(document.clone());
        }
    }
    writer.index(bulk).await?;
    for round in 1..=3 {
        let again = updates.iter().step_by(round).cloned().collect::<Vec<_>>();
        writer.index(again).await?;
    }
    endpoint.refresh(index).await?;
    endpoint.flush(index).await?;
    endpoint.count(index).await
}

async fn put(endpoint: &Endpoint, index: &str, kind: &str, document: &Document) -> Result<()> {
    let mut path = format!("/{index}/{kind}/{}?", escape(&document.id));
    if let Some(routing) = &document.routing {
        path.push_str(&format!("routing={}&", escape(routing)));
    }
    if let Some(version) = document.version {
        path.push_str(&format!("version={version}&version_type=external&"));
    }
    let body = Bytes::from(document.source.clone());
    let answer = endpoint.send(Method::PUT, &path, "application/json", body).await?;
    answer.ok().with_context(|| format!("storing {:?}", document.id))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_source_is_json_and_every_key_unique() {
        let mut keys = HashSet::new();
        for document in odd_documents() {
            assert!(
                serde_json::from_str::<Box<serde_json::value::RawValue>>(&document.source).is_ok(),
                "{document:?}"
            );
            assert!(document.id.len() <= 512 && !document.id.is_empty());
            assert!(
                keys.insert((document.id.clone(), document.routing.clone())),
                "{document:?} is there twice"
            );
        }
        assert!(keys.len() > 100);
    }
}
