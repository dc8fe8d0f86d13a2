//! What the store holds, as it is written: one JSON value a record (`docs/store.md` has the layout).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::phase::{Phase, Standing};
use crate::plan::slice::{Cursor, Slice, SliceId};
use crate::transform::Shape;

/// A migration and where it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MigrationRecord {
    /// Its name in the configuration.
    pub name: String,
    /// Where it is.
    pub phase: Phase,
    /// How it is doing there.
    pub standing: Standing,
    /// The plan-relevant configuration, by key, without credentials; drift is refused.
    pub fingerprint: BTreeMap<String, String>,
    /// Both clusters as they named themselves when the migration was planned.
    pub clusters: Option<ClusterPair>,
    /// When it was first started.
    pub created: Timestamp,
    /// When copying began.
    pub copy_started: Option<Timestamp>,
    /// When the last slice was settled.
    pub copy_finished: Option<Timestamp>,
    /// Target indices beside the planned ones, once they are prepared.
    #[serde(default)]
    pub others: Vec<OtherTarget>,
    /// Milliseconds spent planning, over all runs.
    #[serde(default)]
    pub planning_ms: u64,
    /// Milliseconds spent copying, over all runs (time in which no daemon ran is left out).
    #[serde(default)]
    pub copying_ms: u64,
    /// Keys of the configuration that changed after it was planned, and were let pass.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub drifted: BTreeSet<String>,
    /// What an operator changed on the migration at work.
    #[serde(default)]
    pub tuned: Tuned,
}

/// Limits that an operator gave a migration at work, in place of the configuration's, until they are reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tuned {
    /// Slices read side by side.
    pub parallel: Option<usize>,
    /// Bulk requests in flight.
    pub bulks: Option<usize>,
    /// Documents read a second, at most.
    pub max_docs_per_second: Option<u64>,
    /// Bytes of the source's answers a second, at most.
    pub max_bytes_per_second: Option<u64>,
}

impl Tuned {
    /// These limits, and those of `newer` in their place where it has some.
    #[must_use]
    pub fn with(self, newer: Tuned) -> Tuned {
        Tuned {
            parallel: newer.parallel.or(self.parallel),
            bulks: newer.bulks.or(self.bulks),
            max_docs_per_second: newer.max_docs_per_second.or(self.max_docs_per_second),
            max_bytes_per_second: newer.max_bytes_per_second.or(self.max_bytes_per_second),
        }
    }
}

/// Identity of source and target: name and, where the version has one, uuid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterPair {
    /// The cluster that is read.
    pub source: String,
    /// The cluster that is written.
    pub target: String,
}

/// One source index with its target.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IndexRecord {
    /// Ordinal within the migration: the first part of its slices' names.
    pub ordinal: u32,
    /// Name on the source.
    pub source: String,
    /// Its uuid there: an index deleted and made anew under the same name is noticed.
    pub source_uuid: String,
    /// Name on the target.
    pub target: String,
    /// The target's uuid, once it is prepared: another one means that what was copied is lost.
    #[serde(default)]
    pub target_uuid: Option<String>,
    /// Primary shards of the source.
    pub shards: u32,
    /// Types of the source that go to this target, in mapping order.
    pub types: Vec<String>,
    /// The type that the target wants in a bulk action line, where it wants one.
    pub target_type: Option<String>,
    /// Types that are asked for by name, since the index has others besides; empty for all.
    #[serde(default)]
    pub only_types: Vec<String>,
    /// What the types became.
    #[serde(default)]
    pub shape: Shape,
    /// How it is sliced, and why so.
    pub strategy: String,
    /// What the plan found worth telling.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// Settings of the target as they were before the load; stored before they are changed.
    pub originals: Option<Originals>,
    /// True once the target index stands, its `originals` are stored and its settings changed for the load.
    #[serde(default)]
    pub prepared: bool,
    /// True once the originals are back.
    #[serde(default)]
    pub restored: bool,
    /// The count of both sides at the end.
    pub counted: Option<Counted>,
}

