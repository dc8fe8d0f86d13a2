//! The rules by which a search is rewritten, and the reasons for which a part of it is refused, as data.
//! `docs/queries.md` holds the same as tables, made from these values.

mod parts;
mod queries;
mod refusals;

use crate::schema::report::Severity;

pub(super) use parts::*;
pub(super) use queries::*;
pub(super) use refusals::*;

/// How one old form is written for the target.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name in reports; stable.
    pub name: &'static str,
    /// First and last major version of the sources that take the old form.
    pub sources: (u32, u32),
    /// First major version of a target that refuses the old form, or reads it another way.
    pub target: u32,
    /// The old form.
    pub what: &'static str,
    /// The new form.
    pub becomes: &'static str,
    /// Why, in a sentence without a full stop.
    pub why: &'static str,
    /// What it means for the answer.
    pub severity: Severity,
}

/// Why a part of a search has no counterpart.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its name in reports; stable.
    pub name: &'static str,
    /// What is refused.
    pub what: &'static str,
    /// Why, in a sentence without a full stop; the place may say more.
    pub why: &'static str,
    /// What can be done instead.
    pub choices: &'static [&'static str],
}

/// Every rule: those of queries and filters, then those of the other parts of a search.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    queries::ALL.iter().chain(parts::ALL).copied()
}

/// Every reason to refuse.
#[must_use]
pub fn refusals() -> &'static [&'static Refusal] {
    refusals::ALL
}

/// Rules as constants, and the list of all of them.
macro_rules! rules {
    ($($id:ident: $name:literal, $from:literal to $to:literal, gone $target:literal, $severity:ident,
        $what:literal => $becomes:literal, $why:literal;)*) => {
        $(pub(in crate::schema::query) const $id: Rule = Rule {
            name: $name,
            sources: ($from, $to),
            target: $target,
            what: $what,
            becomes: $becomes,
            why: $why,
            severity: Severity::$severity,
        };)*
        /// All of this file.
        pub(super) const ALL: &[&Rule] = &[$(&$id),*];
    };
}
use rules;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_and_every_refusal_has_a_name_of_its_own_and_a_plain_reason() {
        let mut names = BTreeSet::new();
        for rule in all() {
            assert!(names.insert(rule.name), "{} is there twice", rule.name);
            assert!(!rule.why.is_empty() && !rule.why.ends_with('.'), "{}", rule.name);
            assert!(rule.sources.0 <= rule.sources.1, "{}", rule.name);
            assert_ne!(rule.severity, Severity::Lost, "{}: what is lost is refused", rule.name);
        }
        for refusal in refusals() {
            assert!(names.insert(refusal.name), "{} is there twice", refusal.name);
            assert!(!refusal.why.ends_with('.') && !refusal.choices.is_empty(), "{}", refusal.name);
        }
    }
}
