//! Ways of following a source: what cannot be meant is refused with its place and the remedy.

use super::{error_of, with};

const KAFKA: &str = "brokers = [\"kafka:9092\"]\ntopic = \"commands\"\nversion = \"message\"\nmap = \".\"\n";

fn kafka(more: &str) -> String {
    error_of(&with(&format!("{more}\n")))
}

fn followed(table: &str) -> String {
    kafka(&format!("[migrations.alerts.changes.kafka]\n{table}"))
}

#[test]
fn what_follows_a_topic_is_checked() {
    let wrong = [
        KAFKA.replace("kafka:9092", "http://kafka:9092"),
        KAFKA.replace("[\"kafka:9092\"]", "[]"),
        KAFKA.replace("commands", "no topic"),
        KAFKA.replace("map = \".\"\n", ""),
        KAFKA.replace("version = \"message\"\n", ""),
        KAFKA.replace("\"message\"", "\"source\""),
        KAFKA.replace("\"message\"", "\"none\""),
        format!("{KAFKA}source_group = \"\"\n"),
        format!("{KAFKA}group = \"new\"\n"),
        format!("{KAFKA}then = \"handover\"\n"),
        format!("{KAFKA}properties = {{ \"group.id\" = \"mine\" }}\n"),
        format!("{KAFKA}properties = {{ \"sasl.password\" = \"in the clear\" }}\n"),
    ];
    let told: Vec<String> = wrong.iter().map(|table| followed(table)).collect();
    assert!(!told.iter().any(|told| told.contains("in the clear")), "a secret is not repeated");
    insta::assert_snapshot!(told.join("\n"), @r#"
    [invalid_value] migrations.toml:9:11: migrations.alerts.changes.kafka.brokers must be HOST:PORT, such as kafka-a:9092; given "http://kafka:9092"
    [invalid_value] migrations.toml:9:11: migrations.alerts.changes.kafka.brokers must name at least one broker; given none
    [invalid_value] migrations.toml:10:9: migrations.alerts.changes.kafka.topic is no name of a topic; given "no topic"
    [invalid_value] migrations.toml:8:28: migrations.alerts.changes.kafka.map is required with then = "replay"
      hint: a jq program, such as '{op: .type, id: .id, source: .body, version: .version}'
    [invalid_value] migrations.toml:8:28: migrations.alerts.changes.kafka.version is required with then = "replay"
      hint: "message", "source" or "none": docs/changes.md says which is right when
    [invalid_value] migrations.toml:8:28: migrations.alerts.changes.kafka.source_group is required with version = "source"
      hint: the consumer group of the old side's indexer: before it is past a message, the source is too old
    [invalid_value] migrations.toml:11:11: migrations.alerts.changes.kafka.version is "none" with write.mode = "external"
      hint: use write.mode = "create": the copy must never take the place of what the replay wrote
    [invalid_value] migrations.toml:13:16: migrations.alerts.changes.kafka.source_group must not be empty
      hint: the consumer group of the old side's indexer
    [invalid_value] migrations.toml:13:9: migrations.alerts.changes.kafka.group is only for then = "handover"
      hint: a replay keeps its own offsets, in the store
    [invalid_value] migrations.toml:8:28: migrations.alerts.changes.kafka.group is required with then = "handover"
      hint: the consumer group of the new side's indexer, which must not run yet
    [invalid_value] migrations.toml:13:1: migrations.alerts.changes.kafka.properties must not hold "group.id": esferry sets it itself
      hint: `brokers`, `group` and `source_group` have keys of their own
    [invalid_value] migrations.toml:13:34: migrations.alerts.changes.kafka.properties.sasl.password must be given by reference, never in the file itself
      hint: use { env = "NAME" }, { file = "/path" } or { credential = "name" }
    "#);
}

#[test]
fn what_follows_without_a_topic_is_checked() {
    let reconcile = "[migrations.alerts.changes.reconcile]\n";
    let wrong = [
        format!("{reconcile}until = 0"),
        format!("{reconcile}every = \"often\""),
        format!("write = {{ mode = \"create\" }}\n{reconcile}"),
        format!("{reconcile}[migrations.alerts.changes.kafka]\n{KAFKA}"),
        format!("{reconcile}by = \"content\""),
    ];
    let told: Vec<String> = wrong.iter().map(|table| kafka(table)).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    [invalid_value] migrations.toml:9:9: migrations.alerts.changes.reconcile.until must be at least 1; given 0
      hint: a pass is the last one when it finds fewer documents than this
    [invalid_value] migrations.toml:9:9: migrations.alerts.changes.reconcile.every: "often" is not a duration such as "180s" or "3m": expected number at 0
    [invalid_value] migrations.toml:9:28: migrations.alerts.changes.reconcile cannot be used with write.mode = "create"
      hint: both sides are compared by the source's versions: use write.mode = "external"
    [invalid_value] migrations.toml:8:28: migrations.alerts.changes.reconcile cannot be used beside changes.kafka
      hint: a topic tells what changed: leave `reconcile` out
    [unknown_key] migrations.toml:9:1: unknown key `by` in [migrations.alerts.changes.reconcile]
      hint: valid in [migrations.alerts.changes.reconcile]: `until` and `every`
    "#);
}
