//! What is not right is named and refused before the first step.

use anyhow::{Result, ensure};
use esferry_lab::Rule;
use reqwest::Method;
use serde_json::{Value, json};

use super::plain::Plain;
use super::{led_to, told, write};
use crate::scene::NAME;

const BLOCKED: &str = "block_source = true";

fn gate<'a>(found: &'a Value, name: &str) -> &'a Value {
    let gates = found["gates"]["gates"].as_array();
    gates.into_iter().flatten().find(|gate| gate["name"] == json!(name)).unwrap_or(&Value::Null)
}

impl Plain {
    /// The switch is refused with this code and these words, and nothing has changed.
    async fn refuses(&self, args: &[&str], exit: i32, words: &[&str]) -> Result<()> {
        let all = [&["cutover", NAME], args].concat();
        let before = self.target.requests_to("/_aliases").len();
        let (code, _, said) = told(&self.daemon, &all)?;
        ensure!(
            code == exit && words.iter().all(|word| said.contains(word)),
            "exit code {code}, {words:?}\n{said}"
        );
        self.is_as_it_was().await?;
        let changed = self.target.requests_to("/_aliases")[before..]
            .iter()
            .any(|request| request.text().contains("\"add\""));
        ensure!(!changed, "an alias was changed");
        Ok(())
    }

    fn configure(&self, from: &str, to: &str) -> Result<()> {
        let text = std::fs::read_to_string(self.daemon.config())?;
        ensure!(text.contains(from), "{from:?} is not in\n{text}");
        write(self.daemon.config(), &text.replace(from, to))
    }
}

