//! `[[migrations.NAME.transform]]`: what is done to each document on its way, one table with one key a step.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One step. `docs/transforms.md` has an example of each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransformConfig {
    /// A map with open keys becomes a list of `{ keyToValue, value }`.
    KeyValue(KeyValueConfig),
    /// A field gets another name or place.
    Rename(RenameConfig),
    /// Fields that are left out. Example `["internal", "meta.debug"]`.
    Remove(Vec<String>),
    /// A field gets a fixed value.
    Set(SetConfig),
    /// The values of a field get another JSON type.
    Convert(ConvertConfig),
    /// Objects in objects become one object with joined keys.
    Flatten(FlattenConfig),
    /// Documents that are left out, and counted.
    DropIf(DropIfConfig),
    /// A jq program; its input is the document.
    Jq(String),
}

/// `key_value = { field = "actions.tags" }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyValueConfig {
    /// Path of the map.
    pub field: String,
    /// Names of the members that each entry gets.
    #[serde(default)]
    pub into: KeyValueNames,
    /// Stands between key and value. Default `:`.
    #[serde(default = "default_separator")]
    pub separator: String,
}

/// Names of the members of a `key_value` entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyValueNames {
    /// Holds key, separator and value. Default `keyToValue`.
    pub key_value: String,
    /// Holds the value. Default `value`.
    pub value: String,
    /// Holds the key alone; allows keys in which the separator occurs. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// `rename = { from = "a.b", to = "c" }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenameConfig {
    /// Path of the field.
    pub from: String,
    /// Its new path.
    pub to: String,
}

/// `set = { field = "kind", value = "alert" }`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetConfig {
    /// Path of the field; objects that are missing on the way are made.
    pub field: String,
    /// Its value.
    pub value: Value,
    /// Leave a value alone that is there. Default `false`.
    #[serde(default)]
    pub if_absent: bool,
}

/// `convert = { field = "count", to = "long" }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConvertConfig {
    /// Path of the field.
    pub field: String,
    /// What its values become.
    pub to: ConvertTo,
    /// What happens to a value that cannot become that. Default `fail`: the document is a failure.
    #[serde(default)]
    pub on_error: OnError,
}

/// What a value becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConvertTo {
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// A number that is finite as a 32-bit float.
    Float,
    /// A number that is finite as a 64-bit float.
    Double,
    /// `true` or `false`, read as 1.x reads them.
    Boolean,
    /// A string.
    String,
    /// An ISO 8601 date; numbers are milliseconds since 1970.
    Date,
}

/// What happens to a value that cannot be converted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnError {
    /// The document is a failure.
    #[default]
    Fail,
    /// It becomes `null`.
    Null,
    /// It stays as it is.
    Keep,
    /// The field, or the element of an array, is left out.
    Remove,
}

/// `flatten = { field = "labels", separator = "_" }`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlattenConfig {
    /// Path of the object.
    pub field: String,
    /// Stands between the joined keys. Default `.`.
    #[serde(default = "default_flatten_separator")]
    pub separator: String,
    /// The path that the flat object gets. Default: where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
}

/// `drop_if = { field = "status", equals = "test" }`; exactly one of the conditions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DropIfConfig {
    /// Path of the field.
    pub field: String,
    /// Drops what has this value; in an array, any element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// Drops what has one of these values.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub any_of: Option<Vec<Value>>,
    /// `true` drops what has the field, `false` what lacks it; `null` and `[]` count as lacking it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
}

impl Default for KeyValueNames {
    fn default() -> Self {
        KeyValueNames { key_value: "keyToValue".to_owned(), value: "value".to_owned(), key: None }
    }
}

impl TransformConfig {
    /// The key that the step is written under.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            TransformConfig::KeyValue(_) => "key_value",
            TransformConfig::Rename(_) => "rename",
            TransformConfig::Remove(_) => "remove",
            TransformConfig::Set(_) => "set",
            TransformConfig::Convert(_) => "convert",
            TransformConfig::Flatten(_) => "flatten",
            TransformConfig::DropIf(_) => "drop_if",
            TransformConfig::Jq(_) => "jq",
        }
    }
}

impl ConvertTo {
    /// As it is written in the file, which is also the field type of the target.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ConvertTo::Integer => "integer",
            ConvertTo::Long => "long",
            ConvertTo::Float => "float",
            ConvertTo::Double => "double",
            ConvertTo::Boolean => "boolean",
            ConvertTo::String => "string",
            ConvertTo::Date => "date",
        }
    }
}

fn default_separator() -> String {
    ":".to_owned()
}

fn default_flatten_separator() -> String {
    ".".to_owned()
}
