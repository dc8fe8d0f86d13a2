//! `esferry failures`

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;

use bytes::Bytes;
use clap::{Args, Subcommand};
use futures::TryStreamExt;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::config;
use crate::control::{AcceptRequest, Wanted, lines};
use crate::engine::{Engine, RetryProgress, RetryReport, RunOptions};
use crate::error::{Error, Kind, Result};
use crate::store::records::{Acceptance, Failure, FailureGroup};

use super::locate::{self, Source};
use super::progress::RetryCounter;
use super::{DONE, Global, numbers, output, remedies};

/// `esferry failures`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry failures list alerts                  # by error type: how many, an example, what to do\n  \
    esferry failures list alerts --json           # every one, a line of JSON each\n  \
    esferry failures show alerts 5d1a7c3e         # the whole answer of the server\n  \
    esferry failures retry alerts --type mapper_parsing_exception\n  \
    esferry failures accept alerts --type id_too_long --note 'test data, agreed with sales'\n  \
    esferry failures export alerts --output failures.ndjson")]
pub struct Failures {
    #[command(subcommand)]
    command: FailuresCommand,
}

#[derive(Debug, Subcommand)]
enum FailuresCommand {
    /// Show them by error type: how many, one example, what to do
    List {
        /// The migration
        name: String,
        /// Only this error type
        #[arg(long = "type", value_name = "TYPE")]
        error_type: Option<String>,
    },
    /// Show everything that is known of one document
    Show {
        /// The migration
        name: String,
        /// The document's id
        id: String,
    },
    /// Read the documents again from the source and write them
    Retry {
        /// The migration
        name: String,
        /// Only this error type
        #[arg(long = "type", value_name = "TYPE")]
        error_type: Option<String>,
    },
    /// Do without the documents of an error type, on the record
    Accept {
        /// The migration
        name: String,
        /// The error type; those of it that come later are accepted too, and shown
        #[arg(long = "type", value_name = "TYPE")]
        error_type: String,
        /// Why, for whoever asks later
        #[arg(long, value_name = "TEXT", value_parser = note, required_unless_present = "undo")]
        note: Option<String>,
        /// Take it back
        #[arg(long, conflicts_with = "note")]
        undo: bool,
    },
    /// Write all of them as lines of JSON
    Export {
        /// The migration
        name: String,
        /// Only this error type
        #[arg(long = "type", value_name = "TYPE")]
        error_type: Option<String>,
        /// Into this file [default: stdout]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

impl Failures {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        match self.command {
            FailuresCommand::List { name, error_type } if global.json => {
                stream(global, &name, &Wanted { error_type, id: None }, |piece| output::write(&piece))
                    .await?;
            }
            FailuresCommand::List { name, error_type } => list(global, &name, error_type.as_deref()).await?,
            FailuresCommand::Show { name, id } => show(global, &name, id).await?,
            FailuresCommand::Retry { name, error_type } => retry(global, &name, error_type).await?,
            FailuresCommand::Accept { name, error_type, note, undo: _ } => {
                accept(global, &name, &error_type, note).await?;
            }
            FailuresCommand::Export { name, error_type, output: None } => {
                stream(global, &name, &Wanted { error_type, id: None }, |piece| output::write(&piece))
                    .await?;
            }
            FailuresCommand::Export { name, error_type, output: Some(path) } => {
                export(global, &name, &Wanted { error_type, id: None }, &path).await?;
            }
        }
        Ok(DONE)
    }
}

/// Hands over the wanted records as lines of JSON, from whoever has them.
async fn stream(
    global: &Global,
    name: &str,
    wanted: &Wanted,
    mut take: impl FnMut(Bytes) -> Result<()>,
) -> Result<()> {
    match Source::find(global)? {
        Source::Daemon(client) => {
            let mut pieces = pin!(client.failure_records(name, wanted).await?);
            while let Some(piece) = pieces.try_next().await? {
                take(piece)?;
            }
            Ok(())
        }
        Source::Store(store) => {
            locate::known(&store, name)?;
            let records = store
                .failures(name)
                .filter(|record| record.as_ref().map_or(true, |failure| wanted.takes(failure)));
            lines::in_pieces(records, take)
        }
        Source::Nothing(state_dir) => Err(locate::nothing_ran(&state_dir)),
    }
}

async fn list(global: &Global, name: &str, error_type: Option<&str>) -> Result<()> {
    let groups = match Source::find(global)? {
        Source::Daemon(client) => client.failure_groups(name).await?,
        Source::Store(store) => {
            locate::known(&store, name)?;
            store.failure_groups(name)?
        }
        Source::Nothing(state_dir) => return Err(locate::nothing_ran(&state_dir)),
    };
    let wanted = |group: &FailureGroup| error_type.is_none_or(|wanted| wanted == group.error_type);
    let groups: Vec<FailureGroup> = groups.into_iter().filter(wanted).collect();
    output::print(&table(name, &groups))
}

fn table(name: &str, groups: &[FailureGroup]) -> String {
    if groups.is_empty() {
        return format!("`{name}` has no failures\n");
    }
    let width = groups.iter().map(|group| group.error_type.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for group in groups {
        let FailureGroup { error_type, count, example_id, example_reason, accepted, .. } = group;
        text.push_str(&format!("{error_type:width$}  {}\n", numbers::grouped(*count)));
        text.extend(accepted.as_ref().map(|accepted| accepted_line(accepted, group)));
        text.push_str(&format!("  example  {example_id}: {example_reason}\n"));
        text.push_str(&format!("  to do    {}\n", remedies::remedy(error_type, example_reason)));
    }
    text
}

/// Who accepted the type, when and why, and how many came since.
fn accepted_line(accepted: &Acceptance, group: &FailureGroup) -> String {
    let Acceptance { note, by, at, count } = accepted;
    let since = match group.since_accepted() {
        0 => String::new(),
        more => format!(", {} more since", numbers::grouped(more)),
    };
    let day = at.strftime("%F %H:%M UTC");
    format!("  accepted {} by {by} on {day}{since}: {note}\n", numbers::grouped(*count))
}

async fn accept(global: &Global, name: &str, error_type: &str, note: Option<String>) -> Result<()> {
    let acceptance =
        note.map(|note| Acceptance { note, by: super::operator(), at: Timestamp::now(), count: 0 });
    let undone = acceptance.is_none();
    let group = match Source::find(global)? {
        Source::Daemon(client) => {
            let request = AcceptRequest { error_type: error_type.to_owned(), acceptance };
            client.accept_failures(name, &request).await?
        }
        Source::Store(store) => {
            locate::known(&store, name)?;
            match acceptance {
                Some(acceptance) => store.accept_failures(name, error_type, acceptance)?,
                None => store.take_back_acceptance(name, error_type)?,
            }
        }
        Source::Nothing(state_dir) => return Err(locate::nothing_ran(&state_dir)),
    };
    if global.json {
        return output::print_json(&group);
    }
    let count = numbers::grouped(group.count);
    output::note(&if undone {
        format!("`{error_type}` is no longer accepted: its {count} failures are differences again")
    } else {
        format!(
            "`{error_type}` is accepted, with {count} failures: they stay on the list, and later ones join them"
        )
    });
    Ok(())
}

/// A note that says nothing is none.
fn note(text: &str) -> std::result::Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("a note says why".to_owned()) } else { Ok(text.to_owned()) }
}

