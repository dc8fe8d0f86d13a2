//! The steps of both ways. Each may be repeated: done before, it is found done.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::CutoverOptions;
use crate::config::Hook;
use crate::cutover::hooks::{self, HookCall, HookName, Side};
use crate::engine::context::Context;
use crate::error::{Error, Kind, Result};
use crate::store::cutover::{CutoverRecord, Step, TargetMark};

/// Looks at where the target stands while a replay writes to it.
const LOOKS: u32 = 6;
const BETWEEN_LOOKS: Duration = Duration::from_millis(70);

/// Searches that the front end sent before it went back find the alias for so long.
const IN_FLIGHT: Duration = Duration::from_secs(2);

impl Context {
    /// One step of the way forward.
    pub(super) async fn forward(&self, record: &CutoverRecord, stop: &CancellationToken) -> Result<()> {
        match record.step {
            Step::BeforeHook => {
                if self.call_hook(record, HookName::Before).await? {
                    self.writes_stop().await?;
                }
                Ok(())
            }
            Step::Block => self.block_sources(record).await,
            Step::CatchUp => self.catch_up_now(stop).await,
            Step::Check => self.check_last(stop).await,
            Step::Alias => {
                self.note_marks(record).await?;
                match &record.alias {
                    Some(moving) => self.move_alias(moving).await,
                    None => Ok(()),
                }
            }
            Step::AfterHook => self.call_hook(record, HookName::After).await.map(drop),
            Step::Unblock => {
                if self.config.changes.kafka.is_some() {
                    self.unblock_sources(record).await?;
                }
                self.writes_are_back().await
            }
            step => Err(Error::unexpected("switch_step", format!("{step} is no step of the way forward"))),
        }
    }

    /// One step of the way back: undoes what was begun, and passes over what was not.
    pub(super) async fn backward(&self, record: &CutoverRecord) -> Result<()> {
        let begun = |step: Step| record.reached >= step;
        match record.step {
            Step::UndoAfterHook if begun(Step::AfterHook) => {
                self.call_hook_back(record, HookName::UndoAfter).await
            }
            Step::UndoBlock => self.unblock_sources(record).await,
            Step::UndoAlias if begun(Step::Alias) => match &record.alias {
                Some(moving) => {
                    if begun(Step::AfterHook) && record.hooks && self.hook(HookName::UndoAfter).is_some() {
                        tokio::time::sleep(IN_FLIGHT).await;
                    }
                    self.put_alias_back(moving).await
                }
                None => Ok(()),
            },
            Step::UndoBeforeHook => {
                if begun(Step::BeforeHook) {
                    self.call_hook_back(record, HookName::UndoBefore).await?;
                }
                self.writes_are_back().await
            }
            _ => Ok(()),
        }
    }

    /// Calls a hook, where there is one; false where there is none.
    async fn call_hook(&self, record: &CutoverRecord, name: HookName) -> Result<bool> {
        let Some(hook) = self.hook(name).filter(|_| record.hooks) else { return Ok(false) };
        let side = |cluster: &crate::cluster::Cluster| Side {
            cluster: cluster.name().to_owned(),
            urls: cluster.transport().urls().to_vec(),
        };
        let mut indices: Vec<String> =
            self.store.indices(&self.name)?.into_iter().map(|record| record.target).collect();
        indices.dedup();
        let call = HookCall {
            hook: name,
            migration: self.name.clone(),
            alias: record.alias.as_ref().map(|moving| moving.alias.clone()),
            indices,
            source: side(&self.source),
            target: side(&self.target),
            rehearsal: record.rehearsal,
        };
        let answer = hooks::call(hook, &call, &self.redaction).await?;
        tracing::info!(hook = %name, ended = answer.ended, answer = answer.answer, "a hook was called");
        let told = answer.clone();
        self.note_switch(move |record| record.answers.push(told)).await?;
        if answer.succeeded { Ok(true) } else { Err(answer.into_error()) }
    }

    /// A hook of the way back that fails is told and passed over: the rest has to be undone all the same.
    async fn call_hook_back(&self, record: &CutoverRecord, name: HookName) -> Result<()> {
        let forward = if name == HookName::UndoAfter { HookName::After } else { HookName::Before };
        let left = match self.call_hook(record, name).await {
            Ok(true) => return Ok(()),
            Ok(false) if self.hook(forward).is_none() || !record.hooks => return Ok(()),
            Ok(false) => format!("hook `{forward}` may have done something, and no hook `{name}` undoes it"),
            Err(error) if error.kind() == Kind::Temporary => return Err(error),
            Err(error) => error.one_line(),
        };
        tracing::error!(hook = %name, left, "not undone");
        self.note_switch(move |record| record.left.push(left)).await.map(drop)
    }

    fn hook(&self, name: HookName) -> Option<&Hook> {
        let hooks = &self.config.cutover.hooks;
        match name {
            HookName::Before => hooks.before.as_ref(),
            HookName::After => hooks.after.as_ref(),
            HookName::UndoAfter => hooks.undo_after.as_ref(),
            HookName::UndoBefore => hooks.undo_before.as_ref(),
        }
    }

    /// Refuses hooks that cannot even be begun.
    pub(super) fn hooks_stand(&self, options: &CutoverOptions) -> Result<()> {
        if options.rehearse && !options.with_hooks {
            return Ok(());
        }
        let names = [HookName::Before, HookName::After, HookName::UndoAfter, HookName::UndoBefore];
        names
            .into_iter()
            .filter_map(|name| Some((name, self.hook(name)?)))
            .try_for_each(|(name, hook)| hooks::stands(hook, name))
    }

