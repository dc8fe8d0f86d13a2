//! Cuts an ordered set of terms into ranges of about equal size, by counts of ranges alone (dialects 11.1).
//!
//! No fielddata, no sorting, no pass over the ids: a page of them shows which characters occur where, and counts
//! say how many lie between. Children are ranges and not prefixes, so every term is in exactly one of them.

use std::collections::BTreeSet;

use crate::cluster::failure::CallError;
use crate::cluster::selection::HalfOpen;

/// A set of terms that can be counted and looked at, but not listed.
pub(super) trait Terms {
    /// Documents whose term lies in the range.
    fn count(&self, range: &HalfOpen<String>) -> impl Future<Output = Result<u64, CallError>> + Send;
    /// Some of those terms, in no particular order; no random sample.
    fn sample(&self, range: &HalfOpen<String>)
    -> impl Future<Output = Result<Vec<String>, CallError>> + Send;
}

/// A range and the documents counted in it.
pub(super) type Counted<T> = (HalfOpen<T>, u64);

/// Share of a range that a sampled prefix must hold before the cut follows it.
const COMMON_PERCENT: u64 = 90;

/// Ranges that cover every term, each with about `target` documents where the terms allow it.
///
/// # Errors
/// Any [`CallError`] of a count or a sample.
pub(super) async fn cut(terms: &impl Terms, target: u64) -> Result<Vec<Counted<String>>, CallError> {
    let mut alphabet = BTreeSet::new();
    let everything = HalfOpen::all();
    let total = terms.count(&everything).await?;
    let mut open = vec![(everything, total)];
    let mut leaves = Vec::new();
    while let Some((range, count)) = open.pop() {
        let pieces =
            if count > target { split(terms, &range, count, &mut alphabet).await? } else { Vec::new() };
        if pieces.len() < 2 {
            leaves.push((range, count));
        } else {
            open.extend(pieces.into_iter().rev());
        }
    }
    Ok(merge(leaves, target))
}

async fn split(
    terms: &impl Terms,
    range: &HalfOpen<String>,
    count: u64,
    alphabet: &mut BTreeSet<char>,
) -> Result<Vec<Counted<String>>, CallError> {
    let sample = terms.sample(range).await?;
    let shared = shared_prefix(range);
    let mut cuts = BTreeSet::new();
    let (prefix, gaps) = crowded_prefix(terms, range, count, &shared, &common_prefix(&sample)).await?;
    if prefix.len() > shared.len() {
        let within = narrowed(range, &prefix);
        cuts.extend(within.from);
        cuts.extend(within.to);
    }
    alphabet.extend(sample.iter().filter_map(|term| term.strip_prefix(prefix.as_str())).flat_map(str::chars));
    for &next in alphabet.iter() {
        let mut cut = prefix.clone();
        cut.push(next);
        cuts.extend(successor(&cut));
        cuts.insert(cut);
    }
    let inside = |cut: &String| {
        range.from.as_ref().is_none_or(|from| cut > from) && range.to.as_ref().is_none_or(|to| cut < to)
    };
    let mut pieces = Vec::new();
    let mut from = range.from.clone();
    for to in cuts.into_iter().filter(inside).map(Some).chain([range.to.clone()]) {
        pieces.push(HalfOpen { from: from.clone(), to: to.clone() });
        from = to;
    }
    let mut left = gaps.iter().fold(count, |left, (_, here)| left.saturating_sub(*here));
    let mut counted = Vec::with_capacity(pieces.len());
    for piece in pieces {
        if let Some(gap) = gaps.iter().find(|(gap, _)| *gap == piece) {
            counted.push(gap.clone());
            continue;
        }
        let here = if left == 0 { 0 } else { terms.count(&piece).await? };
        left = left.saturating_sub(here);
        counted.push((piece, here));
    }
    Ok(counted)
}

/// The longest prefix of `common`, and no shorter than `shared`, that almost all terms of a range have, and what lies in the
/// range outside of it. The sample is of neighbours, and so may have more in common than the others do.
async fn crowded_prefix(
    terms: &impl Terms,
    range: &HalfOpen<String>,
    count: u64,
    shared: &str,
    common: &str,
) -> Result<(String, Vec<Counted<String>>), CallError> {
    let mut found = (shared.to_owned(), Vec::new());
    let ends = common.char_indices().map(|(at, next)| at + next.len_utf8());
    // Ends of prefixes that are not known to hold too few.
    let mut ends: Vec<usize> = ends.filter(|end| *end > shared.len()).collect();
    // All of it is the likeliest, then halves.
    let mut probe = ends.len().checked_sub(1);
    while let Some(at) = probe {
        let prefix = &common[..ends[at]];
        // What lies outside is counted, and not what lies within: mostly that is nothing, and costs nothing.
        let mut gaps: Vec<Counted<String>> = Vec::new();
        let mut held = count;
        for gap in outside(range, &narrowed(range, prefix)) {
            let here = terms.count(&gap).await?;
            held = held.saturating_sub(here);
            gaps.push((gap, here));
            if !is_crowded(held, count) {
                break;
            }
        }
        if is_crowded(held, count) {
            found = (prefix.to_owned(), gaps);
            ends.drain(..=at);
        } else {
            ends.truncate(at);
        }
        probe = (!ends.is_empty()).then_some(ends.len() / 2);
    }
    Ok(found)
}

