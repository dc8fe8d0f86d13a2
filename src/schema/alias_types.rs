//! Filters of aliases that speak of types, where the target holds documents of one type: what they say is known then.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::report::{Change, Report, Severity};

/// A filter, as far as the one type decides it.
#[derive(Debug, PartialEq)]
enum Decided {
    /// All documents pass.
    All,
    /// None passes.
    Nothing,
    /// It depends on the document.
    Open(Value),
}

/// Takes out of the filters what they say of types, for documents that are all of `doc_type`.
///
/// With `split`, other types of the source have targets of their own: an alias that can show nothing here is left out
/// then, and would find nothing otherwise.
pub(super) fn for_one_type(
    aliases: &BTreeMap<String, Value>,
    doc_type: &str,
    split: bool,
    report: &mut Report,
) -> BTreeMap<String, Value> {
    let mut kept = BTreeMap::new();
    for (name, alias) in aliases {
        let mut alias = alias.clone();
        let Some(before) = alias.get("filter").cloned() else {
            kept.insert(name.clone(), alias);
            continue;
        };
        let decided = decide(&before, doc_type);
        let made = !(split && decided == Decided::Nothing);
        let (after, reason) = match decided {
            Decided::Open(after) if after == before => {
                kept.insert(name.clone(), alias);
                continue;
            }
            Decided::Open(after) => (Some(after), "of which all documents of this target are"),
            Decided::All => (None, "of which all documents of this target are"),
            Decided::Nothing if split => (None, "and the alias shows none of its documents: it is not made"),
            Decided::Nothing => (Some(json!({"match_none": {}})), "of which the filter lets nothing pass"),
        };
        report.add(Change {
            rule: "alias_types",
            path: if made { format!("aliases.{name}.filter") } else { format!("aliases.{name}") },
            before: Some(before),
            after: after.clone(),
            reason: format!("the target holds the type `{doc_type}` alone, {reason}"),
            severity: Severity::SameMeaning,
            choices: Vec::new(),
        });
        if let Some(alias) = alias.as_object_mut() {
            alias.shift_remove("filter");
            alias.extend(after.map(|after| ("filter".to_owned(), after)));
        }
        if made {
            kept.insert(name.clone(), alias);
        }
    }
    kept
}

fn decide(filter: &Value, doc_type: &str) -> Decided {
    let open = || Decided::Open(filter.clone());
    let one = filter.as_object().filter(|filter| filter.len() == 1).and_then(|filter| filter.iter().next());
    let Some((name, inner)) = one else { return open() };
    let is_it = |name: &Value| name.as_str().is_some_and(|name| name == doc_type);
    let whether = |holds: bool| if holds { Decided::All } else { Decided::Nothing };
    match name.as_str() {
        "type" => inner
            .get("value")
            .filter(|value| value.is_string())
            .map_or_else(open, |value| whether(is_it(value))),
        "term" => {
            let value = inner.get("_type").map(|value| value.get("value").unwrap_or(value));
            value.filter(|value| value.is_string()).map_or_else(open, |value| whether(is_it(value)))
        }
        "terms" => {
            let values = inner.get("_type").and_then(Value::as_array);
            values.map_or_else(open, |values| whether(values.iter().any(is_it)))
        }
        "ids" => {
            let Some(named) = inner.get("type").or_else(|| inner.get("types")) else { return open() };
            let named = named.as_array().map_or(std::slice::from_ref(named), Vec::as_slice);
            let mut inner = inner.clone();
            if let Some(inner) = inner.as_object_mut() {
                inner.retain(|key, _| key != "type" && key != "types");
            }
            if named.iter().any(is_it) { Decided::Open(json!({"ids": inner})) } else { Decided::Nothing }
        }
        "not" => {
            let wrapped = inner.get("filter");
            match decide(wrapped.unwrap_or(inner), doc_type) {
                Decided::All => Decided::Nothing,
                Decided::Nothing => Decided::All,
                Decided::Open(after) => {
                    let mut inner = inner.clone();
                    match inner.get_mut("filter") {
                        Some(filter) => *filter = after,
                        None => inner = after,
                    }
                    Decided::Open(json!({"not": inner}))
                }
            }
        }
        "and" | "or" => {
            let listed = inner.get("filters").unwrap_or(inner);
            let Some(parts) = listed.as_array().filter(|parts| !parts.is_empty()) else { return open() };
            let parts: Vec<Decided> = parts.iter().map(|part| decide(part, doc_type)).collect();
            let decided = if name == "and" { all_of(parts) } else { any_of(parts) };
            match decided {
                Ok(left) => {
                    let mut inner = inner.clone();
                    match inner.get_mut("filters") {
                        Some(filters) => *filters = Value::Array(left),
                        None => inner = Value::Array(left),
                    }
                    Decided::Open(json!({name: inner}))
                }
                Err(whole) => whole,
            }
        }
        "bool" => inner.as_object().map_or_else(open, |clauses| bool_filter(clauses, doc_type)),
        _ => open(),
    }
}

/// What is left of parts that have to hold all; `Err`: the whole is decided.
fn all_of(parts: Vec<Decided>) -> Result<Vec<Value>, Decided> {
    let mut left = Vec::new();
    for part in parts {
        match part {
            Decided::All => {}
            Decided::Nothing => return Err(Decided::Nothing),
            Decided::Open(part) => left.push(part),
        }
    }
    if left.is_empty() { Err(Decided::All) } else { Ok(left) }
}

