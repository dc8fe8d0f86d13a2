//! Documents from a file or stdin: one document over any number of lines, or one a line.

use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::config::MigrationConfig;
use crate::error::{Error, Result};

use super::Specimen;

/// A hit as a search gives it out; a document that is no hit has no `_source`.
#[derive(Deserialize)]
struct Hit<'a> {
    #[serde(borrow, rename = "_source")]
    source: &'a RawValue,
    #[serde(rename = "_index")]
    index: Option<String>,
    #[serde(borrow, rename = "_id")]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "_type")]
    doc_type: Option<&'a RawValue>,
    #[serde(borrow, rename = "_routing")]
    routing: Option<&'a RawValue>,
    #[serde(borrow, rename = "_parent")]
    parent: Option<&'a RawValue>,
    #[serde(rename = "_version")]
    version: Option<u64>,
}

/// Reads every document of `input`; `-` is stdin.
pub(super) fn read(input: &Path, migration: &MigrationConfig) -> Result<Vec<Specimen>> {
    let name = if input == Path::new("-") { "stdin".to_owned() } else { input.display().to_string() };
    let unreadable = |error| Error::config("input_unreadable", format!("cannot read {name}")).because(error);
    let bytes = if input == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(unreadable)?;
        bytes
    } else {
        std::fs::read(input).map_err(unreadable)?
    };
    let specimens = specimens(&bytes, migration.from.indices.first().map_or("", String::as_str));
    if specimens.is_empty() {
        return Err(Error::config("input_empty", format!("{name} holds no document"))
            .hint("give a JSON object, or one a line"));
    }
    Ok(specimens)
}

fn specimens(bytes: &[u8], index: &str) -> Vec<Specimen> {
    let documents: Vec<&[u8]> = if serde_json::from_slice::<IgnoredAny>(bytes).is_ok() {
        vec![bytes.trim_ascii()]
    } else {
        bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect()
    };
    documents.iter().enumerate().map(|(at, document)| specimen(document, at + 1, index)).collect()
}

fn specimen(document: &[u8], position: usize, index: &str) -> Specimen {
    let raw = |value: Option<&RawValue>| value.map(|value| value.get().as_bytes().to_vec());
    let string = |value: Option<&RawValue>| raw(value).filter(|value| value.starts_with(b"\""));
    let own_id = format!("\"{position}\"").into_bytes();
    match serde_json::from_slice::<Hit<'_>>(document) {
        Ok(hit) => Specimen {
            index: hit.index.unwrap_or_else(|| index.to_owned()),
            id: string(hit.id).unwrap_or(own_id),
            doc_type: string(hit.doc_type),
            routing: string(hit.routing).or(string(hit.parent)),
            parent: string(hit.parent),
            version: hit.version,
            source: hit.source.get().as_bytes().to_vec(),
            ..Specimen::default()
        },
        Err(_) => {
            Specimen { index: index.to_owned(), id: own_id, source: document.to_vec(), ..Specimen::default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_document_may_take_several_lines_and_several_take_one_each() {
        let sources = |text: &str| {
            let specimens = specimens(text.as_bytes(), "a");
            specimens.iter().map(|one| String::from_utf8(one.source.clone()).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(sources("{\n\"a\": 1.10\n}\n"), ["{\n\"a\": 1.10\n}"]);
        assert_eq!(sources("{\"a\":1}\n\n{a:2}\n"), ["{\"a\":1}", "{a:2}"]);
        assert!(sources(" \n").is_empty());
    }

    #[test]
    fn a_hit_brings_its_metadata() {
        let hit = r#"{"_index":"i","_type":"t","_id":"x","_parent":"p","_version":3,"_score":0,"_source":{"a":1.10}}"#;
        let expected = Specimen {
            index: "i".to_owned(),
            id: b"\"x\"".to_vec(),
            doc_type: Some(b"\"t\"".to_vec()),
            routing: Some(b"\"p\"".to_vec()),
            parent: Some(b"\"p\"".to_vec()),
            version: Some(3),
            source: br#"{"a":1.10}"#.to_vec(),
            ..Specimen::default()
        };
        assert_eq!(specimens(hit.as_bytes(), "a"), [expected]);
    }
}