fn is_crowded(held: u64, count: u64) -> bool {
    held.saturating_mul(100) >= count.saturating_mul(COMMON_PERCENT)
}

/// Neighbours that fit into one slice become one.
pub(super) fn merge<T>(leaves: Vec<Counted<T>>, target: u64) -> Vec<Counted<T>> {
    let mut merged: Vec<Counted<T>> = Vec::new();
    for (range, count) in leaves {
        match merged.last_mut() {
            Some((last, held)) if *held + count <= target => {
                last.to = range.to;
                *held += count;
            }
            _ => merged.push((range, count)),
        }
    }
    merged
}

/// The prefix that every term of a range has: the longest `q` of `from` with `to <= successor(q)`.
fn shared_prefix(range: &HalfOpen<String>) -> String {
    let (Some(from), Some(to)) = (&range.from, &range.to) else { return String::new() };
    let ends = from.char_indices().map(|(at, _)| at).chain([from.len()]).collect::<Vec<_>>();
    ends.into_iter()
        .rev()
        .map(|end| &from[..end])
        .find(|prefix| successor(prefix).is_none_or(|next| *to <= next))
        .unwrap_or_default()
        .to_owned()
}

fn common_prefix(terms: &[String]) -> String {
    let Some((first, others)) = terms.split_first() else { return String::new() };
    let mut length = first.len();
    for other in others {
        let same = first.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        length = length.min(same);
    }
    while !first.is_char_boundary(length) {
        length -= 1;
    }
    first[..length].to_owned()
}

/// The part of a range whose terms begin with `prefix`.
fn narrowed(range: &HalfOpen<String>, prefix: &str) -> HalfOpen<String> {
    let from = range.from.clone().into_iter().chain([prefix.to_owned()]).max();
    let to = range.to.clone().into_iter().chain(successor(prefix)).min();
    HalfOpen { from, to }
}

/// What a range has below and above a part of it.
fn outside(range: &HalfOpen<String>, within: &HalfOpen<String>) -> Vec<HalfOpen<String>> {
    let below = HalfOpen { from: range.from.clone(), to: within.from.clone() };
    let above = HalfOpen { from: within.to.clone(), to: range.to.clone() };
    let is_gap = |gap: &HalfOpen<String>, edge: &Option<String>| edge.is_some() && gap.from != gap.to;
    let below = is_gap(&below, &within.from).then_some(below);
    let above = is_gap(&above, &within.to).then_some(above);
    below.into_iter().chain(above).collect()
}

/// The lowest term above everything that begins with `prefix`; `None`: there is none.
fn successor(prefix: &str) -> Option<String> {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = match last {
            '\u{D7FF}' => Some('\u{E000}'),
            '\u{10FFFF}' => None,
            other => char::from_u32(u32::from(other) + 1),
        };
        if let Some(next) = next {
            chars.push(next);
            return Some(chars.into_iter().collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fuzzed::{Listed, assert_covers, cut_now};
    use super::*;

    #[test]
    fn object_ids_are_cut_into_even_slices_with_few_requests() {
        let ids = (0_u64..20_000).map(|n| {
            format!("alert#{:08x}{:016x}", 0x5a00_0000 + n * 7, n.wrapping_mul(0x9E37_79B9_7F4A_7C15))
        });
        let listed = Listed::new(ids.collect());
        let ranges = cut_now(&listed, 1000);
        assert_covers(&listed, &ranges);
        let largest = ranges.iter().map(|(_, count)| *count).max().unwrap();
        assert!(largest <= 1000 && ranges.len() <= 45, "{} slices, largest {largest}", ranges.len());
        assert!(listed.asked() <= 75, "{} requests", listed.asked());
    }

    /// The oldest of them, which are the sample, have more in common than the others.
    #[test]
    fn a_sample_of_neighbours_leads_nobody_astray() {
        let ids = (0_u64..170_000).map(|n| format!("alert#{:08x}0000000000000000", 0x5a00_0000 + n * 21));
        let listed = Listed::new(ids.collect());
        let ranges = cut_now(&listed, 50_000);
        assert_covers(&listed, &ranges);
        assert!(
            ranges.len() <= 6 && listed.asked() <= 40,
            "{} slices, {} requests",
            ranges.len(),
            listed.asked()
        );
    }

    #[test]
    fn the_empty_set_is_one_slice() {
        let listed = Listed::new(Vec::new());
        assert_eq!(cut_now(&listed, 10), [(HalfOpen::all(), 0)]);
    }

    #[test]
    fn successors_skip_surrogates_and_carry() {
        assert_eq!(successor("a"), Some("b".to_owned()));
        assert_eq!(successor("\u{D7FF}"), Some("\u{E000}".to_owned()));
        assert_eq!(successor("a\u{10FFFF}"), Some("b".to_owned()));
        assert_eq!(successor("\u{10FFFF}"), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_ids_are_covered_exactly_once(
            terms in prop::collection::vec(prop_oneof!["[a-c]{0,6}", "t#[0-9]{1,8}", "type#\\PC{0,6}", "aaaaaaaa[xy]{0,4}"], 0..400),
            target in 1_u64..60,
        ) {
            let listed = Listed::new(terms);
            assert_covers(&listed, &cut_now(&listed, target));
        }
    }
}
