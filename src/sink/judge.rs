//! What the status and error of one bulk item mean for its document (dialects 4.5 and 11.3).

use crate::cluster::dialect::writing::{Guard, Verb};
use crate::cluster::failure::Refusal;

/// Final, or to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Acknowledged.
    Written,
    /// There already, in this version; or kept, where the mode never overwrites.
    Present,
    /// A newer version is there.
    Superseded,
    /// Refused for good.
    Rejected(Refusal),
    /// May be taken later, as it is.
    Retry(Refusal),
    /// Not the document's fault, and cured by an operator only: sent again, slowly.
    Wait(Refusal),
    /// The index is gone: sending on would make the server invent another one.
    IndexGone(Refusal),
}

/// Judges one item. `tries` counts how often the item was sent.
pub(super) fn judge(
    status: u16,
    result: Option<&str>,
    error: Option<&str>,
    verb: Verb,
    tries: u32,
) -> Verdict {
    let refusal = || match error.map(serde_json::from_str::<serde_json::Value>) {
        Some(Ok(value)) => Refusal::of_error(status, &value),
        _ => Refusal { status, error_type: String::new(), reason: error.unwrap_or_default().to_owned() },
    };
    match (status, result) {
        // The document is what the update would make of it.
        (200, Some("noop")) if verb == Verb::Update => Verdict::Present,
        // There is nothing to delete: no error (measured on 6.8.23, dialects 11.3).
        (404, Some("not_found")) if matches!(verb, Verb::Delete(_)) && error.is_none() => Verdict::Present,
        (200 | 201, Some("noop")) => Verdict::Rejected(Refusal {
            status,
            error_type: "dropped_by_pipeline".to_owned(),
            reason: "a pipeline of the target dropped the document".to_owned(),
        }),
        (200 | 201, _) if error.is_none() => Verdict::Written,
        (409, _) => conflict(refusal(), verb),
        (403, _) => Verdict::Wait(refusal()),
        (400, _) => {
            let refusal = refusal();
            let closed = refusal.is("index_closed_exception", "IndexClosedException");
            if closed { Verdict::Wait(refusal) } else { Verdict::Rejected(refusal) }
        }
        (404, _) => {
            let refusal = refusal();
            if is_gone(&refusal) { Verdict::IndexGone(refusal) } else { Verdict::Rejected(refusal) }
        }
        (429 | 502..=504, _) => Verdict::Retry(refusal()),
        (500, _) => {
            // A node that leaves in the middle is a 500, and so is a pipeline that throws, for ever (dialects 11.3).
            let refusal = refusal();
            if refusal.is_temporary() || tries < 4 {
                Verdict::Retry(refusal)
            } else {
                Verdict::Rejected(refusal)
            }
        }
        _ => Verdict::Rejected(refusal()),
    }
}

/// The server says that there is no such index. A 404 alone may be about something else, or a proxy's.
pub(super) fn is_gone(refusal: &Refusal) -> bool {
    refusal.status == 404 && refusal.is_of_missing_index()
}