/// Who gives the command, below `sudo` too. The environment may say anything: this is for the record, not for safety.
async fn show(global: &Global, name: &str, id: String) -> Result<()> {
    let mut text = Vec::new();
    let wanted = Wanted { error_type: None, id: Some(id.clone()) };
    let collect = |piece: Bytes| {
        text.extend_from_slice(&piece);
        Ok(())
    };
    stream(global, name, &wanted, collect).await?;
    let unreadable =
        |error| Error::unexpected("control_answer", "a failure record is not understood").because(error);
    let records = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let records: Vec<Failure> =
        records.map(|line| serde_json::from_slice(line).map_err(unreadable)).collect::<Result<_>>()?;
    if records.is_empty() {
        return Err(Error::config("unknown_failure", format!("`{name}` has no failure with the id {id:?}"))
            .hint(format!("`esferry failures list {name} --json` prints them all")));
    }
    if global.json {
        return output::print_json(&records);
    }
    let texts: Vec<String> = records.iter().map(describe).collect();
    output::print(&texts.join("\n"))
}

fn describe(failure: &Failure) -> String {
    let given = |value: Option<&String>| value.cloned().unwrap_or_else(|| "none".to_owned());
    let rows = [
        ("id", failure.id.clone()),
        ("index", failure.index.clone()),
        ("type", given(failure.doc_type.as_ref())),
        ("routing", given(failure.routing.as_ref())),
        ("version", failure.version.map_or_else(|| "none".to_owned(), |version| version.to_string())),
        ("sent as", sent_as(failure)),
        ("slice", failure.slice.to_string()),
        ("error", format!("{} (HTTP {})", failure.error_type, failure.status)),
        ("reason", failure.reason.clone()),
        ("sent", format!("{} times, first {}, last {}", failure.attempts, failure.first, failure.last)),
        ("to do", remedies::remedy(&failure.error_type, &failure.reason)),
    ];
    let known = rows.iter().filter(|(_, value)| !value.is_empty());
    known.map(|(key, value)| format!("{key:8}  {value}\n")).collect()
}

