//! Numbers, rates and times as people read them.

use std::time::Duration;

/// What stands where a number would mean nothing.
pub const NOTHING: &str = "n/a";

/// `6 131`: digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// `148 213`, and from ten millions on `306.4 M`.
pub fn documents(number: u64) -> String {
    if number < 10_000_000 {
        return grouped(number);
    }
    let tenths = (number + 50_000) / 100_000;
    format!("{}.{} M", grouped(tenths / 10), tenths % 10)
}

/// `41 200/s`, or `n/a`.
pub fn rate(per_second: Option<f64>) -> String {
    per_second.map_or_else(|| NOTHING.to_owned(), |rate| format!("{}/s", grouped(whole(rate))))
}

/// `61.3 %`, never rounded up to a hundred; or `n/a`.
pub fn percent(fraction: Option<f64>) -> String {
    fraction
        .map_or_else(|| NOTHING.to_owned(), |fraction| format!("{:.1} %", (fraction * 1000.0).floor() / 10.0))
}

/// `1 h 18 min`, `4 min 10 s`, `12 s`.
pub fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, ..) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// The nearest whole number that is not negative.
fn whole(number: f64) -> u64 {
    // Formatting rounds, and refuses nothing; what is not a number, or too large for one, becomes 0.
    format!("{:.0}", number.max(0.0)).parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [0, 12, 6131, 148_213, 9_999_999].map(grouped),
            ["0", "12", "6 131", "148 213", "9 999 999"]
        );
        assert_eq!(documents(306_412_345), "306.4 M");
        assert_eq!(documents(1_999_960_000), "2 000.0 M");
        assert_eq!(documents(148_213), "148 213");
        assert_eq!(rate(Some(41_199.7)), "41 200/s");
        assert_eq!((rate(None), rate(Some(f64::NAN))), ("n/a".to_owned(), "0/s".to_owned()));
    }

    #[test]
    fn nearly_done_is_not_done() {
        assert_eq!(percent(Some(0.999_99)), "99.9 %");
        assert_eq!(percent(Some(1.0)), "100.0 %");
        assert_eq!(percent(Some(0.613)), "61.3 %");
        assert_eq!(percent(None), "n/a");
    }

    #[test]
    fn times_have_two_units() {
        let text = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!(
            [0, 12, 250, 4680, 100_000].map(text),
            ["0 s", "12 s", "4 min 10 s", "1 h 18 min", "1 d 3 h"]
        );
    }
}