/// `current version [5] is higher or equal to the one provided [5]`: equal means there already.
fn conflict(refusal: Refusal, verb: Verb) -> Verdict {
    match verb {
        Verb::Create => return Verdict::Present,
        // Somebody else wrote it between the server's reading and its writing.
        Verb::Update => return Verdict::Retry(refusal),
        _ if verb.guard() == Guard::Unchanged => return Verdict::Rejected(refusal),
        _ => {}
    }
    let number = |after: &str| -> Option<u64> {
        let rest = &refusal.reason[refusal.reason.find(after)? + after.len()..];
        rest[..rest.find(']')?].parse().ok()
    };
    match (number("current version ["), number("provided [")) {
        (Some(stored), Some(sent)) if stored == sent => Verdict::Present,
        (Some(stored), Some(sent)) if stored > sent => Verdict::Superseded,
        // What cannot be read is not taken for success.
        _ => Verdict::Rejected(refusal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, error_type: &str, reason: &str) -> Verdict {
        let error = format!(r#"{{"type":"{error_type}","reason":"{reason}"}}"#);
        judge(status, None, Some(&error), Verb::Index(Guard::Older), 1)
    }

    #[test]
    fn success_is_what_was_indexed_and_nothing_else() {
        assert_eq!(judge(201, Some("created"), None, Verb::Index(Guard::Older), 1), Verdict::Written);
        assert_eq!(judge(200, Some("updated"), None, Verb::Index(Guard::Older), 1), Verdict::Written);
        assert!(matches!(judge(200, Some("noop"), None, Verb::Index(Guard::Older), 1), Verdict::Rejected(_)));
    }

    #[test]
    fn conflicts_are_told_apart_by_the_version_they_name() {
        let reason = |stored: u64| {
            format!(
                "[_doc][1]: version conflict, current version [{stored}] is higher or equal to the one provided [5]"
            )
        };
        let kind = "version_conflict_engine_exception";
        assert_eq!(of(409, kind, &reason(5)), Verdict::Present);
        assert_eq!(of(409, kind, &reason(6)), Verdict::Superseded);
        assert!(matches!(of(409, kind, "something else"), Verdict::Rejected(_)));
        assert_eq!(judge(409, None, None, Verb::Create, 1), Verdict::Present);
    }

    #[test]
    fn the_documents_fault_the_servers_and_the_operators_are_told_apart() {
        assert!(matches!(of(400, "mapper_parsing_exception", "x"), Verdict::Rejected(_)));
        assert!(matches!(of(400, "index_closed_exception", "closed"), Verdict::Wait(_)));
        assert!(matches!(
            of(403, "cluster_block_exception", "blocked by: [FORBIDDEN/12/x]"),
            Verdict::Wait(_)
        ));
        assert!(matches!(of(404, "index_not_found_exception", "no such index"), Verdict::IndexGone(_)));
        assert!(matches!(of(429, "es_rejected_execution_exception", "full"), Verdict::Retry(_)));
        assert!(matches!(of(503, "unavailable_shards_exception", "x"), Verdict::Retry(_)));
        assert!(matches!(of(500, "node_disconnected_exception", "x"), Verdict::Retry(_)));
    }

    #[test]
    fn what_is_not_there_needs_no_delete_and_an_update_of_it_fails() {
        let delete = Verb::Delete(Guard::Older);
        assert_eq!(judge(200, Some("deleted"), None, delete, 1), Verdict::Written);
        assert_eq!(judge(404, Some("not_found"), None, delete, 1), Verdict::Present);
        let gone = r#"{"type":"index_not_found_exception","reason":"no such index"}"#;
        assert!(matches!(judge(404, None, Some(gone), delete, 1), Verdict::IndexGone(_)));
        let missing = r#"{"type":"document_missing_exception","reason":"[_doc][1]: document missing"}"#;
        assert!(matches!(judge(404, None, Some(missing), Verb::Update, 1), Verdict::Rejected(_)));
        assert_eq!(judge(200, Some("noop"), None, Verb::Update, 1), Verdict::Present);
        assert!(matches!(judge(409, None, Some("{}"), Verb::Update, 1), Verdict::Retry(_)));
    }

    #[test]
    fn a_document_that_changed_meanwhile_is_told() {
        let reason = r#"{"type":"version_conflict_engine_exception","reason":"current version [6] is different than the one provided [5]"}"#;
        for verb in [Verb::Index(Guard::Unchanged), Verb::Delete(Guard::Unchanged)] {
            assert!(matches!(judge(409, None, Some(reason), verb, 1), Verdict::Rejected(_)));
        }
    }

    #[test]
    fn a_permanent_500_ends_as_a_failure() {
        let error = r#"{"type":"exception","reason":"pipeline"}"#;
        assert!(matches!(judge(500, None, Some(error), Verb::Index(Guard::Older), 1), Verdict::Retry(_)));
        assert!(matches!(judge(500, None, Some(error), Verb::Index(Guard::Older), 4), Verdict::Rejected(_)));
    }
}
