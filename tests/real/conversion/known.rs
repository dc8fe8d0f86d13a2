//! What the conversion takes for known to the target is known to it: every setting, type and parameter of its lists.

use anyhow::{Context, Result};
use esferry::schema::report::Report;
use esferry::schema::{Rules, known_settings};
use esferry_lab::Servers;
use serde_json::{Value, json};

use super::{NEW, Server, create};

const SETTINGS: &str = r#"{
    "number_of_shards": 3, "number_of_replicas": 0, "number_of_routing_shards": 6,
    "routing_partition_size": 2, "auto_expand_replicas": "0-1", "refresh_interval": "5s",
    "max_result_window": 20000, "max_inner_result_window": 200, "max_rescore_window": 20000,
    "max_docvalue_fields_search": 200, "max_script_fields": 64, "max_ngram_diff": 5,
    "max_shingle_diff": 5, "max_refresh_listeners": 500, "max_adjacency_matrix_filters": 50,
    "max_slices_per_scroll": 100, "max_terms_count": 100, "max_regex_length": 100,
    "highlight.max_analyzed_offset": 5000, "gc_deletes": "2m",
    "codec": "best_compression", "priority": 3, "load_fixed_bitset_filters_eagerly": false,
    "default_pipeline": "_none", "query.default_field": "*", "query_string.lenient": true,
    "query.parse.allow_unmapped_fields": true, "queries.cache.enabled": false,
    "requests.cache.enable": false, "mapping.total_fields.limit": 2000, "mapping.depth.limit": 30,
    "mapping.nested_fields.limit": 60, "mapping.ignore_malformed": true, "mapping.coerce": false,
    "percolator.map_unmapped_fields_as_text": true, "store.type": "niofs", "store.preload": ["nvd"],
    "translog.durability": "async", "translog.sync_interval": "6s",
    "translog.flush_threshold_size": "100mb", "translog.generation_threshold_size": "10mb",
    "translog.retention.size": "100mb", "translog.retention.age": "1h", "soft_deletes.enabled": true,
    "soft_deletes.retention.operations": 10, "merge.policy.expunge_deletes_allowed": 20,
    "merge.policy.floor_segment": "1mb", "merge.policy.max_merge_at_once": 8,
    "merge.policy.max_merge_at_once_explicit": 20, "merge.policy.max_merged_segment": "1gb",
    "merge.policy.segments_per_tier": 9.0, "merge.policy.reclaim_deletes_weight": 2.5,
    "merge.scheduler.max_merge_count": 7, "merge.scheduler.max_thread_count": 2,
    "merge.scheduler.auto_throttle": false, "unassigned.node_left.delayed_timeout": "2m",
    "write.wait_for_active_shards": "1", "search.slowlog.threshold.query.warn": "10s",
    "search.slowlog.level": "info", "indexing.slowlog.threshold.index.warn": "10s",
    "indexing.slowlog.source": "100"
}"#;

/// A value for every setting. Those that exclude each other are in two lists.
fn settings() -> Result<[Value; 2]> {
    Ok([
        serde_json::from_str(SETTINGS)?,
        json!({
            "number_of_shards": 1, "number_of_replicas": 0,
            "sort.field": ["n"], "sort.order": ["desc"], "sort.mode": ["max"], "sort.missing": ["_last"]
        }),
    ])
}

