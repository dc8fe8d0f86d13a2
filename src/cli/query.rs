//! `esferry query`: the rewritten search on stdout, what was changed and refused on stderr.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use reqwest::Url;
use serde::Serialize;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::cluster::dialect::Version;
use crate::config::{self, Config};
use crate::error::{Error, Result};
use crate::schema::query::{Context, Refused, TypesBecame, parse, rewrite_request};
use crate::schema::report::{Change, Severity};

use super::locate::planned_shape;
use super::{DONE, Global, Paint, output};

/// `esferry query NAME [FILE]`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry query alerts < query.json > query-for-target.json\n  \
    esferry query alerts query.json --from-version 1.7.6 --to-version 6.8.23   # without the clusters\n  \
    esferry query alerts query.json --url 'search_type=count'                  # with what the URL said\n  \
    esferry query alerts query.json --json | jq '.refused'\n\n\
    What changed, and what that means, is told on stderr. A part that cannot be rewritten is named there with its\n\
    path and what can be done, and left as it was; the exit code is 2 then.")]
pub struct Query {
    /// The migration, whose transforms the search has to follow
    name: String,
    /// The body of the search; standard input when absent
    file: Option<PathBuf>,
    /// Version of the source, instead of asking it
    #[arg(long, value_name = "VERSION")]
    from_version: Option<Version>,
    /// Version of the target, instead of asking it
    #[arg(long, value_name = "VERSION")]
    to_version: Option<Version>,
    /// Parameters of the search's URL, such as search_type=count&routing=7
    #[arg(long, value_name = "PARAMETERS", value_parser = parameters)]
    url: Option<Parameters>,
}

type Parameters = std::sync::Arc<[(String, String)]>;

/// `--json`
#[derive(Debug, Serialize)]
struct QueryDocument {
    body: Value,
    parameters: Vec<(String, String)>,
    changes: Vec<Change>,
    refused: Vec<Refused>,
}

impl Query {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let config = config::load(global.config.as_deref(), global.state_dir.as_deref())?;
        let migration = config.migration(&self.name)?;
        let (text, origin) = read(self.file.as_deref())?;
        let body = parse(&text, &origin)?;
        let from = version(self.from_version, &config, &migration.from.cluster).await?;
        let to = version(self.to_version, &config, &migration.to.cluster).await?;
        let parameters = self.url.unwrap_or_default();
        let mut context = Context::of(migration, from, to);
        if let Some(shape) = planned_shape(global, &self.name).await {
            context.types = TypesBecame::from(&shape);
        }
        let (rewritten, parameters) = rewrite_request(&parameters, &body, &context);
        let document = QueryDocument {
            body: rewritten.body,
            parameters,
            changes: rewritten.report.changes,
            refused: rewritten.refused,
        };
        if global.json {
            output::print_json(&document)?;
        } else {
            output::print_json(&document.body)?;
            output::note(render(&document, Paint::stderr(global.color)).trim_end());
        }
        if document.refused.is_empty() {
            return Ok(DONE);
        }
        let message = format!("{} of the search cannot be rewritten", parts(document.refused.len()));
        Err(Error::refused("query_refused", message).hint("each is named with its path and what can be done"))
    }
}

fn parts(count: usize) -> String {
    if count == 1 { "one part".to_owned() } else { format!("{count} parts") }
}

/// The text of a search, and what to call it in errors.
fn read(file: Option<&Path>) -> Result<(String, String)> {
    let unreadable = |origin: &str, error: std::io::Error| {
        Error::config("query_unreadable", format!("cannot read the search from {origin}")).because(error)
    };
    let Some(path) = file else {
        let mut text = String::new();
        let origin = "standard input";
        std::io::stdin().lock().read_to_string(&mut text).map_err(|error| unreadable(origin, error))?;
        return Ok((text, origin.to_owned()));
    };
    let origin = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(&origin, error))?;
    Ok((text, origin))
}

