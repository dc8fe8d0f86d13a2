//! How far a topic is applied: recorded offsets, positions that only join, deletes that may have to be done once more.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::failures::FailureEdit;
use super::keys::Key;
use super::records::Failure;
use super::{Store, encode};
use crate::error::{Error, Result};
use crate::failpoint::Failpoint;

/// A topic as it was before the plan was made. Written once; only `until` and `counts` change afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TopicRecord {
    /// Its name.
    pub topic: String,
    /// When the offsets were read.
    pub recorded: Timestamp,
    /// Where each partition ended, or began with `from = "beginning"`.
    pub partitions: BTreeMap<i32, RecordedOffset>,
    /// Where each partition ended when the copy was over: what is applied up to there has caught up.
    #[serde(default)]
    pub until: Option<BTreeMap<i32, i64>>,
    /// What became of the messages.
    #[serde(default)]
    pub counts: MessageCounts,
    /// True once the recorded offsets are those of the consumer group that gets them.
    #[serde(default)]
    pub handed_over: bool,
}

/// Where the changes of a partition begin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedOffset {
    /// The first offset that matters.
    pub offset: i64,
    /// A digest of the message before it, where there is one: a topic made anew under the same name has another.
    pub before: Option<String>,
}

/// How far a partition is applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionRecord {
    /// Everything below it is settled.
    pub next: i64,
    /// Time of the last settled message, in milliseconds since 1970.
    pub timestamp: Option<i64>,
}

/// What became of messages: `read == applied + ignored + failed`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCounts {
    /// Messages settled.
    pub read: u64,
    /// Their operations are on the target, or something newer is.
    pub applied: u64,
    /// They ask for nothing.
    pub ignored: u64,
    /// At least one operation of theirs, or they themselves, are in the failure list.
    pub failed: u64,
    /// Documents written.
    pub written: u64,
    /// Documents deleted.
    pub deleted: u64,
    /// Operations that changed nothing: the target had that version, a newer one, or no document to delete.
    pub unchanged: u64,
    /// Of those that changed nothing, deletes of what was not there: the target has taken an operation for each.
    #[serde(default)]
    pub deletes_of_nothing: u64,
}

impl MessageCounts {
    /// Operations that the target has taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.written + self.deleted + self.deletes_of_nothing
    }

    /// Adds another's numbers.
    pub fn add(&mut self, other: &MessageCounts) {
        self.read += other.read;
        self.applied += other.applied;
        self.ignored += other.ignored;
        self.failed += other.failed;
        self.written += other.written;
        self.deleted += other.deleted;
        self.unchanged += other.unchanged;
        self.deletes_of_nothing += other.deletes_of_nothing;
    }
}

/// A delete that was applied while slices could still bring the document back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tombstone {
    /// Ordinal of the index.
    pub index: u32,
    /// Source type.
    pub doc_type: Option<String>,
    /// Id on the source.
    pub id: String,
    /// Routing.
    pub routing: Option<String>,
    /// The delete's version.
    pub version: u64,
}

/// A run of messages, each with its final outcome.
#[derive(Debug, Clone, Default)]
pub struct MessageRun {
    /// By partition: where the run begins, and where the partition stands with it.
    pub advances: BTreeMap<i32, (i64, PositionRecord)>,
    /// What became of the messages.
    pub counts: MessageCounts,
    /// Those that failed.
    pub failures: Vec<Failure>,
    /// Documents that were applied: of each of them, an earlier failure is none any more.
    pub mended: Vec<Failure>,
    /// Deletes to be remembered.
    pub tombstones: Vec<Tombstone>,
}

