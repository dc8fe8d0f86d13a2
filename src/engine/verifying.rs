//! The check at the end: both sides refreshed and counted, and a difference explained.

use jiff::Timestamp;

use super::context::Context;
use super::worker::blocking;
use crate::cluster::indices::IndexInfo;
use crate::cluster::selection::Selection;
use crate::config::MigrationConfig;
use crate::error::Result;
use crate::failpoint::Failpoint;
use crate::schema;
use crate::store::records::{Counted, Counts, IndexRecord, SliceState};

/// What the store knows of an index's slices.
#[derive(Default)]
struct Account {
    counts: Counts,
    set_aside: u64,
}

impl Context {
    /// Counts both sides of every index and stores the result.
    ///
    /// # Errors
    /// `Temporary` when a side cannot be counted whole.
    pub(super) async fn count_both(&self) -> Result<()> {
        let sources = self.source.described().await?;
        let planned = self.store.indices(&self.name)?;
        self.targets_stand(&planned).await?;
        for mut record in planned.clone() {
            let account = self.account(record.ordinal).await?;
            let from =
                Selection::all(&record.source, self.config.from.query.as_ref()).of_types(&record.only_types);
            let doing = format!("counting `{}`", record.source);
            let source = &self.source;
            source.refresh(&record.source).await.map_err(|cause| cause.during(source.name(), &doing))?;
            let on_source = source
                .count_everything(&from, &record.types)
                .await
                .map_err(|cause| cause.during(source.name(), &doing))?;
            let on_target = self.count_target(&record.target).await?;
            let unplanned_types = sources
                .iter()
                .find(|index| index.name == record.source)
                .map(|index| unplanned_types(index, &planned, &self.config))
                .unwrap_or_default();
            let follows = self.config.changes.follows();
            let explanation = explain(&record, &account, &unplanned_types, on_source, on_target, follows);
            if let Some(why) = &explanation {
                tracing::warn!(
                    index = record.source,
                    source = on_source,
                    target = on_target,
                    why,
                    "the counts differ"
                );
            }
            record.counted = Some(Counted {
                source: on_source,
                target: on_target,
                failures: account.counts.rejected,
                dropped: account.counts.dropped,
                derived: account.counts.derived,
                elsewhere: account.counts.elsewhere,
                unplanned_types,
                explanation,
                at: Timestamp::now(),
            });
            self.store.save_index(&self.name, &record)?;
            Failpoint::CountStored.pass();
            self.progress.take_index(&record);
        }
        self.count_others().await
    }

    /// The targets that transforms send documents to besides the planned ones.
    async fn count_others(&self) -> Result<()> {
        let record = self.store.migration(&self.name)?;
        for other in record.map(|record| record.others).unwrap_or_default() {
            let counted = self.count_target(&other.name).await?;
            let record = self.store.update_migration(&self.name, |record| {
                record.others.iter_mut().filter(|stored| stored.name == other.name).for_each(|stored| {
                    stored.counted = Some(counted);
                });
            })?;
            self.progress.take_others(&record);
        }
        Ok(())
    }

    /// Documents of a target index, everything that was written included.
    ///
    /// # Errors
    /// `Temporary` when it cannot be counted whole.
    pub(super) async fn count_target(&self, index: &str) -> Result<u64> {
        let (target, doing) = (&self.target, format!("counting `{index}`"));
        target.refresh(index).await.map_err(|cause| cause.during(target.name(), &doing))?;
        let all = Selection::all(index, None);
        target.count(&all).await.map_err(|cause| cause.during(target.name(), &doing))
    }

    async fn account(&self, ordinal: u32) -> Result<Account> {
        let (store, name) = (self.store.clone(), self.name.clone());
        blocking(move || {
            let mut account = Account::default();
            for slice in store.slices(&name) {
                let slice = slice?;
                if slice.slice.id.index == ordinal {
                    account.counts.add(&slice.counts);
                    account.set_aside += u64::from(matches!(slice.state, SliceState::SetAside { .. }));
                }
            }
            Ok(account)
        })
        .await
    }
}

