//! From phase to phase: what each does, and which event ends it.

use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::switching::AfterSwitch;
use super::{Ferry, FerryEnd, unless};
use crate::engine::context::Context;
use crate::engine::copying::CopyEnd;
use crate::engine::following::Follower;
use crate::engine::phase::{Event, Phase, next};
use crate::engine::progress::milliseconds;
use crate::error::{Error, Result};
use crate::failpoint::Failpoint;
use crate::store::records::MigrationRecord;

impl Ferry {
    /// From phase to phase.
    pub(super) async fn phases(
        &self,
        context: &Context,
        mut record: MigrationRecord,
        follower: &mut Option<Follower>,
        stop: &CancellationToken,
        follows: bool,
    ) -> Result<FerryEnd> {
        loop {
            let event = match record.phase {
                Phase::Planning => {
                    if unless(stop, context.record_offsets()).await?.is_none() {
                        return Ok(FerryEnd::Stopped);
                    }
                    let started = std::time::Instant::now();
                    let planned = context.plan(stop).await;
                    let took = milliseconds(started.elapsed());
                    let updated =
                        self.store.update_migration(&self.name, |record| record.planning_ms += took)?;
                    self.progress.take_migration(&updated);
                    if !planned? {
                        return Ok(FerryEnd::Stopped);
                    }
                    for index in self.progress.status().indices {
                        self.counters.total(&index.target, index.docs_total);
                    }
                    Event::PlanProven
                }
                Phase::Planned => Event::Started,
                Phase::Preparing => {
                    if unless(stop, context.prepare()).await?.is_none() {
                        return Ok(FerryEnd::Stopped);
                    }
                    Event::TargetsReady
                }
                Phase::Copying => {
                    self.progress.copy_begins();
                    if context.replays_beside_the_copy() && follower.is_none() {
                        *follower = context.follow(stop);
                    }
                    let ended = meanwhile(follower, watched(context, context.copy(stop))).await;
                    let copying_ms = self.progress.copy_ends();
                    self.store.update_migration(&self.name, |record| record.copying_ms = copying_ms)?;
                    if ended? == CopyEnd::Stopped {
                        return Ok(FerryEnd::Stopped);
                    }
                    for index in self.progress.status().indices {
                        self.counters.time(&index.target, Duration::from_millis(copying_ms));
                    }
                    Event::SlicesSettled
                }
                Phase::CatchingUp => {
                    if unless(stop, context.bury()).await?.is_none() {
                        return Ok(FerryEnd::Stopped);
                    }
                    if follower.is_none() {
                        *follower = context.follow(stop);
                    }
                    if let Some(follower) = follower
                        && !follower.catches_up(stop).await?
                    {
                        return Ok(FerryEnd::Stopped);
                    }
                    Event::CaughtUp
                }
                Phase::Verifying => {
                    if follower.is_none() {
                        *follower = context.follow(stop);
                    }
                    let followed = follower.is_some();
                    let finished = async {
                        // What was deleted in the last moments of the copy may not have been remembered before.
                        context.bury().await?;
                        context.restore().await?;
                        context.count_settled().await?;
                        self.verified(context, followed, stop).await
                    };
                    if unless(stop, meanwhile(follower, finished)).await?.is_none() {
                        return Ok(FerryEnd::Stopped);
                    }
                    Event::Verified
                }
                Phase::Ready => {
                    if follows && follower.is_none() {
                        *follower = context.follow(stop);
                    }
                    // A level that was configured since.
                    let followed = follower.is_some();
                    let verified = self.verified(context, followed, stop);
                    if unless(stop, meanwhile(follower, verified)).await?.is_none() {
                        return Ok(FerryEnd::Stopped);
                    }
                    let Some(follower) = follower.as_mut().filter(|_| follows) else {
                        return Ok(self.outcome());
                    };
                    tokio::select! {
                        ended = follower.ends() => ended?,
                        counted = context.count_while_they_differ() => match counted? {},
                        watched = self.watch_gates(context) => match watched? {},
                        () = self.until_resumed(stop) => {}
                    }
                    if stop.is_cancelled() {
                        return Ok(self.outcome());
                    }
                    // A switch that was asked for takes over what follows the source.
                    match self.store.migration(&self.name)? {
                        Some(now) if now.phase == Phase::CutOver => record = now,
                        _ => return Ok(FerryEnd::Stopped),
                    }
                    continue;
                }
                Phase::CutOver => match self.switched(context, follower, stop, follows).await? {
                    AfterSwitch::RolledBack => Event::RolledBack,
                    AfterSwitch::Over => return Ok(self.outcome()),
                    AfterSwitch::Stopped => return Ok(FerryEnd::Stopped),
                },
                Phase::Complete => return Ok(self.outcome()),
            };
            record = self.advance(event)?;
            if stop.is_cancelled() {
                return Ok(FerryEnd::Stopped);
            }
        }
    }

    /// Verifies at the configured level, where that is due, once nobody else is at it.
    async fn verified(&self, context: &Context, followed: bool, stop: &CancellationToken) -> Result<()> {
        let _alone = self.verifying.lock().await;
        context.verify_as_configured(followed, stop).await
    }

    pub(super) fn advance(&self, event: Event) -> Result<MigrationRecord> {
        let phase = self.progress.phase();
        let to = next(phase, event).map_err(|cause| {
            Error::unexpected("phase", format!("migration `{}` took a wrong turn", self.name)).because(cause)
        })?;
        let now = Timestamp::now();
        let record = self.store.update_migration(&self.name, |record| {
            record.phase = to;
            match to {
                Phase::Copying => drop(record.copy_started.get_or_insert(now)),
                Phase::CatchingUp => record.copy_finished = Some(now),
                _ => {}
            }
        })?;
        Failpoint::PhaseStored.pass();
        tracing::info!(migration = self.name, from = %phase, to = %to, "phase");
        self.progress.take_migration(&record);
        Ok(record)
    }
}

/// Work that is given up when the messages that have to follow it are deleted by the brokers.
async fn watched<T>(context: &Context, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::select! {
        done = work => done,
        cut = context.watch_retention() => match cut? {},
    }
}

/// Work that is given up when what follows the source ends with an error.
pub(super) async fn meanwhile<T>(
    follower: &mut Option<Follower>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some(follower) = follower else { return work.await };
    tokio::select! {
        done = work => done,
        ended = follower.ends() => {
            ended?;
            // It was stopped, and so is this.
            std::future::pending().await
        }
    }
}