/// Index and id on the target, where they are not the planned ones.
fn sent_as(failure: &Failure) -> String {
    match (&failure.target_index, &failure.target_id) {
        (Some(index), Some(id)) => format!("{id} into {index}"),
        (_, Some(id)) => id.clone(),
        _ => String::new(),
    }
}

async fn retry(global: &Global, name: &str, error_type: Option<String>) -> Result<()> {
    let report = match Source::find(global)? {
        Source::Daemon(client) => {
            let counter = RetryCounter::new();
            client.retry_failures(name, error_type.as_deref(), |progress| counter.show(progress)).await?
        }
        Source::Nothing(state_dir) => return Err(locate::nothing_ran(&state_dir)),
        Source::Store(store) => {
            locate::known(&store, name)?;
            // The engine opens it again, with the clusters of the configuration.
            drop(store);
            output::note("no daemon is running: trying them in this process");
            let config = config::load(global.config.as_deref(), global.state_dir.as_deref())?;
            let engine = Engine::open(config, RunOptions { once: true, accept_drift: false }).await?;
            let (told, mut heard) = watch::channel(RetryProgress::default());
            let counter = RetryCounter::new();
            let mut work = pin!(engine.retry_failures(name, error_type, &told));
            loop {
                tokio::select! {
                    report = &mut work => break report?,
                    Ok(()) = heard.changed() => counter.show(*heard.borrow_and_update()),
                }
            }
        }
    };
    if global.json {
        output::print_json(&report)?;
    } else {
        output::print(&told(&report))?;
    }
    if report.still_failing == 0 && report.messages == 0 {
        return Ok(());
    }
    let mut parts = Vec::new();
    if report.still_failing > 0 {
        let [failing, tried] = [report.still_failing, report.tried].map(numbers::grouped);
        parts.push(format!("{failing} of {tried} documents still fail"));
    }
    if report.messages > 0 {
        parts.push(format!("{} messages of the topic could not be read", numbers::grouped(report.messages)));
    }
    Err(Error::new(Kind::Differences, "still_failing", parts.join("; "))
        .hint(format!("`esferry failures list {name}` says what to do about them")))
}

fn told(report: &RetryReport) -> String {
    let RetryReport { tried, resolved, gone, still_failing, messages } = *report;
    let left = match messages {
        0 => String::new(),
        messages => format!(", {} messages left as they are", numbers::grouped(messages)),
    };
    let [tried, resolved, gone, still_failing] = [tried, resolved, gone, still_failing].map(numbers::grouped);
    format!(
        "{tried} tried: {resolved} resolved, {gone} no longer on the source, {still_failing} still failing{left}\n"
    )
}

