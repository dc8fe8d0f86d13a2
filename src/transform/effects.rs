//! What the built-in steps mean for the names of fields, for those who rewrite queries.

use crate::config::TransformConfig;

/// What a step does to the fields of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldEffect {
    /// The field and everything below it has another path.
    Renamed {
        /// Its path on the source.
        from: String,
        /// Its path on the target.
        to: String,
    },
    /// The field and everything below it is gone.
    Removed {
        /// Its path.
        field: String,
    },
    /// The fields below `field` are values of two fields.
    KeyValue {
        /// The path of the map on the source, and of the entries on the target.
        field: String,
        /// Path of what holds key, separator and value.
        key_value: String,
        /// Path of what holds the value.
        value: String,
        /// Stands between key and value.
        separator: String,
    },
    /// The names below `field` are joined.
    Flattened {
        /// The path of the object on the source.
        field: String,
        /// Its path on the target.
        into: String,
        /// Stands between the names.
        separator: String,
    },
}

/// What the steps of a migration do to names of fields, in their order: each sees the names that the ones before it
/// made. A jq program says nothing of itself and is passed over.
#[must_use]
pub fn field_effects(steps: &[TransformConfig]) -> Vec<FieldEffect> {
    let effects = |config: &TransformConfig| match config {
        TransformConfig::KeyValue(step) => vec![FieldEffect::KeyValue {
            field: step.field.clone(),
            key_value: format!("{}.{}", step.field, step.into.key_value),
            value: format!("{}.{}", step.field, step.into.value),
            separator: step.separator.clone(),
        }],
        TransformConfig::Rename(step) => {
            vec![FieldEffect::Renamed { from: step.from.clone(), to: step.to.clone() }]
        }
        TransformConfig::Remove(fields) => {
            fields.iter().map(|field| FieldEffect::Removed { field: field.clone() }).collect()
        }
        TransformConfig::Flatten(step) => vec![FieldEffect::Flattened {
            field: step.field.clone(),
            into: step.into.clone().unwrap_or_else(|| step.field.clone()),
            separator: step.separator.clone(),
        }],
        TransformConfig::Set(_)
        | TransformConfig::Convert(_)
        | TransformConfig::DropIf(_)
        | TransformConfig::Jq(_) => Vec::new(),
    };
    steps.iter().flat_map(effects).collect()
}

/// Paths that a step writes, moves or takes away; none for `drop_if`, and for jq, which says nothing of itself.
#[must_use]
pub fn touched(step: &TransformConfig) -> Vec<&str> {
    match step {
        TransformConfig::KeyValue(step) => vec![&step.field],
        TransformConfig::Rename(step) => vec![&step.from, &step.to],
        TransformConfig::Remove(fields) => fields.iter().map(String::as_str).collect(),
        TransformConfig::Set(step) => vec![&step.field],
        TransformConfig::Convert(step) => vec![&step.field],
        TransformConfig::Flatten(step) => {
            std::iter::once(&step.field).chain(&step.into).map(String::as_str).collect()
        }
        TransformConfig::DropIf(_) | TransformConfig::Jq(_) => Vec::new(),
    }
}
