//! `convert`: values that 1.x took and 6.8 refuses become such as it takes (dialects 5.3).

use std::borrow::Cow;

use crate::config::{ConvertConfig, ConvertTo, OnError};

use super::json::{Fault, Kind, Part, Splice, elements, start, text};
use super::path::visit;
use super::remove::remove;
use super::{date, number};

/// A step.
#[derive(Debug)]
pub(super) struct Convert {
    field: String,
    to: ConvertTo,
    on_error: OnError,
}

/// What becomes of one value.
enum Converted {
    Same,
    Other(Vec<u8>),
    Removed,
}

impl Convert {
    pub fn new(config: &ConvertConfig) -> Self {
        Convert { field: config.field.clone(), to: config.to, on_error: config.on_error }
    }

    pub fn edit(&self, bytes: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let left = match self.on_error {
            OnError::Remove => remove(bytes, &[self.field.as_str()], &|member| {
                matches!(self.value(bytes, member.value), Ok(Converted::Removed))
            }),
            _ => None,
        };
        let bytes = left.as_deref().unwrap_or(bytes);
        let mut splice = Splice::new(bytes);
        visit(bytes, start(bytes), &self.field, &mut |hit| {
            if let Converted::Other(value) = self.value(bytes, hit.value)? {
                splice.replace(hit.value).extend_from_slice(&value);
            }
            Ok(())
        })?;
        Ok(splice.finish().or(left))
    }

    fn value(&self, bytes: &[u8], value: Part) -> Result<Converted, Fault> {
        let raw = value.of(bytes);
        match Kind::of(raw) {
            Kind::Null => return Ok(Converted::Same),
            Kind::Array => return self.array(bytes, value),
            _ => {}
        }
        let converted = match self.to {
            ConvertTo::Integer => number::whole(raw, i128::from(i32::MIN)..=i128::from(i32::MAX)),
            ConvertTo::Long => number::whole(raw, i128::from(i64::MIN)..=i128::from(i64::MAX)),
            ConvertTo::Float => number::decimal(raw, f64::from(f32::MAX)),
            ConvertTo::Double => number::decimal(raw, f64::MAX),
            ConvertTo::Boolean => boolean(raw),
            ConvertTo::String => string(raw),
            ConvertTo::Date => date::date(raw),
        };
        match (converted, self.on_error) {
            (Ok(value), _) if value == raw => Ok(Converted::Same),
            (Ok(value), _) => Ok(Converted::Other(value.into_owned())),
            (Err(reason), OnError::Fail) => {
                Err(Fault::new(&self.field, format!("{} {reason}", excerpt(raw))))
            }
            (Err(_), OnError::Null) => Ok(Converted::Other(b"null".to_vec())),
            (Err(_), OnError::Keep) => Ok(Converted::Same),
            (Err(_), OnError::Remove) => Ok(Converted::Removed),
        }
    }

    fn array(&self, bytes: &[u8], array: Part) -> Result<Converted, Fault> {
        let (mut out, mut same) = (vec![b'['], true);
        for element in elements(bytes, array.start) {
            let converted = self.value(bytes, element)?;
            same &= matches!(converted, Converted::Same);
            let value = match &converted {
                Converted::Same => element.of(bytes),
                Converted::Other(value) => value,
                Converted::Removed => continue,
            };
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(value);
        }
        out.push(b']');
        Ok(if same { Converted::Same } else { Converted::Other(out) })
    }
}

/// As 1.x read it: `false`, `off`, `no`, `0`, an empty string and the number 0 are false, everything else is true.
fn boolean(raw: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let truth = match Kind::of(raw) {
        Kind::Boolean => return Ok(Cow::Borrowed(raw)),
        Kind::String => {
            let text = text(raw).ok_or("is not text")?;
            !matches!(&*text, "" | "false" | "off" | "no" | "0")
        }
        Kind::Number => {
            // Only a zero has no other digit in front of its exponent.
            let digits = raw.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or_default();
            digits.iter().any(|byte| matches!(byte, b'1'..=b'9'))
        }
        _ => return Err("cannot become a boolean".to_owned()),
    };
    Ok(Cow::Borrowed(if truth { b"true" } else { b"false" }))
}

/// Numbers and booleans keep their digits and letters.
fn string(raw: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    match Kind::of(raw) {
        Kind::String => Ok(Cow::Borrowed(raw)),
        Kind::Number | Kind::Boolean => Ok(Cow::Owned([b"\"", raw, b"\""].concat())),
        _ => Err("cannot become a string".to_owned()),
    }
}

/// A value for a message, shortened.
fn excerpt(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