/// Types of a source index that no record of the plan covers, save those that stay behind by configuration.
fn unplanned_types(index: &IndexInfo, planned: &[IndexRecord], config: &MigrationConfig) -> Vec<String> {
    let known = |name: &String| {
        planned.iter().any(|record| record.source == index.name && record.types.contains(name))
            || schema::stays_behind(config, name)
    };
    index.type_names().into_iter().filter(|name| !known(name)).collect()
}

/// Why the counts of both sides differ, from what is known; `None` when they do not.
fn explain(
    record: &IndexRecord,
    account: &Account,
    unplanned_types: &[String],
    source: u64,
    target: u64,
    follows: bool,
) -> Option<String> {
    let counts = &account.counts;
    if source + counts.derived == target + counts.dropped + counts.elsewhere && unplanned_types.is_empty() {
        return None;
    }
    let mut reasons = Vec::new();
    if !unplanned_types.is_empty() {
        reasons.push(format!(
            "the source has types that the plan does not know ({}): `esferry reset` the migration, or migrate them by another one",
            unplanned_types.join(", ")
        ));
    }
    if counts.rejected > 0 {
        reasons.push(format!("{} documents were refused: see `esferry failures list`", counts.rejected));
    }
    if account.set_aside > 0 {
        reasons
            .push(format!("{} slices are set aside: `esferry resume` tries them again", account.set_aside));
    }
    if follows {
        // What the slices counted says nothing any more of what is there now.
        reasons.push(format!(
            "{source} documents are on the source and {target} on the target: changes may be under way between them"
        ));
        return Some(reasons.join("; "));
    }
    if counts.read != source {
        reasons.push(format!(
            "{} documents were read and {source} are on the source now: it was written meanwhile",
            counts.read
        ));
    }
    let landed = counts.landed().saturating_sub(counts.elsewhere);
    if landed > target {
        let lost = landed - target;
        reasons.push(format!("{lost} documents took the place of others or were deleted on the target: the same id under different routings may be one document there"));
    }
    if landed < target {
        reasons.push(format!(
            "`{}` holds {} documents that this migration did not write",
            record.target,
            target - landed
        ));
    }
    Some(reasons.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(counts: Counts, set_aside: u64, source: u64, target: u64) -> Option<String> {
        let record: IndexRecord = serde_json::from_value(serde_json::json!({
            "ordinal": 0, "source": "a", "source_uuid": "", "target": "b", "shards": 1, "types": [], "target_type": null,
            "strategy": "uid", "originals": null, "counted": null
        }))
        .unwrap();
        explain(&record, &Account { counts, set_aside }, &[], source, target, false)
    }

    #[test]
    fn equal_counts_need_no_words() {
        assert_eq!(explained(Counts { read: 5, written: 5, ..Counts::default() }, 0, 5, 5), None);
    }

    #[test]
    fn what_transforms_did_is_expected() {
        let counts =
            Counts { read: 10, written: 11, dropped: 2, derived: 3, elsewhere: 4, ..Counts::default() };
        assert_eq!(explained(counts, 0, 10, 7), None);
        insta::assert_snapshot!(explained(counts, 0, 10, 8).unwrap(), @"`b` holds 1 documents that this migration did not write");
    }

    #[test]
    fn every_difference_is_explained() {
        let counts = Counts { read: 10, written: 7, rejected: 3, ..Counts::default() };
        insta::assert_snapshot!(explained(counts, 0, 10, 7).unwrap(), @"3 documents were refused: see `esferry failures list`");
        let counts = Counts { read: 10, written: 10, ..Counts::default() };
        insta::assert_snapshot!(explained(counts, 1, 12, 9).unwrap(), @"1 slices are set aside: `esferry resume` tries them again; 10 documents were read and 12 are on the source now: it was written meanwhile; 1 documents took the place of others or were deleted on the target: the same id under different routings may be one document there");
        insta::assert_snapshot!(explained(counts, 0, 10, 11).unwrap(), @"`b` holds 1 documents that this migration did not write");
    }
}
