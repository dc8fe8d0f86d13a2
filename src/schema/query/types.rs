//! Types are gone on the target: what a search says of them becomes a field, an index, or nothing.

use serde_json::{Map, Value, json};

use crate::config::{MigrationConfig, PrefixIds, Types};
use crate::transform::Shape;

use super::rules::{IDS_NEED_TYPES, IDS_TYPE, TYPE_FILTER, TYPE_IS_AN_INDEX, UID_TERM};
use super::{Rewriter, below};

/// What the types of the source became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypesBecame {
    /// Nothing: each index had one type.
    Dropped,
    /// The types share an index, and a keyword field holds the name.
    Field {
        /// The field.
        name: String,
        /// Ids became `type-id`.
        prefix_ids: bool,
    },
    /// Every type has an index of its own.
    Index {
        /// Its name; `{index}` and `{type}` stand for the source's.
        template: String,
    },
    /// Parents and children share an index with a join field.
    Join {
        /// The join field, which holds the type's name.
        field: String,
        /// Names every type, where some are no part of a family.
        type_field: Option<String>,
        /// Ids became `type-id`.
        prefix_ids: bool,
    },
}

/// What a migration makes of types.
///
/// Whether ids are prefixed under `auto` is decided by the plan, from the ids: until then they are taken to stay.
#[must_use]
pub fn types_became(migration: &MigrationConfig) -> TypesBecame {
    let always = |prefix_ids: PrefixIds| prefix_ids == PrefixIds::Always;
    match &migration.types {
        Types::Refuse => TypesBecame::Dropped,
        Types::Split => TypesBecame::Index { template: migration.to.index.clone() },
        Types::Merge { field, prefix_ids } => {
            TypesBecame::Field { name: field.clone(), prefix_ids: always(*prefix_ids) }
        }
        Types::Join { field, prefix_ids } => {
            TypesBecame::Join { field: field.clone(), type_field: None, prefix_ids: always(*prefix_ids) }
        }
    }
}

impl From<&Shape> for TypesBecame {
    fn from(shape: &Shape) -> Self {
        match shape {
            Shape::Plain => TypesBecame::Dropped,
            Shape::Merged { field, prefixed } => {
                TypesBecame::Field { name: field.clone(), prefix_ids: *prefixed }
            }
            Shape::Joined { field, type_field, prefixed, .. } => TypesBecame::Join {
                field: field.clone(),
                type_field: type_field.clone(),
                prefix_ids: *prefixed,
            },
        }
    }
}

impl TypesBecame {
    /// The field of the target that holds the name of the type.
    pub(super) fn field(&self) -> Option<&str> {
        match self {
            TypesBecame::Field { name, .. }
            | TypesBecame::Join { type_field: Some(name), .. }
            | TypesBecame::Join { field: name, .. } => Some(name),
            TypesBecame::Dropped | TypesBecame::Index { .. } => None,
        }
    }

    /// Whether ids became `type-id`.
    #[must_use]
    pub fn prefixes_ids(&self) -> bool {
        matches!(
            self,
            TypesBecame::Field { prefix_ids: true, .. } | TypesBecame::Join { prefix_ids: true, .. }
        )
    }
}