async fn export(global: &Global, name: &str, wanted: &Wanted, path: &Path) -> Result<()> {
    let place = path.display().to_string();
    let file = File::create(path).map_err(|error| {
        Error::config("output", format!("cannot write {place}")).because(error).hint("give another --output")
    })?;
    let mut file = BufWriter::new(file);
    stream(global, name, wanted, |piece| {
        file.write_all(&piece).map_err(|error| output::unwritten(&place, error))
    })
    .await?;
    let file = file.into_inner().map_err(|error| output::unwritten(&place, error.into_error()))?;
    file.sync_all().map_err(|error| output::unwritten(&place, error))?;
    output::note(&format!("written to {place}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::slice::SliceId;

    fn group(error_type: &str, count: u64, reason: &str) -> FailureGroup {
        FailureGroup {
            error_type: error_type.to_owned(),
            count,
            of_changes: 0,
            example_id: "5d1a7c3e".to_owned(),
            example_reason: reason.to_owned(),
            accepted: None,
        }
    }

    #[test]
    fn groups_say_how_many_and_what_to_do() {
        let groups = [
            group("mapper_parsing_exception", 1209, "failed to parse [n]: For input string: \"x\""),
            group("id_too_long", 3, "the id has 600 bytes, the target takes 512"),
        ];
        insta::assert_snapshot!(table("alerts", &groups), @r#"
        mapper_parsing_exception  1 209
          example  5d1a7c3e: failed to parse [n]: For input string: "x"
          to do    the document does not fit the target's mapping: widen the field's type, or set `ignore_malformed`, then `esferry failures retry`
        id_too_long               3
          example  5d1a7c3e: the id has 600 bytes, the target takes 512
          to do    its id is longer than the target takes: give it a shorter one at the source, then `esferry failures retry`
        "#);
        let accepted = |failures, count| FailureGroup {
            accepted: Some(Acceptance {
                note: "test data".to_owned(),
                by: "anna".to_owned(),
                at: Timestamp::UNIX_EPOCH,
                count,
            }),
            ..group("id_too_long", failures, "the id has 600 bytes, the target takes 512")
        };
        insta::assert_snapshot!(table("alerts", &[accepted(3, 3), accepted(1203, 3)]), @"
        id_too_long  3
          accepted 3 by anna on 1970-01-01 00:00 UTC: test data
          example  5d1a7c3e: the id has 600 bytes, the target takes 512
          to do    its id is longer than the target takes: give it a shorter one at the source, then `esferry failures retry`
        id_too_long  1 203
          accepted 3 by anna on 1970-01-01 00:00 UTC, 1 200 more since: test data
          example  5d1a7c3e: the id has 600 bytes, the target takes 512
          to do    its id is longer than the target takes: give it a shorter one at the source, then `esferry failures retry`
        ");
        assert_eq!(table("alerts", &[]), "`alerts` has no failures\n");
    }

    #[test]
    fn one_failure_is_shown_whole() {
        let failure = Failure {
            slice: SliceId { index: 0, shard: 2, number: 17 },
            index: "alerts".to_owned(),
            doc_type: Some("alert".to_owned()),
            id: "5d1a7c3e".to_owned(),
            routing: None,
            version: Some(3),
            target_id: Some("alert-5d1a7c3e".to_owned()),
            target_index: None,
            status: 400,
            error_type: "mapper_parsing_exception".to_owned(),
            reason: "failed to parse [n]: For input string: \"x\"".to_owned(),
            attempts: 2,
            first: Timestamp::UNIX_EPOCH,
            last: Timestamp::UNIX_EPOCH,
            message: None,
        };
        insta::assert_snapshot!(describe(&failure), @r#"
        id        5d1a7c3e
        index     alerts
        type      alert
        routing   none
        version   3
        sent as   alert-5d1a7c3e
        slice     0.2.17
        error     mapper_parsing_exception (HTTP 400)
        reason    failed to parse [n]: For input string: "x"
        sent      2 times, first 1970-01-01T00:00:00Z, last 1970-01-01T00:00:00Z
        to do     the document does not fit the target's mapping: widen the field's type, or set `ignore_malformed`, then `esferry failures retry`
        "#);
    }
}