/// A target index that transforms may send documents to besides the planned ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OtherTarget {
    /// Its name.
    pub name: String,
    /// Its uuid when it was prepared: another one means that what was copied is lost.
    pub uuid: String,
    /// Its settings as they were before the load.
    pub originals: Originals,
    /// True once the originals are back.
    pub restored: bool,
    /// Documents in it before the first was copied.
    pub before: u64,
    /// Documents in it at the end.
    pub counted: Option<u64>,
}

/// Settings to put back; `None`: the target's default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Originals {
    /// `index.refresh_interval`.
    pub refresh_interval: Option<String>,
    /// `index.number_of_replicas`.
    pub number_of_replicas: Option<String>,
    /// `index.auto_expand_replicas`, which would override the number of replicas.
    #[serde(default)]
    pub auto_expand_replicas: Option<String>,
    /// True when esferry created the index.
    pub created: bool,
}

/// Both sides counted, after a refresh of both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// `_count` of the source (with the migration's query; hidden types included).
    pub source: u64,
    /// `_count` of the target.
    pub target: u64,
    /// Documents of this index in the failure list.
    pub failures: u64,
    /// Source documents that transforms left out.
    #[serde(default)]
    pub dropped: u64,
    /// Documents in excess of one a source document.
    #[serde(default)]
    pub derived: u64,
    /// Documents that went to another index than the planned one.
    #[serde(default)]
    pub elsewhere: u64,
    /// Types that are on the source now and that the plan does not know.
    #[serde(default)]
    pub unplanned_types: Vec<String>,
    /// Why they differ, when they do.
    pub explanation: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl Counted {
    /// True when the target holds exactly what the source and the transforms make it expect.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.lacks(0)
    }

    /// True when the target lacks the documents of the failure list, and nothing else differs.
    #[must_use]
    pub fn lacks_only_failures(&self) -> bool {
        self.lacks(self.failures)
    }

    fn lacks(&self, missing: u64) -> bool {
        self.unplanned_types.is_empty()
            && self.source + self.derived == self.target + self.dropped + self.elsewhere + missing
    }
}

/// One planned shard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShardRecord {
    /// Slices of it.
    pub slices: u32,
    /// Documents counted in the shard after it was planned.
    pub docs: u64,
    /// Sum of the slices' counts.
    pub sliced_docs: u64,
    /// Writes that the server counted while the shard was planned: the tolerance between the two.
    pub writes_meanwhile: u64,
}

/// A slice and its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SliceRecord {
    /// What it is.
    pub slice: Slice,
    /// Where it is.
    pub state: SliceState,
    /// What became of its documents, up to the cursor.
    pub counts: Counts,
    /// Attempts begun.
    pub attempts: u32,
    /// Why documents were left out, and how many: the words of the step.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dropped: BTreeMap<String, u64>,
}

/// Durable states of a slice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SliceState {
    /// Not begun, or begun by an attempt that left nothing behind. Set by the planner, and kept while a slice that
    /// can only start over is open: a crash starts it over.
    Waiting,
    /// Settled up to the cursor, by every [`Settlement`](super::Settlement). A crash goes on from there.
    Open {
        /// Everything before it is settled.
        cursor: Cursor,
    },
    /// Every document is settled. Set once, together with the slice's counts and failures; never read again.
    Done,
    /// Given up for now, with the reason; `resume` tries again.
    SetAside {
        /// Why.
        reason: String,
        /// Where it goes on when it is resumed.
        cursor: Cursor,
    },
}

impl std::fmt::Display for SliceState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SliceState::Waiting => "waiting",
            SliceState::Open { .. } => "open",
            SliceState::Done => "done",
            SliceState::SetAside { .. } => "set aside",
        })
    }
}

/// What became of documents. Once a slice is done,
/// `read + derived == written + present + superseded + rejected + dropped + gone`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Documents received from the source.
    pub read: u64,
    /// Bytes of the documents sent.
    pub bytes: u64,
    /// Written and acknowledged.
    pub written: u64,
    /// On the target already in this very version (409, equal), or kept by `create`.
    pub present: u64,
    /// A newer version is on the target (409, higher).
    pub superseded: u64,
    /// Refused for good: in the failure list.
    pub rejected: u64,
    /// Left out by a transform.
    #[serde(default)]
    pub dropped: u64,
    /// Refused at first, and gone from the source when they were tried again.
    #[serde(default)]
    pub gone: u64,
    /// Documents in excess of one a source document, where a transform makes several of one.
    #[serde(default)]
    pub derived: u64,
    /// Of those written, present or superseded: in another index than the planned one.
    #[serde(default)]
    pub elsewhere: u64,
}