impl Rewriter<'_> {
    /// Documents of these types, which stood at `at` as `before`.
    pub(super) fn of_types(&mut self, types: &[String], before: Value, at: &str) -> Value {
        let after = match &self.context.types {
            TypesBecame::Dropped => json!({"match_all": {}}),
            TypesBecame::Field { name, .. }
            | TypesBecame::Join { type_field: Some(name), .. }
            | TypesBecame::Join { field: name, .. } => one_or_many(name, types),
            TypesBecame::Index { template } => {
                let names: Vec<String> = types.iter().map(|name| template.replace("{type}", name)).collect();
                if template.contains("{index}") {
                    let why =
                        format!("the documents of the type are alone in an index: {}", names.join(", "));
                    let choices = vec![
                        format!("search `{}` and leave this part out", names.join(",")),
                        "keep the types in one index (`types = \"merge\"`): then it is a field".to_owned(),
                    ];
                    self.refuse_with(&TYPE_IS_AN_INDEX, at, why, choices);
                    return before;
                }
                one_or_many("_index", &names)
            }
        };
        let reason = match &self.context.types {
            TypesBecame::Dropped => "the target's index has one type, of which all documents are".to_owned(),
            TypesBecame::Index { .. } => "every type has an index of its own on the target".to_owned(),
            TypesBecame::Field { name, .. }
            | TypesBecame::Join { type_field: Some(name), .. }
            | TypesBecame::Join { field: name, .. } => {
                format!("types are gone; `{name}` holds the name of the old type")
            }
        };
        self.change_because(&TYPE_FILTER, at, Some(before), Some(after.clone()), reason);
        after
    }

    /// `{"type": {"value": "alert"}}`
    pub(super) fn type_query(&mut self, options: &Map<String, Value>, at: &str) -> Value {
        let before = json!({"type": options});
        match options.get("value").and_then(Value::as_str) {
            // What 6.8 itself calls the one type.
            Some("_doc") => before,
            Some(name) => self.of_types(&[name.to_owned()], before, at),
            None => {
                self.refuse(&super::rules::MALFORMED, at);
                before
            }
        }
    }

    /// `{"ids": {"type": …, "values": […]}}`
    pub(super) fn ids_query(&mut self, mut options: Map<String, Value>, at: &str) -> Value {
        let before = json!({"ids": options});
        let types = options.get("type").map(names).unwrap_or_default();
        let prefixed = self.context.types.prefixes_ids();
        if types.is_empty() && !prefixed || types == ["_doc"] {
            return before;
        }
        if types.is_empty() {
            self.refuse(&IDS_NEED_TYPES, at);
            return before;
        }
        options.shift_remove("type");
        if prefixed {
            let ids = names(options.get("values").unwrap_or(&Value::Null));
            let values: Vec<String> =
                types.iter().flat_map(|kind| ids.iter().map(move |id| format!("{kind}-{id}"))).collect();
            options.insert("values".to_owned(), json!(values));
        }
        let after = json!({"ids": options});
        self.change(&IDS_TYPE, at, Some(before), Some(after.clone()));
        if prefixed || self.context.types == TypesBecame::Dropped {
            return after;
        }
        let kinds = json!({"type": {"value": types.join(",")}});
        let of_types = self.of_types(&types, kinds, &below(at, "type"));
        json!({"bool": {"must": [after], "filter": [of_types]}})
    }

    /// `_uid` is `type#id`: what is left of it is the id, which alone may be that of another type as well.
    pub(super) fn uid_query(&mut self, uids: &[String], before: Value, at: &str) -> Value {
        let prefixed = self.context.types.prefixes_ids();
        let pairs: Option<Vec<(&str, &str)>> = uids.iter().map(|uid| uid.split_once('#')).collect();
        let Some(pairs) = pairs else {
            self.refuse(&super::rules::MALFORMED, at);
            return before;
        };
        let after = if prefixed || self.context.types == TypesBecame::Dropped {
            let ids = pairs
                .iter()
                .map(|(kind, id)| if prefixed { format!("{kind}-{id}") } else { (*id).to_owned() });
            json!({"ids": {"values": ids.collect::<Vec<_>>()}})
        } else {
            let refused = self.refused.len();
            let after = self.ids_by_type(&pairs, at);
            if self.refused.len() > refused {
                return before;
            }
            after
        };
        self.change(&UID_TERM, at, Some(before), Some(after.clone()));
        after
    }

    fn ids_by_type(&mut self, pairs: &[(&str, &str)], at: &str) -> Value {
        let mut by_type: Map<String, Value> = Map::new();
        for (kind, id) in pairs {
            let ids = by_type.entry(*kind).or_insert(json!([]));
            if let Value::Array(ids) = ids {
                ids.push(json!(id));
            }
        }
        let mut each: Vec<Value> = by_type
            .into_iter()
            .map(|(kind, ids)| {
                let uids = json!({"type": {"value": kind}});
                let of_type = self.of_types(&[kind], uids, at);
                json!({"bool": {"must": [{"ids": {"values": ids}}], "filter": [of_type]}})
            })
            .collect();
        match each.len() {
            1 => each.remove(0),
            _ => json!({"bool": {"should": each, "minimum_should_match": 1}}),
        }
    }
}

fn one_or_many(field: &str, values: &[String]) -> Value {
    match values {
        [one] => json!({"term": {field: one}}),
        many => json!({"terms": {field: many}}),
    }
}

/// One name or a list of them; ids may be numbers.
pub(super) fn names(value: &Value) -> Vec<String> {
    let name = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(values) => values.iter().filter_map(name).collect(),
        one => name(one).into_iter().collect(),
    }
}
