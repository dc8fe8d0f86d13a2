//! What became of a field that a search names.

use serde_json::{Value, json};
use wildmatch::WildMatch;

use crate::config::MigrationConfig;
use crate::transform::{FieldEffect, field_effects};

use super::Rewriter;
use super::rules::{
    FIELD_NOT_SHOWN, FIELD_PATTERN, FIELD_REMOVED, FIELD_RENAMED, KEY_VALUE_ALL, KEY_VALUE_SHOWN,
};

/// What the transforms of a migration did to the fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldMap {
    /// Paths by their old and new name; what lies below a path moves with it.
    pub renamed: Vec<(String, String)>,
    /// Paths that the target's documents do not have, with all below them.
    pub removed: Vec<String>,
    /// Objects with free keys that became arrays of key and value.
    pub key_value: Vec<KeyValueFields>,
    /// Objects whose inner names were joined: the path, its new path, and what stands between the names.
    pub flattened: Vec<(String, String, String)>,
}

/// An object with free keys that became an array of objects of two keywords, such as
/// `{"name": "dor"}` to `[{"keyToValue": "name:dor", "value": "dor"}]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValueFields {
    /// The object on the source: `actions.tags`.
    pub field: String,
    /// The array on the target, usually the same path.
    pub into: String,
    /// The keyword with key, separator and value: `keyToValue`.
    pub key_value: String,
    /// The keyword with the value alone: `value`.
    pub value: String,
    /// Between key and value: `:`.
    pub separator: String,
}

impl KeyValueFields {
    /// Path of the keyword with key and value.
    pub(super) fn pair_path(&self) -> String {
        format!("{}.{}", self.into, self.key_value)
    }

    /// Path of the keyword with the value alone.
    pub(super) fn value_path(&self) -> String {
        format!("{}.{}", self.into, self.value)
    }

    /// What every pair with this key begins with.
    pub(super) fn pair_prefix(&self, key: &str) -> String {
        format!("{key}{}", self.separator)
    }
}

/// What the configured transforms of a migration do to the fields, by their names on the source.
#[must_use]
pub fn field_map(migration: &MigrationConfig) -> FieldMap {
    let mut map = FieldMap::default();
    for effect in field_effects(&migration.transform) {
        match effect {
            FieldEffect::Renamed { from, to } => {
                let from = map.on_source(from);
                for fields in &mut map.key_value {
                    fields.into = moved(&fields.into, &from, &to);
                }
                for (_, now) in &mut map.renamed {
                    *now = moved(now, &from, &to);
                }
                map.renamed.push((from, to));
            }
            FieldEffect::Removed { field } => {
                let field = map.on_source(field);
                map.removed.push(field);
            }
            FieldEffect::KeyValue { field, key_value, value, separator } => {
                let name = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
                map.key_value.push(KeyValueFields {
                    field: map.on_source(field.clone()),
                    into: field,
                    key_value: name(&key_value),
                    value: name(&value),
                    separator,
                });
            }
            FieldEffect::Flattened { field, into, separator } => {
                let field = map.on_source(field);
                map.flattened.push((field, into, separator));
            }
        }
    }
    map
}

/// A path after a rename.
fn moved(path: &str, from: &str, to: &str) -> String {
    match rest_below(path, from) {
        Some("") => to.to_owned(),
        Some(rest) => format!("{to}.{rest}"),
        None => path.to_owned(),
    }
}

/// A field of the source, as a search has to speak of it on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Field<'a> {
    /// By this name.
    Named(String),
    /// No document has it.
    Removed,
    /// A key of an object that became keys and values.
    Key(&'a KeyValueFields, String),
    /// Any key of such an object: `actions.tags.*`.
    AnyKey(&'a KeyValueFields),
}

impl FieldMap {
    /// The name on the source of a field that earlier steps may have renamed.
    fn on_source(&self, path: String) -> String {
        self.renamed.iter().rev().fold(path, |path, (old, new)| moved(&path, new, old))
    }

    /// What became of `name`. A boost behind it (`title^3`) is kept.
    pub(super) fn fate(&self, name: &str) -> Field<'_> {
        for fields in &self.key_value {
            match rest_below(name, &fields.field) {
                Some("") => return Field::Named(fields.into.clone()),
                Some("*") => return Field::AnyKey(fields),
                Some(key) => return Field::Key(fields, key.to_owned()),
                None => {}
            }
        }
        for (field, into, separator) in &self.flattened {
            match rest_below(name, field) {
                Some("") => return Field::Named(into.clone()),
                Some(rest) => return Field::Named(format!("{into}.{}", rest.replace('.', separator))),
                None => {}
            }
        }
        if self.removed.iter().any(|removed| rest_below(name, removed).is_some()) {
            return Field::Removed;
        }
        for (old, new) in &self.renamed {
            match rest_below(name, old) {
                Some("") => return Field::Named(new.clone()),
                Some(rest) => return Field::Named(format!("{new}.{rest}")),
                None => {}
            }
        }
        Field::Named(name.to_owned())
    }
}

