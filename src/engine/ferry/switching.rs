//! A switch at work: asked for, taken to one of its ends, and what follows the source afterwards.

use std::convert::Infallible;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Ferry, unless};
use crate::cluster::Cluster;
use crate::engine::context::{Context, connect};
use crate::engine::cutover::CutoverOptions;
use crate::engine::cutover::report::{FinalReport, SchemaChange, Versions};
use crate::engine::following::Follower;
use crate::engine::phase::{Event, Phase, Standing};
use crate::engine::schemas::schemas_as_created;
use crate::error::{Error, Result};
use crate::store::cutover::{CutoverRecord, Ended, Step, Way};

/// Between two looks at the gates while a migration is ready.
const GATES_EVERY: Duration = Duration::from_secs(15);
/// Between two looks at how far a switch is.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What comes after a switch.
pub(super) enum AfterSwitch {
    /// The source serves again.
    RolledBack,
    /// The target serves, and nothing is to be done.
    Over,
    /// The work was to stop.
    Stopped,
}

impl Ferry {
    /// Keeps what the status says of the gates young. Nothing is asked of any server for a switch that is not configured.
    pub(super) async fn watch_gates(&self, context: &Context) -> Result<Infallible> {
        if !self.migration.cutover.moves_something() {
            return std::future::pending().await;
        }
        loop {
            self.progress.gates_are(context.gates().await?);
            tokio::time::sleep(GATES_EVERY).await;
        }
    }

    /// The same where nothing follows the source, and no connection is kept.
    pub(super) async fn keep_gates_young(&self) -> Infallible {
        if !self.migration.cutover.moves_something() {
            return std::future::pending().await;
        }
        loop {
            if self.progress.phase() == Phase::Ready
                && let Ok(context) = self.context().await
                && let Ok(gates) = context.gates().await
            {
                self.progress.gates_are(gates);
            }
            tokio::time::sleep(GATES_EVERY).await;
        }
    }

    pub(super) fn has_switched(&self) -> Result<bool> {
        Ok(self.store.cutover(&self.name)?.is_some_and(|record| record.is_switched()))
    }

    /// A topic is applied to the target after the switch, too: that is where its writes come from. Passes would take
    /// away what only the target has.
    pub(super) fn follows_after_the_switch(&self) -> bool {
        self.migration.changes.kafka.is_some()
    }

    /// Takes a switch to its end, and follows a topic afterwards until the migration is stopped or something is asked.
    pub(super) async fn switched(
        &self,
        context: &Context,
        follower: &mut Option<Follower>,
        stop: &CancellationToken,
        follows: bool,
    ) -> Result<AfterSwitch> {
        let found = self.store.cutover(&self.name)?.ok_or_else(|| {
            Error::state(
                "corrupt",
                format!("migration `{}` is cut over, and the store has no switch", self.name),
            )
        })?;
        if !self.switch_is_new.swap(false, Ordering::SeqCst) {
            context.find_switch(&found).await?;
        }
        if !self.follows_after_the_switch()
            && let Some(follower) = follower.take()
        {
            // Passes of their own are part of the switch; others would be in its way.
            follower.finish().await?;
        }
        let needs_follower = found.ended.is_none() || follows;
        if self.follows_after_the_switch() && needs_follower && follower.is_none() {
            *follower = context.follow(stop);
        }
        let ended = {
            let switch = context.switch(&self.back, stop);
            match follower.as_mut() {
                None => switch.await?,
                Some(follower) => {
                    tokio::pin!(switch);
                    tokio::select! {
                        ended = &mut switch => ended?,
                        broken = follower.ends() => {
                            // It ended by itself, and nothing catches up any more: back, unless the switch is over.
                            let why = broken.err().map_or("it was stopped".to_owned(), |error| error.one_line());
                            if stop.is_cancelled() {
                                return Ok(AfterSwitch::Stopped);
                            }
                            if !self.has_switched()? {
                                context.turn_back(format!("nothing follows the source any more: {why}")).await?;
                            }
                            return Err(Error::temporary("follower_gone", why));
                        }
                    }
                }
            }
        };
        let Some(ended) = ended else { return Ok(AfterSwitch::Stopped) };
        match ended {
            Ended::RolledBack(_) => {
                self.guard_writes_of_the_target(context).await?;
                Ok(AfterSwitch::RolledBack)
            }
            Ended::Switched(_) => match follower.as_mut().filter(|_| follows) {
                None => Ok(AfterSwitch::Over),
                Some(follower) => {
                    tokio::select! {
                        ended = follower.ends() => ended?,
                        () = self.until_resumed(stop) => {}
                    }
                    Ok(if stop.is_cancelled() { AfterSwitch::Over } else { AfterSwitch::Stopped })
                }
            },
        }
    }

