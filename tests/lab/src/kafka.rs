//! A client of the lab's brokers: topics made and cut, messages sent, groups that stay.

use anyhow::{Context, Result, anyhow, ensure};
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(30);

/// The topics of the broker at one address.
#[derive(Debug, Clone)]
pub struct Topics {
    address: String,
}

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct Command {
    /// What keeps messages in one partition, in their order.
    pub key: String,
    /// Its value; `None` for a tombstone.
    pub payload: Option<String>,
}

/// Sends messages, each into the partition of its key, in their order.
#[derive(Clone)]
pub struct Sender {
    producer: FutureProducer,
    topic: String,
}

impl Topics {
    /// Those of the broker at `host:port`.
    pub fn of(address: &str) -> Topics {
        Topics { address: address.to_owned() }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config
    }

    fn admin(&self) -> Result<AdminClient<DefaultClientContext>> {
        self.config().create().context("no client of Kafka")
    }

    fn consumer(&self, group: &str) -> Result<BaseConsumer> {
        let mut config = self.config();
        config
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed");
        config.set("auto.offset.reset", "earliest").set("session.timeout.ms", "6000");
        config.create().context("no consumer")
    }

    /// Whether the broker answers.
    pub async fn answers(&self) -> bool {
        let Ok(consumer) = self.consumer("lab") else { return false };
        tokio::task::spawn_blocking(move || consumer.fetch_metadata(None, Duration::from_secs(1)).is_ok())
            .await
            .unwrap_or(false)
    }

    /// Makes a topic anew.
    pub async fn create(&self, topic: &str, partitions: i32) -> Result<()> {
        self.create_with(topic, partitions, &[]).await
    }

