//! The replay: messages from where the store stands, through the mapping, in order per document, settled in order per
//! partition.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::applying::{Asked, Rules};
use super::lanes::Lanes;
use super::looking::compile;
use super::recording::offsets_cut;
use crate::changes::kafka::{Event, Kafka, Messages, TopicNow, parts};
use crate::changes::ledger::{Ledger, OperationOutcome, Ticket};
use crate::changes::mapping::{Change, Mapping, MessageParts, Poison};
use crate::changes::retention::RetentionWatch;
use crate::config::{ChangeVersion, KafkaConfig};
use crate::engine::context::Context;
use crate::engine::phase::Phase;
use crate::engine::worker::{IndexCopy, blocking};
use crate::error::{Error, Result};
use crate::failpoint::Failpoint;
use crate::store::records::IndexRecord;
use crate::store::topics::{PositionRecord, TopicRecord};

/// Messages that are read and not settled, at most.
const MOST_OPEN: usize = 20_000;
/// Between two checkpoints.
const SETTLE_EVERY: Duration = Duration::from_secs(1);
/// Between two looks at the ends of the partitions.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long operations under way may take when the work is to stop.
const SETTLE_WITHIN: Duration = Duration::from_secs(8);
/// Between two looks at the group of the old side's indexer while a message waits for it.
const GROUP_EVERY: Duration = Duration::from_millis(500);
/// The recent rate is that of this span.
const RECENT: Duration = Duration::from_secs(10);

/// A replay at work.
struct Replay<'a> {
    context: &'a Context,
    kafka: &'a Kafka,
    config: &'a KafkaConfig,
    mapping: Mapping,
    rules: Rules,
    records: Vec<IndexRecord>,
    lanes: Lanes,
    ledger: Ledger,
    /// As the store has them.
    stored: BTreeMap<i32, PositionRecord>,
    topic: TopicRecord,
    retention: RetentionWatch,
    /// Where the partitions stood at the last look: one that has not moved since may have nothing left.
    stood: BTreeMap<i32, i64>,
    samples: VecDeque<(Instant, u64)>,
}

/// A message that is mapped, and waits for the old side's indexer.
struct Held {
    ticket: Ticket,
    timestamp: Option<i64>,
    bytes: usize,
    changes: Vec<Change>,
}

impl Context {
    /// Applies the messages of the topic from where the store stands, until `stop`.
    ///
    /// # Errors
    /// `State` for a topic that was made anew, or whose needed messages are deleted; `Temporary` when the brokers do not
    /// answer at the start; what no waiting cures.
    pub(super) async fn replay(
        &self,
        kafka: &Kafka,
        config: &KafkaConfig,
        stop: &CancellationToken,
        caught_up: &watch::Sender<bool>,
    ) -> Result<()> {
        let (topic, now) = self.same_topic(kafka).await?;
        let version = config.version.unwrap_or(ChangeVersion::None);
        let Some(mapping) = compile(config)? else { return Ok(()) };
        let records = self.indices().await?;
        let copies: HashMap<u32, Arc<IndexCopy>> = self.copies(&records, &self.pace()?).await?;
        let failed = self.store.failure_groups(&self.name)?.iter().any(|group| group.of_changes > 0);
        let rules = Rules {
            topic: topic.topic.clone(),
            version,
            sole_writer: self.config.changes.sole_writer,
            progress: self.progress.clone(),
            failed: Arc::new(AtomicBool::new(failed)),
        };
        let stored = self.positions_of(&topic, &now)?;
        self.show_topic(&topic);
        self.progress.replay_begins(topic.counts.taken());
        let messages = kafka.read(&stored.iter().map(|(&partition, at)| (partition, at.next)).collect())?;
        let mut replay = Replay {
            context: self,
            kafka,
            config,
            mapping,
            lanes: Lanes::new(&copies, &rules),
            rules,
            records,
            ledger: Ledger::new(&stored),
            stored,
            topic,
            retention: RetentionWatch::default(),
            stood: BTreeMap::new(),
            samples: VecDeque::new(),
        };
        let worked = replay.work(&messages, &now, stop, caught_up).await;
        caught_up.send_replace(false);
        // What is under way is settled as far as that comes soon; the rest is applied again by the next start.
        replay.end().await.and(worked)
    }

