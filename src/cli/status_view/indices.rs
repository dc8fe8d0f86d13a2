//! An index of a migration, and whether its counts agree.

use crate::control::status::IndexStatus;
use crate::store::records::Counted;

use super::super::Paint;
use super::super::numbers::{documents, grouped};
use super::tally;

/// `zoo (cat) -> zoo-cat`, or one name where both sides have the same.
fn both_names(index: &IndexStatus) -> String {
    match index.types.as_slice() {
        [] if index.source == index.target => index.source.clone(),
        [] => format!("{} -> {}", index.source, index.target),
        types => format!("{} ({}) -> {}", index.source, types.join(", "), index.target),
    }
}

/// What transforms did to the count of an index, in words.
fn changed_counts(counted: &Counted) -> String {
    let parts =
        [(counted.dropped, "dropped"), (counted.derived, "derived"), (counted.elsewhere, "in other indices")];
    let named: Vec<String> = parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{} {what}", grouped(*count)))
        .collect();
    if named.is_empty() { String::new() } else { format!(" ({})", named.join(", ")) }
}

pub(super) fn counts(index: &IndexStatus, counted: &Counted, all_accepted: bool, paint: Paint) -> String {
    let line = format!(
        "counts {}: source {}, target {}{}",
        both_names(index),
        grouped(counted.source),
        grouped(counted.target),
        changed_counts(counted)
    );
    match &counted.explanation {
        None if counted.agrees() && counted.source != counted.target => {
            paint.green(&format!("{line}: as expected"))
        }
        None if counted.agrees() => paint.green(&format!("{line}: equal")),
        Some(_) if all_accepted && counted.lacks_only_failures() => {
            paint.green(&format!("{line}: what is missing is accepted"))
        }
        None => paint.red(&format!("{line}: they differ, and nothing that is known explains it")),
        Some(explanation) => paint.yellow(&format!("{line}: {explanation}")),
    }
}

fn arrow(index: &IndexStatus) -> String {
    match index.types.as_slice() {
        [] => format!("{} -> {}", index.source, index.target),
        _ => both_names(index),
    }
}

pub(super) fn index_lines(index: &IndexStatus, all_accepted: bool, paint: Paint) -> Vec<String> {
    let mut lines = vec![
        format!("index {}: {} docs", arrow(index), documents(index.docs_total)),
        format!("  by {}", index.strategy),
        format!("  slices {}", tally(&index.slices)),
    ];
    lines.extend(index.remarks.iter().map(|remark| format!("  note: {remark}")));
    lines.extend(
        index.counted.as_ref().map(|counted| format!("  {}", counts(index, counted, all_accepted, paint))),
    );
    lines
}
