//! What a conversion did: every change with its place, what stood there, what stands there now, and why.

use serde::Serialize;
use serde_json::Value;

/// What a change means for those who search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Only the wording is another.
    SameMeaning,
    /// The same documents are there; some searches may find others, or score them differently.
    SearchMayDiffer,
    /// Something of the source has no counterpart. Stops the plan unless the operator names it in `accept_lost`.
    Lost,
}

impl Severity {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::SameMeaning => "same meaning",
            Severity::SearchMayDiffer => "search or scoring may differ",
            Severity::Lost => "lost",
        }
    }
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// Name of the rule that made it, such as `string_to_text`; stable.
    pub rule: &'static str,
    /// Where, in the source's terms: `mappings.alert.properties.title`, `settings.index.store.type`,
    /// `aliases.open.filter`.
    pub path: String,
    /// What stood there; `None`: nothing.
    pub before: Option<Value>,
    /// What stands there on the target; `None`: nothing.
    pub after: Option<Value>,
    /// Why, in a sentence without a full stop.
    pub reason: String,
    /// What it means for those who search.
    pub severity: Severity,
    /// For a loss: what the operator can do, a sentence each. Empty for everything else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
}

/// Every change of a conversion, in the order in which they were made.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Report {
    /// The changes.
    pub changes: Vec<Change>,
}

impl Report {
    /// Adds a change.
    pub fn add(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Adds the changes of another report behind these.
    pub fn append(&mut self, other: Report) {
        self.changes.extend(other.changes);
    }

    /// How many changes there are of a severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.changes.iter().filter(|change| change.severity == severity).count()
    }

    /// Losses that no pattern of `accepted` names. A pattern is a path in which `*` stands for anything.
    #[must_use]
    pub fn unaccepted(&self, accepted: &[String]) -> Vec<&Change> {
        let matchers: Vec<wildmatch::WildMatch> =
            accepted.iter().map(|pattern| wildmatch::WildMatch::new(pattern)).collect();
        let lost = self.changes.iter().filter(|change| change.severity == Severity::Lost);
        lost.filter(|change| !matchers.iter().any(|matcher| matcher.matches(&change.path))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(path: &str) -> Change {
        Change {
            rule: "x",
            path: path.to_owned(),
            before: None,
            after: None,
            reason: String::new(),
            severity: Severity::Lost,
            choices: Vec::new(),
        }
    }

    #[test]
    fn losses_are_accepted_by_their_path() {
        let report = Report {
            changes: vec![lost("mappings.a._ttl"), lost("mappings.b._ttl"), lost("settings.index.x")],
        };
        let left = |accepted: &[&str]| {
            let accepted: Vec<String> = accepted.iter().map(ToString::to_string).collect();
            report.unaccepted(&accepted).len()
        };
        assert_eq!(
            (left(&[]), left(&["mappings.*._ttl"]), left(&["*"]), left(&["mappings.a._ttl"])),
            (3, 1, 0, 2)
        );
    }
}
