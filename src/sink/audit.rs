//! A target that was there before may hold another document under the same id and version: "there already" is then
//! looked at, and not believed (dialects 8.3).

use std::collections::HashMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::batch::Batch;
use super::bulk::sent_metadata;
use crate::cluster::answer::{shown, why_unreadable};
use crate::cluster::failure::CallError;
use crate::diff::is_same;

/// Documents of a target as it gives them out.
#[derive(Deserialize)]
struct Held<'a> {
    #[serde(borrow)]
    docs: Vec<HeldDocument<'a>>,
}

#[derive(Deserialize)]
struct HeldDocument<'a> {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_source", borrow)]
    source: Option<&'a RawValue>,
    /// It could not be looked at.
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Of the documents at these positions, those of which the target holds another one.
///
/// # Errors
/// An answer that cannot be read, or that is not about these documents.
pub(super) fn others(batch: &Batch, positions: &[usize], answer: &Bytes) -> Result<Vec<usize>, CallError> {
    let held: Held<'_> = match serde_json::from_slice(answer) {
        Ok(held) => held,
        Err(cause) => return Err(CallError::Malformed(why_unreadable(answer, &cause))),
    };
    if held.docs.len() != positions.len() {
        let told = format!("{} documents asked for, {} answered", positions.len(), held.docs.len());
        return Err(CallError::Malformed(told));
    }
    let mut others = Vec::new();
    for (document, &position) in held.docs.iter().zip(positions) {
        let sent_id = sent_metadata(batch.action(position)).map(|metadata| metadata.id);
        if sent_id.as_ref() != Some(&document.id) {
            return Err(CallError::Malformed("the answer is about other documents".to_owned()));
        }
        if let Some(error) = document.error {
            let told = shown(error.get().as_bytes(), 300);
            return Err(CallError::Incomplete(format!("`{}` cannot be compared: {told}", document.id)));
        }
        let same = document.source.is_some_and(|held| is_same(batch.source(position), held.get().as_bytes()));
        if !same {
            others.push(position);
        }
    }
    Ok(others)
}

/// The question for these documents: ids with their routing, by index where that is not the planned one.
pub(super) fn question(batch: &Batch, positions: &[usize]) -> Value {
    let wanted = |&position: &usize| {
        let metadata = sent_metadata(batch.action(position));
        let mut document: HashMap<&str, String> = HashMap::new();
        if let Some(metadata) = metadata {
            document.insert("_id", metadata.id);
            document.extend(metadata.routing.map(|routing| ("routing", routing)));
            document.extend(metadata.index.map(|index| ("_index", index)));
        }
        serde_json::json!(document)
    };
    serde_json::json!({"docs": positions.iter().map(wanted).collect::<Vec<_>>()})
}
