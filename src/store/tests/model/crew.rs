//! The real store, and workers that collect and settle as the engine's do.

use std::collections::VecDeque;
use std::path::PathBuf;

use futures::channel::oneshot;
use futures::future::BoxFuture;
use futures::stream::FuturesOrdered;
use futures::{FutureExt, StreamExt};

use super::books::{Fate, STEP, document_id, position, refused, refused_again};
use super::events::Event;
use super::world::{SHARDS, begin_of, end_of, slices_of};
use super::*;
use crate::cluster::failure::Refusal;
use crate::engine::resume;
use crate::engine::stored_plan::waiting_slices;
use crate::engine::unsettled::{Run, Unsettled};
use crate::sink::{Delivery, Identity, Rejection};

/// A worker at its slice.
struct Worker {
    slice: Slice,
    read: u64,
    flights: FuturesOrdered<BoxFuture<'static, (Cursor, Delivery)>>,
    /// The target's end of each flight, with the numbers of its documents.
    answers: VecDeque<(Option<oneshot::Sender<Delivery>>, u64)>,
    unsettled: Unsettled,
}

pub(in super::super) struct Crew {
    root: tempfile::TempDir,
    store: Option<Store>,
    workers: BTreeMap<SliceId, Worker>,
    /// Lives so far: each has a state directory of its own.
    lives: u32,
    /// The count of flushes when the state was last kept.
    flushes: Vec<u8>,
    /// Slices that were done after a flush.
    done: BTreeSet<SliceId>,
}