    /// The write block of every source index that has none. Whose it is is stored first.
    async fn block_sources(&self, record: &CutoverRecord) -> Result<()> {
        if !self.config.cutover.block_source || record.rehearsal {
            return Ok(());
        }
        let doing = "blocking writes on the source";
        let open = self.unblocked_sources().await.map_err(|cause| cause.during(self.source.name(), doing))?;
        let ours = open.clone();
        self.note_switch(move |record| {
            let new = ours.into_iter().filter(|index| !record.blocked.contains(index)).collect::<Vec<_>>();
            record.blocked.extend(new);
        })
        .await?;
        self.writes_stop().await?;
        for index in &open {
            self.set_block(index, true).await?;
        }
        Ok(())
    }

    /// Takes away the blocks that are ours.
    async fn unblock_sources(&self, record: &CutoverRecord) -> Result<()> {
        if record.blocked.is_empty() {
            return Ok(());
        }
        let there = self.source.described().await?;
        for index in record.blocked.iter().filter(|index| there.iter().any(|info| info.name == **index)) {
            self.set_block(index, false).await?;
        }
        self.note_switch(|record| record.blocked.clear()).await.map(drop)
    }

    async fn set_block(&self, index: &str, blocked: bool) -> Result<()> {
        let doing = match blocked {
            true => format!("blocking writes on `{index}`"),
            false => format!("lifting the write block of `{index}`"),
        };
        let outcome = self.source.put_settings(index, &json!({"blocks.write": blocked})).await;
        outcome.map_err(|cause| cause.during(self.source.name(), &doing))
    }

    async fn writes_stop(&self) -> Result<()> {
        let now = Timestamp::now();
        self.note_switch(move |record| {
            record.writes_stopped.get_or_insert(now);
        })
        .await
        .map(drop)
    }

    async fn writes_are_back(&self) -> Result<()> {
        let now = Timestamp::now();
        self.note_switch(move |record| {
            if record.writes_stopped.is_some() {
                record.writes_back.get_or_insert(now);
            }
        })
        .await
        .map(drop)
    }

    /// What changed since the last verification, verified; where nobody writes any more, both sides are counted, too.
    async fn check_last(&self, stop: &CancellationToken) -> Result<()> {
        let followed = self.config.changes.kafka.is_some();
        let mut verified = self.verify_changed(followed, || self.both_catch_up(stop), stop).await?;
        if !followed {
            self.count_both().await?;
            let differ: Vec<String> = self
                .store
                .indices(&self.name)?
                .into_iter()
                .filter_map(|record| {
                    let counted = record.counted?;
                    let agrees = counted.agrees() || counted.lacks_only_failures();
                    (!agrees).then(|| {
                        format!(
                            "`{}`: {} on the source, {} on the target",
                            record.target, counted.source, counted.target
                        )
                    })
                })
                .collect();
            if !differ.is_empty() {
                return Err(Error::new(
                    Kind::Differences,
                    "counts_differ",
                    format!("the counts differ: {}", differ.join(", ")),
                ));
            }
            verified.counted = Some(true);
        }
        self.note_switch(move |record| record.check = Some(verified)).await.map(drop)
    }

    /// Where the target stands, so that what is written from here on can be told.
    async fn note_marks(&self, record: &CutoverRecord) -> Result<()> {
        if !record.marks.is_empty() {
            return Ok(());
        }
        let (marks, replayed) = self.stands(false).await?;
        self.note_switch(move |record| {
            record.marks = marks;
            record.replayed = replayed;
        })
        .await
        .map(drop)
    }

    /// Where every shard of the target stands, and what the replay has written by then, of the look with the fewest
    /// operations that the server has counted and the replay has not heard of; `with_under_way` takes those for the
    /// replay's, too. Nothing where the target has no sequence numbers.
    ///
    /// # Errors
    /// `Temporary` when the target does not answer.
    pub(super) async fn stands(&self, with_under_way: bool) -> Result<(Vec<TargetMark>, u64)> {
        let of_others = |(marks, replayed): &(Vec<TargetMark>, u64)| {
            let operations: i64 = marks.iter().map(|mark| mark.seq_no).sum();
            operations.saturating_sub(i64::try_from(*replayed).unwrap_or(i64::MAX))
        };
        let look = async || -> Result<(Vec<TargetMark>, u64)> {
            let sent = self.progress.under_way();
            let marks = self.marks_now().await?;
            let replayed = self.progress.replayed();
            let under_way = if with_under_way { sent.max(self.progress.under_way()) } else { 0 };
            Ok((marks, replayed + under_way))
        };
        let mut best = look().await?;
        let looks = if self.config.changes.kafka.is_some() { LOOKS } else { 1 };
        for _ in 1..looks {
            tokio::time::sleep(BETWEEN_LOOKS).await;
            let next = look().await?;
            if of_others(&next) < of_others(&best) {
                best = next;
            }
        }
        Ok(best)
    }

    async fn marks_now(&self) -> Result<Vec<TargetMark>> {
        let now = self.target.described().await?;
        let mut marks = Vec::new();
        for record in self.store.indices(&self.name)? {
            let index = record.target;
            let shards = now.iter().find(|info| info.name == index).map_or(0, |info| info.shards);
            let highest = self.target.highest_seq_nos(&index, shards).await.map_err(|cause| {
                cause.during(self.target.name(), &format!("looking where `{index}` stands"))
            })?;
            let highest = highest.into_iter().flatten();
            marks.extend(highest.map(|(shard, seq_no)| TargetMark { index: index.clone(), shard, seq_no }));
        }
        Ok(marks)
    }
}
