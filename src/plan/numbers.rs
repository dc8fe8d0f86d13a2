//! Cuts numbers (sequence numbers, dates, numeric fields) into ranges of about equal size, by halving and counting.

use super::terms::{Counted, merge};
use crate::cluster::failure::CallError;
use crate::cluster::selection::HalfOpen;

/// A number that can be halved towards another.
pub(super) trait Halves: Copy + PartialOrd {
    /// A value strictly between the two, if there is one.
    fn between(low: Self, high: Self) -> Option<Self>;
}

impl Halves for i64 {
    fn between(low: Self, high: Self) -> Option<Self> {
        let middle = low.midpoint(high);
        (middle > low && middle < high).then_some(middle)
    }
}

impl Halves for f64 {
    fn between(low: Self, high: Self) -> Option<Self> {
        let middle = low.midpoint(high);
        (middle > low && middle < high).then_some(middle)
    }
}

/// Ranges that cover every value, open at both ends. `low` and `high` are hints of where values lie.
///
/// # Errors
/// Any [`CallError`] of a count.
pub(super) async fn cut<T, F>(
    low: T,
    high: T,
    target: u64,
    count: impl Fn(HalfOpen<T>) -> F,
) -> Result<Vec<Counted<T>>, CallError>
where
    T: Halves,
    F: Future<Output = Result<u64, CallError>>,
{
    let total = count(HalfOpen::all()).await?;
    let mut open = vec![(HalfOpen::all(), total)];
    let mut leaves = Vec::new();
    while let Some((range, held)) = open.pop() {
        let middle = T::between(range.from.unwrap_or(low), range.to.unwrap_or(high));
        match middle.filter(|_| held > target) {
            None => leaves.push((range, held)),
            Some(middle) => {
                let lower = HalfOpen { from: range.from, to: Some(middle) };
                let upper = HalfOpen { from: Some(middle), to: range.to };
                let below = count(lower.clone()).await?;
                // Counted, not subtracted: on a live index the difference would be somebody else's document.
                let above = count(upper.clone()).await?;
                open.push((upper, above));
                open.push((lower, below));
            }
        }
    }
    Ok(merge(leaves, target))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_numbers_are_covered_exactly_once(mut values in prop::collection::vec(-1000_i64..1000, 0..300), target in 1_u64..50, low in -1200_i64..0, high in 0_i64..1200) {
            values.sort_unstable();
            let count = |range: HalfOpen<i64>| {
                let inside = values.iter().filter(|value| range.from.is_none_or(|from| **value >= from) && range.to.is_none_or(|to| **value < to));
                let held = inside.count() as u64;
                async move { Ok(held) }
            };
            let ranges = futures::executor::block_on(cut(low, high, target, count)).unwrap();
            prop_assert_eq!(ranges.iter().map(|(_, count)| count).sum::<u64>(), values.len() as u64);
            prop_assert!(ranges[0].0.from.is_none() && ranges[ranges.len() - 1].0.to.is_none());
            for pair in ranges.windows(2) {
                prop_assert!(pair[0].0.to.is_some() && pair[0].0.to == pair[1].0.from);
            }
        }
    }
}
