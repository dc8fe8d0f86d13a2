//! How users are switched over to the target: what opens the way, what moves, who is told.

mod hook;

use std::time::Duration;

use serde::Deserialize;

pub use hook::{CommandHook, Hook, HttpHook, HttpMethod};

use super::validate::{Checked, Violation, in_range, index_name_flaw};
use super::{Span, VerifyLevel};

/// The switch. Nothing of it happens before `esferry cutover`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CutoverConfig {
    /// The alias of the target that leads to the migration's indices from the switch on. Default none: the front end
    /// moves by hooks alone. Example `"alerts"`.
    pub alias: Option<String>,
    /// Indices of the target that the alias may lead to before the switch, and leads to no more afterwards. One that has
    /// the alias' own name is DELETED by the switch, since nothing else can make room for the alias. Default none: an
    /// alias that leads elsewhere is refused. Example `["alerts-2016"]`.
    pub replaces: Vec<String>,
    /// Takes writes from the source's indices (`index.blocks.write`) while it switches: the only write to the source
    /// that there is. With a topic it is lifted at the end, without one it stays until `esferry rollback`. Default
    /// `false`.
    pub block_source: bool,
    /// A switch that takes longer goes back by itself. Default `2m`.
    pub within: Span,
    /// What has to be true.
    pub gates: GatesConfig,
    /// Commands and HTTP calls that move what esferry does not know.
    pub hooks: HooksConfig,
}

/// Limits of the gates.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatesConfig {
    /// The level of the last verification, at least. Default that of `verify.level`.
    pub level: Option<VerifyLevel>,
    /// How old it may be. Default `24h`.
    pub verified_within: Span,
    /// Whether `esferry compare` has to have passed. Default `false`: only one that found differences shuts the gate.
    pub compared: bool,
    /// How old it may be, where it has to have passed. Default `7days`.
    pub compared_within: Span,
    /// How old the oldest message may be that is not applied yet. Default `10s`.
    pub lag_age: Span,
    /// How full the target's disks may be, in percent. Default `85`.
    pub disk_used: u64,
}

/// What is called on both ways. Each is a command, `["/etc/esferry/switch", "new"]` or `{ command = […], timeout =
/// "1m" }`, or an HTTP call, `{ url = "http://…", method = "PUT", body = {…} }`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HooksConfig {
    /// The first step of the switch, such as one that stops writers.
    pub before: Option<Hook>,
    /// The last one: the front end moves.
    pub after: Option<Hook>,
    /// Undoes `after`: the front end goes back.
    pub undo_after: Option<Hook>,
    /// Undoes `before`.
    pub undo_before: Option<Hook>,
}

impl Default for CutoverConfig {
    fn default() -> Self {
        CutoverConfig {
            alias: None,
            replaces: Vec::new(),
            block_source: false,
            within: Span(Duration::from_secs(120)),
            gates: GatesConfig::default(),
            hooks: HooksConfig::default(),
        }
    }
}

impl Default for GatesConfig {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        GatesConfig {
            level: None,
            verified_within: Span(DAY),
            compared: false,
            compared_within: Span(DAY * 7),
            lag_age: Span(Duration::from_secs(10)),
            disk_used: 85,
        }
    }
}

impl HooksConfig {
    /// Those that are configured, each with its key.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Hook)> {
        let hooks = [
            ("before", &self.before),
            ("after", &self.after),
            ("undo_after", &self.undo_after),
            ("undo_before", &self.undo_before),
        ];
        hooks.into_iter().filter_map(|(name, hook)| Some((name, hook.as_ref()?)))
    }
}

impl CutoverConfig {
    /// Whether there is anything that a switch would move.
    #[must_use]
    pub fn moves_something(&self) -> bool {
        self.alias.is_some() || self.hooks.after.is_some()
    }

    pub(super) fn check(&self) -> Checked {
        let key = |key: &'static str| ["cutover", key];
        if let Some(alias) = &self.alias
            && let Some(flaw) = index_name_flaw(alias)
        {
            return Err(Violation::new(&key("alias"), format!("{flaw}; given {alias:?}")));
        }
        if let Some(name) = self.replaces.iter().find(|name| index_name_flaw(name).is_some()) {
            let message =
                format!("holds {name:?}, which is no name of an index: wildcards are not taken here");
            return Err(Violation::new(&key("replaces"), message));
        }
        if self.alias.is_none() && !self.replaces.is_empty() {
            return Err(Violation::new(
                &key("replaces"),
                "says what an alias leaves, and there is no `alias`",
            ));
        }
        let seconds = self.within.0.as_secs_f64();
        in_range(&key("within"), "between 1s and 1day", (1.0..=86_400.0).contains(&seconds), self.within)?;
        let percent = self.gates.disk_used;
        in_range(
            &["cutover", "gates", "disk_used"],
            "a percentage, 1 to 100",
            (1..=100).contains(&percent),
            percent,
        )?;
        self.hooks.all().try_for_each(|(name, hook)| {
            hook.check().map_err(|violation| violation.under(&["cutover", "hooks", name]))
        })
    }
}

#[cfg(test)]
mod tests;
