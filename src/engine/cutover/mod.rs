//! The switch from the source to the target, and the way back: from the stored step to one of two ends, whatever happens
//! in between. `docs/cutover.md` has the table of what a start finds at each step.

mod alias;
mod catching_up;
mod gates;
pub mod recovery;
pub mod report;
mod steps;

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::phase::{Phase, Standing};
use super::worker::blocking;
use crate::cutover::gates::{Forced, GateName, Gates};
use crate::error::{Error, Kind, Result};
use crate::failpoint::Failpoint;
use crate::store::cutover::{AliasMove, CutoverRecord, Ended, Step, Taken, Way};

/// Between two tries of a step.
const AGAIN_AFTER: Duration = Duration::from_millis(500);

/// What is asked of a switch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutoverOptions {
    /// User name of whoever asks.
    pub by: String,
    /// Gates that are opened all the same.
    pub force: Vec<GateName>,
    /// Why.
    pub because: Option<String>,
    /// Against a throw-away alias, and back.
    pub rehearse: bool,
    /// Calls the hooks of a rehearsal, too.
    pub with_hooks: bool,
}

/// What a switch would find and do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DryRun {
    /// The gates.
    pub gates: Gates,
    /// What becomes of the alias.
    pub alias: Option<AliasMove>,
    /// What refuses the switch whatever the gates say.
    pub refused: Option<String>,
}

impl Context {
    /// Looks at everything that a switch looks at before its first step.
    ///
    /// # Errors
    /// `State` for an unreadable record.
    pub(super) async fn dry_run(&self) -> Result<DryRun> {
        let gates = self.gates().await?;
        self.progress.gates_are(gates.clone());
        Ok(match self.plan_alias(false).await {
            Ok(alias) => DryRun { gates, alias, refused: None },
            Err(error) => DryRun { gates, alias: None, refused: Some(error.one_line()) },
        })
    }

    /// Begins a switch: gates and alias are looked at, then record and phase are stored. Nothing is done yet.
    ///
    /// # Errors
    /// `State` in another phase and for gates that are shut, naming them; `Refused` and `Config` for what no force opens.
    pub(super) async fn begin_switch(&self, options: &CutoverOptions) -> Result<CutoverRecord> {
        self.is_ready()?;
        let mut gates = self.gates().await?;
        if let Some(because) = &options.because {
            let forced = Forced { by: options.by.clone(), because: because.clone() };
            gates.force(&options.force, &forced);
        }
        self.progress.gates_are(gates.clone());
        let alias = self.plan_alias(options.rehearse).await?;
        self.hooks_stand(options)?;
        let shut = gates.shut();
        if !shut.is_empty() && !options.rehearse {
            let told: Vec<String> = shut
                .iter()
                .map(|gate| format!("{}: {} (has to be: {})", gate.name, gate.value, gate.limit))
                .collect();
            let hints: Vec<String> = shut.iter().filter_map(|gate| gate.hint.clone()).collect();
            return Err(Error::state("gates_shut", format!("gates are shut: {}", told.join("; "))).hint(
                format!("{}; `--force GATE --because TEXT` opens one on the record", hints.join("; ")),
            ));
        }
        let number = self.store.cutover(&self.name)?.map_or(0, |last| last.number) + 1;
        let within = self.config.cutover.within.0;
        let (keeps_fed, does_not) = recovery::feeds(&self.config);
        let record = CutoverRecord {
            number,
            by: options.by.clone(),
            begun: Timestamp::now(),
            within_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
            rehearsal: options.rehearse,
            hooks: !options.rehearse || options.with_hooks,
            way: Way::Forward,
            step: Step::first(Way::Forward),
            reached: Step::first(Way::Forward),
            taken: Vec::new(),
            gates: gates.gates,
            alias,
            blocked: Vec::new(),
            answers: Vec::new(),
            writes_stopped: None,
            writes_back: None,
            marks: Vec::new(),
            replayed: 0,
            check: None,
            because: None,
            keeps_fed,
            does_not,
            left: Vec::new(),
            ended: None,
        };
        let (store, name, stored) = (self.store.clone(), self.name.clone(), record.clone());
        let migration = blocking(move || store.begin_cutover(&name, &stored)).await?;
        Failpoint::SwitchBegun.pass();
        self.progress.take_migration(&migration);
        self.progress.cutover_is(record.clone());
        tracing::info!(
            migration = self.name,
            rehearsal = record.rehearsal,
            by = record.by,
            "the switch begins"
        );
        Ok(record)
    }

    fn is_ready(&self) -> Result<()> {
        let (phase, standing) = (self.progress.phase(), self.progress.standing());
        let refused = |code, message: String, hint: String| Err(Error::state(code, message).hint(hint));
        match (phase, standing) {
            (Phase::Ready, Standing::Running | Standing::Waiting(_)) => Ok(()),
            (Phase::Ready, standing) => refused(
                "not_running",
                format!("migration `{}` is {}", self.name, standing.in_words()),
                format!("`esferry resume {}` lets it go on", self.name),
            ),
            (Phase::CutOver, _) => refused(
                "switched",
                format!("migration `{}` is switched over, or on its way", self.name),
                format!(
                    "`esferry status {0}` says how it stands; `esferry rollback {0}` goes back",
                    self.name
                ),
            ),
            (phase, _) => refused(
                "not_ready",
                format!("migration `{}` is {phase}: it is switched over once it is ready", self.name),
                format!("`esferry status {}` says how far it is", self.name),
            ),
        }
    }

