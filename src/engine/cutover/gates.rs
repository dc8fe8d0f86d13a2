//! The gates of a migration, each looked at now.

use std::time::Duration;

use bytesize::ByteSize;
use jiff::Timestamp;

use crate::cluster::Cluster;
use crate::cluster::failure::CallError;
use crate::config::{Span, VerifyLevel};
use crate::control::status::MigrationStatus;
use crate::cutover::gates::{Gate, GateName, Gates};
use crate::engine::context::Context;
use crate::error::Result;

/// Clocks that are further apart than this make nonsense of ages and time limits. A cluster tells its own to the second.
const CLOCKS_WITHIN: Duration = Duration::from_secs(5);

impl Context {
    /// Every gate, as it is now. What cannot be known shuts its gate.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub(in crate::engine) async fn gates(&self) -> Result<Gates> {
        let status = self.progress.status();
        let (target, disk, clocks, changes) = tokio::join!(
            self.target_gate(),
            self.disk_gate(),
            self.clocks_gate(),
            self.changes_gate(&status)
        );
        let gates = vec![
            failures(&status),
            changes,
            self.verified_gate(&status),
            self.compared_gate()?,
            target?,
            disk,
            clocks,
        ];
        Ok(Gates { at: Timestamp::now(), gates })
    }

    async fn changes_gate(&self, status: &MigrationStatus) -> Gate {
        let name = GateName::CaughtUp;
        let age = self.config.cutover.gates.lag_age;
        let hint = format!("`esferry status {}` says how far the changes are", self.name);
        let Some(changes) = status.changes.as_ref().filter(|_| self.config.changes.follows()) else {
            return self.unfollowed_gate().await;
        };
        if let Some(kafka) = &self.config.changes.kafka {
            let limit = format!("at most {} messages of lag, none older than {age}", kafka.max_lag);
            let topic = changes.topic.as_ref();
            let Some((topic, lag)) = topic.and_then(|topic| Some((topic, topic.lag?))) else {
                return Gate::new(name, false, "the lag is not known", limit)
                    .hint("it is known while a daemon follows the topic: `esferry run`");
            };
            let oldest = topic.lag_seconds.unwrap_or(0);
            let value = format!("lag of {lag} messages, the oldest {oldest} s old");
            let young = Duration::from_secs(oldest) <= age.0;
            return Gate::new(name, changes.caught_up && young, value, limit).hint(hint);
        }
        let until = self.config.changes.reconcile.as_ref().map_or(1, |reconcile| reconcile.until);
        let limit = format!("fewer than {until} documents brought over by the last pass");
        match changes.reconcile.as_ref().and_then(|passes| passes.last.as_ref()) {
            Some(last) => {
                let value = format!("pass {} brought over {} documents", last.pass, last.counts.changed());
                Gate::new(name, changes.caught_up, value, limit).hint(hint)
            }
            None => Gate::new(name, false, "no pass is over", limit).hint(hint),
        }
    }

    /// Without anything that follows: the source has to stand still, or be made to.
    async fn unfollowed_gate(&self) -> Gate {
        let limit = "followed (`changes`), or a source that takes no writes";
        let hint = "configure `changes`, let the switch block writes (`cutover.block_source = true`), or block them yourself";
        if self.config.cutover.block_source {
            let value = "not followed; the switch blocks writes and compares both sides then";
            return Gate::new(GateName::CaughtUp, true, value, limit);
        }
        match self.unblocked_sources().await {
            Err(cause) => unknown(GateName::CaughtUp, &self.source, &cause, limit),
            Ok(open) if open.is_empty() => {
                Gate::new(GateName::CaughtUp, true, "not followed; the source takes no writes", limit)
            }
            Ok(open) => {
                let value = format!("not followed, and {} may be written to", open.join(", "));
                Gate::new(GateName::CaughtUp, false, value, limit).hint(hint)
            }
        }
    }

    /// Indices of the source that take writes.
    pub(super) async fn unblocked_sources(&self) -> Result<Vec<String>, CallError> {
        let records = self.store.indices(&self.name).unwrap_or_default();
        let infos = self.source.indices().await?;
        let open = infos.iter().filter(|info| records.iter().any(|record| record.source == info.name));
        Ok(open.filter(|info| !info.takes_no_writes()).map(|info| info.name.clone()).collect())
    }

    fn verified_gate(&self, status: &MigrationStatus) -> Gate {
        let gates = &self.config.cutover.gates;
        let level = gates.level.unwrap_or(self.config.verify.level);
        let limit = format!("level {level} without differences, not older than {}", gates.verified_within);
        let hint = format!("`esferry verify {} --level {level}`", self.name);
        let gate = |open, value: String| Gate::new(GateName::Verified, open, value, &*limit).hint(&*hint);
        if level == VerifyLevel::Count {
            let counted: Vec<_> = status.indices.iter().map(|index| index.counted.as_ref()).collect();
            let Some(oldest) =
                counted.iter().map(|counted| counted.map(|counted| counted.at)).min().flatten()
            else {
                return gate(false, "not counted".to_owned());
            };
            let whole = status.is_whole();
            let value = format!("counts {} ({} ago)", if whole { "agree" } else { "differ" }, ago(oldest));
            return gate(whole && is_young(oldest, gates.verified_within), value);
        }
        let Some(last) = &status.verification else { return gate(false, "not verified".to_owned()) };
        let Some(finished) = last.finished else {
            return gate(false, format!("level {} is under way", last.level));
        };
        let open = last.counts.open();
        let value = format!("level {}, {open} documents differ ({} ago)", last.level, ago(finished));
        gate(last.is_clean() && last.level >= level && is_young(finished, gates.verified_within), value)
    }

    fn compared_gate(&self) -> Result<Gate> {
        let gates = &self.config.cutover.gates;
        let required = gates.compared;
        let limit = match required {
            true => format!("no differences, not older than {}", gates.compared_within),
            false => "no differences, where searches were compared".to_owned(),
        };
        let hint = format!("`esferry compare {} QUERIES`", self.name);
        let gate = |open, value: String| Gate::new(GateName::Compared, open, value, &*limit).hint(&*hint);
        let Some(last) = self.store.comparison(&self.name)? else {
            return Ok(gate(!required, "not compared".to_owned()));
        };
        let clean = last.summary.passed;
        let totals = last.summary.totals;
        let value =
            format!("{} searches the same, {} differ ({} ago)", totals.same, totals.different, ago(last.at));
        Ok(gate(clean && (!required || is_young(last.at, gates.compared_within)), value))
    }

    async fn target_gate(&self) -> Result<Gate> {
        let limit = "every index green, settings and replicas as they were";
        let mut faults = Vec::new();
        let records = self.store.indices(&self.name)?;
        for record in &records {
            if !record.restored {
                faults.push(format!("{}: settings of the load are not put back yet", record.target));
            }
            match self.target.health_of(&record.target).await {
                Ok(health) if health.colour == "green" => {}
                Ok(health) => {
                    let copies = if health.unassigned == 1 { "copy" } else { "copies" };
                    let (colour, unassigned) = (health.colour, health.unassigned);
                    faults.push(format!(
                        "{} is {colour}: {unassigned} {copies} of shards nowhere",
                        record.target
                    ));
                }
                Err(cause) => return Ok(unknown(GateName::Target, &self.target, &cause, limit)),
            }
        }
        let hint = "wait for its replicas, or add nodes; `number_of_replicas` 0 is green with one";
        Ok(match faults.is_empty() {
            true => Gate::new(
                GateName::Target,
                true,
                format!("{} of {} green", records.len(), records.len()),
                limit,
            ),
            false => Gate::new(GateName::Target, false, faults.join("; "), limit).hint(hint),
        })
    }

    async fn disk_gate(&self) -> Gate {
        let most = self.config.cutover.gates.disk_used;
        let limit = format!("every disk at most {most} % full");
        let disks = match self.target.disks().await {
            Ok(disks) => disks,
            Err(cause) => return unknown(GateName::Disk, &self.target, &cause, &limit),
        };
        match disks.iter().max_by_key(|disk| disk.percent()) {
            Some(fullest) => {
                let (percent, free) = (fullest.percent(), ByteSize(fullest.free));
                let value = format!("node {}: {percent} % full, {free} free", fullest.node);
                Gate::new(GateName::Disk, percent <= most, value, limit)
                    .hint("make room on the target: from 85 % on no shard is placed there, from 95 % on writes are blocked")
            }
            None => Gate::new(GateName::Disk, false, "no node tells its disk", limit),
        }
    }

    async fn clocks_gate(&self) -> Gate {
        let limit = format!("at most {} apart from this machine's", Span(CLOCKS_WITHIN));
        let mut told = Vec::new();
        let mut right = true;
        for cluster in [&self.source, &self.target] {
            let clock = match cluster.clock().await {
                Ok(clock) => clock,
                Err(cause) => return unknown(GateName::Clocks, cluster, &cause, &limit),
            };
            let apart = clock.duration_since(Timestamp::now()).unsigned_abs();
            right &= apart <= CLOCKS_WITHIN;
            // Told in whole seconds, rounded down: up to one is nothing.
            told.push(format!("{} {} s", cluster.name(), apart.as_secs()));
        }
        Gate::new(GateName::Clocks, right, format!("apart: {}", told.join(", ")), limit)
            .hint("let NTP set them: ages of changes and time limits mean nothing otherwise")
    }
}

fn failures(status: &MigrationStatus) -> Gate {
    let (open, accepted, aside) =
        (status.open_failures(), status.accepted_failures(), status.slices.set_aside);
    let mut value = format!("{open} open, {accepted} accepted");
    if aside > 0 {
        value = format!("{value}, {aside} slices set aside");
    }
    Gate::new(GateName::Failures, open == 0 && aside == 0, value, "none but accepted ones").hint(format!(
        "`esferry failures list {0}`, then retry or accept them; `esferry resume {0}` takes slices up again",
        status.name
    ))
}

fn unknown(name: GateName, cluster: &Cluster, cause: &CallError, limit: &str) -> Gate {
    Gate::new(name, false, format!("not known: cluster `{}`: {cause}", cluster.name()), limit)
        .hint("try again when the cluster answers")
}

fn is_young(at: Timestamp, within: Span) -> bool {
    Timestamp::now().duration_since(at).unsigned_abs() <= within.0
}

fn ago(at: Timestamp) -> Span {
    let seconds = Timestamp::now().duration_since(at).as_secs();
    Span(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}
