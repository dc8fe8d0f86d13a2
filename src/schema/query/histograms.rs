//! Histograms: zones, offsets and intervals of 1.x.

use serde_json::{Value, json};

use super::Rewriter;
use super::aggregations::says_yes;
use super::options::Options;
use super::rules::{AGG_EMPTY_BUCKETS, AGG_INTERVAL, AGG_OFFSET, AGG_ZONE, HISTOGRAM_SHIFT};

/// Units that an interval with a fraction may have, in the next smaller one that it becomes.
const UNITS: [(&str, f64, &str); 5] =
    [("w", 7.0, "d"), ("d", 24.0, "h"), ("h", 60.0, "m"), ("m", 60.0, "s"), ("s", 1000.0, "ms")];

impl Rewriter<'_> {
    /// `histogram` and `date_histogram`; false when it is refused.
    pub(super) fn histogram(&mut self, name: &str, options: &mut Options, at: &str) -> bool {
        if !self.offsets(options, at) || !self.zones(options, at) {
            self.refuse(&HISTOGRAM_SHIFT, at);
            return false;
        }
        if !options.contains_key("min_doc_count") && self.applies(&AGG_EMPTY_BUCKETS) {
            self.set(options, "min_doc_count", json!(1), &AGG_EMPTY_BUCKETS, at);
        }
        if name == "date_histogram" {
            self.interval(options, at);
        }
        true
    }

    /// `pre_offset` shifts before rounding, `post_offset` after: together and opposite they are `offset`.
    fn offsets(&mut self, options: &mut Options, at: &str) -> bool {
        let old: Options =
            ["pre_offset", "post_offset"].iter().filter_map(|key| options.shift_remove_entry(*key)).collect();
        if old.is_empty() {
            return true;
        }
        let text = |key: &str| match old.get(key) {
            Some(Value::String(text)) => text.trim_start_matches('+').to_owned(),
            Some(other) => other.to_string(),
            None => "0".to_owned(),
        };
        let (before, after) = (text("pre_offset"), text("post_offset"));
        let opposite = before.strip_prefix('-') == Some(&after) || after.strip_prefix('-') == Some(&before);
        if !opposite {
            return false;
        }
        let offset = after.parse::<f64>().map_or(json!(after), |number| json!(number));
        options.insert("offset".to_owned(), offset.clone());
        self.change(&AGG_OFFSET, at, Some(Value::Object(old)), Some(json!({"offset": offset})));
        true
    }

    fn zones(&mut self, options: &mut Options, at: &str) -> bool {
        let shifted = |key: &str, still: f64| {
            options.get(key).is_some_and(|value| match value {
                Value::Number(number) => number.as_f64() != Some(still),
                Value::String(text) => !matches!(text.as_str(), "UTC" | "Z" | "+00:00" | "0"),
                _ => false,
            })
        };
        if shifted("post_zone", 0.0) || shifted("factor", 1.0) {
            return false;
        }
        let adjusted = says_yes(options, "pre_zone_adjust_large_interval");
        options.shift_remove("post_zone");
        options.shift_remove("factor");
        options.shift_remove("pre_zone_adjust_large_interval");
        let old = ["pre_zone", "time_zone"].iter().find_map(|key| Some((*key, options.get(*key)?.clone())));
        let Some((key, zone)) = old.filter(|_| self.applies(&AGG_ZONE)) else { return true };
        options.shift_remove("pre_zone");
        options.shift_remove("time_zone");
        let name = zone_name(&zone);
        options.insert("time_zone".to_owned(), name.clone());
        let reason = if adjusted {
            "the option has another name; keys of buckets are the same moments".to_owned()
        } else {
            AGG_ZONE.why.to_owned()
        };
        self.change_because(
            &AGG_ZONE,
            at,
            Some(json!({key: zone})),
            Some(json!({"time_zone": name})),
            reason,
        );
        true
    }

    fn interval(&mut self, options: &mut Options, at: &str) {
        let Some(text) = options.get("interval").and_then(Value::as_str).map(str::to_owned) else { return };
        if !text.contains('.') || text.strip_suffix(".0").is_some() {
            return;
        }
        let Some(whole) = without_fraction(&text) else { return };
        self.set(options, "interval", json!(whole), &AGG_INTERVAL, at);
    }
}

/// `-2` and `"-2"` are hours.
fn zone_name(zone: &Value) -> Value {
    let hours =
        zone.as_i64().or_else(|| zone.as_str().and_then(|text| text.trim_start_matches('+').parse().ok()));
    match hours {
        Some(hours) => {
            let sign = if hours < 0 { '-' } else { '+' };
            json!(format!("{sign}{:02}:00", hours.abs()))
        }
        None => zone.clone(),
    }
}

/// `1.5h` as `90m`, if some unit gives a whole number.
fn without_fraction(text: &str) -> Option<String> {
    let digits = text.find(|character: char| character.is_ascii_alphabetic())?;
    let mut amount: f64 = text[..digits].parse().ok()?;
    let mut unit = &text[digits..];
    while amount.fract() != 0.0 {
        let (_, times, smaller) = UNITS.iter().find(|(name, _, _)| *name == unit)?;
        amount *= times;
        unit = smaller;
    }
    Some(format!("{amount:.0}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_becomes_a_whole_number_of_a_smaller_unit() {
        assert_eq!(without_fraction("1.5h").as_deref(), Some("90m"));
        assert_eq!(without_fraction("0.5d").as_deref(), Some("12h"));
        assert_eq!(without_fraction("0.0001s"), None);
    }

    #[test]
    fn a_zone_of_hours_gets_its_name() {
        assert_eq!(zone_name(&json!(-2)), json!("-02:00"));
        assert_eq!(zone_name(&json!("+05:30")), json!("+05:30"));
        assert_eq!(zone_name(&json!("Europe/Berlin")), json!("Europe/Berlin"));
    }
}
