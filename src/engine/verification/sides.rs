//! What a verification reads, and when it may.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::config::{MigrationConfig, VerifyLevel};
use crate::engine::context::Context;
use crate::engine::phase::Phase;
use crate::engine::sides::{Depth, Sides};
use crate::error::{Error, Result};
use crate::store::records::IndexRecord;
use crate::store::units::Purpose;

impl Context {
    /// Refuses to verify what is still being copied.
    ///
    /// # Errors
    /// `State`.
    pub(super) fn copy_is_over(&self) -> Result<()> {
        let phase = self.progress.phase();
        if phase > Phase::Copying {
            return Ok(());
        }
        let message = format!("migration `{}` is {phase}: documents are still on their way", self.name);
        Err(Error::state("not_copied", message).hint(format!(
            "verify once the copy is over: `esferry status {}` says how long that takes",
            self.name
        )))
    }

    /// Both sides, at a level that compares documents.
    pub(super) async fn sides_at(&self, level: VerifyLevel, stop: &CancellationToken) -> Result<Sides> {
        self.copy_is_over()?;
        let records = self.indices().await?;
        self.targets_stand(&records).await?;
        let copies = self.copies(&records, &self.pace()?).await?;
        let first = records.iter().map(|record| record.ordinal + 1).max().unwrap_or_default();
        let planned = |name: &String| records.iter().any(|record: &IndexRecord| record.target == *name);
        let others: BTreeMap<String, u32> =
            self.config.to.others.iter().filter(|name| !planned(name)).cloned().zip(first..).collect();
        Ok(Sides {
            purpose: Purpose::Verification,
            depth: match level {
                VerifyLevel::Content => Depth::Contents,
                VerifyLevel::Count | VerifyLevel::Ids => Depth::Keys,
            },
            versions: self.config.keeps_versions(),
            records,
            copies,
            others,
            stop: stop.clone(),
        })
    }
}

/// What decides what documents become, as one number.
pub(super) fn fingerprint(config: &MigrationConfig) -> String {
    let mut hash = Sha256::new();
    for (key, value) in config.fingerprint().0 {
        for part in [key, value] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hash.update([u8::from(config.keeps_versions())]);
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
