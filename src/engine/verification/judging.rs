//! What two sides have at one place: the same, or how they differ and why that is likely.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use wildmatch::WildMatch;

use super::Verification;
use super::looking::{Expected, Look, Nothing, ROUNDS};
use crate::cluster::held::Held;
use crate::diff::{Unlike, is_same, unlike};
use crate::engine::sides::Depth;
use crate::error::Result;
use crate::store::records::Failure;
use crate::store::verification::{Difference, DifferenceKind, SourceDocument};

/// Places in a document that are told.
const PLACES: usize = 5;

/// Why a document stands under another routing.
pub(super) const MISPLACED: &str = "the target has it under another routing: somebody else wrote it there";

/// What a look at both sides says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judged {
    /// Both have the same, or nothing.
    Same,
    /// They differ, at these places of the document.
    Differs(DifferenceKind, Vec<Unlike>),
}

/// Judges what both sides have. Versions count where both have those of one kind.
pub(super) fn judge(look: &Look, depth: Depth, versions: bool) -> Judged {
    let differs = |kind| Judged::Differs(kind, Vec::new());
    match (&look.expected, &look.found) {
        (Expected::Unreadable(_), _) | (_, Held::Refused(_)) => differs(DifferenceKind::Unreadable),
        (Expected::Nothing(_), Held::Absent) => Judged::Same,
        (Expected::Nothing(_), Held::There { .. }) => differs(DifferenceKind::Extra),
        (Expected::Document { .. } | Expected::Impossible(..), Held::Absent) => {
            differs(DifferenceKind::Missing)
        }
        (Expected::Impossible(..), Held::There { .. }) => differs(DifferenceKind::Different),
        (Expected::Document { version, source }, Held::There { version: there, source: found, .. }) => {
            if depth == Depth::Contents && !is_same(source, found) {
                Judged::Differs(DifferenceKind::Different, unlike(source, found, PLACES))
            } else if versions && version != there {
                differs(DifferenceKind::Version)
            } else {
                Judged::Same
            }
        }
    }
}

/// What is known of a migration that explains differences.
pub(super) struct Explaining {
    accepted: HashSet<String>,
    /// Targets whose source has slices set aside.
    set_aside: HashSet<String>,
    /// What the mapping of a target leaves out of `_source`.
    excludes: HashMap<String, Excludes>,
    /// Documents may have been copied by other transforms than the present ones.
    drifted: bool,
    followed: bool,
}

/// `_source` of a mapping.
#[derive(Debug, Default)]
struct Excludes {
    includes: Vec<String>,
    excludes: Vec<String>,
}

impl Excludes {
    fn of(mapping: &Value) -> Excludes {
        let list = |name: &str| {
            let list = mapping.pointer(&format!("/_source/{name}")).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(ToOwned::to_owned).collect()
        };
        Excludes { includes: list("includes"), excludes: list("excludes") }
    }

    fn leaves_out(&self, path: &str) -> bool {
        let names: Vec<&str> = path.split('.').map(|name| name.split('[').next().unwrap_or(name)).collect();
        let path = names.join(".");
        let below = |pattern: &String| {
            WildMatch::new(pattern).matches(&path) || path.starts_with(&format!("{pattern}."))
        };
        self.excludes.iter().any(below) || (!self.includes.is_empty() && !self.includes.iter().any(below))
    }
}

impl Verification<'_> {
    pub(super) async fn explaining(&self) -> Result<Explaining> {
        let context = self.context;
        let groups = context.store.failure_groups(&context.name)?;
        let accepted =
            groups.into_iter().filter(|group| group.accepted.is_some()).map(|group| group.error_type);
        let set_aside = context.progress.status().indices.into_iter();
        let set_aside = set_aside.filter(|index| index.slices.set_aside > 0).map(|index| index.target);
        let targets = context.target.described().await?;
        let excludes = targets.iter().filter_map(|index| {
            let (_, mapping) = index.types.first()?;
            Some((index.name.clone(), Excludes::of(mapping)))
        });
        let record = context.store.migration(&context.name)?;
        let decides = |key: &String| {
            ["transform", "types", "from.query"].iter().any(|decides| key.starts_with(decides))
        };
        Ok(Explaining {
            accepted: accepted.collect(),
            set_aside: set_aside.collect(),
            excludes: excludes.collect(),
            drifted: record.is_some_and(|record| record.drifted.iter().any(decides)),
            followed: self.followed,
        })
    }

    /// A look as a difference, with its likely reason.
    pub(super) fn difference(
        &self,
        look: &Look,
        kind: DifferenceKind,
        at: Vec<Unlike>,
        round: u32,
        explaining: &Explaining,
    ) -> Result<Difference> {
        let candidate = &look.candidate;
        let index = self.sides.target(candidate.index)?.to_owned();
        let failures = candidate.failures.iter();
        let failures = failures
            .filter_map(|key| self.context.store.failure_at(key).transpose())
            .collect::<Result<Vec<_>>>()?;
        let (reason, why) = explaining.why(look, kind, &at, &failures, &index);
        let accepted = kind != DifferenceKind::Extra
            && !failures.is_empty()
            && failures.iter().all(|failure| explaining.accepted.contains(&failure.error_type));
        let (reason, why) = match explaining.followed && round + 1 >= ROUNDS {
            true => ("restless".to_owned(), "both sides change faster than they are looked at".to_owned()),
            false => (reason, why),
        };
        let source = match &candidate.source {
            Some(named) => Some(SourceDocument {
                index: self.sides.copy(named.index)?.source_name.clone(),
                doc_type: named.key.doc_type.clone(),
                id: named.key.id.clone(),
                routing: named.key.routing.clone(),
                version: match look.expected {
                    Expected::Document { version, .. } => Some(version),
                    _ => None,
                },
            }),
            None => None,
        };
        let target_version = match &look.found {
            Held::There { version, .. } => Some(*version),
            _ => None,
        };
        Ok(Difference {
            kind,
            index,
            id: candidate.id.clone(),
            routing: candidate.routing.clone(),
            found_routing: None,
            source,
            target_version,
            at,
            reason,
            why,
            accepted,
            repair: None,
        })
    }
}

