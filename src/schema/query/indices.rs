//! Names of indices in a search: the migration may give an index another name.

use serde_json::{Value, json};
use wildmatch::WildMatch;

use crate::config::MigrationConfig;

use super::options::Options;
use super::rules::{
    FILTER_CACHE, IDS_NEED_TYPES, IDS_TYPE, INDEX_ELSEWHERE, INDEX_RENAMED, TERMS_LOOKUP, TYPE_IS_AN_INDEX,
};
use super::{Rewriter, TypesBecame, below};

/// Which indices a migration reads, and how it names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexNames {
    /// Names and wildcards; `-name` takes out again. Empty where no migration is known.
    pub patterns: Vec<String>,
    /// The name on the target; `{index}` and `{type}` stand for the source's.
    pub template: String,
}

impl IndexNames {
    /// Those of a migration.
    #[must_use]
    pub fn of(migration: &MigrationConfig) -> Self {
        IndexNames { patterns: migration.from.indices.clone(), template: migration.to.index.clone() }
    }

    /// Whether several indices may be put together into one.
    fn gathers(&self) -> bool {
        !self.template.contains("{index}")
            && !matches!(self.patterns.as_slice(), [only] if !only.contains('*'))
    }

    /// Whether the migration reads an index of this name.
    fn reads(&self, name: &str) -> bool {
        let hidden = |pattern: &str| pattern.starts_with('*') && name.starts_with('.');
        self.patterns.iter().fold(false, |reads, pattern| match pattern.strip_prefix('-') {
            Some(removed) => reads && !WildMatch::new(removed).matches(name),
            None => reads || !hidden(pattern) && WildMatch::new(pattern).matches(name),
        })
    }
}

impl Rewriter<'_> {
    /// The name of an index on the target; the type is that of the documents that are meant, where one is named.
    pub(super) fn index_name(&mut self, name: &str, doc_type: Option<&str>, at: &str) -> String {
        let names = &self.context.indices;
        if !names.reads(name) {
            let why = format!(
                "`{name}` is not an index that the migration reads; it has to be the name of one on the target"
            );
            self.change_because(&INDEX_ELSEWHERE, at, Some(json!(name)), Some(json!(name)), why);
            return name.to_owned();
        }
        if names.template.contains("{type}") && doc_type.is_none() {
            let why = format!("`{name}` became an index for each of its types");
            let choices = vec!["name the indices of the types that are meant".to_owned()];
            self.refuse_with(&TYPE_IS_AN_INDEX, at, why, choices);
            return name.to_owned();
        }
        let new = names.template.replace("{index}", name).replace("{type}", doc_type.unwrap_or_default());
        if names.gathers() {
            let why = format!(
                "`{name}` is in `{new}` on the target, where other indices of the migration may be, too"
            );
            self.change_because(&INDEX_ELSEWHERE, at, Some(json!(name)), Some(json!(new)), why);
        } else if new != name {
            self.change(&INDEX_RENAMED, at, Some(json!(name)), Some(json!(new)));
        }
        new
    }

    /// A document that terms or a shape are taken from: its index, its id, and the path inside of it.
    ///
    /// Without an index it is in the one that is searched, or in `default`.
    pub(super) fn looked_up(&mut self, place: &mut Options, default: Option<&str>, at: &str) {
        self.leave_out(place, "cache", &FILTER_CACHE, at);
        let kind =
            place.get("type").and_then(Value::as_str).filter(|kind| *kind != "_doc").map(str::to_owned);
        let index = place.get("index").and_then(Value::as_str).or(default).map(str::to_owned);
        let ours = index.as_ref().is_none_or(|index| self.context.indices.reads(index));
        if let Some(index) = index {
            let new = self.index_name(&index, kind.as_deref(), &below(at, "index"));
            if new != index || place.contains_key("index") {
                place.insert("index".to_owned(), json!(new));
            }
        }
        if ours {
            self.prefixed_id(place, kind.as_deref(), at);
            self.field_option(place, "path", at);
        }
        if place.get("type").is_some_and(|kind| kind != "_doc") {
            self.set(place, "type", json!("_doc"), &TERMS_LOOKUP, at);
        }
    }

    /// The id of a document, where ids became `type-id`.
    fn prefixed_id(&mut self, place: &mut Options, kind: Option<&str>, at: &str) {
        if !self.context.types.prefixes_ids() || self.context.from.major >= 6 && kind.is_none() {
            return;
        }
        let id = place.get("id").map(super::types::names).unwrap_or_default();
        let (Some(kind), [id]) = (kind, id.as_slice()) else {
            self.refuse(&IDS_NEED_TYPES, at);
            return;
        };
        if matches!(self.context.types, TypesBecame::Join { .. }) && !place.contains_key("routing") {
            // A parent is routed by its old id, and which types are parents is not known here.
            let why = format!("`{kind}-{id}` may be routed by its old id, and the lookup names no routing");
            let choices = vec![format!("give `routing`: \"{id}\" if the document is a parent of others")];
            self.refuse_with(&IDS_NEED_TYPES, at, why, choices);
            return;
        }
        self.set(place, "id", json!(format!("{kind}-{id}")), &IDS_TYPE, at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_take_in_and_out_in_their_order() {
        let patterns = ["logs-*", "-logs-tmp*", "users"].map(str::to_owned).to_vec();
        let names = IndexNames { patterns, template: "{index}-v2".to_owned() };
        let read = ["logs-1", "logs-tmp1", "users", "users2"].map(|name| names.reads(name));
        assert_eq!(read, [true, false, true, false]);
    }
}
