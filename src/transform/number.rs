//! Numbers for `convert`, read by their digits and not through a float.

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::json::{Kind, text};

/// A whole number within `range`. Fractions are cut off, as 1.x and 6.8 do; `""` becomes `null`.
pub(super) fn whole(raw: &[u8], range: RangeInclusive<i128>) -> Result<Cow<'_, [u8]>, String> {
    let Some(literal) = literal(raw)? else { return Ok(Cow::Borrowed(b"null")) };
    let number = truncated(&literal).ok_or("is out of range")?;
    if !range.contains(&number) {
        return Err(format!("is out of range: {} to {}", range.start(), range.end()));
    }
    Ok(Cow::Owned(number.to_string().into_bytes()))
}

/// A number that is at most `most` in size, with its digits as they are; `""` becomes `null`.
pub(super) fn decimal(raw: &[u8], most: f64) -> Result<Cow<'_, [u8]>, String> {
    let Some(literal) = literal(raw)? else { return Ok(Cow::Borrowed(b"null")) };
    let number: f64 = literal.parse().map_err(|_| "is not a number")?;
    if !number.is_finite() || number.abs() > most {
        return Err("is out of range".to_owned());
    }
    Ok(Cow::Owned(literal.into_owned().into_bytes()))
}

/// The JSON literal of a number, or of a string that holds one; `None` for a string of blanks.
fn literal(raw: &[u8]) -> Result<Option<Cow<'_, str>>, String> {
    let refused = || "is not a number".to_owned();
    let text = match Kind::of(raw) {
        Kind::Number => return Ok(Some(String::from_utf8_lossy(raw))),
        Kind::String => text(raw).ok_or_else(refused)?,
        _ => return Err(refused()),
    };
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    // What JSON writes in another way, such as `+1`, `.5` and `007`, is a number to 1.x, too.
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (mantissa, exponent) = digits.split_at(digits.find(['e', 'E']).unwrap_or(digits.len()));
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if before.is_empty() && after.is_empty() {
        return Err(refused());
    }
    let before = before.trim_start_matches('0');
    let mut literal = format!("{sign}{}", if before.is_empty() { "0" } else { before });
    if !after.is_empty() {
        literal.push('.');
        literal.push_str(after);
    }
    literal.push_str(exponent);
    match serde_json::from_str::<serde::de::IgnoredAny>(&literal) {
        Ok(_) => Ok(Some(Cow::Owned(literal))),
        Err(_) => Err(refused()),
    }
}

/// The whole part of a literal; `None` beyond 38 digits.
fn truncated(literal: &str) -> Option<i128> {
    let (mantissa, exponent) = literal.split_at(literal.find(['e', 'E']).unwrap_or(literal.len()));
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches('-');
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{before}{after}");
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Some(0);
    }
    let exponent: i64 = match exponent.get(1..) {
        // An exponent beyond 64 bits is far beyond any range, or far below one.
        Some(text) => text.parse().unwrap_or(if text.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 }),
        None => 0,
    };
    let leading = i64::try_from(digits.len() - significant.len()).ok()?;
    let whole = i64::try_from(before.len()).ok()?.saturating_add(exponent).saturating_sub(leading);
    if whole <= 0 {
        return Some(0);
    }
    let whole = usize::try_from(whole).ok().filter(|&whole| whole <= 38)?;
    let mut kept: String = significant.chars().take(whole).collect();
    kept.extend(std::iter::repeat_n('0', whole - kept.len()));
    let number: i128 = kept.parse().ok()?;
    Some(if negative { -number } else { number })
}
