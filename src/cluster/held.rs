//! Documents as a cluster holds them this moment, asked for by their ids: also those that no search finds yet.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Cluster;
use super::answer::{shown, why_unreadable};
use super::dialect::reading::Wanted;
use super::failure::{CallError, Refusal};

/// A document that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its type, where the cluster has types and it is known.
    pub doc_type: Option<&'a str>,
    /// Its id.
    pub id: &'a str,
    /// Its routing.
    pub routing: Option<&'a str>,
}

/// A document, or that there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// There is none of this id.
    Absent,
    /// There is one.
    There {
        /// `_version`.
        version: u64,
        /// `_source`, byte for byte; empty where it was not asked for.
        source: Vec<u8>,
        /// `_routing`, where the mapping stores it.
        routing: Option<String>,
        /// `_parent`, likewise.
        parent: Option<String>,
    },
    /// It cannot be looked at, for a reason of its own.
    Refused(String),
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    docs: Vec<Document<'a>>,
}

#[derive(Deserialize)]
struct Document<'a> {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_version")]
    version: Option<u64>,
    found: Option<bool>,
    #[serde(rename = "_source", borrow)]
    source: Option<&'a RawValue>,
    #[serde(rename = "_routing")]
    routing: Option<String>,
    #[serde(rename = "_parent")]
    parent: Option<String>,
    #[serde(default)]
    fields: Fields,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Fields {
    #[serde(rename = "_routing")]
    routing: Option<String>,
    #[serde(rename = "_parent")]
    parent: Option<String>,
}

impl Cluster {
    /// Documents of an index by their ids, in the order in which they are asked for, in real time. `wanted` says what of
    /// them; [`Wanted::Ids`] leaves `_source` out.
    ///
    /// # Errors
    /// Every [`CallError`]; [`CallError::Malformed`] for an answer that is not about these documents.
    pub async fn held(
        &self,
        index: &str,
        asked: &[Asked<'_>],
        wanted: Wanted,
    ) -> Result<Vec<Held>, CallError> {
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let body = self.call(&self.dialect().get_many_of(index, asked, wanted)).await?;
        let answer: Answer<'_> = serde_json::from_slice(&body)
            .map_err(|cause| CallError::Malformed(why_unreadable(&body, &cause)))?;
        if answer.docs.len() != asked.len() {
            let told = format!("{} documents asked for, {} answered", asked.len(), answer.docs.len());
            return Err(CallError::Malformed(told));
        }
        let pairs = answer.docs.into_iter().zip(asked);
        pairs.map(|(document, asked)| document.held(asked, wanted)).collect()
    }
}

impl Document<'_> {
    fn held(self, asked: &Asked<'_>, wanted: Wanted) -> Result<Held, CallError> {
        if self.id != asked.id {
            return Err(CallError::Malformed("the answer is about other documents".to_owned()));
        }
        if let Some(error) = self.error {
            return self::refused(error);
        }
        match (self.found, self.version, self.source) {
            (Some(false), _, _) => Ok(Held::Absent),
            (Some(true), Some(version), source) => {
                let source = match source {
                    Some(source) => source.get().as_bytes().to_vec(),
                    None if !matches!(wanted, Wanted::Documents { .. }) => Vec::new(),
                    None => return Ok(Held::Refused("it comes without its _source".to_owned())),
                };
                Ok(Held::There {
                    version,
                    source,
                    routing: self.routing.or(self.fields.routing),
                    parent: self.parent.or(self.fields.parent),
                })
            }
            _ => Err(CallError::Malformed(format!("`{}`: neither found nor absent", self.id))),
        }
    }
}

/// Why one document of an answer is not there: its own reason, or that its shard or its index is away.
fn refused(error: &RawValue) -> Result<Held, CallError> {
    let told = shown(error.get().as_bytes(), 300);
    let value: Value = serde_json::from_str(error.get()).map_err(|_| CallError::Malformed(told.clone()))?;
    let refusal = Refusal::of_error(0, &value);
    if refusal.is_of_missing_index() {
        return Err(CallError::Refused(Refusal { status: 404, ..refusal }));
    }
    if refusal.is_temporary() || refusal.is_of_missing_shard() {
        return Err(CallError::Incomplete(told));
    }
    Ok(Held::Refused(told))
}

/// What a document is asked for by, in the words of every version (dialects 4.1).
pub(super) fn question(asked: &Asked<'_>, more: Option<(&str, Value)>) -> Value {
    let mut document = json!({"_id": asked.id});
    let mut put = |key: &str, value: Value| document[key] = value;
    if let Some(doc_type) = asked.doc_type {
        put("_type", json!(doc_type));
    }
    if let Some(routing) = asked.routing {
        put("routing", json!(routing));
    }
    if let Some((key, value)) = more {
        put(key, value);
    }
    document
}
