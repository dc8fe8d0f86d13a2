//! `set`: a field gets a fixed value.

use crate::config::SetConfig;

use super::json::{Fault, Kind, Part, Splice, below, elements, members, quoted, shown, start};
use super::path::{Match, matching};

/// A step, with its value as JSON.
#[derive(Debug)]
pub(super) struct Set {
    field: String,
    value: String,
    if_absent: bool,
}

impl Set {
    pub fn new(config: &SetConfig) -> Self {
        Set { field: config.field.clone(), value: config.value.to_string(), if_absent: config.if_absent }
    }

    pub fn edit(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        put(bytes, &self.field, self.value.as_bytes(), self.if_absent)
    }
}

/// The document with `value` at `path`; objects that are missing on the way are made.
pub(super) fn put(bytes: &[u8], path: &str, value: &[u8], if_absent: bool) -> Result<Option<Vec<u8>>, Fault> {
    let mut putting = Putting { bytes, value, if_absent, splice: Splice::new(bytes) };
    putting.at(start(bytes), path, "")?;
    Ok(putting.splice.finish())
}

struct Putting<'a> {
    bytes: &'a [u8],
    value: &'a [u8],
    if_absent: bool,
    splice: Splice<'a>,
}

impl Putting<'_> {
    fn at(&mut self, at: usize, rest: &str, way: &str) -> Result<(), Fault> {
        let bytes = self.bytes;
        match Kind::of(&bytes[at..]) {
            Kind::Object => self.object(at, rest, way),
            Kind::Array => elements(bytes, at).try_for_each(|element| self.at(element.start, rest, way)),
            other => Err(Fault::new(way, format!("is {} and cannot hold `{rest}`", other.words()))),
        }
    }

    fn object(&mut self, at: usize, rest: &str, way: &str) -> Result<(), Fault> {
        let bytes = self.bytes;
        let (mut found, mut end) = (false, None);
        for member in members(bytes, at) {
            end = Some(member.value.end);
            match matching(member.key.of(bytes), rest) {
                Match::Whole => {
                    found = true;
                    if !self.if_absent {
                        self.splice.replace(member.value).extend_from_slice(self.value);
                    }
                }
                Match::Below(rest) => {
                    found = true;
                    self.at(member.value.start, rest, &below(way, &shown(member.key.of(bytes))))?;
                }
                Match::No => {}
            }
        }
        if found {
            return Ok(());
        }
        let place = end.unwrap_or(at + 1);
        let out = self.splice.replace(Part { start: place, end: place });
        if end.is_some() {
            out.push(b',');
        }
        let names: Vec<String> = rest.split('.').map(quoted).collect();
        out.extend_from_slice(names.join(":{").as_bytes());
        out.push(b':');
        out.extend_from_slice(self.value);
        out.extend(std::iter::repeat_n(b'}', names.len() - 1));
        Ok(())
    }
}
