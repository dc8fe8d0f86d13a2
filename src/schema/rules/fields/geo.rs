//! Points and shapes.

use serde_json::json;

use super::{FIELD, drop_from, kind};
use crate::schema::report::Severity;
use crate::schema::rule::Otherwise::{DocumentRefused, Refused, Taken};
use crate::schema::rule::{Proof, Rule, Versions, lenient_bool};

const TREE_WORDS: [&str; 6] =
    ["tree", "precision", "tree_levels", "strategy", "distance_error_pct", "points_only"];

pub(in super::super) const RULES: &[Rule] = &[
    Rule {
        name: "point_parts",
        what: "`lat_lon`, `geohash`, `geohash_prefix`, `geohash_precision` of a point → removed",
        why: "points have no sub-fields since 5.0: searches by `.lat`, `.lon` or `.geohash` find nothing",
        severity: Severity::SearchMayDiffer,
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"p":{"type":"geo_point","lat_lon":true,"geohash":true,"geohash_prefix":true,"geohash_precision":8}}}}}"#,
            document: r#"{"p":{"lat":48.1,"lon":11.5}}"#,
            otherwise: Refused,
        },
        apply: |field, _| {
            drop_from(field, &["geo_point"], &["lat_lon", "geohash", "geohash_prefix", "geohash_precision"]);
        },
        ..FIELD
    },
    Rule {
        name: "point_beyond",
        from: Versions::before(2, 0),
        what: "a point that normalises → `ignore_malformed:true`",
        why: "only so does 6.x take a latitude of 91, and turn it round as the source does; what is no point at all is then taken too, and not indexed",
        severity: Severity::SearchMayDiffer,
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"p":{"type":"geo_point"}}}}}"#,
            document: r#"{"p":{"lat":91.0,"lon":2.0}}"#,
            otherwise: DocumentRefused,
        },
        apply: |field, _| {
            let strict = ["normalize", "normalize_lat", "normalize_lon"]
                .iter()
                .any(|key| field.get(*key).is_some_and(|value| !lenient_bool(value)));
            if kind(field) == "geo_point" && !strict {
                field.entry("ignore_malformed").or_insert(json!(true));
            }
        },
        ..FIELD
    },
    Rule {
        name: "point_checks",
        what: "`validate*`, `normalize*`, `coerce` of a point → removed; not validated: `ignore_malformed:true`",
        why: "`ignore_malformed` is all there is",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"p":{"type":"geo_point","validate":false,"normalize":false}}}}}"#,
            document: r#"{"p":{"lat":91.0,"lon":2.0}}"#,
            otherwise: Refused,
        },
        apply: |field, _| {
            if kind(field) != "geo_point" {
                return;
            }
            let unchecked = ["validate", "validate_lat", "validate_lon"]
                .iter()
                .any(|key| field.get(*key).is_some_and(|value| !lenient_bool(value)));
            let coerced = field.get("coerce").is_some_and(lenient_bool);
            if unchecked || coerced {
                field.entry("ignore_malformed").or_insert(json!(true));
            }
            field.retain(|key, _| {
                !(key.starts_with("validate") || key.starts_with("normalize") || key == "coerce")
            });
        },
        ..FIELD
    },
    Rule {
        name: "point_index",
        what: "`index` of a point → removed",
        why: "a point is always indexed as one",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"dynamic_templates":[{"p":{"match":"p_*","mapping":{"type":"geo_point","index":"not_analyzed"}}}]}}}"#,
            document: r#"{"p_x":{"lat":1.0,"lon":2.0}}"#,
            otherwise: Taken,
        },
        apply: |field, _| drop_from(field, &["geo_point"], &["index"]),
        ..FIELD
    },
    Rule {
        name: "shape_tree",
        from: Versions::before(6, 6),
        to: Versions::between((6, 6), (8, 0)),
        what: "a shape without `tree` or the like → `tree:geohash`",
        why: "since 6.6 a shape that says nothing of its tree is indexed in another way, which matches other documents at its edges",
        proof: Proof::Example {
            body: r#"{"mappings":{"t":{"properties":{"s":{"type":"geo_shape"}}}}}"#,
            document: r#"{"s":{"type":"point","coordinates":[1.0,2.0]}}"#,
            otherwise: Taken,
        },
        apply: |field, _| {
            if kind(field) == "geo_shape" && !TREE_WORDS.iter().any(|key| field.contains_key(*key)) {
                field.insert("tree".to_owned(), json!("geohash"));
            }
        },
        ..FIELD
    },
];
