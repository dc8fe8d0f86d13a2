//! `esferry transform`: what the configured steps make of a document, before any run.

mod given;
mod shown;
mod sought;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::config;
use crate::error::{Kind, Result};
use crate::transform::{Shape, Steps};

use super::locate::planned_shape;
use super::{DONE, Global, Paint, output};

/// `esferry transform`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry transform alerts                            # a document of the source, before and after\n  \
    esferry transform alerts --id AVx7 --routing 12\n  \
    esferry transform alerts --sample 100 --json | jq -r .error\n  \
    esferry transform alerts - < documents.ndjson       # without any cluster\n\n\
    Reads one document or lines of documents from a file or, as `-`, from stdin; a line may be a hit, with its\n\
    metadata beside `_source`. Nothing is written to a cluster. Exit code 4 when a step fails on a document.")]
pub struct Transform {
    /// The migration whose steps are applied
    name: String,
    /// A file of documents, or - for stdin; without it they come from the source
    #[arg(conflicts_with_all = ["id", "doc_type", "routing", "index", "sample"])]
    input: Option<PathBuf>,
    /// The document with this id
    #[arg(long, value_name = "ID", conflicts_with = "sample")]
    id: Option<String>,
    /// Only documents of this type
    #[arg(long = "type", value_name = "TYPE")]
    doc_type: Option<String>,
    /// Only documents with this routing
    #[arg(long, value_name = "ROUTING")]
    routing: Option<String>,
    /// Only documents of this index
    #[arg(long, value_name = "INDEX")]
    index: Option<String>,
    /// How many documents to show [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    sample: Option<u32>,
}

/// A document that is to be shown, with what it brought along. Strings are JSON strings, as in a page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Specimen {
    index: String,
    id: Vec<u8>,
    doc_type: Option<Vec<u8>>,
    routing: Option<Vec<u8>>,
    parent: Option<Vec<u8>>,
    version: Option<u64>,
    source: Vec<u8>,
    /// The target index, where it is known.
    target: Option<Arc<str>>,
    /// What becomes of its type.
    shape: Shape,
}

impl Transform {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let config = config::load(global.config.as_deref(), global.state_dir.as_deref())?;
        let migration = config.migration(&self.name)?;
        let steps = Steps::compile(&migration.transform)?;
        let specimens = match &self.input {
            Some(input) => given::read(input, migration)?,
            None => self.sought(&config, migration, planned_shape(global, &self.name).await).await?,
        };
        let shaped = specimens.iter().any(|specimen| specimen.shape != Shape::Plain);
        if steps.is_empty() && !shaped {
            output::note(&format!("migration `{}` has no transform: documents go as they are", self.name));
        }
        let paint = Paint::stdout(global.color);
        let mut failed = false;
        for specimen in &specimens {
            let outcome = shown::apply(&steps, specimen);
            failed |= outcome.failed();
            if global.json {
                output::print(&outcome.json()?)?;
            } else {
                output::print(&outcome.text(paint))?;
            }
        }
        Ok(if failed { Kind::Differences.exit_code() } else { DONE })
    }
}
