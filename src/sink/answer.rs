//! What the answer to a bulk says of each document that was sent: all of them have a final outcome then, or are sent
//! again, or the answer belongs to something else and nothing of it is believed.

use super::batch::Batch;
use super::bulk::{BulkAnswer, same_id};
use super::judge::{Verdict, judge};
use super::outcome::Delivery;
use crate::cluster::answer::why_unreadable;
use crate::cluster::dialect::writing::BulkTarget;
use crate::cluster::failure::{CallError, Refusal};

/// Documents of a batch that travel in one request.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) items: Vec<usize>,
    pub(super) tries: u32,
}

impl Group {
    /// Takes the second half away, where there are two.
    pub(super) fn split(&mut self) -> Option<Group> {
        let second = self.items.split_off(self.items.len().div_ceil(2));
        (!second.is_empty()).then_some(Group { items: second, tries: self.tries })
    }
}

/// What follows from an answer.
#[derive(Debug)]
pub(super) enum Answered {
    /// Every document has its final outcome.
    Settled,
    /// All but some, which are to be sent again.
    Again { later: Group, reason: String, overloaded: bool },
    /// It cannot be read, or is about other documents; the whole group is to be sent again.
    NotOurs(String),
    /// The target index is gone.
    IndexGone(Refusal),
}

/// Judges every item of a group. `present` takes the positions of those that are there already.
pub(super) fn judged(
    batch: &Batch,
    group: &Group,
    target: &BulkTarget,
    answer: &[u8],
    delivery: &mut Delivery,
    present: &mut Vec<usize>,
) -> Answered {
    let parsed = match BulkAnswer::read(answer) {
        Ok(parsed) => parsed,
        Err(cause) => {
            let why = why_unreadable(answer, &cause);
            return Answered::NotOurs(CallError::Malformed(why).to_string());
        }
    };
    if parsed.items.len() != group.items.len() {
        let (sent, answered) = (group.items.len(), parsed.items.len());
        return Answered::NotOurs(format!("{sent} documents sent, {answered} answered"));
    }
    for (action, &position) in parsed.items.iter().zip(&group.items) {
        if !same_id(batch.id(position, target), action.answer().id) {
            return Answered::NotOurs("the answer belongs to other documents".to_owned());
        }
    }
    let mut later = Group { items: Vec::new(), tries: group.tries };
    let (mut reason, mut overloaded) = (String::new(), false);
    for (action, &position) in parsed.items.iter().zip(&group.items) {
        let item = action.answer();
        let error = item.error.map(serde_json::value::RawValue::get);
        let before = delivery.counts.landed();
        match judge(item.status, item.result, error, target.verb(), group.tries) {
            Verdict::Written => delivery.counts.written += 1,
            Verdict::Present => {
                delivery.counts.present += 1;
                present.push(position);
            }
            Verdict::Superseded => delivery.counts.superseded += 1,
            Verdict::Rejected(refusal) => delivery.reject(batch, position, refusal, group.tries),
            Verdict::Retry(refusal) => {
                later.items.push(position);
                overloaded |= refusal.is_temporary();
                reason = refusal.one_line();
            }
            Verdict::Wait(refusal) => {
                later.items.push(position);
                reason = format!("{} (an operator has to change that)", refusal.one_line());
            }
            Verdict::IndexGone(refusal) => return Answered::IndexGone(refusal),
        }
        if batch.items[position].elsewhere {
            delivery.counts.elsewhere += delivery.counts.landed() - before;
        }
    }
    if later.items.is_empty() { Answered::Settled } else { Answered::Again { later, reason, overloaded } }
}
