//! Counts that are either right or an error: a missing shard is never counted as empty.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Cluster;
use super::failure::CallError;
use super::path::encode;
use super::selection::{Selection, SliceRange};
use super::transport::Request;
use crate::cluster::dialect::reading::Wanted;

/// What `_shards` of an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardsAnswer {
    /// Shards that were asked.
    pub total: i64,
    /// Shards that answered; 1.x can make this negative when nodes leave (dialects 3.1).
    pub successful: i64,
    /// Failures listed; says nothing when 0.
    pub failed: i64,
}

impl ShardsAnswer {
    /// Reads the `_shards` object of an answer.
    #[must_use]
    pub fn of(answer: &Value) -> Option<Self> {
        let number = |name: &str| answer.get("_shards")?.get(name)?.as_i64();
        Some(ShardsAnswer {
            total: number("total")?,
            successful: number("successful")?,
            failed: number("failed")?,
        })
    }

    /// True when every shard answered.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.failed == 0 && self.successful == self.total
    }
}

impl std::fmt::Display for ShardsAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of {} shards answered, {} failed", self.successful, self.total, self.failed)
    }
}

/// Writes that a shard, or an index, has counted since its node started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writes(pub u64);

/// Where a shard stands: as long as it stands there, nothing was written to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShardMark {
    /// Changes when its history begins anew, as by a restore.
    pub history: String,
    /// Its highest sequence number; -1 for a shard that was never written to.
    pub seq_no: i64,
}

impl Cluster {
    /// Counts the documents of a selection, of every shard that should hold some.
    ///
    /// # Errors
    /// Any [`CallError`]; [`CallError::Incomplete`] when a shard did not answer, for then the number is not known.
    pub async fn count(&self, selection: &Selection) -> Result<u64, CallError> {
        if let SliceRange::Part { of, .. } = selection.range
            && of > 1
        {
            return self.count_part(selection).await;
        }
        let answer = self.ask(&self.dialect().count(selection)).await?;
        let shards = ShardsAnswer::of(&answer)
            .ok_or_else(|| CallError::Malformed("a count without _shards".to_owned()))?;
        if !shards.is_whole() || (selection.shard.is_some() && shards.total != 1) || shards.total == 0 {
            return Err(CallError::Incomplete(format!("count of {}: {shards}", selection.index)));
        }
        let counted = answer.get("count").unwrap_or(&Value::Null);
        counted.as_u64().ok_or_else(|| CallError::Malformed(format!("a count of {counted} documents")))
    }

    /// `_count` knows no slices: opens the slice and reads the total that it promises.
    async fn count_part(&self, selection: &Selection) -> Result<u64, CallError> {
        let answer = self.ask(&self.dialect().open(selection, 1, Wanted::Ids)).await?;
        if let Some(id) = answer.get("_scroll_id").and_then(Value::as_str) {
            // Left alone it would end by itself; a failure to free it changes nothing.
            let _ = self.call(&self.dialect().clear(id)).await;
        }
        if !ShardsAnswer::of(&answer).is_some_and(|shards| shards.is_whole() && shards.total == 1) {
            return Err(CallError::Incomplete("a slice that not every shard answered".to_owned()));
        }
        total_hits(&answer).ok_or_else(|| CallError::Malformed("a search without an exact total".to_owned()))
    }

    /// Documents that a search of the whole index sees, those of a hidden type included.
    ///
    /// # Errors
    /// As [`count`](Self::count).
    pub async fn count_everything(&self, selection: &Selection, types: &[String]) -> Result<u64, CallError> {
        let mut count = self.count(selection).await?;
        if let Some(hidden) = self.dialect().hidden_type
            && types.iter().any(|name| name == hidden)
        {
            let hidden = SliceRange::HiddenType { doc_type: hidden.to_owned() };
            count += self.count(&selection.with_range(hidden)).await?;
        }
        Ok(count)
    }

    /// Makes what was written visible to searches.
    ///
    /// # Errors
    /// Any [`CallError`]; a shard that failed to refresh is one too (HTTP 200 before 6.0, dialects 2.9).
    pub async fn refresh(&self, index: &str) -> Result<(), CallError> {
        let answer = self.ask(&Request::post(format!("/{}/_refresh", encode(index)))).await?;
        match ShardsAnswer::of(&answer) {
            Some(shards) if shards.failed == 0 => Ok(()),
            Some(shards) => Err(CallError::Incomplete(format!("refresh of {index}: {shards}"))),
            None => Err(CallError::Malformed("a refresh without _shards".to_owned())),
        }
    }

