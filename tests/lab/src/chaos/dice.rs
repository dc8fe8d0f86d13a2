//! Everything that a round leaves to chance, drawn from the seed and the number of the round alone.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The choices of one round: the same again for the same seed and number.
#[derive(Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    pub(super) fn of(seed: u64, round: u64) -> Dice {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(round);
        Dice(random)
    }

    /// From `low` to `high`, both included.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.random_range(low..=high)
    }

    /// True in so many of a hundred cases.
    pub(super) fn chance(&mut self, hundredths: u64) -> bool {
        self.between(1, 100) <= hundredths
    }

    /// One of these, of which there has to be one at least.
    pub(super) fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        these[self.0.random_range(0..these.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draws(seed: u64, round: u64) -> Vec<u64> {
        let mut dice = Dice::of(seed, round);
        (0..20).map(|_| dice.between(0, 1000)).collect()
    }

    #[test]
    fn a_round_draws_the_same_again_whichever_came_before() {
        assert_eq!(draws(7, 3), draws(7, 3));
        assert_ne!(draws(7, 3), draws(7, 4));
        assert_ne!(draws(7, 3), draws(8, 3));
    }

    #[test]
    fn every_one_of_a_few_comes() {
        let mut dice = Dice::of(1, 1);
        let mut seen: Vec<char> = (0..200).map(|_| dice.one_of(&['a', 'b', 'c'])).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, ['a', 'b', 'c']);
    }
}
