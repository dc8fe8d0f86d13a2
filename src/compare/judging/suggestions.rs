//! Suggestions: the same texts at the same places, best first.

use serde_json::Value;

use super::numbers::{alike, close, number};
use super::sequence::{Ranked, compare};
use super::{Findings, Rules, Scores, only_here, shown};

/// Compares `suggest` of two answers.
pub(super) fn judge(
    rules: &Rules<'_>,
    source: Option<&Value>,
    target: Option<&Value>,
    findings: &mut Findings,
) {
    let named = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let (source, target) = (named(source), named(target));
    for name in source.keys().chain(target.keys().filter(|name| !source.contains_key(*name))) {
        let entries = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
        let (ours, theirs) = (entries(source.get(name)), entries(target.get(name)));
        let at = format!("suggest.{name}");
        if ours.len() != theirs.len() {
            findings.differ(&at, format!("{} words", ours.len()), format!("{} words", theirs.len()));
            continue;
        }
        for (position, (one, other)) in ours.iter().zip(&theirs).enumerate() {
            entry(rules, &format!("{at}[{position}]"), one, other, findings);
        }
    }
}

/// One word and what is suggested for it.
fn entry(rules: &Rules<'_>, at: &str, source: &Value, target: &Value, findings: &mut Findings) {
    for part in ["text", "offset", "length"] {
        let (one, other) = (source.get(part), target.get(part));
        if one != other {
            findings.differ(format!("{at}.{part}"), shown(one), shown(other));
        }
    }
    let options = |value: &Value| value.get("options").and_then(Value::as_array).cloned().unwrap_or_default();
    let (ours, theirs) = (options(source), options(target));
    let text = |option: &Value| shown(option.get("text"));
    let ranked = |options: &[Value]| {
        let score = |option: &Value| option.get("score").and_then(number).unwrap_or(f64::NAN);
        let items = options.iter().map(|option| (text(option), score(option))).collect();
        Ranked::new(items, |one: &f64, other| close(*one, *other, 1e-6))
    };
    let gap = compare(&ranked(&ours), &ranked(&theirs), |one, other| one == other);
    if !gap.only_source.is_empty() || !gap.only_target.is_empty() {
        findings.differ(format!("{at}.options"), only_here(&gap.only_source), only_here(&gap.only_target));
    }
    if let Some((first, second)) = gap.swapped {
        let (one, other) = (format!("{first} before {second}"), format!("{second} before {first}"));
        findings.differ(format!("{at}.order"), one, other);
    }
    for option in &ours {
        let Some(other) = theirs.iter().find(|other| text(other) == text(option)) else { continue };
        let mut parts = vec![("freq", 0.0)];
        if let Scores::Within(tolerance) = rules.scores() {
            parts.push(("score", tolerance));
        }
        for (part, tolerance) in parts {
            if let (Some(one), Some(two)) = (option.get(part), other.get(part))
                && !alike(one, two, tolerance)
            {
                findings.differ(format!("{at}[{}].{part}", text(option)), one, two);
            }
        }
    }
}
