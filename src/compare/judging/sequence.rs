//! Two ordered lists of which some neighbours are equal in rank, and of which a page may have cut the first and the
//! last group: hits by score or sort values, buckets by their order.

use std::collections::HashMap;

/// An ordered list: each item with the number of the group that shares its rank.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked<R> {
    /// Names of the items, and their groups: 0, 0, 1, 2, 2, ….
    pub items: Vec<(String, usize)>,
    /// Ranks of the first and the last group.
    ends: Option<(R, R)>,
    /// More may be in front of the first, with its rank.
    pub cut_before: bool,
    /// More may come behind the last, with its rank.
    pub cut_behind: bool,
}

impl<R: Clone> Ranked<R> {
    /// From items with their ranks, of which neighbours are compared.
    pub fn new(ranked: Vec<(String, R)>, tied: impl Fn(&R, &R) -> bool) -> Self {
        let mut items = Vec::with_capacity(ranked.len());
        let mut group = 0;
        let mut ends: Option<(R, R)> = None;
        for (name, rank) in ranked {
            match &mut ends {
                Some((_, of_group)) if tied(of_group, &rank) => {}
                Some((_, of_group)) => {
                    group += 1;
                    *of_group = rank;
                }
                None => ends = Some((rank.clone(), rank)),
            }
            items.push((name, group));
        }
        Ranked { items, ends, cut_before: false, cut_behind: false }
    }
}

impl<R> Ranked<R> {
    fn groups(&self) -> HashMap<&str, usize> {
        self.items.iter().map(|(name, group)| (name.as_str(), *group)).collect()
    }

    fn last_group(&self) -> usize {
        self.items.last().map_or(0, |(_, group)| *group)
    }
}

/// How two lists differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gap {
    /// Only in the first, and not because of a cut.
    pub only_source: Vec<String>,
    /// Only in the second.
    pub only_target: Vec<String>,
    /// The first two that stand the other way round: first in the source, first in the target.
    pub swapped: Option<(String, String)>,
}

/// Compares two lists. Ties may be in any order, and members of a group that a page cuts may be other ones of the same
/// number, as long as both pages cut a group of the same rank.
#[must_use]
pub fn compare<R>(source: &Ranked<R>, target: &Ranked<R>, same_rank: impl Fn(&R, &R) -> bool) -> Gap {
    let (of_source, of_target) = (source.groups(), target.groups());
    let missing = |from: &Ranked<R>, other: &HashMap<&str, usize>| -> Vec<(String, usize)> {
        from.items.iter().filter(|(name, _)| !other.contains_key(name.as_str())).cloned().collect()
    };
    let (only_source, only_target) = (missing(source, &of_target), missing(target, &of_source));
    let (before, behind) = match (&source.ends, &target.ends) {
        (Some(ours), Some(theirs)) => (
            source.cut_before && target.cut_before && same_rank(&ours.0, &theirs.0),
            source.cut_behind && target.cut_behind && same_rank(&ours.1, &theirs.1),
        ),
        _ => (false, false),
    };
    let at_an_end = |list: &Ranked<R>, items: &[(String, usize)]| {
        items.iter().all(|(_, group)| before && *group == 0 || behind && *group == list.last_group())
    };
    let exchanged = only_source.len() == only_target.len()
        && at_an_end(source, &only_source)
        && at_an_end(target, &only_target);
    let names = |list: Vec<(String, usize)>| -> Vec<String> {
        if exchanged { Vec::new() } else { list.into_iter().map(|(name, _)| name).collect() }
    };
    Gap {
        only_source: names(only_source),
        only_target: names(only_target),
        swapped: swapped(source, &of_target),
    }
}

/// An item, and its group in the target.
type Placed<'a> = (&'a str, usize);

/// A pair that stands in different groups on both sides, and the other way round.
fn swapped<R>(source: &Ranked<R>, target: &HashMap<&str, usize>) -> Option<(String, String)> {
    // The item of earlier groups that comes last in the target, and of the group that is being read.
    let (mut latest, mut of_group): (Option<Placed<'_>>, Option<Placed<'_>>) = (None, None);
    let mut group = 0;
    for (name, at) in &source.items {
        if *at != group {
            group = *at;
            latest = later(latest, of_group.take());
        }
        let Some(&place) = target.get(name.as_str()) else { continue };
        if let Some((earlier, behind)) = latest
            && place < behind
        {
            return Some((earlier.to_owned(), name.clone()));
        }
        of_group = later(of_group, Some((name.as_str(), place)));
    }
    None
}