impl Crew {
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut crew = Crew {
            root,
            store: None,
            workers: BTreeMap::new(),
            lives: 0,
            flushes: Vec::new(),
            done: BTreeSet::new(),
        };
        crew.store = Some(Store::open(&crew.state_dir()).unwrap());
        crew.store().save_migration(&migration(NAME)).unwrap();
        crew.keep_what_is_flushed();
        crew
    }

    pub(super) fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn state_dir(&self) -> PathBuf {
        self.root.path().join(self.lives.to_string())
    }

    /// Does what the event says, and demands that what it does is what the world expects.
    pub(super) fn live(&mut self, world: &World, event: Event) {
        let second = world.second;
        match event {
            Event::Plan(number) => {
                let slices = slices_of(number);
                let planned = shard(u32::try_from(slices.len()).unwrap());
                self.store().save_shard(NAME, 0, number, &planned, &slices).unwrap();
            }
            Event::HandOut => self.hand_out(world),
            Event::Send { slice, documents } => self.workers.get_mut(&slice).unwrap().send(documents),
            Event::Answer { slice, flight, fates } => {
                let (answer, from) = &mut self.workers.get_mut(&slice).unwrap().answers[flight];
                assert!(answer.take().unwrap().send(delivery(*from, &fates)).is_ok());
            }
            Event::Collect { slice, checkpoint } => {
                self.workers.get_mut(&slice).unwrap().collect();
                if checkpoint {
                    self.checkpoint(slice, second);
                }
            }
            Event::Finish(slice) => {
                let worker = self.workers.remove(&slice).unwrap();
                self.settle(slice, worker.unsettled.last_run(), second);
            }
            Event::Lose { slice, once_too_often } => {
                self.checkpoint(slice, second);
                self.workers.remove(&slice);
                if once_too_often {
                    self.set_aside(slice);
                }
            }
            Event::Panic(slice) => {
                self.workers.remove(&slice);
                self.set_aside(slice);
            }
            Event::Stray { slice, from, to } => {
                let counts = Counts { read: 1, rejected: 1, ..Counts::default() };
                let failures = vec![refused(slice, 0, "stray", second)];
                let stray = Settlement { slice, from, to, counts, failures, dropped: BTreeMap::new() };
                let refusal = self.store().settle(NAME, &stray).unwrap_err();
                assert!(matches!(refusal, SettleError::OutOfOrder(refusal) if refusal.from == from));
            }
            Event::Resume(only) => {
                assert_eq!(resume(self.store(), NAME, only).is_err(), world.refused);
            }
            Event::Retry(tried) => self.retry(&tried, second),
            Event::Accept { kind, undo } => {
                let told = if undo {
                    self.store().take_back_acceptance(NAME, kind)
                } else {
                    self.store().accept_failures(NAME, kind, acceptance(second))
                };
                assert_eq!(told.is_err(), world.refused);
            }
            Event::Reset => {
                self.store().reset(NAME).unwrap();
                self.store().save_migration(&migration(NAME)).unwrap();
                self.done.clear();
            }
            Event::Restart => {
                for slice in self.workers.keys().copied().collect::<Vec<_>>() {
                    self.checkpoint(slice, second);
                }
                self.workers.clear();
                self.store = None;
                self.store = Some(Store::open(&self.state_dir()).unwrap());
                self.store().flush().unwrap();
            }
            Event::Crash { settling } => self.crash(world, settling),
        }
        self.keep_what_is_flushed();
        for slice in &self.done {
            let stands = self.store().slice(NAME, *slice).unwrap().unwrap().state;
            assert_eq!(stands, SliceState::Done, "{slice} was done once");
        }
    }

    fn hand_out(&mut self, world: &World) {
        let queue = waiting_slices(self.store(), NAME, &[index()]);
        if world.refused {
            assert_eq!(queue.unwrap_err().code(), "corrupt", "a shard has no slices yet");
            return;
        }
        let ready: Vec<SliceId> = queue.unwrap().ready.into();
        assert_eq!(ready, world.ready);
        assert!(ready.iter().all(|id| !self.done.contains(id)), "a done slice is never handed out");
        let Some(id) = ready.into_iter().find(|id| !self.workers.contains_key(id)) else { return };
        let record = self.store().update_slice(NAME, id, |record| record.attempts += 1).unwrap();
        let (from, read) = match record.state {
            SliceState::Open { cursor: Cursor::SeqNo(number) } => (Cursor::SeqNo(number), number),
            _ => (Cursor::Start, begin_of(id)),
        };
        let worker = Worker {
            slice: record.slice,
            read,
            flights: FuturesOrdered::new(),
            answers: VecDeque::new(),
            unsettled: Unsettled::new(from),
        };
        self.workers.insert(id, worker);
    }

    fn checkpoint(&mut self, slice: SliceId, second: i64) {
        if let Some(run) = self.workers.get_mut(&slice).unwrap().unsettled.next_run() {
            self.settle(slice, run, second);
        }
    }

    fn settle(&self, slice: SliceId, run: Run, second: i64) {
        let settlement = settlement(slice, run, second);
        let record = self.store().settle(NAME, &settlement).unwrap();
        assert_eq!(self.store().slice(NAME, slice).unwrap(), Some(record));
    }

    fn set_aside(&self, slice: SliceId) {
        let change = |record: &mut SliceRecord| {
            let cursor = match record.state {
                SliceState::Open { cursor } => cursor,
                _ => Cursor::Start,
            };
            record.state = SliceState::SetAside { reason: "lost".to_owned(), cursor };
        };
        self.store().update_slice(NAME, slice, change).unwrap();
        self.store().flush().unwrap();
    }

    fn retry(&self, tried: &[(FailureKey, Option<Fate>)], second: i64) {
        let known = all(self.store().failures(NAME));
        let (mut resolved, mut again) = (Vec::new(), Vec::new());
        for (key, fate) in tried {
            let failure = known.iter().find(|failure| key_of(failure) == *key).unwrap();
            match fate {
                Some(Fate::Refused(kind)) => {
                    again.push(Failure { attempts: 1, ..refused_again(failure, kind, second) })
                }
                fate => {
                    let counts = fate.map_or(Counts { gone: 1, ..Counts::default() }, Fate::count);
                    let dropped_by = (*fate == Some(Fate::Dropped)).then(|| STEP.to_owned());
                    resolved.push(Resolution { failure: failure.clone(), counts, dropped_by });
                }
            }
        }
        self.store().resolve_failures(NAME, &resolved, &again).unwrap();
    }

    /// Dies, in the middle of a settlement where one is given. What the disk holds at that moment is a state that was,
    /// and what was flushed is all there; the next life begins with that alone.
    fn crash(&mut self, world: &World, settling: Option<SliceId>) {
        if let Some(slice) = settling {
            let mut worker = self.workers.remove(&slice).unwrap();
            worker.collect();
            let is_over = worker.answers.is_empty() && worker.read == end_of(slice);
            let run = if is_over { Some(worker.unsettled.last_run()) } else { worker.unsettled.next_run() };
            if let Some(run) = run {
                let settlement = settlement(slice, run, world.second);
                self.store().write_settlement(NAME, &settlement).unwrap();
            }
        }
        let at_death = self.root.path().join("at-death");
        copy(&self.state_dir(), &at_death);
        self.workers.clear();
        self.store = None;
        let found = Store::open(&at_death).unwrap();
        let expected = [&world.flushed, &world.lost].map(Books::without_attempts);
        let books = books_of(&found);
        assert!(expected.contains(&books.without_attempts()), "{books:#?} at death, of {expected:#?}");
        drop(found);
        std::fs::remove_dir_all(at_death).unwrap();
        self.lives += 1;
        copy(&self.root.path().join("flushed"), &self.state_dir());
        self.store = Some(Store::open(&self.state_dir()).unwrap());
    }

    /// After each flush that was told: what a loss of power leaves.
    fn keep_what_is_flushed(&mut self) {
        let flushes = std::fs::read(self.state_dir().join("flushes")).unwrap();
        if flushes == self.flushes {
            return;
        }
        self.flushes = flushes;
        let flushed = self.root.path().join("flushed");
        if flushed.exists() {
            std::fs::remove_dir_all(&flushed).unwrap();
        }
        copy(&self.state_dir(), &flushed);
        for record in all(self.store().slices(NAME)) {
            if record.state == SliceState::Done {
                self.done.insert(record.slice.id);
            }
        }
    }
}

