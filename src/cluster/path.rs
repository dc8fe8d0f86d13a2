//! Percent-encoding of names in URL paths, and back.

/// Encodes one path segment: everything but letters, digits and `-_.~`.
#[must_use]
pub fn encode(segment: &str) -> String {
    use std::fmt::Write;
    segment.bytes().fold(String::with_capacity(segment.len()), |mut path, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            path.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(path, "%{byte:02X}");
        }
        path
    })
}

/// Undoes [`encode`]; `None` where an escape is no byte in hexadecimal, or what comes out is no text.
#[must_use]
pub fn decode(segment: &str) -> Option<String> {
    let mut bytes = segment.bytes();
    let mut text = Vec::with_capacity(segment.len());
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?].map(char::from);
            let (high, low) = (digits[0].to_digit(16)?, digits[1].to_digit(16)?);
            text.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            text.push(byte);
        }
    }
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_again(text in ".{0,40}") {
            prop_assert_eq!(decode(&encode(&text)), Some(text));
        }
    }

    #[test]
    fn broken_escapes_are_told() {
        assert_eq!(["%", "%4", "%zz", "%ff"].map(decode), [None, None, None, None]);
    }
}
