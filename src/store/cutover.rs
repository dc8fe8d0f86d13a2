//! A switch to the target and the way back: what was asked for, how far it is, and what was there before.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::keys::Key;
use super::{Store, encode};
use crate::cutover::gates::Gate;
use crate::cutover::hooks::HookAnswer;
use crate::engine::phase::Phase;
use crate::error::{Error, Result};
use crate::store::records::MigrationRecord;

/// The switch under way, or the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CutoverRecord {
    /// From 1; rehearsals count too.
    pub number: u32,
    /// User name of whoever asked for it, as the environment of the command had it.
    pub by: String,
    /// When it began.
    pub begun: Timestamp,
    /// Milliseconds that it may take, or it goes back by itself.
    pub within_ms: u64,
    /// Against a throw-away alias, and back.
    pub rehearsal: bool,
    /// Hooks are called; those of a rehearsal only where that is asked for.
    pub hooks: bool,
    /// Where it goes.
    pub way: Way,
    /// What is done now; stored before it is begun.
    pub step: Step,
    /// The furthest step of the way forward that was begun: what has to be undone on the way back.
    pub reached: Step,
    /// What was done.
    pub taken: Vec<Taken>,
    /// What opened the way, as it was then.
    pub gates: Vec<Gate>,
    /// What becomes of the alias; absent where the front end moves by hooks alone.
    pub alias: Option<AliasMove>,
    /// Indices of the source whose write block is esferry's; stored before the block is set.
    pub blocked: Vec<String>,
    /// What hooks answered.
    pub answers: Vec<HookAnswer>,
    /// Since when nobody wrote to the source any more; absent where writes were not stopped.
    pub writes_stopped: Option<Timestamp>,
    /// Since when writes are possible again.
    pub writes_back: Option<Timestamp>,
    /// Where the shards of the target stood when the alias moved.
    pub marks: Vec<TargetMark>,
    /// Documents that the replay had written and deleted by then.
    pub replayed: u64,
    /// What was found of the documents that had changed since the last verification.
    pub check: Option<ChangedVerified>,
    /// Why it went back.
    pub because: Option<String>,
    /// After the switch: what keeps the old side as good as the new one.
    pub keeps_fed: Vec<String>,
    /// After the switch: what does not reach the old side.
    pub does_not: Vec<String>,
    /// What could not be undone, for somebody to look at.
    pub left: Vec<String>,
    /// How it ended; absent while it is under way.
    pub ended: Option<Ended>,
}

/// Where a switch goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// To the target.
    Forward,
    /// Back to the source.
    Back,
}

/// How a switch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The target serves.
    Switched(Timestamp),
    /// The source serves, as before.
    RolledBack(Timestamp),
}

/// A step. Those of the way forward come first, in their order; then those of the way back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The hook before.
    BeforeHook,
    /// The write block on the source, where it is asked for.
    Block,
    /// What was written until now comes over.
    CatchUp,
    /// What changed since the last verification is verified.
    Check,
    /// The alias moves.
    Alias,
    /// The hook after: the front end moves.
    AfterHook,
    /// The write block goes, where a topic keeps the old side fed.
    Unblock,
    /// Back: the hook that undoes the one after.
    UndoAfterHook,
    /// Back: the write block goes.
    UndoBlock,
    /// Back: the alias is what it was.
    UndoAlias,
    /// Back: the hook that undoes the one before.
    UndoBeforeHook,
}

/// A step that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// Which.
    pub step: Step,
    /// When it was over.
    pub at: Timestamp,
    /// Milliseconds that it took, of the last try.
    pub took_ms: u64,
}

/// What becomes of the alias.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AliasMove {
    /// Its name.
    pub alias: String,
    /// Indices that it leads to afterwards.
    pub adds: Vec<String>,
    /// Indices that it leads to before and not afterwards.
    pub removes: Vec<String>,
    /// The index of the alias' own name, which goes.
    pub deletes: Option<DeletedIndex>,
    /// Where it led, with filter and routing.
    pub before: Vec<AliasPlace>,
}

/// An index that has to go so that the alias can have its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletedIndex {
    /// Its name.
    pub name: String,
    /// Documents in it.
    pub docs: u64,
}

/// An index that an alias leads to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AliasPlace {
    /// The index.
    pub index: String,
    /// Filter, routing and the like, as the server tells them.
    pub definition: Value,
}

/// Where a shard of the target stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetMark {
    /// The index.
    pub index: String,
    /// The shard.
    pub shard: u32,
    /// Its highest sequence number; -1 for a shard that was never written to.
    pub seq_no: i64,
}

/// Documents of the target that changed since the last verification, verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedVerified {
    /// Writes since then; absent where the target has no sequence numbers or was not verified.
    pub changed: Option<u64>,
    /// The newest of the documents that they left, which were looked at on both sides.
    pub looked_at: u64,
    /// Of these, those that the source had not got yet, or that changed at every look.
    pub moving: u64,
    /// Both sides were counted, and agree; absent where the source was written meanwhile.
    pub counted: Option<bool>,
}

impl Step {
    const FORWARD: [Step; 7] = [
        Step::BeforeHook,
        Step::Block,
        Step::CatchUp,
        Step::Check,
        Step::Alias,
        Step::AfterHook,
        Step::Unblock,
    ];
    const BACK: [Step; 4] = [Step::UndoAfterHook, Step::UndoBlock, Step::UndoAlias, Step::UndoBeforeHook];

