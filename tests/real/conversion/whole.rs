//! A whole index: several types, more fields than a target allows, aliases, warmers; and a target that is there already.

use anyhow::{Context, Result, ensure};
use esferry::schema::query;
use esferry::schema::report::Report;
use esferry::schema::{
    SourceSchema, convert_aliases, convert_settings, convert_type, convert_warmers, count_fields,
    existing_clashes, merge_types, set_limits,
};
use esferry_lab::Servers;
use serde_json::{Map, Value, json};

use super::{NEW, Server, create};

const INDEX: &str = "conversion-whole";

fn source() -> Value {
    let tags: Map<String, Value> =
        (0..1100).map(|n| (format!("tag{n}"), json!({"type": "string", "index": "not_analyzed"}))).collect();
    let nested: Map<String, Value> = (0..60)
        .map(|n| (format!("n{n}"), json!({"type": "nested", "properties": {"x": {"type": "long"}}})))
        .collect();
    json!({
        "settings": {"number_of_shards": 2, "number_of_replicas": 0, "index.refresh_interval": "7000",
            "index.translog.flush_threshold_ops": 1000},
        "mappings": {
            "alert": {"properties": {"title": {"type": "string"}, "user": {"type": "string", "index": "not_analyzed"},
                "tags": {"properties": tags}}},
            "note": {"properties": {"title": {"type": "string"}, "parts": {"properties": nested}}}
        },
        "aliases": {"conversion-all": {}, "conversion-one": {"index_routing": "1", "search_routing": "1,2",
            "filter": {"term": {"user": "one"}}}},
        "warmers": {"warm": {"types": [], "source": {"query": {"match_all": {}}}}}
    })
}

async fn whole() -> Result<()> {
    let servers = Servers::shared(&["1.7.6", NEW]).await?;
    let (old, new) = (Server::of(&servers, "1.7.6").await?, Server::of(&servers, NEW).await?);
    old.endpoint.delete_index(INDEX).await?;
    old.put(&format!("/{INDEX}"), &source()).await?;
    let info =
        old.cluster.indices().await?.into_iter().find(|info| info.name == INDEX).context("no index")?;
    let schema = SourceSchema::read(&old.cluster, &info).await?;
    ensure!(schema.aliases.len() == 2 && schema.warmers.len() == 1, "{schema:?}");
    let (from, to) = (schema.created.context("no version")?, new.version);
    let mut report = Report::default();
    let types: Vec<(String, Value)> = schema
        .types
        .iter()
        .map(|(name, mapping)| (name.clone(), convert_type(name, mapping, from, to, &mut report)))
        .collect();
    let mapping = merge_types(&types).map_err(|clashes| anyhow::anyhow!("{clashes:?}"))?;
    let mut body = json!({
        "settings": convert_settings(&schema.settings, from, to, &mut report),
        "aliases": convert_aliases(&schema.aliases, &query::Context::new(from, to), &mut report),
        "mappings": {"_doc": mapping}
    });
    convert_warmers(&schema.warmers, from, to, &mut report);
    ensure!(create(&new, INDEX, &body).await.is_err(), "the limits are not needed");
    set_limits(&mut body, &mut report);
    create(&new, INDEX, &body).await?;
    let there = new.endpoint.get(&format!("/{INDEX}")).await?;
    ensure!(there[INDEX]["aliases"] == Value::Object(schema.aliases.into_iter().collect()), "{there:#}");
    let settings = &there[INDEX]["settings"]["index"];
    ensure!(settings["number_of_shards"] == "2" && settings["refresh_interval"] == "7000ms", "{settings:#}");
    let changed: Vec<&str> = report.changes.iter().map(|change| change.rule).collect();
    for rule in ["private_setting", "old_tuning", "units", "warmers", "field_limits", "string_to_text"] {
        ensure!(changed.contains(&rule), "{rule} is not in the report");
    }
    ensure!(report.unaccepted(&[]).is_empty(), "{:?}", report.unaccepted(&[]));
    // As many as the server counts: one less is refused, and what is there clashes with nothing of itself.
    let mapping = &body["mappings"]["_doc"];
    let count = count_fields(mapping);
    for (limit, taken) in [(count.total, true), (count.total - 1, false)] {
        let mut exact = body.clone();
        exact["settings"]["index"]["mapping.total_fields.limit"] = json!(limit);
        let created = create(&new, INDEX, &exact).await;
        ensure!(created.is_ok() == taken, "{} fields, limit {limit}: {created:?}", count.total);
    }
    create(&new, INDEX, &body).await?;
    let there = new.endpoint.get(&format!("/{INDEX}/_mapping")).await?;
    ensure!(existing_clashes(mapping, &there[INDEX]["mappings"]["_doc"]).is_empty());
    old.endpoint.delete_index(INDEX).await?;
    new.endpoint.delete_index(INDEX).await
}

#[tokio::test]
async fn an_index_of_two_types_with_aliases_and_many_fields_is_created_from_its_conversion() {
    if !esferry_lab::wanted("a whole 1.7 index, converted and created on 6.8") {
        return;
    }
    whole().await.unwrap();
}