/// The given version, else the cluster's.
async fn version(given: Option<Version>, config: &Config, name: &str) -> Result<Version> {
    if let Some(version) = given {
        return Ok(version);
    }
    Ok(Cluster::connect(name, config.cluster(name)?).await?.server().search_language())
}

fn parameters(text: &str) -> Result<Parameters, String> {
    let query = text.rsplit_once('?').map_or(text, |(_, query)| query);
    let url = Url::parse(&format!("http://x/?{query}")).map_err(|error| error.to_string())?;
    Ok(url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
}

fn render(document: &QueryDocument, paint: Paint) -> String {
    let mut text = String::new();
    if document.changes.is_empty() && document.refused.is_empty() {
        return "nothing had to be changed\n".to_owned();
    }
    for severity in [Severity::SameMeaning, Severity::SearchMayDiffer, Severity::Lost] {
        let changes: Vec<&Change> =
            document.changes.iter().filter(|change| change.severity == severity).collect();
        if changes.is_empty() {
            continue;
        }
        let title = format!("changed, {}", severity.as_str());
        let title = if severity == Severity::SameMeaning { paint.bold(&title) } else { paint.yellow(&title) };
        text.push_str(&format!("{title}\n"));
        for change in changes {
            let path = if change.path.is_empty() { "the search" } else { &change.path };
            text.push_str(&format!("  {path}: {} ({})\n", change.reason, change.rule));
        }
    }
    if !document.refused.is_empty() {
        text.push_str(&format!("{}\n", paint.red("refused, left as it was")));
    }
    for refused in &document.refused {
        text.push_str(&format!("  {}: {} ({})\n", refused.path, refused.why, refused.what));
        for choice in &refused.choices {
            text.push_str(&format!("    - {choice}\n"));
        }
    }
    if !document.parameters.is_empty() {
        let left: Vec<String> =
            document.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        text.push_str(&format!("{}\n  {}\n", paint.bold("left in the URL"), left.join("&")));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_report_tells_what_changed_what_may_differ_and_what_is_refused() {
        let body = json!({
            "query": {"filtered": {
                "query": {"query_string": {"query": "dor*"}},
                "filter": {"and": [{"missing": {"field": "closed"}}, {"script": {"script": "doc['n'].value > 1"}}]}
            }},
        });
        let context = Context::new(Version::new(1, 7, 6), Version::new(6, 8, 23));
        let given = [("search_type".to_owned(), "count".to_owned()), ("routing".to_owned(), "7".to_owned())];
        let (rewritten, parameters) = rewrite_request(&given, &body, &context);
        let document = QueryDocument {
            body: rewritten.body,
            parameters,
            changes: rewritten.report.changes,
            refused: rewritten.refused,
        };
        insta::assert_snapshot!(render(&document, Paint::off()), @r#"
        changed, same meaning
          url.search_type: the search type is gone (search_type_count)
          query.filtered.filter.and[0].missing: `missing` is gone (missing_filter)
          query.filtered.filter.and: `and` is gone (and_filter)
          query.filtered: filters are clauses of `bool` (filtered)
        changed, search or scoring may differ
          query.filtered.query.query_string: `_all` is not made any more; each field is searched by its own analyzer (all_field)
          query.filtered.query.query_string.query: 1.x makes such terms lower case; now that depends on the field, and keywords keep their case (query_string_wildcards)
        refused, left as it was
          query.filtered.filter.and[1].script.script: the script is written in groovy; 6.8.23 runs painless and expressions (script_language)
            - write it in painless, with `"lang": "painless"`; `doc['field'].value` is the same in both
            - write it as an expression, if it only calculates
        left in the URL
          routing=7
        "#);
    }

    #[test]
    fn parameters_are_read_with_or_without_their_url() {
        let expected: Parameters = [("q".to_owned(), "a b".to_owned())].into();
        assert_eq!(parameters("q=a%20b").unwrap(), expected);
        assert_eq!(parameters("/alerts/_search?q=a+b").unwrap(), expected);
    }
}
