//! How long answers take: percentiles of both sides, as the client sees it and as the server says.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// Times of one side, collected. Errors of the histogram cannot occur with these bounds; a value above them counts as
/// the largest.
#[derive(Debug, Clone)]
pub struct Times {
    wall: Histogram<u64>,
    took: Histogram<u64>,
}

/// An hour, in microseconds.
const LONGEST: u64 = 3_600_000_000;

impl Default for Times {
    fn default() -> Self {
        let histogram = || {
            // Two significant digits at least, up to an hour: constants that are within the bounds.
            let mut histogram = Histogram::new_with_bounds(1, LONGEST, 3)
                .unwrap_or_else(|_| unreachable!("the bounds are constants that the histogram takes"));
            histogram.auto(false);
            histogram
        };
        Times { wall: histogram(), took: histogram() }
    }
}

impl Times {
    /// Adds an answer: the time that the client waited, and what the server says in milliseconds.
    pub fn add(&mut self, wall: Duration, took: Option<u64>) {
        self.wall.saturating_record(u64::try_from(wall.as_micros()).unwrap_or(LONGEST));
        if let Some(took) = took {
            self.took.saturating_record(took.saturating_mul(1000));
        }
    }

    /// Adds those of another.
    pub fn join(&mut self, other: &Times) {
        // Both have the same bounds.
        let _ = self.wall.add(&other.wall);
        let _ = self.took.add(&other.took);
    }

    /// The figures.
    #[must_use]
    pub fn figures(&self) -> Latency {
        Latency { wall: Percentiles::of(&self.wall), took: Percentiles::of(&self.took) }
    }

    /// How many answers came within each of these bounds (in milliseconds), and above the last.
    #[must_use]
    pub fn spread(&self, bounds: &[f64]) -> Vec<u64> {
        let mut counts = vec![0; bounds.len() + 1];
        for value in self.wall.iter_recorded() {
            let milliseconds = millis(value.value_iterated_to());
            let at = bounds.iter().position(|bound| milliseconds <= *bound).unwrap_or(bounds.len());
            if let Some(count) = counts.get_mut(at) {
                *count += value.count_since_last_iteration();
            }
        }
        counts
    }
}

/// Times of one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// What the client waited, with the network.
    pub wall: Percentiles,
    /// What the server says that it took; whole milliseconds.
    pub took: Percentiles,
}

/// Percentiles of one distribution, in milliseconds; 0 without answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Answers measured.
    pub count: u64,
    /// Half of them came within this.
    pub p50: f64,
    /// Nine of ten.
    pub p90: f64,
    /// 95 of 100.
    pub p95: f64,
    /// 99 of 100.
    pub p99: f64,
    /// The slowest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Percentiles::default();
        }
        let at = |quantile: f64| millis(histogram.value_at_quantile(quantile).min(histogram.max()));
        Percentiles {
            count: histogram.len(),
            p50: at(0.5),
            p90: at(0.9),
            p95: at(0.95),
            p99: at(0.99),
            max: millis(histogram.max()),
            mean: (histogram.mean()).round() / 1000.0,
        }
    }

    /// The percentiles with their names, in order; without the mean.
    #[must_use]
    pub fn named(&self) -> [(&'static str, f64); 5] {
        [("p50", self.p50), ("p90", self.p90), ("p95", self.p95), ("p99", self.p99), ("max", self.max)]
    }
}

fn millis(microseconds: u64) -> f64 {
    microseconds as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_added() {
        let mut times = Times::default();
        for n in 1..=100 {
            times.add(Duration::from_millis(n), Some(n / 2));
        }
        let wall = times.figures().wall;
        let close = |value: f64, expected: f64| (value - expected).abs() <= expected / 500.0;
        assert!(close(wall.p50, 50.0) && close(wall.p95, 95.0) && close(wall.p99, 99.0), "{wall:?}");
        assert!(close(wall.max, 100.0) && close(wall.mean, 50.5) && wall.count == 100, "{wall:?}");
        assert!(close(times.figures().took.p50, 25.0));
        assert_eq!(times.spread(&[10.0, 50.0]).iter().sum::<u64>(), 100);
        assert_eq!(Times::default().figures(), Latency::default());
    }

    #[test]
    fn a_value_above_all_bounds_counts_as_the_largest() {
        let mut times = Times::default();
        times.add(Duration::from_secs(1 << 40), Some(u64::MAX));
        assert_eq!(times.figures().wall.count, 1);
    }

    #[test]
    fn joined_times_are_those_of_both() {
        let (mut one, mut two) = (Times::default(), Times::default());
        one.add(Duration::from_millis(1), None);
        two.add(Duration::from_millis(3), None);
        one.join(&two);
        assert_eq!((one.figures().wall.count, one.figures().took.count), (2, 0));
    }
}
