//! Reads an index whole, one shard at a time, in the simplest way: a judge of esferry shares nothing with it.

use crate::endpoint::Endpoint;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::collections::BTreeSet;

const PAGE: u32 = 1000;

/// A document as it is stored.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its type; empty where there are none.
    pub kind: &'a str,
    /// Its routing; the id of its parent where it has only that.
    pub routing: Option<&'a str>,
    /// Its version.
    pub version: u64,
    /// The exact bytes of its source.
    pub source: &'a [u8],
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(rename = "_scroll_id")]
    scroll_id: Option<String>,
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize)]
struct Shards {
    total: i64,
    successful: i64,
    failed: i64,
}

#[derive(Deserialize)]
struct Hits<'a> {
    total: Value,
    #[serde(borrow)]
    hits: Vec<Hit<'a>>,
}

#[derive(Deserialize)]
struct Hit<'a> {
    #[serde(borrow, rename = "_id")]
    id: Cow<'a, str>,
    #[serde(borrow, rename = "_type", default)]
    kind: Cow<'a, str>,
    #[serde(rename = "_version")]
    version: u64,
    #[serde(rename = "_routing")]
    routing: Option<String>,
    #[serde(rename = "_parent")]
    parent: Option<String>,
    fields: Option<Fields>,
    #[serde(borrow, rename = "_source")]
    source: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "_routing")]
    routing: Option<String>,
    #[serde(rename = "_parent")]
    parent: Option<String>,
}

/// Shows every document of the index to `see`, once each, and returns how many there were.
///
/// The index is refreshed first. Anything that is not plainly whole is an error.
pub async fn read_all<F: FnMut(Stored<'_>)>(endpoint: &Endpoint, index: &str, mut see: F) -> Result<u64> {
    endpoint.refresh(index).await?;
    let major = endpoint.major().await?;
    let mut documents = 0;
    for shard in shards(endpoint, index).await? {
        documents += read_shard(endpoint, major, index, shard, &mut see)
            .await
            .with_context(|| format!("reading shard {shard} of {index} at {}", endpoint.url()))?;
    }
    Ok(documents)
}

/// The numbers of the shards of an index.
async fn shards(endpoint: &Endpoint, index: &str) -> Result<BTreeSet<u64>> {
    let answer = endpoint.get(&format!("/{index}/_search_shards")).await?;
    let groups = answer.get("shards").and_then(Value::as_array).context("no shards are told")?;
    let mut numbers = BTreeSet::new();
    for copy in groups.iter().filter_map(|group| group.get(0)) {
        numbers.insert(copy.get("shard").and_then(Value::as_u64).context("a shard without a number")?);
    }
    if numbers.len() != groups.len() {
        bail!("{index} stands for several indices: compare one at a time");
    }
    Ok(numbers)
}

async fn read_shard<F: FnMut(Stored<'_>)>(
    endpoint: &Endpoint,
    major: u32,
    index: &str,
    shard: u64,
    see: &mut F,
) -> Result<u64> {
    let mut body = open(endpoint, major, index, shard).await?;
    let mut expected: Option<u64> = None;
    let mut received: u64 = 0;
    let mut first = true;
    loop {
        let page: Page<'_> = serde_json::from_slice(&body).context("a page is not what a search answers")?;
        let empty = page.hits.hits.is_empty();
        let shards = &page.shards;
        if page.timed_out
            || shards.failed != 0
            || shards.successful != shards.total
            || (!empty && shards.total != 1)
        {
            bail!("a page is incomplete: {}", String::from_utf8_lossy(body.get(..500).unwrap_or(&body)));
        }
        if first && shards.total != 1 {
            bail!("the search was opened on {} shards instead of one", shards.total);
        }
        let total = page.hits.total.get("value").unwrap_or(&page.hits.total).as_u64().context("no total")?;
        let promised = *expected.get_or_insert(total);
        for hit in &page.hits.hits {
            let source = hit.source.with_context(|| format!("document {:?} has no source", hit.id))?;
            let fields = hit.fields.as_ref();
            let routing = hit.routing.as_ref().or(fields.and_then(|fields| fields.routing.as_ref()));
            let parent = hit.parent.as_ref().or(fields.and_then(|fields| fields.parent.as_ref()));
            see(Stored {
                id: &hit.id,
                kind: &hit.kind,
                routing: routing.or(parent).map(String::as_str),
                version: hit.version,
                source: source.get().as_bytes(),
            });
            received += 1;
        }
        // the first page of a scan is empty though there are documents
        if empty && !(first && major <= 2) {
            if received != promised {
                bail!("{received} documents came and {promised} were promised");
            }
            return Ok(received);
        }
        first = false;
        let scroll = page.scroll_id.context("no scroll id")?;
        body = next(endpoint, major, scroll).await?;
    }
}

async fn open(endpoint: &Endpoint, major: u32, index: &str, shard: u64) -> Result<Bytes> {
    let (path, body) = if major <= 2 {
        (
            format!("/{index}/_search?search_type=scan&scroll=2m&preference=_shards:{shard}"),
            json!({"query": {"match_all": {}}, "fields": ["_source", "_routing", "_parent"], "version": true, "size": PAGE}),
        )
    } else {
        (
            format!("/{index}/_search?scroll=2m&preference=_shards:{shard}"),
            json!({"query": {"match_all": {}}, "sort": ["_doc"], "version": true, "size": PAGE}),
        )
    };
    let answer =
        endpoint.send(Method::POST, &path, "application/json", Bytes::from(body.to_string())).await?;
    answer.ok().cloned()
}

async fn next(endpoint: &Endpoint, major: u32, scroll: String) -> Result<Bytes> {
    let answer = if major <= 2 {
        endpoint.send(Method::POST, "/_search/scroll?scroll=2m", "text/plain", Bytes::from(scroll)).await?
    } else {
        let body = json!({"scroll": "2m", "scroll_id": scroll});
        endpoint
            .send(Method::POST, "/_search/scroll", "application/json", Bytes::from(body.to_string()))
            .await?
    };
    answer.ok().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_taken_as_they_are() {
        let text = r#"{"_scroll_id":"s","timed_out":false,"_shards":{"total":1,"successful":1,"failed":0},"hits":{
            "total":1,"hits":[{"_id":"a\"b","_type":"t","_version":9223372036854775807,
            "_source": { "a" : 1.10, "b":"\ud83d \u00e9","c":1e400 } ,"fields":{"_routing":"r"}}]}}"#;
        let page: Page<'_> = serde_json::from_str(text).unwrap();
        let hit = &page.hits.hits[0];
        assert_eq!(hit.id, "a\"b");
        assert_eq!(hit.version, 9_223_372_036_854_775_807);
        assert_eq!(hit.source.unwrap().get(), r#"{ "a" : 1.10, "b":"\ud83d \u00e9","c":1e400 }"#);
        assert_eq!(hit.fields.as_ref().unwrap().routing.as_deref(), Some("r"));
    }
}
