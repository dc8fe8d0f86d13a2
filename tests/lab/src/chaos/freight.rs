//! What a round migrates: a few small indices of the source, loaded once a run.

use crate::data::{AlertSet, Body, BulkWriter, Document, load_alerts, load_odd_documents, refused_documents};
use crate::endpoint::{Endpoint, escape};
use anyhow::{Context, Result};
use bytes::Bytes;
use reqwest::Method;
use serde_json::{Value, json};

/// A source index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Freight {
    /// Alerts with a history in three shards: routed, updated up to four times, deleted.
    Lived,
    /// Alerts that were written once, in one shard.
    Plain,
    /// Ids, sources, routings and versions of every odd kind, with alerts between them.
    Odd,
    /// Fine documents with some between them that the target refuses.
    Refused,
}

/// How many of each kind of document that the target refuses.
const REFUSED_OF_A_KIND: usize = 6;
/// What only a target with a strict mapping refuses.
const STRICT: &str = "strict_dynamic_mapping_exception";

impl Freight {
    /// The end of the index's name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Freight::Lived => "lived",
            Freight::Plain => "plain",
            Freight::Odd => "odd",
            Freight::Refused => "refused",
        }
    }

    /// Fields that its documents may be sliced by.
    pub(super) fn fields(self) -> &'static [&'static str] {
        match self {
            Freight::Lived | Freight::Plain => &["created", "severity", "organization"],
            Freight::Odd => &["kind", "number"],
            Freight::Refused => &[],
        }
    }

    /// True when some of the documents are to end in the failure list.
    pub(super) fn is_refused(self) -> bool {
        self == Freight::Refused
    }

    /// Makes the index anew and loads it; returns how many documents it holds.
    pub(super) async fn load(self, source: &Endpoint, index: &str) -> Result<u64> {
        match self {
            Freight::Lived => {
                load_alerts(source, index, AlertSet::lived(31, 2400)).await?;
            }
            Freight::Plain => {
                let (mut body, kind) = Body::Alerts.for_major(1)?;
                body["settings"]["number_of_shards"] = json!(1);
                source.recreate_index(index, &body).await?;
                let alerts = AlertSet::plain(32, 1500).documents();
                BulkWriter::new(source, index, Some(kind)).index(alerts).await?;
            }
            Freight::Odd => {
                load_odd_documents(source, index).await?;
                let alerts = AlertSet::lived(33, 900).documents();
                BulkWriter::new(source, index, Some("odd")).index(alerts).await?;
            }
            Freight::Refused => load_refused(source, index).await?,
        }
        source.refresh(index).await?;
        source.flush(index).await?;
        source.count(index).await
    }

    /// The create-index body that a target needs for it.
    pub(super) fn target_body(self) -> Result<Value> {
        match self {
            Freight::Lived | Freight::Plain => Body::Alerts.target(),
            Freight::Odd => Body::Odd.target(),
            Freight::Refused => Ok(json!({
                "settings": {"number_of_shards": 2, "number_of_replicas": 0},
                "mappings": {"_doc": {"dynamic": false, "properties": {"n": {"type": "integer"},
                    "when": {"type": "date"}, "word": {"type": "keyword"}}}}
            })),
        }
    }
}

/// Documents that the target refuses, several of each kind.
fn refused() -> impl Iterator<Item = Document> {
    let kinds = refused_documents().into_iter().filter(|refused| refused.error_type != STRICT);
    kinds.flat_map(|refused| {
        (0..REFUSED_OF_A_KIND).map(move |number| {
            let Document { id, source, .. } = refused.document.clone();
            // Numbers in front, so that they lie in many slices and the long one stays too long.
            Document::new(format!("{}{id}", number * 3), source)
        })
    })
}

async fn load_refused(source: &Endpoint, index: &str) -> Result<()> {
    let body = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}, "mappings": {"odd": {
        "dynamic": false, "properties": {}}}});
    source.recreate_index(index, &body).await?;
    let writer = BulkWriter::new(source, index, Some("odd"));
    writer.index((0..1100).map(|n| Document::new(format!("{n}-good"), format!("{{\"n\":{n}}}")))).await?;
    put_all(source, index, refused()).await
}

/// Makes most refused documents fine on the source and takes one kind away; those with a long id stay as they are.
/// Returns how many were taken away.
pub(super) async fn cure(source: &Endpoint, index: &str) -> Result<u64> {
    let short = |document: &Document| document.id.len() <= 512;
    let (gone, cured): (Vec<Document>, Vec<Document>) =
        refused().filter(short).partition(|document| document.id.ends_with("object"));
    put_all(source, index, cured.into_iter().map(|document| Document::new(document.id, r#"{"n":1}"#)))
        .await?;
    for document in &gone {
        source.delete(&format!("/{index}/odd/{}", escape(&document.id))).await?;
    }
    source.refresh(index).await?;
    Ok(gone.len() as u64)
}

/// Puts the refused documents back, for the rounds to come.
pub(super) async fn spoil(source: &Endpoint, index: &str) -> Result<()> {
    put_all(source, index, refused()).await?;
    source.refresh(index).await
}

async fn put_all(
    source: &Endpoint,
    index: &str,
    documents: impl Iterator<Item = Document> + Send,
) -> Result<()> {
    for document in documents {
        let path = format!("/{index}/odd/{}", escape(&document.id));
        let body = Bytes::from(document.source);
        let answer = source.send(Method::PUT, &path, "application/json", body).await?;
        answer.ok().with_context(|| format!("storing {:?}", document.id))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn refused_documents_have_ids_of_their_own_and_some_too_long() {
        let ids: Vec<String> = refused().map(|document| document.id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        assert_eq!(ids.iter().filter(|id| id.len() > 512).count(), REFUSED_OF_A_KIND);
        assert_eq!(ids.iter().filter(|id| id.ends_with("object")).count(), REFUSED_OF_A_KIND);
    }
}