    /// After a way back from a switch that was done, passes would delete what only the target has taken since: the
    /// migration waits until somebody has looked at it.
    async fn guard_writes_of_the_target(&self, context: &Context) -> Result<()> {
        let Some(record) = self.store.cutover(&self.name)? else { return Ok(()) };
        let was_done = record.taken.iter().any(|taken| taken.step == Step::Unblock);
        if !was_done
            || record.rehearsal
            || self.follows_after_the_switch()
            || !self.migration.changes.follows()
        {
            return Ok(());
        }
        let since = context.written_since(&record).await?;
        if since.is_some_and(|since| since.of_others() == 0) {
            return Ok(());
        }
        let told = since.map_or("an unknown number of".to_owned(), |since| since.of_others().to_string());
        let reason = format!(
            "{told} writes went to the target alone while it served, and the next pass would take them away: bring them back first, then `esferry resume {}`",
            self.name
        );
        self.pause(&reason)
    }

    /// Begins a switch; returns once it has ended, one way or the other.
    ///
    /// # Errors
    /// As [`Context::begin_switch`]; `Interrupted` when `stop` came first.
    pub(in crate::engine) async fn cut_over(
        &self,
        options: &CutoverOptions,
        alone: bool,
        stop: &CancellationToken,
    ) -> Result<CutoverRecord> {
        let _alone = self.nobody_else()?;
        let context = self.context().await?;
        if alone {
            // Nobody has asked the topic yet how far it is.
            self.look_at_changes(&context, stop).await?;
        }
        let record = context.begin_switch(options).await?;
        self.switch_is_new.store(true, Ordering::SeqCst);
        self.until_ended(record.number, Way::Forward, alone, stop).await
    }

    /// Goes back; returns once the source serves again.
    ///
    /// # Errors
    /// `State` where nothing is switched.
    pub(in crate::engine) async fn roll_back(
        &self,
        because: String,
        alone: bool,
        stop: &CancellationToken,
    ) -> Result<CutoverRecord> {
        let record = self.store.cutover(&self.name)?.filter(|_| self.progress.phase() == Phase::CutOver);
        let Some(record) = record else {
            let phase = self.progress.phase();
            return Err(Error::state(
                "not_switched",
                format!("migration `{}` is {phase}: there is nothing to go back from", self.name),
            )
            .hint(format!("`esferry recovery {}` says what can be done", self.name)));
        };
        if record.ended.is_none() && record.way == Way::Forward && !alone {
            // Whoever is at work on it turns round.
            self.back.notify_one();
        } else if record.way == Way::Forward {
            self.context().await?.turn_back(because).await?;
        }
        self.until_ended(record.number, Way::Back, alone, stop).await
    }

