//! Requests that create, describe and tune indices, and the shapes of their answers.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{Dialect, Version};
use crate::cluster::path::encode;
use crate::cluster::transport::Request;

impl Dialect {
    /// Creates an index from a body whose mappings have the level of types that [`Self::mappings`] writes.
    #[must_use]
    pub fn create_index(&self, index: &str, body: &Value) -> Request {
        let mut path = format!("/{}", encode(index));
        // Between 6.7 and 7.x the server asks for the word; before, it is an error; after, there is one shape only.
        let knows = self.version >= Version::new(6, 7, 0) && self.version < Version::new(8, 0, 0);
        let typed = body.get("mappings").is_some_and(|mappings| self.is_typed(mappings));
        if knows && typed {
            path.push_str("?include_type_name=true");
        } else if knows {
            path.push_str("?include_type_name=false");
        }
        Request::json(Method::PUT, path, body)
    }

    /// A create-index body of converted parts.
    #[must_use]
    pub fn create_body(
        &self,
        settings: &Value,
        doc_type: Option<&str>,
        mapping: &Value,
        aliases: &Value,
    ) -> Value {
        let mut body = json!({"settings": settings, "mappings": self.mappings(doc_type, mapping)});
        if let (Some(body), Some(false)) = (body.as_object_mut(), aliases.as_object().map(Map::is_empty)) {
            body.insert("aliases".to_owned(), aliases.clone());
        }
        body
    }

    fn mappings(&self, doc_type: Option<&str>, mapping: &Value) -> Value {
        if self.untyped_mappings {
            return mapping.clone();
        }
        let name = if self.single_type { "_doc" } else { doc_type.unwrap_or("doc") };
        let mut mappings = Map::new();
        let empty = Value::Object(Map::new());
        mappings.insert(name.to_owned(), if mapping.is_null() { empty } else { mapping.clone() });
        Value::Object(mappings)
    }

    fn is_typed(&self, mappings: &Value) -> bool {
        const ROOT: [&str; 6] =
            ["properties", "dynamic", "dynamic_templates", "_source", "_routing", "_meta"];
        mappings
            .as_object()
            .is_some_and(|map| !map.is_empty() && !map.keys().any(|key| ROOT.contains(&key.as_str())))
    }

    /// The types of an index with their mappings, from the cluster state, which has the level of types in every
    /// version. `_default_` is a template, not a type.
    #[must_use]
    pub fn types_of(&self, mappings: &Value) -> Vec<(String, Value)> {
        let types = mappings.as_object().into_iter().flatten();
        types
            .filter(|(name, _)| name.as_str() != "_default_")
            .map(|(name, mapping)| (name.clone(), mapping.clone()))
            .collect()
    }

    /// Whether a type stores the metadata field `name` (`_routing`, `_parent`), so that it may be asked for.
    ///
    /// 1.x stores both unless the mapping says otherwise (`RoutingFieldMapper`, measured).
    #[must_use]
    pub fn stores(&self, mapping: &Value, name: &str) -> bool {
        match mapping.pointer(&format!("/{name}/store")) {
            Some(Value::Bool(stored)) => *stored,
            Some(Value::String(stored)) => !matches!(stored.as_str(), "no" | "false" | "0" | "off"),
            _ => true,
        }
    }

    /// Deletes one index.
    #[must_use]
    pub fn delete_index(&self, index: &str) -> Request {
        Request { method: Method::DELETE, path: format!("/{}", encode(index)), body: None }
    }

    /// The aliases of an index with their filters and routings, which the cluster state does not tell.
    ///
    /// An index without aliases is missing in the answer of 1.7 and empty in later ones (measured).
    #[must_use]
    pub fn aliases(&self, index: &str) -> Request {
        Request::get(format!("/{}/_alias", encode(index)))
    }

    /// The warmers of an index; `None` where there are none since 5.0. Those of an index without any are missing or
    /// empty (measured on 1.7.6 and 2.4.6).
    #[must_use]
    pub fn warmers(&self, index: &str) -> Option<Request> {
        self.has_warmers.then(|| Request::get(format!("/{}/_warmer", encode(index))))
    }

    /// Every legacy index template, with the level of types in its mappings.
    #[must_use]
    pub fn templates(&self) -> Request {
        let typed = self.untyped_mappings && self.version < Version::new(8, 0, 0);
        Request::get(if typed { "/_template?include_type_name=true" } else { "/_template" })
    }

    /// Creates an index template whose mappings have the level of types exactly where this server's have.
    #[must_use]
    pub fn put_template(&self, name: &str, body: &Value) -> Request {
        Request::json(Method::PUT, format!("/_template/{}", encode(name)), body)
    }

    /// Changes settings of one index.
    #[must_use]
    pub fn put_settings(&self, index: &str, settings: &Value) -> Request {
        Request::json(Method::PUT, format!("/{}/_settings", encode(index)), &json!({"index": settings}))
    }

    /// Health of one index or of the whole cluster.
    #[must_use]
    pub fn health(&self, index: Option<&str>) -> Request {
        Request::get(
            index
                .map_or("/_cluster/health".to_owned(), |index| format!("/_cluster/health/{}", encode(index))),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::dialect::Distribution;

    #[test]
    fn unstored_routing_is_not_asked_for() {
        let source = Dialect::of(Version::new(1, 7, 6), Distribution::Elasticsearch).unwrap();
        assert!(source.stores(&json!({}), "_routing"));
        assert!(!source.stores(&json!({"_routing": {"store": false}}), "_routing"));
    }
}
