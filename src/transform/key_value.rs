//! `key_value`: a map with open keys becomes a list of entries, so that the mapping no longer grows with the keys.
//!
//! The bytes of keys and values are joined as they are, escapes included. A value keeps its JSON type beside the
//! joined text, which is what makes the step reversible.

use crate::config::KeyValueConfig;

use super::json::{Fault, Kind, Part, Splice, content, elements, members, quoted, shown, start};
use super::path::{Match, matching, visit};

/// A step, with its names as JSON strings.
#[derive(Debug)]
pub(super) struct KeyValue {
    field: String,
    separator: String,
    key_value: String,
    value: String,
    key: Option<String>,
    names: Vec<String>,
}

impl KeyValue {
    pub fn new(config: &KeyValueConfig) -> Self {
        let mut names = vec![config.into.key_value.clone(), config.into.value.clone()];
        names.extend(config.into.key.clone());
        KeyValue {
            field: config.field.clone(),
            separator: config.separator.clone(),
            key_value: quoted(&config.into.key_value),
            value: quoted(&config.into.value),
            key: config.into.key.as_deref().map(quoted),
            names,
        }
    }

    pub fn edit(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let mut splice = Splice::new(bytes);
        visit(bytes, start(bytes), &self.field, &mut |hit| match Kind::of(hit.value.of(bytes)) {
            Kind::Object => {
                let mut entries = Entries { step: self, bytes, out: splice.replace(hit.value), any: false };
                entries.out.push(b'[');
                entries.object(hit.value, &mut Vec::new(), 0)?;
                entries.out.push(b']');
                Ok(())
            }
            // Nothing to find by, and nothing to lose.
            Kind::Null => Ok(()),
            Kind::Array if elements(bytes, hit.value.start).all(|entry| self.is_entry(bytes, entry)) => {
                Ok(())
            }
            Kind::Array => Err(Fault::new(
                &self.field,
                "is an array where a map is expected, and not of the entries that this step makes",
            )),
            other => Err(Fault::new(&self.field, format!("is {} where a map is expected", other.words()))),
        })?;
        Ok(splice.finish())
    }

    /// Whether an earlier run has made it: it has the configured members and no others.
    fn is_entry(&self, bytes: &[u8], entry: Part) -> bool {
        if Kind::of(entry.of(bytes)) != Kind::Object {
            return false;
        }
        let is = |key: Part, name: &str| matches!(matching(key.of(bytes), name), Match::Whole);
        let mut found = vec![false; self.names.len()];
        for member in members(bytes, entry.start) {
            match self.names.iter().position(|name| is(member.key, name)) {
                Some(at) => found[at] = true,
                None => return false,
            }
        }
        !found.contains(&false)
    }
}

/// The entries of one map, as they are written.
struct Entries<'a> {
    step: &'a KeyValue,
    bytes: &'a [u8],
    out: &'a mut Vec<u8>,
    any: bool,
}

impl Entries<'_> {
    /// `key` holds the keys on the way here, escaped and joined by dots.
    fn object(&mut self, object: Part, key: &mut Vec<u8>, depth: usize) -> Result<(), Fault> {
        for member in members(self.bytes, object.start) {
            let before = key.len();
            if depth > 0 {
                key.push(b'.');
            }
            key.extend_from_slice(content(member.key.of(self.bytes)));
            self.value(member.value, key, depth)?;
            key.truncate(before);
        }
        Ok(())
    }

    fn value(&mut self, value: Part, key: &mut Vec<u8>, depth: usize) -> Result<(), Fault> {
        let bytes = self.bytes;
        match Kind::of(value.of(bytes)) {
            Kind::Object if members(bytes, value.start).next().is_none() => self.entry(key, None, b"null"),
            Kind::Object => self.object(value, key, depth + 1),
            Kind::Array => {
                let scalar = |part: Part| !matches!(Kind::of(part.of(bytes)), Kind::Object | Kind::Array);
                if elements(bytes, value.start).all(scalar) {
                    self.entry(key, Some(value), value.of(bytes))
                } else {
                    elements(bytes, value.start).try_for_each(|element| self.value(element, key, depth))
                }
            }
            _ => self.entry(key, Some(value), value.of(bytes)),
        }
    }

    /// One entry. `found_by` holds what the joined text is made of: a scalar, or an array of scalars.
    fn entry(&mut self, key: &[u8], found_by: Option<Part>, value: &[u8]) -> Result<(), Fault> {
        let step = self.step;
        if step.key.is_none() && first_separator(key, &step.separator).is_some_and(|at| at != key.len()) {
            let name = shown_content(key);
            return Err(Fault::new(
                format!("{}.{name}", step.field),
                format!(
                    "the separator {:?} occurs in the key, so that key and value could not be told apart; keep the key apart with into.key, or choose another separator",
                    step.separator
                ),
            ));
        }
        if std::mem::replace(&mut self.any, true) {
            self.out.push(b',');
        }
        self.out.push(b'{');
        if let Some(name) = &step.key {
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b":\"");
            self.out.extend_from_slice(key);
            self.out.extend_from_slice(b"\",");
        }
        self.out.extend_from_slice(step.key_value.as_bytes());
        self.out.push(b':');
        match found_by.map(|part| (part, Kind::of(part.of(self.bytes)))) {
            Some((array, Kind::Array)) => {
                let mut open = b'[';
                for element in elements(self.bytes, array.start) {
                    if Kind::of(element.of(self.bytes)) != Kind::Null {
                        self.out.push(std::mem::replace(&mut open, b','));
                        self.joined(key, Some(element));
                    }
                }
                // Without any value the key alone is kept, as for null.
                if open == b'[' { self.joined(key, None) } else { self.out.push(b']') }
            }
            Some((scalar, kind)) if kind != Kind::Null => self.joined(key, Some(scalar)),
            _ => self.joined(key, None),
        }
        self.out.push(b',');
        self.out.extend_from_slice(step.value.as_bytes());
        self.out.push(b':');
        self.out.extend_from_slice(value);
        self.out.push(b'}');
        Ok(())
    }

    fn joined(&mut self, key: &[u8], value: Option<Part>) {
        self.out.push(b'"');
        self.out.extend_from_slice(key);
        self.out.extend_from_slice(self.step.separator.as_bytes());
        if let Some(value) = value {
            let value = value.of(self.bytes);
            self.out.extend_from_slice(if value.starts_with(b"\"") { content(value) } else { value });
        }
        self.out.push(b'"');
    }
}

