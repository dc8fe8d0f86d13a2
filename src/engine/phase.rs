//! The phases of a migration, and the one function that moves from one to the next.

use serde::{Deserialize, Serialize};

/// Where a migration is. Stored before its effects; every effect is idempotent, so a crash between the two
/// repeats the effect and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Slices are being planned; a crash keeps the shards that are planned.
    Planning,
    /// Every slice is known and the coverage is proven; nothing was written to the target yet.
    Planned,
    /// Target indices are created or checked, their settings saved and changed for the load.
    Preparing,
    /// Slices are copied.
    Copying,
    /// Changes made meanwhile are applied; passed through at once where none are configured.
    CatchingUp,
    /// Settings are restored, both sides refreshed and counted.
    Verifying,
    /// Everything arrived that could; waits for the cut-over.
    Ready,
    /// The alias moves.
    CutOver,
    /// The operator said that the old side is no longer needed.
    Complete,
}

/// What happened to a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Every shard of every index is planned and covered.
    PlanProven,
    /// The run begins to touch the target.
    Started,
    /// Every target index stands, with its originals saved.
    TargetsReady,
    /// No slice waits or is open any more.
    SlicesSettled,
    /// The changes made during the copy are applied.
    CaughtUp,
    /// The check at the end has its result.
    Verified,
    /// A failed document was retried, or a slice set aside taken up again: count again.
    Reopened,
    /// The operator asked for the switch.
    CutOverBegun,
    /// The switch was undone.
    RolledBack,
    /// The operator said `complete`.
    Completed,
}

/// An event that has no meaning in this phase: a defect, never a reason to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a migration that is {phase} cannot take the event {event:?}")]
pub struct IllegalTransition {
    /// The phase that was.
    pub phase: Phase,
    /// The event that came.
    pub event: Event,
}

/// The only way from one phase to another.
///
/// # Errors
/// [`IllegalTransition`] for every pair that is not listed here.
pub fn next(phase: Phase, event: Event) -> Result<Phase, IllegalTransition> {
    match (phase, event) {
        (Phase::Planning, Event::PlanProven) => Ok(Phase::Planned),
        (Phase::Planned, Event::Started) => Ok(Phase::Preparing),
        (Phase::Preparing, Event::TargetsReady) => Ok(Phase::Copying),
        (Phase::Copying, Event::SlicesSettled) => Ok(Phase::CatchingUp),
        (Phase::CatchingUp, Event::CaughtUp) => Ok(Phase::Verifying),
        (Phase::Verifying, Event::Verified) => Ok(Phase::Ready),
        (Phase::CatchingUp | Phase::Verifying | Phase::Ready, Event::Reopened) => Ok(Phase::Preparing),
        (Phase::Ready, Event::CutOverBegun) => Ok(Phase::CutOver),
        (Phase::CutOver, Event::RolledBack) => Ok(Phase::Ready),
        (Phase::CutOver, Event::Completed) => Ok(Phase::Complete),
        (phase, event) => Err(IllegalTransition { phase, event }),
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Phase::Planning => "planning",
            Phase::Planned => "planned",
            Phase::Preparing => "preparing",
            Phase::Copying => "copying",
            Phase::CatchingUp => "catching up",
            Phase::Verifying => "verifying",
            Phase::Ready => "ready",
            Phase::CutOver => "cut over",
            Phase::Complete => "complete",
        })
    }
}

/// Beside the phase, never instead of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", content = "reason", rename_all = "snake_case")]
pub enum Standing {
    /// Work is being done, or there is none left.
    Running,
    /// Held up by something outside; goes on by itself.
    Waiting(String),
    /// Stopped by an operator or by a limit, until `resume`. Stored: a restart keeps it.
    Paused(String),
    /// Cannot go on: the reason with its remedy. A restart tries again.
    Failed(String),
}

impl Standing {
    /// In a word, with the reason.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Standing::Running => "running".to_owned(),
            Standing::Waiting(reason) => format!("waiting: {reason}"),
            Standing::Paused(reason) => format!("paused: {reason}"),
            Standing::Failed(reason) => format!("failed: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [Phase; 9] = [
        Phase::Planning,
        Phase::Planned,
        Phase::Preparing,
        Phase::Copying,
        Phase::CatchingUp,
        Phase::Verifying,
        Phase::Ready,
        Phase::CutOver,
        Phase::Complete,
    ];
    const EVENTS: [Event; 10] = [
        Event::PlanProven,
        Event::Started,
        Event::TargetsReady,
        Event::SlicesSettled,
        Event::CaughtUp,
        Event::Verified,
        Event::Reopened,
        Event::CutOverBegun,
        Event::RolledBack,
        Event::Completed,
    ];

    #[test]
    fn the_whole_product_of_phases_and_events_is_decided() {
        let legal: Vec<String> = PHASES
            .iter()
            .flat_map(|&phase| EVENTS.iter().map(move |&event| (phase, event)))
            .filter_map(|(phase, event)| {
                next(phase, event).ok().map(|to| format!("{phase} --{event:?}--> {to}"))
            })
            .collect();
        insta::assert_snapshot!(legal.join("\n"), @r"
        planning --PlanProven--> planned
        planned --Started--> preparing
        preparing --TargetsReady--> copying
        copying --SlicesSettled--> catching up
        catching up --CaughtUp--> verifying
        catching up --Reopened--> preparing
        verifying --Verified--> ready
        verifying --Reopened--> preparing
        ready --Reopened--> preparing
        ready --CutOverBegun--> cut over
        cut over --RolledBack--> ready
        cut over --Completed--> complete
        ");
    }

    #[test]
    fn an_illegal_event_names_both() {
        let error = next(Phase::Complete, Event::Started).unwrap_err();
        assert_eq!(error.to_string(), "a migration that is complete cannot take the event Started");
    }
}
