//! Dates for `convert`. 1.x tries the format first and reads any other number as milliseconds; 6.8 keeps to the format.

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;

use super::json::{Kind, quoted, text};

/// An ISO 8601 string. Numbers, and strings of five digits or more, are milliseconds since 1970; 1.x takes up to nine for
/// a year (measured on 1.7.6), which nobody means. Months and days of one digit get their zero; what is ISO 8601 already
/// keeps its bytes.
pub(super) fn date(raw: &[u8]) -> Result<Cow<'_, [u8]>, String> {
    let refused = || "is not a date".to_owned();
    let text = match Kind::of(raw) {
        Kind::Number => String::from_utf8_lossy(raw),
        Kind::String => text(raw).ok_or_else(refused)?,
        _ => return Err(refused()),
    };
    if text.trim().is_empty() {
        return Ok(Cow::Borrowed(b"null"));
    }
    let digits = text.strip_prefix('-').unwrap_or(&text);
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    if Kind::of(raw) == Kind::Number || (all_digits && (digits.len() > 4 || digits.len() < text.len())) {
        let millis: i64 = text.parse().map_err(|_| refused())?;
        let moment = Timestamp::from_millisecond(millis).map_err(|_| "is out of range for a date")?;
        return Ok(Cow::Owned(quoted(&moment.to_string()).into_bytes()));
    }
    let padded = padded(&text).ok_or_else(refused)?;
    Ok(if padded == text { Cow::Borrowed(raw) } else { Cow::Owned(quoted(&padded).into_bytes()) })
}

/// `2015-1-1T9:00` as `2015-01-01T09:00`; `None` for what is no date.
fn padded(text: &str) -> Option<String> {
    let (day, time) = match text.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let mut parts = day.split('-');
    let mut next = |most: usize| -> Option<Option<&str>> {
        match parts.next() {
            None => Some(None),
            Some(part) if number(part) && part.len() <= most => Some(Some(part)),
            Some(_) => None,
        }
    };
    let (year, month, day) = (next(4)??, next(2)?, next(2)?);
    if parts.next().is_some() {
        return None;
    }
    let part = |part: Option<&str>| part.map_or(Some(1), |part| part.parse().ok());
    Date::new(year.parse().ok()?, part(month)?, part(day)?).ok()?;
    let mut out = format!("{year:0>4}");
    for part in [month, day].into_iter().flatten() {
        out.push_str(&format!("-{part:0>2}"));
    }
    if let Some(time) = time {
        out.push('T');
        out.push_str(&padded_time(time)?);
    }
    Some(out)
}

/// Hours to fractions of a second, then `Z` or an offset.
fn padded_time(time: &str) -> Option<String> {
    let (clock, zone) = time.split_at(time.find(['Z', '+', '-']).unwrap_or(time.len()));
    let (clock, fraction) = match clock.split_once(['.', ',']) {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (clock, None),
    };
    let mut out = Vec::new();
    for (part, most) in clock.split(':').zip([23_u8, 59, 59]) {
        if !number(part) || part.len() > 2 || part.parse::<u8>().ok()? > most {
            return None;
        }
        out.push(format!("{part:0>2}"));
    }
    if clock.split(':').count() > 3 || clock.is_empty() != out.is_empty() {
        return None;
    }
    let mut out = out.join(":");
    if let Some(fraction) = fraction {
        if !number(fraction) {
            return None;
        }
        out.push('.');
        out.push_str(fraction);
    }
    let offset = zone.trim_start_matches(['+', '-']).replace(':', "");
    let good = zone.is_empty() || zone == "Z" || (number(&offset) && matches!(offset.len(), 2 | 4));
    good.then(|| out + zone)
}

fn number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
