//! How exact the servers themselves say that an aggregation is.

use serde_json::Value;

/// What a difference in an aggregation means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Exactness {
    /// Numbers are right on both sides.
    Exact,
    /// The algorithm approximates: a difference up to this part of the larger number proves nothing.
    Within(f64),
    /// Counts may be off by this much on both sides together.
    Counts(u64),
    /// Nobody says by how much: no difference proves anything.
    Unknown,
}

/// Of an aggregation, by what was asked and what both sides answered.
pub(super) fn of(asked: Option<&Value>, source: &Value, target: &Value) -> Exactness {
    let bounds: Vec<i64> = [source, target]
        .iter()
        .filter_map(|answer| answer.get("doc_count_error_upper_bound").and_then(Value::as_i64))
        .collect();
    if bounds.iter().any(|bound| *bound < 0) {
        return Exactness::Unknown;
    }
    let bound: u64 =
        bounds.iter().filter_map(|bound| u64::try_from(*bound).ok()).fold(0, u64::saturating_add);
    if bound > 0 {
        return Exactness::Counts(bound);
    }
    let asks = |name: &str| asked.is_some_and(|asked| asked.get(name).is_some());
    if asks("cardinality") {
        // Of HyperLogLog++ with its usual precision; small sets are exact.
        Exactness::Within(0.06)
    } else if asks("percentiles") || asks("percentile_ranks") || asks("median_absolute_deviation") {
        Exactness::Within(0.05)
    } else if asks("significant_terms") || asks("sampler") || asks("diversified_sampler") {
        // What the background is, each shard says for itself.
        Exactness::Unknown
    } else {
        Exactness::Exact
    }
}

impl Exactness {
    /// What stands inside of it.
    pub(super) fn inside(self, own: Exactness) -> Exactness {
        match (self, own) {
            (Exactness::Counts(_) | Exactness::Unknown, _) => Exactness::Unknown,
            (_, own) => own,
        }
    }
}
