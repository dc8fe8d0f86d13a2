//! The text of a query string: what is written another way now, and the fields that it names.

use serde_json::{Value, json};

use super::fields::Field;
use super::options::Options;
use super::rules::{
    IDS_NEED_TYPES, KEY_VALUE_TEXT, META_FIELD_TEXT, QUERY_STRING_FUZZINESS, QUERY_STRING_MISSING,
    QUERY_STRING_WILDCARDS, TYPE_FILTER,
};
use super::terms::edits;
use super::text_fields::{TextField, fields_in};
use super::{Rewriter, TypesBecame, below};

/// Fields of the server that 6.8 does not have, or does not find anything by in a text.
const GONE: [&str; 9] =
    ["_uid", "_parent", "_all", "_field_names", "_timestamp", "_ttl", "_analyzer", "_boost", "_size"];

impl Rewriter<'_> {
    /// The text of a query string: wildcards, `_missing_`, and fields that have other names now.
    pub(super) fn query_text(&mut self, options: &mut Options, at: &str) {
        let Some(before) = options.get("query").and_then(Value::as_str).map(str::to_owned) else { return };
        let at = below(at, "query");
        let text = self.without_missing(&before, &at);
        let text = self.without_similarities(text, &at);
        if before.contains(['*', '?', '~', '[', '{']) && self.applies(&QUERY_STRING_WILDCARDS) {
            self.change(&QUERY_STRING_WILDCARDS, &at, Some(json!(text)), Some(json!(text)));
        }
        let refused = self.refused.len();
        if let Some(field) = self.moved_field(&text) {
            let why = format!("the text names `{field}`, which is another field on the target");
            self.refuse_because(&KEY_VALUE_TEXT, &at, why);
        }
        let text = self.server_fields(&text, &at);
        let text = if self.refused.len() > refused { before } else { text };
        options.insert("query".to_owned(), json!(text));
    }

    fn without_missing(&mut self, before: &str, at: &str) -> String {
        let mut text = before.to_owned();
        // To 5.6.16 it is a field like any other, which no document has.
        while self.applies(&QUERY_STRING_MISSING)
            && let Some(start) = text.find("_missing_:")
        {
            let field = start + "_missing_:".len();
            let end = text[field..].find([' ', ')', '(']).map_or(text.len(), |end| field + end);
            text = format!("{}(*:* AND NOT _exists_:{}){}", &text[..start], &text[field..end], &text[end..]);
        }
        if text != before {
            self.change(&QUERY_STRING_MISSING, at, Some(json!(before)), Some(json!(text)));
        }
        text
    }

    fn without_similarities(&mut self, exact: String, at: &str) -> String {
        let mut text = exact.clone();
        for (start, found) in exact.match_indices('~').rev() {
            let digits = &exact[start + found.len()..];
            let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
            let Ok(similarity) = digits[..end].parse::<f64>() else { continue };
            if similarity >= 1.0 || exact[..start].ends_with('"') || !self.applies(&QUERY_STRING_FUZZINESS) {
                continue;
            }
            let word = exact[..start].rsplit([' ', '(', ':', '+', '-', '!']).next().unwrap_or_default();
            let end = start + found.len() + end;
            text.replace_range(start..end, &format!("~{}", edits(similarity, word.chars().count())));
        }
        if text != exact {
            self.change(&QUERY_STRING_FUZZINESS, at, Some(json!(exact)), Some(json!(text)));
        }
        text
    }

    /// A field in `text` that is not where it was.
    fn moved_field(&self, text: &str) -> Option<String> {
        fields_in(text)
            .into_iter()
            .map(|field| if field.name == "_exists_" { field.value_in(text) } else { field.name })
            .find(|name| self.context.fields.fate(name) != Field::Named(name.clone()))
    }

    /// Fields of the server in a text: the type is another field, or goes; what cannot stay is refused by name.
    fn server_fields(&mut self, text: &str, at: &str) -> String {
        let mut after = text.to_owned();
        let mut types = Vec::new();
        for field in fields_in(text).into_iter().rev() {
            let value = field.value_in(text);
            match field.name.as_str() {
                "_type" if value == "_doc" => {}
                "_type" => match self.type_in_text(&field, text) {
                    Some((place, new)) => {
                        after.replace_range(place, &new);
                        types.push(value);
                    }
                    None => self.refuse_in_text("_type", at),
                },
                "_id" if self.context.types.prefixes_ids() => {
                    self.refuse(&IDS_NEED_TYPES, at);
                }
                "_id" if self.context.from.major < 6 && !field.is_exact(text) => {
                    self.refuse_in_text("_id", at);
                }
                "_exists_" if self.is_gone(&value) || value == "_type" => self.refuse_in_text(&value, at),
                name if self.is_gone(name) => self.refuse_in_text(name, at),
                _ => {}
            }
        }
        if !types.is_empty() {
            let reason = match self.context.types.field() {
                Some(new) => format!("types are gone; `{new}` holds the name of the old type"),
                None => "the target's index has one type, of which all documents are".to_owned(),
            };
            self.change_because(&TYPE_FILTER, at, Some(json!(text)), Some(json!(after)), reason);
        }
        after
    }

    /// What takes the place of `_type:…`. Of several words in parentheses 6.8.23 makes one term on a keyword, so
    /// that only one word or phrase is safe.
    fn type_in_text(&self, field: &TextField, text: &str) -> Option<(std::ops::Range<usize>, String)> {
        if field.value.is_empty() {
            return None;
        }
        match (&self.context.types, self.context.types.field()) {
            (_, Some(new)) => Some((field.place.clone(), new.replace(' ', "\\ "))),
            (TypesBecame::Dropped, _) if field.is_exact(text) => {
                Some((field.place.start..field.value.end, "*:*".to_owned()))
            }
            _ => None,
        }
    }

    fn is_gone(&self, name: &str) -> bool {
        GONE.contains(&name) && self.context.from.major < 6
    }

    fn refuse_in_text(&mut self, name: &str, at: &str) {
        let why = format!("the text searches `{name}`, which the target does not have or reads another way");
        self.refuse_because(&META_FIELD_TEXT, at, why);
    }

    /// Refuses fields of the server among those that a text is searched in; tells whether there are any.
    ///
    /// `_all` is no such field: all fields are searched instead.
    pub(super) fn searches_server_fields(&mut self, options: &Options, at: &str) -> bool {
        let old = self.context.from.major < 6;
        let refused = self.refused.len();
        for key in ["fields", "default_field"] {
            let named = options.get(key).map(super::types::names).unwrap_or_default();
            for name in named {
                let field = name.split('^').next().unwrap_or_default();
                let at = below(at, key);
                if field == "_id" && self.context.types.prefixes_ids() {
                    self.refuse(&IDS_NEED_TYPES, &at);
                } else if field == "_type" && (old || self.context.types.field().is_some())
                    || field != "_all" && self.is_gone(field)
                {
                    let why = format!("the text is searched in `{field}`, which the target does not have");
                    self.refuse_because(&META_FIELD_TEXT, &at, why);
                }
            }
        }
        self.refused.len() > refused
    }
}
