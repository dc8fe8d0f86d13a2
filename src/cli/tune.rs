//! `esferry tune`

use std::str::FromStr;

use clap::Args;

use crate::config::Bytes;
use crate::engine;
use crate::error::Result;
use crate::store::records::Tuned;

use super::locate::{self, Source};
use super::numbers::grouped;
use super::{DONE, Global, output};

/// `esferry tune NAME`
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    esferry tune alerts --rate 5000/s              # at most so many documents a second\n  \
    esferry tune alerts --bulks 8 --parallel 4     # more side by side\n  \
    esferry tune alerts --bytes 20MiB/s\n  \
    esferry tune alerts --reset                    # back to what the configuration says")]
pub struct Tune {
    /// The migration
    name: String,
    #[command(flatten)]
    limits: Limits,
}

/// At least one of them.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Limits {
    /// Documents read a second, at most
    #[arg(long, value_name = "N/s", value_parser = rate)]
    rate: Option<u64>,
    /// Bytes of the source's answers a second, at most
    #[arg(long, value_name = "SIZE/s", value_parser = byte_rate)]
    bytes: Option<u64>,
    /// Slices read side by side; fewer give open slices back at once
    #[arg(long, value_name = "N")]
    parallel: Option<usize>,
    /// Bulk requests in flight
    #[arg(long, value_name = "N")]
    bulks: Option<usize>,
    /// Take back all limits that were given
    #[arg(long, conflicts_with_all = ["rate", "bytes", "parallel", "bulks"])]
    reset: bool,
}

impl Tune {
    pub(super) async fn execute(self, global: &Global) -> Result<u8> {
        let Limits { rate, bytes, parallel, bulks, reset } = self.limits;
        let given = Tuned { parallel, bulks, max_docs_per_second: rate, max_bytes_per_second: bytes };
        let newer = (!reset).then_some(given);
        let name = self.name;
        let tuned = match Source::find(global)? {
            Source::Daemon(client) => client.tune(&name, newer).await?,
            Source::Store(store) => {
                locate::known(&store, &name)?;
                let tuned = engine::tune(&store, &name, newer)?;
                output::note("no daemon is running: the next one will work with it");
                tuned
            }
            Source::Nothing(state_dir) => return Err(locate::nothing_ran(&state_dir)),
        };
        if tuned == Tuned::default() {
            output::note(&format!("`{name}` works with the limits of its configuration"));
        } else {
            output::note(&format!("`{name}` is tuned: {}", words(&tuned)));
        }
        Ok(DONE)
    }
}

/// `parallel 4, at most 5 000 docs/s`.
pub fn words(tuned: &Tuned) -> String {
    let parts = [
        tuned.parallel.map(|width| format!("parallel {width}")),
        tuned.bulks.map(|width| format!("bulks {width}")),
        tuned.max_docs_per_second.map(|rate| format!("at most {} docs/s", grouped(rate))),
        tuned.max_bytes_per_second.map(|rate| format!("at most {}/s", Bytes(rate))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn per_second<T: FromStr>(text: &str, example: &str) -> Result<T, String> {
    let number = text.strip_suffix("/s").unwrap_or(text).replace('_', "");
    number.parse().map_err(|_| format!("not a rate such as {example}"))
}

fn rate(text: &str) -> Result<u64, String> {
    per_second(text, "5000/s")
}

fn byte_rate(text: &str) -> Result<u64, String> {
    per_second(text, "20MiB/s").map(|Bytes(bytes)| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_with_and_without_their_unit() {
        assert_eq!(rate("5000/s"), Ok(5000));
        assert_eq!(rate("20_000"), Ok(20_000));
        assert_eq!(byte_rate("20MiB/s"), Ok(20 << 20));
        assert_eq!(rate("5000/min").unwrap_err(), "not a rate such as 5000/s");
        assert_eq!(byte_rate("fast").unwrap_err(), "not a rate such as 20MiB/s");
        assert!(rate("-1/s").is_err());
    }

    #[test]
    fn what_is_tuned_is_said_in_words() {
        let tuned = Tuned {
            parallel: Some(4),
            bulks: Some(8),
            max_docs_per_second: Some(20_000),
            max_bytes_per_second: Some(20 << 20),
        };
        assert_eq!(words(&tuned), "parallel 4, bulks 8, at most 20 000 docs/s, at most 20.0 MiB/s");
    }
}
