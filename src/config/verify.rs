//! How it is proven that everything arrived.

use serde::{Deserialize, Serialize};

/// The proof at the end of the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VerifyConfig {
    /// What is compared once the changes have caught up, before the migration is ready: `count` (default: both sides are
    /// counted) | `ids` (every id, with routing and version) | `content` (every document, too). `esferry verify` compares
    /// at this level, too, where it is told no other.
    pub level: VerifyLevel,
}

/// What a verification compares.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub enum VerifyLevel {
    /// Documents are counted
    #[default]
    Count,
    /// Every id, with routing and version
    Ids,
    /// Every document
    Content,
}

impl std::fmt::Display for VerifyLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            VerifyLevel::Count => "count",
            VerifyLevel::Ids => "ids",
            VerifyLevel::Content => "content",
        })
    }
}
