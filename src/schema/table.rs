//! `docs/conversion.md`, made from the rules.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::convert_warmers;
use super::report::{Change, Report, Severity};
use super::rule::{Part, Proof, Rule};
use super::rules::{Rules, all};
use crate::cluster::dialect::Version;

/// The target of the examples.
const TARGET: Version = Version::new(6, 8, 23);

const HEAD: &str = "# Conversion table

What becomes of an index's schema on its way to a newer server. This page is made from the rules of `src/schema/rules`;
`UPDATE_DOCS=1 cargo test conversion_table` writes it anew.

*Source* is the version that created the index, *target* the version of the server it goes to. *Proven* means that an
example of the rule is created on a real server of the source's generation, converted, and created on a real target, and
that its document is taken there. Everything that a conversion changes is in its report; what is *lost* stops the plan
until it is accepted by name. Below each table stands what its rules make of their examples.
";

const TAIL: &str = "
## Beside the rules

- `field_limits` raises `index.mapping.*.limit` where the mapping would not fit.
- `template_types` tells which types of an index template are lost when their mappings cannot become one.
- `alias_types` takes out of the filters of aliases what they say of types, where the target holds documents of one.
- `type_left_behind` tells of a type whose documents are not copied, which `accept_lost` allows for `.percolator`.
- `existing_field` and `file_field` tell what a mapping that is not made by these rules does not take.
- `key_value_copies` tells that `copy_to` of keys that become values is lost, where they do not agree on it.

No rule is needed for what 6.8 takes and means as before: `boost`, `copy_to` and `similarity` of a field, camel-case names
of date formats, trees of shapes, `_source`, `_meta`, `_routing.required`, `dynamic`; the filters `standard`, `nGram`,
`edgeNGram`, `delimited_payload_filter`, the char filter `htmlStrip`, the analyzers `snowball`, `pattern`, `chinese`;
routings of aliases. Filters of aliases are queries and rewritten as such. Names of indices are checked with the
configuration. Files that an analyzer reads (`synonyms_path`, `stopwords_path`) have to be on the target's nodes before:
its refusal names them. What 1.7 refuses itself needs no rule either: analyzers whose name begins with `_`, or that have
neither type nor tokenizer, fields without a type, and `path` of a type.

Analyzers keep their parts, and the parts are those of a newer Lucene. A dozen compared word by word between 1.7.6 and
6.8.23 differ in one thing: `dutch_stem` no longer lower-cases, so put `lowercase` before it.
";

fn table() -> String {
    let mut page = HEAD.to_owned();
    let parts = [
        Part::Field,
        Part::Root,
        Part::DynamicTemplates,
        Part::Settings,
        Part::Analysis,
        Part::Similarity,
        Part::Template,
        Part::Warmers,
    ];
    for part in parts {
        let title = part.as_str();
        let _ = write!(page, "\n## {}{}\n\n", title[..1].to_uppercase(), &title[1..]);
        page.push_str("| rule | source | target | before → after | why | meaning | proven |\n|---|---|---|---|---|---|---|\n");
        for rule in all().filter(|rule| rule.part == part) {
            let _ = writeln!(page, "{}", row(rule));
        }
        page.push('\n');
        for (rule, change) in all().filter(|rule| rule.part == part).filter_map(example) {
            let said = |value: &Option<Value>| {
                value.as_ref().map_or("nothing".to_owned(), |value| format!("`{value}`"))
            };
            let (before, after) = (said(&change.before), said(&change.after));
            let _ = writeln!(page, "- `{}`, `{}`: {before} → {after}", rule.name, change.path);
        }
    }
    page.push_str(TAIL);
    page
}

/// The first change that a rule makes of its own example.
fn example(rule: &'static Rule) -> Option<(&'static Rule, Change)> {
    let Proof::Example { body, .. } = rule.proof else { return None };
    let body: Value = serde_json::from_str(body).unwrap();
    let rules = Rules::between(rule.from.from, TARGET);
    let mut report = Report::default();
    if body.get("template").is_some() {
        report.append(rules.template("x", &body).1);
    } else {
        for (name, mapping) in body.get("mappings").and_then(Value::as_object).into_iter().flatten() {
            let _ = rules.mapping(name, mapping, &mut report);
        }
        let _ = rules.settings(body.get("settings").unwrap_or(&Value::Null), &mut report);
        for (name, warmer) in body.get("warmers").and_then(Value::as_object).into_iter().flatten() {
            let warmers = BTreeMap::from([(name.clone(), warmer.clone())]);
            convert_warmers(&warmers, rules.from, rules.to, &mut report);
        }
    }
    let change = report.changes.into_iter().find(|change| change.rule == rule.name);
    Some((rule, change.unwrap_or_else(|| panic!("{} does nothing to its own example", rule.name))))
}

fn row(rule: &Rule) -> String {
    let proven = match rule.proof {
        Proof::Example { .. } => "yes".to_owned(),
        Proof::Explained(why) => format!("no: {why}"),
    };
    let meaning = match rule.severity {
        Severity::Lost => "**lost**",
        other => other.as_str(),
    };
    let cell = |text: &str| text.replace('|', "\\|");
    format!(
        "| `{}` | {} | {} | {} | {} | {meaning} | {} |",
        rule.name,
        rule.from,
        rule.to,
        cell(rule.what),
        cell(rule.why),
        cell(&proven)
    )
}

#[test]
fn the_conversion_table_is_what_the_rules_say() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/conversion.md");
    let table = table();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        written == table,
        "docs/conversion.md is not what the rules say: UPDATE_DOCS=1 cargo test conversion_table"
    );
}
