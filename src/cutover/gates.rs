//! What has to be true before a migration is switched over: each with its present value and its limit.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One thing that has to be true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Which.
    pub name: GateName,
    /// Whether it lets the switch pass by itself.
    pub open: bool,
    /// How it is now.
    pub value: String,
    /// How it has to be.
    pub limit: String,
    /// What can be done about it, where it is shut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Who opened it all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced: Option<Forced>,
}

/// A gate opened by an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forced {
    /// User name, as the environment of the command had it.
    pub by: String,
    /// Why.
    pub because: String,
}

/// The gates.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum GateName {
    /// No failures but accepted ones
    Failures,
    /// Changes made since the copy are on the target
    CaughtUp,
    /// Both sides are the same, as of not too long ago
    Verified,
    /// The same searches get the same answers
    Compared,
    /// The target is green, with its replicas and its settings back
    Target,
    /// The target's disks have room
    Disk,
    /// The clocks of this machine and of both clusters agree
    Clocks,
}

/// All gates of a migration, as they were at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gates {
    /// When.
    pub at: Timestamp,
    /// Each of them.
    pub gates: Vec<Gate>,
}

impl GateName {
    /// As it is written on the command line and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            GateName::Failures => "failures",
            GateName::CaughtUp => "caught_up",
            GateName::Verified => "verified",
            GateName::Compared => "compared",
            GateName::Target => "target",
            GateName::Disk => "disk",
            GateName::Clocks => "clocks",
        }
    }
}

impl std::fmt::Display for GateName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl Gate {
    /// A gate that is open or shut.
    #[must_use]
    pub fn new(name: GateName, open: bool, value: impl Into<String>, limit: impl Into<String>) -> Gate {
        Gate { name, open, value: value.into(), limit: limit.into(), hint: None, forced: None }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Gate {
        self.hint = Some(hint.into()).filter(|_| !self.open);
        self
    }

    /// Whether the switch may pass.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.open || self.forced.is_some()
    }
}

impl Gates {
    /// Those that are shut, and that nobody forced.
    #[must_use]
    pub fn shut(&self) -> Vec<&Gate> {
        self.gates.iter().filter(|gate| !gate.passes()).collect()
    }

    /// Opens these gates on the record; those that are open need no force.
    pub fn force(&mut self, names: &[GateName], forced: &Forced) {
        let shut = self.gates.iter_mut().filter(|gate| !gate.open && names.contains(&gate.name));
        shut.for_each(|gate| gate.forced = Some(forced.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn force_opens_what_is_shut_and_says_who_did_it() {
        let gate = |name, open| Gate::new(name, open, "", "");
        let gates =
            vec![gate(GateName::Failures, false), gate(GateName::Disk, true), gate(GateName::Target, false)];
        let mut gates = Gates { at: Timestamp::UNIX_EPOCH, gates };
        let forced = Forced { by: "anna".to_owned(), because: "a test".to_owned() };
        gates.force(&[GateName::Failures, GateName::Disk], &forced);
        assert_eq!(gates.shut().iter().map(|gate| gate.name).collect::<Vec<_>>(), [GateName::Target]);
        assert_eq!(gates.gates[0].forced, Some(forced));
        assert_eq!(gates.gates[1].forced, None);
    }
}