    /// Ends the watch on the old side, and gathers the final report. The phase is stored first: said twice, it is the
    /// same report again.
    ///
    /// # Errors
    /// `State` for a migration that is not switched over; `Temporary` when a cluster does not answer.
    pub(in crate::engine) async fn complete(&self, by: String) -> Result<FinalReport> {
        let _alone = self.nobody_else()?;
        let phase = self.progress.phase();
        let switched = phase == Phase::Complete || (phase == Phase::CutOver && self.has_switched()?);
        if !switched {
            let message =
                format!("migration `{}` is {phase}: it is complete once users are switched over", self.name);
            return Err(Error::state("not_switched", message)
                .hint(format!("`esferry cutover {}` switches them", self.name)));
        }
        let (source, target) = connect(&self.config, &self.migration).await?;
        let version = |cluster: &Cluster| {
            let server = cluster.server();
            format!(
                "`{}`: {} {} ({})",
                cluster.name(),
                server.distribution,
                server.version,
                cluster.identity()
            )
        };
        let versions = Versions {
            esferry: env!("CARGO_PKG_VERSION").to_owned(),
            source: version(&source),
            target: version(&target),
        };
        // The source may be gone in parts by now: what is not known any more is left out, and the report says so.
        let schemas = schemas_as_created(&self.config, &self.name).await.unwrap_or_else(|error| {
            tracing::warn!(error = error.one_line(), "the changes of the schema are not known");
            Vec::new()
        });
        let changes = schemas.into_iter().flat_map(|index| {
            let target = index.target;
            index.schema.report.changes.into_iter().map(move |change| SchemaChange {
                index: target.clone(),
                rule: change.rule.to_owned(),
                path: change.path,
                reason: change.reason,
                severity: change.severity.as_str().to_owned(),
            })
        });
        let changes: Vec<SchemaChange> = changes.collect();
        if phase != Phase::Complete
            && let Err(error) = self.context().await?.count_both().await
        {
            tracing::warn!(error = error.one_line(), "the report has the counts of before the switch");
        }
        if phase != Phase::Complete {
            self.advance(Event::Completed)?;
            // Whoever follows the topic stops.
            self.work.lock().unwrap_or_else(PoisonError::into_inner).cancel();
            self.resumed.notify_one();
        }
        let report = FinalReport::gather(&self.store, &self.progress.status(), versions, changes, by)?;
        report.keep(self.store.state_dir())?;
        Ok(report)
    }

    fn nobody_else(&self) -> Result<tokio::sync::MutexGuard<'_, ()>> {
        self.switching.try_lock().map_err(|_| {
            Error::state("switching", format!("migration `{}` is being switched already", self.name)).hint(
                format!(
                    "`esferry status {0}` says how far it is; `esferry rollback {0}` turns it round",
                    self.name
                ),
            )
        })
    }

    /// Waits for an end of a switch, in the hands of the daemon, or takes it there `alone`.
    async fn until_ended(
        &self,
        number: u32,
        way: Way,
        alone: bool,
        stop: &CancellationToken,
    ) -> Result<CutoverRecord> {
        if alone {
            self.run(stop, false).await?;
        } else {
            self.resumed.notify_one();
        }
        loop {
            let record = self.store.cutover(&self.name)?.filter(|record| record.number == number);
            let Some(record) = record else {
                return Err(Error::state("corrupt", "the switch is gone from the store"));
            };
            // One that is over and whose phase is not stored yet is not over.
            let settled = match record.ended {
                Some(Ended::RolledBack(_)) => self.progress.phase() == Phase::Ready,
                Some(Ended::Switched(_)) => way == Way::Forward,
                None => false,
            };
            if settled {
                return Ok(record);
            }
            if let Standing::Failed(why) = self.progress.standing() {
                return Err(Error::state("switch_stuck", format!("the switch cannot go on: {why}")).hint(
                    format!("mend that, then `esferry resume {}`: it goes on where it is", self.name),
                ));
            }
            if stop.is_cancelled() {
                return Err(Error::new(
                    crate::error::Kind::Interrupted,
                    "interrupted",
                    "the command was stopped",
                )
                .hint(format!(
                    "the next start of esferry ends the switch; `esferry status {}` says how",
                    self.name
                )));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Follows a topic until it says how far it is, where no daemon does.
    async fn look_at_changes(&self, context: &Context, stop: &CancellationToken) -> Result<()> {
        if self.migration.changes.kafka.is_none() || self.progress.phase() != Phase::Ready {
            return Ok(());
        }
        let Some(mut follower) = context.follow(stop) else { return Ok(()) };
        unless(stop, follower.catches_up(stop)).await?;
        follower.finish().await
    }
}
