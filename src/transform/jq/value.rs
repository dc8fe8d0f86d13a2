//! Documents as values of jq and back, strictly: what jq cannot hold or JSON cannot say is an error with its place.
//!
//! Literals of numbers keep their digits as long as a program only moves them; calculating with one that is no whole
//! number makes a 64-bit float of it.

use std::fmt::Write;

use jaq_json::{Map, Num, Rc, Val};

use crate::transform::json::{Fault, Kind, Part, below, elements, members, shown, start, text};

/// A checked document as value.
pub(crate) fn read(bytes: &[u8]) -> Result<Val, Fault> {
    let start = start(bytes);
    value(bytes, Part { start, end: bytes.len() }, "")
}

fn value(bytes: &[u8], part: Part, path: &str) -> Result<Val, Fault> {
    let raw = part.of(bytes);
    Ok(match Kind::of(raw) {
        Kind::Null => Val::Null,
        Kind::Boolean => Val::Bool(raw == b"true"),
        Kind::String => string(raw).ok_or_else(|| lone(path))?,
        Kind::Number => Val::Num(number(raw)),
        Kind::Array => {
            let values = elements(bytes, part.start).map(|element| value(bytes, element, path));
            Val::Arr(Rc::new(values.collect::<Result<_, _>>()?))
        }
        Kind::Object => {
            let mut object = Map::default();
            for member in members(bytes, part.start) {
                let name = member.key.of(bytes);
                let key = string(name).ok_or_else(|| lone(&below(path, &shown(name))))?;
                let inner = if matches!(bytes[member.value.start], b'{' | b'[' | b'"') {
                    value(bytes, member.value, &below(path, &shown(name)))?
                } else {
                    value(bytes, member.value, "")?
                };
                if object.insert(key, inner).is_some() {
                    let reason = "stands there twice; jq would lose one of them, and the target refuses both";
                    return Err(Fault::new(below(path, &shown(name)), reason));
                }
            }
            Val::obj(object)
        }
    })
}

fn string(raw: &[u8]) -> Option<Val> {
    text(raw).map(|text| Val::from(text.into_owned()))
}

fn lone(path: &str) -> Fault {
    Fault::new(path, "holds half of a surrogate pair, which jq cannot hold")
}

/// `-0` is no whole number to jq, which would lose its sign.
fn number(raw: &[u8]) -> Num {
    let text = String::from_utf8_lossy(raw);
    let whole = raw.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'-')) && raw != b"-0";
    match whole.then(|| Num::from_str_radix(&text, 10)).flatten() {
        Some(number) => number,
        None => Num::Dec(Rc::new(text.into_owned())),
    }
}

/// A version as value.
pub(crate) fn whole_number(number: u64) -> Val {
    Val::Num(Num::from_integral(number))
}

/// A value as JSON.
pub(crate) fn write(value: &Val) -> Result<Vec<u8>, Fault> {
    let mut out = String::with_capacity(1024);
    write_into(&mut out, value, &mut Vec::new())?;
    Ok(out.into_bytes())
}

fn write_into<'a>(out: &mut String, value: &'a Val, way: &mut Vec<&'a str>) -> Result<(), Fault> {
    let refuse = |way: &[&str], reason: &str| Err(Fault::new(way.join("."), reason));
    match value {
        Val::Null => out.push_str("null"),
        Val::Bool(true) => out.push_str("true"),
        Val::Bool(false) => out.push_str("false"),
        Val::Num(Num::Float(float)) if !float.is_finite() => {
            return refuse(way, &format!("jq gives {value}, which JSON cannot say"));
        }
        Val::Num(number) => {
            let _ = write!(out, "{number}");
        }
        Val::TStr(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => quote(out, text),
            Err(_) => return refuse(way, "jq gives a string that is not UTF-8"),
        },
        Val::BStr(_) => return refuse(way, "jq gives bytes instead of a string"),
        Val::Arr(values) => {
            out.push('[');
            for (at, value) in values.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write_into(out, value, way)?;
            }
            out.push(']');
        }
        Val::Obj(object) => {
            out.push('{');
            for (at, (key, value)) in object.iter().enumerate() {
                let Val::TStr(name) = key else {
                    return refuse(way, &format!("jq gives the key {key}, which is no string"));
                };
                let Ok(name) = std::str::from_utf8(name) else {
                    return refuse(way, "jq gives a key that is not UTF-8");
                };
                if at > 0 {
                    out.push(',');
                }
                quote(out, name);
                out.push(':');
                way.push(name);
                write_into(out, value, way)?;
                way.pop();
            }
            out.push('}');
        }
    }
    Ok(())
}

/// Writes a text as JSON string, escaping what has to be.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..=0x1F => "",
            _ => continue,
        };
        out.push_str(&text[from..at]);
        from = at + 1;
        if escape.is_empty() {
            let _ = write!(out, "\\u{byte:04x}");
        } else {
            out.push_str(escape);
        }
    }
    out.push_str(&text[from..]);
    out.push('"');
}

/// What a value is, for messages.
pub(crate) fn words(value: &Val) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "a boolean",
        Val::Num(_) => "a number",
        Val::TStr(_) => "a string",
        Val::BStr(_) => "bytes",
        Val::Arr(_) => "an array",
        Val::Obj(_) => "an object",
    }
}