    /// Index and delete operations that the primary of a shard has counted.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn writes(&self, index: &str, shard: u32) -> Result<Writes, CallError> {
        let stats = self.shard_stats(index, shard).await?;
        let number = |name: &str| stats.pointer(&format!("/indexing/{name}")).and_then(Value::as_u64);
        match (number("index_total"), number("delete_total")) {
            (Some(indexed), Some(deleted)) => Ok(Writes(indexed + deleted)),
            _ => Err(CallError::Malformed(format!("_stats of {index} without indexing totals"))),
        }
    }

    /// The sequence number up to which a shard has processed everything; others may be under way above it.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn processed_seq_no(&self, index: &str, shard: u32) -> Result<Option<u64>, CallError> {
        let stats = self.shard_stats(index, shard).await?;
        match stats.pointer("/seq_no/local_checkpoint").and_then(Value::as_i64) {
            Some(checkpoint) => Ok(u64::try_from(checkpoint).ok()),
            None => Err(CallError::Malformed(format!("_stats of {index} without sequence numbers"))),
        }
    }

    /// Where a shard stands; `None` where the server has no sequence numbers, or something is under way: what not every
    /// copy has yet may be taken back when the primary is lost.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn shard_mark(&self, index: &str, shard: u32) -> Result<Option<ShardMark>, CallError> {
        let stats = self.shard_stats(index, shard).await?;
        let number = |name: &str| stats.pointer(&format!("/seq_no/{name}")).and_then(Value::as_i64);
        let history = stats.pointer("/commit/user_data/history_uuid").and_then(Value::as_str);
        let (Some(seq_no), Some(history)) = (number("max_seq_no"), history) else { return Ok(None) };
        let settled =
            number("local_checkpoint") == Some(seq_no) && number("global_checkpoint") == Some(seq_no);
        Ok(settled.then(|| ShardMark { history: history.to_owned(), seq_no }))
    }

    /// The highest sequence number of every shard of an index, -1 for one that was never written to; `None` where the
    /// server has no sequence numbers.
    ///
    /// # Errors
    /// Any [`CallError`]; [`CallError::Incomplete`] for a shard without primary.
    pub async fn highest_seq_nos(
        &self,
        index: &str,
        shards: u32,
    ) -> Result<Option<Vec<(u32, i64)>>, CallError> {
        if !self.dialect().seq_no {
            return Ok(None);
        }
        let mut highest = Vec::new();
        for shard in 0..shards {
            let stats = self.shard_stats(index, shard).await?;
            let seq_no = stats.pointer("/seq_no/max_seq_no").and_then(Value::as_i64);
            let missing = || CallError::Malformed(format!("_stats of {index} without sequence numbers"));
            highest.push((shard, seq_no.ok_or_else(missing)?));
        }
        Ok(Some(highest))
    }

    /// What a document of an index takes on the source's disk, about: a guess of its size, `None` without documents.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn mean_document_bytes(&self, index: &str) -> Result<Option<u64>, CallError> {
        let answer = self.ask(&Request::get(format!("/{}/_stats/docs,store", encode(index)))).await?;
        let number = |pointer: &str| answer.pointer(pointer).and_then(Value::as_u64);
        let (docs, bytes) =
            (number("/_all/primaries/docs/count"), number("/_all/primaries/store/size_in_bytes"));
        Ok(docs.zip(bytes).and_then(|(docs, bytes)| bytes.checked_div(docs)))
    }

    /// Statistics of the primary copy of a shard.
    async fn shard_stats(&self, index: &str, shard: u32) -> Result<Value, CallError> {
        let answer = self.ask(&Request::get(format!("/{}/_stats?level=shards", encode(index)))).await?;
        answer
            .pointer(&format!("/indices/{index}/shards/{shard}"))
            .and_then(Value::as_array)
            .and_then(|copies| {
                copies.iter().find(|copy| copy.pointer("/routing/primary") == Some(&Value::Bool(true)))
            })
            .cloned()
            .ok_or_else(|| {
                CallError::Incomplete(format!("shard {shard} of {index} has no primary in _stats"))
            })
    }
}

/// `hits.total`, a number up to 6.x and an object from 7.0 on; `None` unless it is exact.
#[must_use]
pub fn total_hits(answer: &Value) -> Option<u64> {
    match answer.pointer("/hits/total")? {
        Value::Object(total) if total.get("relation").and_then(Value::as_str) == Some("eq") => {
            total.get("value")?.as_u64()
        }
        Value::Object(_) => None,
        total => total.as_u64(),
    }
}
