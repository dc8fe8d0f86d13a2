//! The check at the end: both sides refreshed and counted, and a difference explained.

use jiff::Timestamp;

use super::context::Context;
use super::worker::blocking;
use crate::cluster::selection::Selection;
use crate::error::{Error, Kind, Result};
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
        let target = &self.target;
        let targets = target.described().await?;
        for mut record in self.store.indices(&self.name)? {
            let account = self.account(record.ordinal).await?;
            let from = Selection::all(&record.source, self.config.from.query.as_ref());
            let doing = format!("counting `{}`", record.source);
            let source = &self.source;
            source.refresh(&record.source).await.map_err(|cause| cause.during(source.name(), &doing))?;
            let on_source = source
                .count_everything(&from, &record.types)
                .await
                .map_err(|cause| cause.during(source.name(), &doing))?;
            let doing = format!("counting `{}`", record.target);
            let now = targets.iter().find(|index| index.name == record.target);
            if now.map(|index| &index.uuid) != record.target_uuid.as_ref() {
                return Err(Error::new(
                    Kind::Refused,
                    "target_gone",
                    format!("target index `{}` was deleted or made anew during the copy", record.target),
                )
                .hint("what was copied into it is lost: `esferry reset` the migration and start again"));
            }
            target.refresh(&record.target).await.map_err(|cause| cause.during(target.name(), &doing))?;
            let all = Selection::all(&record.target, None);
            let on_target = target.count(&all).await.map_err(|cause| cause.during(target.name(), &doing))?;
            let explanation = explain(&record, &account, on_source, on_target);
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
                explanation,
                at: Timestamp::now(),
            });
            self.store.save_index(&self.name, &record)?;
            self.progress.take_index(&record);
        }
        Ok(())
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

/// Why the counts of both sides differ, from what is known; `None` when they do not.
fn explain(record: &IndexRecord, account: &Account, source: u64, target: u64) -> Option<String> {
    if source == target {
        return None;
    }
    let mut reasons = Vec::new();
    let counts = &account.counts;
    if counts.rejected > 0 {
        reasons.push(format!("{} documents were refused: see `esferry failures list`", counts.rejected));
    }
    if account.set_aside > 0 {
        reasons
            .push(format!("{} slices are set aside: `esferry resume` tries them again", account.set_aside));
    }
    if counts.read != source {
        reasons.push(format!(
            "{} documents were read and {source} are on the source now: it was written meanwhile",
            counts.read
        ));
    }
    let landed = counts.written + counts.present + counts.superseded;
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
        explain(&record, &Account { counts, set_aside }, source, target)
    }

    #[test]
    fn equal_counts_need_no_words() {
        assert_eq!(explained(Counts { read: 5, written: 5, ..Counts::default() }, 0, 5, 5), None);
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