impl Counts {
    /// Adds another's numbers.
    pub fn add(&mut self, other: &Counts) {
        self.read += other.read;
        self.bytes += other.bytes;
        self.written += other.written;
        self.present += other.present;
        self.superseded += other.superseded;
        self.rejected += other.rejected;
        self.dropped += other.dropped;
        self.gone += other.gone;
        self.derived += other.derived;
        self.elsewhere += other.elsewhere;
    }
    /// What came to these since they were `before`.
    #[must_use]
    pub fn since(&self, before: &Counts) -> Counts {
        Counts {
            read: self.read.saturating_sub(before.read),
            bytes: self.bytes.saturating_sub(before.bytes),
            written: self.written.saturating_sub(before.written),
            present: self.present.saturating_sub(before.present),
            superseded: self.superseded.saturating_sub(before.superseded),
            rejected: self.rejected.saturating_sub(before.rejected),
            dropped: self.dropped.saturating_sub(before.dropped),
            gone: self.gone.saturating_sub(before.gone),
            derived: self.derived.saturating_sub(before.derived),
            elsewhere: self.elsewhere.saturating_sub(before.elsewhere),
        }
    }
    /// One of the refused documents is settled otherwise.
    pub fn resolve(&mut self, outcome: &Counts) {
        self.rejected = self.rejected.saturating_sub(1);
        self.add(outcome);
    }
    /// Documents that are on the target, in this version or a newer one.
    #[must_use]
    pub fn landed(&self) -> u64 {
        self.written + self.present + self.superseded
    }
    /// Source documents with a final outcome.
    #[must_use]
    pub fn settled(&self) -> u64 {
        (self.landed() + self.rejected + self.dropped + self.gone).saturating_sub(self.derived)
    }
}

/// One document that the target refused for good. No body: `failures retry` reads it again from the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The slice that met it.
    pub slice: SliceId,
    /// Source index.
    pub index: String,
    /// Source type, where the source has types.
    pub doc_type: Option<String>,
    /// Document id.
    pub id: String,
    /// Routing, where it has one.
    pub routing: Option<String>,
    /// The source's version.
    pub version: Option<u64>,
    /// Its id on the target, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// The target index, where that is not the planned one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_index: Option<String>,
    /// HTTP status of the item or request.
    pub status: u16,
    /// The server's error type, such as `mapper_parsing_exception`, or one of esferry's own such as `invalid_json`.
    pub error_type: String,
    /// The server's reason, whole, causes joined.
    pub reason: String,
    /// Times it was sent.
    pub attempts: u32,
    /// First refusal.
    pub first: Timestamp,
    /// Last refusal.
    pub last: Timestamp,
    /// The message that asked for it, where it was met by a replay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessagePlace>,
}

/// Where a message stands, and its bytes where they are to be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagePlace {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: i32,
    /// Offset.
    pub offset: i64,
    /// Its value in base64, with `keep_messages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

/// Failures of one error type, kept incrementally.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureGroup {
    /// The error type.
    pub error_type: String,
    /// How many.
    pub count: u64,
    /// Of these, how many what follows the source met, and no slice.
    #[serde(default)]
    pub of_changes: u64,
    /// One of them: its id.
    pub example_id: String,
    /// And its reason.
    pub example_reason: String,
    /// Set once an operator accepted the type; it holds for those that come later too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Acceptance>,
}

impl FailureGroup {
    /// Failures that came after the type was accepted, and are accepted with it.
    #[must_use]
    pub fn since_accepted(&self) -> u64 {
        self.accepted.as_ref().map_or(0, |accepted| self.count.saturating_sub(accepted.count))
    }
}

/// That an operator does without the documents of an error type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// Why.
    pub note: String,
    /// User name of the operator, as the environment of the command had it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// How many failures of the type there were then.
    pub count: u64,
}
