//! The conversion table: every rule, which of them apply between two versions, and how one is applied.

mod analysis;
mod dynamic_templates;
pub(super) mod fields;
mod known_settings;
mod metadata;
mod new_fields;
mod root;
mod settings;
mod similarity;
mod templates;

pub(super) use metadata::is_metadata;
pub(super) use new_fields::spelled_dates;
use serde_json::{Map, Value};

use super::difference::differences;
use super::report::{Change, Report, Severity};
use super::rule::{Part, Place, Rule, Site};
use crate::cluster::dialect::Version;

/// The lists, in the order in which their rules are applied.
const LISTS: &[&[Rule]] = &[
    metadata::RULES,
    new_fields::RULES,
    root::RULES,
    dynamic_templates::RULES,
    fields::strings::RULES,
    fields::text::RULES,
    fields::dates::RULES,
    fields::geo::RULES,
    fields::completion::RULES,
    fields::types::RULES,
    fields::parameters::RULES,
    fields::known::RULES,
    analysis::RULES,
    similarity::RULES,
    settings::RULES,
    templates::RULES,
];

/// Settings that the target takes as they are; what is neither here nor below `analysis`, `similarity` and the slow
/// logs, nor in a rule, is lost.
#[must_use]
pub fn known_settings() -> &'static [&'static str] {
    known_settings::NAMES
}

/// Every rule, in the order of application.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    LISTS.iter().copied().flatten()
}

/// A node that rules are applied to.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'a> {
    pub part: Part,
    pub place: Place,
    /// As [`Site::name`] has it.
    pub name: &'a str,
    /// What reports call it.
    pub path: &'a str,
}

/// The rules that apply between two versions.
#[derive(Debug, Clone)]
pub struct Rules {
    rules: Vec<&'static Rule>,
    /// The version that created the source.
    pub from: Version,
    /// The version of the target.
    pub to: Version,
}

impl Rules {
    /// The rules for a source created by `from` and a target that is `to`.
    #[must_use]
    pub fn between(from: Version, to: Version) -> Self {
        let rules = all().filter(|rule| rule.from.contains(from) && rule.to.contains(to)).collect();
        Rules { rules, from, to }
    }

    /// The same without one of them: what it is there for shows when it is missing.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.rules.retain(|rule| rule.name != name);
        self
    }

    /// Applies every rule of a part to a node.
    pub(super) fn apply(&self, at: At<'_>, node: &mut Map<String, Value>, report: &mut Report) {
        let site = Site { name: at.name, place: at.place, from: self.from, to: self.to };
        for rule in self.rules.iter().filter(|rule| rule.part == at.part) {
            let before = node.clone();
            (rule.apply)(node, &site);
            if before != *node {
                for change in changes(rule, at.path, &before, node) {
                    report.add(change);
                }
            }
        }
    }
}

/// The first choice of every loss.
pub(crate) fn accept(path: &str) -> String {
    format!("name it in `accept_lost = [\"{path}\"]` to go without")
}

/// What a rule did to a node: one change, or one for each key where each has to be accepted by itself.
fn changes(rule: &Rule, path: &str, before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Change> {
    let choices: Vec<String> = rule.choices.iter().map(ToString::to_string).collect();
    let change = |path: String, before: Option<Value>, after: Option<Value>| {
        let mut all = Vec::new();
        if rule.severity == Severity::Lost {
            all.push(accept(&path));
            all.extend(choices.iter().cloned());
        }
        let reason = rule.why.to_owned();
        Change { rule: rule.name, path, before, after, reason, severity: rule.severity, choices: all }
    };
    differences(path, before, after, rule.severity == Severity::Lost)
        .into_iter()
        .map(|difference| change(difference.path, difference.before, difference.after))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::schema::rule::Proof;

    #[test]
    fn every_rule_has_a_name_of_its_own_and_only_losses_have_choices() {
        let mut names = BTreeSet::new();
        for rule in all() {
            assert!(names.insert(rule.name), "{} is there twice", rule.name);
            assert_eq!(rule.severity == Severity::Lost, !rule.choices.is_empty(), "{}", rule.name);
            assert!(!rule.why.ends_with('.') && !rule.why.is_empty(), "{}", rule.name);
            if let Proof::Explained(why) = rule.proof {
                assert!(!why.is_empty(), "{} has neither an example nor a reason", rule.name);
            }
        }
    }
}
