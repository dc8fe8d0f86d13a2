//! The recovery plan for the present phase: what would be done, by which command, how long it takes, what would be lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::config::{ChangesThen, MigrationConfig};
use crate::engine::context::Context;
use crate::engine::phase::Phase;
use crate::store::cutover::{CutoverRecord, Step, Way};

/// The way back from where a migration is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryPlan {
    /// The migration.
    pub migration: String,
    /// Where it is.
    pub phase: Phase,
    /// Who serves users now.
    pub serves: String,
    /// What would be done, in this order.
    pub steps: Vec<RecoveryStep>,
    /// What would be lost by it.
    pub lost: String,
    /// Writes of the target since the switch; absent before it, and where they cannot be told.
    pub written_since: Option<WrittenSince>,
    /// What keeps the old side as good as the new one.
    pub keeps_fed: Vec<String>,
    /// What doesn't reach the old side.
    pub does_not: Vec<String>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryStep {
    /// What is done.
    pub what: String,
    /// The command that does it; absent for what the command above does too.
    pub command: Option<String>,
    /// How long it took the last time, or may take at most.
    pub expected: Option<String>,
}

/// Operations that the shards of the target have taken since the switch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenSince {
    /// In all.
    pub operations: u64,
    /// Of these, the replay's: they came by the topic, which the old side reads too.
    pub replayed: u64,
}

impl WrittenSince {
    /// Those that somebody else wrote, who wrote to the target alone as far as anybody can tell.
    #[must_use]
    pub fn of_others(&self) -> u64 {
        self.operations.saturating_sub(self.replayed)
    }
}

impl Context {
    /// The recovery plan. A target that does not answer leaves the writes since the switch unknown, and the plan says so.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub(in crate::engine) async fn recovery(&self) -> crate::error::Result<RecoveryPlan> {
        let all = self.store.cutovers(&self.name)?;
        let phase = self.progress.phase();
        let last = all.last();
        let switched = last.filter(|last| phase >= Phase::CutOver && last.is_switched());
        let written_since = match switched {
            Some(record) => self.written_since(record).await.unwrap_or_else(|error| {
                tracing::warn!(error = error.one_line(), "the writes since the switch are not known");
                None
            }),
            None => None,
        };
        let (keeps_fed, does_not) = feeds(&self.config);
        let plan = Sketch { name: &self.name, config: &self.config, phase, last, all: &all, written_since };
        Ok(RecoveryPlan {
            migration: self.name.clone(),
            phase,
            serves: plan.serves(),
            steps: plan.steps(),
            lost: plan.lost(),
            written_since,
            keeps_fed,
            does_not,
        })
    }

    /// What the target took since the alias moved; `None` where it has no sequence numbers.
    ///
    /// # Errors
    /// `Temporary` when the target does not answer.
    pub(in crate::engine) async fn written_since(
        &self,
        record: &CutoverRecord,
    ) -> crate::error::Result<Option<WrittenSince>> {
        let (now, replayed) = self.stands(true).await?;
        if record.marks.is_empty() || now.is_empty() {
            return Ok(None);
        }
        let before: BTreeMap<(&str, u32), i64> =
            record.marks.iter().map(|mark| ((mark.index.as_str(), mark.shard), mark.seq_no)).collect();
        let since = now.iter().map(|mark| {
            let before = before.get(&(mark.index.as_str(), mark.shard)).copied().unwrap_or(-1);
            u64::try_from(mark.seq_no - before).unwrap_or(0)
        });
        let replayed = replayed.saturating_sub(record.replayed);
        Ok(Some(WrittenSince { operations: since.sum(), replayed }))
    }
}

/// What a plan is made of.
struct Sketch<'a> {
    name: &'a str,
    config: &'a MigrationConfig,
    phase: Phase,
    last: Option<&'a CutoverRecord>,
    all: &'a [CutoverRecord],
    written_since: Option<WrittenSince>,
}

