//! Targets whose mapping somebody else wrote, an existing index or the body in a file: what of the source's documents
//! they do not take.

use serde_json::{Map, Value, json};

use super::clash::existing_clashes;
use super::report::{Change, Report, Severity};
use super::rules::fields::kind;
use super::shape::name_types;
use crate::transform::Shape;

/// The root of such a mapping.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    /// The rule of its losses.
    pub rule: &'static str,
    /// What the paths of its losses begin with.
    pub place: &'static str,
    /// What it is, for the reasons.
    pub what: &'static str,
    /// How it is changed.
    pub remedy: &'static str,
    /// The mapping.
    pub mapping: &'a Value,
}

impl<'a> Given<'a> {
    /// The mapping of an index that is there.
    pub fn existing(mapping: &'a Value) -> Self {
        Given {
            rule: "existing_field",
            place: "existing",
            what: "the existing target",
            remedy: "change the mapping of the target index",
            mapping,
        }
    }

    /// The mapping in a schema file.
    pub fn file(mapping: &'a Value) -> Self {
        Given {
            rule: "file_field",
            place: "file",
            what: "the schema file",
            remedy: "change the mapping in the schema file",
            mapping,
        }
    }

    /// Fields that cannot take the documents of these types, each with its mapping as it would be converted, and the
    /// fields that the shape needs, as losses that can be accepted.
    pub fn losses(&self, types: &[(String, Value)], shape: &Shape) -> Report {
        let mut report = Report::default();
        for clash in types.iter().flat_map(|(_, converted)| existing_clashes(converted, self.mapping)) {
            let reason = format!("the field of {} does not take what the source's documents hold", self.what);
            let choices =
                vec![self.remedy.to_owned(), "convert or rename the field by a transform".to_owned()];
            self.lose(&mut report, &clash.field, (Some(clash.a.1), Some(clash.b.1)), reason, choices);
        }
        let mut names = json!({});
        name_types(shape, &mut names);
        for (name, wanted) in names.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let there = self.mapping.get("properties").and_then(|properties| properties.get(name));
            if there.is_some_and(|there| serves(there, wanted)) {
                continue;
            }
            let reason = match there {
                None => format!("{} has no field `{name}`, which names the types", self.what),
                Some(_) => format!("the field of {} cannot name the types", self.what),
            };
            let field = Value::Object(Map::from_iter([(name.clone(), wanted.clone())]));
            let choices = vec![format!("add it: {field}")];
            self.lose(&mut report, name, (Some(wanted.clone()), there.cloned()), reason, choices);
        }
        report
    }

    fn lose(
        &self,
        report: &mut Report,
        field: &str,
        (before, after): (Option<Value>, Option<Value>),
        reason: String,
        choices: Vec<String>,
    ) {
        let path = format!("{}.{field}", self.place);
        if report.changes.iter().all(|known| known.path != path) {
            let severity = Severity::Lost;
            report.add(Change { rule: self.rule, path, before, after, reason, severity, choices });
        }
    }
}

/// Whether a field can be what the shape of the documents needs: of the same type, with every relation.
fn serves(there: &Value, wanted: &Value) -> bool {
    let kind_of = |field: &Value| field.as_object().map(|field| kind(field).to_owned());
    let relations = |field: &Value| field.get("relations").and_then(Value::as_object).cloned();
    let children = |of: &Value| match of {
        Value::Array(children) => children.clone(),
        one => vec![one.clone()],
    };
    let known = relations(there).unwrap_or_default();
    kind_of(there) == kind_of(wanted)
        && relations(wanted).unwrap_or_default().iter().all(|(parent, wanted)| {
            let known = known.get(parent).map(children).unwrap_or_default();
            children(wanted).iter().all(|child| known.contains(child))
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn told(shape: &Shape, mapping: &Value) -> String {
        let types = [
            ("a".to_owned(), json!({"properties": {"n": {"type": "text"}}})),
            ("b".to_owned(), json!({"properties": {"n": {"type": "text"}, "d": {"type": "date"}}})),
        ];
        let report = Given::file(mapping).losses(&types, shape);
        let lines = report
            .changes
            .iter()
            .map(|change| format!("{}: {}; {}", change.path, change.reason, change.choices[0]));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn fields_that_cannot_take_the_documents_are_told_once() {
        let mapping = json!({"properties": {"n": {"type": "long"}, "d": {"type": "date"}}});
        insta::assert_snapshot!(told(&Shape::Plain, &mapping), @"file.n: the field of the schema file does not take what the source's documents hold; change the mapping in the schema file");
    }

    #[test]
    fn fields_that_name_types_have_to_be_there() {
        let shape = Shape::Joined {
            field: "join".to_owned(),
            prefixed: false,
            parents: BTreeMap::from([("b".to_owned(), "a".to_owned())]),
            type_field: Some("type".to_owned()),
        };
        insta::assert_snapshot!(told(&shape, &json!({})), @r#"
        file.join: the schema file has no field `join`, which names the types; add it: {"join":{"type":"join","relations":{"a":["b"]}}}
        file.type: the schema file has no field `type`, which names the types; add it: {"type":{"type":"keyword"}}
        "#);
        let other = json!({"properties": {"join": {"type": "join", "relations": {"b": "a"}}, "type": {"type": "text"}}});
        insta::assert_snapshot!(told(&shape, &other), @r#"
        file.join: the field of the schema file cannot name the types; add it: {"join":{"type":"join","relations":{"a":["b"]}}}
        file.type: the field of the schema file cannot name the types; add it: {"type":{"type":"keyword"}}
        "#);
        let right = json!({"properties": {"join": {"type": "join", "relations": {"a": ["b", "c"]}}, "type": {"type": "keyword"}}});
        assert_eq!(told(&shape, &right), "");
    }
}
