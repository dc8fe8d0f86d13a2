//! Differences that are certain: repaired where that is asked for, and kept in a file, a line each.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;

use super::Verification;
use super::judging::{Explaining, Judged, MISPLACED};
use super::looking::Look;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::verification::{Difference, DifferenceKind, Stage};

/// Where they are.
pub(super) fn path_of(store: &Store, name: &str) -> PathBuf {
    store.verification_dir(name).join("differences.ndjson")
}

/// The differences that the last verification of a migration is certain of, as they stand in the file.
///
/// # Errors
/// `State` when the file is damaged.
pub fn differences(
    store: &Store,
    name: &str,
) -> Result<impl Iterator<Item = Result<Difference>> + Send + use<>> {
    let length = match store.verification(name)?.map(|record| record.stage) {
        Some(Stage::Looking { differences, .. }) => differences,
        _ => 0,
    };
    let path = path_of(store, name);
    let damaged = move |cause: std::io::Error| {
        Error::state("verification_file", format!("{} cannot be read", path.display()))
            .hint("`esferry verify --anew` begins again")
            .because(cause)
    };
    let file = match length {
        0 => None,
        length => Some(File::open(path_of(store, name)).map_err(&damaged)?.take(length)),
    };
    let lines = file.into_iter().flat_map(|file| BufReader::new(file).lines());
    Ok(lines.map(move |line| {
        let line = line.map_err(&damaged)?;
        serde_json::from_str(&line)
            .map_err(|cause| damaged(std::io::Error::new(std::io::ErrorKind::InvalidData, cause)))
    }))
}

impl Verification<'_> {
    /// What is certain, in the order of its places, repaired where that was asked for.
    pub(super) async fn told(
        &self,
        certain: Vec<(Look, Judged)>,
        round: u32,
        explaining: &Explaining,
    ) -> Result<Vec<Difference>> {
        let mut told: Vec<(Difference, Vec<Look>)> = Vec::new();
        for (look, judged) in certain {
            let Judged::Differs(kind, at) = judged else { continue };
            let difference = self.difference(&look, kind, at, round, explaining)?;
            // A document that is missing here and extra there, under another routing, is one that stands in the wrong place.
            if let Some((before, looks)) = told.last_mut()
                && before.index == difference.index
                && before.id == difference.id
                && looks.len() == 1
                && let Some(merged) = under_another_routing(before, &difference)
            {
                *before = merged;
                looks.push(look);
                continue;
            }
            told.push((difference, vec![look]));
        }
        self.repair(&mut told).await?;
        Ok(told.into_iter().map(|(difference, _)| difference).collect())
    }
}

fn under_another_routing(one: &Difference, other: &Difference) -> Option<Difference> {
    let (missing, extra) = match (one.kind, other.kind) {
        (DifferenceKind::Missing, DifferenceKind::Extra) => (one, other),
        (DifferenceKind::Extra, DifferenceKind::Missing) => (other, one),
        _ => return None,
    };
    // One whose failure explains it stays what it is.
    (missing.reason == "missing").then(|| Difference {
        kind: DifferenceKind::Routing,
        found_routing: extra.routing.clone(),
        target_version: extra.target_version,
        reason: "routing".to_owned(),
        why: MISPLACED.to_owned(),
        ..missing.clone()
    })
}
