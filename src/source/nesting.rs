//! Finds where a JSON value ends, by its strings and brackets alone.
//!
//! This is where esferry spends most of its own time, so it looks at 64 bytes at once: as bit masks, whose sums say
//! that the value cannot end in here. Only blocks in which it can, or that hold a backslash or a comment, are walked
//! byte by byte.

use wide::u8x16;

/// Which of 64 bytes are what, one bit a byte.
struct Marks {
    quotes: u64,
    backslashes: u64,
    slashes: u64,
    opening: u64,
    closing: u64,
}

impl Marks {
    fn of(block: &[u8; 64]) -> Self {
        let mut marks = Marks { quotes: 0, backslashes: 0, slashes: 0, opening: 0, closing: 0 };
        let (sixteens, _) = block.as_chunks::<16>();
        for (shift, sixteen) in [0_u32, 16, 32, 48].into_iter().zip(sixteens) {
            let bytes = u8x16::from(*sixteen);
            let equal =
                |bytes: u8x16, byte: u8| u64::from(bytes.simd_eq(u8x16::splat(byte)).to_bitmask()) << shift;
            // Braces are brackets with one more bit.
            let folded = bytes | u8x16::splat(0x20);
            marks.quotes |= equal(bytes, b'"');
            marks.backslashes |= equal(bytes, b'\\');
            marks.slashes |= equal(bytes, b'/');
            marks.opening |= equal(folded, b'{');
            marks.closing |= equal(folded, b'}');
        }
        marks
    }
}

/// Each bit the parity of the bits up to it: set from an opening quote up to its closing one.
fn parity(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

/// The offset behind the bracket that closes the one at `at`; `None` when the value does not end.
pub(crate) fn end_of_container(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_string = false;
    loop {
        if let Some(block) = bytes.get(at..).and_then(<[u8]>::first_chunk::<64>) {
            let marks = Marks::of(block);
            let inside = parity(marks.quotes) ^ if in_string { u64::MAX } else { 0 };
            let opened = count(marks.opening & !inside);
            let closed = count(marks.closing & !inside);
            if marks.backslashes == 0 && marks.slashes & !inside == 0 && closed < depth {
                depth = depth + opened - closed;
                in_string ^= marks.quotes.count_ones() % 2 == 1;
                at += 64;
                continue;
            }
        }
        // Byte by byte up to where the next block begins; a string or comment may lead beyond.
        let until = at + 64;
        if in_string {
            at = end_of_string(bytes, at)?;
            in_string = false;
        }
        while at < until {
            match bytes.get(at)? {
                b'"' => at = end_of_string(bytes, at + 1)?,
                b'{' | b'[' => {
                    depth += 1;
                    at += 1;
                }
                b'}' | b']' => {
                    at += 1;
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Some(at);
                    }
                }
                b'/' => at = end_of_comment(bytes, at)?,
                _ => at += 1,
            }
        }
    }
}

fn count(bits: u64) -> usize {
    usize::from(bits.count_ones().to_le_bytes()[0])
}

/// The offset behind the closing quote of a string whose content begins at `at`.
///
/// Eight bytes at a time: most strings of a document are short, and calling a vectorised search for each costs more
/// than it saves.
pub(crate) fn end_of_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    /// The high bit of the lowest byte that equals `byte`, exact up to there.
    fn equal(word: u64, byte: u8) -> u64 {
        let zero = word ^ (LOW * u64::from(byte));
        zero.wrapping_sub(LOW) & !zero & HIGH
    }
    loop {
        while let Some(eight) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
            let word = u64::from_le_bytes(*eight);
            let found = equal(word, b'"') | equal(word, b'\\');
            if found != 0 {
                at += usize::from(found.trailing_zeros().to_le_bytes()[0] / 8);
                break;
            }
            at += 8;
        }
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// 1.x stores `/* … */` and `// …` inside documents; a lone slash is left where it is.
fn end_of_comment(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at + 1)? {
        b'*' => Some(at + 2 + memchr::memmem::find(&bytes[at + 2..], b"*/")? + 2),
        b'/' => Some(at + 2 + memchr::memchr(b'\n', &bytes[at + 2..])?),
        _ => Some(at + 1),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same by the book: one byte after the other, nothing skipped.
    fn plainly(bytes: &[u8]) -> Option<usize> {
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ if in_string => {}
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn blocks_end_where_bytes_end(inner in prop::collection::vec(prop_oneof![
            4 => "[a-z :,0-9]{0,20}",
            2 => r#""([a-z{}\[\]/ ]|\\["\\n]){0,90}""#,
            1 => "[{}\\[\\]]",
        ], 0..60)) {
            let text = format!("{{{}", inner.concat());
            prop_assert_eq!(end_of_container(text.as_bytes(), 0), plainly(text.as_bytes()));
        }
    }
}
