//! Whether the brokers still have what was recorded, and for how long.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::store::topics::TopicRecord;

/// Less time than this is worth a warning.
const WARN_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// How the needed offsets of a topic stand against what the brokers have deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Retention {
    /// Nothing needed is near its end.
    Fine,
    /// It will be deleted soon, in words.
    Soon(String),
    /// It is deleted: the first partition with its needed and its earliest offset.
    Cut {
        /// Partition.
        partition: i32,
        /// The first offset that is needed.
        needed: i64,
        /// The first that is left.
        earliest: i64,
    },
}

/// Earliest offsets over time.
#[derive(Debug, Default)]
pub struct RetentionWatch {
    first: BTreeMap<i32, i64>,
    since: Duration,
}

impl RetentionWatch {
    /// One look after `passed` since the last one: earliest offsets, and the first ones that are needed.
    pub fn look(
        &mut self,
        passed: Duration,
        earliest: &BTreeMap<i32, i64>,
        needed: &BTreeMap<i32, i64>,
    ) -> Retention {
        self.since += passed;
        let mut soon: Option<(Duration, String)> = None;
        for (&partition, &now) in earliest {
            let Some(&needed) = needed.get(&partition) else { continue };
            if now > needed {
                return Retention::Cut { partition, needed, earliest: now };
            }
            let first = *self.first.entry(partition).or_insert(now);
            let (deleted, left) = (now - first, needed - now);
            let Some(seconds) = left.saturating_mul(self.seconds()).checked_div(deleted) else { continue };
            let within = Duration::from_secs(u64::try_from(seconds).unwrap_or(u64::MAX));
            if within <= WARN_WITHIN && soon.as_ref().is_none_or(|(known, _)| within < *known) {
                let minutes = within.as_secs() / 60;
                let told = format!(
                    "partition {partition}: messages below {now} are deleted, {needed} is needed: at this rate it goes in about {minutes} min; raise retention.ms of the topic"
                );
                soon = Some((within, told));
            }
        }
        soon.map_or(Retention::Fine, |(_, told)| Retention::Soon(told))
    }

    fn seconds(&self) -> i64 {
        i64::try_from(self.since.as_secs()).unwrap_or(i64::MAX)
    }
}

/// The first offset of each partition that is needed: the recorded one, or where it is applied up to.
#[must_use]
pub fn needed(topic: &TopicRecord, settled: &BTreeMap<i32, i64>) -> BTreeMap<i32, i64> {
    let recorded = topic.partitions.iter().map(|(&partition, recorded)| (partition, recorded.offset));
    let mut needed: BTreeMap<i32, i64> = recorded.collect();
    needed.extend(settled.iter().map(|(&partition, &next)| (partition, next)));
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(offset: i64) -> BTreeMap<i32, i64> {
        [(0, offset)].into()
    }

    #[test]
    fn what_is_deleted_is_told_before_and_after_the_needed_offset_goes() {
        let mut watch = RetentionWatch::default();
        let second = Duration::from_secs(1);
        assert_eq!(watch.look(second, &one(0), &one(5000)), Retention::Fine);
        assert_eq!(watch.look(second * 600, &one(0), &one(5000)), Retention::Fine);
        // 1000 messages in 1200 s: the other 4000 go within 80 minutes.
        let Retention::Soon(told) = watch.look(second * 599, &one(1000), &one(5000)) else {
            panic!("not told")
        };
        assert!(told.contains("about 80 min") && told.contains("5000 is needed"), "{told}");
        assert_eq!(watch.look(second, &one(5000), &one(5000)), Retention::Soon(
            "partition 0: messages below 5000 are deleted, 5000 is needed: at this rate it goes in about 0 min; raise retention.ms of the topic".to_owned()
        ));
        let cut = Retention::Cut { partition: 0, needed: 5000, earliest: 5001 };
        assert_eq!(watch.look(second, &one(5001), &one(5000)), cut);
    }

    #[test]
    fn what_goes_slowly_is_no_warning() {
        let mut watch = RetentionWatch::default();
        watch.look(Duration::from_secs(1), &one(0), &one(1_000_000));
        assert_eq!(watch.look(Duration::from_secs(3600), &one(10), &one(1_000_000)), Retention::Fine);
    }
}
