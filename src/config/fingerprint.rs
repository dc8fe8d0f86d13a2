//! The part of a migration's configuration that its plan and its written documents depend on.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{MigrationConfig, Schema};

/// Keys and values that must not change while a migration is under way. Holds no credentials and no URLs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(pub BTreeMap<String, String>);

/// Stands for a key that one of the two sides lacks.
const ABSENT: &str = "(absent)";

impl Fingerprint {
    /// Every key whose value differs: `(key, stored, now)`.
    #[must_use]
    pub fn drift(&self, stored: &BTreeMap<String, String>) -> Vec<(String, String, String)> {
        let mut keys: Vec<&String> = self.0.keys().chain(stored.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let value = |side: &BTreeMap<String, String>, key: &String| {
            side.get(key).cloned().unwrap_or_else(|| ABSENT.to_owned())
        };
        keys.into_iter()
            .filter(|key| self.0.get(*key) != stored.get(*key))
            .map(|key| (key.clone(), value(stored, key), value(&self.0, key)))
            .collect()
    }
}

impl MigrationConfig {
    /// The fingerprint of this configuration. A schema file goes in by its content, not by its name.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut keys = BTreeMap::new();
        let mut put = |key: &str, value: String| keys.insert(key.to_owned(), value);
        put("from.cluster", self.from.cluster.clone());
        put("from.indices", self.from.indices.join(","));
        if let Some(query) = &self.from.query {
            put("from.query", sorted(query).to_string());
        }
        put("to.cluster", self.to.cluster.clone());
        put("to.index", self.to.index.clone());
        if !self.to.others.is_empty() {
            put("to.others", self.to.others.join(","));
        }
        put("types", self.types.to_string());
        put(
            "schema",
            match &self.schema {
                Schema::File(path) => format!("file {}", content_hash(path)),
                other => other.to_string(),
            },
        );
        if !self.transform.is_empty() {
            let steps = serde_json::to_value(&self.transform);
            put(
                "transform",
                steps.map_or_else(|error| error.to_string(), |steps| sorted(&steps).to_string()),
            );
        }
        put("slice.strategy", self.slice.strategy.as_str().to_owned());
        put("slice.docs", self.slice.docs.to_string());
        if let Some(field) = &self.slice.field {
            put("slice.field", field.clone());
        }
        put("write.mode", self.write.mode.as_str().to_owned());
        if let Some(pipeline) = &self.write.pipeline {
            put("write.pipeline", pipeline.clone());
        }
        if let Some(kafka) = &self.changes.kafka {
            put("changes.kafka.topic", kafka.topic.clone());
            put("changes.kafka.from", kafka.from.as_str().to_owned());
            put("changes.kafka.then", kafka.then.as_str().to_owned());
            if let Some(version) = kafka.version {
                put("changes.kafka.version", version.as_str().to_owned());
            }
            if let Some(group) = &kafka.group {
                put("changes.kafka.group", group.clone());
            }
        }
        if self.changes.reconcile.is_some() {
            put("changes.reconcile", "on".to_owned());
        }
        Fingerprint(keys)
    }
}

fn content_hash(path: &Path) -> String {
    match std::fs::read(path) {
        Ok(content) => {
            let digest = Sha256::digest(&content);
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("sha256:{hex}")
        }
        Err(error) => format!("unreadable: {error}"),
    }
}

/// The same value with its keys in order: moving a line in the file is no drift.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let ordered: BTreeMap<&String, &Value> = object.iter().collect();
            Value::Object(ordered.into_iter().map(|(key, inner)| (key.clone(), sorted(inner))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        other => other.clone(),
    }
}