impl Explaining {
    fn why(
        &self,
        look: &Look,
        kind: DifferenceKind,
        at: &[Unlike],
        failures: &[Failure],
        index: &str,
    ) -> (String, String) {
        let told = |reason: &str, why: &str| (reason.to_owned(), why.to_owned());
        if let Some(failure) = failures.first()
            && kind != DifferenceKind::Extra
        {
            let Failure { error_type, .. } = failure;
            return if self.accepted.contains(error_type) {
                (
                    "accepted_failure".to_owned(),
                    format!("the target refused it ({error_type}), which was accepted"),
                )
            } else {
                (
                    "failure".to_owned(),
                    format!("the target refused it ({error_type}): see `esferry failures`"),
                )
            };
        }
        match (&look.expected, &look.found) {
            (Expected::Unreadable(why), _) => return ("unreadable".to_owned(), why.clone()),
            (_, Held::Refused(why)) => return ("unreadable".to_owned(), format!("on the target: {why}")),
            (Expected::Impossible(error_type, why), _) => {
                return (error_type.clone(), format!("it cannot become a document of the target: {why}"));
            }
            (Expected::Nothing(Nothing::LeftOut(step)), _) => {
                return ("left_out".to_owned(), format!("the source has it, and it is left out by {step}"));
            }
            (Expected::Nothing(Nothing::Others), _) => {
                return told("elsewhere", "the transforms put the source's document in another place");
            }
            _ => {}
        }
        let versions = match (&look.expected, &look.found) {
            (Expected::Document { version, .. }, Held::There { version: there, .. }) => {
                Some(version.cmp(there))
            }
            _ => None,
        };
        match kind {
            DifferenceKind::Missing if self.set_aside.contains(index) => {
                told("set_aside", "slices of its index are set aside: `esferry resume` copies them")
            }
            DifferenceKind::Missing if self.followed => {
                told("missing", "never brought over, or deleted on the target since")
            }
            DifferenceKind::Missing => {
                told("missing", "written on the source after it was copied, or deleted on the target since")
            }
            DifferenceKind::Extra if self.moved(look) => {
                told("live_writer", "somebody writes it on the target: it changed while it was looked at")
            }
            DifferenceKind::Extra => told(
                "gone",
                "deleted on the source after it was copied, or written on the target by somebody else",
            ),
            DifferenceKind::Routing => told("routing", MISPLACED),
            DifferenceKind::Different | DifferenceKind::Version => match versions {
                Some(std::cmp::Ordering::Greater) => {
                    told("late", "changed on the source after it was copied")
                }
                _ if self.excludes(index, at) => {
                    told("source_excludes", "the target's mapping leaves these fields out of _source")
                }
                Some(std::cmp::Ordering::Less) if kind == DifferenceKind::Version => told(
                    "written_anew",
                    "the same, written anew on the target: its version is higher there, so that a later change of the source would be taken for an older one",
                ),
                _ if self.drifted => {
                    told("transform_changed", "the transforms were changed after documents had been copied")
                }
                Some(std::cmp::Ordering::Less) => told(
                    "changed_on_target",
                    "somebody else wrote it on the target: its version is higher there",
                ),
                _ => told("changed", "changed on the target under the version of the source"),
            },
            DifferenceKind::Unreadable => told("unreadable", "one side does not give it out"),
        }
    }

    fn excludes(&self, index: &str, at: &[Unlike]) -> bool {
        let Some(excludes) = self.excludes.get(index) else { return false };
        !at.is_empty() && at.iter().all(|place| place.found.is_none() && excludes.leaves_out(&place.path))
    }

    fn moved(&self, look: &Look) -> bool {
        let Held::There { version, .. } = &look.found else { return false };
        look.candidate.target.is_some_and(|read| read != *version)
    }
}
