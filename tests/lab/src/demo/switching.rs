//! The last act of the live demo: users are switched over, back, and over again, while they search and a writer writes.

use super::{say, show};
use crate::daemon::Daemon;
use crate::endpoint::Endpoint;
use crate::users::{Users, write_upstream};
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const ALIAS: &str = "live-front";
const USERS: usize = 3;

/// A front end that asks whichever side its file names, and its users.
pub(super) struct Front {
    folder: TempDir,
    upstream: PathBuf,
    old: String,
    new: String,
    users: Users,
    steady: Vec<(String, String)>,
}

impl Front {
    /// Opens it on the old side.
    pub(super) fn open(
        old: &Endpoint,
        new: &Endpoint,
        index: &str,
        steady: Vec<(String, String)>,
    ) -> Result<Front> {
        let folder = tempfile::tempdir().context("no folder for the front end")?;
        let upstream = folder.path().join("upstream");
        let (old, new) = (format!("{}/{index}", old.url()), format!("{}/{ALIAS}", new.url()));
        write_upstream(&upstream, &old)?;
        let users = Users::start(upstream.clone(), USERS, steady.clone());
        Ok(Front { folder, upstream, old, new, users, steady })
    }

    /// The table of the cut-over: hooks move the front end.
    pub(super) fn configuration(&self, migration: &str) -> String {
        let moves = |address: &str| {
            let file = self.upstream.display();
            let script = format!(
                "echo '{address}' > {file}.hook && mv {file}.hook {file} && echo front end asks {address}"
            );
            json!(["/bin/sh", "-c", script]).to_string()
        };
        format!(
            "[migrations.{migration}.verify]\nlevel = \"content\"\n\n[migrations.{migration}.cutover]\nalias = \"{ALIAS}\"\n\
             gates = {{ compared = true }}\n\n[migrations.{migration}.cutover.hooks]\nafter = {}\nundo_after = {}\n",
            moves(&self.new),
            moves(&self.old)
        )
    }

    /// Recorded searches, for `compare`.
    fn searches(&self) -> Result<PathBuf> {
        let file = self.folder.path().join("searches.ndjson");
        let lines = self.steady.iter().take(20).map(|(_, title)| {
            json!({"path": "/live/_search", "body": {"query": {"match": {"title": {"query": title, "operator": "and"}}}}}).to_string() + "\n"
        });
        std::fs::write(&file, lines.collect::<String>()).context("cannot write the searches")?;
        Ok(file)
    }

    /// The end: the report, and what users saw.
    pub(super) async fn close(self, daemon: &Daemon, name: &str) -> Result<()> {
        say(&format!("esferry complete {name}: the report begins"));
        let report = told(daemon, &["complete", name, "--yes"])?;
        let head: Vec<&str> = report.lines().take(14).collect();
        show(&head.join("\n"));
        let seen = self.users.stop().await;
        ensure!(seen.wrong.is_empty(), "users saw: {:#?}", seen.wrong);
        for (side, asked) in &seen.asked {
            println!("    {asked} searches answered by {side}");
        }
        say("No search of a user failed or found what is not right");
        Ok(())
    }
}

/// Verified, compared, rehearsed, switched, rolled back, and switched again.
pub(super) async fn switch_over(daemon: &Daemon, name: &str, front: &Front) -> Result<()> {
    say(&format!("esferry verify {name} --level content, while the writer goes on"));
    show(&told(daemon, &["verify", name, "--level", "content"])?);
    say(&format!("esferry compare {name} searches.ndjson"));
    let searches = front.searches()?.display().to_string();
    let compared = told(daemon, &["compare", name, &searches, "--repeat", "2"])?;
    show(&compared.lines().take(6).collect::<Vec<_>>().join("\n"));
    say(&format!("esferry cutover {name} --dry-run"));
    show(&told(daemon, &["cutover", name, "--dry-run"])?);
    for (words, args) in [
        ("a rehearsal against a throw-away alias", vec!["cutover", name, "--rehearse"]),
        ("the switch", vec!["cutover", name]),
        ("what the way back would do", vec!["recovery", name]),
        ("the way back", vec!["rollback", name, "--because", "to show it"]),
        ("the switch, again", vec!["cutover", name]),
    ] {
        say(&format!("esferry {}: {words}", args.join(" ")));
        let begun = Instant::now();
        show(&told(daemon, &args)?);
        println!("    ({:.1} s)", begun.elapsed().as_secs_f64());
        tokio::time::sleep(Duration::from_secs(2)).await;
        let asks = std::fs::read_to_string(&front.upstream).context("no upstream")?;
        let expected =
            if args[0] == "rollback" || args.contains(&"--rehearse") { &front.old } else { &front.new };
        ensure!(asks.trim() == expected, "the front end asks {asks}");
    }
    Ok(())
}

/// What a command says on both channels; one that fails ends the story.
fn told(daemon: &Daemon, args: &[&str]) -> Result<String> {
    let output = daemon.output(args)?;
    let (said, printed) = (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    ensure!(output.status.success(), "esferry {}: {}\n{said}{printed}", args.join(" "), output.status);
    Ok(format!("{said}{printed}"))
}
