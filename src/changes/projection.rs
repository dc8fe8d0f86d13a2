//! Programs that only pick members of a message, such as `{op: .type, id, source: .body}`: done on its bytes, without making
//! values of jq of it. Whatever is not plain is left to jq.

use super::mapping::{Action, Change, LARGEST_VERSION, LONGEST_ID, MEMBERS};
use crate::config::ChangeVersion;
use crate::transform::json::{Kind, Part, content, members, start};

/// Members of an operation, each with the way to its value in the message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Projection(Vec<(&'static str, Vec<String>)>);

impl Projection {
    /// The projection that a program is; `None` for any other program.
    pub(super) fn recognise(program: &str) -> Option<Projection> {
        let inner = program.trim().strip_prefix('{')?.strip_suffix('}')?;
        let mut picks: Vec<(&'static str, Vec<String>)> = Vec::new();
        for entry in inner.split(',') {
            let (name, way) = match entry.split_once(':') {
                Some((name, way)) => (name.trim(), way.trim().strip_prefix('.')?),
                None => (entry.trim(), entry.trim()),
            };
            let name = MEMBERS.into_iter().find(|member| *member == name)?;
            let way: Vec<String> = way.split('.').map(ToOwned::to_owned).collect();
            let again = picks.iter().any(|(known, _)| *known == name);
            if again || !way.iter().all(|step| is_name(step)) {
                return None;
            }
            picks.push((name, way));
        }
        Some(Projection(picks))
    }

    /// The change that a message, which is JSON, asks for. `None` where jq has to say: for every message that is not plainly an
    /// index or a delete.
    pub(super) fn change(&self, payload: &[u8], version: ChangeVersion) -> Option<Change> {
        let mut found: Vec<Option<Part>> = vec![None; self.0.len()];
        let ways: Vec<(usize, &[String])> =
            self.0.iter().enumerate().map(|(at, (_, way))| (at, way.as_slice())).collect();
        find(payload, start(payload), &ways, &mut found)?;
        let member = |name: &str| {
            let at = self.0.iter().position(|(member, _)| *member == name)?;
            found[at].map(|part| part.of(payload)).filter(|raw| Kind::of(raw) != Kind::Null)
        };
        let words = |name: &str| member(name).map_or(Some(None), |raw| plain(raw).map(Some));
        let action = match (plain(member("op")?)?.as_str(), version) {
            ("index" | "delete", ChangeVersion::Source) => Action::Touch,
            ("index", _) => {
                let source = member("source").filter(|raw| Kind::of(raw) == Kind::Object)?;
                Action::Index { source: source.to_vec() }
            }
            ("delete", _) => Action::Delete,
            _ => return None,
        };
        // What the operation does not use has to be as it should be all the same, or jq says what is wrong with it.
        let id = words("id")??;
        if id.is_empty() || id.len() > LONGEST_ID {
            return None;
        }
        let version = match version {
            ChangeVersion::Message => {
                let digits = std::str::from_utf8(member("version")?).ok()?;
                let given = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok());
                Some(given.flatten().filter(|version| *version <= LARGEST_VERSION)?)
            }
            ChangeVersion::Source | ChangeVersion::None => None,
        };
        let (index, doc_type) = (words("index")?, words("type")?);
        let (routing, parent) = (words("routing")?, words("parent")?);
        Some(Change { index, doc_type, id, routing, parent, version, action })
    }
}

