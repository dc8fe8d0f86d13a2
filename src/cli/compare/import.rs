//! `esferry compare import`: a log becomes recorded searches.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::compare::import::{Format, import};
use crate::error::{Error, Result};

use super::super::{DONE, output};
use super::read;

/// `esferry compare import FILE`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry compare import es_index_search_slowlog.log > searches.ndjson\n  \
    zcat access.log.gz | esferry compare import --format access - > searches.ndjson\n\n\
    The searches go to stdout, each once; what could not be read is told on stderr, with line numbers.\n\
    A slow log holds every search while its threshold is 0s: index.search.slowlog.threshold.query.warn")]
pub struct Import {
    /// The log; `-` for standard input
    file: PathBuf,
    /// Which kind of log it is
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: LogFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// By its first lines
    #[default]
    Auto,
    /// The slow log of Elasticsearch
    Slowlog,
    /// An access log in the common or combined format
    Access,
}

impl Import {
    pub(super) fn execute(self) -> Result<u8> {
        let (bytes, origin) = read(&self.file)?;
        // A log may hold anything; a byte that is no text spoils its own line at most.
        let text = String::from_utf8_lossy(&bytes);
        let format = match self.format {
            LogFormat::Auto => None,
            LogFormat::Slowlog => Some(Format::SlowLog),
            LogFormat::Access => Some(Format::Access),
        };
        let imported = import(&text, format);
        output::note(&imported.told());
        if imported.lines.is_empty() {
            return Err(Error::config(
                "no_searches",
                format!("{origin} holds no search that can be asked again"),
            )
            .hint("give the log's kind with --format, or write the searches by hand: see docs/compare.md"));
        }
        output::print(&format!("{}\n", imported.lines.join("\n")))?;
        Ok(DONE)
    }
}
