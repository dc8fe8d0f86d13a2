//! How documents are scored.

use serde_json::{Map, Value, json};

use crate::schema::report::Severity;
use crate::schema::rule::Otherwise::{Refused, Taken};
use crate::schema::rule::{Part, Place, Proof, Rule};

const SIMILARITY: Rule = Rule { part: Part::Similarity, severity: Severity::SearchMayDiffer, ..Rule::COMMON };

/// Names that 6.8 has similarities of its own for.
const TAKEN: [&str; 3] = ["BM25", "classic", "boolean"];

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "similarity_base",
        what: "`similarity.base` → removed",
        why: "there is no similarity beneath the others any more",
        proof: Proof::Example {
            body: r#"{"settings":{"index.similarity.base.type":"BM25"}}"#,
            document: "",
            otherwise: Taken,
        },
        apply: |settings, _| settings.retain(|key, _| !key.starts_with("similarity.base.")),
        ..SIMILARITY
    },
    Rule {
        name: "similarity_type",
        what: "a similarity of type `default` → `classic`",
        why: "TF/IDF is called classic since 5.0, and its numbers are others in 6.x",
        proof: Proof::Example {
            body: r#"{"settings":{"index.similarity.own.type":"default","index.similarity.own.discount_overlaps":false}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |settings, _| {
            for (key, value) in settings.iter_mut() {
                if key.starts_with("similarity.") && key.ends_with(".type") && value == "default" {
                    *value = json!("classic");
                }
            }
        },
        ..SIMILARITY
    },
    Rule {
        name: "similarity_name",
        what: "a similarity with the name of a built-in one → removed",
        why: "built-in similarities cannot be changed since 5.0; fields that name it are scored by the built-in one",
        proof: Proof::Example {
            body: r#"{"settings":{"index.similarity.BM25.type":"BM25","index.similarity.BM25.k1":2.0}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |settings, _| settings.retain(|key, _| !named_like_built_in(key)),
        ..SIMILARITY
    },
    Rule {
        name: "default_similarity",
        what: "no default similarity → `similarity.default.type:BM25`",
        why: "scores come from BM25 since 5.0, from TF/IDF before: hits are the same, their order may differ",
        proof: Proof::Example {
            body: r#"{"settings":{"number_of_shards":1}}"#,
            document: r#"{"a":"b"}"#,
            otherwise: Taken,
        },
        apply: |settings, site| {
            if site.place != Place::Template && !has_default(settings) {
                settings.insert("similarity.default.type".to_owned(), json!("BM25"));
            }
        },
        ..SIMILARITY
    },
];

fn named_like_built_in(key: &str) -> bool {
    key.strip_prefix("similarity.")
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(name, _)| TAKEN.contains(&name))
}

fn has_default(settings: &Map<String, Value>) -> bool {
    settings.keys().any(|key| key.starts_with("similarity.default."))
}