    /// The first step of a way.
    #[must_use]
    pub fn first(way: Way) -> Step {
        match way {
            Way::Forward => Step::BeforeHook,
            Way::Back => Step::UndoAfterHook,
        }
    }

    /// The step after this one; `None` at the end of its way.
    #[must_use]
    pub fn next(self) -> Option<Step> {
        let way: &[Step] = if self <= Step::Unblock { &Step::FORWARD } else { &Step::BACK };
        let at = way.iter().position(|step| *step == self)?;
        way.get(at + 1).copied()
    }

    /// What a start finds when the process died at this step of the way forward: before the alias is touched, users
    /// are better served by the old side at once.
    #[must_use]
    pub fn goes_on_after_a_crash(self) -> bool {
        self >= Step::Alias
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Step::BeforeHook => "before-hook",
            Step::Block => "write block",
            Step::CatchUp => "final catch-up",
            Step::Check => "final verification",
            Step::Alias => "alias",
            Step::AfterHook => "after-hook",
            Step::Unblock => "block lifted",
            Step::UndoAfterHook => "hook back (undo_after)",
            Step::UndoBlock => "block lifted",
            Step::UndoAlias => "alias back",
            Step::UndoBeforeHook => "hook back (undo_before)",
        })
    }
}

impl CutoverRecord {
    /// The target serves, and nobody is on the way back.
    #[must_use]
    pub fn is_switched(&self) -> bool {
        matches!(self.ended, Some(Ended::Switched(_)))
    }

    /// A rehearsal that took every step, and went back for no other reason.
    #[must_use]
    pub fn was_a_whole_rehearsal(&self) -> bool {
        self.rehearsal && self.taken.iter().any(|taken| taken.step == Step::Unblock)
    }

    /// Milliseconds in which nobody could write; `None` where writes were not stopped, or still are.
    #[must_use]
    pub fn without_writes_ms(&self) -> Option<u64> {
        let (stopped, back) = (self.writes_stopped?, self.writes_back?);
        u64::try_from(back.duration_since(stopped).as_millis()).ok()
    }

    /// Turns round: from here on everything is undone, in the order of the way back.
    pub fn turn_back(&mut self, because: impl Into<String>) {
        self.way = Way::Back;
        self.step = Step::first(Way::Back);
        self.because = Some(because.into());
        self.ended = None;
    }
}

impl Store {
    /// The switch under way, or the last one.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn cutover(&self, name: &str) -> Result<Option<CutoverRecord>> {
        Ok(self.cutovers(name)?.pop())
    }

    /// Every switch and rehearsal, the oldest first.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub fn cutovers(&self, name: &str) -> Result<Vec<CutoverRecord>> {
        self.scan(&Key::cutovers(name)).collect()
    }

    /// Begins a switch: its record and the phase become durable together.
    ///
    /// # Errors
    /// `State` when there is no such migration, or the disk refuses.
    pub fn begin_cutover(&self, name: &str, record: &CutoverRecord) -> Result<MigrationRecord> {
        let _guard = self.guard();
        let mut migration = self.migration(name)?.ok_or_else(|| {
            Error::state("unknown_migration", format!("the store holds no migration `{name}`"))
        })?;
        migration.phase = Phase::CutOver;
        let mut batch = sled::Batch::default();
        batch.insert(Key::migration(name).bytes(), encode(&migration)?);
        batch.insert(Key::cutover(name, record.number).bytes(), encode(record)?);
        self.db.apply_batch(batch).map_err(|cause| self.broken(cause))?;
        self.flush()?;
        Ok(migration)
    }

    /// Refuses what would leave a switch that is under way where it is.
    ///
    /// # Errors
    /// `State` while there is one.
    pub fn no_switch_under_way(&self, name: &str) -> Result<()> {
        if self.cutover(name)?.is_none_or(|last| last.ended.is_some()) {
            return Ok(());
        }
        let message = format!(
            "a switch of `{name}` is under way: its hooks, write block and alias would stay as they are"
        );
        Err(Error::state("switching", message).hint(format!("`esferry rollback {name}` turns it round")))
    }

    /// Changes the switch's record, durably.
    ///
    /// # Errors
    /// `State` when there is none, or the disk refuses.
    pub fn update_cutover(
        &self,
        name: &str,
        change: impl FnOnce(&mut CutoverRecord),
    ) -> Result<CutoverRecord> {
        let _guard = self.guard();
        let mut record = self.cutover(name)?.ok_or_else(|| {
            Error::state("no_cutover", format!("the store holds no switch of migration `{name}`"))
                .hint(format!("`esferry cutover {name}` begins one"))
        })?;
        change(&mut record);
        self.put(&Key::cutover(name, record.number), &record)?;
        self.flush()?;
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(from: Step) -> Vec<Step> {
        std::iter::successors(Some(from), |step| step.next()).collect()
    }

    #[test]
    fn each_way_has_its_steps_and_an_end() {
        assert_eq!(way(Step::first(Way::Forward)), Step::FORWARD);
        assert_eq!(way(Step::first(Way::Back)), Step::BACK);
    }

    #[test]
    fn only_what_touched_the_alias_goes_on_after_a_crash() {
        let on: Vec<Step> = Step::FORWARD.into_iter().filter(|step| step.goes_on_after_a_crash()).collect();
        assert_eq!(on, [Step::Alias, Step::AfterHook, Step::Unblock]);
    }
}
