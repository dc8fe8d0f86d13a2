//! Targets that transforms send documents to besides the planned ones.

use anyhow::{Context, Result, ensure};
use esferry_lab::data::Document;
use serde_json::{Value, json};

use super::shapes::{Harm, Mutation, harm};
use super::verify;
use crate::daemon::Daemon;
use crate::sides::{NAME, Sides};
use crate::types::done;

/// Two indices, of which every seventh document goes elsewhere.
async fn moved(prefix: &'static str, others: &str) -> Result<(Sides, Daemon)> {
    let sides = Sides::new(prefix).await?;
    for part in ["a", "b"] {
        let documents =
            (0..100).map(|n| Document::new(format!("{part}{n}"), json!({"n": n, "part": part}).to_string()));
        sides.load(&sides.old, part, documents).await?;
    }
    let (a, b, to) = (sides.index("a"), sides.index("b"), sides.index("sent"));
    let daemon = sides.daemon(&format!(
        "from = {{ cluster = \"old\", indices = [\"{a}\", \"{b}\"] }}\n\
         to = {{ cluster = \"new\", index = \"{{index}}\", others = [\"{others}\"] }}\n\
         [[migrations.{NAME}.transform]]\n\
         jq = 'if .n % 7 == 0 then {{_index: \"{to}\", _source: .}} else . end'\n"
    ))?;
    Ok((sides, daemon))
}

async fn counted_and_traced() -> Result<()> {
    let (sides, daemon) = moved("verify-sent", "verify-sent_sent").await?;
    done(&daemon)?;
    let sent = sides.index("sent");
    let counted = daemon.output(&["verify", NAME, "--level", "count", "--json"])?;
    ensure!(counted.status.code() == Some(0), "{counted:?}");
    let counts: Value = serde_json::from_slice(&counted.stdout)?;
    ensure!(
        counts["others"] == json!({"targets": [sent], "expected": 30, "counted": 30}),
        "{:#}",
        counts["others"]
    );
    ensure!(verify(&daemon, &["--level", "content"])?.code == 0);

    // The source's documents are stored as read, then the process dies; what arrives on both sides meanwhile is nobody's
    // difference, although only the target is read after that.
    #[cfg(feature = "failpoints")]
    {
        let source_units = 2 * 5;
        let mut command = daemon.command(&["verify", NAME, "--level", "content", "--anew"]);
        command.env("FAILPOINTS", format!("UnitStored={source_units}*off->return"));
        ensure!(command.output()?.status.code().is_none(), "it did not die");
        sides
            .load(&sides.old, "b", [Document::new("b700".to_owned(), r#"{"n":700,"part":"b"}"#.to_owned())])
            .await?;
        let late: Mutation<'_> =
            (&sent, "b700", None, Harm::Make(r#"{"n":700,"part":"b"}"#), ("extra", None));
        harm(&sides.new, &[late]).await?;
        let found = verify(&daemon, &["--level", "content"])?;
        ensure!(found.code == 0 && found.differences.is_empty(), "{:#?}", found.differences);
    }

    let mutations: [Mutation<'_>; 4] = [
        (&sent, "a7", None, Harm::Delete, ("missing", Some("a7"))),
        (&sent, "a28", None, Harm::Delete, ("missing", Some("a28"))),
        (&sent, "b14", None, Harm::Change(r#"{"n":15,"part":"b"}"#), ("different", Some("b14"))),
        (&sent, "b8", None, Harm::Make(r#"{"n":8,"part":"b"}"#), ("extra", None)),
    ];
    harm(&sides.new, &mutations[..2]).await?;
    let counted = daemon.output(&["verify", NAME, "--level", "count"])?;
    let said = String::from_utf8_lossy(&counted.stderr).into_owned();
    ensure!(counted.status.code() == Some(4) && said.contains(&format!("besides {sent}")), "{said}");
    harm(&sides.new, &mutations[2..]).await?;
    let found = verify(&daemon, &["--level", "content"])?;
    super::shapes::names(&found, &mutations)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_to_another_index_is_counted_and_traced() {
    if esferry_lab::wanted("a verification of documents that transforms sent elsewhere") {
        counted_and_traced().await.unwrap();
    }
}

async fn refused_where_it_is_planned() -> Result<()> {
    let (sides, daemon) = moved("verify-both", "verify-both_b").await?;
    for command in [&["check"][..], &["plan", NAME], &["run", "--once"]] {
        let output = daemon.output(command)?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).context("no text")?;
        ensure!(output.status.code() != Some(0), "{command:?}: {said}");
        ensure!(
            said.contains(&sides.index("b")) && said.contains("which `to.others` names as well"),
            "{command:?}: {said}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_index_takes_no_documents_of_others() {
    if esferry_lab::wanted("a planned target that transforms send documents to") {
        refused_where_it_is_planned().await.unwrap();
    }
}
