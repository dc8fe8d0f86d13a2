//! What the store should hold, without a disk.

use super::*;

pub(super) type FailureKey = (SliceId, String, Option<String>);

pub(super) fn key_of(failure: &Failure) -> FailureKey {
    (failure.slice, failure.id.clone(), failure.routing.clone())
}

/// The words of the step that leaves documents out.
pub(super) const STEP: &str = "drop";

/// What becomes of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Written,
    Present,
    Superseded,
    Dropped,
    Refused(&'static str),
}

impl Fate {
    pub(super) fn count(self) -> Counts {
        let mut counts = Counts::default();
        *match self {
            Fate::Written => &mut counts.written,
            Fate::Present => &mut counts.present,
            Fate::Superseded => &mut counts.superseded,
            Fate::Dropped => &mut counts.dropped,
            Fate::Refused(_) => &mut counts.rejected,
        } = 1;
        counts
    }
}

/// Ids come again within a slice: as if the documents were written again while they are read.
pub(super) fn document_id(number: u64) -> String {
    format!("d{}", number % 3)
}

pub(super) fn refused(slice: SliceId, number: u64, kind: &str, second: i64) -> Failure {
    let reason = format!("{kind} at {second}");
    Failure { slice, version: Some(number), ..failure(0, &document_id(number), kind, &reason, second) }
}

/// A slice's position, for those that have one.
pub(super) fn position(slice: &Slice, number: u64) -> Cursor {
    match slice.range {
        SliceRange::SeqNo(_) => Cursor::SeqNo(number),
        _ => Cursor::Start,
    }
}

#[derive(Debug, Clone, Default)]
pub(super) struct Books {
    pub(super) slices: BTreeMap<SliceId, SliceRecord>,
    pub(super) failures: BTreeMap<FailureKey, Failure>,
    /// How many there were of each type when it was accepted.
    pub(super) accepted: BTreeMap<String, u64>,
}

impl Books {
    /// Whether a settlement from here to there is the slice's next one.
    pub(super) fn joins(&self, slice: SliceId, from: Cursor, to: Option<Cursor>) -> bool {
        let stands = match self.slices.get(&slice).map(|record| &record.state) {
            Some(SliceState::Waiting) => Some(Cursor::Start),
            Some(SliceState::Open { cursor }) => Some(*cursor),
            Some(SliceState::Done | SliceState::SetAside { .. }) | None => None,
        };
        stands == Some(from) && to.is_none_or(|to| to > from)
    }

    pub(super) fn settle(&mut self, slice: SliceId, to: Option<Cursor>, fates: &[(u64, Fate)], second: i64) {
        let record = self.slices.get_mut(&slice).unwrap();
        record.state = to.map_or(SliceState::Done, |cursor| SliceState::Open { cursor });
        for (number, fate) in fates {
            record.counts.read += 1;
            record.counts.add(&fate.count());
            match fate {
                Fate::Dropped => *record.dropped.entry(STEP.to_owned()).or_default() += 1,
                Fate::Refused(kind) => {
                    let mut failure = refused(slice, *number, kind, second);
                    if let Some(known) = self.failures.get(&key_of(&failure)) {
                        failure.first = known.first;
                        record.counts.rejected -= 1;
                        record.counts.superseded += 1;
                    }
                    self.failures.insert(key_of(&failure), failure);
                }
                Fate::Written | Fate::Present | Fate::Superseded => {}
            }
        }
    }

    /// A failed document is settled otherwise; `None`: it is gone from the source.
    pub(super) fn retried(&mut self, key: &FailureKey, fate: Option<Fate>, second: i64) {
        if let Some(Fate::Refused(kind)) = fate {
            let known = self.failures.get_mut(key).unwrap();
            *known = refused_again(known, kind, second);
            known.attempts += 1;
            return;
        }
        self.failures.remove(key).unwrap();
        let record = self.slices.get_mut(&key.0).unwrap();
        record.counts.rejected -= 1;
        match fate {
            Some(fate) => record.counts.add(&fate.count()),
            None => record.counts.gone += 1,
        }
        if fate == Some(Fate::Dropped) {
            *record.dropped.entry(STEP.to_owned()).or_default() += 1;
        }
    }

    /// False: refused, since there is no failure of this type, or it is not accepted.
    pub(super) fn accept(&mut self, kind: &str, undo: bool) -> bool {
        let count = self.failures.values().filter(|failure| failure.error_type == kind).count() as u64;
        if undo {
            return self.accepted.remove(kind).is_some();
        }
        let known = count > 0 || self.accepted.contains_key(kind);
        if known {
            self.accepted.insert(kind.to_owned(), count);
        }
        known
    }

    pub(super) fn set_aside(&mut self, slice: SliceId) {
        let record = self.slices.get_mut(&slice).unwrap();
        let cursor = match record.state {
            SliceState::Open { cursor } => cursor,
            _ => Cursor::Start,
        };
        record.state = SliceState::SetAside { reason: "lost".to_owned(), cursor };
    }

    /// False: refused, since that one is not set aside.
    pub(super) fn resume(&mut self, only: Option<SliceId>) -> bool {
        let mut found = false;
        for record in self.slices.values_mut().filter(|record| only.is_none_or(|id| id == record.slice.id)) {
            if let SliceState::SetAside { cursor, .. } = record.state {
                found = true;
                record.state = match cursor {
                    Cursor::Start => SliceState::Waiting,
                    cursor => SliceState::Open { cursor },
                };
            }
        }
        found || only.is_none()
    }

    /// The same, but for how often slices were begun: the only thing that is noted without a flush.
    pub(super) fn without_attempts(&self) -> (Vec<SliceRecord>, Vec<Failure>, Vec<(String, u64)>) {
        let slices = self.slices.values().map(|record| SliceRecord { attempts: 0, ..record.clone() });
        let accepted = self.accepted.iter().map(|(kind, count)| (kind.clone(), *count));
        (slices.collect(), self.failures.values().cloned().collect(), accepted.collect())
    }
}

pub(super) fn refused_again(known: &Failure, kind: &str, second: i64) -> Failure {
    let last = Timestamp::from_second(second).unwrap();
    Failure { error_type: kind.to_owned(), reason: "once more".to_owned(), last, ..known.clone() }
}
