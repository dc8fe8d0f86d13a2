//! Everything that the target knows of fields: what no rule has changed and is not listed here is lost, and said so.

use serde_json::json;

use super::{FIELD, NUMBERS, kind};
use crate::schema::report::Severity;
use crate::schema::rule::{Place, Proof, Rule, Versions};

/// Parameters of every type that is indexed.
const COMMON: &[&str] =
    &["type", "index", "store", "doc_values", "boost", "index_options", "similarity", "copy_to", "fields"];
const OF_NUMBERS: &[&str] = &["null_value", "ignore_malformed", "coerce"];

/// Types that 6.8 knows, without those of plugins, and what each takes besides [`COMMON`]; read in its `TypeParser`s.
const TYPES: &[(&str, &[&str])] = &[
    (
        "text",
        &[
            "analyzer",
            "search_analyzer",
            "search_quote_analyzer",
            "norms",
            "position_increment_gap",
            "fielddata",
            "fielddata_frequency_filter",
            "eager_global_ordinals",
            "term_vector",
            "store_term_vectors",
            "store_term_vector_offsets",
            "store_term_vector_positions",
            "store_term_vector_payloads",
            "index_prefixes",
            "index_phrases",
        ],
    ),
    (
        "keyword",
        &[
            "null_value",
            "ignore_above",
            "norms",
            "eager_global_ordinals",
            "normalizer",
            "split_queries_on_whitespace",
        ],
    ),
    ("scaled_float", &["null_value", "ignore_malformed", "coerce", "scaling_factor"]),
    ("date", &["null_value", "ignore_malformed", "format", "locale"]),
    ("boolean", &["null_value"]),
    ("ip", &["null_value", "ignore_malformed"]),
    ("geo_point", &["null_value", "ignore_malformed", "ignore_z_value"]),
    (
        "geo_shape",
        &[
            "tree",
            "precision",
            "tree_levels",
            "strategy",
            "distance_error_pct",
            "points_only",
            "orientation",
            "ignore_malformed",
            "ignore_z_value",
            "coerce",
        ],
    ),
    (
        "completion",
        &[
            "analyzer",
            "search_analyzer",
            "preserve_separators",
            "preserve_position_increments",
            "max_input_length",
            "contexts",
        ],
    ),
    ("token_count", &["analyzer", "enable_position_increments", "null_value"]),
    ("binary", &[]),
    ("object", &["properties", "dynamic", "enabled"]),
    ("nested", &["properties", "dynamic", "enabled", "include_in_parent", "include_in_root"]),
    ("percolator", &[]),
    ("join", &["relations", "eager_global_ordinals"]),
    ("alias", &["path"]),
    ("integer_range", &["coerce"]),
    ("long_range", &["coerce"]),
    ("float_range", &["coerce"]),
    ("double_range", &["coerce"]),
    ("ip_range", &["coerce"]),
    ("date_range", &["coerce", "format", "locale"]),
];

pub(in super::super) const RULES: &[Rule] = &[
    Rule {
        name: "unknown_type",
        from: Versions::since(1, 0),
        what: "a field of any other type → not indexed",
        why: "the target does not know the type without a plugin",
        severity: Severity::Lost,
        choices: &["install the plugin on the target and give its mapping with `schema = \"file:PATH\"`"],
        proof: Proof::Explained("the old servers refuse types that they do not know; plugins bring them"),
        apply: |field, site| {
            let kind = kind(field);
            if NUMBERS.contains(&kind) || kind.contains('{') || TYPES.iter().any(|(name, _)| *name == kind) {
                return;
            }
            field.clear();
            if site.place != Place::SubField {
                field.insert("type".to_owned(), json!("object"));
                field.insert("enabled".to_owned(), json!(false));
            }
        },
        ..FIELD
    },
    Rule {
        name: "unknown_parameter",
        from: Versions::since(1, 0),
        what: "any other parameter of a field → removed",
        why: "the target does not know it",
        severity: Severity::Lost,
        choices: &["give the target's mapping with `schema = \"file:PATH\"`"],
        proof: Proof::Explained(
            "the old servers refuse parameters that they do not know; templates keep them",
        ),
        apply: |field, _| {
            let kind = kind(field).to_owned();
            let own = TYPES.iter().find(|(name, _)| *name == kind).map(|(_, own)| *own);
            let Some(own) = own.or_else(|| NUMBERS.contains(&kind.as_str()).then_some(OF_NUMBERS)) else {
                return;
            };
            field.retain(|key, _| COMMON.contains(&key.as_str()) || own.contains(&key.as_str()));
        },
        ..FIELD
    },
];