    /// Turns a switch round that was done, or is under way in nobody's hands.
    ///
    /// # Errors
    /// `State` where there is none.
    pub(super) async fn turn_back(&self, because: String) -> Result<CutoverRecord> {
        let (store, name) = (self.store.clone(), self.name.clone());
        let record = blocking(move || {
            store.update_cutover(&name, |record| {
                if record.way == Way::Forward {
                    record.turn_back(because);
                }
            })
        })
        .await?;
        self.progress.cutover_is(record.clone());
        Ok(record)
    }

    /// What a start finds of a switch that nobody is at work on any more: before the alias was touched, or past its time
    /// limit, it goes back.
    ///
    /// # Errors
    /// As [`turn_back`](Self::turn_back).
    pub(super) async fn find_switch(&self, record: &CutoverRecord) -> Result<()> {
        if record.ended.is_some() || record.way == Way::Back {
            return Ok(());
        }
        if record.step.goes_on_after_a_crash() && left(record).is_some() {
            return Ok(());
        }
        let step = record.step;
        self.turn_back(format!("esferry stopped at the step \"{step}\" of the switch")).await.map(drop)
    }

    /// From the stored step to an end, which is stored; `None` when the work was to stop first. `back` turns it round.
    ///
    /// # Errors
    /// What no waiting cures on the way back: the switch stays where it is, and goes on back when it is resumed.
    pub(super) async fn switch(&self, back: &Notify, stop: &CancellationToken) -> Result<Option<Ended>> {
        loop {
            let Some(record) = self.store.cutover(&self.name)? else { return Ok(None) };
            if let Some(ended) = record.ended {
                return Ok(Some(ended));
            }
            let begun = Instant::now();
            Failpoint::SwitchStepStored.pass();
            let outcome = match record.way {
                Way::Forward => {
                    let Some(left) = left(&record) else {
                        self.turn_back(format!("it took longer than {}", self.config.cutover.within)).await?;
                        continue;
                    };
                    tokio::select! {
                        outcome = tokio::time::timeout(left, self.forward(&record, stop)) => outcome.unwrap_or_else(|_| {
                            Err(Error::state("switch_too_long", format!("it took longer than {}: {} was under way", self.config.cutover.within, record.step)))
                        }),
                        () = back.notified() => Err(Error::state("switch_turned_back", "it was asked to go back")),
                        () = stop.cancelled() => return Ok(None),
                    }
                }
                Way::Back => tokio::select! {
                    outcome = self.backward(&record) => outcome,
                    () = stop.cancelled() => return Ok(None),
                },
            };
            Failpoint::SwitchStepTaken.pass();
            match (outcome, record.way) {
                (Ok(()), _) => self.taken(&record, begun.elapsed()).await?,
                (Err(error), _) if error.kind() == Kind::Temporary => {
                    tracing::warn!(step = %record.step, error = error.one_line(), "a step of the switch is tried again");
                    let _waiting = self.progress.waits.begin(error.one_line());
                    tokio::select! {
                        () = tokio::time::sleep(AGAIN_AFTER) => {}
                        () = stop.cancelled() => return Ok(None),
                    }
                }
                (Err(error), Way::Forward) => {
                    tracing::error!(step = %record.step, error = error.one_line(), "the switch goes back");
                    self.turn_back(error.one_line()).await?;
                }
                (Err(error), Way::Back) => return Err(error),
            }
        }
    }

    /// A step is over: the next one is stored, or the end.
    async fn taken(&self, before: &CutoverRecord, took: Duration) -> Result<()> {
        let (step, way) = (before.step, before.way);
        let taken = Taken {
            step,
            at: Timestamp::now(),
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        };
        let (store, name) = (self.store.clone(), self.name.clone());
        let record = blocking(move || {
            store.update_cutover(&name, |record| {
                // Somebody may have turned it round meanwhile.
                if (record.way, record.step) != (way, step) {
                    return;
                }
                record.taken.push(taken);
                match (step.next(), way) {
                    (Some(next), _) => record.step = next,
                    (None, Way::Forward) if record.rehearsal => {
                        record.turn_back("a rehearsal ends where it began")
                    }
                    (None, Way::Forward) => record.ended = Some(Ended::Switched(Timestamp::now())),
                    (None, Way::Back) => record.ended = Some(Ended::RolledBack(Timestamp::now())),
                }
                if record.way == Way::Forward {
                    record.reached = record.reached.max(record.step);
                }
            })
        })
        .await?;
        tracing::info!(migration = self.name, step = %step, took_ms = record.taken.last().map(|taken| taken.took_ms), "a step of the switch is taken");
        self.progress.cutover_is(record);
        Ok(())
    }

    /// Changes the record of the switch, durably, and what the status says of it.
    pub(super) async fn note_switch(
        &self,
        change: impl FnOnce(&mut CutoverRecord) + Send + 'static,
    ) -> Result<CutoverRecord> {
        let (store, name) = (self.store.clone(), self.name.clone());
        let record = blocking(move || store.update_cutover(&name, change)).await?;
        self.progress.cutover_is(record.clone());
        Ok(record)
    }
}

/// What is left of the time limit; `None` when it is over.
fn left(record: &CutoverRecord) -> Option<Duration> {
    let limit = SignedDuration::from_millis(i64::try_from(record.within_ms).unwrap_or(i64::MAX));
    let left = limit.checked_sub(Timestamp::now().duration_since(record.begun))?;
    Duration::try_from(left).ok().filter(|left| !left.is_zero())
}
