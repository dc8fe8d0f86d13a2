//! Lanes: changes of one document go through one lane, one after the other; the lanes go side by side.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use super::applying::{Asked, Rules};
use crate::changes::ledger::{OperationOutcome, Ticket};
use crate::engine::worker::IndexCopy;
use crate::error::{Error, Result};
use crate::failpoint::Failpoint;

/// Batches that are under way at once, at most.
const LANES: usize = 8;
/// Changes of a batch.
const MOST: usize = 500;
/// Bytes of changes that are under way, in KiB.
const ROOM_KIB: usize = 32 * 1024;

/// A change on its way.
struct Work {
    ordinal: u32,
    asked: Asked,
    room: OwnedSemaphorePermit,
}

/// The way of changes to the target.
pub(super) struct Lanes {
    lanes: Vec<mpsc::Sender<Work>>,
    outcomes: mpsc::UnboundedReceiver<Vec<(Ticket, OperationOutcome)>>,
    room: Arc<Semaphore>,
    workers: JoinSet<Result<()>>,
}

impl Lanes {
    pub(super) fn new(copies: &HashMap<u32, Arc<IndexCopy>>, rules: &Rules) -> Self {
        let (told, outcomes) = mpsc::unbounded_channel();
        let mut workers = JoinSet::new();
        let mut lanes = Vec::with_capacity(LANES);
        for _ in 0..LANES {
            let (lane, work) = mpsc::channel(MOST);
            workers.spawn(run(work, told.clone(), copies.clone(), rules.clone()));
            lanes.push(lane);
        }
        Lanes { lanes, outcomes, room: Arc::new(Semaphore::new(ROOM_KIB)), workers }
    }

    /// Puts a change, of `bytes` bytes, behind those of the same document.
    ///
    /// # Errors
    /// What a lane ended with.
    pub(super) async fn put(&mut self, ordinal: u32, asked: Asked, bytes: usize) -> Result<()> {
        let wanted = u32::try_from((bytes / 1024 + 1).min(ROOM_KIB)).unwrap_or(u32::MAX);
        let Ok(room) = self.room.clone().acquire_many_owned(wanted).await else { return self.failed().await };
        let mut hash = DefaultHasher::new();
        (ordinal, &asked.change.id).hash(&mut hash);
        let lane = usize::try_from(hash.finish() % LANES as u64).unwrap_or(0);
        if self.lanes[lane].send(Work { ordinal, asked, room }).await.is_err() {
            return self.failed().await;
        }
        Ok(())
    }

    /// Outcomes of a batch.
    ///
    /// # Errors
    /// What a lane ended with.
    pub(super) async fn outcomes(&mut self) -> Result<Vec<(Ticket, OperationOutcome)>> {
        tokio::select! {
            biased;
            Some(outcomes) = self.outcomes.recv() => Ok(outcomes),
            // Lanes end only when they fail, as long as work may come.
            Some(ended) = self.workers.join_next() => match ended {
                Ok(Ok(())) => Ok(Vec::new()),
                Ok(Err(error)) => Err(error),
                Err(cause) => Err(Error::unexpected("panic", "a lane of the replay panicked").because(cause)),
            },
            else => Ok(Vec::new()),
        }
    }

    async fn failed(&mut self) -> Result<()> {
        while let Some(ended) = self.workers.join_next().await {
            match ended {
                Ok(outcome) => outcome?,
                Err(cause) => {
                    return Err(Error::unexpected("panic", "a lane of the replay panicked").because(cause));
                }
            }
        }
        Err(Error::unexpected("lane", "a lane of the replay ended by itself"))
    }

    /// Takes no more work, and waits for what is under way; outcomes come through `take`.
    pub(super) async fn drain(mut self, mut take: impl FnMut(Vec<(Ticket, OperationOutcome)>)) {
        self.lanes.clear();
        while let Some(outcomes) = self.outcomes.recv().await {
            take(outcomes);
        }
    }
}

/// One lane: as many changes at a time as are there, no two of them of the same id.
async fn run(
    mut work: mpsc::Receiver<Work>,
    told: mpsc::UnboundedSender<Vec<(Ticket, OperationOutcome)>>,
    copies: HashMap<u32, Arc<IndexCopy>>,
    rules: Rules,
) -> Result<()> {
    let mut next: Option<Work> = None;
    loop {
        let Some(first) = (match next.take() {
            Some(work) => Some(work),
            None => work.recv().await,
        }) else {
            return Ok(());
        };
        let mut ids: HashSet<String> = HashSet::new();
        let mut by_index: HashMap<u32, Vec<Asked>> = HashMap::new();
        let mut room = Vec::new();
        let mut now = Some(first);
        while let Some(taken) = now.take() {
            if !ids.insert(taken.asked.change.id.clone()) {
                next = Some(taken);
                break;
            }
            by_index.entry(taken.ordinal).or_default().push(taken.asked);
            room.push(taken.room);
            if ids.len() < MOST {
                now = work.try_recv().ok();
            }
        }
        for (ordinal, asked) in by_index {
            let copy = copies.get(&ordinal).ok_or_else(|| {
                Error::unexpected("no_copy", format!("index {ordinal} of the plan is not at hand"))
            })?;
            let outcomes = rules.apply(copy, ordinal, &asked).await?;
            Failpoint::MessagesAcknowledged.pass();
            if told.send(outcomes).is_err() {
                return Ok(());
            }
        }
    }
}
