//! Documents for people: indented, with every literal as it is written.

use super::json::{Kind, Part, check, elements, members, start};

/// A document over several lines, two blanks a level; as it is when it is no JSON object.
#[must_use]
pub fn pretty(document: &[u8]) -> String {
    if check(document).is_err() {
        return String::from_utf8_lossy(document).into_owned();
    }
    let start = start(document);
    let mut out = Vec::with_capacity(document.len() * 2);
    value(document, Part { start, end: document.len() }, 0, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

fn value(bytes: &[u8], part: Part, level: usize, out: &mut Vec<u8>) {
    let next = |out: &mut Vec<u8>, first: &mut bool, open: u8| {
        out.push(if std::mem::replace(first, false) { open } else { b',' });
        line(level + 1, out);
    };
    let mut first = true;
    match Kind::of(part.of(bytes)) {
        Kind::Object => {
            for member in members(bytes, part.start) {
                next(out, &mut first, b'{');
                out.extend_from_slice(member.key.of(bytes));
                out.extend_from_slice(b": ");
                value(bytes, member.value, level + 1, out);
            }
            close(b"{}", first, level, out);
        }
        Kind::Array => {
            for element in elements(bytes, part.start) {
                next(out, &mut first, b'[');
                value(bytes, element, level + 1, out);
            }
            close(b"[]", first, level, out);
        }
        _ => out.extend_from_slice(part.of(bytes)),
    }
}

fn close(brackets: &[u8; 2], empty: bool, level: usize, out: &mut Vec<u8>) {
    if empty {
        out.extend_from_slice(brackets);
    } else {
        line(level, out);
        out.push(brackets[1]);
    }
}

fn line(level: usize, out: &mut Vec<u8>) {
    out.push(b'\n');
    out.extend(std::iter::repeat_n(b' ', level * 2));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_indented_and_keeps_its_literals() {
        let text = r#" {"a":[1.10,{"b":"\u00e9"}],"c":{},"d":[],"a":-0.0} "#;
        insta::assert_snapshot!(pretty(text.as_bytes()), @r#"
        {
          "a": [
            1.10,
            {
              "b": "\u00e9"
            }
          ],
          "c": {},
          "d": [],
          "a": -0.0
        }
        "#);
        assert_eq!(pretty(b"{a:1}"), "{a:1}");
    }
}
