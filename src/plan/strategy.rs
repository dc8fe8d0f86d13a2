//! Which way of slicing an index gets, and why.

use std::fmt;

use crate::cluster::dialect::{Dialect, Version};
use crate::cluster::indices::IndexInfo;
use crate::config::{SliceConfig, StrategyChoice};
use crate::error::{Error, Result};

/// How an index is sliced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Strategy {
    /// Ranges of `_uid` terms, a shard at a time.
    Uid,
    /// Windows of sequence numbers, a shard at a time.
    SeqNo,
    /// The server's own slices of a shard.
    Shard,
    /// Ranges of a field, a shard at a time.
    Field(String),
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strategy::Uid => f.write_str("uid"),
            Strategy::SeqNo => f.write_str("seq_no"),
            Strategy::Shard => f.write_str("shard"),
            Strategy::Field(name) => write!(f, "field {name}"),
        }
    }
}

/// Picks the strategy of an index, with the reason for people.
///
/// # Errors
/// `Config` when the configured one is not possible on this index.
pub fn choose(dialect: &Dialect, index: &IndexInfo, config: &SliceConfig) -> Result<(Strategy, String)> {
    // Documents written before 6.0 carry no sequence number, even on a 6.x server.
    let numbered = dialect.seq_no && index.created.is_some_and(|created| created >= Version::new(6, 0, 0));
    let refused = |why: &str| {
        Err(Error::config("strategy", format!("index `{}`: {why}", index.name))
            .hint("use `strategy = \"auto\"`, or `field` with a date, number or keyword that never changes"))
    };
    let version = dialect.version;
    match config.strategy {
        StrategyChoice::Auto if numbered => Ok((Strategy::SeqNo, "can resume inside a slice".to_owned())),
        StrategyChoice::Auto if dialect.uid_ranges => Ok((
            Strategy::Uid,
            format!("{version} can range over ids, and a finished slice is never read again"),
        )),
        StrategyChoice::Auto => {
            let why = if dialect.seq_no {
                "the index is older than its server and has no sequence numbers"
            } else {
                "this version can neither range over ids nor over sequence numbers"
            };
            Ok((Strategy::Shard, why.to_owned()))
        }
        StrategyChoice::Uid if dialect.uid_ranges => Ok((Strategy::Uid, "configured".to_owned())),
        StrategyChoice::Uid => refused(&format!("`uid` needs ranges over `_uid`, which {version} refuses")),
        StrategyChoice::SeqNo if numbered => Ok((Strategy::SeqNo, "configured".to_owned())),
        StrategyChoice::SeqNo => refused("`seq_no` needs an index created in 6.0 or later"),
        StrategyChoice::Shard => Ok((Strategy::Shard, "configured".to_owned())),
        StrategyChoice::Field => match &config.field {
            Some(field) => Ok((Strategy::Field(field.clone()), "configured".to_owned())),
            None => refused("`strategy = \"field\"` needs `field`"),
        },
    }
}
