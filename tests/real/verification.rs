//! Verification: every difference is found and named, nothing else is, repairs mend it, and deaths change no report.

mod bad_input;
mod elsewhere;
mod interrupted;
mod live;
mod mutations;
mod reasons;
mod restless;
mod shapes;
mod topic;
mod versions;

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use esferry_lab::Endpoint;
use esferry_lab::compare::{Criteria, Difference, compare_by};
use mutations::Mutation;
use reqwest::Method;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::scene::{NAME, old_and_new};

/// A migration that is over.
pub struct Stage {
    pub old: Endpoint,
    pub new: Endpoint,
    pub name: String,
    pub daemon: Daemon,
}

/// What `esferry verify --json` said.
pub struct Verified {
    pub code: i32,
    pub differences: Vec<Value>,
    pub report: Value,
}

impl Stage {
    /// Documents `0000`, `0001`, … copied from the 1.7 to the 6.8.
    pub async fn new(name: &str, docs: usize, settings: &str) -> Result<Stage> {
        let (old, new) = old_and_new().await?;
        new.delete_index(name).await?;
        old.recreate_index(name, &json!({"settings": {"number_of_shards": 3, "number_of_replicas": 0}}))
            .await?;
        for first in (0..docs).step_by(2000) {
            let mut body = String::new();
            for number in first..docs.min(first + 2000) {
                let mut action = json!({"_id": id_of(number)});
                if let Some(routing) = routing_of(number) {
                    action["_routing"] = json!(routing);
                }
                body.push_str(&format!("{}\n{}\n", json!({"index": action}), document(number)));
            }
            bulk(&old, &format!("/{name}/doc/_bulk"), body).await?;
        }
        old.refresh(name).await?;
        let daemon = Daemon::with_config(&format!(
            "[clusters.old]\nurls = [\"{}\"]\n[clusters.new]\nurls = [\"{}\"]\n[migrations.{NAME}]\n\
             from = {{ cluster = \"old\", indices = [\"{name}\"] }}\nto = {{ cluster = \"new\" }}\n\
             slice = {{ docs = 500, page_docs = 200 }}\n{settings}\n",
            old.url(),
            new.url()
        ))?;
        let (code, log) = daemon.run_once()?;
        ensure!(code == 0, "exit code {code}\n{log}");
        Ok(Stage { old, new, name: name.to_owned(), daemon })
    }

    pub fn verify(&self, args: &[&str]) -> Result<Verified> {
        verify(&self.daemon, args)
    }

    /// What stands on both sides is the same, by the lab's own reader, but for these documents, whose keys have another order.
    pub async fn is_equal_but(&self, reordered: &BTreeSet<String>) -> Result<u64> {
        self.new.refresh(&self.name).await?;
        let (source, target) = ((&self.old, self.name.as_str()), (&self.new, self.name.as_str()));
        let compared = compare_by(source, target, Criteria::default()).await?;
        let different: BTreeSet<String> = compared.different.iter().map(|(key, _)| key.id.clone()).collect();
        let sources = compared.different.iter().all(|(_, what)| *what == Difference::Source);
        ensure!(compared.missing.is_empty() && compared.extra.is_empty() && sources, "{compared}");
        ensure!(different == *reordered, "{compared}");
        Ok(compared.same)
    }

    pub async fn clear(self) -> Result<()> {
        self.new.delete_index(&self.name).await?;
        self.old.delete_index(&self.name).await
    }
}

/// Runs `esferry verify --json`.
pub fn verify(daemon: &Daemon, args: &[&str]) -> Result<Verified> {
    let all = [&["verify", NAME, "--json"], args].concat();
    let output = daemon.output(&all)?;
    let (stdout, stderr) = (String::from_utf8(output.stdout)?, String::from_utf8_lossy(&output.stderr));
    let mut lines = stdout.lines().map(serde_json::from_str).collect::<Result<Vec<Value>, _>>()?;
    let report = lines.pop().with_context(|| format!("no report\n{stderr}"))?;
    let code = output.status.code().context("ended by a signal")?;
    Ok(Verified { code, differences: lines, report: report["report"].clone() })
}

