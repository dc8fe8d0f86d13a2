//! What a conversion rule is: one thing that a source may say, what the target is told instead, and the example that
//! proves it.
//!
//! Which rules apply is decided by two versions. The source's is the one that *created* the index, since defaults
//! (gaps between phrases, dates, dynamic types) are those of the creating version for good. What a mapping *says* is
//! in the words of the server that reports it, which may be a later one; so a rule about words begins at the oldest
//! version whose indices can come to speak them, and ends with the last that does.

use serde_json::{Map, Value};

use super::report::Severity;
use crate::cluster::dialect::Version;

/// What a rule looks at, and what its node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The root of a type's mapping: the node is the mapping.
    Root,
    /// The dynamic templates of a type: the node holds them by name, in their order.
    DynamicTemplates,
    /// A field wherever it stands: property, sub-field, or the `mapping` of a dynamic template.
    Field,
    /// The settings of an index, analysis and similarities apart: the node holds them flat, without `index.`.
    Settings,
    /// The same node as [`Part::Settings`], looked at for `analysis.`.
    Analysis,
    /// The same node as [`Part::Settings`], looked at for `similarity.`.
    Similarity,
    /// An index template: the node is the template.
    Template,
    /// The warmers of an index, by name.
    Warmers,
}

impl Part {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Root => "type",
            Part::DynamicTemplates => "dynamic templates",
            Part::Field => "field",
            Part::Settings => "settings",
            Part::Analysis => "analysis",
            Part::Similarity => "similarity",
            Part::Template => "index template",
            Part::Warmers => "warmers",
        }
    }
}

/// Versions from `from` (inclusive) to `to` (exclusive); `None`: without an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    /// The first version inside.
    pub from: Version,
    /// The first version outside.
    pub to: Option<Version>,
}

impl Versions {
    /// From the first to the last but one, as major and minor numbers.
    #[must_use]
    pub const fn between(from: (u32, u32), to: (u32, u32)) -> Self {
        Versions { from: Version::new(from.0, from.1, 0), to: Some(Version::new(to.0, to.1, 0)) }
    }

    /// Everything before this version, beginning with 1.0.
    #[must_use]
    pub const fn before(major: u32, minor: u32) -> Self {
        Versions::between((1, 0), (major, minor))
    }

    /// This version and all later ones.
    #[must_use]
    pub const fn since(major: u32, minor: u32) -> Self {
        Versions { from: Version::new(major, minor, 0), to: None }
    }

    /// Whether a version is inside.
    #[must_use]
    pub fn contains(&self, version: Version) -> bool {
        version >= self.from && self.to.is_none_or(|to| version < to)
    }
}

impl std::fmt::Display for Versions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Version { major, minor, .. } = self.from;
        match self.to {
            Some(to) => write!(f, "{major}.{minor} – <{}.{}", to.major, to.minor),
            None => write!(f, "{major}.{minor} –"),
        }
    }
}

/// Where the node of a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Below `properties`, or no field at all.
    Own,
    /// Below `fields` of another field.
    SubField,
    /// The `mapping` of a dynamic template, which 6.8 checks only when a document meets it (measured); or the
    /// settings of an index template.
    Template,
}

/// What a rule may know besides its node.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The name of the type or field that the node is, `{name}` within a dynamic template; `""` for other nodes.
    pub name: &'a str,
    /// Where the node stands.
    pub place: Place,
    /// The version that created the source.
    pub from: Version,
    /// The version of the target.
    pub to: Version,
}

/// Changes a node. What it does is found out by comparing, so that nothing can be changed without being reported; a
/// field that it empties is removed.
pub type Apply = fn(&mut Map<String, Value>, &Site<'_>);

/// What the target says to the example when the rule is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// The index or template is not created.
    Refused,
    /// It is created, and refuses the document.
    DocumentRefused,
    /// The rule of this name would make something else of it.
    OtherRule(&'static str),
    /// It is taken, and means something else, or a warning says that a later version refuses it.
    Taken,
}

/// How a rule is known to be true.
#[derive(Debug, Clone, Copy)]
pub enum Proof {
    /// Created on a real server of the rule's first version, converted, and created on the real target.
    Example {
        /// A create-index body of the source; of a template for [`Part::Template`].
        body: &'static str,
        /// Documents that have to be taken by the result one after the other, a line each; `""`: none.
        document: &'static str,
        /// What happens without the rule.
        otherwise: Otherwise,
    },
    /// Why there is no example.
    Explained(&'static str),
}

/// One row of the conversion table.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its stable name, as reports show it.
    pub name: &'static str,
    /// What it looks at.
    pub part: Part,
    /// Versions that may have created the source.
    pub from: Versions,
    /// Versions of the target.
    pub to: Versions,
    /// Before and after, in a line.
    pub what: &'static str,
    /// Why, in a sentence without a full stop.
    pub why: &'static str,
    /// What it means for those who search.
    pub severity: Severity,
    /// For a loss: what else than accepting it can be done, a sentence each.
    pub choices: &'static [&'static str],
    /// How it is known.
    pub proof: Proof,
    /// What it does.
    pub apply: Apply,
}

impl Rule {
    /// What most rules have in common: sources before 5.0, targets from 6.0 on, another wording. The lists of the
    /// parts build theirs on it.
    pub(super) const COMMON: Rule = Rule {
        name: "",
        part: Part::Field,
        from: Versions::before(5, 0),
        to: Versions::since(6, 0),
        what: "",
        why: "",
        severity: Severity::SameMeaning,
        choices: &[],
        proof: Proof::Explained(""),
        apply: |_, _| (),
    };
}

/// Reads a mapping's or a setting's boolean as 1.x does: everything is true but these.
pub(super) fn lenient_bool(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.as_str(), "false" | "0" | "off" | "no" | ""),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_versions_is_half_open() {
        let range = Versions::between((1, 0), (5, 0));
        assert!(range.contains(Version::new(1, 0, 0)) && range.contains(Version::new(2, 4, 6)));
        assert!(!range.contains(Version::new(5, 0, 0)) && !range.contains(Version::new(0, 90, 13)));
        assert!(Versions::since(6, 0).contains(Version::new(9, 0, 0)));
        assert_eq!(range.to_string(), "1.0 – <5.0");
    }
}
