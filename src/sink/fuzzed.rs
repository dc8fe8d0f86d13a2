//! What has to hold for any bytes that come as the answer to a bulk: each document ends in exactly one way, and nothing
//! is taken for success that does not say so.

use bytes::Bytes;
use serde_json::Value;

use super::answer::{Answered, Group, judged};
use super::batch::{Batch, BatchLimits, cut};
use super::outcome::Delivery;
use crate::cluster::dialect::writing::BulkTarget;
use crate::cluster::dialect::{Dialect, Distribution, Version};
use crate::config::WriteMode;
use crate::source::Page;
use crate::store::records::Counts;
use crate::transform::Pipeline;

/// # Panics
/// When it does not hold.
pub fn bulk_answer(bytes: &[u8]) {
    // Null where a part that nobody looks at is broken: such an answer is believed all the same.
    let parsed: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let answered = parsed["items"].as_array().map_or(0, Vec::len);
    for mode in [WriteMode::External, WriteMode::Create] {
        for tries in [1, 9] {
            // As many as were sent, and one more than was answered.
            hold(bytes, &parsed, answered.clamp(1, 8), mode, tries);
            hold(bytes, &parsed, answered.clamp(1, 8) + 1, mode, tries);
        }
    }
}

fn hold(bytes: &[u8], parsed: &Value, sent: usize, mode: WriteMode, tries: u32) {
    let target = target(mode);
    let batch = batch(sent, &target);
    let group = Group { items: (0..sent).collect(), tries };
    let (mut delivery, mut present) = (Delivery::default(), Vec::new());
    let outcome = judged(&batch, &group, &target, bytes, &mut delivery, &mut present);
    let Counts { written, rejected, .. } = delivery.counts;
    let settled = delivery.counts.landed() + rejected;
    match outcome {
        Answered::Settled => assert_eq!(settled, sent as u64),
        Answered::Again { later, reason, .. } => {
            assert!(!reason.is_empty() && later.tries == tries);
            assert_eq!(settled + later.items.len() as u64, sent as u64);
            assert!(
                later.items.is_sorted_by(|one, next| one < next) && later.items.iter().all(|at| *at < sent)
            );
        }
        Answered::NotOurs(reason) => assert!(!reason.is_empty() && settled == 0),
        Answered::IndexGone(_) => {}
    }
    assert_eq!(delivery.rejections.len() as u64, rejected);
    assert_eq!(present.len() as u64, delivery.counts.present);
    assert!(parsed.is_null() || written <= successes(parsed), "{written} written of {parsed}");
}

/// Items that say that the document is written.
fn successes(parsed: &Value) -> u64 {
    let is_success = |item: &&Value| {
        let answer = item.get("index").or(item.get("create")).unwrap_or(&Value::Null);
        matches!(answer["status"].as_u64(), Some(200 | 201)) && answer["error"].is_null()
    };
    parsed["items"].as_array().map_or(0, |items| items.iter().filter(is_success).count() as u64)
}

fn target(mode: WriteMode) -> BulkTarget {
    let dialect = Dialect::of(Version::new(6, 8, 23), Distribution::Elasticsearch).expect("6.8 is known");
    dialect.bulk_target("new", None, mode, None)
}

/// Documents with the ids `1`, `2` and so on.
fn batch(documents: usize, target: &BulkTarget) -> Batch {
    let hit = |id: usize| format!(r#"{{"_id":"{id}","_version":5,"_source":{{}}}}"#);
    let hits: Vec<String> = (1..=documents).map(hit).collect();
    let page = Bytes::from(format!(r#"{{"hits":{{"total":{documents},"hits":[{}]}}}}"#, hits.join(",")));
    let page = Page::read(page).expect("a page");
    let limits = BatchLimits { docs: documents, bytes: usize::MAX, max_id_bytes: None };
    let cut = cut(&page, &Pipeline::default(), target, &limits).expect("documents with a source");
    cut.batches.into_iter().next().expect("one batch")
}