    /// Where every partition goes on. Partitions that came after the offsets were recorded begin with their first message.
    fn positions_of(&self, topic: &TopicRecord, now: &TopicNow) -> Result<BTreeMap<i32, PositionRecord>> {
        let mut positions = self.store.positions(&self.name)?;
        for &partition in now.partitions.keys() {
            let recorded = topic.partitions.get(&partition).map_or(0, |recorded| recorded.offset);
            positions.entry(partition).or_insert(PositionRecord { next: recorded, timestamp: None });
        }
        Ok(positions)
    }
}

impl Replay<'_> {
    async fn work(
        &mut self,
        messages: &Messages,
        first: &TopicNow,
        stop: &CancellationToken,
        caught_up: &watch::Sender<bool>,
    ) -> Result<()> {
        let mut settle = tokio::time::interval(SETTLE_EVERY);
        let mut look = tokio::time::interval(LOOK_EVERY);
        let mut last_look = Instant::now();
        let mut held: Option<Held> = None;
        let mut committed: BTreeMap<i32, i64> = BTreeMap::new();
        let mut trouble = None;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                outcomes = self.lanes.outcomes() => {
                    for (ticket, outcome) in outcomes? {
                        self.ledger.settle(ticket, outcome);
                    }
                }
                _ = settle.tick() => self.settle().await?,
                _ = look.tick() => {
                    let now = match self.kafka.topic().await {
                        Ok(now) => now,
                        Err(error) => {
                            trouble = Some(self.context.progress.waits.begin(error.one_line()));
                            continue;
                        }
                    };
                    drop(trouble.take());
                    if now.partitions.len() > first.partitions.len() {
                        tracing::info!(topic = self.topic.topic, "the topic has more partitions now");
                        return Err(Error::temporary("more_partitions", format!(
                            "topic `{}` has {} partitions now, and had {}: the replay begins again with all of them",
                            self.topic.topic, now.partitions.len(), first.partitions.len()
                        )));
                    }
                    let passed = std::mem::replace(&mut last_look, Instant::now()).elapsed();
                    self.look(&now, passed, caught_up).await?;
                }
                () = tokio::time::sleep(GROUP_EVERY), if held.is_some() => {
                    committed = self.committed().await?;
                }
                event = messages.next(), if held.is_none() && self.ledger.open() < MOST_OPEN => match event? {
                    Event::Message(message) => {
                        drop(trouble.take());
                        held = self.take(&parts(&message))?;
                    }
                    Event::End { .. } => drop(trouble.take()),
                    Event::Trouble(reason) => {
                        trouble = Some(self.context.progress.waits.begin(format!("topic: {reason}")));
                    }
                    Event::OutOfRange => return Err(self.out_of_range().await),
                },
            }
            if let Some(message) = held.take_if(|message| self.is_applied_on_the_source(message, &committed))
            {
                self.dispatch(message).await?;
            }
        }
    }

    /// Maps a message; one that cannot be mapped, or asks for nothing, is settled with that.
    fn take(&mut self, message: &MessageParts<'_>) -> Result<Option<Held>> {
        let ticket = Ticket { partition: message.partition, offset: message.offset };
        match self.mapping.changes(message) {
            Ok(changes) => Ok(Some(Held {
                ticket,
                timestamp: message.timestamp,
                bytes: message.payload.map_or(0, <[u8]>::len),
                changes,
            })),
            Err(poison) => {
                self.poisoned(message, &poison);
                Ok(None)
            }
        }
    }

    fn poisoned(&mut self, message: &MessageParts<'_>, poison: &Poison) {
        let ticket = Ticket { partition: message.partition, offset: message.offset };
        let failure = self.rules.poisoned(message, poison, self.config.keep_messages);
        tracing::warn!(message = failure.id, reason = failure.reason, "a message cannot be applied");
        self.ledger.begin(ticket, message.timestamp, 1);
        self.ledger
            .settle(ticket, OperationOutcome { failure: Some(failure), ..OperationOutcome::default() });
    }

    /// With the source's version a message is applied once the old side's indexer is past it: before that, the source
    /// does not have what it asks for.
    fn is_applied_on_the_source(&self, message: &Held, committed: &BTreeMap<i32, i64>) -> bool {
        self.rules.version != ChangeVersion::Source
            || committed.get(&message.ticket.partition).is_some_and(|next| *next > message.ticket.offset)
    }

    async fn committed(&self) -> Result<BTreeMap<i32, i64>> {
        let group = self.config.source_group.as_deref().unwrap_or_default();
        match self.kafka.committed(group, self.stored.keys().copied().collect()).await {
            Ok(committed) => Ok(committed),
            Err(error) if error.kind() == crate::error::Kind::Temporary => {
                tracing::warn!(error = error.one_line(), group, "the group is not seen");
                Ok(BTreeMap::new())
            }
            Err(error) => Err(error),
        }
    }

    async fn dispatch(&mut self, message: Held) -> Result<()> {
        let Held { ticket, timestamp, bytes, changes } = message;
        let placed: std::result::Result<Vec<u32>, Poison> =
            changes.iter().map(|change| self.index_of(change)).collect();
        match placed {
            Ok(ordinals) => {
                self.ledger.begin(ticket, timestamp, changes.len());
                for (change, ordinal) in changes.into_iter().zip(ordinals) {
                    self.lanes.put(ordinal, Asked { ticket, change }, bytes).await?;
                }
            }
            Err(poison) => {
                let Ticket { partition, offset } = ticket;
                let message = MessageParts { partition, offset, timestamp, key: None, payload: None };
                self.poisoned(&message, &poison);
            }
        }
        Ok(())
    }

    /// The index of the plan that a change is for.
    fn index_of(&self, change: &Change) -> std::result::Result<u32, Poison> {
        let poison = |reason: String| Poison { error_type: "message_index", reason };
        let named = |record: &&IndexRecord| change.index.as_ref().is_none_or(|index| *index == record.source);
        let of_type = |record: &&IndexRecord| {
            record.only_types.is_empty()
                || change.doc_type.as_ref().is_some_and(|doc_type| record.only_types.contains(doc_type))
        };
        let of_index: Vec<&IndexRecord> = self.records.iter().filter(named).collect();
        match (&change.index, of_index.iter().copied().filter(of_type).collect::<Vec<_>>().as_slice()) {
            (_, [one]) => Ok(one.ordinal),
            (Some(index), []) if of_index.is_empty() => {
                Err(poison(format!("index `{index}` is not in this migration")))
            }
            (_, []) => Err(poison(format!(
                "type {} is not in this migration",
                change.doc_type.as_deref().unwrap_or("(none)")
            ))),
            (None, _) => {
                Err(poison("the operation names no index, and this migration has several".to_owned()))
            }
            (Some(index), _) => {
                Err(poison(format!("index `{index}` has several types, and the operation names none")))
            }
        }
    }

    /// Stores what is settled.
    async fn settle(&mut self) -> Result<()> {
        let Some(run) = self.ledger.run(&self.stored) else { return Ok(()) };
        let advances = run.advances.clone();
        let has_failures = !run.failures.is_empty() || !run.mended.is_empty();
        let (store, name) = (self.context.store.clone(), self.context.name.clone());
        self.topic = blocking(move || store.settle_messages(&name, &run)).await?;
        Failpoint::MessagesStored.pass();
        self.stored.extend(advances.iter().map(|(&partition, &(_, to))| (partition, to)));
        if has_failures {
            self.context.progress.take_failures(self.context.store.failure_groups(&self.context.name)?);
        }
        let (counts, read) = (self.topic.counts, self.topic.counts.read);
        self.context.progress.topic(|topic| {
            topic.counts = counts;
            for (partition, (_, to)) in &advances {
                topic.partitions.entry(*partition).or_default().settled = to.next;
            }
        });
        self.samples.push_back((Instant::now(), read));
        while self.samples.front().is_some_and(|(at, _)| at.elapsed() > RECENT) {
            self.samples.pop_front();
        }
        Ok(())
    }

    /// Judges how far the replay is behind the ends of the partitions.
    async fn look(
        &mut self,
        now: &TopicNow,
        passed: Duration,
        caught_up: &watch::Sender<bool>,
    ) -> Result<()> {
        let settled: BTreeMap<i32, i64> =
            self.stored.iter().map(|(&partition, at)| (partition, at.next)).collect();
        self.context.judge_retention(&mut self.retention, passed, now, &settled)?;
        for (&partition, at) in &now.partitions {
            let stands = settled.get(&partition).copied().unwrap_or_default();
            let before = self.stood.insert(partition, stands);
            // Only markers of transactions and compacted offsets may be left: whoever waited for messages would wait for
            // ever. The end was looked at first, so what is found empty afterwards is empty up to there.
            if at.end > stands && before == Some(stands) && self.kafka.nothing_from(partition, stands).await?
            {
                self.ledger.skip_to(partition, at.end);
            }
        }
        if self.topic.until.is_none() && self.context.progress.phase() > Phase::Copying {
            self.topic = self.context.ends_of_the_copy(now).await?;
        }
        let lag: u64 = now
            .partitions
            .iter()
            .map(|(partition, at)| at.end - settled.get(partition).copied().unwrap_or_default())
            .filter_map(|lag| u64::try_from(lag).ok())
            .sum();
        let until = self.topic.until.as_ref();
        let passed = until.is_some_and(|until| {
            until.iter().all(|(partition, end)| settled.get(partition).is_some_and(|next| next >= end))
        });
        let now_caught_up = passed && lag <= self.config.max_lag;
        let rate = self.samples.front().zip(self.samples.back()).and_then(|((from, before), (to, after))| {
            let span = to.duration_since(*from).as_secs_f64();
            // Counts far below 2^52: nothing is lost.
            #[allow(clippy::cast_precision_loss)]
            (span >= 1.0).then(|| (after - before) as f64 / span)
        });
        let behind = |partition: &i32| {
            let at = self.stored.get(partition)?.timestamp?;
            let millis = Timestamp::now().as_millisecond().saturating_sub(at).max(0);
            u64::try_from(millis / 1000).ok()
        };
        self.context.progress.topic(|topic| {
            topic.lag = Some(lag);
            topic.rate_now = rate;
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let eta = rate.filter(|rate| *rate > 0.0).map(|rate| (lag as f64 / rate).ceil() as u64);
            topic.eta_seconds = eta;
            topic.lag_seconds = None;
            for (partition, at) in &now.partitions {
                let status = topic.partitions.entry(*partition).or_default();
                status.end = Some(at.end);
                status.lag_seconds = if at.end > status.settled { behind(partition) } else { None };
                topic.lag_seconds = topic.lag_seconds.max(status.lag_seconds);
            }
        });
        self.context.progress.changes(|changes| changes.caught_up = now_caught_up);
        caught_up.send_replace(now_caught_up);
        Ok(())
    }

    async fn out_of_range(&self) -> Error {
        let Ok(now) = self.kafka.topic().await else {
            return Error::temporary("kafka_unreachable", "the brokers do not say what they have left");
        };
        let cut = self.stored.iter().find_map(|(&partition, at)| {
            let earliest = now.partitions.get(&partition)?.earliest;
            (earliest > at.next).then(|| offsets_cut(&self.topic.topic, partition, at.next, Some(earliest)))
        });
        cut.unwrap_or_else(|| {
            Error::state(
                "topic_anew",
                format!("topic `{}` has not got the offsets that were read before", self.topic.topic),
            )
            .hint("`esferry reset` the migration: the topic was made anew, or its brokers lost messages")
        })
    }

    async fn end(self) -> Result<()> {
        let Replay { context, lanes, mut ledger, stored, .. } = self;
        let settle = |outcomes: Vec<(Ticket, OperationOutcome)>| {
            outcomes.into_iter().for_each(|(ticket, outcome)| ledger.settle(ticket, outcome));
        };
        // A target that does not answer may take longer than anybody waits.
        let _ = tokio::time::timeout(SETTLE_WITHIN, lanes.drain(settle)).await;
        let Some(run) = ledger.run(&stored) else { return Ok(()) };
        let (store, name) = (context.store.clone(), context.name.clone());
        let topic = blocking(move || store.settle_messages(&name, &run)).await?;
        context.show_topic(&topic);
        Ok(())
    }
}