fn mapping() -> Value {
    let common =
        |kind: &str| json!({"type": kind, "index": true, "store": true, "doc_values": true, "boost": 1.0});
    let with = |kind: &str, more: Value| {
        let mut field = common(kind);
        for (key, value) in more.as_object().into_iter().flatten() {
            field[key] = value.clone();
        }
        field
    };
    let number = json!({"null_value": 1, "ignore_malformed": true, "coerce": false, "copy_to": ["k"]});
    let mut properties = json!({
        "text": {
            "type": "text", "index": true, "store": true, "boost": 2.0, "analyzer": "simple", "search_analyzer": "simple",
            "search_quote_analyzer": "simple", "norms": true, "position_increment_gap": 0, "fielddata": true,
            "fielddata_frequency_filter": {"min": 0.1, "max": 0.9, "min_segment_size": 10},
            "eager_global_ordinals": true, "term_vector": "yes", "index_prefixes": {"min_chars": 1, "max_chars": 5},
            "index_phrases": true, "similarity": "BM25", "index_options": "offsets", "copy_to": ["k"],
            "fields": {"raw": {"type": "keyword"}}
        },
        "vectors": {
            "type": "text", "store_term_vectors": true, "store_term_vector_offsets": true,
            "store_term_vector_positions": true, "store_term_vector_payloads": true
        },
        "k": with("keyword", json!({
            "null_value": "x", "ignore_above": 10, "norms": true, "eager_global_ordinals": true,
            "split_queries_on_whitespace": true, "index_options": "freqs", "similarity": "boolean"
        })),
        "scaled": with("scaled_float", json!({"scaling_factor": 10.0, "null_value": 1, "ignore_malformed": true, "coerce": false})),
        "date": with("date", json!({"null_value": 1, "ignore_malformed": true, "format": "epoch_millis", "locale": "en"})),
        "boolean": with("boolean", json!({"null_value": true})),
        "ip": with("ip", json!({"null_value": "10.0.0.1", "ignore_malformed": true})),
        "point": {
            "type": "geo_point", "store": true, "doc_values": true, "ignore_malformed": true, "ignore_z_value": true,
            "null_value": "1,2"
        },
        "shape": {
            "type": "geo_shape", "tree": "quadtree", "precision": "100m", "tree_levels": 5, "strategy": "recursive",
            "distance_error_pct": 0.1, "points_only": false, "orientation": "cw", "ignore_malformed": true,
            "ignore_z_value": true, "coerce": true
        },
        "completion": {
            "type": "completion", "analyzer": "simple", "search_analyzer": "simple", "preserve_separators": true,
            "preserve_position_increments": true, "max_input_length": 20, "contexts": [{"name": "c", "type": "category"}]
        },
        "count": with("token_count", json!({
            "analyzer": "simple", "enable_position_increments": false, "null_value": 1
        })),
        "binary": {"type": "binary", "store": true, "doc_values": true},
        "object": {"type": "object", "dynamic": "strict", "enabled": true, "properties": {"n": {"type": "long"}}},
        "nested": {
            "type": "nested", "dynamic": "false", "include_in_parent": true, "include_in_root": true,
            "properties": {"n": {"type": "long"}}
        },
        "percolator": {"type": "percolator"},
        "join": {"type": "join", "relations": {"a": "b"}, "eager_global_ordinals": false},
        "alias": {"type": "alias", "path": "k"},
        "date_range": {"type": "date_range", "index": true, "store": true, "coerce": true, "format": "epoch_millis", "locale": "en"}
    });
    for kind in ["long", "integer", "short", "byte", "double", "float", "half_float"] {
        properties[kind] = with(kind, number.clone());
    }
    for kind in ["integer_range", "long_range", "float_range", "double_range", "ip_range"] {
        properties[kind] = json!({"type": kind, "index": true, "store": true, "coerce": true});
    }
    json!({
        "dynamic": "true", "date_detection": false, "numeric_detection": true, "dynamic_date_formats": ["yyyy"],
        "_source": {"enabled": true}, "_routing": {"required": true}, "_meta": {"a": 1}, "_field_names": {"enabled": false},
        "dynamic_templates": [{"t": {"match": "x", "mapping": {"type": "keyword"}}}], "properties": properties
    })
}

async fn all_is_taken() -> Result<()> {
    let servers = Servers::shared(&[NEW]).await?;
    let new = Server::of(&servers, NEW).await?;
    let rules = Rules::between(new.version, new.version);
    let mut report = Report::default();
    let mut unseen: Vec<&str> = known_settings().to_vec();
    for settings in settings()? {
        unseen.retain(|name| settings.get(name).is_none());
        let sorted = settings.get("sort.field").is_some();
        let partitioned = settings.get("routing_partition_size").is_some();
        let mut mapping = json!({"properties": {"n": {"type": "long"}}});
        if partitioned {
            mapping["_routing"] = json!({"required": true});
        }
        let body = json!({"settings": rules.settings(&settings, &mut report), "mappings": {"_doc": mapping}});
        create(&new, "conversion-known", &body).await.with_context(|| format!("sorted: {sorted}"))?;
    }
    assert!(unseen.is_empty(), "{unseen:?} were not tried");
    let before = mapping();
    let mapping = rules.mapping("_doc", &before, &mut report);
    assert!(report.changes.is_empty(), "{report:#?}");
    let body = json!({"settings": {"number_of_shards": 1}, "mappings": {"_doc": mapping}});
    create(&new, "conversion-known", &body).await?;
    new.endpoint.delete_index("conversion-known").await
}

#[tokio::test]
async fn whatever_counts_as_known_is_taken_by_the_target() {
    if !esferry_lab::wanted("every setting, field type and parameter that the conversion lets through") {
        return;
    }
    all_is_taken().await.unwrap();
}
