//! Documents that a 1.x source holds and a 6.8 target refuses, with the reason that 6.8 gives.

use super::document::Document;
use crate::endpoint::{Endpoint, escape};
use anyhow::{Context, Result};
use bytes::Bytes;
use reqwest::Method;
use serde_json::json;

/// A document that the target refuses.
#[derive(Debug, Clone)]
pub struct RefusedDocument {
    /// The document.
    pub document: Document,
    /// The `error.type` that 6.8 answers for it, given an index as of [`load_refused_documents`].
    pub error_type: &'static str,
}

/// Documents that the index `{"mappings":{"_doc":{"dynamic":"strict","properties":{"n":{"type":"integer"},
/// "when":{"type":"date"},"word":{"type":"keyword"},"raw":{"type":"object","enabled":false}}}}}` of a 6.8 refuses.
pub fn refused_documents() -> Vec<RefusedDocument> {
    let refused = |id: &str, source: String, error_type| RefusedDocument {
        document: Document::new(id, source),
        error_type,
    };
    let long = "x".repeat(33_000);
    vec![
        refused("number", r#"{"n":"twelve"}"#.into(), "mapper_parsing_exception"),
        refused("date", r#"{"when":"yesterday"}"#.into(), "mapper_parsing_exception"),
        refused("duplicate", r#"{"n":1,"n":2}"#.into(), "mapper_parsing_exception"),
        refused("object", r#"{"word":{"a":1}}"#.into(), "mapper_parsing_exception"),
        refused("strict", r#"{"unknown":1}"#.into(), "strict_dynamic_mapping_exception"),
        refused("immense", format!(r#"{{"word":"{long}"}}"#), "illegal_argument_exception"),
        refused(&"i".repeat(513), r#"{"n":1}"#.into(), "action_request_validation_exception"),
    ]
}

/// Makes a 1.x index `index` and a 6.8 index of that name, and loads `good` fine documents and the refused ones
/// into the first. Returns how many documents are in it.
pub async fn load_refused_documents(
    source: &Endpoint,
    target: &Endpoint,
    index: &str,
    good: u32,
) -> Result<u64> {
    let strict = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}, "mappings": {"_doc": {
        "dynamic": "strict", "properties": {"n": {"type": "integer"}, "when": {"type": "date"},
        "word": {"type": "keyword"}, "raw": {"type": "object", "enabled": false}}}}});
    let lenient = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}, "mappings": {"odd": {
        "dynamic": false, "properties": {"raw": {"type": "object", "enabled": false}}}}});
    target.recreate_index(index, &strict).await?;
    source.recreate_index(index, &lenient).await?;
    let writer = super::BulkWriter::new(source, index, Some("odd"));
    writer.index((0..good).map(|n| Document::new(format!("good-{n}"), format!("{{\"n\":{n}}}")))).await?;
    for refused in refused_documents() {
        let path = format!("/{index}/odd/{}", escape(&refused.document.id));
        let body = Bytes::from(refused.document.source);
        let answer = source.send(Method::PUT, &path, "application/json", body).await?;
        answer.ok().with_context(|| format!("storing {:?}", refused.document.id))?;
    }
    source.refresh(index).await?;
    source.flush(index).await?;
    source.count(index).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_there_for_a_reason() {
        let refused = refused_documents();
        assert!(refused.len() >= 6);
        assert!(refused.iter().all(|refused| refused.error_type.ends_with("_exception")));
    }
}
