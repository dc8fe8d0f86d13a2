//! What a migration is doing right now: small counters that workers move and `status` reads.

mod changes;
mod cutover;
mod verification;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::phase::{Phase, Standing};
use crate::cluster::waits::Waits;
use crate::control::changes::ChangesStatus;
use crate::control::status::{IndexStatus, MigrationStatus, OthersStatus, PlanningStatus, SliceTally};
use crate::cutover::gates::Gates;
use crate::plan::slice::SliceId;
use crate::sink::Pace;
use crate::store::Resolution;
use crate::store::comparison::ComparisonRecord;
use crate::store::cutover::CutoverRecord;
use crate::store::records::{
    Counts, FailureGroup, IndexRecord, MigrationRecord, OtherTarget, SliceRecord, SliceState, Tuned,
};
use verification::VerificationProgress;

/// The recent rate is that of this span.
const RECENT: Duration = Duration::from_secs(10);

/// Counters of one migration, shared by its workers, the control API and the telemetry.
#[derive(Debug)]
pub struct Progress {
    name: String,
    inner: Mutex<Inner>,
    /// Who waits for what.
    pub waits: Waits,
}

#[derive(Debug)]
struct Inner {
    phase: Phase,
    standing: Standing,
    plan: PlanningStatus,
    indices: Vec<IndexProgress>,
    counts: Counts,
    groups: Vec<FailureGroup>,
    /// Documents that transforms left out, by the words of the step.
    dropped: BTreeMap<String, u64>,
    others: Vec<OtherTarget>,
    tuned: Tuned,
    /// Absent for a source that is not followed.
    changes: Option<ChangesStatus>,
    /// Documents that the replay has written and deleted, acknowledged by the target.
    replayed: u64,
    /// Operations of the replay that were sent, and are not acknowledged.
    under_way: u64,
    verification: VerificationProgress,
    /// What has to be true before a switch, as it was looked at last.
    gates: Option<Gates>,
    comparison: Option<ComparisonRecord>,
    cutover: Option<CutoverRecord>,
    /// Of whoever writes to the target now.
    pace: Weak<Pace>,
    planning: Duration,
    copying: Duration,
    copying_since: Option<Instant>,
    /// Documents settled by the attempts under way, which a checkpoint does not hold yet.
    open: HashMap<SliceId, u64>,
    /// Documents settled since this process began, attempts that were lost included.
    throughput: u64,
    samples: VecDeque<(Instant, u64)>,
}

#[derive(Debug)]
struct IndexProgress {
    record: IndexRecord,
    tally: SliceTally,
    docs: u64,
}

