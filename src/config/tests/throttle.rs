use super::*;

#[test]
fn a_throttle_is_read_with_its_units_and_is_no_part_of_the_fingerprint() {
    let of = |rest: &str| parse(&with(rest), "x").unwrap().migrations["alerts"].clone();
    let alerts = of(
        "throttle = { max_docs_per_second = 20_000, max_bytes_per_second = \"20MiB\", source_cpu = 80, target_queue = 0.5, hours = \"22:00-06:00\" }\n",
    );
    let throttle = &alerts.throttle;
    assert_eq!(
        (throttle.max_docs_per_second, throttle.max_bytes_per_second),
        (Some(20_000), Some(Bytes(20 << 20)))
    );
    assert_eq!(
        (throttle.source_cpu, throttle.source_heap, throttle.target_queue),
        (Some(80), None, Some(0.5))
    );
    assert!(throttle.watches_source() && !throttle.source_rejections);
    assert_eq!(alerts.fingerprint(), of("").fingerprint());
    assert_eq!(of("").throttle, ThrottleConfig::default());
    assert!(!of("").throttle.watches_source());
}

#[test]
fn what_a_throttle_cannot_be_is_refused_with_its_place() {
    let of = |throttle: &str| error_of(&with(&format!("throttle = {{ {throttle} }}\n")));
    insta::assert_snapshot!(of("max_docs_per_second = 0"), @"
    [invalid_value] migrations.toml:8:36: migrations.alerts.throttle.max_docs_per_second must be greater than 0; given 0
      hint: to stop a migration: `esferry pause NAME`; for no limit leave the key out
    ");
    insta::assert_snapshot!(of("source_cpu = 101"), @"[invalid_value] migrations.toml:8:27: migrations.alerts.throttle.source_cpu must be a percentage, 1 to 100; given 101");
    insta::assert_snapshot!(of("source_heap = 0"), @"[invalid_value] migrations.toml:8:28: migrations.alerts.throttle.source_heap must be a percentage, 1 to 100; given 0");
    insta::assert_snapshot!(of("target_queue = 50"), @"[invalid_value] migrations.toml:8:29: migrations.alerts.throttle.target_queue must be a share of the queue, between 0 and 1; given 50");
    insta::assert_snapshot!(of("hours = \"22-06\""), @r#"[invalid_value] migrations.toml:8:22: migrations.alerts.throttle.hours: "22-06" is not a part of the day such as "22:00-06:00""#);
    insta::assert_snapshot!(of("source_cpus = 80"), @"
    [unknown_key] migrations.toml:8:14: unknown key `source_cpus` in [migrations.alerts.throttle]; did you mean `source_cpu`?
      hint: valid in [migrations.alerts.throttle]: `max_docs_per_second`, `max_bytes_per_second`, `source_cpu`, `source_heap`, `source_search_queue`, `source_rejections`, `target_queue` and `hours`
    ");
}
