//! Fields that the server itself makes: what is left of them on the target.

use serde_json::{Value, json};

use super::options::OnField;
use super::rules::{
    ALL_FIELD, ALL_FIELD_TERM, FIELD_NAMES_TERM, IDS_NEED_TYPES, META_FIELD, PARENT_FIELD, TYPE_FILTER,
};
use super::types::names;
use super::{Rewriter, TypesBecame};

/// What a query on a field of the server becomes.
pub(super) enum Meta {
    /// It is on no such field, or may stay.
    Ordinary,
    /// It was refused.
    Refused,
    /// Another query.
    Becomes(Value),
}

impl Rewriter<'_> {
    /// A query on `_type`, `_uid`, `_id`, `_parent`, `_all` and the like.
    pub(super) fn metadata(&mut self, name: &str, main: &str, query: &OnField, at: &str) -> Meta {
        let values = names(query.options.get(main).unwrap_or(&Value::Null));
        let equality = matches!(name, "term" | "terms" | "match") && !values.is_empty();
        let before = || match name {
            "terms" => json!({name: {&query.field: query.options.get(main)}}),
            _ => json!({name: {&query.field: query.options}}),
        };
        let refused = self.refused.len();
        let after = match query.field.as_str() {
            "_type" if values == ["_doc"] => return Meta::Ordinary,
            "_type" if equality => self.of_types(&values, before(), at),
            "_uid" if equality => self.uid_query(&values, before(), at),
            "_id" if equality => match self.context.types {
                TypesBecame::Field { prefix_ids: true, .. } | TypesBecame::Join { prefix_ids: true, .. } => {
                    return self.meta_refused(&IDS_NEED_TYPES, at);
                }
                _ => return Meta::Ordinary,
            },
            "_field_names" if equality => self.field_names(&values, before(), at),
            "_all" if name.starts_with("match") => self.all_fields(name, query, before(), at),
            "_all" => return self.meta_refused(&ALL_FIELD_TERM, at),
            "_parent" => return self.meta_refused(&PARENT_FIELD, at),
            "_type" | "_uid" | "_id" | "_timestamp" | "_ttl" | "_analyzer" | "_boost" | "_size" => {
                return self.meta_refused(&META_FIELD, at);
            }
            _ => return Meta::Ordinary,
        };
        if self.refused.len() > refused { Meta::Refused } else { Meta::Becomes(after) }
    }

    /// Refuses a field of the server that cannot be sorted by, fetched or aggregated on the target.
    pub(super) fn no_meta_field(&mut self, field: &str, at: &str) -> bool {
        let gone = ["_timestamp", "_ttl", "_analyzer", "_boost", "_size", "_uid", "_parent", "_all", "_type"];
        let refused = gone.contains(&field) && self.context.from.major < 6;
        if refused {
            self.refuse_because(&META_FIELD, at, format!("the target has no field `{field}`"));
        }
        refused
    }

    /// The field of the target that stands for one of the server: `_type` where the target holds it in a field.
    pub(super) fn meta_field(&mut self, field: &str, at: &str) -> Option<String> {
        if field == "_type"
            && let Some(new) = self.context.types.field()
        {
            let reason = format!("types are gone; `{new}` holds the name of the old type");
            self.change_because(&TYPE_FILTER, at, Some(json!(field)), Some(json!(new)), reason);
            return Some(new.to_owned());
        }
        self.no_meta_field(field, at).then(|| field.to_owned())
    }

    fn meta_refused(&mut self, refusal: &super::rules::Refusal, at: &str) -> Meta {
        self.refuse(refusal, at);
        Meta::Refused
    }

    fn field_names(&mut self, fields: &[String], before: Value, at: &str) -> Value {
        let mut exist: Vec<Value> =
            fields.iter().map(|field| json!({"exists": {"field": self.plain_field(field, at)}})).collect();
        let after = match exist.len() {
            1 => exist.remove(0),
            _ => json!({"bool": {"should": exist}}),
        };
        self.change(&FIELD_NAMES_TERM, at, Some(before), Some(after.clone()));
        after
    }

    fn all_fields(&mut self, name: &str, query: &OnField, before: Value, at: &str) -> Value {
        let mut options = query.options.clone();
        match name {
            "match_phrase" => drop(options.insert("type".to_owned(), json!("phrase"))),
            "match_phrase_prefix" => drop(options.insert("type".to_owned(), json!("phrase_prefix"))),
            _ => {}
        }
        options.insert("lenient".to_owned(), json!(true));
        options.insert("fields".to_owned(), json!(["*"]));
        let after = json!({"multi_match": options});
        self.change(&ALL_FIELD, at, Some(before), Some(after.clone()));
        after
    }
}
