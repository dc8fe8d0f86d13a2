//! The limits that hold: the configuration's, and an operator's in their place.

use std::sync::Arc;

use tokio::sync::watch;

use crate::config::{Bulks, Bytes, MigrationConfig};
use crate::error::{Error, Result};
use crate::sink::Pace;
use crate::store::Store;
use crate::store::records::Tuned;

/// What holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct Limits {
    /// Slices read side by side.
    pub(in crate::engine) parallel: usize,
    /// Bulk requests in flight.
    pub(in crate::engine) bulks: Bulks,
    /// Documents a second.
    pub(super) docs: Option<u64>,
    /// Bytes a second.
    pub(super) bytes: Option<u64>,
}

impl Limits {
    pub(super) fn of(config: &MigrationConfig, tuned: &Tuned) -> Self {
        let throttle = &config.throttle;
        Limits {
            parallel: tuned.parallel.unwrap_or(config.slice.parallel),
            bulks: tuned.bulks.map_or(config.write.bulks, Bulks::fixed),
            docs: tuned.max_docs_per_second.or(throttle.max_docs_per_second),
            bytes: tuned.max_bytes_per_second.or(throttle.max_bytes_per_second.map(|Bytes(bytes)| bytes)),
        }
    }
}

/// Keeps the pace within the limits while these change.
pub(in crate::engine) async fn follow(pace: Arc<Pace>, mut limits: watch::Receiver<Limits>) {
    while limits.changed().await.is_ok() {
        pace.bound(limits.borrow_and_update().bulks);
    }
}

/// Gives a migration limits in place of its configuration's, durably, with or without a daemon; `None` takes all of
/// them back. Returns those that stand now.
///
/// # Errors
/// `Config` for a number that cannot be, `State` when the store knows no such migration or refuses.
pub fn tune(store: &Store, name: &str, newer: Option<Tuned>) -> Result<Tuned> {
    if let Some(newer) = &newer {
        check(newer)?;
    }
    let record = store.update_migration(name, |record| {
        record.tuned = newer.map_or_else(Tuned::default, |newer| record.tuned.with(newer));
    })?;
    tracing::info!(migration = name, tuned = ?record.tuned, "tuned");
    Ok(record.tuned)
}

fn check(tuned: &Tuned) -> Result<()> {
    let refuse = |key: &str, constraint: &str, given: &dyn std::fmt::Display| {
        Err(Error::config("invalid_value", format!("{key} must be {constraint}; given {given}")))
    };
    for (key, width) in [("parallel", tuned.parallel), ("bulks", tuned.bulks)] {
        if let Some(width) = width
            && !(1..=64).contains(&width)
        {
            return refuse(key, "between 1 and 64", &width);
        }
    }
    let rates = [
        ("max_docs_per_second", tuned.max_docs_per_second),
        ("max_bytes_per_second", tuned.max_bytes_per_second),
    ];
    for (key, rate) in rates {
        if rate == Some(0) {
            return refuse(key, "greater than 0", &0)
                .map_err(|error| error.hint("`esferry pause` stops a migration"));
        }
    }
    if *tuned == Tuned::default() {
        return Err(Error::config("nothing_to_tune", "no limit was given")
            .hint("give one of parallel, bulks, max_docs_per_second and max_bytes_per_second"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_gives_stands_in_place_of_the_configuration() {
        let mut config = MigrationConfig::default();
        config.throttle.max_docs_per_second = Some(500);
        let tuned = Tuned { bulks: Some(9), max_docs_per_second: Some(70), ..Tuned::default() };
        let expected =
            Limits { parallel: config.slice.parallel, bulks: Bulks::fixed(9), docs: Some(70), bytes: None };
        assert_eq!(Limits::of(&config, &tuned), expected);
        assert_eq!(Limits::of(&config, &Tuned::default()).docs, Some(500));
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        let wrong = [
            Tuned { parallel: Some(0), ..Tuned::default() },
            Tuned { bulks: Some(65), ..Tuned::default() },
            Tuned { max_docs_per_second: Some(0), ..Tuned::default() },
            Tuned::default(),
        ];
        let told: Vec<String> = wrong.iter().map(|tuned| check(tuned).unwrap_err().to_string()).collect();
        assert_eq!(
            told,
            [
                "parallel must be between 1 and 64; given 0",
                "bulks must be between 1 and 64; given 65",
                "max_docs_per_second must be greater than 0; given 0",
                "no limit was given"
            ]
        );
    }
}
