//! `jq`: a program whose input is the document and whose outputs are what becomes of it.

mod deleting;
mod program;
#[cfg(test)]
mod tests;
pub(crate) mod value;

use std::borrow::Cow;
use std::sync::Arc;

use jaq_core::data::JustLut;
use jaq_json::Val;
pub(crate) use program::{Place, Program};

use crate::config::index_name_flaw;
use crate::error::Error;

use super::document::{Document, Origin};
use super::json::{Fault, text};

type Data = JustLut<Val>;

/// What the target takes as `_id`, in bytes; measured on 6.8.23 (dialects 5.3).
const LONGEST_ID: usize = 512;
/// What a program may ask about the document besides its content.
const VARIABLES: [&str; 6] = ["$id", "$routing", "$index", "$type", "$version", "$parent"];
const ENVELOPE: [&str; 4] = ["_index", "_id", "_routing", "_source"];

/// A compiled program.
#[derive(Debug)]
pub(super) struct Jq(Program);

impl Jq {
    /// Compiles a program; `step` is its position, from 0.
    pub fn compile(program: &str, step: usize) -> Result<Self, Error> {
        let what = format!("transform {}", step + 1);
        let advice = "try it with `esferry transform NAME -`";
        Ok(Jq(Program::compile(program, &Place { what: &what, variables: &VARIABLES, advice })?))
    }

    /// The documents that the program makes of one.
    pub fn run<'page>(
        &self,
        document: &Document<'page>,
        origin: &Origin<'_>,
    ) -> Result<Vec<Document<'page>>, Fault> {
        let input = value::read(&document.source)?;
        let outputs = self.0.run(input, variables(document, origin)?)?;
        let several = outputs.len() > 1;
        outputs.into_iter().map(|output| made(output, several, document)).collect()
    }
}

fn variables(document: &Document<'_>, origin: &Origin<'_>) -> Result<[Val; 6], Fault> {
    let string = |name: &str, raw: Option<&[u8]>| match raw {
        None => Ok(Val::Null),
        Some(raw) => text(raw)
            .map(|text| Val::from(text.into_owned()))
            .ok_or_else(|| Fault::new(name, "is no text that jq could hold")),
    };
    Ok([
        string("_id", Some(&document.id))?,
        string("_routing", document.routing.as_deref())?,
        Val::from(document.index.as_deref().unwrap_or(origin.index).to_owned()),
        string("_type", origin.doc_type)?,
        document.version.map_or(Val::Null, value::whole_number),
        string("_parent", origin.parent)?,
    ])
}

/// One output as document: a new `_source`, or an envelope around one.
fn made<'page>(output: Val, several: bool, document: &Document<'page>) -> Result<Document<'page>, Fault> {
    let Val::Obj(object) = &output else {
        return Err(Fault::new(
            "",
            format!("jq gives {}, which is no document; it has to give objects", value::words(&output)),
        ));
    };
    let mut made = document.clone();
    let member = |name: &str| object.get(&Val::from(name.to_owned()));
    let Some(source) = member("_source") else {
        if several {
            return Err(Fault::new(
                "_id",
                "jq makes several documents; each needs an `_id` of its own, as in {_id: …, _source: …}",
            ));
        }
        made.source = Cow::Owned(value::write(&output)?);
        return Ok(made);
    };
    for key in object.keys() {
        let known = matches!(key, Val::TStr(key) if ENVELOPE.iter().any(|name| name.as_bytes() == &key[..]));
        if !known {
            return Err(Fault::new(
                "",
                format!(
                    "jq gives {key} beside `_source`; only _index, _id, _routing and _source may stand there"
                ),
            ));
        }
    }
    if !matches!(source, Val::Obj(_)) {
        return Err(Fault::new("_source", format!("jq gives {} instead of an object", value::words(source))));
    }
    made.source = Cow::Owned(value::write(source)?);
    if let Some(index) = member("_index") {
        let name = string("_index", index)?;
        if let Some(flaw) = index_name_flaw(&name) {
            return Err(Fault::new("_index", format!("jq gives {name:?}: the name of an index {flaw}")));
        }
        made.index = Some(Arc::from(name));
    }
    match member("_id") {
        Some(id) => {
            let id = string("_id", id)?;
            if id.is_empty() || id.len() > LONGEST_ID {
                return Err(Fault::new(
                    "_id",
                    format!("jq gives one of {} bytes; the target takes 1 to {LONGEST_ID}", id.len()),
                ));
            }
            made.id = Cow::Owned(serde_json::Value::from(id).to_string().into_bytes());
        }
        None if several => {
            return Err(Fault::new("_id", "jq makes several documents; each needs an `_id` of its own"));
        }
        None => {}
    }
    match member("_routing") {
        Some(Val::Null) => made.routing = None,
        Some(routing) => {
            let routing = string("_routing", routing)?;
            made.routing = Some(Cow::Owned(serde_json::Value::from(routing).to_string().into_bytes()));
        }
        None => {}
    }
    Ok(made)
}

fn string(name: &str, value: &Val) -> Result<String, Fault> {
    match value {
        Val::TStr(bytes) => String::from_utf8(bytes.to_vec())
            .map_err(|_| Fault::new(name, "jq gives a string that is not UTF-8")),
        other => Err(Fault::new(name, format!("jq gives {} instead of a string", value::words(other)))),
    }
}
