//! What has to hold for any set of `_uid` terms: ranges that cover each of them exactly once, and ids that are found
//! again in them.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::terms::{Counted, Terms, cut};
use crate::cluster::dialect::Version;
use crate::cluster::failure::CallError;
use crate::cluster::selection::HalfOpen;
use crate::schema::query::{Context, rewrite_search};

/// The first byte says how many documents a slice holds; the rest are terms, a line each.
///
/// # Panics
/// When it does not hold.
pub fn uid_ranges(bytes: &[u8]) {
    let Some((target, terms)) = bytes.split_first() else { return };
    let lines = terms.split(|&byte| byte == b'\n').take(100);
    let terms: Vec<String> = lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    terms.iter().take(8).for_each(|uid| assert_id_is_kept(uid));
    let listed = Listed::new(terms);
    assert_covers(&listed, &cut_now(&listed, u64::from(*target).max(1)));
}

/// A search for a `_uid` of the source asks the target for what follows the first `#`.
fn assert_id_is_kept(uid: &str) {
    let context = Context::new(Version::new(1, 7, 6), Version::new(6, 8, 23));
    let rewritten = rewrite_search(&json!({"query": {"term": {"_uid": uid}}}), &context);
    match uid.split_once('#') {
        Some((_, id)) => assert_eq!(rewritten.body["query"], json!({"ids": {"values": [id]}}), "of {uid:?}"),
        None => assert_eq!(rewritten.refused.len(), 1, "of {uid:?}"),
    }
}

/// Terms that are all known.
pub(super) struct Listed {
    terms: Vec<String>,
    asked: AtomicU64,
}

impl Listed {
    pub(super) fn new(mut terms: Vec<String>) -> Self {
        terms.sort();
        Listed { terms, asked: AtomicU64::new(0) }
    }

    /// Counts and samples that were asked for so far.
    pub(super) fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    fn within(&self, range: &HalfOpen<String>) -> &[String] {
        let at = |bound: &String| self.terms.partition_point(|term| term < bound);
        let from = range.from.as_ref().map_or(0, at);
        let to = range.to.as_ref().map_or(self.terms.len(), at);
        &self.terms[from.min(to)..to]
    }
}

impl Terms for Listed {
    async fn count(&self, range: &HalfOpen<String>) -> Result<u64, CallError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.within(range).len() as u64)
    }

    async fn sample(&self, range: &HalfOpen<String>) -> Result<Vec<String>, CallError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.within(range).iter().take(300).cloned().collect())
    }
}

pub(super) fn cut_now(listed: &Listed, target: u64) -> Vec<Counted<String>> {
    futures::executor::block_on(cut(listed, target)).expect("every count is answered")
}

/// Contiguous from open to open, and every count true: each term is in exactly one range.
pub(super) fn assert_covers(listed: &Listed, ranges: &[Counted<String>]) {
    assert!(ranges.first().is_some_and(|(range, _)| range.from.is_none()));
    assert!(ranges.last().is_some_and(|(range, _)| range.to.is_none()));
    for pair in ranges.windows(2) {
        assert!(pair[0].0.to.is_some() && pair[0].0.to == pair[1].0.from);
    }
    for (range, count) in ranges {
        assert_eq!(listed.within(range).len() as u64, *count, "{range:?}");
    }
}