impl Progress {
    /// Nothing is known yet but the name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let inner = Inner {
            phase: Phase::Planning,
            standing: Standing::Running,
            plan: PlanningStatus::default(),
            indices: Vec::new(),
            counts: Counts::default(),
            groups: Vec::new(),
            dropped: BTreeMap::new(),
            others: Vec::new(),
            tuned: Tuned::default(),
            changes: None,
            replayed: 0,
            under_way: 0,
            verification: VerificationProgress::default(),
            gates: None,
            comparison: None,
            cutover: None,
            pace: Weak::new(),
            planning: Duration::ZERO,
            copying: Duration::ZERO,
            copying_since: None,
            open: HashMap::new(),
            throughput: 0,
            samples: VecDeque::new(),
        };
        Progress { name: name.to_owned(), inner: Mutex::new(inner), waits: Waits::default() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what the store says of the migration itself.
    pub fn take_migration(&self, record: &MigrationRecord) {
        let mut inner = self.inner();
        inner.phase = record.phase;
        inner.standing = record.standing.clone();
        inner.others = record.others.clone();
        inner.planning = Duration::from_millis(record.planning_ms);
        inner.copying = Duration::from_millis(record.copying_ms);
        if let Some(since) = &mut inner.copying_since {
            *since = Instant::now();
        }
    }

    /// Takes over the targets beside the planned ones.
    pub fn take_others(&self, record: &MigrationRecord) {
        self.inner().others = record.others.clone();
    }

    /// Takes over an index; its slices are taken over one by one.
    pub fn take_index(&self, record: &IndexRecord) {
        let mut inner = self.inner();
        match inner.indices.iter_mut().find(|index| index.record.ordinal == record.ordinal) {
            Some(index) => index.record = record.clone(),
            None => inner.indices.push(IndexProgress {
                record: record.clone(),
                tally: SliceTally::default(),
                docs: 0,
            }),
        }
    }

    /// Takes over a slice as the store has it.
    pub fn take_slice(&self, record: &SliceRecord) {
        let mut inner = self.inner();
        inner.counts.add(&record.counts);
        inner.drops(&record.dropped);
        if let Some(index) = inner.index_of(record.slice.id) {
            index.docs += record.slice.expected_docs;
            *slot(&mut index.tally, &record.state) += 1;
        }
    }

    /// Takes over the failures, by group.
    pub fn take_failures(&self, groups: Vec<FailureGroup>) {
        self.inner().groups = groups;
    }

    /// The phase.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.inner().phase
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        self.inner().standing.clone()
    }

    /// Limits that an operator gave.
    pub fn tunes(&self, tuned: Tuned) {
        self.inner().tuned = tuned;
    }

    /// The target is written at this pace from now on.
    pub fn writes_at(&self, pace: &Arc<Pace>) {
        self.inner().pace = Arc::downgrade(pace);
    }

    /// A new standing.
    pub fn stand(&self, standing: Standing) {
        self.inner().standing = standing;
    }

    /// Outcomes of everything that is checkpointed.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.inner().counts
    }

    /// Planning begins, or goes on: so many shards, some of them planned already.
    pub fn plan_begins(&self, plan: PlanningStatus) {
        self.inner().plan = plan;
    }

    /// One more shard is planned, durably.
    pub fn shard_is_planned(&self) {
        self.inner().plan.shards_done += 1;
    }

    /// The clock of the copy runs from here on.
    pub fn copy_begins(&self) {
        let mut inner = self.inner();
        inner.copying_since.get_or_insert_with(Instant::now);
        inner.samples.clear();
    }

    /// Stops the clock; returns the milliseconds of all runs.
    pub fn copy_ends(&self) -> u64 {
        let mut inner = self.inner();
        if let Some(since) = inner.copying_since.take() {
            inner.copying += since.elapsed();
        }
        milliseconds(inner.copying)
    }

    /// Milliseconds of copying so far, over all runs.
    #[must_use]
    pub fn copying_ms(&self) -> u64 {
        milliseconds(self.inner().copied_for())
    }

    /// An attempt at a slice begins.
    pub fn slice_begins(&self, record: &SliceRecord) {
        let mut inner = self.inner();
        inner.open.insert(record.slice.id, 0);
        inner.retally(record.slice.id, |tally| {
            let from = slot(tally, &record.state);
            *from = from.saturating_sub(1);
            tally.running += 1;
        });
    }

    /// The attempt settled some documents; they are not checkpointed yet.
    pub fn slice_moves(&self, id: SliceId, docs: u64) {
        let mut inner = self.inner();
        *inner.open.entry(id).or_default() += docs;
        inner.throughput += docs;
    }

    /// What the attempt settled since its last checkpoint is lost.
    pub fn slice_loses(&self, id: SliceId) {
        self.inner().open.insert(id, 0);
    }

    /// A checkpoint of the slice is durable: its documents count for good.
    pub fn slice_settles(&self, id: SliceId, counts: &Counts, dropped: &BTreeMap<String, u64>) {
        let mut inner = self.inner();
        inner.counts.add(counts);
        inner.drops(dropped);
        if let Some(open) = inner.open.get_mut(&id) {
            *open = open.saturating_sub(counts.settled());
        }
    }

    /// Nobody works on the slice any more.
    pub fn slice_ends(&self, record: &SliceRecord) {
        let mut inner = self.inner();
        inner.open.remove(&record.slice.id);
        inner.retally(record.slice.id, |tally| {
            tally.running = tally.running.saturating_sub(1);
            *slot(tally, &record.state) += 1;
        });
    }

    /// A slice that was set aside waits again.
    pub fn slice_reopens(&self, set_aside: &SliceRecord) {
        self.inner().retally(set_aside.slice.id, |tally| {
            tally.set_aside = tally.set_aside.saturating_sub(1);
            tally.waiting += 1;
        });
    }

    /// A failed document is settled otherwise after all.
    pub fn failure_resolves(&self, resolution: &Resolution) {
        let mut inner = self.inner();
        inner.counts.resolve(&resolution.counts);
        if let Some(step) = &resolution.dropped_by {
            *inner.dropped.entry(step.clone()).or_default() += 1;
        }
    }

    /// Forgets slices and counts, to take them over again from the store.
    pub fn forget_slices(&self) {
        let mut inner = self.inner();
        inner.counts = Counts::default();
        inner.dropped.clear();
        inner.open.clear();
        for index in &mut inner.indices {
            index.tally = SliceTally::default();
            index.docs = 0;
        }
    }

    /// Remembers how much was done by now; called about once a second.
    pub fn sample(&self) {
        let mut inner = self.inner();
        let (now, throughput) = (Instant::now(), inner.throughput);
        inner.samples.push_back((now, throughput));
        while inner.samples.front().is_some_and(|(at, _)| now.duration_since(*at) > RECENT) {
            inner.samples.pop_front();
        }
    }

    /// Everything, for people and programs.
    #[must_use]
    pub fn status(&self) -> MigrationStatus {
        let inner = self.inner();
        let planned = !matches!(inner.phase, Phase::Planning);
        let total: u64 = inner.indices.iter().map(|index| index.docs).sum();
        let settled = inner.counts.settled();
        let open: u64 = inner.open.values().sum();
        let copied_for = inner.copied_for();
        let copying = inner.phase == Phase::Copying && inner.copying_since.is_some();
        let rate_now = if copying { inner.rate_now() } else { None };
        let left = total.saturating_sub(settled + open);
        let standing = match (&inner.standing, self.waits.first()) {
            (Standing::Running, Some(reason)) => Standing::Waiting(reason),
            (standing, _) => standing.clone(),
        };
        let mut slices = SliceTally::default();
        for index in &inner.indices {
            slices.done += index.tally.done;
            slices.running += index.tally.running;
            slices.waiting += index.tally.waiting;
            slices.set_aside += index.tally.set_aside;
        }
        let over = inner.phase > Phase::Copying && slices.waiting + slices.running + slices.set_aside == 0;
        MigrationStatus {
            name: self.name.clone(),
            phase: inner.phase,
            standing,
            docs_total: planned.then_some(total),
            planning: (!planned && inner.plan.shards > 0).then_some(inner.plan),
            docs_settled: settled,
            docs_open: open,
            // Documents that went away since they were counted leave nothing to do.
            fraction: (planned && total > 0).then(|| if over { 1.0 } else { ratio(settled, total).min(1.0) }),
            rate_now,
            rate_average: (copied_for >= Duration::from_secs(1) && settled + open > 0)
                .then(|| per_second(settled + open, copied_for)),
            eta_seconds: rate_now.filter(|rate| *rate > 0.0 && planned).map(|rate| seconds(left, rate)),
            slices,
            counts: inner.counts,
            failures: inner.groups.clone(),
            dropped: inner.dropped.clone(),
            others: inner.others_status(),
            tuned: (inner.tuned != Tuned::default()).then_some(inner.tuned),
            changes: inner.changes.clone(),
            verification: inner.verification.status(),
            gates: inner.gates.clone(),
            comparison: inner.comparison.clone(),
            cutover: inner.cutover.clone(),
            pace: inner.pace.upgrade().map(|pace| pace.now()),
            indices: inner.indices.iter().map(IndexProgress::status).collect(),
            planning_seconds: inner.planning.as_secs_f64(),
            copying_seconds: copied_for.as_secs_f64(),
        }
    }
}

