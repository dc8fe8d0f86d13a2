//! Searches written for the source become searches for the target: old names and forms are rewritten by named
//! [`rules`], fields follow what the transforms did to them, and what has no counterpart is named as refused.
//!
//! Nothing passes unseen: a query, aggregation or option that is neither known to the target ([`known`]) nor to a
//! rule is refused with its path. A refused part stays in the body as it was, so that the target refuses it too
//! rather than answer another question.

mod address;
mod aggregations;
mod body;
mod compound;
mod facets;
mod fields;
mod filters;
mod geo;
mod highlight;
mod histograms;
mod indices;
mod joins;
mod key_value;
pub mod known;
mod like;
mod limits;
mod metadata;
mod options;
mod parameters;
mod queries;
mod query_text;
mod reading;
pub mod rules;
mod scoring;
mod scripts;
mod sorts;
mod suggest;
mod terms;
mod text;
mod text_fields;
mod types;

#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::{Value, json};

use super::report::{Change, Report, Severity};
use crate::cluster::dialect::Version;
use crate::config::MigrationConfig;

pub use address::{Address, Planned, RewrittenSearch, Search, rewrite_whole};
pub use fields::{FieldMap, KeyValueFields, field_map};
pub use indices::IndexNames;
pub use reading::parse;
pub use types::{TypesBecame, types_became};

use rules::{Refusal, Rule};

/// Between which servers, and what the migration made of fields and types.
#[derive(Debug, Clone)]
pub struct Context {
    /// Version of the server that the search was written for.
    pub from: Version,
    /// Version of the server that it shall run on; 6.0 or later.
    pub to: Version,
    /// What the transforms did to the fields.
    pub fields: FieldMap,
    /// What the types became.
    pub types: TypesBecame,
    /// What the indices became.
    pub indices: IndexNames,
}

impl Context {
    /// Between two versions, with untouched fields and one type an index.
    #[must_use]
    pub fn new(from: Version, to: Version) -> Self {
        Context {
            from,
            to,
            fields: FieldMap::default(),
            types: TypesBecame::Dropped,
            indices: IndexNames::default(),
        }
    }

    /// Between two versions, with what a migration does to fields and types.
    #[must_use]
    pub fn of(migration: &MigrationConfig, from: Version, to: Version) -> Self {
        Context {
            from,
            to,
            fields: field_map(migration),
            types: types_became(migration),
            indices: IndexNames::of(migration),
        }
    }
}

/// A part of a search that has no counterpart on the target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Refused {
    /// Where, such as `query.filtered.filter.and[0].script`.
    pub path: String,
    /// Name of the reason, such as `script_language`; stable.
    pub what: String,
    /// Why, in a sentence without a full stop.
    pub why: String,
    /// What can be done instead, a sentence each.
    pub choices: Vec<String>,
}

/// A search for the target.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewritten {
    /// The body; refused parts stand in it unchanged.
    pub body: Value,
    /// Every change, with its path in the source's search.
    pub report: Report,
    /// What could not be rewritten; empty when the body can be sent.
    pub refused: Vec<Refused>,
}

/// Rewrites the body of a search.
#[must_use]
pub fn rewrite_search(body: &Value, context: &Context) -> Rewritten {
    rewrite_request(&[], body, context).0
}

/// Rewrites the URL's parameters and the body of a search; returns the parameters that are left.
///
/// `search_type=count` and `scan`, `fields` and the like move from the URL into the body.
#[must_use]
pub fn rewrite_request(
    parameters: &[(String, String)],
    body: &Value,
    context: &Context,
) -> (Rewritten, Vec<(String, String)>) {
    let mut rewriter = Rewriter::new(context);
    if !rewriter.target_is_known() {
        return (rewriter.finish(body.clone()), parameters.to_vec());
    }
    let (parameters, body) = rewriter.parameters(parameters, body);
    let body = rewriter.search_body(&body, "");
    (rewriter.finish(body), parameters)
}