fn shown_content(key: &[u8]) -> String {
    let raw = [b"\"", key, b"\""].concat();
    shown(&raw).into_owned()
}

/// Where the separator first occurs, by its meaning, in the escaped text `key` + `separator`: behind the key, unless
/// the key holds it or begins it.
fn first_separator(key: &[u8], separator: &str) -> Option<usize> {
    let separator_bytes = separator.as_bytes();
    let begins = separator_bytes.first()?;
    if memchr::memchr2(b'\\', *begins, key).is_none() {
        return Some(key.len());
    }
    find_separator(&[key, separator_bytes].concat(), separator)
}

/// The offset in an escaped text at which the separator, by its meaning, first occurs.
fn find_separator(escaped: &[u8], separator: &str) -> Option<usize> {
    if memchr::memchr(b'\\', escaped).is_none() {
        return memchr::memmem::find(escaped, separator.as_bytes());
    }
    let units = units(escaped);
    let wanted: Vec<u16> = separator.encode_utf16().collect();
    units
        .windows(wanted.len())
        .find(|window| window.iter().map(|(unit, _)| unit).eq(&wanted))
        .map(|window| window[0].1)
}

/// The UTF-16 units of an escaped text, each with the offset where it is written.
fn units(escaped: &[u8]) -> Vec<(u16, usize)> {
    let text = String::from_utf8_lossy(escaped);
    let mut units = Vec::with_capacity(text.len());
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        if char != '\\' {
            let mut buffer = [0; 2];
            units.extend(char.encode_utf16(&mut buffer).iter().map(|unit| (*unit, at)));
            continue;
        }
        let unit = match chars.next() {
            Some((_, 'u')) => {
                let digits: String = chars.by_ref().take(4).map(|(_, digit)| digit).collect();
                u16::from_str_radix(&digits, 16).unwrap_or(0xFFFD)
            }
            Some((_, 'n')) => 10,
            Some((_, 't')) => 9,
            Some((_, 'r')) => 13,
            Some((_, 'b')) => 8,
            Some((_, 'f')) => 12,
            Some((_, other)) => u16::try_from(u32::from(other)).unwrap_or(0xFFFD),
            None => 0xFFFD,
        };
        units.push((unit, at));
    }
    units
}

#[cfg(test)]
impl KeyValue {
    /// The way back: what shows that the step loses nothing.
    pub fn inverse(&self, bytes: &[u8]) -> Result<Vec<u8>, Fault> {
        let mut splice = Splice::new(bytes);
        visit(bytes, start(bytes), &self.field, &mut |hit| {
            let mut map = Vec::new();
            for entry in elements(bytes, hit.value.start) {
                let member = |name: &str| {
                    let is = |key: Part| matches!(matching(key.of(bytes), name), Match::Whole);
                    members(bytes, entry.start).find(|member| is(member.key)).unwrap().value
                };
                let joined = member(&self.names[0]);
                let joined = elements_or_self(bytes, joined);
                let key = match self.names.get(2) {
                    Some(name) => content(member(name).of(bytes)),
                    None => {
                        let joined = content(joined.of(bytes));
                        &joined[..find_separator(joined, &self.separator).unwrap()]
                    }
                };
                let key = String::from_utf8_lossy(key);
                map.push(format!("\"{key}\":{}", String::from_utf8_lossy(member(&self.names[1]).of(bytes))));
            }
            splice.replace(hit.value).extend_from_slice(format!("{{{}}}", map.join(",")).as_bytes());
            Ok(())
        })?;
        Ok(splice.finish().unwrap_or_else(|| bytes.to_vec()))
    }
}

#[cfg(test)]
fn elements_or_self(bytes: &[u8], value: Part) -> Part {
    if bytes[value.start] == b'[' { elements(bytes, value.start).next().unwrap() } else { value }
}
