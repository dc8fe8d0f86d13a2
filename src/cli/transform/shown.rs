//! What became of a document: a difference in lines for people, a line of JSON for programs.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;
use similar::{ChangeTag, TextDiff};

use crate::cli::Paint;
use crate::error::{Error, Result};
use crate::transform::{Document, Origin, Steps, Transformed, pretty};

use super::Specimen;

/// Unchanged lines that are shown around a change.
const AROUND: usize = 3;

/// A document with what became of it.
pub(super) struct Outcome<'a> {
    specimen: &'a Specimen,
    after: Result<Vec<Document<'a>>, String>,
    dropped: Option<String>,
}

pub(super) fn apply<'a>(steps: &Steps, specimen: &'a Specimen) -> Outcome<'a> {
    let origin = Origin {
        index: &specimen.index,
        doc_type: specimen.doc_type.as_deref(),
        parent: specimen.parent.as_deref(),
    };
    let document = Document {
        index: specimen.target.clone(),
        id: Cow::Borrowed(&specimen.id),
        routing: specimen.routing.as_deref().map(Cow::Borrowed),
        version: specimen.version,
        source: Cow::Borrowed(&specimen.source),
    };
    let mut dropped = None;
    let shaped = specimen.shape.apply(document, &origin);
    let transformed =
        shaped.and_then(|document| steps.apply(document, &origin).map_err(|error| error.to_string()));
    let after = transformed.map(|transformed| match transformed {
        Transformed::One(document) => vec![document],
        Transformed::Several(documents) => documents,
        Transformed::Dropped { step } => {
            dropped = Some(steps.describe(step));
            Vec::new()
        }
    });
    Outcome { specimen, after, dropped }
}

impl Outcome<'_> {
    pub fn failed(&self) -> bool {
        self.after.is_err()
    }

    /// The difference, as `diff -u` would show it.
    pub fn text(&self, paint: Paint) -> String {
        let before = pretty(&self.specimen.source);
        let title = format!("{} {}", self.specimen.index, lossy(&self.specimen.id));
        let mut text = format!("{}\n", paint.bold(&title));
        match &self.after {
            Err(error) => text.push_str(&format!("  {} {error}\n", paint.red("failed:"))),
            Ok(documents) => {
                if let Some(reason) = &self.dropped {
                    text.push_str(&format!("  {} {reason}\n", paint.yellow("dropped by")));
                }
                if documents.len() > 1 {
                    text.push_str(&format!("  becomes {} documents\n", documents.len()));
                }
                for document in documents {
                    text.push_str(&self.metadata(document, paint));
                    text.push_str(&difference(&before, &pretty(&document.source), paint));
                }
            }
        }
        text
    }

    fn metadata(&self, document: &Document<'_>, paint: Paint) -> String {
        let before = self.specimen;
        let shown = |raw: Option<&[u8]>| raw.map_or_else(|| "none".to_owned(), lossy);
        let index = document.index.as_deref().map(|index| ("_index", before.index.clone(), index.to_owned()));
        let lines = index
            .into_iter()
            .chain([
                ("_id", lossy(&before.id), lossy(&document.id)),
                ("_routing", shown(before.routing.as_deref()), shown(document.routing.as_deref())),
            ])
            .filter(|(_, before, after)| before != after);
        lines.map(|(name, before, after)| format!("  {}: {before} -> {after}\n", paint.bold(name))).collect()
    }

    /// `{index, id, before, after, dropped, error}` on one line.
    pub fn json(&self) -> Result<String> {
        let made = |document: &Document<'_>| {
            Ok(Made {
                index: document.index.as_deref().map(ToOwned::to_owned),
                id: raw(&document.id)?,
                routing: document.routing.as_deref().map(raw).transpose()?,
                source: raw(&document.source)?,
            })
        };
        let line = Line {
            index: &self.specimen.index,
            id: raw(&self.specimen.id)?,
            before: raw(&self.specimen.source)?,
            after: self.after.iter().flatten().map(made).collect::<Result<_>>()?,
            dropped: self.dropped.as_deref(),
            error: self.after.as_ref().err().cloned(),
        };
        serde_json::to_string(&line).map(|line| line + "\n").map_err(unwritable)
    }
}

