//! Follows the bytes of an answer, value by value, and says where they cannot be followed.

use super::nesting::{end_of_container, end_of_string};

/// A part of a page's bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// From one byte up to another, which is outside.
    pub(super) fn between(start: usize, end: usize) -> Span {
        Span { start, end }
    }

    /// The bytes it stands for.
    #[must_use]
    pub fn of(self, page: &[u8]) -> &[u8] {
        &page[self.start..self.end]
    }

    /// How many bytes.
    #[must_use]
    pub fn len(self) -> usize {
        self.end - self.start
    }

    /// True for no bytes.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// An answer that cannot be followed, with the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the page cannot be read at byte {at}: expected {expected}")]
pub struct PageError {
    /// Offset in the answer.
    pub at: usize,
    /// What should have been there.
    pub expected: &'static str,
}

/// A place in an answer, moving forward.
pub(super) struct Scan<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl Scan<'_> {
    pub(super) fn fail<T>(&self, expected: &'static str) -> Result<T, PageError> {
        Err(PageError { at: self.at, expected })
    }

    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.bytes.get(self.at) {
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                other => return Some(other),
            }
        }
        None
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), PageError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            self.fail(expected)
        }
    }

    /// Calls `member` with each key (quotes included), the scan standing at its value.
    pub(super) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &[u8]) -> Result<(), PageError>,
    ) -> Result<(), PageError> {
        self.expect(b'{', "an object")?;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.peek();
            let key = self.string()?.of(self.bytes);
            self.expect(b':', "a colon")?;
            self.peek();
            member(self, key)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fail("a comma or the end of the object"),
            }
        }
    }

    pub(super) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), PageError>,
    ) -> Result<(), PageError> {
        self.expect(b'[', "an array")?;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.peek();
            element(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return self.fail("a comma or the end of the array"),
            }
        }
    }

    #[inline]
    pub(super) fn integer(&mut self) -> Result<i64, PageError> {
        let value = self.value()?;
        let text = std::str::from_utf8(value.of(self.bytes)).ok();
        let number = text.and_then(|text| text.parse().ok());
        number.ok_or(PageError { at: value.start, expected: "a whole number" })
    }

    pub(super) fn truth(&mut self) -> Result<bool, PageError> {
        let value = self.value()?;
        match value.of(self.bytes) {
            b"true" => Ok(true),
            b"false" => Ok(false),
            _ => Err(PageError { at: value.start, expected: "true or false" }),
        }
    }

    /// A whole number that counts something.
    #[inline]
    pub(super) fn number(&mut self) -> Result<u64, PageError> {
        let at = self.at;
        let counted = u64::try_from(self.integer()?);
        counted.map_err(|_| PageError { at, expected: "a number that is not negative" })
    }

    /// A string that the server made itself, such as an id: documents may hold anything, but what is no text here was
    /// damaged on the way, and no request could carry it.
    #[inline]
    pub(super) fn text(&mut self) -> Result<Span, PageError> {
        let span = self.string()?;
        let bytes = span.of(self.bytes);
        let plain = bytes.iter().all(|byte| (b' '..=b'~').contains(byte) && *byte != b'\\');
        if plain || serde_json::from_slice::<String>(bytes).is_ok() {
            Ok(span)
        } else {
            Err(PageError { at: span.start, expected: "text in UTF-8" })
        }
    }

    /// A string with its quotes.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Span, PageError> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return self.fail("a string");
        }
        let start = self.at;
        self.at = end_of_string(self.bytes, start + 1)
            .ok_or(PageError { at: start, expected: "the end of a string" })?;
        Ok(Span { start, end: self.at })
    }

    /// Any value; the scan stands at its first byte.
    #[inline]
    pub(super) fn value(&mut self) -> Result<Span, PageError> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{' | b'[') => {
                self.at = end_of_container(self.bytes, start)
                    .ok_or(PageError { at: start, expected: "the end of a value" })?;
                Ok(Span { start, end: self.at })
            }
            Some(_) => {
                while self.bytes.get(self.at).is_some_and(|byte| !b",}] \n\r\t".contains(byte)) {
                    self.at += 1;
                }
                if self.at == start { self.fail("a value") } else { Ok(Span { start, end: self.at }) }
            }
            None => self.fail("a value"),
        }
    }
}
