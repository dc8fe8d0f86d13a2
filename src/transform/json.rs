//! A document as bytes: where its members and elements stand, and how a part of it is replaced.
//!
//! Everything but [`check`] relies on the document having passed it.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::source::nesting::{end_of_container, end_of_string};

/// Brackets in brackets that a document may have. Steps follow them by recursion.
const DEEPEST: usize = 512;

/// What is wrong with a document, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub path: String,
    pub reason: String,
}

impl Fault {
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Fault { path: path.into(), reason: reason.into() }
    }
}

/// Refuses what is no JSON object, with the place. 1.x gives out such documents (dialects 2.11).
pub(super) fn check(bytes: &[u8]) -> Result<(), Fault> {
    check_value(bytes, "document")?;
    if bytes.get(start(bytes)) != Some(&b'{') {
        return Err(Fault::new("", "the document is not an object"));
    }
    Ok(())
}

/// Refuses what is no JSON, or deeper than anything here can follow.
///
/// # Errors
/// [`Fault`], in which it is called `what`.
pub(crate) fn check_value(bytes: &[u8], what: &str) -> Result<(), Fault> {
    let refuse = |reason: String| Err(Fault::new("", reason));
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            return refuse(format!("the {what} is not UTF-8 at byte {}", error.valid_up_to()));
        }
    };
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return refuse(format!("the {what} is not JSON: {error}"));
    }
    if memchr::memchr2_iter(b'{', b'[', bytes).nth(DEEPEST).is_some() && depth(bytes) > DEEPEST {
        return refuse(format!("the {what} is nested deeper than {DEEPEST} levels"));
    }
    Ok(())
}

fn depth(bytes: &[u8]) -> usize {
    let (mut at, mut depth, mut deepest) = (0, 0_usize, 0);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at = end_of_string(bytes, at).unwrap_or(bytes.len()),
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Where the document's own bracket stands.
pub(crate) fn start(bytes: &[u8]) -> usize {
    blanks(bytes, 0)
}

fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// A part of a document's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub start: usize,
    pub end: usize,
}

impl Part {
    pub fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.end]
    }
}

/// One member of an object. The key keeps its quotes and escapes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    pub key: Part,
    pub value: Part,
}

/// What the first byte of a value says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Boolean,
    Null,
}

impl Kind {
    pub fn of(value: &[u8]) -> Kind {
        match value.first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    pub fn words(self) -> &'static str {
        match self {
            Kind::Object => "an object",
            Kind::Array => "an array",
            Kind::String => "a string",
            Kind::Number => "a number",
            Kind::Boolean => "a boolean",
            Kind::Null => "null",
        }
    }
}

/// The members of the object whose bracket stands at `open`.
pub(crate) fn members(bytes: &[u8], open: usize) -> impl Iterator<Item = Member> {
    let mut at = open + 1;
    std::iter::from_fn(move || {
        let key = next_part(bytes, &mut at, b'}')?;
        at = blanks(bytes, at) + 1;
        let value = next_part(bytes, &mut at, b'}')?;
        Some(Member { key, value })
    })
}

/// The elements of the array whose bracket stands at `open`.
pub(crate) fn elements(bytes: &[u8], open: usize) -> impl Iterator<Item = Part> {
    let mut at = open + 1;
    std::iter::from_fn(move || next_part(bytes, &mut at, b']'))
}

fn next_part(bytes: &[u8], at: &mut usize, close: u8) -> Option<Part> {
    let mut start = blanks(bytes, *at);
    if bytes.get(start) == Some(&b',') {
        start = blanks(bytes, start + 1);
    }
    let end = match *bytes.get(start)? {
        byte if byte == close => return None,
        b'"' => end_of_string(bytes, start + 1)?,
        b'{' | b'[' => end_of_container(bytes, start)?,
        _ => {
            let rest = &bytes[start..];
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
            start + rest.iter().position(ends).unwrap_or(rest.len())
        }
    };
    *at = end;
    Some(Part { start, end })
}

/// The text of a JSON string; `None` for one that is no text, such as a lone surrogate.
pub(crate) fn text(raw: &[u8]) -> Option<Cow<'_, str>> {
    let inner = content(raw);
    if memchr::memchr(b'\\', inner).is_none() {
        return std::str::from_utf8(inner).ok().map(Cow::Borrowed);
    }
    serde_json::from_slice::<String>(raw).ok().map(Cow::Owned)
}

/// For messages: the text of a JSON string, or its raw bytes when it is no text.
pub(super) fn shown(raw: &[u8]) -> Cow<'_, str> {
    text(raw).unwrap_or_else(|| String::from_utf8_lossy(content(raw)))
}

/// A JSON string without its quotes.
pub(crate) fn content(raw: &[u8]) -> &[u8] {
    raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()
}

/// A text as JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A path with one more name.
pub(crate) fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A copy of a document in which parts are replaced, from the front to the back.
pub(super) struct Splice<'a> {
    bytes: &'a [u8],
    out: Vec<u8>,
    upto: usize,
}

impl<'a> Splice<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Splice { bytes, out: Vec::new(), upto: 0 }
    }

    /// Copies up to the part and gives the place for what stands there instead of it.
    pub fn replace(&mut self, part: Part) -> &mut Vec<u8> {
        if self.upto == 0 {
            self.out.reserve(self.bytes.len() + self.bytes.len() / 2);
        }
        self.out.extend_from_slice(&self.bytes[self.upto..part.start]);
        self.upto = part.end;
        &mut self.out
    }

    /// The new document; `None` when nothing was replaced.
    pub fn finish(mut self) -> Option<Vec<u8>> {
        if self.upto == 0 {
            return None;
        }
        self.out.extend_from_slice(&self.bytes[self.upto..]);
        Some(self.out)
    }
}