#[derive(Serialize)]
struct Line<'a> {
    index: &'a str,
    id: Box<RawValue>,
    before: Box<RawValue>,
    after: Vec<Made>,
    dropped: Option<&'a str>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Made {
    index: Option<String>,
    id: Box<RawValue>,
    routing: Option<Box<RawValue>>,
    source: Box<RawValue>,
}

/// JSON with its literals on one line; what is no JSON becomes a string.
fn raw(bytes: &[u8]) -> Result<Box<RawValue>> {
    let text = String::from_utf8_lossy(bytes).replace(['\n', '\r'], " ");
    match RawValue::from_string(text) {
        Ok(raw) => Ok(raw),
        Err(_) => serde_json::value::to_raw_value(&lossy(bytes)).map_err(unwritable),
    }
}

fn unwritable(error: serde_json::Error) -> Error {
    Error::unexpected("not_json", "the result cannot be written as JSON").because(error)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn difference(before: &str, after: &str, paint: Paint) -> String {
    if before == after {
        return "  unchanged\n".to_owned();
    }
    let difference = TextDiff::from_lines(before, after);
    let mut text = String::new();
    for (at, group) in difference.grouped_ops(AROUND).iter().enumerate() {
        if at > 0 {
            text.push_str("  ...\n");
        }
        for change in group.iter().flat_map(|op| difference.iter_changes(op)) {
            let line = change.value().trim_end_matches('\n');
            let line = match change.tag() {
                ChangeTag::Delete => paint.red(&format!("- {line}")),
                ChangeTag::Insert => paint.green(&format!("+ {line}")),
                ChangeTag::Equal => format!("  {line}"),
            };
            text.push_str(&format!("  {line}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TransformConfig;

    fn shown(steps: &[TransformConfig], source: &str) -> (String, String) {
        let specimen = Specimen {
            index: "alerts".to_owned(),
            id: b"\"1\"".to_vec(),
            source: source.as_bytes().to_vec(),
            ..Specimen::default()
        };
        let steps = Steps::compile(steps).unwrap();
        let outcome = apply(&steps, &specimen);
        (outcome.text(Paint::off()), outcome.json().unwrap())
    }

    #[test]
    fn a_change_is_shown_with_the_lines_around_it() {
        let steps = [TransformConfig::Remove(vec!["b".to_owned()])];
        let (text, json) = shown(&steps, "{\"a\":1.10,\n\"b\":2,\"c\":3}");
        insta::assert_snapshot!(text, @r#"
        alerts "1"
            {
              "a": 1.10,
          -   "b": 2,
              "c": 3
            }
        "#);
        insta::assert_snapshot!(json, @r#"{"index":"alerts","id":"1","before":{"a":1.10, "b":2,"c":3},"after":[{"index":null,"id":"1","routing":null,"source":{"a":1.10,"c":3}}],"dropped":null,"error":null}"#);
    }

    #[test]
    fn several_none_and_a_failure_are_told() {
        let jq = |program: &str| [TransformConfig::Jq(program.to_owned())];
        let (text, _) =
            shown(&jq("{_id: \"x\", _routing: \"r\", _index: \"other\", _source: .}"), "{\"a\":1}");
        insta::assert_snapshot!(text, @r#"
        alerts "1"
          _index: alerts -> other
          _id: "1" -> "x"
          _routing: none -> "r"
          unchanged
        "#);
        insta::assert_snapshot!(shown(&jq("empty"), "{}").0, @r#"
        alerts "1"
          dropped by transform 1: jq empty
        "#);
        let (text, json) = shown(&jq("."), "{a:1}");
        insta::assert_snapshot!(text, @r#"
        alerts "1"
          failed: transform 1: the document is not JSON: key must be a string at line 1 column 2
        "#);
        insta::assert_snapshot!(json, @r#"{"index":"alerts","id":"1","before":"{a:1}","after":[],"dropped":null,"error":"transform 1: the document is not JSON: key must be a string at line 1 column 2"}"#);
    }
}
