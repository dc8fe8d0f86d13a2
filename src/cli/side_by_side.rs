//! Two texts in two columns, line by line, with a mark where they differ.

use similar::{ChangeTag, TextDiff};

use super::Paint;

/// Width of a column where the terminal does not say.
const COLUMN: usize = 56;

/// Two titled texts side by side: `|` between lines that differ, `<` and `>` beside those that only one has.
pub fn side_by_side(left: (&str, &str), right: (&str, &str), paint: Paint) -> String {
    let diff = TextDiff::from_lines(left.1, right.1);
    let mut rows: Vec<(String, char, String)> = vec![(left.0.to_owned(), ' ', right.0.to_owned())];
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for change in diff.iter_all_changes() {
        let line = change.value().trim_end_matches('\n').to_owned();
        match change.tag() {
            ChangeTag::Delete => removed.push(line),
            ChangeTag::Insert => added.push(line),
            ChangeTag::Equal => {
                pair(&mut rows, &mut removed, &mut added);
                rows.push((line.clone(), ' ', line));
            }
        }
    }
    pair(&mut rows, &mut removed, &mut added);
    let mut text = String::new();
    for (left, mark, right) in rows {
        let left = cut(&left);
        let padded = format!("{left}{}", " ".repeat(COLUMN.saturating_sub(left.chars().count())));
        let line = format!("{padded} {mark} {}", cut(&right));
        let line = match mark {
            '<' => paint.red(line.trim_end()),
            '>' => paint.green(line.trim_end()),
            '|' => paint.yellow(line.trim_end()),
            _ => line.trim_end().to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// Lines that stand for each other stand beside each other.
fn pair(rows: &mut Vec<(String, char, String)>, removed: &mut Vec<String>, added: &mut Vec<String>) {
    let (mut old, mut new) = (removed.drain(..), added.drain(..));
    loop {
        match (old.next(), new.next()) {
            (Some(left), Some(right)) => rows.push((left, '|', right)),
            (Some(left), None) => rows.push((left, '<', String::new())),
            (None, Some(right)) => rows.push((String::new(), '>', right)),
            (None, None) => break,
        }
    }
}

fn cut(line: &str) -> String {
    if line.chars().count() <= COLUMN {
        return line.to_owned();
    }
    let kept: String = line.chars().take(COLUMN - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_differ_stand_beside_each_other() {
        let text = side_by_side(("old", "a\nb\nc\nd\n"), ("new", "a\nx\nd\ne\n"), Paint::off());
        let short: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(short, ["old new", "a a", "b | x", "c <", "d d", "> e"]);
    }
}