/// What is left of parts of which one has to hold; `Err`: the whole is decided.
fn any_of(parts: Vec<Decided>) -> Result<Vec<Value>, Decided> {
    let mut left = Vec::new();
    for part in parts {
        match part {
            Decided::All => return Err(Decided::All),
            Decided::Nothing => {}
            Decided::Open(part) => left.push(part),
        }
    }
    if left.is_empty() { Err(Decided::Nothing) } else { Ok(left) }
}

/// A filter needs one of its `should` in every version, with `must` and without.
fn bool_filter(clauses: &Map<String, Value>, doc_type: &str) -> Decided {
    let open = || Decided::Open(json!({"bool": clauses}));
    if clauses.contains_key("minimum_should_match") || clauses.contains_key("minimum_number_should_match") {
        return open();
    }
    let mut left = clauses.clone();
    let mut held = 0_usize;
    for key in ["must", "filter", "must_not", "should"] {
        let Some(given) = clauses.get(key) else { continue };
        let given = given.as_array().map_or(std::slice::from_ref(given), Vec::as_slice);
        if given.is_empty() {
            continue;
        }
        let parts: Vec<Decided> = given.iter().map(|part| decide(part, doc_type)).collect();
        let decided = match key {
            "should" => any_of(parts),
            // None may hold: it is decided as soon as one does.
            "must_not" => any_of(parts).map_err(|whole| match whole {
                Decided::All => Decided::Nothing,
                _ => Decided::All,
            }),
            _ => all_of(parts),
        };
        match decided {
            Err(Decided::All) => {
                left.shift_remove(key);
                held += 1;
            }
            Err(whole) => return whole,
            Ok(parts) => {
                if parts.as_slice() != given {
                    left.insert(key.to_owned(), Value::Array(parts));
                }
            }
        }
    }
    let clauses_left = ["must", "filter", "must_not", "should"].iter().any(|key| left.contains_key(*key));
    if held > 0 && !clauses_left { Decided::All } else { Decided::Open(json!({"bool": left})) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(filter: Value, doc_type: &str, split: bool) -> String {
        let mut report = Report::default();
        let aliases = BTreeMap::from([("x".to_owned(), json!({"filter": filter}))]);
        let kept = for_one_type(&aliases, doc_type, split, &mut report);
        let told: Vec<String> =
            report.changes.iter().map(|change| format!("{}: {}", change.path, change.reason)).collect();
        format!("{} {}", json!(kept), told.join("; "))
    }

    #[test]
    fn a_filter_by_type_is_none_for_its_type_and_no_alias_for_others() {
        let cats = json!({"type": {"value": "cat"}});
        insta::assert_snapshot!(told(cats.clone(), "cat", true), @r#"{"x":{}} aliases.x.filter: the target holds the type `cat` alone, of which all documents of this target are"#);
        insta::assert_snapshot!(told(cats.clone(), "dog", true), @"{} aliases.x: the target holds the type `dog` alone, and the alias shows none of its documents: it is not made");
        insta::assert_snapshot!(told(cats, "dog", false), @r#"{"x":{"filter":{"match_none":{}}}} aliases.x.filter: the target holds the type `dog` alone, of which the filter lets nothing pass"#);
    }

    #[test]
    fn the_part_of_a_filter_that_is_about_types_is_decided() {
        let (cats, dogs) = (json!({"type": {"value": "cat"}}), json!({"terms": {"_type": ["dog", "bird"]}}));
        let n = json!({"term": {"n": 1}});
        let cases = [
            (json!({"and": [cats, n]}), Decided::Open(json!({"and": [n]}))),
            (json!({"and": {"filters": [dogs, n]}}), Decided::Nothing),
            (
                json!({"or": {"filters": [dogs, n], "_cache": true}}),
                Decided::Open(json!({"or": {"filters": [n], "_cache": true}})),
            ),
            (json!({"or": [cats, n]}), Decided::All),
            (json!({"not": cats}), Decided::Nothing),
            (json!({"not": {"filter": {"term": {"_type": "dog"}}}}), Decided::All),
            (json!({"not": {"and": [cats, n]}}), Decided::Open(json!({"not": {"and": [n]}}))),
            (
                json!({"bool": {"must": [cats, n], "must_not": dogs}}),
                Decided::Open(json!({"bool": {"must": [n]}})),
            ),
            (json!({"bool": {"must": n, "should": [dogs]}}), Decided::Nothing),
            (json!({"bool": {"must_not": [dogs]}}), Decided::All),
            (json!({"bool": {"must_not": [cats]}}), Decided::Nothing),
            (
                json!({"bool": {"must": n, "should": [dogs, cats]}}),
                Decided::Open(json!({"bool": {"must": n}})),
            ),
            (
                json!({"bool": {"should": [n, dogs], "minimum_should_match": 1}}),
                Decided::Open(json!({"bool": {"should": [n, dogs], "minimum_should_match": 1}})),
            ),
            (
                json!({"ids": {"type": "cat", "values": ["1"]}}),
                Decided::Open(json!({"ids": {"values": ["1"]}})),
            ),
            (json!({"ids": {"type": ["dog"], "values": ["1"]}}), Decided::Nothing),
            (json!({"and": []}), Decided::Open(json!({"and": []}))),
            (n.clone(), Decided::Open(n.clone())),
        ];
        for (filter, decided) in cases {
            assert_eq!(decide(&filter, "cat"), decided, "{filter}");
        }
    }
}