impl Inner {
    fn others_status(&self) -> Option<OthersStatus> {
        (!self.others.is_empty()).then(|| OthersStatus {
            targets: self.others.iter().map(|other| other.name.clone()).collect(),
            expected: self.others.iter().map(|other| other.before).sum::<u64>() + self.counts.elsewhere,
            counted: self.others.iter().map(|other| other.counted).sum(),
        })
    }

    fn drops(&mut self, dropped: &BTreeMap<String, u64>) {
        for (step, count) in dropped {
            *self.dropped.entry(step.clone()).or_default() += count;
        }
    }

    fn index_of(&mut self, id: SliceId) -> Option<&mut IndexProgress> {
        self.indices.iter_mut().find(|index| index.record.ordinal == id.index)
    }

    fn retally(&mut self, id: SliceId, change: impl FnOnce(&mut SliceTally)) {
        if let Some(index) = self.index_of(id) {
            change(&mut index.tally);
        }
    }

    fn copied_for(&self) -> Duration {
        self.copying + self.copying_since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn rate_now(&self) -> Option<f64> {
        let (at, docs) = self.samples.front()?;
        let span = at.elapsed();
        (span >= Duration::from_secs(1)).then(|| per_second(self.throughput - docs, span))
    }
}

impl IndexProgress {
    fn status(&self) -> IndexStatus {
        IndexStatus {
            source: self.record.source.clone(),
            types: self.record.only_types.clone(),
            shape: self.record.shape.clone(),
            target: self.record.target.clone(),
            strategy: self.record.strategy.clone(),
            slices: self.tally,
            docs_total: self.docs,
            remarks: self.record.remarks.clone(),
            counted: self.record.counted.clone(),
        }
    }
}

fn slot<'a>(tally: &'a mut SliceTally, state: &SliceState) -> &'a mut u64 {
    match state {
        SliceState::Waiting | SliceState::Open { .. } => &mut tally.waiting,
        SliceState::Done => &mut tally.done,
        SliceState::SetAside { .. } => &mut tally.set_aside,
    }
}

/// Counts far below 2^52: nothing is lost.
#[allow(clippy::cast_precision_loss)]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[allow(clippy::cast_precision_loss)]
fn per_second(docs: u64, span: Duration) -> f64 {
    docs as f64 / span.as_secs_f64()
}

#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn seconds(docs: u64, rate: f64) -> u64 {
    (docs as f64 / rate).ceil() as u64
}

pub(super) fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
