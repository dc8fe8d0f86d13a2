//! Places in the file: from a byte to the key it belongs to, and from a key to its line and column.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// A file that may be wrong somewhere.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// Its name in messages.
    pub origin: &'a str,
    /// Its content.
    pub text: &'a str,
}

impl Source<'_> {
    /// `migrations.toml:12:1`, from 1, columns in characters.
    pub fn place(&self, offset: usize) -> String {
        let before: Vec<u8> = self.text.bytes().take(offset).collect();
        let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
        let column = String::from_utf8_lossy(&before[line_start..]).chars().count() + 1;
        format!("{}:{line}:{column}", self.origin)
    }

    /// The keys from the top of the file down to the innermost one around `offset`.
    pub fn keys_at(&self, offset: usize) -> Vec<String> {
        let mut best = Vec::new();
        if let Ok(document) = DeTable::parse(self.text) {
            deepest_in_table(document.get_ref(), offset, &mut Vec::new(), &mut best);
        }
        best
    }

    /// True for the span of everything, which the tables at the top level share.
    pub fn is_whole(&self, span: &Range<usize>) -> bool {
        DeTable::parse(self.text).is_ok_and(|document| document.span() == *span)
    }

    /// Where `keys` are written, or the nearest table around them that is. Tables in a list are named by their
    /// position, from 1.
    pub fn find(&self, keys: &[String]) -> usize {
        let Ok(document) = DeTable::parse(self.text) else { return 0 };
        let mut table = document.get_ref();
        let mut found = 0;
        let mut keys = keys.iter();
        while let Some(key) = keys.next() {
            let Some((written, mut value)) = table.iter().find(|(written, _)| written.get_ref() == key)
            else {
                break;
            };
            found = written.span().start;
            if let DeValue::Array(items) = value.get_ref()
                && let Some(item) =
                    keys.next().and_then(|key| items.get(key.parse::<usize>().ok()?.checked_sub(1)?))
            {
                value = item;
            }
            match value.get_ref() {
                DeValue::Table(inner) => table = inner,
                _ => {
                    found = value.span().start;
                    break;
                }
            }
        }
        found
    }
}

fn deepest_in_table(table: &DeTable<'_>, offset: usize, path: &mut Vec<String>, best: &mut Vec<String>) {
    let inside = |span: Range<usize>| span.start <= offset && offset < span.end.max(span.start + 1);
    for (key, value) in table {
        path.push(key.get_ref().to_string());
        if path.len() > best.len() && (inside(key.span()) || inside(value.span())) {
            best.clone_from(path);
        }
        deepest_in_value(value.get_ref(), offset, path, best);
        path.pop();
    }
}

fn deepest_in_value(value: &DeValue<'_>, offset: usize, path: &mut Vec<String>, best: &mut Vec<String>) {
    match value {
        DeValue::Table(table) => deepest_in_table(table, offset, path, best),
        DeValue::Array(items) => {
            items.iter().for_each(|item| deepest_in_value(item.get_ref(), offset, path, best))
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "a = 1\n[b.c]\n\"ü\" = { d = 2 }\n";

    #[test]
    fn a_byte_is_named_by_line_and_column() {
        let source = Source { origin: "x.toml", text: TEXT };
        assert_eq!(source.place(0), "x.toml:1:1");
        assert_eq!(source.place(TEXT.find('ü').unwrap()), "x.toml:3:2");
        assert_eq!(source.place(TEXT.find("d = ").unwrap()), "x.toml:3:9");
        assert_eq!(source.place(10_000), "x.toml:4:1");
    }

    #[test]
    fn a_byte_leads_to_its_key_and_the_key_back_to_it() {
        let source = Source { origin: "x.toml", text: TEXT };
        let at = TEXT.find("d = ").unwrap();
        let keys = source.keys_at(at);
        assert_eq!(keys, ["b", "c", "ü", "d"]);
        assert_eq!(source.find(&keys), at + 4);
        assert_eq!(source.find(&["b".to_owned(), "missing".to_owned()]), TEXT.find("b.c").unwrap());
        assert_eq!(source.find(&["missing".to_owned()]), 0);
    }
}