async fn gates() -> Result<()> {
    let plain = Plain::new("switch-gates", "gates = { level = \"ids\" }").await?;
    // Nothing follows the source, and nothing stops its writers; ids were not verified.
    let words = [
        "gates_shut",
        "caught_up: not followed, and switch-gates may be written to",
        "verified: not verified",
    ];
    plain.refuses(&[], 3, &words).await?;
    let (code, found, _) = told(&plain.daemon, &["cutover", NAME, "--dry-run"])?;
    ensure!(code == 3 && found["alias"]["adds"] == json!(["switch-gates"]), "exit code {code}: {found:#}");
    let output = plain.daemon.output(&["verify", NAME, "--level", "ids"])?;
    ensure!(output.status.success(), "{output:?}");
    // Somebody else's block: the source takes no writes, so nothing is missing, and the block stays.
    plain.old.put("/switch-gates/_settings", &json!({"index": {"blocks.write": true}})).await?;
    let (_, found, _) = told(&plain.daemon, &["cutover", NAME, "--dry-run"])?;
    ensure!(
        gate(&found, "caught_up")["open"] == json!(true) && gate(&found, "verified")["open"] == json!(true),
        "{found:#}"
    );
    // Clocks that differ.
    plain.source.rule(Rule::on(Method::GET, "/_cat/health").rewrite(|_| "1000000000\n".into()));
    let (code, found, _) = told(&plain.daemon, &["cutover", NAME, "--dry-run"])?;
    ensure!(code == 3 && gate(&found, "clocks")["open"] == json!(false), "{found:#}");
    let (code, _, said) = told(&plain.daemon, &["cutover", NAME])?;
    ensure!(code == 3 && said.contains("clocks: apart:"), "exit code {code}\n{said}");
    let force = [
        "cutover",
        NAME,
        "--force",
        "clocks",
        "--because",
        "the clock of the old cluster is known to be wrong",
    ];
    plain.configure("gates = {", "block_source = true\ngates = {")?;
    let (code, record, said) = told(&plain.daemon, &force)?;
    ensure!(code == 0, "exit code {code}\n{said}");
    let forced =
        record["gates"].as_array().into_iter().flatten().find(|gate| gate["name"] == json!("clocks"));
    ensure!(
        forced.is_some_and(|gate| gate["forced"]["because"]
            .as_str()
            .is_some_and(|why| why.contains("known to be wrong"))),
        "{record:#}"
    );
    ensure!(record["blocked"] == json!([]), "the block of others is not ours: {record:#}");
    plain.source.clear_rules();
    // Switched: nothing repairs the target any more.
    let (code, _, said) = told(&plain.daemon, &["verify", NAME, "--level", "ids", "--repair"])?;
    ensure!(code == 3 && said.contains("switched over"), "exit code {code}\n{said}");
    let (code, _, said) = told(&plain.daemon, &["cutover", NAME])?;
    ensure!(code == 3 && said.contains("switched"), "exit code {code}\n{said}");
    let (code, _, said) = told(&plain.daemon, &["rollback", NAME])?;
    ensure!(code == 0 && plain.blocked().await?, "the block that was there before stays: {code}\n{said}");
    // A gate that needs no force is none of the record's business, and one that is unknown is told.
    let (code, _, said) = told(&plain.daemon, &["cutover", NAME, "--force", "clock", "--because", "x"])?;
    ensure!(code == 2 && said.contains("clocks"), "exit code {code}\n{said}");
    plain.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn gates_refuse_with_their_values_and_open_on_the_record() {
    if esferry_lab::wanted("gates of a switch") {
        gates().await.unwrap();
    }
}

async fn aliases() -> Result<()> {
    let plain = Plain::new("switch-aliases", BLOCKED).await?;
    let (new, alias) = (&plain.new, "switch-aliases-front");
    for index in [alias, "switch-aliases-other"] {
        new.delete_index(index).await?;
    }
    // An index has its name.
    new.put(&format!("/{alias}/_doc/1?refresh=true"), &json!({"a": 1})).await?;
    plain.refuses_index().await?;
    new.delete_index(alias).await?;
    // It leads elsewhere.
    new.put("/switch-aliases-other/_doc/1?refresh=true", &json!({"a": 1})).await?;
    let add = |index: &str, more: Value| {
        let mut add = json!({"index": index, "alias": alias});
        for (key, value) in more.as_object().into_iter().flatten() {
            add[key] = value.clone();
        }
        json!({"actions": [{"add": add}]})
    };
    new.post("/_aliases", &add("switch-aliases-other", json!({}))).await?;
    let (code, _, said) = told(&plain.daemon, &["cutover", NAME])?;
    ensure!(
        code == 2 && said.contains("alias_elsewhere") && said.contains("`switch-aliases-other`"),
        "exit code {code}\n{said}"
    );
    // The index that it may leave is named: it moves in one step, and comes back with its filter.
    let filtered = json!({"filter": {"term": {"a": 1}}});
    new.post("/_aliases", &add("switch-aliases-other", filtered.clone())).await?;
    plain.configure(BLOCKED, "block_source = true\nreplaces = [\"switch-aliases-other\"]")?;
    let (code, _, said) = told(&plain.daemon, &["cutover", NAME])?;
    ensure!(code == 0 && led_to(new, alias).await? == ["switch-aliases"], "exit code {code}\n{said}");
    let (code, _, said) = told(&plain.daemon, &["rollback", NAME])?;
    ensure!(code == 0, "exit code {code}\n{said}");
    let back = new.get(&format!("/_alias/{alias}")).await?;
    ensure!(back == json!({"switch-aliases-other": {"aliases": {alias: filtered}}}), "{back:#}");
    // A filter on the index itself would hide a part of it.
    new.post(
        "/_aliases",
        &json!({"actions": [{"remove": {"index": "switch-aliases-other", "alias": alias}}]}),
    )
    .await?;
    new.post("/_aliases", &add("switch-aliases", filtered)).await?;
    let (code, _, said) = told(&plain.daemon, &["cutover", NAME])?;
    ensure!(
        code == 2 && said.contains("alias_narrow") && said.contains("filter"),
        "exit code {code}\n{said}"
    );
    new.post("/_aliases", &json!({"actions": [{"remove": {"index": "switch-aliases", "alias": alias}}]}))
        .await?;
    // No rights.
    plain.target.rule(
        Rule::on(Method::POST, "/_aliases")
            .answer(403, r#"{"error":{"type":"security_exception","reason":"no"},"status":403}"#),
    );
    plain.refuses(&[], 2, &["no_alias_rights", "may not change the aliases of `switch-aliases`"]).await?;
    plain.target.clear_rules();
    // Nothing to switch.
    plain.configure("replaces = [\"switch-aliases-other\"]", "")?;
    plain.configure(&format!("alias = \"{alias}\""), "")?;
    plain.refuses(&[], 2, &["nothing_to_switch"]).await?;
    new.delete_index("switch-aliases-other").await?;
    plain.clear().await
}

impl Plain {
    /// An index of the alias' own name is refused; named on purpose it goes in the step in which the alias comes.
    async fn refuses_index(&self) -> Result<()> {
        let alias = format!("{}-front", self.name);
        let (code, _, said) = told(&self.daemon, &["cutover", NAME])?;
        ensure!(
            code == 2 && said.contains("alias_is_index") && said.contains("DELETES"),
            "exit code {code}\n{said}"
        );
        self.configure(BLOCKED, &format!("block_source = true\nreplaces = [\"{alias}\"]"))?;
        let (code, found, _) = told(&self.daemon, &["cutover", NAME, "--dry-run"])?;
        ensure!(
            code == 0 && found["alias"]["deletes"] == json!({"name": alias, "docs": 1}),
            "exit code {code}: {found:#}"
        );
        let (code, _, said) = told(&self.daemon, &["cutover", NAME])?;
        ensure!(
            code == 0 && led_to(&self.new, &alias).await? == [self.name.clone()],
            "exit code {code}\n{said}"
        );
        let (_, plan, _) = told(&self.daemon, &["recovery", NAME])?;
        ensure!(
            plan["lost"]
                .as_str()
                .is_some_and(|lost| lost.contains("with 1 documents, which the switch deleted")),
            "{plan:#}"
        );
        let (code, _, said) = told(&self.daemon, &["rollback", NAME])?;
        ensure!(code == 0 && led_to(&self.new, &alias).await?.is_empty(), "exit code {code}\n{said}");
        self.configure(&format!("replaces = [\"{alias}\"]"), "")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_that_are_not_as_they_should_be_are_refused() {
    if esferry_lab::wanted("aliases that stand in the way of a switch") {
        aliases().await.unwrap();
    }
}