impl Sketch<'_> {
    fn serves(&self) -> String {
        let (from, to) = (&self.config.from.cluster, &self.config.to.cluster);
        match (self.phase, self.last) {
            (Phase::Complete, _) => format!("`{to}`; the migration is complete"),
            (Phase::CutOver, Some(last)) if last.rehearsal => format!("`{from}`; a rehearsal is under way"),
            (Phase::CutOver, Some(last)) if last.is_switched() => format!("`{to}`"),
            (Phase::CutOver, Some(last)) => match last.way {
                Way::Forward => format!("`{from}`, on the way to `{to}` (at the step \"{}\")", last.step),
                Way::Back => format!("on the way back to `{from}` (at the step \"{}\")", last.step),
            },
            _ => format!("`{from}`"),
        }
    }

    fn steps(&self) -> Vec<RecoveryStep> {
        let name = self.name;
        let step = |what: String, command: Option<String>, expected: Option<String>| RecoveryStep {
            what,
            command,
            expected,
        };
        match self.phase {
            Phase::Complete => self.by_hand(),
            Phase::CutOver => {
                let mut steps = vec![step(
                    "turn round: everything below is done by this command, in this order".to_owned(),
                    Some(format!("esferry rollback {name} --because TEXT")),
                    self.expected(None),
                )];
                for undo in [Step::UndoAfterHook, Step::UndoBlock, Step::UndoAlias, Step::UndoBeforeHook] {
                    if let Some(what) = self.undoes(undo) {
                        steps.push(step(what, None, self.expected(Some(undo))));
                    }
                }
                steps
            }
            Phase::Ready => vec![step(
                "nothing: users are on the old side, and the switch has not begun".to_owned(),
                None,
                None,
            )],
            _ => vec![
                step(
                    "stop the copy; what is settled stays settled".to_owned(),
                    Some(format!("esferry pause {name}")),
                    Some("a page or two".to_owned()),
                ),
                step(
                    "to give the migration up: forget its progress, then delete its target indices by hand"
                        .to_owned(),
                    Some(format!("esferry reset {name}")),
                    None,
                ),
            ],
        }
    }

    fn by_hand(&self) -> Vec<RecoveryStep> {
        let mut steps = Vec::new();
        if let Some(after) = self.undoes(Step::UndoAfterHook) {
            let what = format!("{after}: by hand, esferry does it no more");
            steps.push(RecoveryStep { what, command: None, expected: None });
        }
        if let Some(moving) = self.last.and_then(|last| last.alias.as_ref()) {
            let what = format!("take the alias `{}` from {}", moving.alias, moving.adds.join(", "));
            let command = Some("POST /_aliases on the target".to_owned());
            steps.push(RecoveryStep { what, command, expected: None });
        }
        let what =
            "bring what only the new side has taken back to the old one: nothing follows any more".to_owned();
        steps.push(RecoveryStep { what, command: None, expected: None });
        steps
    }

    fn undoes(&self, step: Step) -> Option<String> {
        let (hooks, last) = (&self.config.cutover.hooks, self.last?);
        match step {
            Step::UndoAfterHook => match (&hooks.after, &hooks.undo_after) {
                (_, Some(_)) => Some("hook `undo_after`: the front end goes back".to_owned()),
                (Some(_), None) => Some(
                    "the front end goes back BY HAND: hook `after` moved it, and no hook `undo_after` is configured".to_owned(),
                ),
                (None, None) => None,
            },
            Step::UndoBlock => (!last.blocked.is_empty())
                .then(|| format!("the write block of {} is lifted", last.blocked.join(", "))),
            Step::UndoAlias => {
                let moving = last.alias.as_ref()?;
                let places: Vec<&str> = moving.before.iter().map(|place| place.index.as_str()).collect();
                let to = match places.as_slice() {
                    [] => "is taken away".to_owned(),
                    places => format!("leads to {} again", places.join(", ")),
                };
                Some(format!("the alias `{}` of the target {to}", moving.alias))
            }
            Step::UndoBeforeHook => match (&hooks.before, &hooks.undo_before) {
                (_, Some(_)) => Some("hook `undo_before`".to_owned()),
                (Some(_), None) => Some("what hook `before` did is undone BY HAND: no hook `undo_before` is configured".to_owned()),
                (None, None) => None,
            },
            _ => None,
        }
    }

    /// What the way back, or one of its steps, took the last time; a rehearsal without hooks says nothing of them.
    fn expected(&self, step: Option<Step>) -> Option<String> {
        let went_back = |record: &&CutoverRecord| {
            let back = record.taken.iter().any(|taken| taken.step == Step::UndoBeforeHook);
            back && (record.hooks || step.is_some_and(|step| step == Step::UndoAlias))
        };
        let Some(last) = self.all.iter().rev().find(went_back) else {
            let at_most = self.config.cutover.within;
            return step.is_none().then(|| {
                format!("not tried yet; a switch may take {at_most}, the way back has fewer steps")
            });
        };
        let back = last.taken.iter().filter(|taken| taken.step >= Step::UndoAfterHook);
        let took: u64 =
            back.filter(|taken| step.is_none_or(|step| step == taken.step)).map(|taken| taken.took_ms).sum();
        let kind = if last.rehearsal { "rehearsal" } else { "way back" };
        Some(format!("{took} ms in the last {kind}"))
    }

    fn lost(&self) -> String {
        let switched = self.phase >= Phase::CutOver && self.last.is_some_and(CutoverRecord::is_switched);
        if !switched {
            return "nothing: every write went to the old side".to_owned();
        }
        let mut lost = Vec::new();
        match (&self.config.changes.kafka, self.written_since) {
            (Some(kafka), Some(since)) if kafka.then == ChangesThen::Handover => lost.push(format!(
                "nothing that came by topic `{}`; the target took {} operations since the switch, group `{}`'s among them: what others wrote there alone is lost",
                kafka.topic, since.operations, kafka.group.as_deref().unwrap_or_default()
            )),
            (Some(kafka), Some(since)) if since.of_others() == 0 => lost.push(format!(
                "nothing: all {} operations that the target took since the switch came by topic `{}`, which the old side reads too",
                since.operations, kafka.topic
            )),
            (_, Some(since)) if since.of_others() == 0 => {
                lost.push("nothing: the target has taken no write since the switch".to_owned());
            }
            (_, Some(since)) => lost.push(format!(
                "{} operations that only the target took since the switch (they stay in its indices)",
                since.of_others()
            )),
            (_, None) => lost.push(
                "what only the target took since the switch: how much is not known (no sequence numbers, or no answer)".to_owned(),
            ),
        }
        if let Some(deleted) = self.last.and_then(|last| last.alias.as_ref()?.deletes.as_ref()) {
            lost.push(format!(
                "index `{}` of the target with {} documents, which the switch deleted",
                deleted.name, deleted.docs
            ));
        }
        lost.join("; ")
    }
}

/// What keeps the old side fed after the switch, and what doesn't reach it.
#[must_use]
pub fn feeds(config: &MigrationConfig) -> (Vec<String>, Vec<String>) {
    let alone = "what writers send to the target itself".to_owned();
    match &config.changes.kafka {
        Some(kafka) => {
            let group =
                kafka.source_group.as_ref().map_or(String::new(), |group| format!(" (group `{group}`)"));
            let fed = format!(
                "the old side's indexer{group}, as long as it goes on reading topic `{}`",
                kafka.topic
            );
            (vec![fed], vec![alone])
        }
        None => {
            (Vec::new(), vec![format!("{alone}: without a topic nothing brings it back to the old side")])
        }
    }
}
