//! The structural half of the coverage proof: no gap and no overlap, whatever the documents are.
//!
//! Cheap: run when a plan is made, and again whenever a stored one is loaded.

use super::slice::{FieldPart, HalfOpen, Slice, SliceRange};

/// What is wrong with a shard's slices.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the slices of shard {shard} of `{index}` do not cover it: {what}")]
pub struct Gap {
    /// Index name.
    pub index: String,
    /// Shard number.
    pub shard: u32,
    /// The place.
    pub what: String,
}

/// Proves that the slices of one shard, of an index with `shards` of them, cover it without gap or overlap.
///
/// # Errors
/// [`Gap`] with the place.
pub fn verify(index: &str, shard: u32, shards: u32, slices: &[Slice]) -> Result<(), Gap> {
    let gap = |what: String| Err(Gap { index: index.to_owned(), shard, what });
    for (position, slice) in slices.iter().enumerate() {
        if slice.id.shard != shard || usize::try_from(slice.id.number).ok() != Some(position) {
            return gap(format!("slice {} stands where number {position} is due", slice.id));
        }
    }
    let visible: Vec<&SliceRange> = slices
        .iter()
        .map(|slice| &slice.range)
        .filter(|range| !matches!(range, SliceRange::HiddenType { .. }))
        .collect();
    let Some(first) = visible.first() else { return gap("there are none".to_owned()) };
    let fault = match first {
        SliceRange::Uid(_) => contiguous(visible.iter().map(|range| match range {
            SliceRange::Uid(range) => Some(range),
            _ => None,
        })),
        SliceRange::SeqNo(_) => contiguous(visible.iter().map(|range| match range {
            SliceRange::SeqNo(range) => Some(range),
            _ => None,
        })),
        SliceRange::Field { name, .. } => {
            let rests = visible
                .iter()
                .filter(|range| matches!(range, SliceRange::Field { part: FieldPart::Rest(_), .. }));
            if rests.count() == 1 {
                let ranges = visible.iter().filter_map(|range| match range {
                    SliceRange::Field { part: FieldPart::Rest(_), .. } => None,
                    SliceRange::Field { name: this, part: FieldPart::Range(range) } if this == name => {
                        Some(Some(range))
                    }
                    _ => Some(None),
                });
                contiguous(ranges)
            } else {
                Some("there is not exactly one slice for the documents outside all ranges".to_owned())
            }
        }
        SliceRange::Part { of, .. } => parts(&visible, *of, shard, shards),
        SliceRange::HiddenType { .. } => None,
    };
    fault.map_or(Ok(()), gap)
}

fn contiguous<'a, T: PartialEq + std::fmt::Debug + 'a>(
    ranges: impl Iterator<Item = Option<&'a HalfOpen<T>>>,
) -> Option<String> {
    let mut expected: Option<&T> = None;
    let mut last_open = false;
    for (position, range) in ranges.enumerate() {
        let Some(range) = range else { return Some(format!("range {position} is of another kind")) };
        if last_open {
            return Some(format!("range {position} follows one with an open end"));
        }
        if range.from.as_ref() != expected {
            return Some(format!(
                "range {position} begins at {:?}, the one before ended at {expected:?}",
                range.from
            ));
        }
        if position > 0 && range.from.is_none() {
            return Some(format!("range {position} has an open beginning"));
        }
        expected = range.to.as_ref();
        last_open = range.to.is_none();
    }
    (!last_open).then(|| format!("the last range ends at {expected:?}"))
}

fn parts(visible: &[&SliceRange], of: u32, shard: u32, shards: u32) -> Option<String> {
    let mut seen = Vec::new();
    for range in visible {
        match range {
            SliceRange::Part { slice, of: this } if *this == of && !seen.contains(slice) => seen.push(*slice),
            other => return Some(format!("{other:?} does not fit to the others")),
        }
    }
    if of == 1 {
        return (seen.len() != 1).then(|| "a whole shard is one slice".to_owned());
    }
    // Before 6.4 the server gives slice `s` of them all to shard `s % shards`: a shard has every `shards`-th, from its
    // own number on. From then on a single shard has slices of its own, from 0.
    let count = u32::try_from(seen.len()).unwrap_or(u32::MAX);
    let over_all =
        of == shards * count && (0..count).map(|turn| shard + turn * shards).eq(seen.iter().copied());
    let within = of == count && (0..count).eq(seen.iter().copied());
    (!over_all && !within).then(|| format!("slices {seen:?} of {of} are not all of it"))
}

#[cfg(test)]
mod tests {
    use super::super::slice::SliceId;
    use super::*;

    fn slices(ranges: Vec<SliceRange>) -> Vec<Slice> {
        let number = |position: usize| u32::try_from(position).unwrap();
        ranges
            .into_iter()
            .enumerate()
            .map(|(position, range)| Slice {
                id: SliceId { index: 0, shard: 1, number: number(position) },
                range,
                expected_docs: 0,
            })
            .collect()
    }

    fn uid(from: Option<&str>, to: Option<&str>) -> SliceRange {
        SliceRange::Uid(HalfOpen { from: from.map(ToOwned::to_owned), to: to.map(ToOwned::to_owned) })
    }

    fn judge(ranges: Vec<SliceRange>) -> Result<(), String> {
        verify("x", 1, 3, &slices(ranges)).map_err(|gap| gap.what)
    }

    #[test]
    fn whole_covers_pass() {
        judge(vec![uid(None, Some("a")), uid(Some("a"), Some("b")), uid(Some("b"), None)]).unwrap();
        judge(vec![uid(None, None), SliceRange::HiddenType { doc_type: ".percolator".to_owned() }]).unwrap();
        judge(vec![SliceRange::Part { slice: 0, of: 1 }]).unwrap();
        judge(vec![SliceRange::Part { slice: 1, of: 6 }, SliceRange::Part { slice: 4, of: 6 }]).unwrap();
    }

    #[test]
    fn every_kind_of_gap_and_overlap_is_found() {
        assert!(judge(vec![]).is_err());
        assert!(judge(vec![uid(None, Some("a"))]).is_err());
        assert!(judge(vec![uid(Some("a"), None)]).is_err());
        assert!(judge(vec![uid(None, Some("a")), uid(Some("b"), None)]).is_err());
        assert!(judge(vec![uid(None, None), uid(None, None)]).is_err());
        assert!(judge(vec![SliceRange::Part { slice: 1, of: 6 }]).is_err());
        assert!(
            judge(vec![SliceRange::Part { slice: 1, of: 6 }, SliceRange::Part { slice: 5, of: 6 }]).is_err()
        );
        let field = |part| SliceRange::Field { name: "n".to_owned(), part };
        assert!(
            judge(vec![field(FieldPart::Range(HalfOpen::all()))]).is_err(),
            "documents without the field"
        );
    }
}
