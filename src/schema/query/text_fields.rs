//! Fields that are named in the text of a query string.

use std::ops::Range;

/// A field before a colon, and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TextField {
    /// The name, without backslashes.
    pub name: String,
    /// Where the name stands.
    pub place: Range<usize>,
    /// Where the value stands, when it is one word or phrase; empty for groups, ranges, regular expressions.
    pub value: Range<usize>,
}

impl TextField {
    /// The value, without quotes and backslashes.
    pub fn value_in(&self, text: &str) -> String {
        text[self.value.clone()].trim_matches('"').replace('\\', "")
    }

    /// Whether the value is compared as it stands: no pattern, nothing alike.
    pub fn is_exact(&self, text: &str) -> bool {
        let value = &text[self.value.clone()];
        !value.is_empty() && (value.starts_with('"') || !value.contains(['*', '?', '~']))
    }
}

/// Every field that a text names. Colons in phrases, ranges and regular expressions name none.
pub(super) fn fields_in(text: &str) -> Vec<TextField> {
    let mut fields = Vec::new();
    let mut word = 0..0;
    let mut position = 0;
    while let Some(character) = text[position..].chars().next() {
        let next = position + character.len_utf8();
        match character {
            '"' => (position, word) = (closed(text, next, &['"']), 0..0),
            '[' | '{' => (position, word) = (closed(text, next, &[']', '}']), 0..0),
            '/' => (position, word) = (closed(text, next, &['/']), 0..0),
            ':' => {
                if !word.is_empty() {
                    let start = next + leading_blanks(&text[next..]);
                    fields.push(TextField {
                        name: text[word.clone()].replace('\\', ""),
                        place: word,
                        value: start..value_end(text, start),
                    });
                }
                (position, word) = (next, 0..0);
            }
            '(' | ')' | '!' | '^' => (position, word) = (next, 0..0),
            blank if blank.is_whitespace() => position = next,
            _ => {
                let end = word_end(text, position).max(next);
                // An operator before a word is no part of it.
                let operators =
                    text[position..end].len() - text[position..end].trim_start_matches(['+', '-']).len();
                (word, position) = (position + operators..end, end);
            }
        }
    }
    fields
}

fn leading_blanks(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// Behind the first unescaped of these characters, or the end.
fn closed(text: &str, from: usize, ends: &[char]) -> usize {
    let mut escaped = false;
    for (offset, character) in text[from..].char_indices() {
        if !escaped && ends.contains(&character) {
            return from + offset + character.len_utf8();
        }
        escaped = !escaped && character == '\\';
    }
    text.len()
}

/// The end of a word that begins at `from`.
fn word_end(text: &str, from: usize) -> usize {
    let mut escaped = false;
    for (offset, character) in text[from..].char_indices() {
        let ends = character.is_whitespace()
            || matches!(character, '"' | '(' | ')' | '[' | ']' | '{' | '}' | ':' | '!' | '/' | '^');
        if !escaped && ends {
            return from + offset;
        }
        escaped = !escaped && character == '\\';
    }
    text.len()
}

fn value_end(text: &str, from: usize) -> usize {
    match text[from..].chars().next() {
        Some('"') => closed(text, from + 1, &['"']),
        Some('<' | '>' | '=' | '+' | '-') => from,
        _ => word_end(text, from),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(text: &str) -> Vec<(String, String)> {
        fields_in(text).into_iter().map(|field| (field.name.clone(), field.value_in(text))).collect()
    }

    #[test]
    fn fields_stand_before_colons_but_not_in_phrases_ranges_and_expressions() {
        let text = r#"a:x -b.c:"y: z" (+d :w) at:"10:30" when:[10:00 TO e:f] r:/g:h/ a\:b:c user-id:7 k:(x y)^2 l:>3"#;
        let pairs = [
            ("a", "x"),
            ("b.c", "y: z"),
            ("d", "w"),
            ("at", "10:30"),
            ("when", ""),
            ("r", ""),
            ("a:b", "c"),
            ("user-id", "7"),
            ("k", ""),
            ("l", ""),
        ];
        assert_eq!(told(text), pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert_eq!(told("words without fields"), []);
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(text in "[a_:\"\\\\ ()\\[\\]/*~^+\\-é]{0,20}") {
            for field in fields_in(&text) {
                prop_assert!(!field.place.is_empty() && field.place.end <= field.value.start);
                prop_assert!(text.get(field.value).is_some());
            }
        }
    }
}
