//! Writing through `_bulk`, with every item of every answer checked.

use super::document::Document;
use crate::endpoint::Endpoint;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Map, Value, json};

/// Writes documents of one index and type, some requests at once.
#[derive(Debug, Clone)]
pub struct BulkWriter {
    endpoint: Endpoint,
    index: String,
    kind: Option<String>,
    batch: usize,
    parallel: usize,
}

impl BulkWriter {
    /// A writer into `index`, of documents of the type `kind`; `None` from 7.x on, which wants no types.
    pub fn new(endpoint: &Endpoint, index: &str, kind: Option<&str>) -> BulkWriter {
        BulkWriter {
            endpoint: endpoint.clone(),
            index: index.to_owned(),
            kind: kind.map(str::to_owned),
            batch: 2000,
            parallel: 2,
        }
    }

    /// With so many documents in a request, and so many requests at once.
    pub fn sized(mut self, batch: usize, parallel: usize) -> BulkWriter {
        self.batch = batch.max(1);
        self.parallel = parallel.max(1);
        self
    }

    /// Indexes documents, and returns how many. The first item that is refused is an error.
    pub async fn index<I: IntoIterator<Item = Document>>(&self, documents: I) -> Result<u64> {
        let line = |document: &Document| {
            let mut text = action_line("index", &self.meta(document));
            text.push_str(&document.source);
            text.push('\n');
            text
        };
        self.write(documents.into_iter(), line).await
    }

    /// Deletes documents by id and routing, and returns how many. An absent one is an error.
    pub async fn delete<I: IntoIterator<Item = Document>>(&self, documents: I) -> Result<u64> {
        self.write(documents.into_iter(), |document| action_line("delete", &self.meta(document))).await
    }

    async fn write<L>(&self, documents: impl Iterator<Item = Document>, line: L) -> Result<u64>
    where
        L: Fn(&Document) -> String,
    {
        let mut documents = documents.peekable();
        // requests are made when they are due, so that a large set never is in memory as a whole
        let requests = std::iter::from_fn(|| {
            documents.peek()?;
            let mut body = String::new();
            let mut sent = 0;
            for document in documents.by_ref().take(self.batch) {
                body.push_str(&line(&document));
                sent += 1;
            }
            Some((body, sent))
        });
        stream::iter(requests)
            .map(|(body, sent)| self.send(body, sent))
            .buffer_unordered(self.parallel)
            .try_fold(0, |total, written| async move { Ok(total + written) })
            .await
    }

    async fn send(&self, body: String, sent: usize) -> Result<u64> {
        let body = Bytes::from(body);
        let answer = self.endpoint.send(Method::POST, "/_bulk", "application/x-ndjson", body).await?;
        let answer = answer.json().context("a bulk was refused as a whole")?;
        check_items(&answer, sent)?;
        u64::try_from(sent).context("a batch is not that large")
    }

    fn meta(&self, document: &Document) -> Map<String, Value> {
        let mut meta = Map::new();
        meta.insert("_index".into(), json!(self.index));
        if let Some(kind) = &self.kind {
            meta.insert("_type".into(), json!(kind));
        }
        meta.insert("_id".into(), json!(document.id));
        if let Some(routing) = &document.routing {
            meta.insert("routing".into(), json!(routing));
        }
        if let Some(version) = document.version {
            meta.insert("version".into(), json!(version));
            meta.insert("version_type".into(), json!("external"));
        }
        meta
    }
}

/// One action line with its newline.
pub fn action_line(action: &str, meta: &Map<String, Value>) -> String {
    let mut text = json!({ action: meta }).to_string();
    text.push('\n');
    text
}

/// Fails unless every item that was sent came back, and came back well.
pub fn check_items(answer: &Value, sent: usize) -> Result<()> {
    let items = answer.get("items").and_then(Value::as_array).context("a bulk answer without items")?;
    if items.len() != sent {
        bail!("{sent} items were sent and {} answered", items.len());
    }
    for item in items {
        let outcome =
            item.as_object().and_then(|actions| actions.values().next()).context("an empty item")?;
        let status = outcome.get("status").and_then(Value::as_u64);
        if !status.is_some_and(|status| (200..300).contains(&status)) {
            bail!("an item was refused: {outcome}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_item_is_an_error() {
        let answer = json!({"errors": false, "items": [{"index": {"status": 201}}]});
        check_items(&answer, 1).unwrap();
        assert!(check_items(&answer, 2).is_err());
    }

    #[test]
    fn a_refused_item_is_an_error_even_when_errors_says_false() {
        let answer = json!({"errors": false, "items": [{"index": {"status": 429, "error": "queue"}}]});
        assert!(check_items(&answer, 1).unwrap_err().to_string().contains("queue"));
    }

    #[test]
    fn meta_names_what_the_document_has() {
        let writer = BulkWriter::new(&Endpoint::new("http://localhost:1"), "i", Some("t"));
        let meta = writer.meta(&Document::new("a\"b", "{}").routed("r").versioned(7));
        assert_eq!(
            action_line("index", &meta),
            "{\"index\":{\"_index\":\"i\",\"_type\":\"t\",\"_id\":\"a\\\"b\",\"routing\":\"r\",\"version\":7,\
             \"version_type\":\"external\"}}\n"
        );
    }
}
