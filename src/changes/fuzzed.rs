//! What has to hold for any message: it becomes operations that can be sent, or a failure with a reason.

use super::mapping::{Action, Mapping, MessageParts};
use crate::config::ChangeVersion;

/// Takes every member that an operation has from the message.
const MAP: &str = ".[]? // . | {op, index, type, id, routing, parent, version, source, doc, upsert}";

/// The bytes are the value of a message.
///
/// # Panics
/// When it does not hold.
pub fn message(bytes: &[u8]) {
    for version in [ChangeVersion::Message, ChangeVersion::Source, ChangeVersion::None] {
        let mapping = Mapping::compile(MAP, version).expect("the program compiles");
        let parts =
            MessageParts { partition: 0, offset: 0, timestamp: None, key: Some(bytes), payload: Some(bytes) };
        match mapping.changes(&parts) {
            Err(poison) => assert!(!poison.reason.is_empty()),
            Ok(changes) => changes.iter().for_each(|change| {
                assert!((1..=512).contains(&change.id.len()));
                assert_eq!(change.version.is_some(), version == ChangeVersion::Message);
                let bodies = match &change.action {
                    Action::Index { source } => vec![source],
                    Action::Update { doc, upsert } => std::iter::once(doc).chain(upsert).collect(),
                    Action::Delete | Action::Touch => Vec::new(),
                };
                for body in bodies {
                    serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(body)
                        .expect("a body is an object");
                }
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_message_becomes_operations_or_a_failure(
            message in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..60),
                r#"\{"op":"(index|update|delete|noop|x)","id":("[a-z#é]{0,5}"|[0-9]{1,25}|null),"version":(-?[0-9]{1,20}|1.5|"3"),"(source|doc)":(\{"a":[0-9.eE+-]{1,5}\}|\[\]|null)\}"#.prop_map(String::into_bytes),
            ],
        ) {
            super::message(&message);
        }
    }
}
