//! Numbers of two servers: sums of floats depend on their order, and `1` is `1.0`.

use serde_json::Value;

use super::{Findings, shown};

/// How far apart two calculated numbers may be, as a part of the larger one.
pub const TOLERANCE: f64 = 1e-6;

/// Whether two numbers are the same, within a part of the larger one.
#[must_use]
pub fn close(one: f64, other: f64, tolerance: f64) -> bool {
    one == other
        || one.is_nan() && other.is_nan()
        || (one - other).abs() <= tolerance * one.abs().max(other.abs())
}

/// A value as a number. What a server writes for a number that is none counts as such: `null`, `"NaN"`, `"Infinity"`.
#[must_use]
pub fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::Null => Some(f64::NAN),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

/// Whether two values say the same: numbers within the tolerance, everything else exactly.
#[must_use]
pub fn alike(one: &Value, other: &Value, tolerance: f64) -> bool {
    if let (Some(one), Some(other)) = (one.as_u64(), other.as_u64())
        && tolerance == 0.0
    {
        return one == other;
    }
    match (number(one), number(other)) {
        (Some(one), Some(other)) => close(one, other, tolerance),
        _ => one == other,
    }
}

/// Compares two whole numbers, one of which may be missing.
pub fn same(findings: &mut Findings, at: &str, source: Option<&Value>, target: Option<&Value>) {
    let equal = match (source, target) {
        (Some(one), Some(other)) => alike(one, other, 0.0),
        (one, other) => one == other,
    };
    if !equal {
        findings.differ(at, shown(source), shown(target));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_the_same_within_a_part_of_them() {
        assert!(close(1e9, 1e9 + 1.0, TOLERANCE) && !close(1.0, 1.001, TOLERANCE));
        assert!(close(0.0, -0.0, 0.0) && !close(0.0, 1e-12, TOLERANCE));
        assert!(alike(&json!(1), &json!(1.0), 0.0) && alike(&json!(null), &json!("NaN"), 0.0));
        assert!(!alike(&json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64), 0.0));
        assert!(!alike(&json!("1"), &json!(1), TOLERANCE) && !alike(&json!(null), &json!(0), TOLERANCE));
    }
}
