//! `esferry check`

use clap::Args;

use crate::config;
use crate::engine::check::{CheckLine, Level, check};
use crate::error::{Error, Result};

use super::{DONE, Global, Paint, output};

/// `esferry check`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry check\n  \
    esferry check --json | jq '.[] | select(.level == \"fail\")'\n\n\
    Reads from both clusters and writes to neither. Exit code 2 when a line says fail.")]
pub struct Check {}

impl Check {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let config = config::load(global.config.as_deref(), global.state_dir.as_deref())?;
        let lines = check(&config).await;
        if global.json {
            output::print_json(&lines)?;
        } else {
            output::print(&render(&lines, Paint::stdout(global.color)))?;
        }
        let failed = lines.iter().filter(|line| line.level == Level::Fail).count();
        if failed == 0 {
            return Ok(DONE);
        }
        Err(Error::refused("check_failed", format!("{failed} of {} checks failed", lines.len())))
    }
}

fn render(lines: &[CheckLine], paint: Paint) -> String {
    let width = lines.iter().map(|line| line.subject.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for line in lines {
        let level = match line.level {
            Level::Ok => paint.green("ok  "),
            Level::Warn => paint.yellow("warn"),
            Level::Fail => paint.red("fail"),
        };
        text.push_str(&format!("{level}  {:width$}  {}\n", line.subject, line.message));
        if let Some(hint) = &line.hint {
            text.push_str(&format!("      {:width$}  hint: {hint}\n", ""));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_each_with_its_remedy() {
        let line = |level, subject: &str, message: &str, hint: Option<&str>| CheckLine {
            level,
            subject: subject.to_owned(),
            message: message.to_owned(),
            hint: hint.map(str::to_owned),
        };
        let lines = [
            line(Level::Ok, "clusters.old", "Elasticsearch 1.7.6", None),
            line(
                Level::Warn,
                "migrations.alerts",
                "the target has 3 replicas",
                Some("they are set to 0 during the load"),
            ),
            line(Level::Fail, "clusters.new", "no answer", Some("check the URL")),
        ];
        insta::assert_snapshot!(render(&lines, Paint::off()), @r"
        ok    clusters.old       Elasticsearch 1.7.6
        warn  migrations.alerts  the target has 3 replicas
                                 hint: they are set to 0 during the load
        fail  clusters.new       no answer
                                 hint: check the URL
        ");
    }
}