/// Rewrites the filter of an alias, knowing the versions only; see [`rewrite_filter_in`].
#[must_use]
pub fn rewrite_filter(filter: &Value, from: Version, to: Version, path: &str, report: &mut Report) -> Value {
    rewrite_filter_in(filter, &Context::new(from, to), path, report)
}

/// Rewrites the filter of an alias, which stands at `path` of the report.
///
/// A filter that cannot be rewritten becomes `match_none` and a loss by the rule `alias_filter`: an alias that
/// finds nothing is noticed, one without its filter would show documents that it was made to hide.
#[must_use]
pub fn rewrite_filter_in(filter: &Value, context: &Context, path: &str, report: &mut Report) -> Value {
    let mut rewriter = Rewriter::new(context);
    let rewritten = if rewriter.target_is_known() { rewriter.filter(filter, path) } else { filter.clone() };
    if rewriter.refused.is_empty() {
        report.append(rewriter.report);
        return rewritten;
    }
    let nothing = json!({"match_none": {}});
    let reasons: Vec<String> =
        rewriter.refused.iter().map(|refused| format!("`{}`: {}", refused.path, refused.why)).collect();
    let mut choices: Vec<String> = Vec::new();
    for choice in rewriter.refused.into_iter().flat_map(|refused| refused.choices) {
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    choices.push("write the filter of this alias yourself; until then it finds nothing".to_owned());
    report.add(Change {
        rule: "alias_filter",
        path: path.to_owned(),
        before: Some(filter.clone()),
        after: Some(nothing.clone()),
        reason: reasons.join("; "),
        severity: Severity::Lost,
        choices,
    });
    nothing
}

/// The walk through one search: what it has changed and refused so far.
struct Rewriter<'a> {
    context: &'a Context,
    report: Report,
    refused: Vec<Refused>,
}

impl<'a> Rewriter<'a> {
    fn new(context: &'a Context) -> Self {
        Rewriter { context, report: Report::default(), refused: Vec::new() }
    }

    fn finish(self, body: Value) -> Rewritten {
        Rewritten { body, report: self.report, refused: self.refused }
    }

    fn target_is_known(&mut self) -> bool {
        let known = self.context.to.major >= 6;
        if !known {
            let why = format!("searches are rewritten for 6.0 and later, the target is {}", self.context.to);
            self.refuse_because(&rules::TARGET_VERSION, "", why);
        }
        known
    }

    /// Whether the rule speaks of these two versions.
    fn applies(&self, rule: &Rule) -> bool {
        (rule.sources.0..=rule.sources.1).contains(&self.context.from.major)
            && self.context.to.major >= rule.target
    }

    fn change(&mut self, rule: &Rule, at: &str, before: Option<Value>, after: Option<Value>) {
        self.change_because(rule, at, before, after, rule.why.to_owned());
    }

    fn change_because(
        &mut self,
        rule: &Rule,
        at: &str,
        before: Option<Value>,
        after: Option<Value>,
        reason: String,
    ) {
        self.report.add(Change {
            rule: rule.name,
            path: at.to_owned(),
            before,
            after,
            reason,
            severity: rule.severity,
            choices: Vec::new(),
        });
    }

    fn refuse(&mut self, refusal: &Refusal, at: &str) {
        self.refuse_because(refusal, at, refusal.why.to_owned());
    }

    fn refuse_because(&mut self, refusal: &Refusal, at: &str, why: String) {
        let choices = refusal.choices.iter().map(|choice| (*choice).to_owned()).collect();
        self.refuse_with(refusal, at, why, choices);
    }

    fn refuse_with(&mut self, refusal: &Refusal, at: &str, why: String, choices: Vec<String>) {
        let path = if at.is_empty() { "the search".to_owned() } else { at.to_owned() };
        self.refused.push(Refused { path, what: refusal.name.to_owned(), why, choices });
    }
}

/// The path of a key below another.
fn below(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}

/// The path of an element of a list.
fn element(at: &str, position: usize) -> String {
    format!("{at}[{position}]")
}
