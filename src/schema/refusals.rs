//! What keeps types from having a target as configured.
//!
//! `subject` is what an error is about, such as "index `zoo`"; `kept` are its types that are not left behind.

use serde_json::Value;

use crate::error::{Error, Result};

/// The type of percolator queries, which no target since 5.0 has.
pub(super) const PERCOLATOR: &str = ".percolator";

fn names(types: &[(String, Value)]) -> String {
    types.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

pub(super) fn refuse_several(subject: &str, kept: &[(String, Value)]) -> Result<()> {
    if kept.len() < 2 {
        return Ok(());
    }
    let message =
        format!("{subject} has {} types ({}), an index of the target has one", kept.len(), names(kept));
    Err(Error::refused("several_types", message).hint(
        "say what becomes of them: types = \"split\" (an index a type, to.index = \"{index}-{type}\"), \"merge\" (one index, a field names the type) or \"join\" (parents and children)",
    ))
}

pub(super) fn refuse_percolator(subject: &str, kept: &[(String, Value)]) -> Result<()> {
    if !kept.iter().any(|(name, _)| name == PERCOLATOR) {
        return Ok(());
    }
    let message =
        format!("{subject} holds percolator queries (type `.percolator`), a type that no target knows");
    Err(Error::refused("percolator", message).hint(format!(
        "go without them (accept_lost = [\"mappings.{PERCOLATOR}\"]) and store them anew in a field of type `percolator`, or leave the index out (\"-name\")"
    )))
}

pub(super) fn refuse_parents(subject: &str, kept: &[(String, Value)], remedy: &str) -> Result<()> {
    let Some((name, mapping)) = kept.iter().find(|(_, mapping)| mapping.get("_parent").is_some()) else {
        return Ok(());
    };
    let parent = mapping.pointer("/_parent/type").and_then(Value::as_str).unwrap_or("?");
    let message = format!(
        "{subject}: type `{name}` has the parent `{parent}`, a relation that the target knows as a join field only"
    );
    Err(Error::refused("parent", message).hint(remedy.to_owned()))
}

/// A document cannot hold the same key twice.
pub(super) fn refuse_taken(subject: &str, kept: &[(String, Value)], field: &str, word: &str) -> Result<()> {
    let taken = kept.iter().find(|(_, mapping)| {
        mapping.pointer("/properties").and_then(|properties| properties.get(field)).is_some()
    });
    let Some((name, _)) = taken else { return Ok(()) };
    let message =
        format!("{subject}: type `{name}` has a field `{field}` of its own, which is to name the type");
    Err(Error::refused("field_taken", message)
        .hint(format!("choose another: types = {{ {word} = {{ field = \"doc_{field}\" }} }}")))
}

/// With their types in front, ids of different documents may become one: `b-0` of type `a` and `0` of type `a-b`.
pub(super) fn refuse_ambiguous_ids(subject: &str, kept: &[(String, Value)]) -> Result<()> {
    for (one, _) in kept {
        let front = format!("{one}-");
        let Some((other, _)) = kept.iter().find(|(other, _)| other.starts_with(&front)) else { continue };
        let rest = &other[front.len()..];
        let message = format!(
            "{subject}: types `{one}` and `{other}` cannot share an index: ids get their type in front, and `{rest}-1` of `{one}` and `1` of `{other}` would both become `{other}-1`"
        );
        return Err(Error::refused("ambiguous_ids", message).hint(
            "give each type an index of its own (types = \"split\"); a family with such names has to be written under other types first",
        ));
    }
    Ok(())
}