/// What stands in `name` below `path`: empty for the path itself.
fn rest_below<'n>(name: &'n str, path: &str) -> Option<&'n str> {
    let rest = name.strip_prefix(path)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}

impl<'a> Rewriter<'a> {
    /// What became of a field; a new name is reported.
    pub(super) fn fate(&mut self, name: &str, at: &str) -> Field<'a> {
        let fate = self.context.fields.fate(name);
        if let Field::Named(new) = &fate {
            if new != name {
                self.change(&FIELD_RENAMED, at, Some(json!(name)), Some(json!(new)));
            } else if name.contains('*') {
                self.pattern_of_fields(name, at);
            }
        }
        fate
    }

    /// A pattern such as `act*` stays; what it covered may be elsewhere, or something else.
    fn pattern_of_fields(&mut self, pattern: &str, at: &str) {
        let matcher = WildMatch::new(pattern);
        let covers = |path: &str| matcher.matches(path) || matcher.matches(&format!("{path}.x"));
        let context = self.context;
        for (old, new) in context.fields.renamed.iter().filter(|(old, new)| covers(old) && !covers(new)) {
            let why = format!("the pattern covers `{old}`, which is `{new}` on the target");
            self.refuse_because(&FIELD_PATTERN, at, why);
        }
        for fields in &context.fields.key_value {
            if covers(&fields.field) {
                self.change(&KEY_VALUE_ALL, at, Some(json!(pattern)), Some(json!(pattern)));
            }
        }
    }

    /// Fields that a hit shows: keys come with all their pairs, and one that is gone is not there to be shown.
    pub(super) fn shown_fields(&mut self, value: &Value, at: &str) -> Value {
        let names = super::types::names(value);
        let mut shown: Vec<String> = Vec::new();
        for (position, name) in names.iter().enumerate() {
            let at = super::element(at, position);
            let path = match self.fate(name, &at) {
                Field::Named(new) => new,
                Field::Removed => {
                    self.change(&FIELD_NOT_SHOWN, &at, Some(json!(name)), Some(json!(name)));
                    name.clone()
                }
                Field::Key(fields, _) | Field::AnyKey(fields) => {
                    self.change(&KEY_VALUE_SHOWN, &at, Some(json!(name)), Some(json!(fields.into)));
                    fields.into.clone()
                }
            };
            if !shown.contains(&path) {
                shown.push(path);
            }
        }
        match (value, shown.as_slice()) {
            (Value::String(_), [one]) => json!(one),
            _ => json!(shown),
        }
    }

    /// A field where only a name will do; a removed one, or a key of a key+value object, is refused.
    pub(super) fn plain_field(&mut self, name: &str, at: &str) -> String {
        if let Some(name) = self.meta_field(name, at) {
            return name;
        }
        match self.fate(name, at) {
            Field::Named(new) => return new,
            Field::Removed => {
                self.refuse_because(&FIELD_REMOVED, at, format!("the target's documents have no `{name}`"));
            }
            Field::Key(fields, key) => self.refuse_key(fields, &key, at),
            Field::AnyKey(fields) => {
                let path = fields.value_path();
                self.change(&KEY_VALUE_ALL, at, Some(json!(name)), Some(json!(path)));
                return path;
            }
        }
        name.to_owned()
    }

    /// The field named by an option such as `field` or `path`.
    pub(super) fn field_option(&mut self, options: &mut serde_json::Map<String, Value>, key: &str, at: &str) {
        let Some(name) = options.get(key).and_then(Value::as_str).map(str::to_owned) else { return };
        let new = self.plain_field(&name, &super::below(at, key));
        options.insert(key.to_owned(), json!(new));
    }

    /// A list of fields, or one; each may carry a boost.
    pub(super) fn field_list(&mut self, value: &Value, at: &str) -> Value {
        match value {
            Value::String(name) => json!(self.boosted_field(name, at)),
            Value::Array(names) => {
                let named = names.iter().enumerate().map(|(position, name)| match name {
                    Value::String(name) => json!(self.boosted_field(name, &super::element(at, position))),
                    other => other.clone(),
                });
                named.collect()
            }
            other => other.clone(),
        }
    }

    fn boosted_field(&mut self, name: &str, at: &str) -> String {
        match name.split_once('^') {
            Some((name, boost)) => format!("{}^{boost}", self.plain_field(name, at)),
            None => self.plain_field(name, at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_follows_the_path_that_it_lies_below() {
        let map = FieldMap {
            renamed: vec![("user".to_owned(), "account".to_owned())],
            removed: vec!["internal".to_owned()],
            flattened: vec![("labels".to_owned(), "labels".to_owned(), "_".to_owned())],
            key_value: Vec::new(),
        };
        assert_eq!(map.fate("user.name"), Field::Named("account.name".to_owned()));
        assert_eq!(map.fate("users"), Field::Named("users".to_owned()));
        assert_eq!(map.fate("internal.note"), Field::Removed);
    }
}
