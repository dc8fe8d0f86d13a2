//! A search of both sides: as recorded, and as rewritten or given by hand.

use serde_json::{Value, json};

use super::Between;
use crate::compare::recorded::Recorded;
use crate::schema::query::{Search, rewrite_search, rewrite_whole};
use crate::schema::report::{Change, Severity};

/// A search of both sides, and what the rewriting says of it.
pub(super) struct Pair {
    pub(super) source: Search,
    pub(super) target: Search,
    pub(super) announced: Vec<String>,
    pub(super) refused: Vec<String>,
}

/// The search for the target: as given by hand, and rewritten where it is not.
pub(super) fn pair(between: &Between, recorded: &Recorded) -> Pair {
    let source = recorded.search.clone();
    let context = &between.context;
    let whole = |search: &Search| rewrite_whole(search, &between.planned, context);
    let (target, rewritten) = match (&recorded.target.path, &recorded.target.body) {
        (Some((_, path)), Some(body)) => {
            let target = Search { body: body.clone(), ..path.clone() };
            return Pair { source, target, announced: Vec::new(), refused: Vec::new() };
        }
        (Some((_, path)), None) if source.body.is_null() || !path.body.is_null() => {
            return Pair { source, target: path.clone(), announced: Vec::new(), refused: Vec::new() };
        }
        (Some((_, path)), None) => {
            let rewritten = rewrite_search(&source.body, context);
            (Search { body: rewritten.body.clone(), ..path.clone() }, rewritten)
        }
        (None, Some(body)) => {
            let address = whole(&Search { body: Value::Null, ..source.clone() });
            (Search { body: body.clone(), ..address.search }, address.rewritten)
        }
        (None, None) => {
            let whole = whole(&source);
            (whole.search, whole.rewritten)
        }
    };
    let refused = rewritten.refused.iter().map(|refused| {
        let choices = if refused.choices.is_empty() {
            String::new()
        } else {
            format!("; {}", refused.choices.join("; or "))
        };
        format!("{}: {} ({}){choices}", refused.path, refused.why, refused.what)
    });
    let announced = rewritten.report.changes.iter().filter(|change| change.severity != Severity::SameMeaning);
    Pair { source, target, announced: announced.map(told).collect(), refused: refused.collect() }
}

fn told(change: &Change) -> String {
    let path = if change.path.is_empty() { "the search" } else { &change.path };
    format!("{path}: {} ({})", change.reason, change.rule)
}

/// The body with what the URL says of the page: what decides which hits come, and in which order.
pub(super) fn asked_for(search: &Search) -> Value {
    let mut body = search.body.as_object().cloned().unwrap_or_default();
    for (name, value) in &search.parameters {
        let value = match (name.as_str(), value.parse::<u64>()) {
            ("from" | "size", Ok(number)) => json!(number),
            ("sort", _) => {
                value.split(',').map(|clause| clause.split(':').next().unwrap_or_default()).collect()
            }
            _ => continue,
        };
        body.insert(name.clone(), value);
    }
    Value::Object(body)
}