fn later<'a>(one: Option<Placed<'a>>, other: Option<Placed<'a>>) -> Option<Placed<'a>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(if other.1 > one.1 { other } else { one }),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn compare(source: &Ranked<u32>, target: &Ranked<u32>) -> Gap {
        super::compare(source, target, |one, other| one == other)
    }

    fn ranked(items: &[(&str, u32)], cut_behind: bool) -> Ranked<u32> {
        let items = items.iter().map(|(name, rank)| ((*name).to_owned(), *rank)).collect();
        Ranked { cut_behind, ..Ranked::new(items, |one, other| one == other) }
    }

    #[test]
    fn members_of_a_cut_group_may_be_others() {
        let source = ranked(&[("a", 3), ("b", 1), ("c", 1)], true);
        assert_eq!(compare(&source, &ranked(&[("a", 3), ("d", 1), ("c", 1)], true)), Gap::default());
        // Not cut, not the same number, or not in that group: a difference.
        let gap = compare(&source, &ranked(&[("a", 3), ("d", 1), ("c", 1)], false));
        assert_eq!((gap.only_source, gap.only_target), (vec!["b".to_owned()], vec!["d".to_owned()]));
        assert_ne!(compare(&source, &ranked(&[("a", 3), ("c", 1)], true)), Gap::default());
        assert_ne!(compare(&source, &ranked(&[("x", 3), ("b", 1), ("c", 1)], true)), Gap::default());
    }

    #[test]
    fn pages_that_cut_groups_of_different_rank_are_different() {
        let source = ranked(&[("a", 3), ("b", 2), ("c", 2)], true);
        let gap = compare(&source, &ranked(&[("a", 3), ("b", 2), ("d", 1)], true));
        assert_eq!((gap.only_source, gap.only_target), (vec!["c".to_owned()], vec!["d".to_owned()]));
    }

    #[test]
    fn a_tie_of_one_side_may_be_in_order_on_the_other() {
        let tied = ranked(&[("a", 1), ("b", 1)], false);
        assert_eq!(compare(&tied, &ranked(&[("b", 2), ("a", 1)], false)), Gap::default());
        let strict = ranked(&[("a", 2), ("b", 1)], false);
        let swapped = compare(&strict, &ranked(&[("b", 2), ("a", 1)], false)).swapped;
        assert_eq!(swapped, Some(("a".to_owned(), "b".to_owned())));
    }

    /// Ranks of items `0..n`, best first.
    fn ranks() -> impl Strategy<Value = Vec<u32>> {
        prop::collection::vec(0_u32..6, 2..20).prop_map(|mut ranks| {
            ranks.sort_unstable_by(|one, other| other.cmp(one));
            ranks
        })
    }

    fn list(order: &[usize], ranks: &[u32]) -> Ranked<u32> {
        let items = order.iter().map(|&item| (item.to_string(), ranks[item])).collect();
        Ranked::new(items, |one, other| one == other)
    }

    proptest! {
        #[test]
        fn any_order_of_ties_is_the_same(ranks in ranks(), seed in any::<u64>()) {
            let order: Vec<usize> = (0..ranks.len()).collect();
            let mut other = order.clone();
            // A shuffle that keeps ranks together: sorted by rank, then by a number drawn from the seed.
            other.sort_by_key(|&item| (std::cmp::Reverse(ranks[item]), seed.rotate_left(u32::try_from(item).unwrap() * 7) ^ 0x9e37));
            prop_assert_eq!(compare(&list(&order, &ranks), &list(&other, &ranks)), Gap::default());
        }

        #[test]
        fn two_of_different_rank_that_change_places_are_found(ranks in ranks(), at in any::<prop::sample::Index>()) {
            let order: Vec<usize> = (0..ranks.len()).collect();
            let at = at.index(ranks.len() - 1);
            prop_assume!(ranks[at] != ranks[at + 1]);
            let mut other = order.clone();
            other.swap(at, at + 1);
            // The target ranks them by what it found: the second one higher.
            let mut theirs = ranks.clone();
            theirs.swap(at, at + 1);
            let gap = compare(&list(&order, &ranks), &list(&other, &theirs));
            prop_assert!(gap.swapped.is_some());
        }

        #[test]
        fn another_item_is_found(ranks in ranks(), at in any::<prop::sample::Index>()) {
            let order: Vec<usize> = (0..ranks.len()).collect();
            let source = list(&order, &ranks);
            let mut target = source.clone();
            target.items[at.index(ranks.len())].0 = "other".to_owned();
            let gap = compare(&source, &target);
            prop_assert_eq!((gap.only_source.len(), gap.only_target), (1, vec!["other".to_owned()]));
        }
    }
}