impl Worker {
    fn send(&mut self, documents: u64) {
        let (answer, answered) = oneshot::channel();
        self.answers.push_back((Some(answer), self.read));
        self.read += documents;
        let upto = position(&self.slice, self.read);
        self.flights.push_back(async move { (upto, answered.await.unwrap()) }.boxed());
    }

    /// What came in, up to the first page that is still under way.
    fn collect(&mut self) {
        while let Some(Some((upto, delivery))) = self.flights.next().now_or_never() {
            self.answers.pop_front();
            self.unsettled.add(upto, delivery);
        }
    }
}

fn settlement(slice: SliceId, run: Run, second: i64) -> Settlement {
    let failure = |rejection: Rejection| {
        let number = rejection.version.unwrap();
        refused(slice, number, &rejection.refusal.error_type, second)
    };
    run.settlement(slice, failure, |_| STEP.to_owned()).unwrap()
}

/// What the sink hands back for these documents.
fn delivery(from: u64, fates: &[Fate]) -> Delivery {
    let mut delivery = Delivery::default();
    for (number, fate) in (from..).zip(fates) {
        delivery.counts.read += 1;
        delivery.counts.add(&fate.count());
        match fate {
            Fate::Dropped => *delivery.dropped.entry(0).or_default() += 1,
            Fate::Refused(kind) => delivery.rejections.push(Rejection {
                origin: Identity { doc_type: None, id: document_id(number), routing: None },
                sent: None,
                version: Some(number),
                refusal: Refusal { status: 400, error_type: (*kind).to_owned(), reason: String::new() },
                attempts: 1,
            }),
            Fate::Written | Fate::Present | Fate::Superseded => {}
        }
    }
    delivery
}

fn index() -> IndexRecord {
    serde_json::from_value(serde_json::json!({
        "ordinal": 0, "source": "a", "source_uuid": "", "target": "b", "shards": SHARDS, "types": [],
        "target_type": null, "strategy": "uid", "originals": null, "counted": null
    }))
    .unwrap()
}

/// What a store holds, as books.
fn books_of(store: &Store) -> Books {
    let groups = store.failure_groups(NAME).unwrap();
    let accepted = groups.into_iter().filter_map(|group| Some((group.error_type, group.accepted?.count)));
    Books {
        slices: all(store.slices(NAME)).into_iter().map(|record| (record.slice.id, record)).collect(),
        failures: all(store.failures(NAME)).into_iter().map(|failure| (key_of(&failure), failure)).collect(),
        accepted: accepted.collect(),
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (kind, place) = (entry.file_type().unwrap(), to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
}
