//! Settings of an index, analysis and similarities apart.

use serde_json::{Map, Value, json};

use super::known_settings::{BOOLEANS, SIZES, TIMES, is_known};
use crate::schema::report::Severity;
use crate::schema::rule::Otherwise::{Refused, Taken};
use crate::schema::rule::{Part, Place, Proof, Rule, Site, Versions, lenient_bool};

const SETTINGS: Rule = Rule { part: Part::Settings, from: Versions::before(6, 0), ..Rule::COMMON };

/// What describes an index on its server; a trailing dot names a family (dialects 5.7).
const PRIVATE: &[&str] = &[
    "uuid",
    "version.",
    "creation_date",
    "creation_date_string",
    "provided_name",
    "history_uuid",
    "shrink.",
    "resize.",
    "routing.allocation.initial_recovery.",
    "blocks.",
    "legacy",
    "legacy.",
    "archived.",
    "frozen",
    "verified_before_close",
];

/// How older servers stored, flushed, merged, cached and recovered: the target does it its own way.
const TUNING: &[&str] = &[
    "translog.flush_threshold_ops",
    "translog.flush_threshold_period",
    "translog.disable_flush",
    "translog.interval",
    "translog.type",
    "translog.fs.",
    "gateway.",
    "gateway_local.",
    "store.throttle.",
    "store.stats_refresh_interval",
    "store.fs.",
    "merge.enabled",
    "merge.async",
    "merge.async_interval",
    "merge.policy.type",
    "merge.policy.merge_factor",
    "merge.policy.min_merge_size",
    "merge.policy.max_merge_size",
    "merge.policy.min_merge_docs",
    "merge.policy.max_merge_docs",
    "merge.policy.max_merge_size_for_optimize",
    "merge.policy.calibrate_size_by_deletes",
    "merge.policy.async",
    "merge.scheduler.type",
    "cache.field.",
    "cache.filter.",
    "cache.id.",
    "cache.query.size",
    "codec.bloom.load",
    "term_index_interval",
    "term_index_divisor",
    "index_concurrency",
    "compress.stored",
    "compress.tv",
    "recovery.initial_shards",
    "recovery.",
    "routing.allocation.disable_allocation",
    "routing.allocation.disable_new_allocation",
    "routing.allocation.disable_replica_allocation",
    "shadow_replicas",
    "shared_filesystem",
    "shared_filesystem.",
    "flush_on_close",
    "query.bool.max_clause_count",
    "mapping.allow_type_wrapper",
    "mapping.single_type",
    "fail_on_merge_failure",
    "fail_on_corruption",
    "optimize_auto_generated_id",
    "compound_on_flush",
    "compound_format",
    "checksum_on_merge",
    "fielddata.cache",
    "fielddata.",
    "data_path",
    "check_on_startup",
    "ttl.disable_purge",
    "warmer.enabled",
    "cache.bloom.",
    "engine.",
];

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "private_setting",
        from: Versions::since(1, 0),
        what: "`uuid`, `version.*`, `creation_date`, `blocks.*` … → removed",
        why: "they describe the index on its server",
        proof: Proof::Example {
            body: r#"{"settings":{"index.number_of_shards":1,"index.blocks.metadata":false}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |settings, _| settings.retain(|key, _| !names(PRIVATE, key)),
        ..SETTINGS
    },
    Rule {
        name: "query_cache",
        from: Versions::before(2, 0),
        what: "`cache.query.enable` → `requests.cache.enable`",
        why: "it was renamed in 2.0",
        proof: Proof::Example {
            body: r#"{"settings":{"index.cache.query.enable":true}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |settings, _| {
            if let Some(value) = settings.shift_remove("cache.query.enable") {
                settings.insert("requests.cache.enable".to_owned(), value);
            }
        },
        ..SETTINGS
    },
    Rule {
        name: "percolator_unmapped",
        what: "`percolator.map_unmapped_fields_as_string` → `…_as_text`",
        why: "it was renamed in 5.0",
        proof: Proof::Example {
            body: r#"{"settings":{"index.percolator.map_unmapped_fields_as_string":true}}"#,
            document: "",
            otherwise: Taken,
        },
        apply: |settings, _| {
            if let Some(value) = settings.shift_remove("percolator.map_unmapped_fields_as_string") {
                settings.insert("percolator.map_unmapped_fields_as_text".to_owned(), value);
            }
        },
        ..SETTINGS
    },
    Rule {
        name: "store_type",
        what: "`store.type` `default`, `memory`, `ram`, `fs` … → removed",
        why: "the target chooses what suits its machine",
        proof: Proof::Example {
            body: r#"{"settings":{"index.store.type":"default"}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |settings, _| {
            let kept = ["niofs", "mmapfs", "simplefs", "hybridfs"];
            drop_unless(settings, "store.type", &kept);
        },
        ..SETTINGS
    },
    Rule {
        name: "codec",
        what: "`codec` other than `default`, `best_compression` → removed",
        why: "the target has these two",
        proof: Proof::Example {
            body: r#"{"settings":{"index.codec":"Lucene41"}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |settings, _| drop_unless(settings, "codec", &["default", "best_compression"]),
        ..SETTINGS
    },
    Rule {
        name: "old_tuning",
        what: "`translog.flush_threshold_ops`, `gateway.*`, `store.throttle.*`, `merge.policy.type` … → removed",
        why: "they tuned the old server and are refused",
        proof: Proof::Example {
            body: r#"{"settings":{"index.translog.flush_threshold_ops":1000,"index.gateway.type":"local","index.store.throttle.type":"none","index.merge.policy.type":"tiered","index.codec.bloom.load":false,"index.term_index_interval":64}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |settings, _| settings.retain(|key, _| !names(TUNING, key)),
        ..SETTINGS
    },
    Rule {
        name: "allocation",
        from: Versions::since(1, 0),
        what: "`routing.allocation.*` → removed",
        why: "it names nodes of the source, and could leave the target without a place",
        proof: Proof::Example {
            body: r#"{"settings":{"index.routing.allocation.total_shards_per_node":7,"index.routing.allocation.exclude.tag":"gone"}}"#,
            document: "",
            otherwise: Taken,
        },
        apply: |settings, _| {
            settings.retain(|key, _| {
                !key.starts_with("routing.allocation.") && !key.starts_with("routing.rebalance.")
            });
        },
        ..SETTINGS
    },
    Rule {
        name: "dynamic_types",
        what: "`mapper.dynamic` → removed",
        why: "it was about new types, and an index has one",
        proof: Proof::Example {
            body: r#"{"settings":{"index.mapper.dynamic":true}}"#,
            document: "",
            otherwise: Taken,
        },
        apply: |settings, _| {
            settings.retain(|key, _| key != "mapper.dynamic");
        },
        ..SETTINGS
    },
    Rule {
        name: "units",
        from: Versions::before(2, 0),
        what: "spans and sizes without a unit → with `ms`, `b`",
        why: "units have to be written since 2.0",
        proof: Proof::Example {
            body: r#"{"settings":{"index.refresh_interval":"5000","index.translog.flush_threshold_size":"209715200","index.gc_deletes":3600000,"index.search.slowlog.threshold.query.warn":"10000"}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: units,
        ..SETTINGS
    },
    Rule {
        name: "setting_booleans",
        what: "`mapping.coerce:no`, `requests.cache.enable:1` and other words → `true/false`",
        why: "booleans are strict since 6.0",
        proof: Proof::Example {
            body: r#"{"settings":{"index.mapping.coerce":"no","index.mapping.ignore_malformed":"1"}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |settings, _| {
            for (_, value) in settings.iter_mut().filter(|(key, _)| BOOLEANS.contains(&key.as_str())) {
                if !value.is_boolean() && value != "true" && value != "false" {
                    *value = json!(lenient_bool(value));
                }
            }
        },
        ..SETTINGS
    },
    Rule {
        name: "all_fields",
        what: "no default field → `query.default_field:*`",
        why: "6.x has no `_all`: a search that names no field looks at every field, one that names `_all` finds nothing",
        severity: Severity::SearchMayDiffer,
        proof: Proof::Example {
            body: r#"{"settings":{"number_of_shards":1}}"#,
            document: r#"{"a":"b"}"#,
            otherwise: Taken,
        },
        apply: |settings, site| {
            let silent = site.place == Place::Template && !settings.contains_key("query.default_field");
            if !silent && settings.get("query.default_field").is_none_or(|field| field == "_all") {
                settings.insert("query.default_field".to_owned(), json!("*"));
            }
        },
        ..SETTINGS
    },
    Rule {
        name: "unknown_setting",
        from: Versions::since(1, 0),
        what: "any other setting → removed",
        why: "the target does not know it",
        severity: Severity::Lost,
        choices: &["give the target's settings with `schema = \"file:PATH\"`"],
        proof: Proof::Example {
            body: r#"{"settings":{"index.own.word":"7"}}"#,
            document: "",
            otherwise: Refused,
        },
        apply: |settings, _| settings.retain(|key, _| is_known(key)),
        ..SETTINGS
    },
];

/// Whether a list holds a setting by its name, or its family by a name that ends in a dot.
fn names(list: &[&str], key: &str) -> bool {
    list.iter().any(|name| if name.ends_with('.') { key.starts_with(name) } else { key == *name })
}

fn drop_unless(settings: &mut Map<String, Value>, key: &str, kept: &[&str]) {
    if settings.get(key).is_some_and(|value| !value.as_str().is_some_and(|text| kept.contains(&text))) {
        settings.shift_remove(key);
    }
}

fn units(settings: &mut Map<String, Value>, _: &Site<'_>) {
    for (key, value) in settings.iter_mut() {
        let unit = if TIMES.contains(&key.as_str()) || key.contains("slowlog.threshold.") {
            "ms"
        } else if SIZES.contains(&key.as_str()) {
            "b"
        } else {
            continue;
        };
        let number = match &*value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => continue,
        };
        if number.parse::<u64>().is_ok_and(|number| number > 0) {
            *value = json!(format!("{number}{unit}"));
        }
    }
}
