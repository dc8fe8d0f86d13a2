//! Several types become one: ids that stay apart, a field that names the type, parents as a join field.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::document::{Document, Origin};

/// What the types of a source index became on the target. Stored with the plan.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "snake_case")]
pub enum Shape {
    /// One type; nothing about its documents changes.
    #[default]
    Plain,
    /// All types in one index; a field of each document names its type.
    Merged {
        /// The field.
        field: String,
        /// `_id` became `type-id`.
        prefixed: bool,
    },
    /// All types in one index; a join field names the type and the parent.
    Joined {
        /// The join field.
        field: String,
        /// `_id` became `type-id`.
        prefixed: bool,
        /// The type of the parent, by the type of the child.
        parents: BTreeMap<String, String>,
        /// Names the type, where some types have neither parents nor children: a join field takes no others.
        type_field: Option<String>,
    },
}

impl Shape {
    /// True when ids got their type in front.
    #[must_use]
    pub fn is_prefixed(&self) -> bool {
        matches!(self, Shape::Merged { prefixed: true, .. } | Shape::Joined { prefixed: true, .. })
    }

    /// Makes a document of a type into one of the index that all types share.
    ///
    /// Routing: a child keeps its own, which is that of its family. A parent whose id got a prefix would be routed by
    /// another string than its children, so it is given its bare id (dialects 11.7).
    ///
    /// # Errors
    /// Why it cannot be: a parent is missing, or the document is no object.
    pub fn apply<'page>(
        &self,
        mut document: Document<'page>,
        origin: &Origin<'page>,
    ) -> Result<Document<'page>, String> {
        let doc_type = match self {
            Shape::Plain => return Ok(document),
            _ => origin.doc_type.ok_or("the hit has no _type")?,
        };
        match self {
            Shape::Plain => {}
            Shape::Merged { field, .. } => {
                document.source = with_field(&document.source, field, doc_type)?;
            }
            Shape::Joined { field, parents, type_field, .. } => {
                let name: String = serde_json::from_slice(doc_type).map_err(|error| error.to_string())?;
                let is_parent = parents.values().any(|parent| *parent == name);
                if let Some(type_field) = type_field {
                    document.source = with_field(&document.source, type_field, doc_type)?;
                }
                if is_parent || parents.contains_key(&name) {
                    let value = self.relation(doc_type, parents.get(&name), origin)?;
                    document.source = with_field(&document.source, field, &value)?;
                }
                if self.is_prefixed() && is_parent && document.routing.is_none() {
                    document.routing = Some(document.id.clone());
                }
            }
        }
        if self.is_prefixed() {
            document.id = Cow::Owned(prefixed(doc_type, &document.id));
        }
        Ok(document)
    }

    /// `{"name": type, "parent": id}`.
    fn relation(
        &self,
        doc_type: &[u8],
        parent_type: Option<&String>,
        origin: &Origin<'_>,
    ) -> Result<Vec<u8>, String> {
        let mut value = [b"{\"name\":", doc_type].concat();
        if let Some(parent_type) = parent_type {
            let parent = origin.parent.ok_or("a child without a _parent")?;
            let parent_type = serde_json::to_vec(parent_type).map_err(|error| error.to_string())?;
            value.extend_from_slice(b",\"parent\":");
            value.extend(if self.is_prefixed() { prefixed(&parent_type, parent) } else { parent.to_vec() });
        }
        value.push(b'}');
        Ok(value)
    }
}

/// `"type"` and `"id"` become `"type-id"`, escapes untouched.
fn prefixed(doc_type: &[u8], id: &[u8]) -> Vec<u8> {
    let (front, back) = (&doc_type[..doc_type.len().saturating_sub(1)], id.get(1..).unwrap_or_default());
    [front, b"-", back].concat()
}

/// The object with one more member at its end; every other byte stays as it is.
fn with_field(source: &[u8], field: &str, value: &[u8]) -> Result<Cow<'static, [u8]>, String> {
    let end = source.iter().rposition(|byte| *byte == b'}').ok_or("the document is no object")?;
    let before = source[..end].iter().rev().find(|byte| !byte.is_ascii_whitespace());
    let mut result = Vec::with_capacity(source.len() + field.len() + value.len() + 8);
    result.extend_from_slice(&source[..end]);
    if before != Some(&b'{') {
        result.push(b',');
    }
    serde_json::to_writer(&mut result, field).map_err(|error| error.to_string())?;
    result.push(b':');
    result.extend_from_slice(value);
    result.extend_from_slice(&source[end..]);
    Ok(Cow::Owned(result))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(
        shape: &Shape,
        doc_type: &str,
        id: &str,
        parent: Option<&str>,
        routing: Option<&str>,
        source: &str,
    ) -> String {
        let quoted = |text: &str| serde_json::to_vec(text).unwrap();
        let (doc_type, parent, routing) = (quoted(doc_type), parent.map(quoted), routing.map(quoted));
        let document = Document {
            index: None,
            id: Cow::Owned(quoted(id)),
            routing: routing.map(Cow::Owned),
            version: Some(1),
            source: Cow::Borrowed(source.as_bytes()),
        };
        let origin = Origin { index: "a", doc_type: Some(&doc_type), parent: parent.as_deref() };
        match shape.apply(document, &origin) {
            Ok(document) => format!(
                "{} {} {}",
                String::from_utf8_lossy(&document.id),
                document
                    .routing
                    .map_or("-".to_owned(), |routing| String::from_utf8_lossy(&routing).into_owned()),
                String::from_utf8_lossy(&document.source)
            ),
            Err(why) => why,
        }
    }

    #[test]
    fn a_merged_document_names_its_type_and_keeps_its_bytes() {
        let shape = Shape::Merged { field: "type".to_owned(), prefixed: false };
        insta::assert_snapshot!(applied(&shape, "note", "1", None, None, "{ \"n\": 1.10 \n}"), @r#"
        "1" - { "n": 1.10 
        ,"type":"note"}
        "#);
        let shape = Shape::Merged { field: "type".to_owned(), prefixed: true };
        insta::assert_snapshot!(applied(&shape, "no\"te", "1", None, Some("r"), "{ }"), @r#""no\"te-1" "r" { "type":"no\"te"}"#);
    }

    #[test]
    fn a_family_stays_on_one_shard_and_points_to_its_parents_new_ids() {
        let parents = BTreeMap::from([
            ("branch".to_owned(), "company".to_owned()),
            ("employee".to_owned(), "branch".to_owned()),
        ]);
        let shape = Shape::Joined { field: "join".to_owned(), prefixed: true, parents, type_field: None };
        insta::assert_snapshot!(applied(&shape, "company", "1", None, None, "{}"), @r#""company-1" "1" {"join":{"name":"company"}}"#);
        insta::assert_snapshot!(applied(&shape, "branch", "1", Some("1"), Some("1"), "{\"a\":1}"), @r#""branch-1" "1" {"a":1,"join":{"name":"branch","parent":"company-1"}}"#);
        insta::assert_snapshot!(applied(&shape, "employee", "9", Some("1"), Some("1"), "{}"), @r#""employee-9" "1" {"join":{"name":"employee","parent":"branch-1"}}"#);
        insta::assert_snapshot!(applied(&shape, "note", "9", None, None, "{}"), @r#""note-9" - {}"#);
        insta::assert_snapshot!(applied(&shape, "branch", "9", None, None, "{}"), @"a child without a _parent");
    }
}
