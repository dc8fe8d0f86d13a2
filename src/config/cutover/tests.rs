use super::*;

fn parse(cutover: &str) -> Result<CutoverConfig, String> {
    let text = format!(
        "[clusters.old]\nurls = [\"http://old:9200\"]\n[clusters.new]\nurls = [\"http://new:9200\"]\n[migrations.a]\n\
         from = {{ cluster = \"old\", indices = [\"a\"] }}\nto = {{ cluster = \"new\" }}\n[migrations.a.cutover]\n{cutover}\n"
    );
    let config = crate::config::parse(&text, "migrations.toml").map_err(|error| error.to_string())?;
    Ok(config.migrations["a"].cutover.clone())
}

#[test]
fn hooks_are_lists_or_tables() {
    let cutover = parse(
        "alias = \"front\"\nreplaces = [\"front\"]\nblock_source = true\nwithin = \"30s\"\n\
         gates = { level = \"content\", verified_within = \"1h\", compared = true, lag_age = \"2s\" }\n\
         hooks = { before = [\"/x\", \"y\"], after = { url = \"http://h/k\", method = \"PUT\", body = { v = \"{target_base64}\" } }, \
         undo_after = { command = [\"z\"], timeout = \"1m\" } }",
    )
    .unwrap();
    assert_eq!(cutover.alias.as_deref(), Some("front"));
    let names: Vec<&str> = cutover.hooks.all().map(|(name, _)| name).collect();
    assert_eq!(names, ["before", "after", "undo_after"]);
    assert_eq!(cutover.hooks.undo_after.unwrap().timeout().to_string(), "1m");
    assert!(matches!(cutover.hooks.after, Some(Hook::Http(HttpHook { method: HttpMethod::Put, .. }))));
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    for (given, told) in [
        ("alias = \"A\"", "cutover.alias must be lower case"),
        ("replaces = [\"x\"]", "there is no `alias`"),
        ("alias = \"a\"\nreplaces = [\"x-*\"]", "wildcards are not taken here"),
        ("within = \"0s\"", "cutover.within must be between 1s and 1day"),
        ("gates = { disk_used = 0 }", "cutover.gates.disk_used must be a percentage"),
        ("gates = { levle = \"ids\" }", "did you mean `level`?"),
        ("hooks = { before = [] }", "cutover.hooks.before must name a program"),
        ("hooks = { after = { url = \"ftp://x\" } }", "must be a URL that begins with http"),
        ("hooks = { after = { url = \"http://u:hunter2@x\" } }", "must not hold credentials"),
        (
            "hooks = { after = { url = \"http://x\", body = { a = [\"{aliass}\"] } } }",
            "unknown placeholder {aliass}",
        ),
        ("hooks = { after = { url = \"http://x\", command = [\"x\"] } }", "one of `command` and `url`"),
        ("hooks = { after = { command = [\"x\"], method = \"PUT\" } }", "takes no `method`"),
        ("hooks = { after = { url = \"http://x\", timeout = \"0s\" } }", "between 100ms and 1h"),
        ("hooks = { afer = [\"x\"] }", "did you mean `after`?"),
    ] {
        let error = parse(given).unwrap_err();
        assert!(error.contains(told), "{given}: {error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
