//! No rule and no refusal is without an example.

use std::collections::BTreeSet;

use super::super::rules;

/// The examples themselves, with the rules that they are told to be rewritten by.
const EXAMPLES: [&str; 8] = [
    include_str!("addresses.rs"),
    include_str!("bodies.rs"),
    include_str!("filters.rs"),
    include_str!("indices.rs"),
    include_str!("keys.rs"),
    include_str!("queries.rs"),
    include_str!("server_fields.rs"),
    include_str!("types.rs"),
];

#[test]
fn every_rule_and_every_refusal_has_an_example() {
    let shown: BTreeSet<&str> = EXAMPLES
        .iter()
        .flat_map(|text| text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_'))
        .collect();
    let names =
        rules::all().map(|rule| rule.name).chain(rules::refusals().iter().map(|refusal| refusal.name));
    let without: Vec<&str> = names.filter(|name| !shown.contains(name)).collect();
    assert!(without.is_empty(), "no example shows {without:?}");
}
