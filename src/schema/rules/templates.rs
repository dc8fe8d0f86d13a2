//! Index templates and warmers. What a template says of mappings, settings and aliases is converted like an index's.

use serde_json::{Map, Value, json};

use crate::schema::report::Severity;
use crate::schema::rule::Otherwise::{Refused, Taken};
use crate::schema::rule::{Part, Proof, Rule, Versions};

const TEMPLATE: Rule = Rule { part: Part::Template, ..Rule::COMMON };

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "template_patterns",
        from: Versions::before(6, 0),
        what: "`template:\"x*\"` → `index_patterns:[\"x*\"]`",
        why: "a template may have several patterns since 6.0; the old word is deprecated",
        proof: Proof::Example {
            body: r#"{"template":"esferry-rule-x*","order":1,"settings":{"number_of_shards":"2"}}"#,
            document: "",
            otherwise: Taken,
        },
        apply: |template, _| {
            if let Some(pattern) = template.shift_remove("template") {
                let patterns = if pattern.is_array() { pattern } else { json!([pattern]) };
                template.entry("index_patterns").or_insert(patterns);
            }
        },
        ..TEMPLATE
    },
    Rule {
        name: "template_warmers",
        what: "`warmers` of a template → removed",
        why: "6.x has no warmers, and the word alone is refused",
        proof: Proof::Example {
            body: r#"{"template":"esferry-rule-x*","warmers":{"w":{"types":[],"source":{"query":{"match_all":{}}}}}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |template, _| drop_key(template, "warmers"),
        ..TEMPLATE
    },
    Rule {
        name: "template_unknown",
        from: Versions::since(1, 0),
        what: "anything else in a template → removed",
        why: "the target does not know it",
        severity: Severity::Lost,
        choices: &["write the template yourself"],
        proof: Proof::Explained("no server keeps in a template what it does not know; plugins may"),
        apply: |template, _| {
            let known = ["index_patterns", "order", "version", "settings", "mappings", "aliases"];
            template.retain(|key, _| known.contains(&key.as_str()));
        },
        ..TEMPLATE
    },
    Rule {
        name: "warmers",
        part: Part::Warmers,
        what: "warmers of an index → removed",
        why: "6.x warms by itself; a warmer never changed what a search finds",
        proof: Proof::Example {
            body: r#"{"warmers":{"w":{"types":[],"source":{"query":{"match_all":{}}}}}}"#,
            document: "",
            otherwise: Taken,
        },
        apply: |warmers, _| warmers.clear(),
        ..TEMPLATE
    },
];

fn drop_key(template: &mut Map<String, Value>, key: &str) {
    template.shift_remove(key);
}