impl Store {
    /// The topic of a migration, once its offsets are recorded.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn topic(&self, name: &str) -> Result<Option<TopicRecord>> {
        self.get(&Key::topic(name))
    }

    /// Records a topic, durably. What was recorded before stays, and is returned.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn record_topic(&self, name: &str, record: TopicRecord) -> Result<TopicRecord> {
        {
            let _guard = self.guard();
            if let Some(known) = self.topic(name)? {
                return Ok(known);
            }
            self.put(&Key::topic(name), &record)?;
        }
        self.flush()?;
        Ok(record)
    }

    /// Changes a topic's record in one step, durably, and returns it.
    ///
    /// # Errors
    /// `State` when there is none, or the disk refuses.
    pub fn update_topic(&self, name: &str, change: impl FnOnce(&mut TopicRecord)) -> Result<TopicRecord> {
        let record = {
            let _guard = self.guard();
            let mut record = self.recorded_topic(name)?;
            change(&mut record);
            self.put(&Key::topic(name), &record)?;
            record
        };
        self.flush()?;
        Ok(record)
    }

    /// How far each partition is applied; partitions that are not begun are absent.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn positions(&self, name: &str) -> Result<BTreeMap<i32, PositionRecord>> {
        let stored = self.scan::<(i32, PositionRecord)>(&Key::positions(name));
        stored.collect()
    }

    /// Stores what became of a run of messages: failures, counts, tombstones and positions in one atomic batch, flushed
    /// when this returns. A partition that was not begun begins at its recorded offset, one that came later at 0.
    ///
    /// # Errors
    /// `State` with the code `out_of_order` for a run that does not begin where a partition stands; it leaves everything as
    /// it was. `State` when the disk refuses.
    pub fn settle_messages(&self, name: &str, run: &MessageRun) -> Result<TopicRecord> {
        let _guard = self.guard();
        let mut topic = self.recorded_topic(name)?;
        let mut batch = sled::Batch::default();
        for (&partition, &(from, to)) in &run.advances {
            let key = Key::position(name, partition);
            let stored: Option<(i32, PositionRecord)> = self.get(&key)?;
            let recorded = topic.partitions.get(&partition).map_or(0, |recorded| recorded.offset);
            let stands = stored.map_or(recorded, |(_, position)| position.next);
            if stands != from || to.next < from {
                let message = format!(
                    "partition {partition} of `{}` stands at {stands}, the run goes from {from} to {}",
                    topic.topic, to.next
                );
                return Err(Error::state("out_of_order", message));
            }
            batch.insert(key.bytes(), encode(&(partition, to))?);
        }
        topic.counts.add(&run.counts);
        batch.insert(Key::topic(name).bytes(), encode(&topic)?);
        let mut edit = FailureEdit::new(self, name);
        for failure in &run.failures {
            let first = edit.known(failure)?.map_or(failure.first, |known| known.first);
            edit.put(Failure { first, ..failure.clone() })?;
        }
        for mended in &run.mended {
            let known = edit.known(mended)?;
            let place =
                |failure: &Failure| failure.message.as_ref().map(|place| (place.partition, place.offset));
            // Messages of one document stand in one partition, and the later one counts.
            if known.is_some_and(|known| place(&known) < place(mended)) {
                edit.remove(mended)?;
            }
        }
        edit.write(&mut batch)?;
        let mut latest: BTreeMap<Vec<u8>, &Tombstone> = BTreeMap::new();
        for tombstone in &run.tombstones {
            let last = latest.entry(Key::tombstone(name, tombstone).bytes().to_vec()).or_insert(tombstone);
            if last.version < tombstone.version {
                *last = tombstone;
            }
        }
        for (key, tombstone) in latest {
            let known: Option<Tombstone> = self.get(&Key::tombstone(name, tombstone))?;
            if known.is_none_or(|known| known.version < tombstone.version) {
                batch.insert(key, encode(tombstone)?);
            }
        }
        self.db.apply_batch(batch).map_err(|cause| self.broken(cause))?;
        Failpoint::MessagesWritten.pass();
        self.flush()?;
        Ok(topic)
    }

    /// Deletes that may have to be done once more; streams, however many there are.
    pub fn tombstones(&self, name: &str) -> impl Iterator<Item = Result<Tombstone>> + Send + 'static {
        self.scan(&Key::tombstones(name))
    }

    /// Forgets tombstones: no slice can bring their documents back any more.
    ///
    /// # Errors
    /// `State` when the disk refuses.
    pub fn forget_tombstones(&self, name: &str, tombstones: &[Tombstone]) -> Result<()> {
        let _guard = self.guard();
        let mut batch = sled::Batch::default();
        for tombstone in tombstones {
            let key = Key::tombstone(name, tombstone);
            // A later delete of the document has taken its place.
            if self.get::<Tombstone>(&key)?.as_ref() == Some(tombstone) {
                batch.remove(key.bytes());
            }
        }
        self.db.apply_batch(batch).map_err(|cause| self.broken(cause))?;
        self.flush()
    }

    fn recorded_topic(&self, name: &str) -> Result<TopicRecord> {
        self.topic(name)?.ok_or_else(|| {
            Error::state("no_topic", format!("the store holds no offsets of migration `{name}`"))
                .hint("`esferry reset` the migration: its offsets were to be recorded before the plan")
        })
    }
}