impl Verified {
    /// Kind and id of every difference.
    pub fn named(&self) -> Result<BTreeSet<(String, String)>> {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned).context("no text");
        self.differences.iter().map(|line| Ok((text(&line["kind"])?, text(&line["id"])?))).collect()
    }
}

pub fn id_of(number: usize) -> String {
    format!("{number:05}")
}

pub fn routing_of(number: usize) -> Option<String> {
    number.is_multiple_of(5).then(|| format!("r{}", number % 7))
}

/// Numbers that no double holds among its fields.
pub fn document(number: usize) -> String {
    format!(
        r#"{{"n":{number},"big":9007199254740{:03},"price":{}.50,"tags":["a{}","b"],"o":{{"p":{{"q":"{number}"}}}}}}"#,
        number % 900,
        number % 100,
        number % 13
    )
}

pub async fn bulk(cluster: &Endpoint, path: &str, body: String) -> Result<()> {
    let answer = cluster.send(Method::POST, path, "application/x-ndjson", body.into()).await?;
    let answer = answer.json()?;
    ensure!(answer["errors"] == json!(false), "{answer}");
    Ok(())
}

async fn finds_and_repairs() -> Result<()> {
    let stage = Stage::new("verify-mutations", 6000, "").await?;
    let clean = stage.verify(&["--level", "content"])?;
    ensure!(clean.code == 0 && clean.differences.is_empty(), "{}", clean.report);
    let mutations::Mutated { expected, reordered } = mutations::mutate(&stage, 6000, 1000, 7).await?;
    let of = |kinds: &[&str]| -> BTreeSet<(String, String)> {
        expected.iter().filter(|(kind, _)| kinds.contains(&kind.as_str())).cloned().collect()
    };
    let found = stage.verify(&["--level", "content"])?;
    ensure!(found.code == 4, "exit code {}", found.code);
    let named = found.named()?;
    ensure!(
        named == expected && found.differences.len() == expected.len(),
        "too many {:?}\ntoo few {:?}",
        named.difference(&expected).collect::<Vec<_>>(),
        expected.difference(&named).collect::<Vec<_>>()
    );
    for line in found.differences.iter().filter(|line| line["kind"] == "different") {
        ensure!(line["at"][0]["path"] == "big", "{line}");
        ensure!(line["at"][0]["expected"] != line["at"][0]["found"], "{line}");
    }
    // Without what documents say, a changed one is one with another version.
    let ids = stage.verify(&["--level", "ids"])?.named()?;
    let versions: BTreeSet<_> =
        of(&["different", "version"]).into_iter().map(|(_, id)| ("version".to_owned(), id)).collect();
    ensure!(ids == &of(&["missing", "extra", "routing"]) | &versions, "{ids:?}");
    let counted = stage.daemon.output(&["verify", NAME, "--level", "count"])?;
    let same_number = of(&["missing"]).len() == of(&["extra"]).len();
    ensure!(counted.status.code() == Some(if same_number { 0 } else { 4 }), "{counted:?}");

    let repaired = stage.verify(&["--level", "content", "--repair", "--delete-extra"])?;
    ensure!(repaired.code == 0, "{}", repaired.report["groups"]);
    ensure!(repaired.report["counts"]["repaired"] == json!(expected.len()), "{}", repaired.report["counts"]);
    println!(
        "{} differences found and repaired, {} documents the same",
        expected.len(),
        stage.is_equal_but(&reordered).await?
    );
    for level in ["content", "ids", "count"] {
        let output = stage.daemon.output(&["verify", NAME, "--level", level])?;
        ensure!(output.status.code() == Some(0), "{level}: {output:?}");
    }
    stage.clear().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_mutations_are_found_named_and_repaired_and_nothing_else_is() {
    if esferry_lab::wanted("a thousand mutations of a target") {
        finds_and_repairs().await.unwrap();
    }
}

#[test]
fn mutations_are_the_same_again_for_the_same_seed() {
    let of = |seed| (0..40).map(|number| Mutation::of(seed, number)).collect::<Vec<_>>();
    assert_eq!(of(7), of(7));
    assert_ne!(of(7), of(8));
}
