//! Every rule and every refusal, by example.

mod addresses;
mod bodies;
mod coverage;
mod filters;
mod indices;
mod keys;
mod page;
mod properties;
mod queries;
mod server_fields;
mod types;

use serde_json::Value;

use super::*;

const OLD: Version = Version::new(1, 7, 6);
const NEW: Version = Version::new(6, 8, 23);

/// From 1.7 to 6.8, nothing transformed.
fn plain() -> Context {
    Context::new(OLD, NEW)
}

/// From 1.7 to 6.8 with everything that a migration may do to fields.
fn transformed() -> Context {
    let fields = FieldMap {
        flattened: Vec::new(),
        renamed: vec![("user".to_owned(), "account".to_owned())],
        removed: vec!["internal".to_owned()],
        key_value: vec![KeyValueFields {
            field: "actions.tags".to_owned(),
            into: "actions.tags".to_owned(),
            key_value: "keyToValue".to_owned(),
            value: "value".to_owned(),
            separator: ":".to_owned(),
        }],
    };
    Context { fields, ..plain() }
}

/// What becomes of bodies given as lines of JSON: each with the new body, the rules and the refusals.
fn bodies(context: &Context, lines: &str) -> String {
    told(lines, |body| (body.clone(), rewrite_search(&body, context)))
}

/// The same for what stands under `query`.
fn queries(context: &Context, lines: &str) -> String {
    told(lines, |query| {
        let mut rewritten = rewrite_search(&json!({"query": query}), context);
        rewritten.body = rewritten.body["query"].take();
        (query, rewritten)
    })
}

/// The same for filters.
fn filters(context: &Context, lines: &str) -> String {
    told(lines, |filter| {
        let mut rewritten = rewrite_search(&json!({"post_filter": filter}), context);
        rewritten.body = rewritten.body["post_filter"].take();
        (filter, rewritten)
    })
}

fn told(lines: &str, rewrite: impl Fn(Value) -> (Value, Rewritten)) -> String {
    let mut text = String::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (old, rewritten) =
            rewrite(serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")));
        let mut rules: Vec<&str> = rewritten.report.changes.iter().map(|change| change.rule).collect();
        rules.dedup();
        let new = if rewritten.body == old { "the same".to_owned() } else { rewritten.body.to_string() };
        text.push_str(&format!("{old}\n  {new}\n"));
        if !rules.is_empty() {
            text.push_str(&format!("  by {}\n", rules.join(", ")));
        }
        for refused in rewritten.refused {
            text.push_str(&format!("  refused {}: {} ({})\n", refused.path, refused.why, refused.what));
        }
    }
    text
}
