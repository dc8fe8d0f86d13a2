//! `remove`: fields are left out.

use super::json::{Kind, Member, Part, Splice, elements, members, start};
use super::path::{Match, matching};

/// The document without those of the fields for which `goes` holds; `None` when there are none.
pub(super) fn remove(bytes: &[u8], paths: &[&str], goes: &dyn Fn(&Member) -> bool) -> Option<Vec<u8>> {
    let mut splice = Splice::new(bytes);
    walk(bytes, start(bytes), paths, goes, &mut splice);
    splice.finish()
}

fn walk(bytes: &[u8], at: usize, paths: &[&str], goes: &dyn Fn(&Member) -> bool, splice: &mut Splice<'_>) {
    match Kind::of(&bytes[at..]) {
        Kind::Array => {
            elements(bytes, at).for_each(|element| walk(bytes, element.start, paths, goes, splice))
        }
        Kind::Object => {
            let goes_here = |member: &Member| {
                let named =
                    paths.iter().any(|path| matches!(matching(member.key.of(bytes), path), Match::Whole));
                named && goes(member)
            };
            without(members(bytes, at), goes_here, splice, |member, splice| {
                let rest: Vec<&str> = paths
                    .iter()
                    .filter_map(|path| match matching(member.key.of(bytes), path) {
                        Match::Below(rest) => Some(rest),
                        _ => None,
                    })
                    .collect();
                if !rest.is_empty() {
                    walk(bytes, member.value.start, &rest, goes, splice);
                }
            });
        }
        _ => {}
    }
}

/// Takes out the members that go, each with the comma that it needed, and calls `stays` for the others.
fn without<'a>(
    all: impl Iterator<Item = Member>,
    goes: impl Fn(&Member) -> bool,
    splice: &mut Splice<'a>,
    mut stays: impl FnMut(&Member, &mut Splice<'a>),
) {
    let mut all = all.peekable();
    let (mut kept_any, mut before) = (false, None);
    while let Some(member) = all.next() {
        if goes(&member) {
            let part = match (kept_any.then_some(before).flatten(), all.peek()) {
                (Some(end), _) => Part { start: end, end: member.value.end },
                (None, Some(next)) => Part { start: member.key.start, end: next.key.start },
                (None, None) => Part { start: member.key.start, end: member.value.end },
            };
            splice.replace(part);
        } else {
            kept_any = true;
            stays(&member, splice);
        }
        before = Some(member.value.end);
    }
}