fn is_name(step: &str) -> bool {
    let begins = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    step.as_bytes().first().is_some_and(begins)
        && step.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Finds the values at the ends of these ways; absent ones stay absent. `None` where a way leads through something that is no
/// object, and for a name that stands there twice.
fn find(bytes: &[u8], open: usize, ways: &[(usize, &[String])], found: &mut [Option<Part>]) -> Option<()> {
    if bytes.get(open) != Some(&b'{') {
        return None;
    }
    let mut seen: Vec<&[u8]> = Vec::new();
    for member in members(bytes, open) {
        let name = member.key.of(bytes);
        if name.contains(&b'\\') {
            return None;
        }
        let name = content(name);
        let on_way = |(_, way): &&(usize, &[String])| way.first().is_some_and(|step| step.as_bytes() == name);
        if !ways.iter().any(|way| on_way(&way)) {
            continue;
        }
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
        let mut further: Vec<(usize, &[String])> = Vec::new();
        for (at, way) in ways.iter().filter(on_way) {
            match way {
                [_] => found[*at] = Some(member.value),
                _ => further.push((*at, &way[1..])),
            }
        }
        if !further.is_empty() && Kind::of(member.value.of(bytes)) != Kind::Null {
            find(bytes, member.value.start, &further, found)?;
        }
    }
    Some(())
}

/// A string without escapes, or a whole number that is written as every program writes it.
fn plain(raw: &[u8]) -> Option<String> {
    let text = match Kind::of(raw) {
        Kind::String if !raw.contains(&b'\\') => content(raw),
        Kind::Number if raw.len() < 19 && raw.iter().all(u8::is_ascii_digit) => raw,
        _ => return None,
    };
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::changes::mapping::{Mapping, MessageParts};

    #[test]
    fn only_programs_that_pick_are_recognised() {
        let picked = Projection::recognise(" { op : .type, id, source: .body.doc } ").unwrap();
        let ways: Vec<String> =
            picked.0.iter().map(|(name, way)| format!("{name} {}", way.join(" > "))).collect();
        assert_eq!(ways, ["op type", "id id", "source body > doc"]);
        for other in [
            "{op: .type // 1, id}",
            "{op: \"index\", id}",
            "{op: .a[0]}",
            "{op: .}",
            "{op, op: .b}",
            "{op: (.a | .b)}",
            "{op: $key}",
            "{what: .a}",
            ".",
            "{}",
            "{op: .a,}",
            "{op: .a} | .",
        ] {
            assert_eq!(Projection::recognise(other), None, "{other}");
        }
    }

    fn messages() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            "-?[0-9]{1,20}",
            "[0-9]{1,3}\\.[0-9]{1,2}",
            "\"[a-c]{0,3}\"",
            Just("\"index\"".to_owned()),
            Just("\"delete\"".to_owned()),
            Just("\"update\"".to_owned()),
            Just("\"\\u0061\"".to_owned()),
        ];
        let value = leaf.prop_recursive(2, 12, 4, |inner| {
            let key =
                prop_oneof![Just("a"), Just("op"), Just("id"), Just("body"), Just("doc"), Just("\\u0061")];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(|all| format!("[{}]", all.join(","))),
                prop::collection::vec((key, inner), 0..4).prop_map(|all| {
                    let all: Vec<String> =
                        all.iter().map(|(key, value)| format!("\"{key}\": {value}")).collect();
                    format!("{{{}}}", all.join(" ,"))
                }),
            ]
        });
        let member = |name: &'static str, value: BoxedStrategy<String>| {
            prop::option::weighted(0.9, value)
                .prop_map(move |value| value.map(|value| format!("\"{name}\":{value}")))
        };
        let any = value.boxed();
        let op = prop_oneof![3 => Just("\"index\"".to_owned()), 1 => Just("\"delete\"".to_owned()), 1 => any.clone()];
        let id = prop_oneof![3 => "\"[a-z]{1,4}\"", 1 => "[0-9]{1,4}", 1 => any.clone()];
        let version = prop_oneof![3 => "[1-9][0-9]{0,18}", 1 => any.clone()];
        let body = prop_oneof![3 => Just("{\"doc\":{\"n\":1.10}}".to_owned()), 1 => any.clone()];
        let members = (
            member("op", op.boxed()),
            member("id", id.boxed()),
            member("version", version.boxed()),
            member("body", body.boxed()),
            member("routing", any),
        );
        members.prop_map(|(op, id, version, body, routing)| {
            let all: Vec<String> = [op, id, version, body, routing].into_iter().flatten().collect();
            format!("{{{}}}", all.join(","))
        })
    }

    #[test]
    fn it_says_what_jq_says() {
        const PROGRAM: &str = "{op, id, version, routing, source: .body.doc}";
        assert!(Projection::recognise(PROGRAM).is_some());
        let versions = [ChangeVersion::Message, ChangeVersion::Source, ChangeVersion::None];
        // The same in words that are not recognised.
        let both = versions.map(|version| {
            [PROGRAM.to_owned(), format!("{PROGRAM} | .")].map(|map| Mapping::compile(&map, version).unwrap())
        });
        proptest!(ProptestConfig::with_cases(3000), |(message in messages())| {
            for [picked, by_jq] in &both {
                let parts = MessageParts {
                    partition: 0, offset: 0, timestamp: None, key: None, payload: Some(message.as_bytes()),
                };
                let tidy = |change: &Change| {
                    let source = match &change.action {
                        Action::Index { source } => serde_json::from_slice::<serde_json::Value>(source).ok(),
                        _ => None,
                    };
                    let kind = std::mem::discriminant(&change.action);
                    (change.id.clone(), change.routing.clone(), change.version, source, kind)
                };
                let says = |mapping: &Mapping| {
                    mapping.changes(&parts).map(|all| all.iter().map(tidy).collect::<Vec<_>>())
                };
                let wanted = says(by_jq);
                // Names that stand twice inside of what is only passed on are the target's to refuse.
                if !wanted.as_ref().is_err_and(|poison| poison.reason.contains("stands there twice")) {
                    prop_assert_eq!(says(picked), wanted);
                }
            }
        });
    }
}
