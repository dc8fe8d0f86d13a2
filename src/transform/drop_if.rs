//! `drop_if`: documents that are left out.

use serde_json::Value;

use crate::config::DropIfConfig;

use super::json::{Fault, Kind, Part, elements, start, text};
use super::path::visit;

/// A step.
#[derive(Debug)]
pub(super) struct DropIf {
    field: String,
    condition: Condition,
}

#[derive(Debug)]
enum Condition {
    AnyOf(Vec<Value>),
    Exists(bool),
}

impl DropIf {
    pub fn new(config: &DropIfConfig) -> Self {
        let condition = match config.exists {
            Some(exists) => Condition::Exists(exists),
            None => Condition::AnyOf(
                config.equals.iter().chain(config.any_of.iter().flatten()).cloned().collect(),
            ),
        };
        DropIf { field: config.field.clone(), condition }
    }

    pub fn holds(&self, bytes: &[u8]) -> Result<bool, Fault> {
        let mut found = false;
        visit(bytes, start(bytes), &self.field, &mut |hit| {
            found |= any(bytes, hit.value, &|value| match &self.condition {
                Condition::Exists(_) => Kind::of(value) != Kind::Null,
                Condition::AnyOf(values) => values.iter().any(|wanted| equals(value, wanted)),
            });
            Ok(())
        })?;
        Ok(match self.condition {
            Condition::Exists(wanted) => found == wanted,
            Condition::AnyOf(_) => found,
        })
    }
}

/// Whether it holds for the value or, in an array, for any element.
fn any(bytes: &[u8], value: Part, holds: &dyn Fn(&[u8]) -> bool) -> bool {
    match Kind::of(value.of(bytes)) {
        Kind::Array => elements(bytes, value.start).any(|element| any(bytes, element, holds)),
        _ => holds(value.of(bytes)),
    }
}

fn equals(raw: &[u8], wanted: &Value) -> bool {
    match (Kind::of(raw), wanted) {
        (Kind::String, Value::String(wanted)) => text(raw).is_some_and(|text| text == *wanted),
        (Kind::Boolean, Value::Bool(wanted)) => (raw == b"true") == *wanted,
        (Kind::Number, Value::Number(wanted)) => match serde_json::from_slice::<serde_json::Number>(raw) {
            Ok(number) => match (number.as_i128(), wanted.as_i128()) {
                (Some(number), Some(wanted)) => number == wanted,
                _ => number.as_f64() == wanted.as_f64(),
            },
            Err(_) => false,
        },
        _ => false,
    }
}