    /// Makes a topic anew with settings of its own.
    pub async fn create_with(&self, topic: &str, partitions: i32, settings: &[(&str, &str)]) -> Result<()> {
        self.delete(topic).await?;
        let (admin, options) = (self.admin()?, AdminOptions::new());
        let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        for (key, value) in settings {
            new = new.set(key, value);
        }
        // a topic that was deleted stays for a moment
        for _ in 0..100 {
            let made = admin.create_topics([&new], &options).await.context("cannot make the topic")?;
            if made.iter().all(std::result::Result::is_ok) {
                return self.until_known(topic, partitions).await;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(anyhow!("topic {topic} cannot be made"))
    }

    async fn until_known(&self, topic: &str, partitions: i32) -> Result<()> {
        for _ in 0..100 {
            if self.ends(topic).await.is_ok_and(|ends| i32::try_from(ends.len()) == Ok(partitions)) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(anyhow!("topic {topic} does not get {partitions} partitions"))
    }

    /// Deletes a topic, if it is there.
    pub async fn delete(&self, topic: &str) -> Result<()> {
        self.admin()?.delete_topics(&[topic], &AdminOptions::new()).await.context("cannot delete a topic")?;
        Ok(())
    }

    /// Gives a topic more partitions.
    pub async fn grow(&self, topic: &str, partitions: i32) -> Result<()> {
        let more = NewPartitions::new(topic, usize::try_from(partitions)?);
        let grown = self.admin()?.create_partitions([&more], &AdminOptions::new()).await?;
        ensure!(grown.iter().all(std::result::Result::is_ok), "{grown:?}");
        self.until_known(topic, partitions).await
    }

    /// Deletes the messages of a partition below an offset, as retention does.
    pub async fn cut(&self, topic: &str, partition: i32, below: i64) -> Result<()> {
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(topic, partition, Offset::Offset(below))?;
        self.admin()?.delete_records(&offsets, &AdminOptions::new()).await.context("cannot cut a topic")?;
        Ok(())
    }

    /// Where each partition ends.
    pub async fn ends(&self, topic: &str) -> Result<BTreeMap<i32, i64>> {
        let (consumer, topic) = (self.consumer("lab")?, topic.to_owned());
        tokio::task::spawn_blocking(move || {
            let metadata = consumer.fetch_metadata(Some(&topic), WITHIN)?;
            let found = metadata.topics().first().context("no such topic")?;
            ensure!(found.error().is_none() && !found.partitions().is_empty(), "no such topic");
            let mut ends = BTreeMap::new();
            for partition in found.partitions() {
                ends.insert(partition.id(), consumer.fetch_watermarks(&topic, partition.id(), WITHIN)?.1);
            }
            Ok(ends)
        })
        .await
        .context("given up")?
    }

    /// What a group has committed.
    pub async fn committed(&self, group: &str, topic: &str) -> Result<BTreeMap<i32, i64>> {
        let partitions: Vec<i32> = self.ends(topic).await?.into_keys().collect();
        let (consumer, topic) = (self.consumer(group)?, topic.to_owned());
        tokio::task::spawn_blocking(move || {
            let mut asked = TopicPartitionList::new();
            for partition in partitions {
                asked.add_partition(&topic, partition);
            }
            let found = consumer.committed_offsets(asked, WITHIN)?;
            let offset = |offset| match offset {
                Offset::Offset(offset) => Some(offset),
                _ => None,
            };
            let elements = found.elements();
            Ok(elements.iter().filter_map(|at| Some((at.partition(), offset(at.offset())?))).collect())
        })
        .await
        .context("given up")?
    }

    /// A consumer that joins a group; it is a member as long as it is polled.
    pub fn member(&self, group: &str, topic: &str) -> Result<BaseConsumer> {
        let consumer = self.consumer(group)?;
        consumer.subscribe(&[topic]).context("cannot subscribe")?;
        Ok(consumer)
    }

    /// Sends messages one after the other, so that none is lost or doubled.
    pub fn sender(&self, topic: &str) -> Result<Sender> {
        let mut config = self.config();
        config.set("enable.idempotence", "true").set("linger.ms", "2").set("message.timeout.ms", "120000");
        Ok(Sender { producer: config.create().context("no producer")?, topic: topic.to_owned() })
    }

    /// Sends messages as one transaction, which is committed or given up.
    pub async fn transaction(&self, topic: &str, id: &str, commands: &[Command], commit: bool) -> Result<()> {
        let sender = self.transactional(topic, id)?;
        sender.producer.begin_transaction()?;
        for command in commands {
            sender.send(command).await?;
        }
        let producer = sender.producer;
        tokio::task::spawn_blocking(move || {
            if commit { producer.commit_transaction(WITHIN) } else { producer.abort_transaction(WITHIN) }
        })
        .await
        .context("given up")?
        .context("cannot end the transaction")
    }

    /// Begins a transaction and leaves it open; it is given up when the sender is dropped and its time is over.
    pub async fn open_transaction(&self, topic: &str, id: &str, commands: &[Command]) -> Result<Sender> {
        let sender = self.transactional(topic, id)?;
        sender.producer.begin_transaction()?;
        for command in commands {
            sender.send(command).await?;
        }
        Ok(sender)
    }

    fn transactional(&self, topic: &str, id: &str) -> Result<Sender> {
        let mut config = self.config();
        config.set("transactional.id", id);
        let producer: FutureProducer = config.create().context("no producer")?;
        producer.init_transactions(WITHIN).context("no transactions")?;
        Ok(Sender { producer, topic: topic.to_owned() })
    }
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("topic", &self.topic).finish_non_exhaustive()
    }
}

impl Command {
    /// A message with a value.
    pub fn new(key: &str, payload: impl ToString) -> Command {
        Command { key: key.to_owned(), payload: Some(payload.to_string()) }
    }

    /// A message without one.
    pub fn tombstone(key: &str) -> Command {
        Command { key: key.to_owned(), payload: None }
    }
}

impl Sender {
    /// Sends a message, and waits until the broker has it; returns its partition and offset.
    pub async fn send(&self, command: &Command) -> Result<(i32, i64)> {
        let mut record = FutureRecord::to(&self.topic).key(&command.key);
        if let Some(payload) = &command.payload {
            record = record.payload(payload);
        }
        let delivered = self.producer.send(record, WITHIN).await.map_err(|(cause, _)| cause)?;
        Ok((delivered.partition, delivered.offset))
    }

    /// Sends many, all at once but in their order, and waits for all of them.
    pub async fn send_all(&self, commands: &[Command]) -> Result<()> {
        let mut sent = Vec::with_capacity(commands.len());
        for command in commands {
            let mut record = FutureRecord::to(&self.topic).key(&command.key);
            if let Some(payload) = &command.payload {
                record = record.payload(payload);
            }
            let mut record = Some(record);
            while let Some(now) = record.take() {
                match self.producer.send_result(now) {
                    Ok(delivery) => sent.push(delivery),
                    // its queue is full
                    Err((_, again)) => {
                        record = Some(again);
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            }
        }
        for delivery in sent {
            delivery.await.context("given up")?.map_err(|(cause, _)| cause)?;
        }
        Ok(())
    }

    /// Ends the open transaction.
    pub async fn commit(self) -> Result<()> {
        let producer = self.producer;
        tokio::task::spawn_blocking(move || producer.commit_transaction(WITHIN))
            .await
            .context("given up")?
            .context("cannot commit")
    }
}
