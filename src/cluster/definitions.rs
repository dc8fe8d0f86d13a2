//! What belongs to an index beside its mapping and settings, and the templates of new ones.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Cluster;
use super::failure::CallError;

impl Cluster {
    /// The aliases of an index by name, with `filter`, `index_routing` and `search_routing`.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn aliases_of(&self, index: &str) -> Result<BTreeMap<String, Value>, CallError> {
        let answer = self.ask(&self.dialect().aliases(index)).await?;
        Ok(named(answer.get(index).and_then(|described| described.get("aliases"))))
    }

    /// The warmers of an index by name; none where the server has no warmers.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn warmers_of(&self, index: &str) -> Result<BTreeMap<String, Value>, CallError> {
        let Some(request) = self.dialect().warmers(index) else { return Ok(BTreeMap::new()) };
        let answer = self.ask(&request).await?;
        Ok(named(answer.get(index).and_then(|described| described.get("warmers"))))
    }

    /// The legacy index templates by name.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn templates(&self) -> Result<BTreeMap<String, Value>, CallError> {
        let answer = self.ask(&self.dialect().templates()).await?;
        Ok(named(Some(&answer)))
    }

    /// Creates an index template, or puts it in the place of one with its name.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub async fn put_template(&self, name: &str, body: &Value) -> Result<(), CallError> {
        self.change(&self.dialect().put_template(name, body)).await
    }
}

/// The index patterns of a legacy template: `template` up to 5.x, `index_patterns` from 6.0 on.
#[must_use]
pub fn template_patterns(template: &Value) -> Vec<&str> {
    match template.get("index_patterns").or_else(|| template.get("template")) {
        Some(Value::String(pattern)) => vec![pattern],
        Some(Value::Array(patterns)) => patterns.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn named(objects: Option<&Value>) -> BTreeMap<String, Value> {
    let objects = objects.and_then(Value::as_object).into_iter().flatten();
    objects.map(|(name, object)| (name.clone(), object.clone())).collect()
}
