//! What a step of `transform` has to hold besides its types.

use serde_json::Value;

use super::transform::{DropIfConfig, KeyValueConfig, TransformConfig};
use super::validate::{Checked, Violation};

/// Checks every step; positions count from 1, as they do in messages about documents.
pub(super) fn check(steps: &[TransformConfig]) -> Checked {
    steps.iter().enumerate().try_for_each(|(at, step)| {
        let position = (at + 1).to_string();
        check_step(step).map_err(|violation| violation.under(&["transform", &position, step.name()]))
    })
}

fn check_step(step: &TransformConfig) -> Checked {
    match step {
        TransformConfig::KeyValue(step) => check_key_value(step),
        TransformConfig::Rename(step) => {
            path(&["from"], &step.from)?;
            path(&["to"], &step.to)?;
            apart(&["to"], &step.from, &step.to)
        }
        TransformConfig::Remove(fields) => {
            if fields.is_empty() {
                return Err(Violation::new(&[], "must name at least one field"));
            }
            fields.iter().try_for_each(|field| path(&[], field))?;
            for (at, field) in fields.iter().enumerate() {
                let others = fields.iter().enumerate().filter(|(other, _)| *other != at);
                if let Some((_, other)) = others.into_iter().find(|(_, other)| covers(other, field)) {
                    return Err(Violation::new(
                        &[],
                        format!("names `{field}`, which is removed with `{other}` already"),
                    ));
                }
            }
            Ok(())
        }
        TransformConfig::Set(step) => {
            path(&["field"], &step.field)?;
            json_value(&["value"], &step.value)
        }
        TransformConfig::Convert(step) => path(&["field"], &step.field),
        TransformConfig::Flatten(step) => {
            path(&["field"], &step.field)?;
            separator(&step.separator)?;
            match &step.into {
                Some(into) => path(&["into"], into).and_then(|()| apart(&["into"], &step.field, into)),
                None => Ok(()),
            }
        }
        TransformConfig::DropIf(step) => check_drop_if(step),
        TransformConfig::Jq(program) if program.trim().is_empty() => {
            Err(Violation::new(&[], "must hold a jq program; `.` changes nothing, `empty` drops everything"))
        }
        TransformConfig::Jq(_) => Ok(()),
    }
}

fn check_key_value(step: &KeyValueConfig) -> Checked {
    path(&["field"], &step.field)?;
    separator(&step.separator)?;
    let names = [
        ("key_value", Some(&step.into.key_value)),
        ("value", Some(&step.into.value)),
        ("key", step.into.key.as_ref()),
    ];
    let mut seen: Vec<&str> = Vec::new();
    for (member, name) in names {
        let Some(name) = name else { continue };
        let keys = ["into", member];
        path(&keys, name)?;
        if name.contains('.') {
            return Err(Violation::new(&keys, format!("must be a name without dots; given {name:?}")));
        }
        if seen.contains(&name.as_str()) {
            return Err(Violation::new(
                &keys,
                format!("must differ from the other names in `into`; given {name:?}"),
            ));
        }
        seen.push(name);
    }
    Ok(())
}

fn check_drop_if(step: &DropIfConfig) -> Checked {
    path(&["field"], &step.field)?;
    let given = [step.equals.is_some(), step.any_of.is_some(), step.exists.is_some()];
    if given.iter().filter(|&&given| given).count() != 1 {
        return Err(Violation::new(&[], "must have exactly one of `equals`, `in` and `exists`")
            .hint("example: drop_if = { field = \"status\", in = [\"test\", \"draft\"] }"));
    }
    if step.any_of.as_ref().is_some_and(Vec::is_empty) {
        return Err(Violation::new(&["in"], "must name at least one value"));
    }
    let values = step.equals.iter().map(|value| ("equals", value));
    let values = values.chain(step.any_of.iter().flatten().map(|value| ("in", value)));
    for (key, value) in values {
        json_value(&[key], value)?;
        if value.is_object() || value.is_array() || value.is_null() {
            return Err(Violation::new(&[key], "must be a string, a number or a boolean")
                .hint("jq compares anything: jq = 'if .a == {b: 1} then empty else . end'"));
        }
    }
    Ok(())
}

fn path(keys: &[&str], path: &str) -> Checked {
    if path.is_empty() {
        return Err(Violation::new(keys, "must not be empty"));
    }
    if path.split('.').any(str::is_empty) {
        return Err(Violation::new(keys, format!("must be names joined by single dots; given {path:?}")));
    }
    if path.contains(['*', '?']) {
        return Err(Violation::new(keys, format!("must name one field, without wildcards; given {path:?}")));
    }
    Ok(())
}

fn apart(keys: &[&str], from: &str, to: &str) -> Checked {
    if from == to {
        return Err(Violation::new(keys, format!("must differ from the field itself; given {to:?}")));
    }
    if covers(from, to) || covers(to, from) {
        return Err(Violation::new(
            keys,
            format!("must not lie inside or around the field itself: {from:?} and {to:?}"),
        )
        .hint("go over a name that is neither, with two renames"));
    }
    Ok(())
}

/// Whether `inner` is `outer` or lies below it.
fn covers(outer: &str, inner: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn separator(separator: &str) -> Checked {
    let key = &["separator"];
    if separator.is_empty() {
        return Err(Violation::new(key, "must not be empty"));
    }
    if separator.contains(['"', '\\']) || separator.contains(char::is_control) {
        return Err(Violation::new(
            key,
            format!("must not hold quotes, backslashes or control characters; given {separator:?}"),
        ));
    }
    Ok(())
}

/// TOML can say two things that JSON cannot.
fn json_value(keys: &[&str], value: &Value) -> Checked {
    match value {
        Value::Null => Err(Violation::new(keys, "must be a finite number")),
        Value::Object(object) if object.keys().any(|key| key.starts_with("$__toml_private")) => {
            Err(Violation::new(keys, "must be quoted: JSON has no dates"))
        }
        Value::Object(object) => object.values().try_for_each(|inner| json_value(keys, inner)),
        Value::Array(items) => items.iter().try_for_each(|item| json_value(keys, item)),
        _ => Ok(()),
    }
}
