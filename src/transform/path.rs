//! Finding a path in a document.
//!
//! A path is names joined by dots, and matches as the target's mapping does: `a.b` is found in `{"a":{"b":1}}` and
//! in `{"a.b":1}`; arrays on the way stand for each of their elements. Keys are compared by their text, not by how
//! they are escaped. A key that occurs twice is found twice.

use super::json::{Fault, Kind, Part, content, elements, members, text};

/// What a key is to a path.
pub(super) enum Match<'path> {
    /// The field itself.
    Whole,
    /// On the way; what is left of the path.
    Below(&'path str),
    /// Another field.
    No,
}

/// Compares a key, quotes included, with what is left of a path.
pub(super) fn matching<'path>(key: &[u8], rest: &'path str) -> Match<'path> {
    let inner = content(key);
    if memchr::memchr(b'\\', inner).is_none() {
        return plainly(inner, rest);
    }
    text(key).map_or(Match::No, |key| plainly(key.as_bytes(), rest))
}

fn plainly<'path>(key: &[u8], rest: &'path str) -> Match<'path> {
    match rest.as_bytes().strip_prefix(key) {
        Some([]) => Match::Whole,
        Some([b'.', ..]) => Match::Below(&rest[key.len() + 1..]),
        _ => Match::No,
    }
}

/// A value that a path leads to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub key: Part,
    pub value: Part,
}

/// Calls `hit` for each value that `path` leads to from the object or array at `at`, in the order of the document.
pub(super) fn visit(
    bytes: &[u8],
    at: usize,
    path: &str,
    hit: &mut dyn FnMut(Hit) -> Result<(), Fault>,
) -> Result<(), Fault> {
    match Kind::of(&bytes[at..]) {
        Kind::Object => {
            members(bytes, at).try_for_each(|member| match matching(member.key.of(bytes), path) {
                Match::Whole => hit(Hit { key: member.key, value: member.value }),
                Match::Below(rest) => visit(bytes, member.value.start, rest, hit),
                Match::No => Ok(()),
            })
        }
        Kind::Array => elements(bytes, at).try_for_each(|element| visit(bytes, element.start, path, hit)),
        _ => Ok(()),
    }
}
